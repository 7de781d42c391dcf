// People who work at a venue, and the devices at its stand.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { guest, launch } from "./browser.mjs";
import { Meja } from "./meja.mjs";

export const PASSWORD = "kelapa motor sunyi bendera";

// Requests of a browser without a window: it keeps its cookies.
class Agent {
  constructor(meja) {
    this.meja = meja;
    this.cookies = new Map();
  }

  async send(method, path, body, headers = {}) {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const answer = await fetch(this.meja.reservation + path, {
      method, body: body && JSON.stringify(body),
      headers: { "content-type": "application/json", ...(cookie && { cookie }), ...headers },
    });
    for (const line of answer.headers.getSetCookie()) {
      const [name, value] = line.split(";")[0].split("=");
      this.cookies.set(name, value);
    }
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${answer.ok ? "" : await answer.text()}`);
    return answer;
  }
}

// Invites a person by mail, who accepts and sets a PIN. `roles`: { host: [venue], manager: [venue] }.
export async function hire(meja, name, roles, pin) {
  const email = `${name.toLowerCase()}@warung.example.com`;
  const invited = await meja.api("/api/access/staff", { name, email, roles, locale: "en" });
  assert.equal(invited.status, 200, JSON.stringify(invited.body));
  const [, link] = await meja.mailed(email, /\/join\/([^\s"<]+)/);
  const token = link.split("/").at(-1);
  const agent = new Agent(meja);
  await agent.send("POST", "/api/invitation/accept", { password: PASSWORD }, { authorization: `Bearer ${token}` });
  await agent.send("PUT", "/api/account/pin", { pin });
  return { id: invited.body.staff.staff_id, name, email, pin };
}

// A browser at the stand of `venue`: an enrolled device on which `person` has signed in.
export async function atStand(browser, meja, venue, person, options = {}) {
  const added = await meja.api("/api/access/devices", { venue_id: venue, name: "tablet at the door" });
  assert.equal(added.status, 200, JSON.stringify(added.body));
  const visit = await guest(browser, meja, { viewport: { width: 1180, height: 820 }, ...options });
  const { page } = visit;
  await page.goto(`${meja.url}/stand`);
  await page.getByText("Set up this device").first().click();
  await page.getByLabel("Code of this device").fill(added.body.code);
  await page.getByRole("button", { name: "Set up this device" }).click();
  await signIn(page, person);
  return visit;
}

export async function signIn(page, { name, pin }) {
  await page.getByRole("button", { name, exact: true }).click();
  await page.getByLabel("PIN").fill(pin);
  await page.getByRole("button", { name: "Sign in" }).first().click();
  await page.getByText("Live", { exact: true }).waitFor();
}

// Books for today at `time` (HH:MM at the venue) by the owner's key, and returns the representation.
let guests = 0;
export async function booked(meja, venue, start, { name = "Sari Wulandari", party = 2, ...more } = {}) {
  guests += 1;
  const phone = `+62812${String(3_000_000 + guests)}`;
  const answer = await meja.api("/api/reservations", {
    customer_id: `cust-${guests}`, venue_id: venue, party_size: party, start_time: start, allow_duplicate: true,
    contact_info: { name, phone, email: `guest-${guests}@example.com` }, override: { reason_code: "test" }, ...more,
  });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return answer.body;
}

export async function command(meja, id, name, body = {}) {
  const answer = await meja.api(`/api/reservations/${id}/${name}`, body);
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return answer.body;
}

// Cuts the connection of a browser, which is told so. Playwright does not cut that of a shared worker: the gateway ends as well.
export async function cut({ meja, context }) {
  await meja.stop("gateway");
  await context.setOffline(true);
}

export async function restore({ meja, context }) {
  await meja.start("gateway");
  await context.setOffline(false);
}

// The row of a party in the list.
export const row = (page, name) => page.locator(".parties li", { hasText: name });

// A venue at which it is half past seven in the evening, wherever and whenever the test runs: its folder, its zone, and the
// time of a slot so many minutes from now.
export function evening(tables = TABLES, policy = {}) {
  const hour = new Date().getUTCHours();
  const ahead = ((19 - hour + 36) % 24) - 12;
  // The signs of these zones are those of POSIX.
  const zone = ahead === 0 ? "UTC" : `Etc/GMT${ahead > 0 ? "-" : "+"}${Math.abs(ahead)}`;
  const dir = mkdtempSync(join(tmpdir(), "meja-venue-"));
  const days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
  writeFileSync(join(dir, "warung-malam.json"), JSON.stringify({
    id: "warung-malam", name: "Warung Malam", timezone: zone, country: "ID", currency: "IDR", locale: "id", tables,
    services: [{ name: "Makan malam", days, opens: "12:00", closes: "04:00", last_arrival: "03:00" }],
    slot_minutes: 5, turn_minutes: [{ up_to_party: 50, minutes: 90 }], pacing: { covers_per_slot: 40 },
    booking_window: { earliest_days: 30, latest_minutes: 0 }, policy: { auto_confirm: true, no_show_grace_minutes: 60, ...policy },
  }));
  return { dir, zone, slot: (minutes) => new Date((Math.ceil(Date.now() / 300_000) * 5 + minutes) * 60_000).toISOString() };
}

// The services of such a venue, and a browser, for the tests of a file.
export async function open({ tables, policy, hasClock = false } = {}) {
  const house = evening(tables, policy);
  const meja = await new Meja({ RESERVATION_VENUES: house.dir }, hasClock).start();
  return { house, meja, browser: await launch() };
}

export async function close({ house, meja, browser }) {
  await browser?.close();
  await meja?.end();
  if (house) rmSync(house.dir, { recursive: true, force: true });
}

const TABLES = [
  { id: "A1", area: "Teras", seats: 2, x: 80, y: 80, shape: "round" },
  { id: "A2", area: "Teras", seats: 2, x: 240, y: 80, shape: "round" },
  { id: "A3", area: "Teras", seats: 4, x: 420, y: 80, shape: "square" },
  { id: "B1", area: "Dalam", seats: 4 },
  { id: "B2", area: "Dalam", seats: 6 },
];
