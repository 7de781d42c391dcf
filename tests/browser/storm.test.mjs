// Many guests follow the pages with a small HTTP client while the services are killed at random. No booking is lost or doubled,
// no table has two parties, and every guest ends on a page that tells the truth.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Meja, inDays, sleep, until } from "./meja.mjs";

const GUESTS = Number(process.env.MEJA_GUESTS ?? 40);
const KILLS = Number(process.env.MEJA_KILLS ?? 10);
// Milliseconds from one kill to the next, about: the guests arrive during all kills.
const KILL_MS = 600;
// Milliseconds for a guest to reach the last page.
const PATIENCE_MS = 120_000;

let meja;
before(async () => {
  meja = await new Meja().start();
});
after(() => meja?.end());

const unescape = (text) => text.replaceAll("&#x2f;", "/").replaceAll("&amp;", "&").replaceAll("&#x27;", "'").replaceAll("&quot;", '"');

// A client that keeps cookies, follows redirects, and repeats what was not answered.
class Client {
  cookies = new Map();

  async request(path, body) {
    const headers = { accept: "text/html", "accept-language": "en" };
    if (this.cookies.size) headers.cookie = [...this.cookies].map((pair) => pair.join("=")).join("; ");
    if (body) headers["content-type"] = "application/x-www-form-urlencoded";
    const answer = await fetch(meja.url + path, {
      method: body ? "POST" : "GET", headers, body: body && String(body), redirect: "manual", signal: AbortSignal.timeout(20_000),
    });
    for (const cookie of answer.headers.getSetCookie()) {
      const [name, ...value] = cookie.split(";")[0].split("=");
      this.cookies.set(name, value.join("="));
    }
    const text = await answer.text();
    const location = answer.headers.get("location");
    return location ? this.request(location) : { path, status: answer.status, text };
  }

  // Sends the same request again until a page answers that is no failure.
  async patiently(path, body) {
    const end = Date.now() + PATIENCE_MS;
    for (;;) {
      const page = await this.request(path, body).catch(() => null);
      if (page && page.status < 500) return page;
      if (Date.now() > end) throw new Error(`no answer to ${path}: ${page?.status} ${page?.text.slice(0, 500)}`);
      await sleep(100 + Math.random() * 200);
    }
  }
}

// One guest, from the page of the venue to the end. Returns what the last page says.
async function follow(number) {
  const client = new Client();
  const day = 2 + (number % 25);
  const party = 1 + (number % 3);
  const venue = await client.patiently(`/v/kedai-kecil?date=${inDays(day)}&party=${party}`);
  const slots = [...venue.text.matchAll(/href="(\/v\/kedai-kecil\/book[^"]+)"/g)].map(([, url]) => unescape(url));
  if (!slots.length) return { number, end: "full" };
  const form = await client.patiently(slots[Math.floor(Math.random() * slots.length)]);
  const fields = new URLSearchParams();
  for (const [, name, value] of form.text.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)) fields.set(name, unescape(value));
  fields.set("name", `Guest ${number}`);
  fields.set("phone", `0812 34${String(100_000 + number)}`);
  fields.set("email", `guest-${number}@example.com`);
  const end = await client.patiently("/v/kedai-kecil/book", fields);
  if (!end.path.startsWith("/r/")) {
    assert.match(end.text, /Not booked|Please correct/, `an end that says nothing: ${end.status} ${end.path}`);
    return { number, end: "refused" };
  }
  // The page of the booking, once more after a while.
  await sleep(Math.random() * 500);
  const page = await client.patiently(end.path.split("?")[0]);
  assert.match(page.text, new RegExp(`Guest ${number}\\b`), "the page shows the booking of the guest");
  return { number, end: "booked", id: end.path.slice(3, 39) };
}

test(`${GUESTS} guests, and ${KILLS} kills at random`, { timeout: 600_000 }, async () => {
  let over = false;
  let kills = 0;
  const killer = (async () => {
    const names = ["gateway", "reservation", "notifier"];
    while (!over && kills < KILLS) {
      const name = names[kills % names.length];
      await sleep(100 + Math.random() * 400);
      await meja.stop(name);
      kills += 1;
      await sleep(Math.random() * 300);
      await meja.start(name);
    }
  })();
  const ends = await Promise.all(Array.from({ length: GUESTS }, async (_, number) => {
    await sleep((number * KILLS * KILL_MS) / GUESTS);
    return follow(number);
  }));
  over = true;
  await killer;
  assert.ok(kills > 0, "nothing was killed");
  const count = (end) => ends.filter((guest) => guest.end === end).length;
  console.log(`${kills} kills; ${count("booked")} booked, ${count("refused")} refused, ${count("full")} found nothing`);
  assert.ok(count("booked") > 0, "nobody booked");

  const held = [];
  let cursor = "";
  do {
    const page = await meja.api(`/api/reservations?venue_id=kedai-kecil&limit=100${cursor && `&cursor=${cursor}`}`);
    held.push(...page.body.items);
    cursor = page.body.next_cursor ?? "";
  } while (cursor);
  const booked = new Set(ends.filter((guest) => guest.end === "booked").map((guest) => guest.id));
  const live = held.filter((item) => ["PENDING", "CONFIRMED"].includes(item.status));
  assert.deepEqual(new Set(live.map((item) => item.reservation_id)), booked, "each booking is on the page of one guest, and each guest who was told so has one");
  assert.equal(live.length, booked.size, "no guest has two bookings");
  const taken = live.flatMap((item) => item.tables.map((table) => ({ table: table.table_id, from: Date.parse(item.start_time), to: Date.parse(item.end_time) })));
  for (const [i, one] of taken.entries()) {
    for (const two of taken.slice(i + 1)) {
      assert.ok(one.table !== two.table || one.to <= two.from || two.to <= one.from, `table ${one.table} has two parties`);
    }
  }
  // Each guest gets a mail about the booking, although the notifier was killed too.
  for (const { number } of ends.filter((guest) => guest.end === "booked")) {
    await until(`the mail to guest ${number}`, () => meja.mails(`guest-${number}@example.com`).length > 0, 60);
  }
});
