// The calls of the page: the chat as server-sent events, the readiness as JSON.

/** An answer that says why there is none; `message` is a sentence for the person. */
export class Problem extends Error {}

/** Asks a question; yields [name, data] for each event of the answer. */
export async function* ask(question) {
  const response = await fetch("/api/chat", {
    method: "POST",
    headers: { "content-type": "application/json", accept: "text/event-stream" },
    body: JSON.stringify(question),
  }).catch(() => {
    throw new Problem("The gateway does not answer. Is it running?");
  });
  if (!response.ok) throw await problem(response);
  yield* events(response.body);
}

/** Returns {status, degraded}; a gateway that does not answer is "unreachable". */
export async function readiness() {
  try {
    const response = await fetch("/readyz");
    return await response.json();
  } catch {
    return { status: "unreachable", degraded: [] };
  }
}

async function problem(response) {
  const body = await response.json().catch(() => ({}));
  return new Problem(body.detail ?? `The gateway answered ${response.status}.`);
}

async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const pieces = (rest + value).split("\n\n");
    rest = pieces.pop();
    for (const piece of pieces) {
      const event = parse(piece);
      if (event) yield event;
    }
  }
}

function parse(piece) {
  let name = "message";
  let data;
  for (const line of piece.split("\n")) {
    if (line.startsWith("event: ")) name = line.slice("event: ".length);
    if (line.startsWith("data: ")) data = line.slice("data: ".length);
  }
  return data === undefined ? undefined : [name, JSON.parse(data)];
}
