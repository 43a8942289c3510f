// Building the page out of nodes: text goes in as text, never as HTML.

/** Returns an element with attributes and children; a child is a node or a string. */
export function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined) node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child !== undefined && child !== ""));
  return node;
}

/** Returns a row of buttons that ask the given questions. */
export function questionButtons(questions, ask) {
  return questions.map((question) => {
    const button = element("button", { type: "button" }, question);
    button.addEventListener("click", () => ask(question));
    return button;
  });
}
