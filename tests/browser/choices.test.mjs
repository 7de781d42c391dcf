// What a guest is told before a choice: what it costs, what it starts, and why it is not possible.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible, book, bookWithProof, fill, guest, launch, leave, slot, toCheckout } from "./browser.mjs";
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

test("a move that would cost the deposit says so, and one that does not says nothing", async () => {
  const visit = await guest(browser, meja);
  const { page } = visit;
  await book(visit, "Mahal", 9, { party: 4 });
  const path = new URL(page.url()).pathname;
  const { body } = await meja.api(`/api/reservations/${path.slice(3)}`);
  await page.getByRole("link", { name: "Pay the deposit" }).click();
  await toCheckout(visit);
  await page.getByRole("button", { name: "Pay" }).click();
  await until("the confirmation", async () =>
    (await meja.api(`/api/reservations/${body.reservation_id}`)).body.status === "CONFIRMED");
  for (const [days, isLost] of [[8, false], [0, true]]) {
    const start = encodeURIComponent(`${inDays(days)}T22:00:00+07:00`);
    await page.goto(`${meja.url}${path}/change?date=${inDays(days)}&start=${start}`);
    await page.getByRole("heading", { name: /^Move to/ }).waitFor();
    assert.equal(await page.getByText("is not refunded").count(), isLost ? 1 : 0, `${days}`);
  }
  // The restaurant has moved the visit closer: the guest keeps the limit of the time before, and loses nothing.
  const moved = await meja.api(`/api/reservations/${body.reservation_id}/reschedule`, { start_time: `${inDays(1)}T12:00:00+07:00` });
  assert.equal(moved.status, 200, JSON.stringify(moved.body));
  const start = encodeURIComponent(`${inDays(1)}T21:00:00+07:00`);
  await page.goto(`${meja.url}${path}/change?date=${inDays(1)}&start=${start}`);
  await page.getByRole("heading", { name: /^Move to/ }).waitFor();
  assert.equal(await page.getByText("is not refunded").count(), 0);
  await leave(visit);
});

test("a name cannot be removed", async () => {
  const visit = await guest(browser, meja);
  const { page } = visit;
  await book(visit, "Nama", 13);
  await page.getByRole("link", { name: "Correct details" }).click();
  await page.fill("#name", " ");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Enter your name").first().waitFor();
  await leave(visit);
});

test("a smaller party gets its deposit back, and the pages say so", async () => {
  const visit = await guest(browser, meja);
  const { page } = visit;
  await book(visit, "Kecil", 10, { party: 5 });
  const path = new URL(page.url()).pathname;
  await page.getByRole("link", { name: "Pay the deposit" }).click();
  await toCheckout(visit);
  await page.getByRole("button", { name: "Pay" }).click();
  await page.getByRole("link", { name: "Your booking" }).click();
  await page.getByRole("heading", { name: "Your table is booked" }).waitFor();
  await page.goto(`${meja.url}${path}/receipt`);
  await page.getByText("Way to pay").waitFor();
  assert.equal(await page.getByText("Kept by the restaurant").count(), 0, "nothing is kept before the visit");
  // The booking's own time is not offered.
  await page.goto(`${meja.url}${path}/change`);
  await page.locator(".off", { hasText: "19:00" }).getByText("your time").waitFor();
  assert.equal(await slot(page, "19:00").count(), 0);
  await page.selectOption("#party", "2");
  await page.getByText("What a smaller party does not owe of the deposit is refunded").waitFor();
  await accessible(page, "a smaller party before it is confirmed");
  await page.getByRole("button", { name: "Yes, change it" }).click();
  await page.getByText(/Being refunded: |Refunded/).first().waitFor();
  // The refund loads the page again, which still says what was done.
  await page.locator("th", { hasText: /^\s*Refunded/ }).waitFor();
  assert.equal(await page.getByText("Changed.").count(), 1);
  await accessible(page, "a booking with a refund");
  await leave(visit);
});

test("a link that names no time or no number of guests leads to the choice of them", async () => {
  const visit = await guest(browser, meja);
  const { page } = visit;
  const start = encodeURIComponent(`${inDays(11)}T19:00:00+07:00`);
  for (const query of [`start=${start}&party=999`, `start=${start}&party=0`, "start=x&party=2"]) {
    await page.goto(`${meja.url}/v/kedai-kecil/book?day=${inDays(11)}&${query}`);
    assert.equal(new URL(page.url()).pathname, "/v/kedai-kecil", query);
    assert.equal(await page.inputValue("#date"), inDays(11));
  }
  // The restaurant is closed then.
  await page.goto(`${meja.url}/v/kedai-kecil/book?day=${inDays(11)}&start=${start.replace("T19", "T04")}&party=2`);
  await page.getByText("This time cannot be booked").waitFor();
  await accessible(page, "a time that is not offered");
  await page.getByRole("link", { name: "Another time" }).click();
  await slot(page, "19:00").waitFor();
  await leave(visit);
});

