// Checks an AsyncAPI document in a file, and that the checker finds a fault: asyncapi.mjs FILE
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const text = readFileSync(process.argv[2], "utf8");

async function faults(source) {
  const { document, diagnostics } = await new Parser().parse(source);
  return { document, faults: diagnostics.filter((found) => found.severity === 0) };
}

const { document, faults: found } = await faults(text);
if (found.length > 0) throw new Error(JSON.stringify(found.slice(0, 5), null, 1));
const messages = document.messages().all();
for (const message of messages) {
  if (!message.payload()) throw new Error(`${message.id()} has no payload`);
}
// Positive control: an operation on a channel that does not exist.
const broken = JSON.parse(text);
broken.operations.sendEvents.channel.$ref = "#/channels/nowhere";
if ((await faults(JSON.stringify(broken))).faults.length === 0) throw new Error("a broken document is accepted");
console.log(messages.length);
