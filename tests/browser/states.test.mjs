// Pages and states that the story of a booking does not pass: payments that fail, corrections, another language, the widget.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible, book, bookWithProof, fill, guest, launch, leave, picture, slot, toCheckout } from "./browser.mjs";
import { Meja, OWN_LIMITS, inDays, until } from "./meja.mjs";

let meja;
let browser;
before(async () => {
  meja = await new Meja().start();
  // The reservation service asks the notifier for its channels again and again. Only then an unknown one is a fault.
  await until("the payment channels", async () => {
    const refused = await meja.api("/api/reservations", { payment_channel: "shells" });
    return JSON.stringify(refused.body).includes("payment_channel");
  });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await meja?.end();
});

test("a guest whose payment was refused pays another way", async () => {
  const visit = await guest(browser, meja);
  const { page } = visit;
  await book(visit, "Ulang", 3, { party: 4 });
  await page.getByRole("link", { name: "Pay the deposit" }).click();
  // Before anything fails, another channel is a choice that stays out of the way.
  await page.getByText("Pay another way").click();
  await page.getByLabel("GoPay").check();
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByText("Way to pay: GoPay").waitFor();
  await toCheckout(visit);
  await page.getByRole("button", { name: "Refuse" }).click();
  await page.getByText("refused").first().waitFor();
  await accessible(page, "a refused payment");
  await page.getByRole("link", { name: "Your booking" }).click();
  await until("the refusal on the page", async () => {
    await page.goto(page.url().replace(/(\/pay)?$/, "/pay"));
    return page.getByText("The payment was not completed").isVisible();
  });
  await accessible(page, "pay after a refusal");
  await picture(page, "pay-refused-phone");
  await page.getByLabel("QRIS").check();
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByText("Way to pay: QRIS").waitFor();
  await toCheckout(visit);
  await page.getByRole("button", { name: "Pay" }).click();
  await page.getByRole("link", { name: "Your booking" }).click();
  await page.getByRole("heading", { name: "Your table is booked" }).waitFor();
  // Nothing is left to pay.
  await page.goto(page.url() + "/pay");
  assert.doesNotMatch(page.url(), /pay/);
  await leave(visit);
});

test("a guest corrects the e-mail address and goes on with the new link", async () => {
  const visit = await guest(browser, meja);
  const { page } = visit;
  await book(visit, "Salah", 4, { email: "salah@exmaple.com" });
  const [old] = await meja.mailed("salah@exmaple.com", new RegExp(`${meja.url}/r/[^\\s"<]+`));
  await page.getByRole("link", { name: "Correct details" }).click();
  await page.fill("#email", "benar@example");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("alert").waitFor();
  await accessible(page, "correct, with a fault");
  assert.equal(await page.inputValue("#email"), "benar@example");
  await page.fill("#email", "benar@example.com");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved.").waitFor();
  await page.reload();
  await page.getByRole("heading", { name: "Your table is booked" }).waitFor();
  const [link] = await meja.mailed("benar@example.com", new RegExp(`${meja.url}/r/[^\\s"<]+`));
  const stranger = await guest(browser, meja);
  assert.equal((await stranger.page.goto(old)).status(), 404, "the mail to the wrong address opens nothing");
  assert.equal((await stranger.page.goto(link)).status(), 200);
  await leave(stranger);
  await leave(visit);
});

test("an address that was proved stays", async () => {
  const visit = await guest(browser, meja);
  const { page } = visit;
  const code = await bookWithProof(visit, "Sicuro", 12);
  await page.fill("#proof", code);
  await page.getByRole("button", { name: "Confirm" }).click();
  await page.getByRole("link", { name: "Correct details" }).click();
  await page.fill("#email", "altro@example.com");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("can no longer be changed here").first().waitFor();
  await leave(visit);
});

