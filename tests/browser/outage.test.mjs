// One service is stopped while guests are on the pages: its part says so, and the rest works.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible, book, bookWithProof, fill, guest, launch, leave, picture, slot, toCheckout } from "./browser.mjs";
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

async function bookings(name) {
  const list = await meja.api(`/api/reservations?venue_id=kedai-kecil&limit=200`);
  return list.body.items.filter((item) => item.contact_name?.startsWith(name.split(" ")[0]));
}

test("without the reservation service every page says what is missing, and a booking is made once", async () => {
  const visit = await guest(browser, meja);
  const { page } = visit;
  await book(visit, "Terbuka", 3);
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
  await book(visit, "Tanpa", 5);
  await page.getByRole("heading", { name: "Your table is booked" }).waitFor();
  await book(visit, "Deposit", 6, { party: 4 });
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
  await book(visit, "Luring", 8);
  await context.setOffline(true);
  await page.getByText("You are offline").waitFor();
  assert.match(await page.textContent("main"), /Luring/);
  await context.setOffline(false);
  await leave(visit);
});

// Every page of a guest with a booking that waits for its deposit, and with an entry on the waitlist.
async function everything(visit, name, days) {
  const { page } = visit;
  await book(visit, name, days, { party: 4, time: "12:00" });
  const held = new URL(page.url()).pathname;
  const date = inDays(days);
  const taken = await meja.api("/api/reservations", {
    customer_id: "cust-2", venue_id: "kedai-kecil", party_size: 3, start_time: `${date}T18:00`, duration_minutes: 240,
    contact_info: { name: "Lebih Dulu", phone: "081234567893", email: "dulu@example.com" },
  });
  assert.equal(taken.status, 200, JSON.stringify(taken.body));
  await page.goto(`${meja.url}/v/kedai-kecil/book?day=${date}&start=${encodeURIComponent(`${date}T19:00:00+07:00`)}&party=3&then=wait`);
  await fill(page, name, `${name.toLowerCase()}-waits@example.com`);
  await page.getByRole("button", { name: "Join the waitlist" }).click();
  await page.waitForURL(/\/w\//);
  const form = `/v/kedai-kecil/book?day=${date}&start=${encodeURIComponent(`${date}T20:30:00+07:00`)}&party=2`;
  return { held, waiting: new URL(page.url()).pathname, form, taken: taken.body.reservation_id };
}

test("each page without each service says what is missing, and only that", async () => {
  const visit = await guest(browser, meja);
  const { page } = visit;
  const { held, waiting, form } = await everything(visit, "Setiap", 20);
  const gone = [503, "We cannot look this up at the moment"];
  const pages = {
    "/": [200, "We cannot look up free times", 200, "Kedai Kecil"],
    "/v/kedai-kecil": [200, "We cannot look up free times", 200, "19:00"],
    "/embed/kedai-kecil": [200, "We cannot look up free times", 200, "19:00"],
    [form]: [200, "We cannot check this time", 200, "20:30–22:00"],
    [held]: [...gone, 200, "Pay the deposit"],
    [`${held}/pay`]: [...gone, 200, "Payment is not available at the moment"],
    [`${held}/change`]: [...gone, 200, "Another time"],
    [`${held}/correct`]: [...gone, 200, "Wishes"],
    [`${held}/cancel`]: [...gone, 200, "Cancel this booking?"],
    [`${held}/receipt`]: [...gone, 200, "Setiap"],
    [waiting]: [...gone, 200, "You are on the waitlist"],
  };
  for (const [service, at] of [["reservation", 0], ["notifier", 2]]) {
    await meja.stop(service);
    for (const [path, expected] of Object.entries(pages)) {
      const answer = await page.goto(meja.url + path);
      const text = await page.textContent("body");
      assert.equal(answer.status(), expected[at], `${path} without ${service}`);
      assert.ok(text.includes(expected[at + 1]), `${path} without ${service} says: ${text}`);
      await accessible(page, `${path} without ${service}`);
    }
    await meja.start(service);
  }
  for (const [path, expected] of Object.entries(pages)) {
    const answer = await page.goto(meja.url + path);
    assert.equal(answer.status(), 200, path);
    assert.ok(!(await page.textContent("body")).includes(expected[1]), `${path} afterwards`);
  }
  await leave(visit);
});

test("what guests sent while the reservation service was down happens once, and each page says so by itself", async () => {
  // Each guest stands before a button.
  const guests = [];
  // `happens`: the event that is in the log so many times afterwards, about `acted`, by default the booking with the deposit.
  const stand = async (days, name, prepare, said, happens, times = 1) => {
    const visit = await guest(browser, meja);
    const all = await everything(visit, name, days);
    const button = await prepare(visit.page, all);
    guests.push({ visit, name, button, said, happens, times, acted: all.held, ...all });
  };
  await stand(21, "Pesan", async (page, { form }) => {
    await page.goto(meja.url + form);
    await fill(page, "Pesan", "pesan-lagi@example.com");
    return page.getByRole("button", { name: "Book" });
  }, "Your table is booked", "bookings", 2);
  await stand(22, "Pindah", async (page, { held }) => {
    await page.goto(`${meja.url}${held}/change`);
    await slot(page, "13:30").click();
    return page.getByRole("button", { name: "Yes, move it" });
  }, "Changed.", "meja.reservation.rescheduled.v1");
  await stand(23, "Ukuran", async (page, { held }) => {
    await page.goto(`${meja.url}${held}/change`);
    await page.selectOption("#party", "3");
    await page.getByRole("heading", { name: "Change to 3 guests?" }).waitFor();
    return page.getByRole("button", { name: "Yes, change it" });
  }, "Changed.", "meja.reservation.party_size_changed.v1");
  await stand(24, "Benar", async (page, { held }) => {
    await page.goto(`${meja.url}${held}/correct`);
    await page.fill("#requests", "Dekat jendela");
    return page.getByRole("button", { name: "Save" });
  }, "Saved.", "meja.reservation.details_changed.v1");
  await stand(25, "Batal", async (page, { held }) => {
    await page.goto(`${meja.url}${held}/cancel`);
    return page.getByRole("button", { name: "Yes, cancel it" });
  }, "Cancelled.", "meja.reservation.cancelled.v1");
  await stand(26, "Bayar", async (page, { held }) => {
    await page.goto(`${meja.url}${held}/pay`);
    await page.getByText("Pay another way").click();
    await page.getByLabel("GoPay").check();
    return page.getByRole("button", { name: "Continue" });
  }, "Way to pay: GoPay", "meja.payment.requested.v1", 2);
  await stand(27, "Pergi", async (page, all) => {
    const { waiting } = all;
    all.acted = waiting;
    await page.goto(meja.url + waiting);
    return page.getByRole("button", { name: "Leave the waitlist" });
  }, "You are no longer on the waitlist", "meja.waitlist.left.v1");
  await stand(28, "Ambil", async (page, all) => {
    const { waiting, taken } = all;
    all.acted = waiting;
    await page.goto(meja.url + waiting);
    await meja.api(`/api/reservations/${taken}/cancel`, { reason_code: "guest_request" });
    return page.getByRole("button", { name: "Take this table" });
  }, "Your table is booked", "meja.waitlist.accepted.v1");
  await stand(29, "Tolak", async (page, all) => {
    const { waiting, taken } = all;
    all.acted = waiting;
    await page.goto(meja.url + waiting);
    await meja.api(`/api/reservations/${taken}/cancel`, { reason_code: "guest_request" });
    return page.getByRole("button", { name: "No, leave the waitlist" });
  }, "You have declined the offer.", "meja.waitlist.left.v1");
  await stand(30, "Jawab", async (page, all) => {
    await book({ page, meja }, "Jawab", 30, { time: "21:00", email: "jawab-lagi@example.com" });
    all.acted = new URL(page.url()).pathname;
    const asked = await meja.api(`/api/reservations/${new URL(page.url()).pathname.slice(3)}/ask`, {});
    assert.equal(asked.status, 200, JSON.stringify(asked.body));
    await page.reload();
    return page.getByRole("button", { name: "Yes, we are coming" });
  }, "Thank you for your answer.", "meja.guest.answered.v1");
  await stand(31, "Bukti", async (page, all) => {
    const code = await bookWithProof({ page, meja }, "Bukti", 31, "bukti-lagi@example.com");
    all.acted = new URL(page.url()).pathname;
    await page.fill("#proof", code);
    return page.getByRole("button", { name: "Confirm" });
  }, "Your table is booked", "meja.contact.proved.v1");
  for (const { button } of guests) await button.waitFor();
  await meja.stop("reservation");
  await Promise.all(guests.map(({ button }) => button.click()));
  for (const { visit, said } of guests) {
    await visit.page.getByRole("heading", { name: "We do not know yet" }).waitFor();
    await accessible(visit.page, `unknown: ${said}`);
  }
  await meja.start("reservation");
  for (const { visit, name, said, happens, times, acted } of guests) {
    await visit.page.getByText(said).first().waitFor().catch((error) => {
      throw new Error(`${said}: ${error.message}`);
    });
    const subject = acted.replace("/r/", "reservation/").replace("/w/", "waitlist/");
    const all = happens === "bookings" ? (await bookings(name)).map(() => happens) : await meja.events(subject);
    assert.equal(all.filter((type) => type === happens).length, times, `${name}: ${happens} in ${all}`);
    await leave(visit);
  }
});

test("a payment that was sent while the notifier was down is made once, however often the button is pressed", async () => {
  const visit = await guest(browser, meja);
  const { page } = visit;
  await book(visit, "Sekaligus", 29, { party: 4 });
  await page.getByRole("link", { name: "Pay the deposit" }).click();
  await toCheckout(visit);
  const pay = page.getByRole("button", { name: "Pay" });
  await pay.waitFor();
  await meja.stop("notifier");
  await pay.click();
  await page.getByRole("heading", { name: "We cannot look this up" }).waitFor();
  await accessible(page, "paid without the notifier");
  await meja.start("notifier");
  // The page leads back to the payment, which says what became of it.
  await page.getByRole("link", { name: "Look again" }).click();
  await page.getByRole("button", { name: "Pay" }).click();
  await page.getByText("paid").first().waitFor();
  await page.getByRole("link", { name: "Your booking" }).click();
  await page.getByRole("heading", { name: "Your table is booked" }).waitFor();
  const charges = await meja.api(`/api/reservations/${new URL(page.url()).pathname.slice(3)}/charges`);
  assert.deepEqual(charges.body.entries.map((entry) => entry.kind), ["deposit_asked", "deposit_paid"]);
  await leave(visit);
});

test("a choice of the language sends no form, also while a service is down", async () => {
  const visit = await guest(browser, meja);
  const { page } = visit;
  await book(visit, "Bahasa", 33);
  const booked = new URL(page.url()).pathname;
  await page.getByRole("link", { name: "Correct details" }).click();
  await page.fill("#requests", "Belum selesai");
  await meja.stop("reservation");
  await page.getByRole("button", { name: "Bahasa Indonesia" }).click();
  await page.locator("form#entered").waitFor({ state: "detached" });
  assert.equal(await page.locator("form[data-repeat]").count(), 0, "the page sends nothing by itself");
  await meja.start("reservation");
  await page.goto(meja.url + booked);
  const types = await meja.events(`reservation/${booked.slice(3)}`);
  assert.ok(!types.includes("meja.reservation.details_changed.v1"), types.join());
  await leave(visit);
});
