// What a host can do with a party: each action as a request, with the one that takes it back.
import { nameOf } from "./naming";
import type { Deed, Stand } from "./stand";
import type { Party, Waiting } from "./state/evening";
import { minutesBetween, plusMinutes, timeOfDay } from "./state/times";
import { fill } from "./words";

/** The reason in events for something that was pressed by mistake. */
const WRONG_TAP = "wrong_tap";

const path = (id: string, command: string) => `/api/reservations/${id}/${command}`;

/** The party as it is now, for a request that follows another one. */
function current(stand: Stand, id: string): Party | null {
  return stand.evening.value?.parties[id] ?? null;
}

/** Does what `make` says with the party as it is then. */
function later(stand: Stand, id: string, make: (party: Party) => Deed): () => Promise<boolean> {
  return async () => {
    const party = current(stand, id);
    return party !== null && (await stand.act(make(party)));
  };
}

function undoOf(stand: Stand, party: Party, change: string, said: string): () => Promise<boolean> {
  return later(stand, party.id, (now) => undo(now, change, said));
}

/** Takes back the last change of the status. */
export function undo(party: Party, change: string, said = fill("undone", { name: nameOf(party) })): Deed {
  return {
    id: party.id, version: party.version, said, path: path(party.id, "undo"),
    body: { change, reason_code: WRONG_TAP },
    withTable: (table) => ({
      id: party.id, version: party.version, said, path: path(party.id, "undo"),
      body: { change, reason_code: WRONG_TAP, table_id: table },
    }),
  };
}

/** The change that an undo of the party takes back; `null` if there is none. */
export function undoable({ status }: Party): string | null {
  const changes: Partial<Record<Party["status"], string>> =
    { CHECKED_IN: "check_in", COMPLETED: "completion", NO_SHOW: "no_show", CANCELLED: "cancellation" };
  return changes[status] ?? null;
}

/** Seats the party at its table, or at `table`. */
export function seat(stand: Stand, party: Party, table: string | null = null): Deed {
  const at = table ?? party.tables.join(" + ");
  const checkIn = (now: Party): Deed => ({
    id: now.id, version: now.version, path: path(now.id, "check-in"), body: {}, ...(now.tables[0] && { table: now.tables[0] }),
    said: fill("seated_at", { name: nameOf(now), table: at || "–" }),
    undo: undoOf(stand, now, "check_in", fill("not_seated", { name: nameOf(now) })),
    withTable: (other) => seat(stand, current(stand, now.id) ?? now, other),
  });
  if (!table || party.tables.includes(table)) return checkIn(party);
  const moving = move(stand, party, table);
  return {
    ...moving,
    then: async () => {
      const moved = current(stand, party.id);
      if (!moved) return;
      const seating = checkIn(moved);
      const undoBoth = async () => ((await seating.undo?.()) && (await moving.undo?.())) ?? false;
      await stand.act({ ...seating, undo: undoBoth });
    },
  };
}

/** Gives the party another table. */
export function move(stand: Stand, party: Party, table: string): Deed {
  const [before] = party.tables;
  const back = before && party.tables.length === 1 ? later(stand, party.id, (now) => move(stand, now, before)) : undefined;
  return {
    id: party.id, version: party.version, path: path(party.id, "assign-table"), body: { table_id: table }, table,
    said: fill("moved_to", { name: nameOf(party), table }),
    ...(back && { undo: back }),
    withTable: (other) => move(stand, current(stand, party.id) ?? party, other),
  };
}

/** Two parties exchange their tables. */
export function swap(stand: Stand, party: Party, other: Party): Deed {
  return {
    id: party.id, version: party.version, path: path(party.id, "swap"), body: { with: other.id },
    said: fill("swapped", { name: nameOf(party), other: nameOf(other) }),
    undo: later(stand, party.id, (now) => swap(stand, now, current(stand, other.id) ?? other)),
  };
}

/** The party has left. */
export function complete(stand: Stand, party: Party): Deed {
  return {
    id: party.id, version: party.version, path: path(party.id, "complete"), body: {},
    said: fill("has_left", { name: nameOf(party) }),
    undo: undoOf(stand, party, "completion", fill("back_again", { name: nameOf(party) })),
  };
}

export function noShow(stand: Stand, party: Party): Deed {
  return {
    id: party.id, version: party.version, path: path(party.id, "no-show"),
    said: fill("no_show_of", { name: nameOf(party) }),
    undo: undoOf(stand, party, "no_show", fill("undone", { name: nameOf(party) })),
  };
}

