// The audit of one booking: its timeline, and the booking, the floor and the rules as they were.
import { Refused, type components } from "../api";
import { read } from "./ask";
import { look, NO_FILTERS } from "./look";

type Schemas = components["schemas"];
export type Entry = Schemas["HistoryEntry"];
export type Charges = Schemas["Charges"];
export type Charge = Schemas["ChargeView"];
export type Reservation = Schemas["ReservationView"];
export type Floor = Schemas["Floor"];
type History = Schemas["History"];
type Availability = Schemas["Day"];
export type Slot = Schemas["SlotView"];

/** Number of events of a booking that the page reads. */
export const ENTRIES_MAX = 2_000;
/** Number of entries and events that are asked for at once. */
const PAGE_ENTRIES = 500;

/** What a request of a person or a program led to: a command with its events, and what followed outside. */
export interface Step {
  correlationId: string;
  entries: Entry[];
}

/** Everything that happened to a booking. */
export interface Timeline {
  entries: Entry[];
  /** The stored bytes of an event by its position. */
  raw: Map<number, string>;
  /** Whether there are more entries than the page reads. */
  isCut: boolean;
}

export async function timeline(id: string, lang: string): Promise<Timeline> {
  const entries: Entry[] = [];
  const raw = new Map<number, string>();
  let after: number | null = 0;
  while (after !== null && entries.length < ENTRIES_MAX) {
    const page: History = await read<History>(`/api/reservations/${id}/history?format=json&lang=${lang}&limit=${PAGE_ENTRIES}&after=${after}`);
    entries.push(...page.entries);
    after = page.next_after ?? null;
  }
  let from = 0;
  for (let hasLater = true; hasLater && raw.size < ENTRIES_MAX; ) {
    const part = await look({ ...NO_FILTERS, subject: `reservation/${id}` }, { after: from }, PAGE_ENTRIES);
    part.rows.forEach((row) => raw.set(row.position, row.raw));
    [from, hasLater] = [part.to, part.hasLater];
  }
  return { entries, raw, isCut: after !== null };
}

/** The entries by the request that they follow from. */
export function steps(entries: Entry[]): Step[] {
  const found = new Map<string, Step>();
  for (const entry of entries) {
    const step = found.get(entry.correlation_id) ?? { correlationId: entry.correlation_id, entries: [] };
    step.entries.push(entry);
    found.set(entry.correlation_id, step);
  }
  return [...found.values()];
}

/** What was after an event. A part that the credential may not read is null. */
export interface Moment {
  entry: Entry;
  reservation: Reservation | null;
  floor: Floor | null;
  rules: Record<string, unknown> | null;
  charges: Charges | null;
}

export async function momentAt(id: string, entry: Entry): Promise<Moment> {
  const { position } = entry;
  const reservation = await unlessForbidden<Reservation>(`/api/reservations/${id}?as_of=${position}`);
  const venue = reservation?.venue_id;
  const [floor, rules, charges] = await Promise.all([
    venue ? unlessForbidden<Floor>(`/api/floor?venue_id=${venue}&at=${encodeURIComponent(reservation.start_time)}&as_of=${position}`) : null,
    venue ? unlessForbidden<Record<string, unknown>>(`/api/venues/${venue}/rules?as_of=${position}`) : null,
    unlessForbidden<Charges>(`/api/reservations/${id}/charges?as_of=${position}`),
  ]);
  return { entry, reservation, floor, rules, charges };
}

/** The answer; null if it does not exist, or the credential may not read it. */
async function unlessForbidden<T>(path: string): Promise<T | null> {
  try {
    return await read<T>(path);
  } catch (error) {
    if (error instanceof Refused && [403, 404, 422].includes(error.status)) return null;
    throw error;
  }
}

/** Why a party could have had a time at a position, or not. */
export async function slotAt(venue: string, party: number, start: string, position: number): Promise<Slot | null> {
  const [date = ""] = start.split("T");
  const found = await read<Availability>(`/api/availability?venue_id=${venue}&date=${date}&party_size=${party}&as_of=${position}`);
  return found.slots.find((slot) => slot.start_time.startsWith(start)) ?? null;
}

/** The members of a representation as lines, objects in JSON. Empty ones are left out. */
export function members(of: object): [string, string][] {
  const shown = (value: unknown) => (typeof value === "object" ? JSON.stringify(value) : String(value));
  const isEmpty = (value: unknown) => value === null || value === undefined || value === "" || (Array.isArray(value) && value.length === 0);
  return Object.entries(of).filter(([name, value]) => !isEmpty(value) && name !== "venue_profile").map(([name, value]) => [name, shown(value)]);
}

/** An amount of minor units as people write it. */
export function amount(minor: number, currency: string | null | undefined): string {
  if (!currency) return String(minor);
  const format = new Intl.NumberFormat("en", { style: "currency", currency });
  return format.format(minor / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2));
}
