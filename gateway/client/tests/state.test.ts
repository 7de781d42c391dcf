// Tables, figures, times and the queue of a stand, without a browser.
import { describe, expect, test } from "vitest";
import { Messages } from "../src/stream/live";
import { callOf, eveningOf, isOn, type Evening, type Party } from "../src/state/evening";
import { figuresOf, pacing, quoteLeft } from "../src/state/figures";
import { tablesFor, tableStates } from "../src/state/floor";
import { AGE_MINUTES_MAX, EMPTY, adopt, dismiss, enqueue, isTooOld, settle, withQueue } from "../src/state/queue";
import { minutesBetween, timeOfDay } from "../src/state/times";

const at = (time: string) => Date.parse(`2026-12-01T${time}:00+07:00`);
const iso = (time: string) => new Date(at(time)).toISOString();

function party(id: string, table: string, start: string, end: string, more: Partial<Party> = {}): Party {
  return {
    id, code: id, status: "CONFIRMED", name: id, size: 2, start: iso(start), end: iso(end), tables: table ? [table] : [], needsTable: !table,
    tags: [], notes: null, requests: null, hasAllergies: false, highChairs: 0, deposit: "not_required",
    isUnproved: false, affected: null, source: "booking", answer: null, version: 1, ...more,
  };
}

function evening(...parties: Party[]): Evening {
  const table = (table_id: string, seats: number) =>
    ({ table_id, area: "Dalam", seats, place: null, state: "free" as const, seated_since: null, until: null, party: null, next: null, parties: [] });
  const made = eveningOf({
    venueId: "dago", zone: "Asia/Jakarta", cursor: null, reservations: [], waitlist: [], closures: [],
    floor: {
      venue_id: "dago", at: iso("18:00"), date: "2026-12-01", position: 1, feed_cursor: null,
      services: [{ name: "Makan malam", opens: iso("17:00"), closes: iso("18:00") }], slots: { minutes: 15, covers_max: 12, parties_max: null },
      tables: [table("T1", 2), table("T2", 4)], needs_table: [],
    },
  });
  return { ...made, parties: Object.fromEntries(parties.map((one) => [one.id, one])) };
}

describe("a table", () => {
  const of = (now: string, ...parties: Party[]) => {
    const [first] = tableStates(evening(...parties), at(now));
    return [first?.status, first?.minutes];
  };

  test("is what its parties make it", () => {
    expect(of("18:00")).toEqual(["free", 0]);
    expect(of("18:00", party("a", "T1", "19:00", "20:00"))).toEqual(["free", 0]);
    expect(of("18:40", party("a", "T1", "19:00", "20:00"))).toEqual(["reserved", 20]);
    expect(of("19:05", party("a", "T1", "19:00", "20:00"))).toEqual(["due", 5]);
    expect(of("19:12", party("a", "T1", "19:00", "20:00"))).toEqual(["late", 12]);
    expect(of("19:40", party("a", "T1", "19:00", "20:00", { status: "CHECKED_IN" }))).toEqual(["seated", 20]);
    expect(of("20:12", party("a", "T1", "19:00", "20:00", { status: "CHECKED_IN" }))).toEqual(["overdue", 12]);
    expect(of("19:05", party("a", "T1", "19:00", "20:00", { status: "CANCELLED" }))).toEqual(["free", 0]);
  });

  test("that is closed is closed, unless a party sits there", () => {
    const closure = { from: "2026-12-01", to: "2026-12-01", areas: ["Dalam"], tables: [], service: null } as unknown as Evening["closures"][number];
    const closed = { ...evening(), closures: [closure] };
    expect(tableStates(closed, at("18:00")).map(({ status }) => status)).toEqual(["closed", "closed"]);
    const sitting = { ...evening(party("a", "T1", "17:30", "19:00", { status: "CHECKED_IN" })), closures: [closure] };
    expect(tableStates(sitting, at("18:00"))[0]?.status).toBe("seated");
    expect(tableStates({ ...closed, date: "2026-12-02" }, at("18:00"))[0]?.status).toBe("free");
  });

  test("is offered if no other party wants it during the stay, the smallest that fits first", () => {
    const ids = (made: Evening, size: number, own = "") =>
      tablesFor(party("me", own, "18:00", "19:00", { size }), at("18:00"), at("19:00"), made).map(({ id }) => id);
    expect(ids(evening(), 2)).toEqual(["T1", "T2"]);
    expect(ids(evening(), 4)).toEqual(["T2", "T1"]);
    expect(ids(evening(), 2, "T1")).toEqual(["T2"]);
    expect(ids(evening(party("a", "T1", "18:45", "20:00")), 2)).toEqual(["T2"]);
    expect(ids(evening(party("a", "T1", "19:00", "20:00")), 2)).toEqual(["T1", "T2"]);
    // A party that stays too long has its table still.
    expect(ids(evening(party("a", "T1", "16:00", "17:30", { status: "CHECKED_IN" })), 2)).toEqual(["T2"]);
  });
});

