// How much a page weighs, and how soon it is usable on a slow phone.
import assert from "node:assert/strict";
import { request } from "node:http";
import { after, before, test } from "node:test";
import { brotliDecompressSync } from "node:zlib";
import { launch, slowDown } from "./browser.mjs";
import { Meja, inDays } from "./meja.mjs";

// In bytes as they are sent, with brotli.
const BYTES_MAX = { Document: 14 * 1024, Script: 6 * 1024, Stylesheet: 8 * 1024 };
// The page of a receipt verifies signatures and a Merkle tree.
const RECEIPT_SCRIPT_BYTES_MAX = 12 * 1024;
// Milliseconds, on a slow phone.
const USABLE_MS_MAX = 1000;
// A machine that does something else at the same time is not a slower page: the best of so many visits counts.
const VISITS = 8;

let meja;
let browser;
let link;
let waiting;
let checkout;
before(async () => {
  meja = await new Meja().start();
  browser = await launch();
  const booked = await meja.api("/api/reservations", {
    customer_id: "cust-1", venue_id: "kedai-kecil", party_size: 4, start_time: `${inDays(5)}T18:00`,
    contact_info: { name: "Ringan", phone: "081234567892", email: "ringan@example.com" },
  });
  link = { id: booked.body.reservation_id, token: booked.body.guest_link.token };
  const joined = await meja.api("/api/waitlist", {
    customer_id: "cust-1", venue_id: "kedai-kecil", party_size: 6,
    earliest_time: `${inDays(5)}T17:30`, latest_time: `${inDays(5)}T18:30`,
    contact_info: { name: "Menunggu", phone: "081234567893", email: "menunggu@example.com" },
  });
  waiting = { id: joined.body.waitlist_id, token: joined.body.guest_link.token };
  [, checkout] = await meja.mailed("ringan@example.com", new RegExp(`${meja.url}(/checkout/[^\\s"<]+)`));
});
after(async () => {
  await browser?.close();
  await meja?.end();
});

function pages() {
  const start = encodeURIComponent(`${inDays(5)}T19:00:00+07:00`);
  return {
    home: "/",
    venue: `/v/kedai-kecil?date=${inDays(5)}`,
    "form with a deposit": `/v/kedai-kecil/book?day=${inDays(5)}&start=${start}&party=4`,
    booking: `/r/${link.id}`,
    pay: `/r/${link.id}/pay`,
    change: `/r/${link.id}/change`,
    correct: `/r/${link.id}/correct`,
    cancel: `/r/${link.id}/cancel`,
    receipt: `/r/${link.id}/receipt`,
    waiting: `/w/${waiting.id}`,
    widget: `/embed/kedai-kecil?date=${inDays(5)}`,
    checkout,
  };
}

// The bytes of a page and of what it loads, as they are sent to a browser that accepts brotli.
async function weigh(path) {
  const page = await get(path, await cookies());
  const isEncoded = page.headers["content-encoding"] === "br";
  const html = (isEncoded ? brotliDecompressSync(page.body) : page.body).toString();
  const loaded = (pattern) => [...html.matchAll(pattern)].map(([, url]) => url.replaceAll("&#x2f;", "/"));
  const bytes = { Document: page.body.length, Script: 0, Stylesheet: 0 };
  for (const url of loaded(/<script[^>]* src="([^"]+)"/g)) bytes.Script += (await get(url)).body.length;
  for (const url of loaded(/<link rel="stylesheet" href="([^"]+)"/g)) bytes.Stylesheet += (await get(url)).body.length;
  return bytes;
}

// The links to the booking and to the place in line, as a browser keeps them.
async function cookies() {
  let cookie = "";
  for (const path of [`/r/${link.id}/${link.token}`, `/w/${waiting.id}/${waiting.token}`]) {
    cookie = (await get(path, cookie)).headers["set-cookie"][0].split(";")[0];
  }
  return cookie;
}

function get(path, cookie = "") {
  return new Promise((done, failed) => {
    const headers = { "accept-encoding": "br", "accept-language": "en", cookie };
    request(meja.url + path, { headers }, (answer) => {
      const parts = [];
      answer.on("data", (part) => parts.push(part));
      answer.on("end", () => done({ headers: answer.headers, body: Buffer.concat(parts) }));
    }).on("error", failed).end();
  });
}

// Milliseconds until a page is painted and can be used.
async function visit(path) {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 } });
  const page = await context.newPage();
  await page.goto(`${meja.url}/r/${link.id}/${link.token}`);
  await page.goto(`${meja.url}/w/${waiting.id}/${waiting.token}`);
  const cdp = await context.newCDPSession(page);
  await cdp.send("Network.enable");
  await cdp.send("Network.setCacheDisabled", { cacheDisabled: true });
  await slowDown(context, cdp);
  await page.goto(meja.url + path, { waitUntil: "load" });
  const usable = await page.evaluate(async () => {
    const painted = () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime;
    while (painted() === undefined) await new Promise(requestAnimationFrame);
    return Math.max(painted(), performance.getEntriesByType("navigation")[0].domInteractive);
  });
  await context.close();
  return usable;
}

test("every page is light", async () => {
  for (const [name, path] of Object.entries(pages())) {
    const bytes = await weigh(path);
    console.log(`${name}: ${JSON.stringify(bytes)}`);
    const limits = name === "receipt" ? { ...BYTES_MAX, Script: RECEIPT_SCRIPT_BYTES_MAX } : BYTES_MAX;
    for (const [type, max] of Object.entries(limits)) {
      assert.ok(bytes[type] <= max, `${name}: ${bytes[type]} bytes of ${type}, at most ${max}`);
      // The checkout needs no script.
      assert.ok(bytes[type] > 0 || (name === "checkout" && type === "Script"), `${name} has no ${type}: nothing was measured`);
    }
  }
});

test("every page is usable within a second on a slow phone", async () => {
  for (const [name, path] of Object.entries(pages())) {
    let best = Infinity;
    for (let i = 0; i < VISITS && best > USABLE_MS_MAX; i += 1) best = Math.min(best, await visit(path));
    console.log(`${name}: usable after ${Math.round(best)} ms`);
    assert.ok(best <= USABLE_MS_MAX, `${name}: usable after ${Math.round(best)} ms`);
  }
});
