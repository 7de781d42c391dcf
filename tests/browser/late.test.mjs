// Guests who come late: the time to pay, to prove, to answer and to visit is over.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible, book, bookWithProof, fill, guest, launch, leave, toCheckout } from "./browser.mjs";
import { Meja, inDays, until } from "./meja.mjs";

let meja;
let browser;
before(async () => {
  meja = await new Meja({}, true).start();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await meja?.end();
});

test("after its time each page says that it is over, and nothing happens any more", async () => {
  // A deposit, with the checkout page open.
  const payer = await guest(browser, meja);
  await book(payer, "Telat", 3, { party: 4 });
  const held = payer.page.url();
  await payer.page.getByRole("link", { name: "Pay the deposit" }).click();
  const payPage = await payer.context.newPage();
  await payPage.goto(payer.page.url());
  await toCheckout(payer);
  await payer.page.getByRole("button", { name: "Pay" }).waitFor();
  // A proof.
  const prover = await guest(browser, meja);
  const code = await bookWithProof(prover, "Tardi", 5);
  // An offer.
  const waiter = await guest(browser, meja);
  const date = inDays(6);
  const taken = await meja.api("/api/reservations", {
    customer_id: "cust-2", venue_id: "kedai-kecil", party_size: 3, start_time: `${date}T18:00`, duration_minutes: 240,
    contact_info: { name: "Lebih Dulu", phone: "081234567893", email: "dulu@example.com" },
  });
  await waiter.page.goto(`${meja.url}/v/kedai-kecil/book?day=${date}&start=${encodeURIComponent(`${date}T19:00:00+07:00`)}&party=3&then=wait`);
  await fill(waiter.page, "Lambat", "lambat@example.com");
  await waiter.page.getByRole("button", { name: "Join the waitlist" }).click();
  await meja.api(`/api/reservations/${taken.body.reservation_id}/cancel`, { reason_code: "guest_request" });
  const take = waiter.page.getByRole("button", { name: "Take this table" });
  await take.waitFor();
  const [offer] = await meja.mailed("lambat@example.com", new RegExp(`${meja.url}/w/[^\\s"<]+`));

  // The pages stay as they are until the guests act: an open page is told about changes.
  for (const { context } of [payer, prover, waiter]) await context.setOffline(true);
  meja.later(40);
  const status = async (id) => (await meja.api(`/api/reservations/${id}`)).body.status;
  const idOf = (url) => new URL(url).pathname.split("/")[2];
  await until("the end of the hold", async () => (await status(idOf(held))) === "CANCELLED", 60);
  for (const { context } of [payer, prover, waiter]) await context.setOffline(false);

  await payer.page.getByRole("button", { name: "Pay" }).click();
  await payer.page.getByText("expired").first().waitFor();
  await accessible(payer.page, "checkout, too late");
  await payPage.goto(`${held}/pay`);
  await payPage.getByRole("heading", { name: "This booking is cancelled" }).waitFor();
  await payPage.getByText("The deposit was not paid in time").waitFor();
  await accessible(payPage, "booking whose deposit was not paid");
  assert.equal(await payPage.getByRole("link", { name: "Pay the deposit" }).count(), 0);

  await until("the end of the proof", async () => {
    await prover.page.reload();
    return prover.page.getByRole("heading", { name: "This booking is cancelled" }).isVisible();
  });
  assert.equal(await prover.page.locator("#proof").count(), 0, code);
  await prover.page.getByText("The e-mail address was not confirmed in time").waitFor();
  await accessible(prover.page, "booking whose contact was not proved");

  await waiter.page.goto(offer);
  await waiter.page.getByRole("heading", { name: "You are no longer on the waitlist" }).waitFor();
  await waiter.page.getByText("The offer was not answered in time").waitFor();
  await accessible(waiter.page, "an offer that has ended");
  for (const visit of [payer, prover, waiter]) await leave(visit);
});

test("the link in a mail opens the booking after the visit, and changes nothing any more", async () => {
  const visit = await guest(browser, meja);
  const { page } = visit;
  await book(visit, "Sudah", 4);
  const [link] = await meja.mailed("sudah@example.com", new RegExp(`${meja.url}/r/[^\\s"<]+`));
  await page.getByRole("link", { name: "Cancel the booking" }).click();
  const cancel = page.getByRole("button", { name: "Yes, cancel it" });
  await cancel.waitFor();
  meja.later(7 * 24 * 60);
  await cancel.click();
  await page.getByRole("alert").waitFor();
  await page.goto(link);
  await accessible(page, "a booking that is over");
  assert.match(await page.textContent("main"), /Sudah/);
  for (const name of ["Change", "Correct details", "Cancel the booking"]) {
    assert.equal(await page.getByRole("link", { name }).count(), 0, name);
  }
  await leave(visit);
});

test("at the table, after the visit, and as a no-show the page says so", async () => {
  // A restaurant without an automatic no-show: the staff say what happened.
  const visit = await guest(browser, meja);
  const { page } = visit;
  const date = inDays(20);
  const booked = {};
  for (const [name, time] of [["Datang", "19:00"], ["Lupa", "12:00"]]) {
    await book(visit, name, 20, { time });
    booked[name] = new URL(page.url()).pathname;
  }
  const start = new Date(`${date}T19:05:00+07:00`).getTime();
  meja.later(Math.ceil((start - Date.now()) / 60_000));
  const command = async (name, command) => {
    const answer = await meja.api(`/api/reservations/${booked[name].slice(3)}/${command}`, {});
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
  };
  const shows = async (name, heading) => {
    await page.goto(meja.url + booked[name]);
    await page.getByRole("heading", { name: heading }).waitFor();
    await accessible(page, heading);
    for (const link of ["Change", "Correct details", "Cancel the booking"]) {
      assert.equal(await page.getByRole("link", { name: link }).count(), 0, `${heading}: ${link}`);
    }
  };
  await command("Datang", "check-in");
  await shows("Datang", "Welcome!");
  await command("Datang", "complete");
  await shows("Datang", "Thank you for your visit");
  await command("Lupa", "no-show");
  await shows("Lupa", "You did not arrive");
  await leave(visit);
});
