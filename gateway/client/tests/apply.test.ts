// Applying events: with the golden events that the services write.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { apply, type FeedEvent } from "../src/state/apply";
import { codeOf } from "../src/state/code";
import { eveningOf, type Evening, type Party, type Waiting } from "../src/state/evening";

const GOLDEN = join(import.meta.dirname, "../golden");
const ID = "01939f3e-7b2a-7c3d-9e4f-000000000001";
const WAITER = "01939f3e-7b2a-7c3d-9e4f-000000000009";

/** The data of a type as the services write it. */
const golden = (type: string): unknown => JSON.parse(readFileSync(join(GOLDEN, `meja.${type}.json`), "utf8"));
const types = readdirSync(GOLDEN).map((name) => name.replace(/^meja\.|\.json$/g, ""));

let position = 10;
function event(type: string, subject = `reservation/${ID}`, data = golden(type)): FeedEvent {
  position += 1;
  const id = `${String(position).padStart(20, "0")}-01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f`;
  return { id, type: `meja.${type}`, subject, time: "2026-12-01T12:04:00Z", authtype: "app_user", authid: "staff-1", data };
}

function empty(): Evening {
  return eveningOf({
    venueId: "bandung-dago", zone: "Asia/Jakarta", cursor: null, reservations: [], waitlist: [], closures: [],
    floor: {
      venue_id: "bandung-dago", at: "2026-12-01T18:00:00+07:00", date: "2026-12-01", position: 10, feed_cursor: null,
      services: [], slots: null, tables: [], needs_table: [],
    },
  });
}

const after = (...events: FeedEvent[]) => events.reduce((evening, one) => apply(one, evening), empty());
const party = (evening: Evening) => evening.parties[ID] as Party;
const created = () => event("reservation.created.v1");

describe("a reservation", () => {
  test("begins with what its event contains, and is read for the rest", () => {
    const evening = after(created());
    expect(party(evening)).toMatchObject({ status: "PENDING", size: 6, start: "2026-12-01T12:00:00Z", name: null, version: 1 });
    expect(evening.stale).toEqual([ID]);
  });

  test("goes through the evening", () => {
    const seated = after(created(), event("reservation.confirmed.v1"), event("table.assigned.v1"), event("reservation.checked_in.v1"));
    expect(party(seated)).toMatchObject({ status: "CHECKED_IN", tables: ["T7"], version: 4 });
    const left = [event("reservation.completed.v1"), event("table.released.v1")].reduce((e, one) => apply(one, e), seated);
    expect(party(left)).toMatchObject({ status: "COMPLETED", tables: [], version: 6 });
  });

  test("moves, grows and stays longer", () => {
    expect(party(after(created(), event("reservation.rescheduled.v1"))).start).toBe("2026-12-01T13:30:00Z");
    expect(party(after(created(), event("reservation.party_size_changed.v1"))).size).toBe(7);
    expect(party(after(created(), event("reservation.end_changed.v1"))).end).toBe("2026-12-01T14:00:00Z");
    expect(party(after(created(), event("reservation.details_changed.v1"))).tags).toEqual(["vip"]);
    expect(party(after(created(), event("guest.answered.v1"))).answer).toBe("late");
  });

  test("ends and comes back", () => {
    const cancelled = after(created(), event("reservation.cancelled.v1"));
    expect(party(cancelled).status).toBe("CANCELLED");
    expect(party(apply(event("reservation.undone.v1"), cancelled)).status).toBe("CONFIRMED");
    expect(party(after(created(), event("reservation.no_show.v1"))).status).toBe("NO_SHOW");
  });

  test("loses its table to a party that stays longer", () => {
    const assigned = after(created(), event("table.assigned.v1"));
    const data = { ...(golden("table.released.v1") as object), cause: "overruled" };
    expect(party(apply(event("table.released.v1", `reservation/${ID}`, data), assigned))).toMatchObject({ tables: [], needsTable: true });
  });

  test("of another day is no party of this evening", () => {
    const data = { ...(golden("reservation.created.v1") as object), window: { start: "2026-12-02T12:00:00Z", end: "2026-12-02T13:00:00Z" } };
    expect(after(event("reservation.created.v1", `reservation/${ID}`, data)).parties).toEqual({});
  });
});

describe("the waitlist", () => {
  const waiting: Waiting = {
    id: WAITER, status: "WAITING", name: "Sari W.", size: 2, area: null, joinedAt: "2026-12-01T11:50:00Z", quotedMinutes: 20, offer: null, answer: null, version: 1,
  };
  const about = (type: string) => event(type, `waitlist/${WAITER}`);
  const withWaiting = () => ({ ...empty(), waiting: { [WAITER]: waiting } });

  test("gets offers, and loses them", () => {
    const [offer, ...ends] = ["offered", "withdrawn", "accepted", "left"].map((word) => about(`waitlist.${word}.v1`));
    const offered = apply(offer as FeedEvent, withWaiting());
    const [withdrawn, accepted, left] = ends.map((end) => apply(end, offered).waiting[WAITER]);
    expect(offered.waiting[WAITER]).toMatchObject({ status: "OFFERED", offer: { tables: ["T7"], expiresAt: "2026-12-01T12:00:00Z" }, version: 2 });
    expect(withdrawn).toMatchObject({ status: "WAITING", offer: null });
    expect([accepted?.status, left?.status]).toEqual(["ACCEPTED", "LEFT"]);
  });

  test("is read again when a party joins", () => {
    expect(apply(about("waitlist.joined.v1"), empty()).isWaitlistStale).toBe(true);
  });
});

test("every type of event is applied without a fault, and moves the cursor", () => {
  expect(types.length).toBeGreaterThan(50);
  for (const type of types) {
    const subject = type.startsWith("waitlist.") ? `waitlist/${WAITER}` : type.startsWith("venue.") ? "venue/bandung-dago" : `reservation/${ID}`;
    const before = after(created());
    const one = event(type, subject);
    expect(apply(one, before).cursor, type).toBe(one.id);
  }
});

test("an event that is contained already changes nothing", () => {
  const first = created();
  const evening = after(first);
  expect(apply(first, evening)).toBe(evening);
});

test("an event that the snapshot may contain is read and not applied", () => {
  const before = { ...after(created()), settledAt: Number.MAX_SAFE_INTEGER, stale: [] };
  const evening = apply(event("reservation.checked_in.v1"), before);
  expect(party(evening).status).toBe("PENDING");
  expect(evening.stale).toEqual([ID]);
});

test("each event of a party leads to a reading, so that one that was read already does not count twice", () => {
  const read = { ...after(created(), event("table.assigned.v1")), stale: [] };
  const next = apply(event("table.released.v1"), read);
  expect(next.stale).toEqual([ID]);
});

test("rules that change make a new snapshot necessary", () => {
  expect(after(event("venue.closed.v1", "venue/bandung-dago")).isStale).toBe(true);
});

test("a code is that of the service", () => {
  // The example of the interface: the code of the id that ends in …7c8d9e0f.
  expect(codeOf("01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f")).toMatch(/^[0-9A-HJKMNP-TV-Z]{6}$/);
  expect(codeOf("00000000-0000-7000-8000-000000000000")).toBe("000000");
  expect(codeOf("00000000-0000-7000-8000-00003fffffff")).toBe("ZZZZZZ");
  expect(codeOf("00000000-0000-7000-8000-0000c0000001")).toBe("000001");
});