export function cancel(stand: Stand, party: Party, reason: string): Deed {
  return {
    id: party.id, version: party.version, path: path(party.id, "cancel"), body: { reason_code: reason },
    said: fill("cancelled_of", { name: nameOf(party) }),
    undo: undoOf(stand, party, "cancellation", fill("undone", { name: nameOf(party) })),
  };
}

/** The party stays until another time. */
export function extend(stand: Stand, party: Party, end: string): Deed {
  const zone = stand.evening.value?.zone ?? "UTC";
  const before = party.end;
  return {
    id: party.id, version: party.version, path: path(party.id, "extend"), body: { end_time: new Date(end).toISOString() },
    said: fill("stays_until", { name: nameOf(party), time: timeOfDay(end, zone) }),
    undo: later(stand, party.id, (now) => extend(stand, now, before)),
    canOverride: true,
  };
}

/** The party stays so many minutes longer. */
export function extendBy(stand: Stand, party: Party, minutes: number): Deed {
  return extend(stand, party, plusMinutes(party.end, minutes));
}

export function resize(stand: Stand, party: Party, size: number): Deed {
  const before = party.size;
  return {
    id: party.id, version: party.version, path: path(party.id, "party-size"), body: { party_size: size },
    said: fill("has_size", { name: nameOf(party), size }),
    undo: later(stand, party.id, (now) => resize(stand, now, before)),
    canOverride: true,
  };
}

/** The party comes at another time. */
export function reschedule(stand: Stand, party: Party, start: string): Deed {
  const zone = stand.evening.value?.zone ?? "UTC";
  const before = party.start;
  return {
    id: party.id, version: party.version, path: path(party.id, "reschedule"),
    // An instant: a local time is ambiguous in the night on which the clocks go back.
    body: { start_time: new Date(start).toISOString(), moved_by: "staff" },
    said: fill("comes_at", { name: nameOf(party), time: timeOfDay(start, zone) }),
    undo: later(stand, party.id, (now) => reschedule(stand, now, before)),
    canOverride: true,
  };
}

export function confirm(party: Party, waiveDeposit: boolean): Deed {
  return {
    id: party.id, version: party.version, path: path(party.id, "confirm"), body: { waive_deposit: waiveDeposit },
    said: fill("confirmed_of", { name: nameOf(party) }),
  };
}

/** The notes and the tags of the staff about a party. */
export interface Notes {
  staff_notes?: string | null;
  tags?: string[];
}

/** Writes notes and tags, based on the version at which they were read. `before` takes the change back. */
export function note(stand: Stand, party: Party, version: number, changed: Notes, before: Notes): Deed {
  return {
    id: party.id, version, method: "PATCH", path: `/api/reservations/${party.id}`, body: changed,
    said: fill("noted", { name: nameOf(party) }),
    undo: later(stand, party.id, (now) => note(stand, now, now.version, before, changed)),
  };
}

/** Asks the guest "are you still coming?". */
export function ask(party: Party): Deed {
  return {
    id: party.id, version: party.version, path: path(party.id, "ask"), said: fill("asked_of", { name: nameOf(party) }),
  };
}

/** Seats a party without a booking, at `table` if one is wanted. */
export function walkIn(stand: Stand, size: number, name: string, area: string | null, table: string | null = null): Deed {
  return {
    id: `walk-in ${crypto.randomUUID()}`, version: null, path: "/api/walk-ins",
    body: { party_size: size, venue_id: stand.venueId, ...(name && { name }), ...(area && { area }) },
    said: "",
    canOverride: true,
    then: async (answer) => {
      const { reservation_id: id, tables, version } = answer as { reservation_id: string; tables: { table_id: string }[]; version: number };
      const at = tables.map((one) => one.table_id);
      const seatedAt = (where: string) => fill("seated_at", { name: name || fill("party_of", { size }), table: where });
      const undo = () => takeBack(stand, id, version);
      const party = current(stand, id);
      if (!table || at.includes(table) || !party) return stand.say(seatedAt(at.join(" + ")), undo);
      await stand.act({ ...move(stand, party, table), said: seatedAt(table), undo });
    },
  };
}

/** Takes a walk-in back: it is not seated any more, and then it is cancelled. */
async function takeBack(stand: Stand, id: string, version: number): Promise<boolean> {
  const party = current(stand, id);
  const undone: Deed = {
    id, version: party?.version ?? version, said: "", path: path(id, "undo"),
    body: { change: "check_in", reason_code: WRONG_TAP },
    then: async (answer) => {
      const next = (answer as { version: number }).version;
      await stand.act({
        id, version: next, path: path(id, "cancel"), body: { reason_code: WRONG_TAP },
        said: fill("taken_back", {}),
      });
    },
  };
  return stand.act(undone);
}

