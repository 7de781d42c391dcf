// The numbers of a venue: what the service counted, as charts and tables, for managers only, and on paper.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { request } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { accessible, guest, leave, picture } from "./browser.mjs";
import { PASSWORD, atStand, booked, close, command, hire, open } from "./staff.mjs";

const VENUE = "warung-malam";
let house;
let meja;
let browser;
let sari;
let made;
before(async () => {
  ({ house, meja, browser } = await open());
  sari = await hire(meja, "Sari", { host: [VENUE] }, "7294");
  made = await hire(meja, "Made", { manager: [VENUE] }, "6157");
  // An evening: one party was there, one waits for tomorrow, one cancelled, and three were refused, one of them at the door.
  const [here, , gone] = [
    await booked(meja, VENUE, house.slot(5), { party: 4, area: "Dalam" }),
    await booked(meja, VENUE, house.slot(24 * 60), { party: 2 }),
    await booked(meja, VENUE, house.slot(60), { party: 2 }),
  ];
  await command(meja, here.reservation_id, "check-in");
  await command(meja, here.reservation_id, "complete");
  await command(meja, gone.reservation_id, "cancel", { reason_code: "test" });
  for (const [path, body] of [["/api/reservations", 40], ["/api/reservations", 30], ["/api/walk-ins", 20]]) {
    const contact = { customer_id: "c", start_time: house.slot(5), contact_info: { name: "Rina", phone: "+628123000999", email: "r@example.com" } };
    const refused = await meja.api(path, { venue_id: VENUE, party_size: body, ...(path.endsWith("reservations") && contact) });
    assert.equal(refused.body.code, "party_too_large", JSON.stringify(refused.body));
  }
});
after(() => close({ house, meja, browser }));

// A browser in which a manager has signed in at the stand and opened the numbers.
async function atNumbers(options = {}) {
  const visit = await guest(browser, meja, { viewport: { width: 1100, height: 900 }, ...options });
  const { page } = visit;
  await page.goto(`${meja.url}/stand/${VENUE}/numbers`);
  // Without a session the stand asks for one.
  await page.waitForURL(`${meja.url}/stand/${VENUE}`);
  await page.locator("input[type=email]").fill(made.email);
  await page.locator("input[type=password]").fill(PASSWORD);
  await page.locator("form", { has: page.locator("input[type=email]") }).getByRole("button").click();
  await page.locator(`a[href="/stand/${VENUE}/numbers"]`).click();
  await page.getByRole("heading", { level: 1 }).waitFor();
  return visit;
}

const rows = (page, id) => page.locator(`section[aria-labelledby="${id}"] tbody tr`);
const cells = async (row) => (await row.locator("th, td").allInnerTexts()).map((text) => text.trim());
const fact = (page, name) => page.locator(".totals div", { has: page.locator("dt", { hasText: new RegExp(`^${name}$`) }) }).locator("dd").innerText();

test("a manager sees what the service counted, as charts with tables", async () => {
  const visit = await atNumbers();
  const { page } = visit;
  await accessible(page, "numbers");
  await picture(page, "numbers");
  const { body: stats } = await meja.api(`/api/stats?venue_id=${VENUE}`);
  assert.deepEqual([stats.reservations, stats.covers], [3, 6]);
  // Tomorrow is not one of the last days.
  assert.equal(await fact(page, "Covers"), "4");
  assert.equal(await fact(page, "Reservations"), "2");
  assert.match(await fact(page, "Cancelled"), /^1: 0 by guests, 1 by staff, 0 automatically$/);
  assert.equal(await fact(page, "Time at the table / planned"), "0 / 90 min");
  assert.equal(await fact(page, "Refused requests"), "3");
  // A row for each day, and the last one is today's.
  assert.equal(await rows(page, "by-day").count(), 28);
  const [, covers, reservations, noShows, cancelled, turn] = await cells(rows(page, "by-day").last());
  assert.deepEqual([covers, reservations, noShows, cancelled, turn], ["4", "2", "0", "1", "0 / 90"]);
  assert.equal(await page.locator('section[aria-labelledby="by-day"] svg rect').count(), 28);
  const heights = await page.locator('section[aria-labelledby="by-day"] svg rect').evaluateAll((all) => all.map((one) => Number(one.getAttribute("height"))));
  assert.ok(heights.slice(0, -1).every((height) => height === 0) && heights.at(-1) > 100, String(heights));
  assert.deepEqual((await cells(rows(page, "by-service").first())).slice(0, 2), ["Makan malam", "4"]);
  assert.deepEqual(await cells(rows(page, "refused").first()), ["party too large", "3", "90", "1"]);
  // The last days, and tomorrow.
  await page.getByLabel("To", { exact: true }).fill((await meja.api(`/api/stats?venue_id=${VENUE}&by=day`)).body.groups.at(-1).key);
  await page.getByRole("button", { name: "Show" }).click();
  await page.waitForURL(/to=/);
  assert.equal(await fact(page, "Covers"), "6");
  await page.getByRole("link", { name: "Last 7 days" }).click();
  await page.waitForURL(/from=/);
  assert.equal(await rows(page, "by-day").count(), 7);
  await page.goto(`${page.url().split("?")[0]}?from=2020-01-01&to=2026-01-01`);
  await page.getByRole("alert").getByText("at most 366 days in all", { exact: false }).waitFor();
  await accessible(page, "numbers of days that cannot be shown");
  await leave(visit);
});

