// The stand and time: a tablet that slept, the hours after midnight, and the nights on which the clocks change, in a browser that
// is in another time zone.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch, leave } from "./browser.mjs";
import { Meja, until } from "./meja.mjs";
import { atStand, booked, command, evening, hire, row } from "./staff.mjs";

const MINUTE_MS = 60_000;
let browser;
before(async () => {
  browser = await launch();
});
after(async () => {
  await browser?.close();
});

test("a tablet that slept for ten minutes shows the truth when it wakes up", async () => {
  const house = evening();
  const meja = await new Meja({ RESERVATION_VENUES: house.dir }, true).start();
  try {
    const venue = "warung-malam";
    const sari = await hire(meja, "Sari", { host: [venue] }, "7294");
    const ids = {};
    for (const name of ["Rina Hartono", "Tono Wijaya", "Dewi Lestari"]) ids[name] = (await booked(meja, venue, house.slot(5), { name })).reservation_id;
    const visit = await atStand(browser, meja, venue, sari);
    const { page, context } = visit;
    await page.clock.install();
    await page.reload();
    await row(page, "Dewi L.").waitFor();
    await page.locator(".connection", { hasText: "Live" }).waitFor();
    const clock = () => page.locator(".clock").innerText();
    const minutes = (text) => text.split(":").map(Number).reduce((hours, rest) => hours * 60 + rest);
    const asleep = minutes(await clock());
    const session = await context.newCDPSession(page);
    await session.send("Page.setWebLifecycleState", { state: "frozen" });
    // The evening goes on: one party sits down, one cancels, one books, and the connection is long gone.
    await meja.stop("gateway");
    await command(meja, ids["Rina Hartono"], "check-in");
    await command(meja, ids["Tono Wijaya"], "cancel", { reason_code: "guest_request" });
    await booked(meja, venue, house.slot(30), { name: "Agus Salim" });
    meja.later(10);
    await meja.start("gateway");
    await session.send("Page.setWebLifecycleState", { state: "active" });
    await page.clock.fastForward(10 * MINUTE_MS);
    await row(page, "Agus S.").waitFor();
    await row(page, "Rina H.").getByText("seated").waitFor();
    await row(page, "Tono W.").waitFor({ state: "hidden" });
    await page.locator(".connection", { hasText: "Live" }).waitFor();
    const awake = minutes(await clock());
    assert.ok([10, 11, 10 - 24 * 60].includes(awake - asleep), `${asleep} ${awake}`);
    // And the host goes on with it.
    await row(page, "Dewi L.").getByText(/late|due/).waitFor();
    await row(page, "Dewi L.").locator(".row").click();
    await page.locator(".panel").getByRole("button", { name: "Seat" }).click();
    await until("the party to be seated", async () => (await meja.api(`/api/reservations/${ids["Dewi Lestari"]}`)).body.status === "CHECKED_IN");
    await leave(visit);
  } finally {
    await meja.end();
    rmSync(house.dir, { recursive: true, force: true });
  }
});

// A house that is open until five in the morning, with services whose clock stands at `now`.
async function atNight(now, run) {
  const dir = mkdtempSync(join(tmpdir(), "meja-venue-"));
  const days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
  writeFileSync(join(dir, "osteria.json"), JSON.stringify({
    id: "osteria", name: "Osteria Notturna", timezone: "Europe/Rome", country: "IT", currency: "EUR", locale: "en",
    tables: [{ id: "1", area: "Sala", seats: 4 }, { id: "2", area: "Sala", seats: 4 }],
    services: [{ name: "Cena", days, opens: "19:00", closes: "05:00", last_arrival: "04:00" }],
    slot_minutes: 15, turn_minutes: [{ up_to_party: 50, minutes: 90 }], policy: { auto_confirm: true },
  }));
  const meja = new Meja({ RESERVATION_VENUES: dir }, true);
  // Within the minute that begins then: the clock moves by whole minutes.
  const at = (time) => meja.later(Math.ceil((Date.parse(time) - Date.now()) / MINUTE_MS));
  at(now);
  try {
    await meja.start();
    const sari = await hire(meja, "Sari", { host: ["osteria"] }, "7294");
    const visit = await atStand(browser, meja, "osteria", sari, { timezoneId: "America/Los_Angeles" });
    await visit.page.clock.install();
    await visit.page.reload();
    await visit.page.locator(".connection", { hasText: "Live" }).waitFor();
    await run({ meja, at, page: visit.page, panel: visit.page.locator(".panel") });
    await leave(visit);
  } finally {
    await meja.end();
    rmSync(dir, { recursive: true, force: true });
  }
}

