// Applying the events of the feed to an evening. Pure: the same events make the same evening.
import {
  isOn, partyFromEvent, type Change, type CreatedData, type Evening, type Party, type Waiting, type Window,
} from "./evening";

/** An event of the feed, as far as a stand needs it. */
export interface FeedEvent {
  id: string;
  type: string;
  subject: string;
  time: string;
  authtype: string;
  authid?: string;
  data: unknown;
}

/** The position of an event, from its id. */
export function positionOf(id: string): number {
  return Number(id.slice(0, 20));
}

/** `evening` after `event`. An event that it contains already changes nothing. */
export function apply(event: FeedEvent, evening: Evening): Evening {
  const position = positionOf(event.id);
  if (evening.cursor && position <= positionOf(evening.cursor)) return evening;
  const next = { ...evening, cursor: event.id };
  const [kind, id = ""] = event.subject.split("/");
  if (kind === "venue") return { ...next, isStale: true };
  // The snapshot was taken while the log grew: whether it contains this event is not known, so read again.
  if (position <= evening.settledAt) {
    return kind === "waitlist" ? { ...next, isWaitlistStale: true } : withStale(next, id);
  }
  return kind === "waitlist" ? applyToWaiting(event, id, next) : applyToParty(event, id, next);
}

/** The type without `meja.` and the version: `reservation.checked_in`. */
function nameOf(type: string): string {
  return type.replace(/^meja\./, "").replace(/\.v\d+$/, "");
}

/** Events about a reservation that do not change it. The feed of a venue has no others. */
const NO_CHANGE = new Set(["reservation.created"]);

function applyToParty(event: FeedEvent, id: string, evening: Evening): Evening {
  const name = nameOf(event.type);
  const before = evening.parties[id];
  if (!before) {
    // A booking for another day does not belong here. One for today is read, because events contain no names.
    if (name !== "reservation.created") return name === "reservation.rescheduled" ? withStale(evening, id) : evening;
    const party = partyFromEvent(id, event.data as CreatedData);
    return isOn(evening, party.start) ? withStale(withParty(evening, party, changeOf(event, name)), id) : evening;
  }
  const after = evolve(before, name, event);
  const version = NO_CHANGE.has(name) ? before.version : before.version + 1;
  // Read again after each event: events contain nothing confidential, and an answer that was read meanwhile may contain this
  // one already, so that it would count twice.
  return withStale(withParty(evening, { ...after, version }, changeOf(event, name)), id);
}

/** `party` after an event. */
function evolve(party: Party, name: string, { data }: FeedEvent): Party {
  switch (name) {
    case "reservation.confirmed":
      return { ...party, status: "CONFIRMED" };
    case "reservation.checked_in":
      return { ...party, status: "CHECKED_IN" };
    case "reservation.completed":
      return { ...party, status: "COMPLETED" };
    case "reservation.no_show":
      return { ...party, status: "NO_SHOW" };
    case "reservation.cancelled":
      return { ...party, status: "CANCELLED" };
    case "reservation.undone":
      return undone(party, data as Undone);
    case "reservation.rescheduled":
      return { ...party, ...windowOf((data as { to: Window }).to), answer: null };
    case "reservation.end_changed":
      return { ...party, ...windowOf((data as { to: Window }).to) };
    case "reservation.party_size_changed": {
      const { to, window } = data as { to: number; window?: Window };
      return { ...party, size: to, ...(window && windowOf(window)) };
    }
    case "reservation.details_changed":
      return { ...party, tags: (data as { tags?: string[] }).tags ?? [] };
    case "table.assigned": {
      const { table_id: table } = data as { table_id: string };
      return { ...party, tables: [...party.tables.filter((known) => known !== table), table], needsTable: false };
    }
    case "table.released": {
      const { table_id: table, cause } = data as { table_id: string; cause: string };
      const tables = party.tables.filter((known) => known !== table);
      return { ...party, tables, needsTable: party.needsTable || (cause === "overruled") };
    }
    case "guest.answered":
      return { ...party, answer: (data as { answer?: string }).answer ?? null };
    default:
      return party;
  }
}

interface Undone {
  status: string;
  window?: Window;
}

function undone(party: Party, { status, window }: Undone): Party {
  const words: Record<string, Party["status"]> = { pending: "PENDING", confirmed: "CONFIRMED", checked_in: "CHECKED_IN" };
  return { ...party, status: words[status] ?? party.status, ...(window && windowOf(window)) };
}

function applyToWaiting(event: FeedEvent, id: string, evening: Evening): Evening {
  const name = nameOf(event.type);
  const before = evening.waiting[id];
  if (!before) return { ...evening, isWaitlistStale: true };
  if (name === "contact.erased") return { ...evening, isWaitlistStale: true };
  const version = NO_CHANGE.has(name) ? before.version : before.version + 1;
  const after = { ...evolveWaiting(before, name, event), version };
  return {
    ...evening,
    isWaitlistStale: true,
    waiting: { ...evening.waiting, [id]: after },
    changes: withChange(evening.changes, id, changeOf(event, name)),
  };
}

function evolveWaiting(entry: Waiting, name: string, { data }: FeedEvent): Waiting {
  switch (name) {
    case "waitlist.offered": {
      const { tables, window, expires_at } = data as Offered;
      const offer = { tables: tables.map((table) => table.table_id), ...window, expiresAt: expires_at };
      return { ...entry, status: "OFFERED", offer };
    }
    case "waitlist.withdrawn":
      return { ...entry, status: "WAITING", offer: null };
    case "waitlist.accepted":
      return { ...entry, status: "ACCEPTED", offer: null };
    case "waitlist.left":
      return { ...entry, status: "LEFT", offer: null };
    case "guest.answered":
      return { ...entry, answer: (data as { answer?: string }).answer ?? null };
    default:
      return entry;
  }
}

interface Offered {
  tables: { table_id: string }[];
  window: Window;
  expires_at: string;
}

function windowOf({ start, end }: Window): Window {
  return { start, end };
}

/** Changes kept for each party: more than a person reads. */
const CHANGES_MAX = 20;

function changeOf({ time, authid, authtype }: FeedEvent, what: string): Change {
  return { at: time, what, by: authid ?? null, kind: authtype };
}

function withChange(changes: Evening["changes"], id: string, change: Change): Evening["changes"] {
  return { ...changes, [id]: [...(changes[id] ?? []), change].slice(-CHANGES_MAX) };
}

function withParty(evening: Evening, party: Party, change: Change): Evening {
  return {
    ...evening,
    parties: { ...evening.parties, [party.id]: party },
    changes: withChange(evening.changes, party.id, change),
  };
}

function withStale(evening: Evening, id: string): Evening {
  return evening.stale.includes(id) ? evening : { ...evening, stale: [...evening.stale, id] };
}
