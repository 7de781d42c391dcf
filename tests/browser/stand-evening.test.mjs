// An evening with 80 parties on two stands and a phone at once. Afterwards every screen shows what the service knows, and nothing that
// was acknowledged is lost after a crash. The events are written to MEJA_EVIDENCE, for the checker of the torture suite.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { leave } from "./browser.mjs";
import { until } from "./meja.mjs";
import { atStand, booked, close, hire, open } from "./staff.mjs";

const VENUE = "warung-malam";
const PARTIES = 80;
// Actions of each screen.
const ACTIONS = 25;

let house;
let meja;
let browser;
before(async () => {
  ({ house, meja, browser } = await open({ tables: Array.from({ length: 36 }, (_, at) => ({ id: `T${at + 1}`, area: at < 18 ? "Teras" : "Dalam", seats: at % 3 === 0 ? 4 : 2 })) }));
});
after(() => close({ house, meja, browser }));

// Numbers that are the same in each run.
function random(seed) {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
}

// Answers a question that the screen asks after a refusal, and returns its heading.
async function answer(page) {
  const dialog = page.locator("dialog[open]");
  if (!(await dialog.isVisible())) return null;
  const heading = await dialog.locator("h2").innerText();
  for (const name of [/^Use table/, /^Do it anyway/, /^Never mind/]) {
    const button = dialog.getByRole("button", { name }).first();
    if (!(await button.isVisible())) continue;
    await button.click();
    break;
  }
  await dialog.waitFor({ state: "detached", timeout: 5_000 }).catch(() => undefined);
  return heading;
}

// A host who taps parties and does something with them.
async function work({ page }, seed, wanted) {
  const next = random(seed);
  const refused = [];
  for (let turn = 0; turn < ACTIONS; turn += 1) {
    await page.locator(".parties .row").nth(next(Math.min(20, await page.locator(".parties .row").count()))).click();
    const panel = page.locator(".panel");
    if (!(await panel.isVisible())) continue;
    const buttons = panel.getByRole("button", { name: wanted, disabled: false });
    const count = await buttons.count();
    if (count === 0) continue;
    // Another screen may change the party in that moment, so that it has other buttons.
    const isPressed = await buttons.nth(next(count)).click({ timeout: 2_000 }).then(() => true, () => false);
    if (!isPressed) continue;
    const table = page.locator(".instruction button").first();
    if (await table.isVisible()) await table.click();
    await until("the answer", async () => (await page.locator("[aria-busy=true]").count()) === 0);
    for (let asked = await answer(page); asked; asked = await answer(page)) {
      refused.push(asked);
      await until("the answer", async () => (await page.locator("[aria-busy=true]").count()) === 0);
    }
  }
  return refused;
}

// All events of the log.
async function log() {
  const all = [];
  for (let after = ""; ;) {
    const { body } = await meja.api(`/events?limit=1000${after}`);
    if (body.length === 0) return all;
    all.push(...body);
    after = `&lastEventId=${body.at(-1).id}`;
  }
}

// The changes of parties that the service acknowledged to a screen: the party and the version that it has since.
function acknowledged({ page }) {
  const changes = [];
  page.on("response", async (response) => {
    const isChange = ["POST", "PATCH"].includes(response.request().method()) && /\/api\/(reservations|walk-ins)/.test(response.url());
    if (!isChange || !response.ok()) return;
    const { reservation_id: id, version } = await response.json();
    changes.push({ id, version });
  });
  return changes;
}

test("two stands and a phone work at once, and all of them show the truth", async () => {
  for (let at = 0; at < PARTIES; at += 1) await booked(meja, VENUE, house.slot(5 + Math.floor(at / 3) * 10), { name: `Tamu ${at}` });
  const [sari, budi] = [await hire(meja, "Sari", { host: [VENUE] }, "7294"), await hire(meja, "Budi", { host: [VENUE] }, "5083")];
  const [door, desk] = [await atStand(browser, meja, VENUE, sari), await atStand(browser, meja, VENUE, budi)];
  const phone = await atStand(browser, meja, VENUE, sari, { viewport: { width: 390, height: 844 } });
  const known = [door, desk, phone].map(acknowledged);
  const refused = await Promise.all([
    work(door, 1, /^(Seat|Has left|Not seated after all)$/),
    work(desk, 2, /^(Seat|Move|Size|Party \+1|Party −1|No-show|Came after all)$/),
    work(phone, 3, /^(Seat|Has left|Move|Time \+15|Still here)$/),
  ]);
  console.log(`# refusals: ${JSON.stringify(refused.map((all) => all.length))}`);
  const events = await log();
  assert.ok(events.length > 3 * PARTIES, String(events.length));
  if (process.env.MEJA_EVIDENCE) writeFileSync(join(process.env.MEJA_EVIDENCE, "evening.json"), JSON.stringify(events));
  // Every screen knows what a new one reads.
  const facts = ({ status, start_time: start, party_size: size, tables, version }) =>
    [status, Date.parse(start), size, tables.map(({ table_id: id }) => id).sort().join(), version].join(" ");
  // Read anew for each comparison: the second of two requests can still be under way.
  const truth = async () => {
    const { body } = await meja.api(`/api/reservations?venue_id=${VENUE}&limit=200`);
    assert.equal(body.items.length, PARTIES);
    return new Map(body.items.map((view) => [view.reservation_id, facts(view)]));
  };
  for (const visit of [door, desk, phone]) {
    const shown = () => visit.page.evaluate((venue) => {
      const { evening } = JSON.parse(localStorage.getItem(`meja.1.evening.${venue}`));
      return Object.values(evening.parties).map((party) =>
        [party.id, [party.status, Date.parse(party.start), party.size, [...party.tables].sort().join(), party.version].join(" ")]);
    }, VENUE);
    const different = async () => {
      const known = await truth();
      return (await shown()).filter(([id, text]) => known.get(id) !== text).map(([id, text]) => [text, known.get(id)]);
    };
    await until("the screen to know everything", async () => (await different()).length === 0 && (await shown()).length >= PARTIES, 15)
      .catch(async (error) => assert.fail(`${error.message}: ${JSON.stringify(await different())}`));
    await leave(visit);
  }
  // The log alone knows what was acknowledged.
  await meja.stop("reservation", "SIGKILL");
  await meja.start("reservation");
  const versions = new Map((await meja.api(`/api/reservations?venue_id=${VENUE}&limit=200`)).body.items.map((view) => [view.reservation_id, view.version]));
  assert.ok(known.flat().length > 20, "the screens did too little");
  assert.deepEqual(known.flat().filter(({ id, version }) => !(versions.get(id) >= version)), []);
});
