// A guest books, changes and cancels, in both languages, by keyboard, without scripts, on small and dark screens.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible, fill, guest, launch, leave, picture, slot, toCheckout } from "./browser.mjs";
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

const day = (days) => `/v/kedai-kecil?date=${inDays(days)}`;

test("from the home page to a confirmed booking in three pages, four taps and three fields", async () => {
  const visit = await guest(browser, meja);
  const { page } = visit;
  await page.goto(meja.url);
  await accessible(page, "home");
  await picture(page, "home-phone");
  let taps = 0;
  const tap = async (locator) => {
    await locator.click();
    taps += 1;
  };
  await tap(page.getByRole("link", { name: "Kedai Kecil" }));
  await page.waitForURL(/\/v\/kedai-kecil/);
  await accessible(page, "venue");
  await picture(page, "venue-phone");
  // Today may be over: the first day with a free time in the calendar.
  if (!(await page.locator(".slots a").count())) {
    await tap(page.locator(".month td a").first());
    await page.waitForSelector(".slots a");
  }
  await tap(page.locator(".slots a").first());
  await page.waitForURL(/\/book\?/);
  await accessible(page, "form");
  await fill(page, "Sari Wulandari", "sari@example.com");
  await picture(page, "form-phone");
  await tap(page.getByRole("button", { name: "Book" }));
  await page.waitForURL(/\/r\/[0-9a-f-]{36}$/);
  await page.getByRole("heading", { name: "Your table is booked" }).waitFor();
  assert.ok(taps <= 4, `${taps} taps`);
  assert.match(await page.textContent("main"), /Sari Wulandari/);
  await accessible(page, "booking");
  await picture(page, "booking-phone");
  // Back, and once more: nothing is booked twice, and the page leads to the booking.
  const booked = page.url();
  await page.goBack();
  await fill(page, "Sari Wulandari", "sari@example.com");
  await page.getByRole("button", { name: "Book", exact: true }).click();
  await page.getByRole("link", { name: "Your booking" }).or(page.getByRole("heading", { name: "Your table is booked" })).first().waitFor();
  if (page.url() !== booked) await page.getByRole("link", { name: "Your booking" }).click();
  await page.waitForURL(booked);
  const calendar = await page.evaluate(() => fetch(location.pathname + "/calendar.ics").then((answer) => answer.text()));
  assert.match(calendar, /BEGIN:VEVENT[\s\S]*METHOD|METHOD:PUBLISH[\s\S]*DTSTART:\d{8}T\d{6}Z/);
  await leave(visit);
});

test("a guest changes the time and the number of guests, corrects the name, and cancels", async () => {
  const visit = await guest(browser, meja);
  const { page } = visit;
  await page.goto(meja.url + day(5));
  await slot(page, "19:00").click();
  await fill(page, "Budi", "budi@example.com");
  await page.getByRole("button", { name: "Book" }).click();
  await page.getByRole("heading", { name: "Your table is booked" }).waitFor();

  await page.getByRole("link", { name: "Change" }).click();
  await page.getByRole("heading", { name: "Change the booking" }).waitFor();
  await accessible(page, "change");
  await slot(page, "20:30").click();
  // One tap moves nothing.
  await page.getByRole("heading", { name: /^Move to .* 20:30\?$/ }).waitFor();
  await accessible(page, "change, before it is confirmed");
  await page.getByRole("button", { name: "Yes, move it" }).click();
  await page.getByText("Changed.").waitFor();
  assert.match(await page.textContent(".when"), /20:30/);

  await page.getByRole("link", { name: "Change" }).click();
  await page.selectOption("#party", "1");
  await page.getByRole("button", { name: "Yes, change it" }).click();
  await page.getByText("Changed.").waitFor();
  assert.match(await page.textContent(".lead"), /1 guest\b/);

  await page.getByRole("link", { name: "Correct details" }).click();
  await accessible(page, "correct");
  await page.fill("#name", "Budi Santoso");
  await page.fill("#requests", "Dekat jendela");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved.").waitFor();
  assert.match(await page.textContent("main"), /Budi Santoso[\s\S]*Dekat jendela/);

  await page.getByRole("link", { name: "Cancel the booking" }).click();
  await page.getByText("Cancelling costs nothing.").waitFor();
  await accessible(page, "cancel");
  await page.getByRole("button", { name: "Yes, cancel it" }).click();
  await page.getByRole("heading", { name: "This booking is cancelled" }).waitFor();
  await accessible(page, "cancelled");
  await leave(visit);
});

