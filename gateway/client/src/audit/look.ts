// A part of the log, as the page shows it: loaded forwards and backwards, with a limit.
import type { components } from "../api";
import { ask } from "./ask";
import { rawItems } from "./raw";

export type FeedEvent = components["schemas"]["FeedEvent"];
type EventsFound = components["schemas"]["EventsFound"];

/** An event of the log. */
export interface Row {
  position: number;
  event: FeedEvent;
  /** The event as it is stored. */
  raw: string;
}

/** What is looked for. Empty texts mean everything. */
export interface Filters {
  type: string;
  subject: string;
  actor: string;
  correlation_id: string;
  /** Times of RFC 3339. */
  from: string;
  to: string;
}

export const NO_FILTERS: Filters = { type: "", subject: "", actor: "", correlation_id: "", from: "", to: "" };

/** Events that were found, and what was examined for them. */
export interface Part {
  rows: Row[];
  from: number;
  to: number;
  hasEarlier: boolean;
  hasLater: boolean;
  head: number;
}

/** The number of rows that are kept. */
export const ROWS_MAX = 5_000;

/** Asks for a part of the log. */
export async function look(filters: Filters, place: { after?: number; before?: number }, limit: number): Promise<Part> {
  const query = new URLSearchParams({ limit: String(limit) });
  for (const [name, value] of Object.entries({ ...filters, ...place })) if (value !== "" && value !== undefined) query.set(name, String(value));
  const { body, text } = await ask<EventsFound>("GET", `/api/audit/events?${query}`);
  const raw = rawItems(text);
  const rows = body.items.map((event, index) => ({ position: Number(event.sequence), event, raw: raw[index] ?? "" }));
  return { rows, from: body.examined_from, to: body.examined_to, hasEarlier: body.has_earlier, hasLater: body.has_later, head: body.head };
}

/** `part` with the part right before it, or right behind it. Rows at the other end are dropped if there are too many. A part that
 * is not adjacent changes nothing: it is the answer to a question that was asked twice. */
export function join(part: Part, other: Part): Part {
  const isEarlier = other.to === part.from - 1;
  if (!isEarlier && other.from !== part.to + 1) return part;
  const [first, second] = isEarlier ? [other, part] : [part, other];
  const rows = [...first.rows, ...second.rows];
  const joined = { rows, from: first.from, to: second.to, hasEarlier: first.hasEarlier, hasLater: second.hasLater, head: Math.max(part.head, other.head) };
  const excess = rows.length - ROWS_MAX;
  if (excess <= 0) return joined;
  if (isEarlier) {
    const kept = rows.slice(0, ROWS_MAX);
    return { ...joined, rows: kept, to: (kept.at(-1) as Row).position, hasLater: true };
  }
  const kept = rows.slice(excess);
  return { ...joined, rows: kept, from: (kept[0] as Row).position, hasEarlier: true };
}

/** The rows of a list, newest first, that are in view. */
export function inView(rows: Row[], scrolledPx: number, heightPx: number, rowPx: number): { row: Row; index: number }[] {
  const first = Math.max(0, Math.floor(scrolledPx / rowPx) - MARGIN_ROWS);
  const count = Math.min(SHOWN_ROWS_MAX, Math.ceil(heightPx / rowPx) + 2 * MARGIN_ROWS);
  return Array.from({ length: Math.max(0, Math.min(count, rows.length - first)) }, (_, n) => {
    const index = first + n;
    return { row: rows[rows.length - 1 - index] as Row, index };
  });
}

/** Rows outside of the view that are in the page, so that scrolling shows no gap. */
const MARGIN_ROWS = 6;
/** Maximum number of rows in the page. */
export const SHOWN_ROWS_MAX = 80;

/** The name of a type without what all types have. */
export const shortType = (type: string): string => type.replace(/^meja\./, "").replace(/\.v\d+$/, "");

/** The page about a subject, if there is one. */
export function pageOf(subject: string): string | null {
  const [kind, id] = subject.split("/");
  return kind === "reservation" ? `/audit/r/${id}` : null;
}

/** The page of the log that begins with a search. */
export const linkTo = (search: Partial<Filters & { position: number }>): string =>
  `/audit/log?${new URLSearchParams(Object.entries(search).map(([name, value]) => [name, String(value)]))}`;
