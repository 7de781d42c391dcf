// The figures above an evening.
import { inLine, isActive, type Evening } from "./evening";
import { lateness } from "./floor";
import { minutesBetween, ms } from "./times";

export interface Figures {
  /** Guests who are there. */
  coversHere: number;
  /** Guests who are expected. */
  coversToCome: number;
  /** Parties that are late. */
  late: number;
  /** Parties that stay longer than planned. */
  overdue: number;
  /** Parties that need a table. */
  withoutTable: number;
  /** Parties that wait. */
  waiting: number;
  /** The longest wait, in minutes. */
  longestWait: number;
}

export function figuresOf(evening: Evening, now: number): Figures {
  const parties = Object.values(evening.parties).filter(isActive);
  const covers = (status: string[]) =>
    parties.filter((party) => status.includes(party.status)).reduce((sum, party) => sum + party.size, 0);
  const line = inLine(evening);
  const waits = line.map(({ joinedAt }) => minutesBetween(joinedAt, now));
  return {
    coversHere: covers(["CHECKED_IN"]),
    coversToCome: covers(["PENDING", "CONFIRMED"]),
    late: parties.filter((party) => party.status === "CONFIRMED" && lateness(party, now).status === "late").length,
    overdue: parties.filter((party) => party.status === "CHECKED_IN" && ms(party.end) <= now).length,
    withoutTable: parties.filter(({ needsTable }) => needsTable).length,
    waiting: line.length,
    longestWait: Math.max(0, ...waits),
  };
}

/** The arrivals at one time. */
export interface Slot {
  start: number;
  covers: number;
  max: number | null;
}

/** The arrival times of the services of the day, from `from` on, with the guests who are booked for each. */
export function pacing(evening: Evening, from: number): Slot[] {
  const { slots, services } = evening;
  if (!slots) return [];
  const length = slots.minutes * 60_000;
  const starts = new Set<number>();
  for (const { opens, closes } of services) {
    for (let start = ms(opens); start < ms(closes); start += length) if (start + length > from) starts.add(start);
  }
  const parties = Object.values(evening.parties).filter((party) => isActive(party) && party.source !== "walk_in");
  const coversAt = (start: number) =>
    parties.filter((party) => ms(party.start) >= start && ms(party.start) < start + length)
      .reduce((sum, party) => sum + party.size, 0);
  return [...starts].sort((a, b) => a - b).map((start) => ({ start, covers: coversAt(start), max: slots.covers_max ?? null }));
}

/** How long a party has waited, in minutes. A screen that is a moment behind the service does not count below zero. */
export function waitedFor({ joinedAt }: { joinedAt: string }, now: number): number {
  return Math.max(0, minutesBetween(joinedAt, now));
}

/** The state of a quoted wait: minutes that are left, negative when it is over; null without a quote. */
export function quoteLeft(waiting: { joinedAt: string; quotedMinutes: number | null }, now: number): number | null {
  return waiting.quotedMinutes === null ? null : waiting.quotedMinutes - waitedFor(waiting, now);
}