test("a deposit is paid on the checkout page and comes back after a cancellation", async () => {
  const visit = await guest(browser, meja, { viewport: { width: 1100, height: 900 } });
  const { page } = visit;
  await page.goto(`${meja.url}/v/kedai-kecil?date=${inDays(6)}&party=5`);
  await picture(page, "venue-desktop");
  await slot(page, "19:00").click();
  assert.match(await page.textContent("main"), /Deposit Rp 250,000/);
  await fill(page, "Dewi", "dewi@example.com");
  await accessible(page, "form with a deposit");
  await page.getByRole("button", { name: "Book and pay" }).click();
  await page.getByRole("link", { name: "Pay the deposit" }).click();
  await page.getByRole("heading", { name: "Pay the deposit" }).waitFor();
  await accessible(page, "pay");
  await picture(page, "pay-desktop");
  await toCheckout(visit);
  await page.waitForURL(/\/checkout\//);
  await accessible(page, "checkout");
  await page.getByRole("button", { name: "Pay" }).click();
  await page.getByText("paid").first().waitFor();
  await page.getByRole("link", { name: "Your booking" }).click();
  await page.getByRole("heading", { name: "Your table is booked" }).waitFor();
  await picture(page, "booking-desktop");
  await page.getByRole("link", { name: "Receipt" }).click();
  await accessible(page, "receipt");
  assert.match(await page.textContent("main"), /Paid\s*Rp 250,000/);
  await page.goBack();
  await page.getByRole("link", { name: "Cancel the booking" }).click();
  assert.match(await page.textContent("main"), /The deposit of Rp 250,000 is refunded/);
  await page.getByRole("button", { name: "Yes, cancel it" }).click();
  await page.getByRole("heading", { name: "This booking is cancelled" }).waitFor();
  await until("the refund on the page", async () => /Refunded/.test(await page.textContent("main")));
  await leave(visit);
});

test("a guest who loses the race keeps what was typed and takes an alternative", async () => {
  const [one, two] = [await guest(browser, meja), await guest(browser, meja)];
  const url = `${meja.url}/v/kedai-kecil?date=${inDays(7)}&party=3`;
  for (const { page } of [one, two]) {
    await page.goto(url);
    await slot(page, "19:30").click();
  }
  await fill(one.page, "Pertama", "pertama@example.com");
  await fill(two.page, "Kedua", "kedua@example.com");
  await one.page.getByRole("button", { name: "Book" }).click();
  await one.page.getByRole("heading", { name: "Your table is booked" }).waitFor();
  await two.page.getByRole("button", { name: "Book" }).click();
  const alert = two.page.getByRole("alert");
  await alert.waitFor();
  assert.equal(await two.page.inputValue("#name"), "Kedua");
  assert.ok(await alert.evaluate((node) => node === document.activeElement), "the summary has the focus");
  await accessible(two.page, "refused");
  await picture(two.page, "refused-phone");
  const choice = two.page.locator("input[name=instead]").first();
  const instead = await choice.inputValue();
  await choice.check();
  // Enter books, and does not join the waitlist.
  await two.page.press("#email", "Enter");
  await two.page.getByRole("heading", { name: "Your table is booked" }).waitFor();
  assert.match(await two.page.textContent(".when"), new RegExp(instead.slice(11, 16)));
  await leave(one);
  await leave(two);
});

test("faults stand next to their fields and nothing is lost", async () => {
  const visit = await guest(browser, meja);
  const { page } = visit;
  await page.goto(meja.url + day(8));
  await slot(page, "18:00").click();
  await page.fill("#name", "Rini");
  await page.fill("#phone", "12");
  await page.fill("#email", "rini@example");
  await page.getByRole("button", { name: "Book" }).click();
  await page.getByRole("alert").waitFor();
  assert.equal(await page.inputValue("#name"), "Rini");
  for (const field of ["phone", "email"]) {
    assert.equal(await page.getAttribute(`#${field}`, "aria-invalid"), "true", field);
  }
  await accessible(page, "faults");
  // The link in the summary leads to the field, and nothing is lost.
  await page.getByRole("alert").getByRole("link").first().click();
  assert.ok(await page.locator("#phone").evaluate((node) => node === document.activeElement));
  assert.equal(await page.inputValue("#name"), "Rini");
  await page.fill("#phone", "0812 3456 7890");
  await page.fill("#email", "rini@example.com");
  await page.locator("summary").click();
  await page.fill("#chairs", "99");
  await page.getByRole("button", { name: "Book" }).click();
  await page.getByRole("alert").waitFor();
  assert.ok(await page.locator("#chairs").isVisible(), "the field with the fault can be seen");
  await leave(visit);
});

test("the pages are complete without scripts", async () => {
  const visit = await guest(browser, meja, { javaScriptEnabled: false });
  const { page } = visit;
  await page.goto(meja.url);
  await page.getByRole("link", { name: "Kedai Kecil" }).click();
  await page.fill("#date", inDays(9));
  await page.selectOption("#party", "2");
  await page.getByRole("button", { name: "Show times" }).click();
  await slot(page, "18:30").click();
  await fill(page, "Tanpa Skrip", "tanpa@example.com");
  await page.getByRole("button", { name: "Book" }).click();
  await page.getByRole("heading", { name: "Your table is booked" }).waitFor();
  await page.getByRole("link", { name: "Cancel the booking" }).click();
  await page.getByRole("button", { name: "Yes, cancel it" }).click();
  await page.getByRole("heading", { name: "This booking is cancelled" }).waitFor();
  await leave(visit);
});

test("a guest books with the keyboard alone", async () => {
  const visit = await guest(browser, meja);
  const { page } = visit;
  await page.goto(meja.url + day(10));
  const focused = (check) => page.evaluate(check);
  const tabTo = async (what, check) => {
    for (let i = 0; i < 120; i += 1) {
      if (await focused(check)) return;
      await page.keyboard.press("Tab");
    }
    throw new Error(`no way to ${what} by Tab`);
  };
  await tabTo("a time", () => document.activeElement.matches(".slots a"));
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/book/);
  await tabTo("the name", () => document.activeElement.id === "name");
  await page.keyboard.type("Papan Ketik");
  await page.keyboard.press("Tab");
  await page.keyboard.type("081234567891");
  await page.keyboard.press("Tab");
  await page.keyboard.type("papan@example.com");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Your table is booked" }).waitFor();
  await leave(visit);
});

