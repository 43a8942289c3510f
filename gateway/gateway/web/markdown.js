// A small part of Markdown as DOM nodes: paragraphs, headings, lists, code, emphasis, links to the web.
// What it does not know stays as it was written. No HTML is ever parsed, so no text can bring any.
import { element } from "./elements.js";

const INLINE = /`([^`]+)`|\*\*([^*]+)\*\*|\*([^*\s][^*]*)\*|\[([^\]]+)\]\((https?:\/\/[^\s)]+)\)/g;
const BULLET = /^\s*[-*•]\s+/;
const NUMBER = /^\s*\d+[.)]\s+/;
const FENCE = /^\s*```/;
const HEADING = /^#{1,6}\s+/;

/** Returns the nodes of a text. */
export function render(text) {
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  const blocks = [];
  for (let at = 0; at < lines.length; ) {
    const [block, next] = readBlock(lines, at);
    if (block) blocks.push(block);
    at = next;
  }
  return blocks;
}

function readBlock(lines, at) {
  const line = lines[at];
  if (!line.trim()) return [undefined, at + 1];
  if (FENCE.test(line)) return readCode(lines, at + 1);
  if (HEADING.test(line)) return [element("h3", {}, ...inline(line.replace(HEADING, ""))), at + 1];
  if (BULLET.test(line)) return readList("ul", BULLET, lines, at);
  if (NUMBER.test(line)) return readList("ol", NUMBER, lines, at);
  return readParagraph(lines, at);
}

function readCode(lines, at) {
  let end = at;
  while (end < lines.length && !FENCE.test(lines[end])) end += 1;
  const code = element("code", {}, lines.slice(at, end).join("\n"));
  return [element("pre", { tabindex: "0" }, code), end + 1];
}

function readList(name, mark, lines, at) {
  const items = [];
  let end = at;
  for (; end < lines.length && mark.test(lines[end]); end += 1) {
    items.push(element("li", {}, ...inline(lines[end].replace(mark, ""))));
  }
  return [element(name, {}, ...items), end];
}

function readParagraph(lines, at) {
  const children = [];
  let end = at;
  for (; end < lines.length && lines[end].trim() && (end === at || !startsBlock(lines[end])); end += 1) {
    if (end > at) children.push(element("br"));
    children.push(...inline(lines[end]));
  }
  return [element("p", {}, ...children), end];
}

function startsBlock(line) {
  return [FENCE, HEADING, BULLET, NUMBER].some((mark) => mark.test(line));
}

function inline(text) {
  const nodes = [];
  let from = 0;
  for (const match of text.matchAll(INLINE)) {
    nodes.push(text.slice(from, match.index), inlineNode(match));
    from = match.index + match[0].length;
  }
  nodes.push(text.slice(from));
  return nodes.filter((node) => node !== "");
}

function inlineNode([, code, strong, emphasis, label, address]) {
  if (code) return element("code", {}, code);
  if (strong) return element("strong", {}, strong);
  if (emphasis) return element("em", {}, emphasis);
  return element("a", { href: address, rel: "noopener noreferrer nofollow", target: "_blank" }, label);
}
