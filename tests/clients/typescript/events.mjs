// Reads a page of the feed with the official SDK of CloudEvents: events.mjs RESERVATION_URL KEY
import { HTTP } from "cloudevents";

const [url, key] = process.argv.slice(2);
const response = await fetch(`${url}/events?limit=1000`, { headers: { Authorization: `Bearer ${key}` } });
const headers = Object.fromEntries(response.headers);
const events = HTTP.toEvent({ headers, body: await response.text() });
if (!Array.isArray(events) || events.length === 0) throw new Error("there are no events");
for (const event of events) {
  event.validate();
  if (event.dataschema !== `urn:meja:schema:${event.type}`) throw new Error(`${event.dataschema} of ${event.type}`);
  if (typeof event.data !== "object") throw new Error(`the data of ${event.id} is not an object`);
}
console.log(events.length);