const start = async (meja, id) => Date.parse((await meja.api(`/api/reservations/${id}`)).body.start_time);

test("the night on which the clocks go forward belongs to its evening, until the house closes", async () => {
  // At two it is three: 02:00 CET is 03:00 CEST.
  await atNight("2027-03-28T00:30:00Z", async ({ meja, at, page, panel }) => {
    await page.getByRole("heading", { name: /27 March/ }).waitFor();
    await page.locator(".clock", { hasText: /^01:3/ }).waitFor();
    const { reservation_id: id } = await booked(meja, "osteria", "2027-03-28T01:45", { name: "Anna Bianchi" });
    assert.equal(await start(meja, id), Date.parse("2027-03-28T00:45:00Z"));
    await row(page, "Anna B.").getByText("01:45").waitFor();
    await row(page, "Anna B.").locator(".row").click();
    await panel.getByText("01:45–04:15").waitFor();
    // A quarter of an hour later it is three.
    await panel.getByRole("button", { name: "Time +15" }).click();
    await panel.getByText("03:00–04:30").waitFor();
    assert.equal(await start(meja, id), Date.parse("2027-03-28T01:00:00Z"));
    await page.locator(".notice").getByRole("button", { name: "Undo" }).click();
    await panel.getByText("01:45–04:15").waitFor();
    await panel.getByRole("button", { name: "Seat" }).click();
    await row(page, "Anna B.").getByText("seated").waitFor();
    at("2027-03-28T02:20:00Z");
    await row(page, "Anna B.").getByText(/overdue/).waitFor({ timeout: 60_000 });
    await page.locator(".clock", { hasText: /^04:2/ }).waitFor();
    await page.getByRole("heading", { name: /27 March/ }).waitFor();
    await panel.getByRole("button", { name: "Has left" }).click();
    await page.getByText("Anna B. has left.").first().waitFor();
    // After the house has closed the next evening begins.
    const next = await booked(meja, "osteria", "2027-03-28T20:00", { name: "Luca Verdi" });
    assert.equal(await start(meja, next.reservation_id), Date.parse("2027-03-28T18:00:00Z"));
    assert.equal(await row(page, "Luca V.").count(), 0);
    at("2027-03-28T12:00:00Z");
    // The stand asks every five minutes.
    await page.clock.fastForward(5 * MINUTE_MS);
    await page.getByRole("heading", { name: /28 March/ }).waitFor();
    await row(page, "Luca V.").getByText("20:00").waitFor();
  });
});

test("in the night on which the clocks go back each hour is the one that the host sees", async () => {
  // At three it is two again: 02:45 CEST is followed by 02:00 CET.
  await atNight("2027-10-31T00:10:00Z", async ({ meja, page, panel }) => {
    await page.getByRole("heading", { name: /30 October/ }).waitFor();
    await page.locator(".clock", { hasText: /^02:1/ }).waitFor();
    const { reservation_id: id } = await booked(meja, "osteria", "2027-10-31T00:45:00Z", { name: "Anna Bianchi" });
    await row(page, "Anna B.").locator(".row").click();
    await panel.getByText("02:45–03:15").waitFor();
    for (const expected of ["2027-10-31T01:00:00Z", "2027-10-31T01:15:00Z"]) {
      await panel.getByRole("button", { name: "Time +15" }).click();
      await until(`the party to come at ${expected}`, async () => (await start(meja, id)) === Date.parse(expected));
    }
    await panel.getByText("02:15–03:45").waitFor();
    await panel.getByRole("button", { name: "Time −15" }).click();
    await until("the party to come earlier", async () => (await start(meja, id)) === Date.parse("2027-10-31T01:00:00Z"));
  });
});