test("Indonesian, 320 pixels wide, dark, and in another time zone", async () => {
  const visit = await guest(browser, meja, {
    locale: "id-ID", colorScheme: "dark", viewport: { width: 320, height: 640 }, timezoneId: "America/Los_Angeles",
  });
  const { page } = visit;
  await page.goto(meja.url);
  await accessible(page, "home, dark");
  await page.goto(meja.url + day(11));
  await accessible(page, "venue, dark");
  await picture(page, "venue-dark");
  await slot(page, "19.00").click();
  await fill(page, "Sari", "sari2@example.com");
  await accessible(page, "form, dark");
  await page.getByRole("button", { name: "Pesan" }).click();
  await page.getByRole("heading", { name: "Meja Anda sudah dipesan" }).waitFor();
  // The time is that of the restaurant, wherever the browser is.
  assert.match(await page.textContent(".when"), /19\.00–20\.30/);
  await accessible(page, "booking, dark");
  await picture(page, "booking-dark");
  await page.getByRole("link", { name: "English" }).click();
  await page.getByRole("heading", { name: "Your table is booked" }).waitFor();
  await leave(visit);
});

test("a booking on the day on which the clocks change has the times of that day", async () => {
  const offset = (date) => new Intl.DateTimeFormat("en", { timeZone: "Europe/Rome", timeZoneName: "longOffset" })
    .formatToParts(date).find((part) => part.type === "timeZoneName").value.slice(3);
  let days = 1;
  const noon = (n) => new Date(`${inDays(n)}T11:00:00Z`);
  while (offset(noon(days)) === offset(noon(days + 1))) days += 1;
  const visit = await guest(browser, meja);
  const { page } = visit;
  // The evening before the change ends on the day of the change, with another offset.
  for (const [date, name] of [[inDays(days), "before"], [inDays(days + 1), "after"]]) {
    await page.goto(`${meja.url}/v/osteria-prova?date=${date}`);
    const link = slot(page, "19:30");
    const start = new URL(await link.getAttribute("href"), meja.url).searchParams.get("start");
    assert.equal(start, `${date}T19:30:00${offset(noon(name === "before" ? days : days + 1))}`);
    await link.click();
    assert.match(await page.textContent(".when"), /19:30–21:30/, name);
  }
  await leave(visit);
});

test("a venue that asks for it gets the proof of contact on the page", async () => {
  const visit = await guest(browser, meja);
  const { page } = visit;
  await page.goto(`${meja.url}/v/osteria-prova?date=${inDays(12)}`);
  await slot(page, "20:00").click();
  await fill(page, "Prova", "prova@example.com");
  await page.fill("#phone", "+39 06 5800 1234");
  await page.getByRole("button", { name: "Book" }).click();
  await page.getByRole("heading", { name: "Please confirm your e-mail address" }).waitFor();
  await accessible(page, "proof");
  await picture(page, "proof-phone");
  await page.fill("#proof", "000000");
  await page.getByRole("button", { name: "Confirm" }).click();
  await page.getByText("That code or link is not the right one").waitFor();
  const [, code] = await meja.mailed("prova@example.com", /\b(\d{3} ?\d{3})\b/);
  await page.fill("#proof", code);
  await page.getByRole("button", { name: "Confirm" }).click();
  await page.getByRole("heading", { name: "Your table is booked" }).waitFor();
  await leave(visit);
});

