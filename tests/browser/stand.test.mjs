// The stand: a host seats, moves and undoes on a tablet, two stands see each other, and each refusal says what is possible.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible, leave, picture } from "./browser.mjs";
import { until } from "./meja.mjs";
import { atStand, booked, close, command, hire, open, row } from "./staff.mjs";

const VENUE = "warung-malam";
let house;
let meja;
let browser;
let sari;
let budi;
let made;
before(async () => {
  ({ house, meja, browser } = await open());
  sari = await hire(meja, "Sari", { host: [VENUE] }, "7294");
  budi = await hire(meja, "Budi", { host: [VENUE] }, "5083");
  made = await hire(meja, "Made", { manager: [VENUE] }, "6157");
});
after(() => close({ house, meja, browser }));

const view = (id) => meja.api(`/api/reservations/${id}`).then(({ body }) => body);
const table = (page, id) => page.locator(".table", { has: page.locator("b", { hasText: new RegExp(`^${id}$`) }) });
const free = async (id) => {
  const { status } = await view(id);
  if (status === "CHECKED_IN") await command(meja, id, "complete");
  else if (status === "CONFIRMED") await command(meja, id, "cancel", { reason_code: "test" });
};

test("a host seats, moves and undoes a party, and every view shows it", async () => {
  const visit = await atStand(browser, meja, VENUE, sari);
  const { page } = visit;
  const { reservation_id: id } = await booked(meja, VENUE, house.slot(5), { name: "Rina Hartono" });
  await row(page, "Rina H.").waitFor();
  await accessible(page, "list");
  // Two taps: the party, and its table or the button.
  await row(page, "Rina H.").locator(".row").click();
  await accessible(page, "list with a party");
  await page.locator(".panel").getByRole("button", { name: "Seat" }).click();
  await page.getByText("Rina H. is seated at A1.").first().waitFor();
  assert.equal((await view(id)).status, "CHECKED_IN");
  await page.getByRole("button", { name: "Floor" }).click();
  await table(page, "A1").getByText("seated").waitFor();
  await accessible(page, "floor");
  await picture(page, "stand-floor");
  await page.locator(".panel").getByRole("button", { name: "Move" }).click();
  await table(page, "A3").click();
  await page.getByText("Rina H. has table A3.").first().waitFor();
  await table(page, "A1").getByText("free").waitFor();
  await page.locator(".notice").getByRole("button", { name: "Undo" }).click();
  await page.getByText("Rina H. has table A1.").first().waitFor();
  await page.getByRole("button", { name: "Timeline" }).click();
  await page.getByRole("grid").getByRole("button", { name: /^Rina/ }).waitFor();
  await accessible(page, "timeline");
  await picture(page, "stand-timeline");
  await page.locator(".panel").getByRole("button", { name: "Has left" }).click();
  await page.getByText("Rina H. has left.").first().waitFor();
  await page.locator(".notice").getByRole("button", { name: "Undo" }).click();
  await page.getByText("Rina H. is back at the table.").first().waitFor();
  await page.locator(".panel").getByRole("button", { name: "Not seated after all" }).click();
  await until("the check-in to be undone", async () => (await view(id)).status === "CONFIRMED");
  const history = (await meja.api(`/api/reservations/${id}/history?limit=100`)).body;
  const undone = history.entries.filter(({ action }) => action === "reservation.undone");
  assert.equal(undone.length, 2);
  assert.ok(undone.every(({ who }) => who.kind === "user" || who.kind === "app_user"), JSON.stringify(undone[0].who));
  await free(id);
  await leave(visit);
});

test("a walk-in is seated with three taps and taken back with one", async () => {
  const visit = await atStand(browser, meja, VENUE, sari);
  const { page } = visit;
  await page.getByRole("button", { name: "Walk-in", exact: true }).click();
  await accessible(page, "walk-in");
  await page.locator("dialog").getByRole("button", { name: "4", exact: true }).click();
  await page.locator("dialog").getByRole("button", { name: "Seat now" }).click();
  await page.getByText(/Party of 4 is seated at/).first().waitFor();
  await row(page, "Walk-in · 4").waitFor();
  await page.getByText("Guests here").locator("xpath=..").getByText("4").waitFor();
  await page.locator(".notice").getByRole("button", { name: "Undo" }).click();
  await page.getByText("The walk-in was taken back.").first().waitFor();
  await page.getByText("Guests here").locator("xpath=..").getByText("0", { exact: true }).waitFor();
  await leave(visit);
});

