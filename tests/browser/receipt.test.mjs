// The receipt of a booking, which the browser of the guest checks itself.
import assert from "node:assert/strict";
import { readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { accessible, book, guest, launch, leave, picture } from "./browser.mjs";
import { Meja } from "./meja.mjs";

let meja;
let browser;
before(async () => {
  meja = await new Meja().start();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await meja?.end();
});

const openReceipt = (page) => page.getByRole("link", { name: "Receipt, with proof" }).click();
const said = (page) => page.locator("[data-said]");
const proved = (page) => said(page).getByText("Checked by your browser").waitFor();
const check = (page, name, text) =>
  page.getByLabel("Check a saved receipt").setInputFiles({ name, mimeType: "application/json", buffer: Buffer.from(text) });

// The saved receipt of the page, as a file.
async function save(page) {
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Save the receipt" }).click()]);
  assert.match(download.suggestedFilename(), /^receipt-[0-9a-f-]+\.json$/);
  return readFileSync(await download.path(), "utf8");
}

test("a guest's browser proves a receipt, without a connection too, and finds one changed character", async () => {
  const visit = await guest(browser, meja);
  const { page, context } = visit;
  await book(visit, "Bukti", 3);
  await openReceipt(page);
  await proved(page);
  await page.getByText("This is the first check in this browser.").waitFor();
  assert.match(await page.locator(".entries").textContent(), /Booked.*19:00.*2 guests/);
  await page.locator("summary").click();
  await accessible(page, "a proved receipt");
  await picture(page, "receipt-phone");
  const file = await save(page);

  await context.setOffline(true);
  await check(page, "mine.json", file);
  await page.getByText("everything in the file mine.json is in the signed log").waitFor();
  await check(page, "wrong.json", file.replace('\\"party_size\\":2', '\\"party_size\\":3'));
  await page.getByText("Entry 1 is not in the signed log").waitFor();
  assert.equal(await page.locator(".entries").count(), 0, "what is not proved is not shown");
  await accessible(page, "a receipt that is not proved");
  await check(page, "mine.json", file);
  await proved(page);
  await check(page, "photo.json", "nonsense");
  await page.getByText("It is not a receipt").waitFor();
  await context.setOffline(false);

  // The log has grown. The browser checks that it still contains what it has seen.
  await page.goto(page.url().replace("/receipt", "/cancel"));
  await page.getByRole("button", { name: "Yes, cancel it" }).click();
  await openReceipt(page);
  await page.getByText("The log still contains everything that it contained at your check").waitFor();
  assert.match(await page.locator(".entries").textContent(), /Cancelled by the guest/);

  // In Indonesian, and for nobody else.
  await page.getByRole("link", { name: "Bahasa Indonesia" }).click();
  await page.getByText("Diperiksa oleh browser Anda").waitFor();
  assert.match(await page.locator(".entries").textContent(), /Dibatalkan oleh tamu/);
  await accessible(page, "a receipt in Indonesian");
  const stranger = await guest(browser, meja);
  assert.equal((await stranger.page.goto(`${page.url().split("?")[0]}.json`)).status(), 404);
  await leave(stranger);
  await leave(visit);
});

test("a browser without scripts saves the receipt", async () => {
  const visit = await guest(browser, meja, { javaScriptEnabled: false });
  await book(visit, "Tanpa", 4);
  await openReceipt(visit.page);
  await visit.page.getByText("your browser has to run scripts").waitFor();
  assert.equal(await visit.page.getByLabel("Check a saved receipt").isVisible(), false);
  assert.match(await save(visit.page), /meja-receipt\/v1/);
  await leave(visit);
});

test("a browser finds a log that was replaced under the same key, and a log with a new key", async () => {
  const visit = await guest(browser, meja);
  const { page } = visit;
  for (let more = 0; more < 4; more += 1) await book(visit, `Saksi${more}`, 20 + more);
  await openReceipt(page);
  await proved(page);

  // An operator who begins again with an empty log, and signs it as if nothing had been before.
  const again = async (...secrets) => {
    for (const name of ["gateway", "notifier", "reservation"]) await meja.stop(name);
    const [name, folder] = ["reservation", "notifier"].map((name) => join(meja.dir, name));
    rmSync(name, { recursive: true });
    rmSync(folder, { recursive: true });
    for (const secret of secrets) renameSync(join(meja.dir, "secrets", secret), join(meja.dir, `${secret}.away`));
    await meja.start();
  };
  await again();
  await book(visit, "Baru", 5);
  await openReceipt(page);
  await page.getByText("The log is shorter than at your check").waitFor();
  await accessible(page, "a log that is shorter");
  // As long as before, and longer.
  for (let more = 0; await page.getByText("The log is shorter").isVisible(); more += 1) {
    assert(more < 20, "the log grows");
    await book(visit, `Lagi${more}`, 6 + more);
    await openReceipt(page);
    await page.locator("section[aria-busy=false]").waitFor();
  }
  await page.getByText("The log does not contain everything that it contained at your check").waitFor();
  await picture(page, "receipt-rewritten-phone");

  await again("log-signing.keys");
  await book(visit, "Kunci", 5);
  await openReceipt(page);
  await page.getByText("This is another log than the one your browser checked").waitFor();
  await accessible(page, "another log");
  await page.getByRole("button", { name: "Continue with the new one" }).click();
  await page.reload();
  await page.getByText("The log still contains everything").waitFor();
  assert.equal(await page.getByRole("alert").count(), 0);

  // The known key is still published, but another one signs.
  const [, known] = meja.signingKey("list").match(/current +[^+]+\+([0-9a-f]{8})\+/);
  meja.signingKey("rotate");
  meja.signingKey("retire", known);
  await meja.stop("reservation");
  await meja.start("reservation");
  await page.reload();
  await page.getByText("signs with a key that this browser has not seen before").waitFor();
  await leave(visit);
});
