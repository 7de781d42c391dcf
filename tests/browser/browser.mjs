// A real browser, and what every page must hold: no violation of WCAG 2.2 AA, of the content security policy, of the budgets,
// and no request to another origin.
import assert from "node:assert/strict";
import { readFileSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { inDays } from "./meja.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const pictures = process.env.MEJA_PICTURES;

// `more`: further arguments.
export async function launch(more = []) {
  return chromium.launch({
    executablePath: process.env.MEJA_CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync", ...more],
  });
}

// Rounds of work per millisecond of a slow phone or tablet: a sixth of what a core of a server did in 2026.
const SLOW_DEVICE = 2.1;

// Rounds of work per millisecond in this browser at the moment.
async function speedOf(context) {
  const page = await context.newPage();
  const speed = await page.evaluate(() => {
    const rounds = (ms) => {
      const end = performance.now() + ms;
      let count = 0;
      for (; performance.now() < end; count += 1) {
        const words = Array.from({ length: 200 }, (_, at) => ({ text: `${(at * 7919) % 1009} of ${count}`, at }));
        words.sort((a, b) => (a.text < b.text ? -1 : 1));
        JSON.parse(JSON.stringify(words));
      }
      return count / ms;
    };
    // The first rounds are slow, because they are compiled meanwhile.
    rounds(500);
    return Array.from({ length: 5 }, () => rounds(50)).sort((a, b) => a - b)[2];
  });
  await page.close();
  return speed;
}

// Lets a page run as slowly as on a slow phone, whatever this machine is capable of at the moment, with a mobile connection of
// 150 ms and 1.6 Mbit/s.
export async function slowDown(context, cdp) {
  await speedUp(cdp);
  await cdp.send("Emulation.setCPUThrottlingRate", { rate: Math.max(1, (await speedOf(context)) / SLOW_DEVICE) });
  await cdp.send("Network.emulateNetworkConditions", { offline: false, latency: 150, downloadThroughput: 200_000, uploadThroughput: 200_000 });
}

// Takes back what `slowDown` did.
export async function speedUp(cdp) {
  await cdp.send("Emulation.setCPUThrottlingRate", { rate: 1 });
  await cdp.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
}

// A browser of one guest. `strays` collects what no page may do.
export async function guest(browser, meja, options = {}) {
  const context = await browser.newContext({ locale: "en-GB", viewport: { width: 390, height: 844 }, ...options });
  const strays = [];
  const origin = new URL(meja.url).origin;
  context.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol.startsWith("http") && url.origin !== origin) strays.push(`a request to ${url.origin}`);
    if (url.pathname === "/csp-reports") strays.push(`a violation of the policy: ${request.postData()}`);
  });
  context.on("weberror", (error) => strays.push(`an error of a script: ${error.error().message}`));
  const page = await context.newPage();
  page.on("console", (message) => {
    if (/Content Security Policy|Refused to/.test(message.text())) strays.push(message.text());
  });
  page.setDefaultTimeout(30_000);
  return { context, page, strays, meja };
}

// Checks that nothing strayed, and ends the browser of the guest.
export async function leave({ context, strays }) {
  await context.close();
  assert.deepEqual(strays, []);
}

// No violation of WCAG 2.2 AA on the page as it is.
export async function accessible(page, name) {
  await page.evaluate(axe);
  const found = await page.evaluate(() =>
    window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] }));
  const faults = found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html.slice(0, 160)).join(" | ")}`);
  assert.deepEqual(faults, [], name);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
  assert.equal(wide, false, `${name} scrolls sideways`);
}

// A picture for docs/pages.md, if the runner asks for pictures: of the whole page, or of what is in view.
export async function picture(page, name, fullPage = true) {
  if (!pictures) return;
  mkdirSync(pictures, { recursive: true });
  await page.screenshot({ path: join(pictures, `${name}.png`), fullPage });
}

// The link to a time on the page of a venue.
export const slot = (page, time) => page.locator(".slots a", { hasText: new RegExp(`^${time}`) }).first();

// Books at Kedai Kecil in the browser of a guest, in so many days.
export async function book({ page, meja }, name, days, { party = 2, time = "19:00", email = `${name.toLowerCase()}@example.com` } = {}) {
  await page.goto(`${meja.url}/v/kedai-kecil?date=${inDays(days)}&party=${party}`);
  await slot(page, time).click();
  await fill(page, name, email);
  await page.getByRole("button", { name: /^Book/ }).click();
  await page.waitForURL(/\/r\//);
  await page.locator(".ticket").waitFor();
}

// Books at Osteria Prova, which asks for a proof, in so many days. Returns the code in the mail.
export async function bookWithProof({ page, meja }, name, days, email = `${name.toLowerCase()}@example.com`) {
  await page.goto(`${meja.url}/v/osteria-prova?date=${inDays(days)}`);
  await slot(page, "20:00").click();
  await fill(page, name, email);
  await page.fill("#phone", "+39 06 5800 1234");
  await page.getByRole("button", { name: "Book" }).click();
  await page.waitForURL(/\/r\//);
  const [, code] = await meja.mailed(email, /\b(\d{3} ?\d{3})\b/);
  return code;
}

// Goes on from the page of the payment to the checkout. Until the provider has opened the payment, that page loads itself again.
export async function toCheckout({ page }) {
  await page.getByRole("link", { name: "Go to the payment" }).click();
  await page.getByRole("button", { name: "Pay" }).waitFor();
}

// Fills in the contact of a guest.
export async function fill(page, name, email) {
  await page.fill("#name", name);
  await page.fill("#phone", "0812 3456 7890");
  await page.fill("#email", email);
}
