// The verification of the log from a page: beside bookings, cancelled, and of a log with planted faults; and who may read the
// audit with a session.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { accessible, guest, launch, leave, picture } from "./browser.mjs";
import { Meja, until } from "./meja.mjs";
import { PASSWORD, atStand, booked, close, command, evening, hire } from "./staff.mjs";

const VENUE = "warung-malam";
// Enough that a verification takes some seconds.
const EVENTS = 400_000;
let house;
let meja;
let browser;
before(async () => {
  house = evening();
  meja = new Meja({ RESERVATION_VENUES: house.dir });
  execFileSync(join(process.env.MEJA_BIN, "examples/fill"), [join(meja.dir, "reservation"), String(EVENTS)]);
  await meja.start();
  browser = await launch();
  await until("a checkpoint", async () => (await fetch(`${meja.url}/log/checkpoint`)).ok, 90);
});
after(() => close({ house, meja, browser }));

async function audit(path) {
  const visit = await guest(browser, meja, { viewport: { width: 1280, height: 900 } });
  await visit.page.goto(`${meja.url}/audit`);
  await visit.page.getByRole("link", { name: "Verify" }).first().click();
  await visit.page.getByText("This needs a key").or(visit.page.getByText("enter a key")).first().waitFor();
  await visit.page.getByRole("textbox", { name: "Key" }).fill(meja.owner.Authorization.replace("Bearer ", ""));
  await visit.page.getByRole("button", { name: "Use this key" }).click();
  await visit.page.getByRole("button", { name: "Forget the key" }).waitFor();
  if (path !== "/audit/verify") await visit.page.goto(meja.url + path);
  return visit;
}

const verification = async () => (await fetch(`${meja.reservation}/api/log/verification`, { headers: meja.owner })).json();

test("the log is verified while bookings go on, one verification at a time", async () => {
  const visit = await audit("/audit/verify");
  const { page } = visit;
  await page.getByRole("button", { name: "Verify now" }).click();
  await page.getByText(/^Position [\d,]+ of/).waitFor();
  // A second one is refused, and bookings go on.
  const second = await meja.api("/api/log/verification", {});
  assert.deepEqual([second.status, second.body.code], [409, "already_verifying"]);
  let bookings = 0;
  while ((await verification()).status === "running") {
    const { reservation_id: id } = await booked(meja, VENUE, house.slot(30), { name: `Guest ${bookings}` });
    await command(meja, id, "cancel", { reason_code: "test" });
    bookings += 1;
    if (bookings === 1) await accessible(page, "a verification under way");
  }
  assert.ok(bookings > 0);
  await page.getByText(/^The log is valid up to position/).waitFor();
  const done = await verification();
  assert.equal(done.position, done.head);
  assert.ok(done.head >= EVENTS && done.private_parts_proved === done.private_parts, JSON.stringify(done));
  assert.equal(done.checkpoints.every(({ is_kept: isKept }) => isKept === true), true);
  await accessible(page, "a valid log");
  await picture(page, "audit-verify");
  await leave(visit);
});

test("a verification is cancelled, and says how far it came", async () => {
  const visit = await audit("/audit/verify");
  const { page } = visit;
  // On a slow machine the verification can end before the button is found.
  for (let attempt = 0; attempt < 5; attempt++) {
    await page.getByRole("button", { name: "Verify now" }).click();
    await page.getByRole("button", { name: "Cancel" }).click({ timeout: 10_000 }).catch(() => undefined);
    await until("the verification to end", async () => (await verification()).status !== "running");
    if ((await verification()).status === "cancelled") break;
  }
  await page.getByText(/^Cancelled at position/).waitFor();
  const { status, position, head } = await verification();
  assert.equal(status, "cancelled");
  assert.ok(position < head, `${position} of ${head}`);
  await leave(visit);
});

test("an older checkpoint proves that the log was not rewritten, and one of another log is refused", async () => {
  const kept = await (await fetch(`${meja.url}/log/checkpoint`)).text();
  const visit = await audit("/audit/verify");
  const { page } = visit;
  await page.getByText("Compare with an older checkpoint").click();
  const checkpoint = page.getByLabel("Checkpoint");
  await checkpoint.fill(kept.replace(/\n(\d+)\n/, (_, size) => `\n${Number(size) - 1}\n`));
  await page.getByRole("button", { name: "Verify now" }).click();
  await page.locator(".trouble", { hasText: "no key of this log has signed it" }).waitFor();
  await checkpoint.fill(kept);
  await page.getByRole("button", { name: "Verify now" }).click();
  await page.getByText(/^The log is valid up to position/).waitFor();
  await page.getByRole("row", { name: /^Your checkpoint the log begins with/ }).waitFor();
  await leave(visit);
});

