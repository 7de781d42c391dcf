// One stream for all windows of a browser, and a log that an older backup replaced.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { leave } from "./browser.mjs";
import { until } from "./meja.mjs";
import { atStand, booked, close, command, hire, open, row } from "./staff.mjs";

const VENUE = "warung-malam";
let house;
let meja;
let browser;
let sari;
before(async () => {
  ({ house, meja, browser } = await open());
  sari = await hire(meja, "Sari", { host: [VENUE] }, "7294");
});
after(() => close({ house, meja, browser }));

// The number of consumers that wait for events: the notifier, and each stream.
async function waiters() {
  const metrics = await (await fetch(`${meja.reservation}/metrics`, { headers: meja.owner })).text();
  return Number(metrics.match(/^meja_feed_waiters (\d+)$/m)?.[1] ?? 0);
}
const streams = (count) => until(`${count} open streams`, async () => (await waiters()) === count + 1);
const isLive = (page) => page.locator(".connection", { hasText: "Live" }).waitFor();

// Ends the shared worker, as a device does that is short of memory.
async function endWorker() {
  const system = await browser.newBrowserCDPSession();
  const { targetInfos: [worker] } = await system.send("Target.getTargets", { filter: [{ type: "shared_worker" }] });
  await system.send("Target.closeTarget", { targetId: worker.targetId });
  await streams(0);
}

async function another({ context }) {
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  await page.goto(`${meja.url}/stand/${VENUE}`);
  await isLive(page);
  return page;
}

test("the windows of a browser share one stream, and each goes on when another is closed", async () => {
  await streams(0);
  const visit = await atStand(browser, meja, VENUE, sari);
  const second = await another(visit);
  const { reservation_id: id } = await booked(meja, VENUE, house.slot(5), { name: "Nyoman Rai" });
  for (const page of [visit.page, second]) await row(page, "Nyoman R.").waitFor();
  // This one is opened after the event.
  const third = await another(visit);
  await streams(1);
  await command(meja, id, "check-in");
  for (const page of [visit.page, second, third]) await row(page, "Nyoman R.").getByText("seated").waitFor();
  // A browser of another person has a stream of its own.
  const elsewhere = await atStand(browser, meja, VENUE, sari);
  await streams(2);
  await leave(elsewhere);
  await visit.page.close();
  await second.close();
  await streams(1);
  await command(meja, id, "complete");
  await row(third, "Nyoman R.").waitFor({ state: "hidden" });
  await leave(visit);
  await streams(0);
});

test("all windows show that the connection is lost, and are current when it is back", async () => {
  const visit = await atStand(browser, meja, VENUE, sari);
  const pages = [visit.page, await another(visit)];
  await meja.stop("gateway");
  for (const page of pages) await page.locator(".connection", { hasText: /As of/ }).waitFor();
  const { reservation_id: id } = await booked(meja, VENUE, house.slot(5), { name: "Wayan Tilem" });
  await meja.start("gateway");
  for (const page of pages) await row(page, "Wayan T.").waitFor();
  for (const page of pages) await isLive(page);
  await command(meja, id, "cancel", { reason_code: "test" });
  for (const page of pages) await row(page, "Wayan T.").waitFor({ state: "hidden" });
  await leave(visit);
});

test("a browser without shared workers follows with each window", async () => {
  const visit = await atStand(browser, meja, VENUE, sari);
  await visit.context.addInitScript(() => delete window.SharedWorker);
  await visit.page.reload();
  await isLive(visit.page);
  await another(visit);
  await streams(2);
  await leave(visit);
});

test("a window goes on alone when the worker cannot be loaded", async () => {
  const visit = await atStand(browser, meja, VENUE, sari, { serviceWorkers: "block" });
  await visit.context.route(`**/stand/${VENUE}`, async (route) => {
    const page = await route.fetch();
    await route.fulfill({ response: page, body: (await page.text()).replace(/data-stream="[^"]+"/, 'data-stream="/assets/stream-gone.js"') });
  });
  await visit.page.reload();
  await isLive(visit.page);
  await another(visit);
  await streams(2);
  await leave(visit);
});

test("a window finds out that the browser has ended the worker, and starts another one", async () => {
  const visit = await atStand(browser, meja, VENUE, sari);
  const { page } = visit;
  await page.clock.install();
  await page.reload();
  await isLive(page);
  await streams(1);
  await endWorker();
  const { reservation_id: id } = await booked(meja, VENUE, house.slot(5), { name: "Made Suteja" });
  // It has been silent for a minute.
  await page.clock.fastForward(61_000);
  await row(page, "Made S.").waitFor();
  await isLive(page);
  await streams(1);
  // When the page is shown again, it asks at once.
  await endWorker();
  await command(meja, id, "cancel", { reason_code: "test" });
  await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await row(page, "Made S.").waitFor({ state: "hidden" });
  await streams(1);
  await leave(visit);
});

test("a log that an older backup replaced is recognised, and the evening is read anew", async () => {
  const visit = await atStand(browser, meja, VENUE, sari);
  const { page } = visit;
  const second = await another(visit);
  const kept = await booked(meja, VENUE, house.slot(5), { name: "Ketut Lama" });
  await row(page, "Ketut L.").waitFor();
  const backup = join(meja.dir, "evening.meja");
  meja.logTool("backup", backup, "--from", meja.reservation);
  await booked(meja, VENUE, house.slot(5), { name: "Gusti Hilang" });
  for (const one of [page, second]) await row(one, "Gusti H.").waitFor();
  await meja.stop("reservation");
  await page.locator(".connection", { hasText: /As of/ }).waitFor();
  meja.logTool("restore", "--force", backup);
  await meja.start("reservation");
  // The second one reads the replaced log before the stream can find out.
  await second.reload();
  for (const one of [page, second]) {
    await row(one, "Ketut L.").waitFor();
    await row(one, "Gusti H.").waitFor({ state: "hidden" });
    await isLive(one);
  }
  await command(meja, kept.reservation_id, "check-in");
  for (const one of [page, second]) await row(one, "Ketut L.").getByText("seated").waitFor();
  await leave(visit);
});
