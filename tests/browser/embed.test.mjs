// The widget on the site of a restaurant, and on a site that has no business with it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch } from "./browser.mjs";
import { Meja, inDays, until } from "./meja.mjs";

let meja;
let browser;
before(async () => {
  meja = await new Meja().start();
  // The sites of this test are only in the browser, which takes them for public ones that call this machine.
  browser = await launch(["--disable-features=LocalNetworkAccessChecks"]);
});
after(async () => {
  await browser?.close();
  await meja?.end();
});

// A page of `site` with the widget. The site is only in the browser.
async function open(site) {
  const context = await browser.newContext({ locale: "en-GB" });
  const page = await context.newPage();
  await page.route(`${site}/**`, (route) => route.fulfill({
    contentType: "text/html",
    body: `<!doctype html><script src="${meja.url}/embed.js"></script><h1>Our place</h1><meja-booking venue="kedai-kecil"></meja-booking>`,
  }));
  await page.goto(`${site}/table`);
  return { context, page };
}

test("the restaurant's own site shows the widget as high as it is, and booking happens at the top", async () => {
  const { context, page } = await open("https://kedai-kecil.example.com");
  const frame = page.frameLocator("meja-booking iframe");
  await frame.getByRole("heading", { name: "Kedai Kecil" }).waitFor();
  await frame.locator("#date").fill(inDays(6));
  await frame.locator(".slots a").first().waitFor();
  await until("the frame to have the height of its content", async () => {
    const inner = await frame.locator("html").evaluate((node) => node.scrollHeight);
    const outer = await page.locator("meja-booking iframe").evaluate((node) => node.clientHeight);
    return Math.abs(inner - outer) < 40;
  });
  assert.deepEqual(await context.cookies(), [], "the widget uses no cookies");
  await frame.locator(".slots a").first().click();
  await page.waitForURL(/\/v\/kedai-kecil\/book/);
  await context.close();
});

test("another site cannot show it", async () => {
  const { context, page } = await open("https://stranger.example.net");
  const refused = [];
  page.on("console", (message) => refused.push(message.text()));
  await until("the browser to refuse", () => refused.some((text) => /frame-ancestors/.test(text)) ||
    page.frames().some((frame) => frame.url().startsWith("chrome-error:")));
  assert.equal(await page.frameLocator("meja-booking iframe").getByRole("heading", { name: "Kedai Kecil" }).count(), 0);
  await context.close();
});
