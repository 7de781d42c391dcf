// A wrong tap can be taken back: every action of a host that changes the evening, and those that a manager allows.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { leave } from "./browser.mjs";
import { until } from "./meja.mjs";
import { atStand, booked, close, command, hire, open, row } from "./staff.mjs";

const VENUE = "warung-malam";
let house;
let meja;
let browser;
let made;
let visit;
let page;
let panel;
before(async () => {
  ({ house, meja, browser } = await open({ policy: { deposit: { from_party_size: 6, per: "guest", amount_minor: 5_000_000 } }, hasClock: true }));
  const sari = await hire(meja, "Sari", { host: [VENUE] }, "7294");
  made = await hire(meja, "Made", { manager: [VENUE] }, "6157");
  visit = await atStand(browser, meja, VENUE, sari);
  ({ page } = visit);
  panel = page.locator(".panel");
});
after(() => close({ house, meja, browser }));

const view = (id) => meja.api(`/api/reservations/${id}`).then(({ body }) => body);
const tables = ({ tables: all }) => all.map(({ table_id: id }) => id).sort().join();
// What an undo must bring back.
const facts = async (id) => {
  const { status, start_time, end_time, party_size, staff_notes, tags, ...rest } = await view(id);
  return { status, start_time, end_time, party_size, staff_notes, tags, tables: tables(rest) };
};
const choose = async (name) => {
  if (await panel.getByRole("heading", { name }).isVisible()) return;
  await row(page, name).locator(".row").click();
  await panel.getByRole("heading", { name }).waitFor();
};
const press = (name) => panel.getByRole("button", { name, exact: true }).click();
const undo = () => page.locator(".notice").getByRole("button", { name: "Undo" }).click();

async function allow() {
  await page.getByRole("heading", { name: "A manager can allow this" }).waitFor();
  await page.getByRole("combobox", { name: "Manager" }).selectOption({ label: "Made" });
  await page.getByLabel("PIN").fill(made.pin);
  await page.getByRole("button", { name: "Allow" }).click();
}

// Does something with a party, sees that it counts, takes it back, and sees that everything is as before.
async function thereAndBack(id, name, act, changes) {
  const before = await facts(id);
  await choose(name);
  await act();
  await until("the action to count", async () => JSON.stringify(await facts(id)) !== JSON.stringify(before));
  const changed = await facts(id);
  for (const [member, value] of Object.entries(changes)) assert.deepEqual(changed[member], value, member);
  await undo();
  await until("everything to be as before", async () => JSON.stringify(await facts(id)) === JSON.stringify(before))
    .catch(async () => assert.deepEqual(await facts(id), before));
}

test("whatever a host does with a party that is expected is taken back with one tap", async () => {
  const { reservation_id: id } = await booked(meja, VENUE, house.slot(5), { name: "Rina Hartono" });
  const { reservation_id: other } = await booked(meja, VENUE, house.slot(5), { name: "Tono Wijaya" });
  await row(page, "Tono W.").waitFor();
  const own = tables(await view(id));
  const others = tables(await view(other));
  await thereAndBack(id, "Rina H.", () => press("Seat"), { status: "CHECKED_IN" });
  await thereAndBack(id, "Rina H.", async () => {
    await press("Move");
    await page.locator(".instruction").getByRole("button", { name: /^A3/ }).click();
  }, { tables: "A3" });
  await thereAndBack(id, "Rina H.", async () => {
    await press("Swap");
    await row(page, "Tono W.").locator(".row").click();
  }, { tables: others });
  assert.equal(tables(await view(other)), others);
  await thereAndBack(id, "Rina H.", () => panel.getByRole("button", { name: "Party −1" }).click(), { party_size: 1 });
  await thereAndBack(id, "Rina H.", () => panel.getByRole("button", { name: "Time +15" }).click(), {});
  await thereAndBack(id, "Rina H.", async () => {
    await panel.getByLabel("Note").fill("window");
    await panel.getByLabel("Tags").fill("vip regular");
    await press("Save");
  }, { staff_notes: "window", tags: ["regular", "vip"] });
  await thereAndBack(id, "Rina H.", async () => {
    await press("Cancel");
    await panel.locator(".danger").click();
  }, { status: "CANCELLED" });
  assert.equal(tables(await view(id)), own);
  meja.later(15);
  await thereAndBack(id, "Rina H.", () => press("No-show"), { status: "NO_SHOW" });
  for (const one of [id, other]) await command(meja, one, "cancel", { reason_code: "test" });
});