test("the figures count parties that are there, expected, late and waiting", () => {
  const made = evening(
    party("a", "T1", "17:00", "19:00", { status: "CHECKED_IN", size: 3 }), party("b", "T2", "17:40", "19:00"), party("c", "", "18:30", "20:00", { size: 5 }),
    party("d", "T1", "19:00", "20:00", { status: "NO_SHOW" }),
  );
  expect(figuresOf(made, at("18:00"))).toEqual({ coversHere: 3, coversToCome: 7, late: 1, overdue: 0, withoutTable: 1, waiting: 0, longestWait: 0 });
});

test("the arrivals of each time have their limit", () => {
  const slots = pacing(evening(party("a", "T1", "17:15", "19:00"), party("b", "T2", "17:20", "19:00", { size: 4 })), at("17:10"));
  expect(slots.map(({ covers, max }) => `${covers}/${max}`)).toEqual(["0/12", "6/12", "0/12", "0/12"]);
});

test("a quote counts down and then up", () => {
  const waiting = { joinedAt: iso("18:00"), quotedMinutes: 20 };
  expect(quoteLeft(waiting, at("18:05"))).toBe(15);
  expect(quoteLeft(waiting, at("18:32"))).toBe(-12);
  // The clock of the screen is a moment behind.
  expect(quoteLeft(waiting, at("17:59"))).toBe(20);
  expect(quoteLeft({ ...waiting, quotedMinutes: null }, at("18:05"))).toBeNull();
});

test("times are those of the venue, on days with 23 and 25 hours too", () => {
  expect(timeOfDay("2026-12-01T12:00:00Z", "Asia/Jakarta")).toBe("19:00");
  expect(timeOfDay("2026-10-25T00:30:00Z", "Europe/Rome")).toBe("02:30");
  expect(timeOfDay("2026-10-25T01:30:00Z", "Europe/Rome")).toBe("02:30");
  expect(minutesBetween("2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z")).toBe(60);
});

describe("the queue", () => {
  const one = (key: string, reservationId: string, action: "check-in" | "complete" = "check-in") =>
    ({ key, reservationId, action, occurredAt: iso("18:00"), staffId: "sari", by: "Sari" });

  test("is replayed in order, and what depends on a refusal is refused with it", () => {
    const queue = [one("1", "a"), one("2", "b"), one("3", "a", "complete")].reduce(enqueue, EMPTY);
    const refused = settle(queue, "1", "too early");
    expect(refused.waiting.map(({ key }) => key)).toEqual(["2"]);
    expect(refused.refused.map(({ key, reason }) => [key, reason])).toEqual([["1", "too early"], ["3", "too early"]]);
    expect(settle(refused, "2", null).waiting).toEqual([]);
    expect(dismiss(refused, "1").refused.map(({ key }) => key)).toEqual(["3"]);
  });

  test("is shown on the evening until it is reported, and can be reported by another person", () => {
    const made = evening(party("a", "T1", "18:00", "19:00"), party("b", "T2", "18:00", "19:00"));
    const queue = [one("1", "a"), one("2", "a", "complete"), one("3", "b")].reduce(enqueue, EMPTY);
    const { parties } = withQueue(made, queue);
    expect([parties.a?.status, parties.b?.status]).toEqual(["COMPLETED", "CHECKED_IN"]);
    expect(withQueue(made, EMPTY)).toBe(made);
    expect(adopt(queue, "budi").waiting.map(({ staffId }) => staffId)).toEqual(["budi", "budi", "budi"]);
  });

  test("keeps the same thing once, and knows what is too old", () => {
    expect([one("1", "a"), one("2", "a")].reduce(enqueue, EMPTY).waiting).toHaveLength(1);
    expect(isTooOld(one("1", "a"), at("18:00") + AGE_MINUTES_MAX * 60_000)).toBe(false);
    expect(isTooOld(one("1", "a"), at("18:00") + AGE_MINUTES_MAX * 60_000 + 1)).toBe(true);
  });
});

test("a stream is cut into events wherever its pieces end", () => {
  const messages = new Messages();
  expect(messages.add(": still here\n\nid: 1\nevent: x\nda")).toEqual([]);
  expect(messages.add('ta: {"id":"1"}\n\ndata: {"id"')).toEqual([{ id: "1" }]);
  expect(messages.add(':"2"}\n\n')).toEqual([{ id: "2" }]);
});

test("a time belongs to the business day in which its service opened", () => {
  const late = { ...evening(), services: [{ name: "Malam", opens: iso("18:00"), closes: new Date(at("23:59") + 7_260_000).toISOString() }] };
  const on = (instant: string) => isOn(late, instant);
  expect([on(iso("19:00")), on("2026-12-01T18:30:00Z"), on(iso("01:30")), on("2026-12-02T12:00:00Z")]).toEqual([true, true, false, false]);
});

test("a walk-in without a name is called a walk-in", () => {
  expect(callOf(party("a", "T1", "18:00", "19:00", { name: null, source: "walk_in", size: 3 }), "Walk-in")).toBe("Walk-in · 3");
  expect(callOf(party("a", "T1", "18:00", "19:00", { name: null }), "Walk-in")).toBe("a");
});
