// The chat page: a question in, an answer with its sources out.
import { ask, Problem, readiness } from "./api.js";
import { element, questionButtons } from "./elements.js";
import { follow } from "./making.js";
import { render } from "./markdown.js";

const OPENERS = ["What can you do?", "What is cymatics?", "What is a database index?"];
const HISTORY_TURNS = 20;
const HEALTH_EVERY_MS = 15_000;

const log = document.querySelector("#log");
const form = document.querySelector("#ask");
const field = document.querySelector("#message");
const button = document.querySelector("#send");
const said = [];

/** Asks a question and shows what comes back. */
async function put(question) {
  if (button.disabled) return;
  busy(true);
  document.querySelector("#welcome").hidden = true;
  const reply = addTurn(question);
  try {
    await receive(question, reply);
  } catch (error) {
    fail(reply, error);
  } finally {
    busy(false);
    reply.removeAttribute("aria-busy");
    reply.scrollIntoView({ block: "nearest" });
    showHealth();
  }
}

async function receive(question, reply) {
  const text = reply.querySelector(".text");
  let answer = "";
  for await (const [name, data] of ask({ message: question, conversation_history: said })) {
    if (name === "delta") {
      answer += data.text;
      reply.classList.remove("waiting");
      text.replaceChildren(...render(answer));
    } else if (name === "done") {
      finish(reply, question, data);
      return;
    } else if (name === "error") {
      throw new Problem(data.detail);
    }
  }
  throw new Problem("The answer broke off. Please ask again.");
}

function finish(reply, question, { response, metadata }) {
  reply.classList.remove("waiting");
  reply.querySelector(".text").replaceChildren(...render(response));
  if (metadata.sources.length) reply.append(sources(metadata.sources));
  if (metadata.suggestions.length) {
    reply.append(element("div", { class: "suggestions" }, ...questionButtons(metadata.suggestions, put)));
  }
  if (metadata.task) reply.append(follow(metadata.task));
  reply.append(facts(metadata));
  said.push({ role: "user", content: question }, { role: "assistant", content: response });
  said.splice(0, Math.max(0, said.length - HISTORY_TURNS));
}

function fail(reply, error) {
  reply.classList.remove("waiting");
  reply.classList.add("failed");
  const sentence = error instanceof Problem ? error.message : "Something went wrong on this page.";
  reply.querySelector(".text").replaceChildren(element("p", {}, sentence));
  if (!(error instanceof Problem)) console.error(error);
}

function addTurn(question) {
  const reply = element(
    "div",
    { class: "reply waiting", "aria-busy": "true" },
    element("div", { class: "text" }, element("p", {}, "Looking it up …")),
  );
  const mine = element("p", { class: "mine" }, element("span", { class: "hidden" }, "You asked: "), question);
  const turn = element("li", { class: "turn" }, mine, reply);
  log.append(turn);
  turn.scrollIntoView({ block: "end" });
  return reply;
}

function sources(list) {
  const items = list.map((source) =>
    element(
      "li",
      {},
      source.prompt,
      element("span", { class: "where" }, ` (${source.domain}, ${Math.round(source.confidence * 100)} % sure)`),
    ),
  );
  const count = list.length === 1 ? "1 source" : `${list.length} sources`;
  return element("details", { class: "sources" }, element("summary", {}, count), element("ol", {}, ...items));
}

function facts({ elapsed_ms, cache, degraded }) {
  const from = cache.hit ? `from the cache (${cache.tier})` : undefined;
  return element(
    "p",
    { class: "facts" },
    element("span", {}, `${elapsed_ms.toFixed(elapsed_ms < 10 ? 1 : 0)} ms`),
    ...(from ? [element("span", {}, from)] : []),
    ...(degraded.length ? [element("span", { class: "badge" }, `without ${degraded.join(", ")}`)] : []),
  );
}

async function showHealth() {
  const { status, degraded } = await readiness();
  const line = document.querySelector("#health");
  const well = status === "ok";
  const told = well ? "all well" : degraded.length ? `${status}: without ${degraded.join(", ")}` : status;
  // A status region is read out when it changes, so it is only touched then.
  if (line.textContent !== told) line.textContent = told;
  line.classList.toggle("degraded", !well);
}

function busy(yes) {
  button.disabled = yes;
  if (!yes) field.focus();
}

function fit() {
  field.rows = Math.min(8, field.value.split("\n").length);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const question = field.value.trim();
  if (!question || button.disabled) return;
  field.value = "";
  fit();
  put(question);
});
field.addEventListener("input", fit);
field.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    form.requestSubmit();
  }
});
document.querySelector("#openers").append(...questionButtons(OPENERS, put));
showHealth();
setInterval(showHealth, HEALTH_EVERY_MS);