test("a guest who waits says everything, and knows what happens", async () => {
  const visit = await guest(browser, meja);
  const { page } = visit;
  const day = inDays(12);
  for (const name of ["Satu", "Dua"]) {
    const start_time = `${day}T19:00:00+07:00`;
    const contact_info = { name, phone: "+62 812 3456 7890", email: `${name.toLowerCase()}@example.com` };
    const booked = await meja.api("/api/reservations", {
      customer_id: name, venue_id: "kedai-kecil", party_size: 2, start_time, contact_info, allow_duplicate: true,
    });
    assert.equal(booked.status, 200, JSON.stringify(booked.body));
  }
  const start = encodeURIComponent(`${day}T19:00:00+07:00`);
  await page.goto(`${meja.url}/v/kedai-kecil/book?day=${day}&start=${start}&party=2&then=wait`);
  await page.getByText("an arrival from 18:00 to 21:00").waitFor();
  await fill(page, "Tunggu", "tunggu@example.com");
  await page.getByText("Wishes, allergies, high chairs").click();
  await page.fill("#allergies", "kacang");
  await page.fill("#chairs", "1");
  await page.getByRole("button", { name: "Join the waitlist" }).click();
  // The visits end at half past eight, so that an offer comes at once.
  await page.getByRole("button", { name: "Take this table" }).waitFor();
  await page.getByRole("button", { name: "No, leave the waitlist" }).waitFor();
  const entry = page.url();
  await page.getByRole("button", { name: "Take this table" }).click();
  await page.getByRole("heading", { name: "Your table is booked" }).waitFor();
  await page.getByText("kacang").waitFor();
  // The waitlist entry does not show another time than the booking.
  await page.goto(entry);
  await page.getByRole("link", { name: "Your booking" }).waitFor();
  assert.equal(await page.getByText("18:00").count(), 0);
  await leave(visit);
});

test("a guest knows what an offered table costs", async () => {
  const visit = await guest(browser, meja);
  const { page } = visit;
  const day = inDays(14);
  await book(visit, "Penuh", 14, { party: 6 });
  const start = encodeURIComponent(`${day}T19:00:00+07:00`);
  await page.goto(`${meja.url}/v/kedai-kecil/book?day=${day}&start=${start}&party=5`);
  await page.getByText("This time is full at the moment").waitFor();
  await fill(page, "Antre", "antre@example.com");
  await page.getByRole("button", { name: "Wait for a table instead" }).click();
  await page.getByText("A deposit of Rp 250,000 is due once you take it.").waitFor();
  await accessible(page, "an offer with a deposit");
  const entry = page.url();
  await page.getByRole("button", { name: "Take this table" }).click();
  await page.getByRole("heading", { name: "Pay the deposit to keep your table" }).waitFor();
  await page.goto(entry);
  await page.getByText("whether a deposit is still to be paid").waitFor();
  await leave(visit);
});

test("a guest with no mail, and with too many wrong codes, is told what to do", async () => {
  const visit = await guest(browser, meja);
  const { page } = visit;
  const code = await bookWithProof(visit, "Kode", 5);
  await page.getByText("Look in the spam folder").waitFor();
  const wrong = code.replace(/\d/, (digit) => (Number(digit) + 1) % 10);
  const field = page.getByLabel("Code in the mail");
  // Every digit counts, and a slip is no attempt.
  await field.fill("12");
  await page.getByRole("button", { name: "Confirm" }).click();
  await page.getByText("The code has six digits").waitFor();
  for (let attempt = 0; attempt < 5; attempt++) {
    await field.fill(wrong);
    await page.getByRole("button", { name: "Confirm" }).click();
    // The page that says so has an empty field.
    await until("the refusal", async () => (await field.inputValue()) === "");
    await page.getByText("not the right one").waitFor();
  }
  await field.fill(wrong);
  await page.getByRole("button", { name: "Confirm" }).click();
  await page.getByText(/Too many wrong codes\. Please try again in/).waitFor();
  // The booking and its end are still in view.
  await page.getByText("Please enter it by").waitFor();
  await leave(visit);
});
