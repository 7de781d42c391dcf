// The audit without a browser: parts of the log, the rows in view, and the bytes of events.
import { describe, expect, it } from "vitest";
import { amount, members, steps, type Entry } from "../src/audit/booking";
import { ROWS_MAX, SHOWN_ROWS_MAX, inView, join, linkTo, pageOf, shortType, type Part, type Row } from "../src/audit/look";
import { rawItems } from "../src/audit/raw";

const row = (position: number): Row => ({ position, event: {} as Row["event"], raw: "" });
const part = (from: number, to: number, more: Partial<Part> = {}): Part => ({
  rows: Array.from({ length: to - from + 1 }, (_, n) => row(from + n)), from, to, hasEarlier: from > 1, hasLater: false, head: to, ...more,
});
const positions = (of: Part) => [of.rows[0]?.position, of.rows.at(-1)?.position, of.rows.length];

describe("parts of the log", () => {
  it("are joined on either side", () => {
    const joined = join(join(part(101, 200), part(51, 100)), part(201, 250));
    expect(positions(joined)).toEqual([51, 250, 200]);
    expect([joined.from, joined.to, joined.hasEarlier, joined.hasLater, joined.head]).toEqual([51, 250, true, false, 250]);
  });

  it("stay within their limit, and know what was dropped", () => {
    const older = join(part(5_001, 10_000), part(4_901, 5_000));
    expect(positions(older)).toEqual([4_901, 9_900, ROWS_MAX]);
    expect([older.from, older.to, older.hasLater]).toEqual([4_901, 9_900, true]);
    const newer = join(part(1, 5_000), part(5_001, 5_100));
    expect(positions(newer)).toEqual([101, 5_100, ROWS_MAX]);
    expect([newer.from, newer.to, newer.hasEarlier]).toEqual([101, 5_100, true]);
  });

  it("that are not adjacent change nothing", () => {
    const known = part(101, 200);
    for (const other of [part(51, 150), part(101, 200), part(51, 99), part(150, 250), part(202, 250)]) expect(join(known, other)).toBe(known);
  });

  it("without events still say what was examined", () => {
    const nothing = { ...part(1, 0), rows: [], from: 51, to: 100, hasEarlier: true, head: 200 };
    const joined = join(part(101, 200), nothing);
    expect([joined.from, joined.to, joined.rows.length]).toEqual([51, 200, 100]);
  });
});

describe("rows in view", () => {
  const rows = part(1, 5_000).rows;

  it("are the newest at the top, and few wherever the list is", () => {
    expect(inView(rows, 0, 600, 36)[0]).toEqual({ row: row(5_000), index: 0 });
    for (const scrolled of [0, 1_000, 90_000, 180_000, 10_000_000]) {
      const shown = inView(rows, scrolled, 3_000, 36);
      expect(shown.length).toBeLessThanOrEqual(SHOWN_ROWS_MAX);
      expect(shown.every(({ row: { position }, index }) => position === 5_000 - index)).toBe(true);
    }
    expect(inView([], 0, 600, 36)).toEqual([]);
  });

  it("cover what is seen", () => {
    const shown = inView(rows, 3_600, 720, 36).map(({ index }) => index);
    for (let index = 100; index < 120; index++) expect(shown).toContain(index);
  });
});

describe("the bytes of events", () => {
  it("are cut out of a response as they are", () => {
    const events = ['{"a": "x]}\\"[{", "n":1.0}', '{"b":[1,{"c":"\\\\"}]}'];
    expect(rawItems(`{"items":[${events.join(",")}],"head":2,"other":[{}]}`)).toEqual(events);
    expect(rawItems('{"items":[],"head":0}')).toEqual([]);
    expect(rawItems("")).toEqual([]);
  });
});

describe("a booking", () => {
  it("has its entries by request, also those that were reported later", () => {
    const entry = (position: number, request: string) => ({ position, correlation_id: request }) as Entry;
    const found = steps([entry(1, "a"), entry(2, "b"), entry(3, "a")]);
    expect(found.map(({ correlationId, entries }) => [correlationId, entries.map(({ position }) => position)])).toEqual([["a", [1, 3]], ["b", [2]]]);
  });

  it("is shown without what is empty", () => {
    expect(members({ a: null, b: "", c: [], d: 0, e: false, f: { g: 1 }, venue_profile: {} })).toEqual([["d", "0"], ["e", "false"], ["f", '{"g":1}']]);
  });

  it("has amounts in the decimals of their currency", () => {
    expect(amount(30_000_000, "IDR")).toBe("IDR 300,000");
    expect(amount(1_050, "EUR")).toBe("EUR 10.50");
    expect(amount(7, null)).toBe("7");
  });
});

describe("names and links", () => {
  it("are short, and escape what they contain", () => {
    expect(shortType("meja.reservation.created.v1")).toBe("reservation.created");
    expect(pageOf("reservation/1")).toBe("/audit/r/1");
    expect(pageOf("venue/1")).toBeNull();
    expect(linkTo({ actor: "key:1", position: 3 })).toBe("/audit/log?actor=key%3A1&position=3");
  });
});
