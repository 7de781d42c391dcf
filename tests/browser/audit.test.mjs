// The audit: the timeline of a booking and its past, the log, the money, and what a key may not read.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { accessible, guest, launch, leave, picture } from "./browser.mjs";
import { Meja, until } from "./meja.mjs";
import { booked, close, command, evening } from "./staff.mjs";

const VENUE = "warung-malam";
const table = (n) => `T${String(n).padStart(2, "0")}`;
const TABLES = Array.from({ length: 40 }, (_, n) => ({ id: table(n + 1), area: "Teras", seats: 2 }));
let house;
let meja;
let browser;
let mails;
before(async () => {
  mails = await mailServer();
  house = evening([...TABLES, { id: "G1", area: "Dalam", seats: 6 }]);
  const more = { RESERVATION_VENUES: house.dir, NOTIFIER_MAIL: `smtp://127.0.0.1:${mails.port}`, NOTIFIER_SMS: "off" };
  meja = await new Meja(more).start();
  browser = await launch();
});
after(async () => {
  await close({ house, meja, browser });
  mails?.server.close();
});

// A mail server that refuses one recipient for good, until it is told to accept all.
async function mailServer() {
  const state = { refused: /refused@/, accepted: 0, port: 0, server: null };
  state.server = createServer((socket) => {
    let isData = false;
    let rest = "";
    const say = (line) => socket.write(`${line}\r\n`);
    say("220 mail.test ESMTP");
    socket.on("error", () => undefined);
    socket.on("data", (bytes) => {
      rest += bytes;
      for (let end = rest.indexOf("\r\n"); end >= 0; end = rest.indexOf("\r\n")) {
        const line = rest.slice(0, end);
        rest = rest.slice(end + 2);
        if (isData) {
          if (line !== ".") continue;
          isData = false;
          state.accepted += 1;
          say("250 taken");
        } else if (/^(EHLO|HELO)/.test(line)) say("250 mail.test");
        else if (/^RCPT/.test(line)) say(state.refused.test(line) ? "550 no such mailbox" : "250 ok");
        else if (/^DATA/.test(line)) { isData = true; say("354 go on"); }
        else if (/^QUIT/.test(line)) { say("221 bye"); socket.end(); }
        else say("250 ok");
      }
    });
  });
  await new Promise((done) => state.server.listen(0, "127.0.0.1", done));
  state.port = state.server.address().port;
  return state;
}

// A browser at a page of the audit, with a key.
async function audit(path, key = meja.owner.Authorization.replace("Bearer ", "")) {
  const visit = await guest(browser, meja, { viewport: { width: 1280, height: 900 } });
  await visit.page.goto(`${meja.url}/audit`);
  await visit.page.evaluate((value) => sessionStorage.setItem("meja.audit.key", value), key);
  await visit.page.goto(`${meja.url}${path}`);
  return visit;
}

const owner = (path) => meja.api(path).then(({ body }) => body);

// A booking with so many events: its tables change.
async function moved(events, more, known) {
  const id = known ?? (await booked(meja, VENUE, house.slot(90), more)).reservation_id;
  const count = async () => (await owner(`/api/reservations/${id}/history?limit=1000`)).entries.length;
  for (let n = 1; (await count()) < events; n++) await command(meja, id, "assign-table", { table_id: table(10 + (n % 30)) });
  return id;
}