test("the link in a mail opens the booking and leaves the address bar; a wrong one opens nothing", async () => {
  const visit = await guest(browser, meja);
  const { page } = visit;
  const booked = await meja.api("/api/reservations", {
    customer_id: "cust-1", venue_id: "kedai-kecil", party_size: 2, start_time: `${inDays(13)}T18:00`,
    contact_info: { name: "Surat", phone: "081234567892", email: "surat@example.com" },
  });
  assert.equal(booked.status, 200);
  const [link] = await meja.mailed("surat@example.com", new RegExp(`${meja.url}/r/[^\\s"<]+`));
  await page.goto(link);
  assert.equal(new URL(page.url()).pathname, `/r/${booked.body.reservation_id}`);
  assert.match(await page.textContent("main"), /Surat/);

  // A forged link does not replace the valid one.
  const forged = `mejal_${Buffer.concat([Buffer.from(link.split("mejal_")[1], "base64url").subarray(0, 22), Buffer.alloc(16)]).toString("base64url")}`;
  assert.equal((await page.goto(`${meja.url}/r/${booked.body.reservation_id}/${forged}`)).status(), 404);
  assert.equal((await page.goto(`${meja.url}/r/${booked.body.reservation_id}`)).status(), 200);

  const stranger = await guest(browser, meja);
  for (const path of [`/r/${booked.body.reservation_id}`, `/r/${booked.body.reservation_id}/mejal_x`, "/r/1", "/nothing"]) {
    const answer = await stranger.page.goto(meja.url + path);
    assert.equal(answer.status(), 404, path);
    await accessible(stranger.page, path);
  }
  await leave(stranger);
  await leave(visit);
});

test("a closed day and a strange query are no failure", async () => {
  const visit = await guest(browser, meja);
  const { page } = visit;
  for (const query of ["date=2030-01-01", "date=%2B262142-12-01", "date=x&party=0&area=Nowhere"]) {
    const answer = await page.goto(`${meja.url}/v/kedai-kecil?${query}`);
    assert.equal(answer.status(), 200, query);
    assert.equal(await page.getByText("We cannot look up free times").count(), 0, query);
  }
  await page.goto(`${meja.url}/v/kedai-kecil/book?start=x`);
  assert.equal(new URL(page.url()).pathname, "/v/kedai-kecil");
  await leave(visit);
});

test("a guest waits for a table, gets an offer and takes it", async () => {
  const visit = await guest(browser, meja);
  const { page } = visit;
  const date = inDays(14);
  // The large table is taken for all times that a waiting guest could come.
  const taken = [];
  for (const time of ["17:30", "19:00", "20:30"]) {
    const booked = await meja.api("/api/reservations", {
      customer_id: "cust-2", venue_id: "kedai-kecil", party_size: 3, start_time: `${date}T${time}`,
      contact_info: { name: "Lebih Dulu", phone: "081234567893", email: "dulu@example.com" },
    });
    assert.equal(booked.status, 200);
    taken.push(booked.body.reservation_id);
  }
  await page.goto(`${meja.url}/v/kedai-kecil/book?day=${date}&start=${encodeURIComponent(`${date}T19:00:00+07:00`)}&party=3`);
  await fill(page, "Menunggu", "menunggu@example.com");
  await page.getByRole("button", { name: "Book" }).click();
  await page.getByRole("button", { name: "Wait for a table instead" }).click();
  await page.waitForURL(/\/w\//);
  await page.getByRole("heading", { name: "You are on the waitlist" }).waitFor();
  await accessible(page, "waiting");
  await picture(page, "waiting-phone");
  await meja.api(`/api/reservations/${taken[1]}/cancel`, { reason_code: "guest_request" });
  // The page shows the offer by itself.
  await page.getByRole("heading", { name: "A table is free for you" }).waitFor();
  await accessible(page, "offer");
  await picture(page, "offer-phone");
  await page.getByRole("button", { name: "Take this table" }).click();
  await page.waitForURL(/\/r\//);
  await page.getByRole("heading", { name: /booked|not confirmed/ }).waitFor();
  await leave(visit);
});
