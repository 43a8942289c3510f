// A task that an answer began: how far it is, and what it made.
import { element } from "./elements.js";

/** Returns a node that follows the task until it is over and then shows its files. */
export function follow(task) {
  const status = element("p", { role: "status" }, "Waiting for a worker …");
  const node = element("div", { class: "making" }, status);
  const events = new EventSource(task.events_url);
  events.addEventListener("state", (event) => {
    status.textContent = progress(JSON.parse(event.data));
  });
  events.addEventListener("done", (event) => {
    events.close();
    node.replaceChildren(...outcome(JSON.parse(event.data)));
    node.scrollIntoView({ block: "nearest" });
  });
  events.addEventListener("error", () => {
    // A connection that broke is made again by the browser; one that was refused is not.
    if (events.readyState === EventSource.CLOSED) status.textContent = "Its progress cannot be followed now.";
  });
  return node;
}

function progress({ state, stage, progress_percent, position }) {
  if (state === "queued") return position ? `Waiting: ${position} ahead of it.` : "Waiting for a worker …";
  return `${stage || "Working"} … ${Math.round(progress_percent)} %`;
}

function outcome({ state, error, artifacts, parameters }) {
  if (state !== "succeeded") {
    return [element("p", {}, state === "cancelled" ? "It was stopped." : `It failed: ${error}`)];
  }
  return artifacts.map((file) => shown(file, parameters.prompt || "what was made"));
}

function shown({ name, media_type, url }, title) {
  if (media_type.startsWith("image/")) {
    return element("a", { href: url }, element("img", { src: url, alt: title, width: 512, height: 512 }));
  }
  if (media_type === "audio/wav") return element("audio", { src: url, controls: "", preload: "metadata" });
  return element("p", {}, element("a", { href: url, download: name }, name));
}