test("the slider shows a booking as the replay of the log has it, at each of thirty events", async () => {
  const id = await moved(15, { name: "Sari Wulandari", allergies: "kacang tanah" });
  // The rules change in the middle.
  const rules = await owner(`/api/venues/${VENUE}/rules`);
  const changed = { ...rules, name: "Warung Siang" };
  const put = await fetch(`${meja.reservation}/api/venues/${VENUE}/rules`, {
    method: "PUT", headers: { ...meja.owner, "content-type": "application/json" }, body: JSON.stringify(changed),
  });
  assert.equal(put.status, 200, await put.text());
  const { head: changedAt } = await owner("/api/audit/events?limit=1");
  await moved(30, {}, id);
  const { entries } = await owner(`/api/reservations/${id}/history?limit=1000`);
  const visit = await audit(`/audit/r/${id}`);
  const { page } = visit;
  await page.getByRole("heading", { name: "Timeline" }).waitFor();
  await accessible(page, "the audit of a booking");
  await picture(page, "audit-booking", false);
  const slider = page.locator("input[type=range]");
  for (const [index, entry] of entries.entries()) {
    await slider.fill(String(index));
    await page.getByRole("heading", { name: `The booking after position ${entry.position}`, exact: true }).waitFor();
    const rows = await page.locator("[data-member]").evaluateAll((all) => all.map((row) => [row.dataset.member, row.querySelector("td").textContent]));
    const shown = Object.fromEntries(rows);
    const printed = execFileSync(join(process.env.MEJA_BIN, "reservation"), ["log", "replay", "--from", meja.reservation, "--credential-file",
      join(meja.dir, "secrets/owner.header"), "--until", String(entry.position), "--reservation", id, "--json"], { encoding: "utf8" });
    const replayed = JSON.parse(printed.trim());
    for (const [name, value] of Object.entries(replayed)) {
      if (value === null || value === "" || (Array.isArray(value) && value.length === 0)) assert.equal(shown[name], undefined, `${name} at ${entry.position}`);
      else assert.deepEqual(typeof value === "object" ? JSON.parse(shown[name]) : shown[name], typeof value === "object" ? value : String(value), `${name} at ${entry.position}`);
    }
    const document = JSON.parse(await page.locator("section[aria-labelledby=rules-then] pre").textContent());
    assert.equal(document.name, entry.position < changedAt ? "Warung Malam" : "Warung Siang");
    // The floor of then has the booking at the tables of then.
    const here = await page.locator("[data-table]", { has: page.locator(".own") }).evaluateAll((all) => all.map((row) => row.dataset.table));
    assert.deepEqual(here, replayed.tables.map(({ table_id: table }) => table), `the floor at ${entry.position}`);
  }
  // The bytes are those of the log.
  const last = entries.at(-1);
  const item = page.locator(`#p${last.position}`);
  await item.getByText("Stored bytes").click();
  const feed = await fetch(`${meja.reservation}/events?subject=reservation/${id}&limit=1000`, { headers: meja.owner });
  assert.ok((await feed.text()).includes(await item.locator("pre").textContent()));
  // Why a time is refused is explained as of the position of the slider.
  await page.getByLabel("Guests").fill("9");
  await page.getByRole("button", { name: "Explain", exact: true }).click();
  await page.getByText("The party is larger than the largest table").waitFor();
  // After midnight it is still the evening before.
  const night = new Date(house.slot(0));
  const hours = new Intl.DateTimeFormat("en-GB", { timeZone: house.zone, hour: "2-digit", hourCycle: "h23" }).format(night);
  const midnight = new Date(night.getTime() + (24 - Number(hours)) * 3_600_000);
  const day = new Intl.DateTimeFormat("en-CA", { timeZone: house.zone, dateStyle: "short" }).format(midnight);
  await page.getByLabel("Time", { exact: true }).fill(`${day}T00:30`);
  await page.getByLabel("Guests").fill("2");
  await page.getByRole("button", { name: "Explain", exact: true }).click();
  await page.getByText(/^It was free: T01/).waitFor();
  await page.getByRole("link", { name: last.correlation_id }).first().click();
  await page.locator(".event").first().waitFor();
  await leave(visit);
});

