// What a screen reader reads at the stand: the tree of names and roles of each view, compared as a whole.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { leave } from "./browser.mjs";
import { atStand, booked, close, command, hire, open, row } from "./staff.mjs";

const VENUE = "warung-malam";
let house;
let meja;
let browser;
let visit;
let page;
before(async () => {
  ({ house, meja, browser } = await open());
  const sari = await hire(meja, "Sari", { host: [VENUE] }, "7294");
  await booked(meja, VENUE, house.slot(5), { name: "Rina Hartono", allergies: "kacang" });
  const { reservation_id: id } = await booked(meja, VENUE, house.slot(5), { name: "Tono Wijaya" });
  await command(meja, id, "check-in");
  visit = await atStand(browser, meja, VENUE, sari);
  ({ page } = visit);
  await row(page, "Rina H.").waitFor();
});
after(() => close({ house, meja, browser }));

// The tree of an element, with words in place of what differs from day to day.
async function tree(element) {
  const text = await element.ariaSnapshot();
  return text
    .replaceAll(/\d\d:\d\d/g, "hh:mm")
    .replaceAll(/(Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day \d+ [A-Z][a-z]+/g, "DATE")
    .replaceAll(/\d+ min left/g, "N min left")
    .replaceAll(/"Rina H\. [0-9A-Z]{6}"/g, '"Rina H. CODE"')
    .replaceAll(/(hh:mm ?)+(?=")/g, "hh:mm …");
}

async function reads(element, expected) {
  assert.equal(await tree(element), expected.trim());
}

test("the list and the waitlist", async () => {
  await reads(page.locator("main"), `
- main:
  - region "List":
    - paragraph:
      - text: Search
      - searchbox "Search"
      - button "Finished"
    - list:
      - listitem:
        - button "hh:mm ⚠ Allergies Rina H. 2 guests A1 expected"
        - 'button "Seat: Rina H."': Seat
      - listitem:
        - button "hh:mm Tono W. 2 guests A2 seated, N min left"
  - region "Waitlist":
    - heading "Waitlist" [level=2]
    - paragraph: Nobody waits.
    - list`);
  // One place for what happens meanwhile.
  assert.equal(await page.locator("[aria-live]").count(), 1);
  assert.equal(await page.locator("[aria-live]").getAttribute("aria-live"), "polite");
});

test("the head with the figures", async () => {
  const head = (await tree(page.locator("header.top"))).replaceAll(/      - listitem: hh:mm \d+\/40\n/g, "");
  assert.equal(head, `
- banner:
  - region "DATE":
    - heading "DATE hh:mm …" [level=1]
    - term: Guests here
    - definition: "2"
    - term: To come
    - definition: "2"
    - term: Late
    - definition: "0"
    - term: Waiting
    - definition: "0"
    - list "Arrivals":
    - paragraph: ● Live
  - navigation:
    - button "List" [pressed]
    - button "Floor"
    - button "Timeline"
    - button "Walk-in"
    - link "Print":
      - /url: /stand/warung-malam/print
    - button "Settings"
    - button "Sign out Sari"`.trim());
});

test("a party and what can be done with it", async () => {
  await row(page, "Rina H.").locator(".row").click();
  await reads(page.locator(".panel"), `
- complementary "Rina H.":
  - heading "Rina H. CODE" [level=2]
  - button "Close"
  - paragraph: hh:mm–hh:mm · 2 guests · A1 · expected
  - paragraph:
    - text: ⚠ Allergies
    - button "Show allergies"
  - button "Seat"
  - button "Move"
  - button "Swap"
  - button "Still coming?"
  - button "No-show"
  - button "Cancel"
  - group "Party":
    - button "Party −1": −
    - text: "2"
    - button "Party +1": +
  - group "Time":
    - button "Time −15": −15
    - text: hh:mm
    - button "Time +15": "+15"
  - text: Note
  - textbox "Note"
  - text: Tags
  - textbox "Tags":
    - /placeholder: vip
  - button "Save"`);
  await page.locator(".panel").getByRole("button", { name: "Close" }).click();
});

test("the floor", async () => {
  await page.getByRole("button", { name: "Floor" }).click();
  await reads(page.locator(".floor"), `
- region "Teras":
  - heading "Teras Close Teras today" [level=2]:
    - text: Teras
    - button "Close Teras today"
  - group "Teras":
    - button "A1 seats 2 reserved Rina H. · 2 ⚠ Allergies hh:mm …"
    - button "A2 seats 2 seated Tono W. · 2 N min left"
    - button "A3 seats 4 free"
- region "Dalam":
  - heading "Dalam Close Dalam today" [level=2]:
    - text: Dalam
    - button "Close Dalam today"
  - group "Dalam":
    - button "B1 seats 4 free"
    - button "B2 seats 6 free"`);
  // One tab stop; the arrow keys move inside.
  assert.equal(await page.locator('.floor [data-stop][tabindex="0"]').count(), 1);
});

test("the timeline", async () => {
  await page.getByRole("button", { name: "Timeline" }).click();
  await reads(page.locator(".timeline"), `
- grid "Timeline":
  - row "hh:mm …":
    - columnheader
    - columnheader "hh:mm …"
  - row "A1 2 Rina H. · 2 ⚠ Allergies , hh:mm–hh:mm, expected":
    - rowheader "A1 2"
    - gridcell "Rina H. · 2 ⚠ Allergies , hh:mm–hh:mm, expected":
      - button "Rina H. · 2 ⚠ Allergies , hh:mm–hh:mm, expected"
  - row "A2 2 Tono W. · 2 , hh:mm–hh:mm, seated":
    - rowheader "A2 2"
    - gridcell "Tono W. · 2 , hh:mm–hh:mm, seated":
      - button "Tono W. · 2 , hh:mm–hh:mm, seated"
  - row "A3 4":
    - rowheader "A3 4"
    - gridcell
  - row "B1 4":
    - rowheader "B1 4"
    - gridcell
  - row "B2 6":
    - rowheader "B2 6"
    - gridcell`);
  assert.equal(await page.locator('.timeline [data-stop][tabindex="0"]').count(), 1);
});

test("a dialog", async () => {
  await page.getByRole("button", { name: "Walk-in", exact: true }).click();
  await reads(page.locator("dialog"), `
- dialog "Walk-in":
  - heading "Walk-in" [level=2]
  - group "How many guests?":
    - button "1"
    - button "2" [pressed]
    - button "3"
    - button "4"
    - button "5"
    - button "6"
    - button "7"
    - button "8"
    - button "10"
    - button "12"
  - paragraph:
    - text: Party
    - spinbutton "Party": "2"
    - text: Area
    - combobox "Area":
      - option "Any area" [selected]
      - option "Teras"
      - option "Dalam"
    - button "Seat now"
  - group: Put on the waitlist
  - paragraph:
    - button "Never mind"`);
  await leave(visit);
});