test("two hosts clash: one wins, the other is told who did what, and what is free", async () => {
  const [one, two] = [await atStand(browser, meja, VENUE, sari), await atStand(browser, meja, VENUE, budi)];
  const first = await booked(meja, VENUE, house.slot(5), { name: "Dewi Lestari" });
  const second = await booked(meja, VENUE, house.slot(5), { name: "Tono Wijaya" });
  for (const { page } of [one, two]) await row(page, "Dewi L.").waitFor();
  await row(two.page, "Dewi L.").locator(".row").click();
  await row(one.page, "Dewi L.").locator(".row").click();
  await one.page.locator(".panel").getByRole("button", { name: "Move" }).click();
  await one.page.locator(".instruction").getByRole("button", { name: /^B2/ }).click();
  await one.page.getByText("Dewi L. has table B2.").first().waitFor();
  await until("the second stand to see it", async () => row(two.page, "Dewi L.").getByText("B2").isVisible());
  // The table is taken: the refusal names free ones.
  await command(meja, first.reservation_id, "check-in");
  await row(two.page, "Tono W.").locator(".row").click();
  await two.page.getByRole("button", { name: "Floor" }).click();
  await two.page.locator(".panel").getByRole("button", { name: "Move" }).click();
  await table(two.page, "B2").click();
  await two.page.getByRole("heading", { name: "That was not possible" }).waitFor();
  await accessible(two.page, "refused");
  await two.page.getByText("Table B2 belongs to Dewi L.").waitFor();
  await two.page.locator("dialog").getByText(/got a table, by Sari/).waitFor();
  await two.page.getByRole("button", { name: "Use table A3" }).click();
  await two.page.getByText("Tono W. has table A3.").first().waitFor();
  for (const id of [first.reservation_id, second.reservation_id]) await free(id);
  for (const visit of [one, two]) await leave(visit);
});

test("a change that is based on an old state says who was faster, and can be done anyway", async () => {
  const visit = await atStand(browser, meja, VENUE, sari);
  const { page } = visit;
  const { reservation_id: id } = await booked(meja, VENUE, house.slot(10), { name: "Agus Salim" });
  await row(page, "Agus S.").locator(".row").click();
  // Another one changes it in the moment in which the request is under way.
  await visit.context.route(`**/api/reservations/${id}/party-size`, async (route) => {
    await command(meja, id, "assign-table", { table_id: "B1" });
    await route.continue();
  }, { times: 1 });
  await page.getByRole("button", { name: "Party +1" }).click();
  await page.getByRole("heading", { name: "Somebody else was faster" }).waitFor();
  await page.locator("dialog").getByText(/got a table, by/).waitFor();
  await accessible(page, "changed by somebody else");
  await page.getByRole("button", { name: "Do it anyway" }).click();
  await page.getByText("Agus S.: 3 guests.").first().waitFor();
  assert.equal((await view(id)).party_size, 3);
  await free(id);
  await leave(visit);
});

test("a note of another host is never overwritten, and a party that moves to another day is gone", async () => {
  const visit = await atStand(browser, meja, VENUE, sari);
  const { page } = visit;
  const { reservation_id: id } = await booked(meja, VENUE, house.slot(10), { name: "Indah Permata" });
  await row(page, "Indah P.").locator(".row").click();
  await page.getByLabel("Note").fill("window");
  const patched = await fetch(`${meja.reservation}/api/reservations/${id}`, {
    method: "PATCH", headers: { "content-type": "application/json", ...meja.owner }, body: JSON.stringify({ staff_notes: "wheelchair" }),
  });
  assert.equal(patched.status, 200);
  await until("the change to arrive", async () => page.locator(".changes").isVisible());
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("heading", { name: "Somebody else was faster" }).waitFor();
  await page.keyboard.press("Escape");
  assert.equal((await view(id)).staff_notes, "wheelchair");
  await command(meja, id, "reschedule", { start_time: house.slot(10 + 24 * 60), moved_by: "staff" });
  await row(page, "Indah P.").waitFor({ state: "hidden" });
  await free(id);
  await leave(visit);
});

