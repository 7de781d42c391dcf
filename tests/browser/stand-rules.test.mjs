// The rules editor: a manager changes hours, tables, closures and policy, and sees what that strands before it is saved.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible, guest, leave, picture } from "./browser.mjs";
import { until } from "./meja.mjs";
import { PASSWORD, atStand, booked, close, command, hire, open } from "./staff.mjs";

const VENUE = "warung-malam";
// In bytes as they are sent, with brotli.
const SCRIPT_BYTES_MAX = 70 * 1024;
let house;
let meja;
let browser;
let sari;
let made;
before(async () => {
  ({ house, meja, browser } = await open());
  sari = await hire(meja, "Sari", { host: [VENUE] }, "7294");
  made = await hire(meja, "Made", { manager: [VENUE] }, "6157");
});
after(() => close({ house, meja, browser }));

const rules = () => meja.api(`/api/venues/${VENUE}/rules`).then(({ body }) => body);
const view = (id) => meja.api(`/api/reservations/${id}`).then(({ body }) => body);
const tomorrow = () => house.slot(24 * 60);

// A browser in which a manager has signed in with a password and opened the editor.
async function atDesk(options = {}) {
  const visit = await guest(browser, meja, { viewport: { width: 1280, height: 900 }, ...options });
  const { page } = visit;
  await page.goto(`${meja.url}/stand/${VENUE}/rules`);
  await signIn(page);
  return visit;
}

async function signIn(page) {
  await page.locator("summary", { hasText: /Password|Kata sandi/ }).waitFor();
  await page.locator("input[type=email]").fill(made.email);
  await page.locator("input[type=password]").fill(PASSWORD);
  await page.locator("form", { has: page.locator("input[type=email]") }).getByRole("button").click();
  await page.getByRole("heading", { level: 1, name: /Warung Malam/ }).waitFor();
}

const check = async (page) => {
  await page.getByRole("button", { name: "Check", exact: true }).last().click();
  await page.locator(".outcome .preview h2").first().waitFor().catch(() => undefined);
  assert.match(await page.locator(".outcome").innerText(), /If you save this/);
};
const save = async (page) => {
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByRole("heading", { name: "Saved" }).waitFor();
};
const section = (page, id) => page.locator(`section#${id}`);

test("a manager closes an hour earlier, sees which booking that strands, and saves it", async () => {
  const { reservation_id: id } = await booked(meja, VENUE, tomorrow(), { name: "Rina Hartono", party: 4 });
  const visit = await atDesk();
  const { page } = visit;
  await accessible(page, "rules");
  await picture(page, "rules");
  const bytes = await page.evaluate(() => performance.getEntriesByType("resource")
    .filter(({ name }) => name.endsWith(".js")).reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0));
  assert.ok(bytes > 0 && bytes <= SCRIPT_BYTES_MAX, String(bytes));
  const hours = section(page, "hours");
  const before = (await rules()).services[0];
  // The time at which the party would come is closed.
  const start = (await view(id)).start_time.slice(11, 16);
  const [hour] = start.split(":").map(Number);
  const closes = `${String(hour - 1).padStart(2, "0")}:00`;
  await hours.getByLabel("Closes").fill(closes);
  await hours.getByLabel("Last arrival").fill("");
  await check(page);
  await page.getByText("Bookings that would no longer comply: 1").waitFor();
  await page.getByText(`services › Makan malam`, { exact: false }).or(page.getByText("Services › Makan malam › Closes")).first().waitFor();
  await page.locator(".preview").getByText("closed at that time").waitFor();
  await accessible(page, "rules with a preview");
  await picture(page, "rules-preview");
  assert.deepEqual((await rules()).services[0], before, "a check must not save anything");
  await save(page);
  await page.getByText("Bookings that do not comply: 1.", { exact: false }).waitFor();
  const now = (await rules()).services[0];
  assert.equal(now.closes, closes);
  assert.ok(!("last_arrival" in now));
  await until("the booking to be marked", async () => (await view(id)).affected_by_rules === "closed");
  // And back again.
  await hours.getByLabel("Closes").fill(before.closes);
  await hours.getByLabel("Last arrival").fill(before.last_arrival);
  await check(page);
  await page.getByText("Every booking still complies with the rules.").waitFor();
  await save(page);
  await until("the mark to go", async () => (await view(id)).affected_by_rules === null);
  assert.deepEqual((await rules()).services[0], before);
  await command(meja, id, "cancel", { reason_code: "test" });
  await leave(visit);
});