test("the numbers are readable in Indonesian, in the dark, on a phone and on paper", async () => {
  const visit = await atNumbers({ locale: "id-ID", colorScheme: "dark", viewport: { width: 390, height: 844 } });
  const { page } = visit;
  await page.getByRole("heading", { name: "Angka Warung Malam" }).waitFor();
  await page.getByRole("rowheader", { name: "rombongan terlalu besar" }).waitFor();
  await accessible(page, "angka");
  const file = join(meja.dir, "numbers.pdf");
  await page.pdf({ path: file, preferCSSPageSize: true });
  const text = execFileSync("pdftotext", ["-layout", file, "-"], { encoding: "utf8" });
  for (const expected of ["Angka Warung Malam", "Tamu per hari", "Makan malam", "Permintaan ditolak per alasan"]) assert.ok(text.includes(expected), expected);
  assert.ok(!text.includes("Tampilkan"), "the form is not for paper");
  await leave(visit);
});

test("a request with a body takes no connection to the service from others", async () => {
  const status = (path, method, body) => new Promise((done, failed) => {
    const headers = { accept: "*/*", ...(body && { "content-length": body.length }) };
    const sent = request(`${meja.url}${path}`, { method, headers }, (answer) => answer.resume().on("end", () => done(answer.statusCode)));
    sent.on("error", failed).end(body);
  });
  for (let turn = 0; turn < 5; turn += 1) {
    assert.equal(await status(`/stand/${VENUE}/numbers`, "GET", "x".repeat(100)), 303);
    for (let more = 0; more < 5; more += 1) assert.equal(await status("/api/venues", "GET"), 200);
  }
  for (const query of ["?to=-262143-01-01", "?to=%2B10000-01-01", "?from=2026-01-01&from=x"]) {
    assert.equal(await status(`/stand/${VENUE}/numbers${query}`, "GET"), 303, query);
  }
});

test("a host sees no numbers, and neither does a manager of another house", async () => {
  const visit = await atStand(browser, meja, VENUE, sari);
  const { page } = visit;
  assert.equal(await page.locator(`a[href="/stand/${VENUE}/numbers"]`).count(), 0);
  const answer = await page.goto(`${meja.url}/stand/${VENUE}/numbers`);
  assert.equal(answer.status(), 403);
  await page.getByRole("heading", { name: "For managers" }).waitFor();
  await accessible(page, "for managers");
  await leave(visit);
  // Another house, which exists, and a path that is none.
  const { body: own } = await meja.api(`/api/venues/${VENUE}/rules`);
  const other = await fetch(`${meja.reservation}/api/venues/elsewhere/rules`, {
    method: "PUT", headers: { "content-type": "application/json", ...meja.owner }, body: JSON.stringify({ ...own, id: "elsewhere" }),
  });
  assert.equal(other.status, 200);
  const away = await atNumbers();
  assert.equal((await away.page.goto(`${meja.url}/stand/elsewhere/numbers`)).status(), 404);
  assert.equal((await away.page.goto(`${meja.url}/stand/..%2Fapi/numbers`)).status(), 404);
  await leave(away);
});
