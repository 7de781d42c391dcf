// The audit of one booking: its timeline, and the booking, the floor and the rules as they were.
import { Refused, type components } from "../api";
import { amountOf } from "../rules/money";
import { ask, read } from "./ask";
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
  rules: { version: string; document: Record<string, unknown> } | null;
  charges: Charges | null;
}

export async function momentAt(id: string, entry: Entry, origin: Origin | null): Promise<Moment> {
  const { position } = entry;
  const reservation = await unlessForbidden(() => read<Reservation>(`/api/reservations/${id}?as_of=${position}`));
  const venue = reservation?.venue_id ?? origin?.venue;
  const start = reservation?.start_time ?? origin?.start;
  const [floor, rules, charges] = await Promise.all([
    venue && start ? unlessForbidden(() => read<Floor>(`/api/floor?venue_id=${venue}&at=${encodeURIComponent(start)}&as_of=${position}`)) : null,
    venue ? unlessForbidden(() => rulesAt(venue, position)) : null,
    unlessForbidden(() => read<Charges>(`/api/reservations/${id}/charges?as_of=${position}`)),
  ]);
  return { entry, reservation, floor, rules, charges };
}

/** The rules with their version, which is the tag of the response. */
async function rulesAt(venue: string, position: number) {
  const { body, tag } = await ask<Record<string, unknown>>("GET", `/api/venues/${venue}/rules?as_of=${position}`);
  return { version: tag?.replaceAll('"', "") ?? "", document: body };
}

/** The answer; null if it does not exist, or the credential may not read it. */
async function unlessForbidden<T>(question: () => Promise<T>): Promise<T | null> {
  try {
    return await question();
  } catch (error) {
    if (error instanceof Refused && [403, 404, 422].includes(error.status)) return null;
    throw error;
  }
}

/** Why a party could have had a time (`YYYY-MM-DDTHH:MM`) at a position, or not. A time after midnight belongs to the business day
 * before, if that is open until then. */
export async function slotAt(venue: string, party: number, start: string, position: number): Promise<Slot | null> {
  const [date = ""] = start.split("T");
  const before = new Date(Date.parse(`${date}T00:00:00Z`) - DAY_MS).toISOString().slice(0, 10);
  for (const day of [date, before]) {
    const found = await read<Availability>(`/api/availability?venue_id=${venue}&date=${day}&party_size=${party}&as_of=${position}`);
    const slot = found.slots.find((one) => one.start_time.startsWith(start));
    if (slot) return slot;
  }
  return null;
}

const DAY_MS = 86_400_000;

/** What the event that created the booking says, which needs no scope but that of the audit. */
export interface Origin {
  venue: string;
  timezone: string;
  /** The start of the visit at first. */
  start: string;
}

export function originOf({ entries, raw }: Timeline): Origin | null {
  const first = entries[0] && raw.get(entries[0].position);
  if (!first) return null;
  const { venueid, data } = JSON.parse(first) as { venueid?: string; data?: { venue_id?: string; timezone?: string; window?: { start?: string } } };
  return { venue: venueid ?? data?.venue_id ?? "", timezone: data?.timezone ?? "UTC", start: data?.window?.start ?? "" };
}

/** The members of a representation as lines, objects in JSON. Empty ones are left out. */
export function members(of: object): [string, string][] {
  const shown = (value: unknown) => (typeof value === "object" ? JSON.stringify(value) : String(value));
  const isEmpty = (value: unknown) => value === null || value === undefined || value === "" || (Array.isArray(value) && value.length === 0);
  return Object.entries(of).filter(([name, value]) => !isEmpty(value) && name !== "venue_profile").map(([name, value]) => [name, shown(value)]);
}

/** An amount as people write it. Without a currency there never was any money. */
export const amount = (minor: number, currency: string | null | undefined): string => (currency ? amountOf(minor, currency) : String(minor));
