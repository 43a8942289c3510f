// What a program does with OpenAI's own client: node session.mjs BASE_URL KEY; prints what it saw as one JSON object.
import OpenAI from "openai";

const [baseURL, apiKey] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 1 });
const messages = [
  { role: "system", content: "Be brief." },
  { role: "user", content: [{ type: "text", text: "What is TCP?" }] },
];

const models = [];
for await (const model of client.models.list()) models.push(model.id);

const whole = await client.chat.completions.create({ model: "mcai", messages });

let streamed = "";
let role = null;
let usage = null;
let finish = null;
const stream = await client.chat.completions.create({
  model: "mcai",
  messages,
  stream: true,
  stream_options: { include_usage: true },
});
for await (const chunk of stream) {
  role ??= chunk.choices[0]?.delta.role;
  streamed += chunk.choices[0]?.delta.content ?? "";
  finish = chunk.choices[0]?.finish_reason ?? finish;
  usage = chunk.usage ?? usage;
}

const refusals = {};
for (const [name, parameters] of Object.entries({
  n: { n: 2 },
  tools: { tools: [{ type: "function", function: { name: "f", parameters: {} } }] },
  model: { model: "gpt-5" },
})) {
  try {
    await client.chat.completions.create({ model: "mcai", messages, ...parameters });
  } catch (error) {
    refusals[name] = { status: error.status, code: error.code, param: error.param, kind: error.constructor.name };
  }
}

let unauthenticated = null;
try {
  await new OpenAI({ baseURL, apiKey: "mcai_wrong", maxRetries: 0 }).models.list();
} catch (error) {
  unauthenticated = error.constructor.name;
}

console.log(
  JSON.stringify({
    models,
    text: whole.choices[0].message.content,
    source: whole.mcai.sources[0]?.prompt ?? null,
    total_tokens: whole.usage.total_tokens,
    streamed,
    role,
    usage,
    finish,
    refusals,
    unauthenticated,
  }),
);