test("tables are added, renamed, put on the plan and moved there with keys and by hand", async () => {
  const visit = await atDesk();
  const { page } = visit;
  const tables = section(page, "tables");
  await tables.getByRole("button", { name: "Add a table" }).click();
  await tables.getByLabel("Table", { exact: false }).last().waitFor();
  await page.locator("#field-tables-5-id").fill("B3");
  await page.locator("#field-tables-5-area").fill("Dalam");
  await page.locator("#field-tables-5-seats").fill("8");
  await page.locator("#field-tables-5-combinable_with").fill("B1, B2");
  await page.locator("#field-tables-5-combinable_with").press("Tab");
  await tables.getByRole("button", { name: "Dalam", exact: true }).click();
  for (const table of ["B1", "B2", "B3"]) await tables.getByRole("button", { name: `Put ${table} on the plan` }).click();
  const drawn = tables.getByRole("button", { name: /^B3 8/ });
  await drawn.focus();
  for (let n = 0; n < 3; n += 1) await page.keyboard.press("ArrowDown");
  await accessible(page, "plan");
  const place = /(\d+) cm from the left, (\d+) cm/.exec(await drawn.textContent()).slice(1).map(Number);
  // Dragged a hundred pixels to the right.
  await drawn.evaluate((element) => element.scrollIntoView({ block: "center" }));
  const box = await drawn.boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width / 2 + 100, box.y + box.height / 2, { steps: 5 });
  await page.mouse.up();
  await check(page);
  await save(page);
  const saved = (await rules()).tables.find(({ id }) => id === "B3");
  assert.deepEqual({ ...saved, x: 0 }, { id: "B3", area: "Dalam", seats: 8, combinable_with: ["B1", "B2"], x: 0, y: place[1] });
  assert.ok(saved.x > place[0] && saved.x % 10 === 0, `${saved.x} after ${place[0]}`);
  // A new name is taken over where the table is mentioned.
  await page.locator("#field-tables-3-id").fill("B9");
  await page.locator("#field-tables-3-id").press("Tab");
  await check(page);
  await save(page);
  assert.deepEqual((await rules()).tables.find(({ id }) => id === "B3").combinable_with, ["B9", "B2"]);
  await leave(visit);
});

test("exceptions, turn times, pacing and policy are edited, and faults are named at their fields", async () => {
  const visit = await atDesk();
  const { page } = visit;
  const exceptions = section(page, "exceptions");
  await exceptions.getByRole("button", { name: "Add an exception" }).click();
  await exceptions.getByLabel("Days", { exact: true }).selectOption("yearly");
  await exceptions.getByLabel("Month and day, such as 12-25").fill("13-45");
  await exceptions.getByLabel("Note").fill("Natal");
  await page.getByRole("button", { name: "Check", exact: true }).last().click();
  await page.getByRole("heading", { name: "This cannot be saved yet" }).waitFor();
  await accessible(page, "rules with a fault");
  await page.locator(".preview a").first().click();
  const field = exceptions.getByLabel("Month and day, such as 12-25");
  assert.equal(await field.getAttribute("aria-invalid"), "true");
  await field.fill("12-25");
  const turns = section(page, "turn_times");
  await turns.getByRole("button", { name: "Add a turn time" }).click();
  await turns.getByLabel("Parties of up to").last().fill("4");
  await turns.getByLabel("keep their table").last().fill("75");
  await section(page, "pacing").getByLabel("Most guests per arrival time").fill("30");
  const policy = section(page, "policy");
  await policy.getByRole("button", { name: "Deposit", exact: true }).click();
  // In English this could be fifty.
  await policy.getByLabel("Amount").fill("50.000");
  await policy.getByLabel("Amount").press("Tab");
  assert.equal(await policy.getByLabel("Amount").evaluate((input) => input.validity.customError), true);
  await policy.getByLabel("Amount").fill("50,000");
  await policy.getByLabel("No-show after (empty: only staff)").fill("");
  await policy.getByLabel("Proof of the guest's contact").selectOption("link");
  await check(page);
  await save(page);
  const now = await rules();
  assert.deepEqual(now.exceptions, [{ yearly: "12-25", closed: true, note: "Natal" }]);
  assert.deepEqual(now.turn_minutes, [{ up_to_party: 4, minutes: 75 }, { up_to_party: 50, minutes: 90 }]);
  assert.deepEqual(now.pacing, { covers_per_slot: 30 });
  // 50,000 rupiah are five million sen.
  assert.deepEqual(now.policy.deposit, { from_party_size: 6, per: "guest", amount_minor: 5_000_000 });
  assert.ok(!("no_show_grace_minutes" in now.policy) && now.policy.contact_proof === "link");
  await leave(visit);
});

