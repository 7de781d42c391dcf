// Books a table over HTTP, follows the feed, and checks the chain of ids.
//
// node book-and-follow.js URL KEY
//
// reservation.ts is generated from the OpenAPI document of the service.
import type { components, operations } from "./reservation.js";

declare const process: { argv: string[] };

type Booked = components["schemas"]["ReservationView"];
type CreateReservation = components["schemas"]["CreateReservation"];
type FeedQuery = NonNullable<operations["readEvents"]["parameters"]["query"]>;

/** The part of an event that this program reads; its other members are in AsyncAPI. */
interface StoredEvent {
  id: string;
  subject: string;
  causationid?: string;
}

const [url, key] = process.argv.slice(2);
if (!url || !key) {
  throw new Error("usage: book-and-follow.js URL KEY");
}
const authorization = `Bearer ${key}`;

/** Books a table for two on an evening in a week, twice with the same Idempotency-Key: it is one booking. */
async function book(): Promise<Booked> {
  const day = new Date(Date.now() + 7 * 86_400_000).toISOString().slice(0, 10);
  const body: CreateReservation = {
    customer_id: "cust-42",
    contact_info: { name: "Sari Wulandari", phone: "+62 812 3456 7890", email: "sari@example.com" },
    // Without an offset it is local time of the restaurant.
    start_time: `${day}T19:30`,
    party_size: 2,
    // The guest of the sample may have another booking at that time; a key can allow it.
    allow_duplicate: true,
  };
  const headers = { authorization, "content-type": "application/json", "idempotency-key": crypto.randomUUID() };
  const send = async (): Promise<Booked> => {
    const response = await fetch(`${url}/api/reservations`, { method: "POST", headers, body: JSON.stringify(body) });
    if (!response.ok) {
      throw new Error(`${response.status} ${await response.text()}`);
    }
    return (await response.json()) as Booked;
  };
  const [first, again] = [await send(), await send()];
  if (first.reservation_id !== again.reservation_id) {
    throw new Error("a repeated request has another outcome");
  }
  return first;
}

/** A page of the feed after `lastEventId`; waits up to ten seconds for an event. */
async function page(lastEventId: string | undefined): Promise<StoredEvent[]> {
  const query: FeedQuery = { limit: 1000, timeout: 10_000, ...(lastEventId ? { lastEventId } : {}) };
  const text = new URLSearchParams(Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]));
  const response = await fetch(`${url}/events?${text}`, { headers: { authorization } });
  if (!response.ok) {
    throw new Error(`${response.status} ${await response.text()}`);
  }
  return (await response.json()) as StoredEvent[];
}

/** Checks every event up to the first one of the reservation, and returns how many there were. */
async function follow(reservationId: string): Promise<number> {
  const seen = new Set<string>();
  let last: string | undefined;
  for (let pages = 0; pages < 1000; pages += 1) {
    for (const event of await page(last)) {
      const position = Number(event.id.split("-")[0]);
      if (position !== seen.size + 1) {
        throw new Error(`position ${position} follows ${seen.size}`);
      }
      if (event.causationid !== undefined && !seen.has(event.causationid)) {
        throw new Error(`${event.id} has the cause ${event.causationid}, which is not before it`);
      }
      seen.add(event.id);
      last = event.id;
      if (event.subject.includes(reservationId)) {
        return seen.size;
      }
    }
  }
  throw new Error("the feed does not contain the booking");
}

const booked = await book();
const count = await follow(booked.reservation_id);
console.log(`booked ${booked.code}, ${count} events follow each other without a gap`);
