// An evening at a venue: what a stand knows. A snapshot makes it, and the events of the venue keep it current.
import type { components } from "../schema";
import { codeOf } from "./code";
import { ms } from "./times";

type Schemas = components["schemas"];
export type Reservation = Schemas["ReservationView"];
export type WaitlistEntry = Schemas["WaitlistView"];
export type Floor = Schemas["Floor"];
export type Closure = Schemas["ClosureView"];
export type Place = NonNullable<Schemas["TableState"]["place"]>;

/** A party with a booking, or a walk-in. */
export interface Party {
  id: string;
  code: string;
  status: Reservation["status"];
  /** Null until it was read, and after the contact was erased. */
  name: string | null;
  size: number;
  /** The time of the visit, as instants. */
  start: string;
  end: string;
  tables: string[];
  needsTable: boolean;
  tags: string[];
  notes: string | null;
  requests: string | null;
  hasAllergies: boolean;
  highChairs: number;
  deposit: Reservation["deposit"]["status"];
  isUnproved: boolean;
  /** Why it does not comply with the rules of the venue any more. */
  affected: Reservation["affected_by_rules"] | null;
  source: string;
  answer: string | null;
  /** The version for `If-Match`. */
  version: number;
}

/** A party on the waitlist. */
export interface Waiting {
  id: string;
  status: WaitlistEntry["status"];
  name: string | null;
  size: number;
  area: string | null;
  joinedAt: string;
  quotedMinutes: number | null;
  offer: { tables: string[]; start: string; end: string; expiresAt: string } | null;
  answer: string | null;
  version: number;
}

export interface Table {
  id: string;
  area: string;
  seats: number;
  place: Place | null;
}

/** A change that a person can be told about. */
export interface Change {
  at: string;
  /** The type of the event, without `meja.` and the version. */
  what: string;
  /** The id of the person, the key or the component. */
  by: string | null;
  kind: string;
}

export interface Evening {
  venueId: string;
  zone: string;
  /** The business day. */
  date: string;
  /** The id of the last event that is contained. */
  cursor: string | null;
  /** Up to this position, the snapshot may contain an event already. */
  settledAt: number;
  tables: Table[];
  /** What the rules say of tables and services, to see whether they changed. */
  rules: string;
  services: NonNullable<Floor["services"]>;
  slots: Floor["slots"] | null;
  closures: Closure[];
  parties: Record<string, Party>;
  waiting: Record<string, Waiting>;
  /** Reservations to read again: an event cannot tell what is confidential. */
  stale: string[];
  /** Whether the waitlist is to be read again. */
  isWaitlistStale: boolean;
  /** Whether rules or closures changed, so that the snapshot is to be taken again. */
  isStale: boolean;
  /** The last changes of each party, the newest last. */
  changes: Record<string, Change[]>;
}

export interface Snapshot {
  venueId: string;
  zone: string;
  floor: Floor;
  reservations: Reservation[];
  waitlist: WaitlistEntry[];
  closures: Closure[];
  /** The cursor that was read first. */
  cursor: string | null;
}

/** The evening of a snapshot. */
export function eveningOf(snapshot: Snapshot): Evening {
  const { floor } = snapshot;
  const parties: Record<string, Party> = {};
  for (const view of snapshot.reservations) parties[view.reservation_id] = partyOf(view);
  const stale: string[] = [];
  for (const table of floor.tables) {
    const id = table.party?.reservation_id;
    if (!id || !table.seated_since) continue;
    // A party that stayed from the day before is not in the list.
    if (!parties[id] && !stale.includes(id)) stale.push(id);
  }
  const waiting: Record<string, Waiting> = {};
  for (const view of snapshot.waitlist) waiting[view.waitlist_id] = waitingOf(view);
  return {
    venueId: snapshot.venueId,
    zone: snapshot.zone,
    date: floor.date,
    cursor: snapshot.cursor,
    settledAt: floor.position,
    tables: floor.tables.map(({ table_id, area, seats, place }) => ({ id: table_id, area, seats, place: place ?? null })),
    rules: rulesOf(floor),
    services: floor.services ?? [],
    slots: floor.slots ?? null,
    closures: snapshot.closures,
    parties,
    waiting,
    stale,
    isWaitlistStale: false,
    isStale: false,
    changes: {},
  };
}