test("rules that another manager saved meanwhile are not overwritten unseen", async () => {
  const [one, two] = [await atDesk(), await atDesk()];
  await section(one.page, "pacing").getByLabel("Most guests per arrival time").fill("33");
  await check(one.page);
  await save(one.page);
  await section(two.page, "pacing").getByLabel("Most parties per arrival time").fill("7");
  await two.page.getByRole("button", { name: "Check", exact: true }).last().click();
  await two.page.getByRole("heading", { name: "Changed meanwhile" }).waitFor();
  await accessible(two.page, "changed meanwhile");
  assert.equal((await rules()).pacing.covers_per_slot, 33);
  await two.page.getByRole("button", { name: "Take theirs: mine is lost" }).click();
  await section(two.page, "pacing").getByLabel("Most parties per arrival time").fill("8");
  await check(two.page);
  await save(two.page);
  assert.deepEqual((await rules()).pacing, { covers_per_slot: 33, parties_per_slot: 8 });
  for (const visit of [one, two]) await leave(visit);
});

test("a lost answer to a save is no conflict with oneself", async () => {
  const visit = await atDesk();
  const { page } = visit;
  await section(page, "pacing").getByLabel("Most guests per arrival time").fill("36");
  await check(page);
  let lost = 0;
  await page.route(`**/api/venues/${VENUE}/rules`, async (route) => {
    if (route.request().method() !== "PUT" || lost > 0) return route.fallback();
    lost += 1;
    await route.fetch();
    await route.abort();
  });
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByText("There was no answer. Nothing is lost here: try again.").waitFor();
  assert.equal((await rules()).pacing.covers_per_slot, 36);
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByText("Saved").first().waitFor();
  assert.equal(await page.getByText("Changed meanwhile").count(), 0);
  await leave(visit);
});

test("what is typed while a request is under way stays, and is neither checked nor saved", async () => {
  const visit = await atDesk();
  const { page } = visit;
  const [guests, parties] = ["Most guests per arrival time", "Most parties per arrival time"].map((name) => section(page, "pacing").getByLabel(name));
  let let_go = () => undefined;
  await page.route(`**/api/venues/${VENUE}/rules*`, async (route) => {
    if (route.request().method() === "PUT") await new Promise((done) => (let_go = done));
    await route.continue();
  });
  const during = async (button, act) => {
    const answered = page.waitForResponse((response) => response.request().method() === "PUT");
    await page.getByRole("button", { name: button, exact: true }).last().click();
    await act();
    let_go();
    await answered;
    await until("the answer to count", async () => page.getByRole("button", { name: "Check", exact: true }).last().isEnabled());
  };
  await guests.fill("37");
  await guests.press("Tab");
  await during("Check", async () => {
    await guests.fill("1");
    await guests.press("Tab");
  });
  assert.equal(await page.getByRole("button", { name: "Save", exact: true }).count(), 0, "other rules were checked");
  await guests.fill("37");
  await guests.press("Tab");
  await during("Check", async () => undefined);
  await during("Save", async () => {
    await parties.fill("9");
    await parties.press("Tab");
  });
  assert.equal(await parties.inputValue(), "9");
  assert.equal((await rules()).pacing.covers_per_slot, 37);
  assert.notEqual((await rules()).pacing.parties_per_slot, 9);
  await page.getByRole("button", { name: "Undo all changes" }).click();
  assert.equal(await guests.inputValue(), "37");
  await leave(visit);
});

