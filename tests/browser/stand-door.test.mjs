// What a host meets at the door of a restaurant that confirms each booking by hand.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { leave } from "./browser.mjs";
import { atStand, booked, close, command, hire, open, row } from "./staff.mjs";

const VENUE = "warung-malam";
let house;
let meja;
let browser;
let sari;
before(async () => {
  ({ house, meja, browser } = await open({ policy: { auto_confirm: false } }));
  sari = await hire(meja, "Sari", { host: [VENUE] }, "7294");
});
after(() => close({ house, meja, browser }));

const view = (id) => meja.api(`/api/reservations/${id}`).then(({ body }) => body);

// Puts a party on the waitlist, as a host does.
async function waits(name, size) {
  const entry = await meja.api("/api/waitlist", {
    customer_id: name, venue_id: VENUE, party_size: size, quoted_minutes: 20, latest_time: house.slot(60),
    contact_info: { name, phone: `+62812${String(Math.floor(Math.random() * 9_000_000) + 1_000_000)}` },
  });
  assert.equal(entry.status, 200, JSON.stringify(entry.body));
  return entry.body.waitlist_id;
}

test("a waiting party with an offer is seated with one tap", async () => {
  const visit = await atStand(browser, meja, VENUE, sari);
  const { page } = visit;
  await waits("Wati Kusuma", 2);
  const entry = page.locator(".waitlist li", { hasText: "Wati K." });
  await entry.getByText(/offer until/).waitFor();
  await entry.getByRole("button", { name: /^Seat/ }).click();
  await page.getByText(/Wati K\. is seated at/).first().waitFor();
  const [seated] = (await meja.api(`/api/reservations?venue_id=${VENUE}&status=CHECKED_IN`)).body.items;
  await command(meja, seated.reservation_id, "complete");
  await leave(visit);
});

test("a waiting party without a free table stays in line, and the host is told why", async () => {
  const visit = await atStand(browser, meja, VENUE, sari);
  const { page } = visit;
  const taken = [];
  for (const size of [2, 2, 4, 4, 6]) taken.push((await meja.api("/api/walk-ins", { party_size: size, venue_id: VENUE })).body.reservation_id);
  await waits("Putra Jaya", 4);
  const entry = page.locator(".waitlist li", { hasText: "Putra J." });
  await entry.getByRole("button", { name: /^Seat/ }).click();
  await page.getByRole("heading", { name: "That was not possible" }).waitFor();
  assert.equal(await page.getByLabel("Quoted wait in minutes").count(), 0);
  await page.keyboard.press("Escape");
  await entry.getByRole("button", { name: "Take off" }).first().click();
  await entry.getByRole("button").last().click();
  await entry.waitFor({ state: "hidden" });
  for (const id of taken) await command(meja, id, "complete");
  await leave(visit);
});

test("names stay readable on a tablet while a party is open", async () => {
  const visit = await atStand(browser, meja, VENUE, sari, { viewport: { width: 1024, height: 768 } });
  const { page } = visit;
  const { reservation_id: id } = await booked(meja, VENUE, house.slot(5), { name: "Dewi Lestari" });
  await command(meja, id, "confirm");
  await row(page, "Dewi L.").locator(".row").click();
  for (const width of [1366, 1180, 1024, 900, 390]) {
    await page.setViewportSize({ width, height: 768 });
    const { width: room } = await row(page, "Dewi L.").locator(".name").boundingBox();
    assert.ok(room > 90, `${room} px of ${width}`);
    const isWider = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
    assert.equal(isWider, false, String(width));
  }
  await command(meja, id, "cancel", { reason_code: "test" });
  await leave(visit);
});

test("a party whose table the rules do not have any more is marked", async () => {
  const visit = await atStand(browser, meja, VENUE, sari);
  const { page } = visit;
  const { reservation_id: id } = await booked(meja, VENUE, house.slot(30), { name: "Budi Santoso" });
  const { tables: [{ table_id: table }] } = await view(id);
  const rules = await fetch(`${meja.reservation}/api/venues/${VENUE}/rules`, { headers: meja.owner });
  const document = await rules.json();
  document.tables = document.tables.filter((one) => one.id !== table);
  const saved = await fetch(`${meja.reservation}/api/venues/${VENUE}/rules`, {
    method: "PUT", headers: { ...meja.owner, "content-type": "application/json", "if-match": rules.headers.get("etag") }, body: JSON.stringify(document),
  });
  assert.equal(saved.status, 200, await saved.text());
  await row(page, "Budi S.").getByText("table removed").waitFor();
  await row(page, "Budi S.").locator(".row").click();
  await page.locator(".panel").getByText("Does not comply with the rules any more: table removed.", { exact: false }).waitFor();
  await leave(visit);
});