export interface Joining {
  name: string;
  phone: string;
  size: number;
  quotedMinutes: number;
  area: string | null;
}

/** How long after its quote a party still takes a table, in minutes. */
const PATIENCE_MINUTES = 30;

/** Puts a party on the waitlist, with the wait that it was quoted. */
export function join(stand: Stand, { name, phone, size, quotedMinutes, area }: Joining): Deed {
  const now = stand.now.value;
  return {
    id: `join ${crypto.randomUUID()}`, version: null, path: "/api/waitlist",
    body: {
      customer_id: `stand-${crypto.randomUUID()}`, venue_id: stand.venueId, party_size: size, quoted_minutes: quotedMinutes,
      latest_time: new Date(now + (quotedMinutes + PATIENCE_MINUTES) * 60_000).toISOString(),
      contact_info: { name, phone }, ...(area && { area }),
    },
    said: fill("waits", { name, minutes: quotedMinutes }),
  };
}

const waitlistPath = (id: string, command: string) => `/api/waitlist/${id}/${command}`;
const waiterName = ({ name, size }: Waiting) => name ?? fill("party_of", { size });

/** Tells the guest that the table is ready. */
export function callIn(entry: Waiting): Deed {
  return {
    id: entry.id, version: entry.version, path: waitlistPath(entry.id, "ready"), said: fill("called_in", { name: waiterName(entry) }),
  };
}

/** Holds a table for the party and tells the guest: `table`, or the one that the venue would choose. */
export function offer(entry: Waiting, table: string | null = null): Deed {
  return {
    id: entry.id, version: entry.version, path: waitlistPath(entry.id, "offer"), body: table ? { table_id: table } : {}, ...(table && { table }),
    said: fill("offered_to", { name: waiterName(entry) }),
    withTable: (other) => offer(entry, other),
  };
}

export function leave(entry: Waiting): Deed {
  return {
    id: entry.id, version: entry.version, path: waitlistPath(entry.id, "leave"), said: fill("left_waitlist", { name: waiterName(entry) }),
  };
}

/** An offer for later than this cannot be taken by a party that sits down now, in minutes. */
const OFFER_NOW_MINUTES = 15;

/** Seats a waiting party: by its offer, if that is for now, or as a walk-in that then leaves the waitlist. */
export function seatWaiting(stand: Stand, entry: Waiting): Deed {
  if (entry.offer && minutesBetween(stand.now.value, entry.offer.start) <= OFFER_NOW_MINUTES) {
    return {
      id: entry.id, version: entry.version, path: waitlistPath(entry.id, "accept"), body: { allow_duplicate: true }, said: "",
      then: async (answer) => {
        const { reservation_id: id } = answer as { reservation_id: string };
        const party = current(stand, id);
        // Its name is read only now.
        const named = (one: Party) => ({ ...one, name: one.name ?? entry.name });
        if (!party) return stand.say(fill("accepted", { name: waiterName(entry) }));
        // Some restaurants confirm each booking by hand. This party is at the door.
        const isConfirmed = party.status !== "PENDING" || (await stand.act(confirm(named(party), false)));
        if (isConfirmed) await stand.act(seat(stand, named(current(stand, id) ?? party)));
      },
    };
  }
  const seated = walkIn(stand, entry.size, entry.name ?? "", entry.area);
  return {
    ...seated, id: entry.id,
    then: async (answer) => {
      await seated.then?.(answer);
      const notice = stand.notice.value;
      // It has left the waitlist, so that taking the walk-in back would lose it.
      if ((await stand.act(leave(entry))) && notice) stand.say(notice.text);
    },
  };
}

/** Closes an area, or the whole venue, for the rest of the business day. */
export function closeArea(stand: Stand, area: string, reason: string): Deed {
  const date = stand.evening.value?.date;
  return {
    id: `area ${area}`, version: null, path: `/api/venues/${stand.venueId}/closures`,
    body: { from: date, to: date, areas: [area], reason_code: reason },
    said: fill("area_closed", { area }),
    then: async (answer) => {
      const { closure_id: id } = answer as { closure_id: string };
      stand.say(fill("area_closed", { area }), () => stand.act(lift(stand, id, area)));
    },
  };
}

export function lift(stand: Stand, closureId: string, area: string): Deed {
  return {
    id: `area ${area}`, version: null, path: `/api/venues/${stand.venueId}/closures/${closureId}/lift`,
    body: {}, said: fill("area_open", { area }),
  };
}