test("and so is what it does with a party at its table", async () => {
  const { reservation_id: id } = await booked(meja, VENUE, house.slot(20), { name: "Dewi Lestari" });
  await command(meja, id, "check-in");
  await row(page, "Dewi L.").getByText("seated").waitFor();
  await thereAndBack(id, "Dewi L.", () => panel.getByRole("button", { name: "Stay longer: +15" }).click(), {});
  await thereAndBack(id, "Dewi L.", () => press("Has left"), { status: "COMPLETED" });
  // A walk-in is gone afterwards.
  await page.getByRole("button", { name: "Walk-in", exact: true }).click();
  await page.locator("dialog").getByRole("button", { name: "2", exact: true }).click();
  await page.locator("dialog").getByRole("button", { name: "Seat now" }).click();
  await page.getByText(/Party of 2 is seated at/).first().waitFor();
  const [walkIn] = (await meja.api(`/api/reservations?venue_id=${VENUE}&status=CHECKED_IN`)).body.items.filter(({ reservation_id: one }) => one !== id);
  await undo();
  await until("the walk-in to be taken back", async () => (await view(walkIn.reservation_id)).status === "CANCELLED");
  await command(meja, id, "complete");
});

test("a manager overrides a rule with a reason, waives a deposit, and closes an area, which is opened again", async () => {
  const { reservation_id: id } = await booked(meja, VENUE, house.slot(20), { name: "Agus Salim" });
  await command(meja, id, "assign-table", { table_id: "A1" });
  await command(meja, id, "check-in");
  const { reservation_id: next } = await booked(meja, VENUE, house.slot(115), { name: "Wulan Sari" });
  await command(meja, next, "assign-table", { table_id: "A1" });
  await row(page, "Agus S.").getByText("seated").waitFor();
  const end = Date.parse((await view(id)).end_time);
  await thereAndBack(id, "Agus S.", async () => {
    await panel.getByRole("button", { name: "Stay longer: +30" }).click();
    await page.getByRole("heading", { name: "That was not possible" }).waitFor();
    await page.locator("dialog").getByRole("combobox").selectOption("goodwill");
    await page.getByRole("button", { name: "Override the rule" }).click();
    await allow();
    await until("the party to stay", async () => Date.parse((await view(id)).end_time) === end + 30 * 60_000);
  }, {});
  const [overruled] = (await meja.api(`/events?type=meja.reservation.rules_overruled.v1`)).body.filter(({ subject }) => subject.endsWith(id));
  assert.equal(overruled.data.reason_code, "goodwill");
  assert.equal(overruled.authid, `staff:${made.id}`, "the manager is the actor of what the manager allowed");
  for (const one of [id, next]) await command(meja, one, one === id ? "complete" : "cancel", one === id ? {} : { reason_code: "test" });

  // A deposit that was waived stays waived: the guest was told so.
  const large = await meja.api("/api/reservations", {
    customer_id: "cust-large", venue_id: VENUE, party_size: 6, start_time: house.slot(60), payment_channel: "qris",
    contact_info: { name: "Putu Ayu", phone: "+628123009999", email: "putu@example.com" },
  });
  assert.equal(large.body.status, "PENDING", JSON.stringify(large.body));
  await choose("Putu A.");
  await press("Waive the deposit");
  await allow();
  await until("the deposit to be waived", async () => (await view(large.body.reservation_id)).status === "CONFIRMED");
  await command(meja, large.body.reservation_id, "cancel", { reason_code: "test" });

  await page.getByRole("button", { name: "Floor" }).click();
  await page.getByRole("button", { name: "Close Teras today" }).click();
  await page.locator("dialog").getByRole("button", { name: "Close Teras today" }).click();
  await allow();
  await page.getByText("Teras is closed for today.").first().waitFor();
  await undo();
  await allow();
  await until("the area to be open", async () => (await meja.api(`/api/venues/${VENUE}/closures`)).body.items.length === 0);
  await leave(visit);
});
