// The rules editor without a browser: what depends on what in a document, and how two documents differ.
import { describe, expect, test } from "vitest";
import { areasOf, canonical, differences, opened, removeTable, renameArea, renameTable, tidied, type Rules } from "../src/rules/document";
import { faultsOf } from "../src/rules/faults";
import { changeCurrency, readAmount, toMajor, toMinor, writeAmount } from "../src/rules/money";
import { placeInWords, valueInWords } from "../src/rules/values";
import { extentOf, freePlace, moved } from "../src/rules/plan";
import { en } from "../src/rules/words/en";
import { id } from "../src/rules/words/id";

const rules = (): Rules => ({
  id: "warung", name: "Warung", timezone: "Asia/Jakarta", country: "ID", currency: "IDR", locale: "id",
  tables: [
    { id: "T1", area: "Teras", seats: 2, combinable_with: ["T2"] },
    { id: "T2", area: "Teras", seats: 2 },
    { id: "D1", area: "Dalam", seats: 4 },
  ],
  services: [
    { name: "Makan siang", days: ["mon"], opens: "11:00", closes: "15:00" },
    { name: "Makan malam", days: ["mon"], opens: "17:00", closes: "22:00", areas: ["Dalam", "Teras"] },
  ],
  exceptions: [{ date: "2026-12-31", closed_areas: ["Dalam"], closed_tables: ["T2", "T1"] }],
  policy: {},
});

describe("names", () => {
  test("a renamed table keeps its combinations and its exceptions", () => {
    const now = rules();
    now.tables[1]!.id = "T9";
    renameTable(now, "T2", "T9");
    expect(now.tables[0]!.combinable_with).toEqual(["T9"]);
    expect(now.exceptions![0]!.closed_tables).toEqual(["T9", "T1"]);
  });

  test("an area is renamed with its last table", () => {
    const now = rules();
    now.tables[0]!.area = "Kebun";
    renameArea(now, now.tables[0]!, "Teras", "Kebun");
    expect(now.services![1]!.areas).toEqual(["Dalam", "Teras"]);
    now.tables.splice(0, 1);
    now.tables[0]!.area = "Kebun";
    renameArea(now, now.tables[0]!, "Teras", "Kebun");
    expect(now.services![1]!.areas).toEqual(["Dalam", "Kebun"]);
    expect(areasOf(now)).toEqual(["Kebun", "Dalam"]);
  });

  test("names are never merged", () => {
    const now = rules();
    // The last table of one area joins another one.
    now.tables[2]!.area = "Teras";
    renameArea(now, now.tables[2]!, "Dalam", "Teras");
    expect(now.exceptions![0]!.closed_areas).toEqual(["Dalam"]);
    // A table takes the name of another one for a moment.
    now.tables[0]!.id = "T2";
    renameTable(now, "T1", "T2");
    now.tables[0]!.id = "T3";
    renameTable(now, "T2", "T3");
    expect(now.tables[0]!.combinable_with).toEqual(["T2"]);
    expect(now.exceptions![0]!.closed_tables).toEqual(["T2", "T1"]);
    now.tables[1]!.id = "";
    renameTable(now, "T2", "");
    expect(now.tables[0]!.combinable_with).toEqual(["T2"]);
  });

  test("a service of one area alone never becomes one of all areas", () => {
    const now = rules();
    now.services![1]!.areas = ["Dalam"];
    removeTable(now, 2);
    expect(now.services![1]!.areas).toEqual(["Dalam"]);
  });

  test("a removed table is mentioned nowhere, and nor is its area if it was the last one", () => {
    const now = rules();
    removeTable(now, 1);
    expect(now.tables[0]).not.toHaveProperty("combinable_with");
    expect(now.exceptions![0]!.closed_tables).toEqual(["T1"]);
    removeTable(now, 1);
    expect(now.services![1]!.areas).toEqual(["Teras"]);
    expect(now.exceptions![0]).not.toHaveProperty("closed_areas");
  });
});