test("a person signs in after a key that is not valid", async () => {
  const person = await hire(meja, "Wayan", { manager: [VENUE] }, "6620");
  const visit = await audit("/audit/log");
  const { page } = visit;
  await page.evaluate(() => sessionStorage.setItem("meja.audit.key", "meja_000000000000_x"));
  await page.reload();
  await page.getByRole("heading", { name: "The key is not valid: enter another one" }).waitFor();
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByLabel("E-mail").fill(person.email);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.locator(".event").first().waitFor();
  await leave(visit);
});

test("a manager reads the log and the bookings of the own venue with a session, also in Indonesian", async () => {
  const person = await hire(meja, "Dewi", { manager: [VENUE] }, "5591");
  const { reservation_id: id } = await booked(meja, VENUE, house.slot(300), { name: "Made Jaya" });
  const visit = await atStand(browser, meja, VENUE, person);
  const { page } = visit;
  await page.goto(`${meja.url}/audit/r/${id}?lang=id`);
  await page.getByRole("heading", { name: "Riwayat" }).waitFor();
  await accessible(page, "a booking in Indonesian");
  await page.goto(`${meja.url}/audit/log`);
  await page.locator(".event").first().waitFor();
  const shown = await page.locator(".event .type").allTextContents();
  assert.ok(shown.every((type) => !type.startsWith("access.")), shown.join(" "));
  await leave(visit);
});

test("planted faults are found and named", async () => {
  const { reservation_id: id } = await booked(meja, VENUE, house.slot(200), { name: "Sari Wulandari" });
  await until("the messages to be reported", async () => {
    const { body } = await meja.api(`/api/reservations/${id}/history`);
    return body.entries.filter(({ action }) => action === "notification.sent").length === 2;
  });
  for (const name of ["gateway", "notifier", "reservation"]) await meja.stop(name, "SIGTERM");
  // The log is written anew with a name that its digest does not match, and with a condition that another event violates.
  const log = (...more) => execFileSync(join(process.env.MEJA_BIN, "reservation"), ["log", ...more, "--data-dir", join(meja.dir, "reservation")], { maxBuffer: 1 << 30 });
  const file = join(meja.dir, "export");
  log("export", "--with-confidential", "--to", file);
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  const of = lines.map((line, index) => ({ index, line })).filter(({ line }) => line.includes(`"subject":"reservation/${id}"`));
  const plant = (index, change) => {
    const at = lines[index].indexOf('"mejalog":');
    const { mejalog } = JSON.parse(lines[index]);
    const inner = JSON.parse(mejalog);
    change(inner);
    lines[index] = `${lines[index].slice(0, at)}"mejalog":${JSON.stringify(JSON.stringify(inner))}}`;
  };
  const created = of[0].index;
  const later = of.at(-1).index;
  plant(created, (inner) => (inner.private = Buffer.from(Buffer.from(inner.private, "base64").toString().replace("Wulandari", "Wulandara")).toString("base64")));
  plant(later, (inner) => (inner.append.after = created));
  writeFileSync(file, `${lines.join("\n")}\n`);
  rmSync(join(meja.dir, "reservation/log"), { recursive: true });
  renameSync(join(meja.dir, "reservation"), join(meja.dir, "before"));
  execFileSync(join(process.env.MEJA_BIN, "reservation"), ["log", "import", "--into", join(meja.dir, "reservation"), file]);
  await meja.start();
  const visit = await audit("/audit/verify");
  const { page } = visit;
  await page.getByRole("button", { name: "Verify now" }).click();
  await page.getByText("The log cannot be trusted: 2 faults.").waitFor();
  await page.getByText(`the confidential payload of ${created + 1} does not match the digest in its event`).waitFor();
  await page.getByText(`the condition of the append at ${later + 1} is violated by the event at ${created + 1}`).waitFor();
  await accessible(page, "a broken log");
  await picture(page, "audit-broken");
  await leave(visit);
});