test("a venue that the person does not have is refused in words", async () => {
  const visit = await atStand(browser, meja, VENUE, sari);
  const { page } = visit;
  let requests = 0;
  page.on("request", () => requests += 1);
  await page.goto(`${meja.url}/stand/nowhere`);
  // The device knows its venue.
  await page.locator(".connection", { hasText: "Live" }).waitFor();
  assert.ok(requests < 30, String(requests));
  await leave(visit);
});

test("what a host may not do, a manager allows with a PIN", async () => {
  const visit = await atStand(browser, meja, VENUE, sari);
  const { page } = visit;
  await page.getByRole("button", { name: "Floor" }).click();
  await page.getByRole("button", { name: "Close Teras today" }).click();
  await page.locator("dialog").getByRole("button", { name: "Close Teras today" }).click();
  await page.getByRole("heading", { name: "A manager can allow this" }).waitFor();
  await accessible(page, "approval");
  await page.getByRole("combobox", { name: "Manager" }).selectOption({ label: "Made" });
  await page.getByLabel("PIN").fill("0000");
  await page.getByRole("button", { name: "Allow" }).click();
  await page.getByText("Wrong PIN").waitFor();
  await page.getByLabel("PIN").fill(made.pin);
  await page.getByRole("button", { name: "Allow" }).click();
  await page.getByText("Teras is closed for today.").first().waitFor();
  await table(page, "A1").getByText("closed").waitFor();
  await page.getByRole("button", { name: "Open Teras again" }).click();
  await page.getByRole("combobox", { name: "Manager" }).selectOption({ label: "Made" });
  await page.getByLabel("PIN").fill(made.pin);
  await page.getByRole("button", { name: "Allow" }).click();
  await table(page, "A1").getByText("free").waitFor();
  await leave(visit);
});

test("a party waits with a quote that counts down, is called in and seated", async () => {
  const visit = await atStand(browser, meja, VENUE, sari);
  const { page } = visit;
  // Every table is taken, so that a walk-in leads to a quote.
  const taken = [];
  for (const size of [2, 2, 4, 4, 6]) {
    const seated = await meja.api("/api/walk-ins", { party_size: size, venue_id: VENUE });
    assert.equal(seated.status, 200, JSON.stringify(seated.body));
    taken.push(seated.body.reservation_id);
  }
  await page.getByRole("button", { name: "Walk-in", exact: true }).click();
  await page.locator("dialog").getByRole("button", { name: "Seat now" }).click();
  await page.getByText(/A table is expected in about/).waitFor();
  await accessible(page, "quote");
  await page.getByLabel("Name").fill("Wulan Sari");
  await page.getByLabel("Phone").fill("081298765432");
  await page.getByLabel("Quoted wait in minutes").fill("20");
  await page.locator("dialog").getByRole("button", { name: "Put on the waitlist" }).click();
  const entry = page.locator(".waitlist li", { hasText: "Wulan S." });
  await entry.getByText(/(20|19) min left/).waitFor();
  await accessible(page, "waitlist");
  // A table that is taken cannot be offered, and the reason is said.
  await entry.getByRole("button", { name: /^Offer/ }).click();
  await page.getByText("Choose a table to offer to Wulan S.", { exact: false }).waitFor();
  await accessible(page, "offering a table");
  await page.getByRole("button", { name: "Floor" }).click();
  await table(page, "B2").click();
  await page.getByRole("heading", { name: "That was not possible" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "List", exact: true }).click();
  await free(taken[0]);
  await entry.getByText(/offer until/).waitFor();
  await accessible(page, "an offer");
  await entry.getByRole("button", { name: /^Seat/ }).click();
  await page.getByText(/Wulan S. is seated at/).first().waitFor();
  const seated = (await meja.api(`/api/reservations?venue_id=${VENUE}&status=CHECKED_IN&limit=50`)).body.items;
  for (const { reservation_id: id } of seated) await free(id);
  await leave(visit);
});