describe("differences", () => {
  test("equal documents have none, whatever parts the editor shows", () => {
    expect(differences(rules(), tidied(opened(rules())))).toEqual([]);
  });

  test("a changed member is named by the part that it belongs to", () => {
    const now = rules();
    now.services![1]!.opens = "18:00";
    now.tables[0]!.seats = 3;
    expect(differences(rules(), now)).toEqual([
      { path: ["tables", { name: "T1" }, "seats"], from: 2, to: 3 },
      { path: ["services", { name: "Makan malam" }, "opens"], from: "17:00", to: "18:00" },
    ]);
  });

  test("a part that is moved is the same, one that comes or goes is named", () => {
    const now = rules();
    now.services!.reverse();
    expect(differences(rules(), now)).toEqual([]);
    // It is another document all the same.
    expect(canonical(now)).not.toBe(canonical(rules()));
    expect(canonical({ b: 1, a: [{ d: 1, c: 2 }] })).toBe(canonical({ a: [{ c: 2, d: 1 }], b: 1 }));
    const added = { id: "D2", area: "Dalam", seats: 6 };
    now.tables.unshift(added);
    delete now.exceptions;
    expect(differences(rules(), now)).toEqual([
      { path: ["tables", { name: "D2" }], from: undefined, to: added },
      { path: ["exceptions"], from: rules().exceptions, to: undefined },
    ]);
  });

  test("a table that was renamed is one, and tables that have nothing in common are two", () => {
    const now = rules();
    now.tables[2]!.id = "D9";
    expect(differences(rules(), now)).toEqual([{ path: ["tables", { name: "D9" }, "id"], from: "D1", to: "D9" }]);
    now.tables[2]!.seats = 8;
    expect(differences(rules(), now).map(({ from, to }) => [from === undefined, to === undefined])).toEqual([[false, true], [true, false]]);
  });

  test("of two services with one name only the changed one differs", () => {
    const twice = rules();
    twice.services!.push({ name: "Makan malam", days: ["fri"], opens: "17:00", closes: "00:30" });
    const now = structuredClone(twice);
    now.services![2]!.closes = "01:00";
    expect(differences(twice, now)).toEqual([{ path: ["services", { name: "Makan malam (fri)" }, "closes"], from: "00:30", to: "01:00" }]);
  });
});

test("a fault is named by its member", () => {
  const problem = { detail: [{ loc: ["body", "tables", 0, "seats"], type: "greater_than_equal", msg: "too few" }] };
  expect(faultsOf(problem as never)).toEqual([{ path: "tables.0.seats", message: "too few" }]);
  expect(faultsOf({ detail: "no" } as never)).toEqual([]);
});

test("amounts are minor units of their currency", () => {
  expect(toMinor(toMajor(123_45, "EUR"), "EUR")).toBe(123_45);
  expect(toMinor(0.29, "EUR")).toBe(29);
  expect(toMinor(500, "JPY")).toBe(500);
  expect(toMinor(50_000, "IDR")).toBe(5_000_000);
  const changed = { ...rules(), policy: { deposit: { from_party_size: 6, per: "guest" as const, amount_minor: 5_000_000 } } };
  changeCurrency(changed, "IDR", "KRW");
  expect(changed.policy.deposit.amount_minor).toBe(50_000);
});

test("an amount is read as it is written in the language of the page, or not at all", () => {
  expect(readAmount("75.000", "IDR", "id")).toBe(7_500_000);
  expect(readAmount("75000", "IDR", "id")).toBe(7_500_000);
  expect(readAmount("75,000", "IDR", "en")).toBe(7_500_000);
  expect(readAmount("12,50", "EUR", "id")).toBe(1_250);
  expect(readAmount("12.50", "EUR", "en")).toBe(1_250);
  for (const [text, currency, language] of [["75.000", "IDR", "en"], ["12,50", "EUR", "en"], ["12.50", "EUR", "id"], ["1,5,0", "EUR", "en"], ["-1", "EUR", "en"], ["1.5", "JPY", "en"], ["", "EUR", "en"]] as const) {
    expect([text, readAmount(text, currency, language)]).toEqual([text, null]);
  }
  for (const [minor, currency] of [[7_500_000, "IDR"], [1_250, "EUR"], [123_456_789, "EUR"], [500, "JPY"]] as const) {
    for (const language of ["id", "en"] as const) expect(readAmount(writeAmount(minor, currency, language), currency, language)).toBe(minor);
  }
});

test("members and values are named as people name them", () => {
  expect(placeInWords("tables.2.seats", rules())).toBe("Tables › D1 › Seats");
  expect(placeInWords("exceptions.0.services.1.opens", rules())).toBe("Exceptions › 2026-12-31 › Services › 2 › Opens");
  expect(valueInWords(["policy", "deposit"], { from_party_size: 6, per: "guest", amount_minor: 5_000_000 }, "IDR")).toBe("From: 6, Per: guest, Amount: IDR 50,000");
  // The name of a table is no word of the interface.
  expect(valueInWords(["tables", { name: "x" }], { id: "x", area: "round", seats: 2 }, "IDR")).toBe("Table: x, Area: round, Seats: 2");
});

describe("the plan", () => {
  test("a table stands on the grid and inside the plan", () => {
    const table = { id: "T1", area: "Teras", seats: 2 };
    moved(table, 104, -30, 10);
    expect(table).toMatchObject({ x: 100, y: 0 });
    expect(extentOf([{ ...table, x: 1_200, y: 90 }])).toEqual({ width: 1_320, height: 400 });
  });

  test("tables that are put on it do not cover each other", () => {
    const placed: Rules["tables"] = [];
    for (let n = 0; n < 30; n += 1) {
      const [x, y] = freePlace(placed);
      for (const other of placed) expect(Math.hypot(other.x! - x, other.y! - y)).toBeGreaterThanOrEqual(110);
      placed.push({ id: `T${n}`, area: "Teras", seats: 2, x, y });
    }
  });
});

test("both languages have the same gaps", () => {
  const gaps = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();
  for (const [word, text] of Object.entries(en)) expect([word, gaps(id[word as keyof typeof en])]).toEqual([word, gaps(text)]);
});