test("a session that ends in between costs a sign-in and no change", async () => {
  const visit = await atDesk();
  const { page, context } = visit;
  // As a manager who comes from the stand.
  await page.reload();
  await page.getByRole("heading", { level: 1, name: /Warung Malam/ }).waitFor();
  await section(page, "pacing").getByLabel("Most guests per arrival time").fill("38");
  await context.clearCookies();
  await page.getByRole("button", { name: "Check", exact: true }).last().click();
  await signIn(page);
  assert.equal(await section(page, "pacing").getByLabel("Most guests per arrival time").inputValue(), "38");
  await check(page);
  await save(page);
  assert.equal((await rules()).pacing.covers_per_slot, 38);
  await leave(visit);
});

test("a closure is tried, declared and lifted", async () => {
  const { reservation_id: id } = await booked(meja, VENUE, tomorrow(), { name: "Tono Wijaya", party: 2, area: "Teras" });
  const date = (await view(id)).business_date ?? (await view(id)).start_time.slice(0, 10);
  const visit = await atDesk();
  const { page } = visit;
  const closures = section(page, "closures");
  await closures.getByRole("button", { name: "Add a closure" }).click();
  await closures.getByLabel("From").fill(date);
  await closures.getByRole("button", { name: "Teras", exact: true }).click();
  // What was tried is what is declared.
  await closures.getByRole("button", { name: "Check" }).click();
  await closures.getByRole("button", { name: "Close now" }).waitFor();
  await closures.getByRole("button", { name: "Teras", exact: true }).click();
  assert.equal(await closures.getByRole("button", { name: "Close now" }).count(), 0);
  await closures.getByRole("button", { name: "Teras", exact: true }).click();
  await closures.getByRole("button", { name: "Check" }).click();
  await closures.locator("[role=status], [role=alert]").first().waitFor();
  assert.match(await closures.innerText(), /Bookings that this would affect: 1/);
  await accessible(page, "closure");
  assert.equal((await view(id)).closure_id, null);
  await closures.getByRole("button", { name: "Close now" }).click();
  await closures.getByText("bookings affected: 1", { exact: false }).waitFor();
  await until("the booking to be under the closure", async () => (await view(id)).closure_id !== null);
  await closures.getByRole("button", { name: `Lift ${date}` }).click();
  await until("the closure to be lifted", async () => (await closures.locator(".cards li").count()) === 0);
  await until("the booking to be free again", async () => (await view(id)).closure_id === null);
  await leave(visit);
});

test("the document is edited as JSON, with members that have no field", async () => {
  const visit = await atDesk({ locale: "id-ID" });
  const { page } = visit;
  assert.equal(await page.locator("html").getAttribute("lang"), "id");
  await accessible(page, "aturan");
  await page.getByText("Dokumen JSON").click();
  const box = page.getByRole("textbox", { name: "Dokumen JSON" });
  const text = await until("the document to be shown", () => box.inputValue());
  const document = JSON.parse(text);
  await box.fill(JSON.stringify({ ...document, location: { latitude: -6.9, longitude: 107.6 } }));
  await page.getByRole("button", { name: "Masukkan ke penyunting" }).click();
  await page.getByRole("button", { name: "Periksa", exact: true }).last().click();
  await page.getByRole("heading", { name: "Jika disimpan" }).waitFor();
  await page.getByRole("button", { name: "Simpan", exact: true }).click();
  await page.getByRole("heading", { name: "Tersimpan" }).waitFor();
  assert.deepEqual((await rules()).location, { latitude: -6.9, longitude: 107.6 });
  await leave(visit);
});

test("a host does not change rules", async () => {
  const visit = await atStand(browser, meja, VENUE, sari);
  const { page } = visit;
  await page.goto(`${meja.url}/stand/${VENUE}/rules`);
  await page.getByText("Only managers and owners of this restaurant can change its rules.", { exact: false }).waitFor();
  await accessible(page, "managers only");
  await leave(visit);
});