test("another language keeps what was typed, with and without scripts", async () => {
  for (const javaScriptEnabled of [true, false]) {
    const visit = await guest(browser, meja, { javaScriptEnabled });
    const { page } = visit;
    await page.goto(`${meja.url}/v/kedai-kecil?date=${inDays(javaScriptEnabled ? 5 : 6)}`);
    await slot(page, "19:00").click();
    await page.fill("#name", "Dua Bahasa");
    await page.getByRole("button", { name: "Bahasa Indonesia" }).click();
    await page.getByText("Nama", { exact: true }).waitFor();
    assert.equal(await page.inputValue("#name"), "Dua Bahasa");
    assert.equal(await page.getAttribute("html", "lang"), "id");
    if (javaScriptEnabled) await accessible(page, "form in another language");
    await page.getByRole("button", { name: "English" }).click();
    await page.getByText("Name", { exact: true }).waitFor();
    await fill(page, await page.inputValue("#name"), `dua-${javaScriptEnabled}@example.com`);
    await page.getByRole("button", { name: "Book" }).click();
    await page.getByRole("heading", { name: "Your table is booked" }).waitFor();
    assert.match(await page.textContent("main"), /Dua Bahasa/);
    await leave(visit);
  }
});

test("at a venue that is managed by hand a guest types the time, and moves it", async () => {
  const visit = await guest(browser, meja);
  const { page } = visit;
  await page.goto(`${meja.url}/v/warung-bebas?date=${inDays(3)}`);
  await accessible(page, "venue that is managed by hand");
  await page.fill("#start", "19:15");
  await page.getByRole("button", { name: "Continue" }).click();
  await fill(page, "Bebas", "bebas@example.com");
  await page.getByRole("button", { name: "Book" }).click();
  await page.getByRole("heading", { name: "Your table is booked" }).waitFor();
  await page.getByRole("link", { name: "Change", exact: true }).click();
  await page.fill("#clock", "20:45");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("heading", { name: /^Move to .* 20:45\?$/ }).waitFor();
  await accessible(page, "change at a venue that is managed by hand");
  await page.getByRole("button", { name: "Yes, move it" }).click();
  await page.getByText("Changed.").waitFor();
  assert.match(await page.textContent(".when"), /20:45/);
  // What was done is said once.
  await page.waitForURL((url) => !url.searchParams.has("done"));
  await page.reload();
  assert.equal(await page.getByText("Changed.").count(), 0);
  await leave(visit);
});

test("the largest party that is offered fits a table", async () => {
  const visit = await guest(browser, meja);
  const { page } = visit;
  await page.goto(`${meja.url}/v/kedai-kecil?date=${inDays(3)}`);
  const sizes = await page.locator("#party option").allTextContents();
  assert.deepEqual(sizes.map((size) => size.trim()), ["1", "2", "3", "4", "5", "6"]);
  await leave(visit);
});

test("the widget in its frame, and what is not found at the services, are accessible", async () => {
  const visit = await guest(browser, meja);
  const { page } = visit;
  for (const [path, status] of [
    [`/embed/kedai-kecil?date=${inDays(3)}`, 200], ["/embed/none", 404], ["/v/none", 404], ["/checkout/none/none", 404],
    ["/offers/none", 404], ["/bookings/none", 404],
  ]) {
    const answer = await page.goto(meja.url + path);
    assert.equal(answer.status(), status, path);
    await accessible(page, path);
  }
  await leave(visit);
});

test("a guest stays within the limits of every installation", async () => {
  const usual = await new Meja({ ...OWN_LIMITS, MEJA_CONNECTIONS_PER_ADDRESS_MAX: undefined }).start();
  try {
    const visit = await guest(browser, usual);
    const { page } = visit;
    await page.goto(usual.url);
    await page.getByRole("link", { name: "Kedai Kecil" }).click();
    // Someone who looks around.
    for (let days = 1; days <= 10; days += 1) {
      const date = inDays(days);
      await page.fill("#date", date);
      // Any heading could be the one of the page before: the address says which page this is.
      await page.waitForURL((url) => url.searchParams.get("date") === date);
      await page.getByRole("heading", { name: new RegExp(` ${Number(date.slice(8))} `) }).first().waitFor();
    }
    for (const [name, days] of [["Satu", 3], ["Dua", 4], ["Tiga", 5]]) {
      await book(visit, name, days, { party: 4 });
      await page.getByRole("link", { name: "Pay the deposit" }).click();
      await toCheckout(visit);
      await page.getByRole("button", { name: "Pay" }).click();
      await page.getByRole("link", { name: "Your booking" }).click();
      await page.getByRole("heading", { name: "Your table is booked" }).waitFor();
    }
    await leave(visit);
  } finally {
    await usual.end();
  }
});