/** The party of a representation. */
export function partyOf(view: Reservation): Party {
  return {
    id: view.reservation_id,
    code: view.code,
    status: view.status,
    // A walk-in has no name.
    name: view.contact_name || null,
    size: view.party_size,
    start: view.start_time,
    end: view.end_time,
    tables: view.tables.map((table) => table.table_id),
    needsTable: view.needs_table,
    tags: view.tags ?? [],
    notes: view.staff_notes ?? null,
    requests: [view.table_preference, view.special_requests].filter(Boolean).join(" · ") || null,
    hasAllergies: view.has_allergies ?? false,
    highChairs: view.high_chairs ?? 0,
    deposit: view.deposit.status,
    isUnproved: Boolean(view.contact_proof),
    affected: view.affected_by_rules ?? null,
    source: view.source ?? "booking",
    answer: view.attendance?.answer ?? null,
    version: view.version,
  };
}

export function waitingOf(view: WaitlistEntry): Waiting {
  const { offer } = view;
  return {
    id: view.waitlist_id,
    status: view.status,
    name: view.contact_name ?? null,
    size: view.party_size,
    area: view.area ?? null,
    joinedAt: view.created_at,
    quotedMinutes: view.quoted_minutes ?? null,
    offer: offer
      ? {
          tables: offer.tables.map((table) => table.table_id),
          start: offer.start_time,
          end: offer.end_time,
          expiresAt: offer.expires_at,
        }
      : null,
    answer: view.attendance?.answer ?? null,
    version: view.version,
  };
}

/** A party of which only an event is known. */
export function partyFromEvent(id: string, data: CreatedData): Party {
  return {
    id,
    code: codeOf(id),
    status: "PENDING",
    name: null,
    size: data.party_size,
    start: data.window.start,
    end: data.window.end,
    tables: [],
    needsTable: false,
    tags: [],
    notes: null,
    requests: null,
    hasAllergies: false,
    highChairs: 0,
    deposit: data.policy.deposit_required ? "due" : "not_required",
    isUnproved: Boolean(data.contact_proof),
    affected: null,
    source: data.walk_in ? "walk_in" : "booking",
    answer: null,
    version: 1,
  };
}

export interface Window {
  start: string;
  end: string;
}

export interface CreatedData {
  party_size: number;
  window: Window;
  policy: { deposit_required?: boolean };
  walk_in?: boolean;
  contact_proof?: string | null;
}

/** What the rules say of tables, services and slots, as a text to compare. */
export function rulesOf({ tables, services, slots }: Floor): string {
  return JSON.stringify([tables.map(({ table_id, area, seats, place }) => [table_id, area, seats, place]), services, slots]);
}

/** Whether an instant belongs to the business day: it is in one of its services, or on its date and in no other. */
export function isOn({ date, services, zone }: Evening, start: string): boolean {
  const at = ms(start);
  if (services.some(({ opens, closes }) => ms(opens) <= at && at < ms(closes))) return true;
  const first = Math.min(...services.map(({ opens }) => ms(opens)));
  const isOnDate = new Intl.DateTimeFormat("sv-SE", { timeZone: zone }).format(new Date(at)) === date;
  // After midnight and before the first service it can still be the evening before.
  return isOnDate && (services.length === 0 || at >= first - BEFORE_SERVICE_MS);
}

/** How long before its first service a business day begins at the latest, in milliseconds. */
const BEFORE_SERVICE_MS = 6 * 3_600_000;

/** What a party is called. */
export function callOf({ name, code, source, size }: Party, walkIn: string): string {
  return name ?? (source === "walk_in" ? `${walkIn} · ${size}` : code);
}

/** The parties by arrival; those of one time by id. */
export function byArrival(evening: Evening): Party[] {
  return Object.values(evening.parties).sort((a, b) => ms(a.start) - ms(b.start) || (a.id < b.id ? -1 : 1));
}

/** The parties that wait, the first one first. */
export function inLine(evening: Evening): Waiting[] {
  const waits = ({ status }: Waiting) => status === "WAITING" || status === "OFFERED";
  return Object.values(evening.waiting).filter(waits).sort((a, b) => ms(a.joinedAt) - ms(b.joinedAt));
}

/** Whether it is expected or there. */
export function isActive({ status }: Party): boolean {
  return status === "PENDING" || status === "CONFIRMED" || status === "CHECKED_IN";
}