test("the log is followed live, paused, filtered, and read from any position", async () => {
  const ids = await Promise.all(Array.from({ length: 8 }, (_, n) => booked(meja, VENUE, house.slot(200), { name: `Live ${n}` })));
  const visit = await audit("/audit/log");
  const { page } = visit;
  await page.locator(".connection", { hasText: "Live" }).waitFor();
  await page.locator(".event").first().waitFor();
  await accessible(page, "the log");
  await picture(page, "audit-log");
  // Several hundred events each second: two for every change of a table.
  const started = Date.now();
  const begun = (await owner("/api/audit/events?limit=1")).head;
  let most = 0;
  let isOver = false;
  const watched = (async () => {
    while (!isOver) {
      most = Math.max(most, await page.locator(".log li").count());
      await new Promise((done) => setTimeout(done, 50));
    }
  })();
  await Promise.all(ids.map(async ({ reservation_id: id }, n) => {
    for (let turn = 0; Date.now() - started < 5_000; turn++) await command(meja, id, "assign-table", { table_id: table(9 + n * 4 + (turn % 4)) });
  }));
  const { head } = await owner("/api/audit/events?limit=1");
  console.log(`# ${Math.round((head - begun) / ((Date.now() - started) / 1000))} events a second, at most ${most} rows`);
  await until("the newest event to be shown", async () => {
    const { head: last } = await owner("/api/audit/events?limit=1");
    return Number(await page.locator(".event .number").first().textContent()) === last;
  });
  isOver = true;
  await watched;
  assert.ok(most > 10 && most <= 80, `${most} rows`);
  // Paused, nothing moves.
  await page.getByRole("button", { name: "Pause" }).click();
  const top = await page.locator(".event .number").first().textContent();
  await command(meja, ids[0].reservation_id, "assign-table", { table_id: table(1) });
  // Another page, which is live, has it: time enough for this one to ask.
  const other = await audit("/audit/log");
  const { head: now } = await owner("/api/audit/events?limit=1");
  await command(meja, ids[0].reservation_id, "assign-table", { table_id: table(2) });
  await until("the other page to follow", async () => Number(await other.page.locator(".event .number").first().textContent()) > now);
  await leave(other);
  assert.equal(await page.locator(".event .number").first().textContent(), top);
  // From a position, with its bytes.
  await page.getByLabel("Position").fill("7");
  await page.getByRole("button", { name: "Find" }).click();
  const detail = page.locator(".detail");
  await detail.getByText("Event at 7").waitFor();
  const { items: [seventh] } = await owner("/api/audit/events?after=6&limit=1");
  assert.equal(await detail.locator("pre").textContent(), JSON.stringify(seventh));
  assert.match(page.url(), /position=7/);
  await accessible(page, "an event");
  // By type, subject, actor and time.
  await page.getByRole("button", { name: "Clear" }).click();
  await page.locator(".connection", { hasText: "Live" }).waitFor();
  for (const [label, value, check] of [
    ["Type", "meja.reservation.created.v1", (event) => event.type === "meja.reservation.created.v1"],
    ["Subject", `reservation/${ids[1].reservation_id}`, (event) => event.subject.endsWith(ids[1].reservation_id)],
    ["Actor", seventh.authid, (event) => event.authid === seventh.authid],
    ["Before", new Date(started).toISOString(), (event) => Date.parse(event.time) < started],
  ]) {
    await page.getByRole("button", { name: "Clear" }).click();
    await page.getByLabel(label, { exact: true }).fill(value);
    await page.getByRole("button", { name: "Find" }).click();
    await page.locator(".event").first().waitFor();
    await page.locator(".event").first().click();
    const found = JSON.parse(await detail.locator("pre").textContent());
    assert.ok(check(found), `${label}: ${JSON.stringify(found)}`);
  }
  await page.getByLabel("Before", { exact: true }).fill("yesterday");
  await page.getByRole("button", { name: "Find" }).click();
  await page.locator(".trouble", { hasText: "to" }).waitFor();
  await leave(visit);
});

