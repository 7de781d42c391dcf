// One service is stopped while guests are on the pages: its part says so, and the rest works.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible, fill, guest, launch, leave, picture, slot } from "./browser.mjs";
import { Meja, inDays, until } from "./meja.mjs";

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

// A booking that is open in the browser of a guest.
async function booked(page, name, days, party = 2) {
  await page.goto(`${meja.url}/v/kedai-kecil?date=${inDays(days)}&party=${party}`);
  await slot(page, "19:00").click();
  await fill(page, name, `${name.toLowerCase()}@example.com`);
  await page.getByRole("button", { name: /^Book/ }).click();
  await page.waitForURL(/\/r\//);
  await page.locator(".ticket").waitFor();
}

async function bookings(name) {
  const list = await meja.api(`/api/reservations?venue_id=kedai-kecil&limit=200`);
  return list.body.items.filter((item) => item.contact_name?.startsWith(name.split(" ")[0]));
}

test("without the reservation service every page says what is missing, and a booking is made once", async () => {
  const visit = await guest(browser, meja);
  const { page } = visit;
  await booked(page, "Terbuka", 3);
  const open = page.url();
  const form = await guest(browser, meja);
  await form.page.goto(`${meja.url}/v/kedai-kecil?date=${inDays(4)}`);
  await slot(form.page, "20:00").click();
  await fill(form.page, "Sekali", "sekali@example.com");

  await meja.stop("reservation");
  assert.equal((await (await fetch(`${meja.url}/readyz`)).json()).services.reservation, "cannot be reached");
  await page.goto(meja.url);
  await page.getByRole("link", { name: "Kedai Kecil" }).waitFor();
  await page.getByText("We cannot look up free times").first().waitFor();
  await accessible(page, "home without the service");
  await page.goto(`${meja.url}/v/kedai-kecil`);
  await page.getByText("We cannot look up free times").waitFor();
  await accessible(page, "venue without the service");
  await picture(page, "venue-without-service");
  const answer = await page.goto(open);
  assert.equal(answer.status(), 503);
  await page.getByText("Your booking is safe").waitFor();
  await accessible(page, "booking without the service");

  await form.page.getByRole("button", { name: "Book" }).click();
  await form.page.getByRole("heading", { name: "We do not know yet" }).waitFor();
  await accessible(form.page, "unknown");
  await picture(form.page, "unknown-phone");
  await meja.start("reservation");
  // The page finds out by itself.
  await form.page.getByRole("heading", { name: "Your table is booked" }).waitFor({ timeout: 30_000 });
  assert.equal((await bookings("Sekali")).length, 1);
  await leave(form);
  await leave(visit);
});

test("without the notifier a guest books, and only the payment waits", async () => {
  const visit = await guest(browser, meja);
  const { page } = visit;
  await meja.stop("notifier");
  await booked(page, "Tanpa", 5);
  await page.getByRole("heading", { name: "Your table is booked" }).waitFor();
  await booked(page, "Deposit", 6, 4);
  await page.getByRole("link", { name: "Pay the deposit" }).click();
  await page.getByRole("heading", { name: "Pay the deposit" }).waitFor();
  await accessible(page, "pay without the notifier");
  await page.getByText("Payment is not available at the moment").waitFor();
  const checkout = page.getByRole("link", { name: "Go to the payment" });
  assert.equal(await checkout.count(), 0);
  // A browser that has the address gets a page.
  const answer = await page.context().newPage().then((other) => other.goto(`${meja.url}/checkout/x`));
  assert.equal(answer.status(), 503);
  assert.match(await answer.text(), /<h1>We cannot look this up/);
  await meja.start("notifier");
  await until("the payment", async () => {
    await page.reload();
    const link = await checkout.getAttribute("href").catch(() => null);
    return link && (await fetch(meja.url + link)).status === 200;
  });
  await checkout.click();
  await page.getByRole("button", { name: "Pay" }).click();
  await page.getByRole("link", { name: "Your booking" }).click();
  await page.getByRole("heading", { name: "Your table is booked" }).waitFor();
  await leave(visit);
});

test("without the gateway an open page stays readable, and nothing is sent twice", async () => {
  const visit = await guest(browser, meja);
  const { page } = visit;
  await page.goto(`${meja.url}/v/kedai-kecil?date=${inDays(7)}`);
  await slot(page, "19:00").click();
  await fill(page, "Putus", "putus@example.com");
  await meja.stop("gateway");
  await page.getByRole("button", { name: "Book" }).click();
  await page.getByText("Nothing is sent twice").waitFor();
  assert.equal(await page.inputValue("#name"), "Putus");
  await meja.start("gateway");
  await page.getByRole("button", { name: "Book" }).click();
  await page.getByRole("heading", { name: "Your table is booked" }).waitFor();
  assert.equal((await bookings("Putus")).length, 1);
  // An open booking says how old it is, and is up to date again afterwards.
  await meja.stop("gateway");
  await page.getByText(/The connection is interrupted. This is as of/).waitFor();
  await meja.start("gateway");
  const [{ reservation_id }] = await bookings("Putus");
  await until("the page to follow again", async () => {
    const gone = await page.getByText(/The connection is interrupted/).count();
    return gone === 0;
  });
  await meja.api(`/api/reservations/${reservation_id}/cancel`, { reason_code: "guest_request" });
  await page.getByRole("heading", { name: "This booking is cancelled" }).waitFor();
  await leave(visit);
});

test("offline, what is known stays readable", async () => {
  const visit = await guest(browser, meja);
  const { page, context } = visit;
  await booked(page, "Luring", 8);
  await context.setOffline(true);
  await page.getByText("You are offline").waitFor();
  assert.match(await page.textContent("main"), /Luring/);
  await context.setOffline(false);
  await leave(visit);
});