test("a dead letter is retried and discarded, and the reasons stand in its trail", async () => {
  const atNotifier = async (path) => (await fetch(meja.environment.NOTIFIER_URL + path, { headers: meja.owner })).json();
  const contact = (name) => ({ name, contact_info: { name, phone: `+62812777${name.length}000`, email: "refused@example.com" } });
  const first = await booked(meja, VENUE, house.slot(300), contact("Ratna"));
  const second = await booked(meja, VENUE, house.slot(300), contact("Yusuf B"));
  await until("two dead letters", async () => (await atNotifier("/api/effects?status=dead")).items.length === 2);
  const visit = await audit("/audit/money");
  const { page } = visit;
  await page.getByRole("heading", { name: "Dead letters (2)" }).waitFor();
  await accessible(page, "money");
  await picture(page, "audit-money", false);
  const item = (booking) => page.locator(".effects li", { has: page.locator(`a[href$="${booking.reservation_id}"]`) });
  // Without a reason there is no decision.
  assert.equal(await item(first).getByRole("button", { name: "Discard" }).isDisabled(), true);
  mails.refused = /nobody-at-all/;
  const before = mails.accepted;
  const { items } = await atNotifier("/api/effects?status=dead");
  const idOf = (booking) => items.find(({ reservation_id: id }) => id === booking.reservation_id).id;
  await item(first).getByLabel("Reason").fill("the mailbox is back");
  await item(first).getByRole("button", { name: "Retry" }).click();
  await page.getByRole("heading", { name: "Dead letters (1)" }).waitFor();
  await until("the mail to be accepted", () => mails.accepted > before);
  await item(second).getByLabel("Reason").fill("the guest was called");
  await item(second).getByRole("button", { name: "Discard" }).click();
  await page.getByRole("heading", { name: "Dead letters (0)" }).waitFor();
  const trail = async (booking) => (await atNotifier(`/api/effects/${encodeURIComponent(idOf(booking))}`)).trail.map(({ what, by }) => `${what} by ${by}`);
  const key = `key:${meja.owner.Authorization.split("_")[1]}`;
  assert.ok((await trail(first)).includes(`retried by an operator: the mailbox is back by ${key}`), await trail(first));
  assert.ok((await trail(second)).includes(`discarded by an operator: the guest was called by ${key}`), await trail(second));
  // The books agree.
  await page.getByRole("button", { name: "Compare the books" }).click();
  await page.getByText("The books agree").waitFor();
  await leave(visit);
});

test("a page asks for the scope that is missing, and shows nothing confidential without it", async () => {
  const secret = { name: "Rahasia Negara", allergies: "rahasia udang", special_requests: "rahasia jendela" };
  const { reservation_id: id } = await booked(meja, VENUE, house.slot(400), secret);
  const { body: { token: key } } = await meja.api("/api/access/keys", { name: "auditor", scopes: ["audit"] });
  assert.ok(key);
  const visit = await audit(`/audit/r/${id}`, key);
  const { page } = visit;
  await page.getByRole("heading", { name: "Timeline" }).waitFor();
  await page.getByText("This needs a key with the scope read").waitFor();
  await accessible(page, "a booking without the scope read");
  for (const path of [`/audit/r/${id}`, `/audit/log?subject=reservation/${id}`, "/audit/money", "/audit/verify"]) {
    await page.goto(meja.url + path);
    await page.locator("main h2, .log .event, .credential").first().waitFor();
    await page.waitForLoadState("networkidle");
    for (const one of await page.locator(".event").all()) {
      await one.click();
      assert.doesNotMatch(await page.locator("body").textContent(), /rahasia|\+62|example\.com/i, path);
    }
    assert.doesNotMatch(await page.content(), /rahasia|\+62|@example/i, path);
  }
  await page.getByText("This needs a key with the scope operate").waitFor();
  // A person signs in although a key that is not valid was entered before.
  await page.getByRole("textbox", { name: "Key" }).fill(`Authorization: Bearer ${key.slice(0, -4)}AAAA`);
  await page.getByRole("button", { name: "Use this key" }).click();
  await page.getByRole("heading", { name: "The key is not valid: enter another one" }).waitFor();
  await page.getByRole("textbox", { name: "Key" }).fill("no key");
  await page.getByRole("button", { name: "Use this key" }).click();
  await page.getByText("This is not a key").waitFor();
  // Nobody in particular learns nothing.
  await page.evaluate(() => sessionStorage.clear());
  await page.goto(`${meja.url}/audit/log`);
  await page.getByRole("heading", { name: "Sign in, or enter a key" }).waitFor();
  await accessible(page, "without a credential");
  await leave(visit);
});
