// The tables of an evening, as a host sees them at some time.
import { byArrival, inLine, isActive, type Evening, type Party, type Table, type Waiting } from "./evening";
import { minutesBetween, ms } from "./times";

export type TableStatus = "free" | "reserved" | "offered" | "seated" | "due" | "overdue" | "late" | "closed";

/** A table at some time. */
export interface TableState {
  table: Table;
  status: TableStatus;
  /** The party that is there, or is expected now. */
  party: Party | null;
  /** The waiting party to which it is offered. */
  offeredTo: Waiting | null;
  /** The next party. */
  next: Party | null;
  /** Minutes by which its party is late, or stays too long. */
  minutes: number;
}

/** How long before its time the table of a booked party is shown as reserved, in minutes. */
const RESERVED_MINUTES = 30;
/** After so many minutes a party that is not there is late and no longer just due. */
export const LATE_MINUTES = 10;

/** All tables, in the order of the rules. */
export function tableStates(evening: Evening, now: number): TableState[] {
  const parties = byArrival(evening).filter(isActive);
  const offers = inLine(evening).filter(({ offer }) => offer && ms(offer.expiresAt) > now);
  return evening.tables.map((table) => {
    const here = parties.filter(({ tables }) => tables.includes(table.id));
    return stateOf(table, here, offers.find(({ offer }) => offer?.tables.includes(table.id)) ?? null, evening, now);
  });
}

/** `parties` are those that have the table at any time of the evening, by arrival. */
function stateOf(table: Table, parties: Party[], offeredTo: Waiting | null, evening: Evening, now: number): TableState {
  const seated = parties.find(({ status }) => status === "CHECKED_IN") ?? null;
  const expected = parties.filter(({ status }) => status !== "CHECKED_IN");
  const soon = expected.find(({ start, end }) => ms(start) - RESERVED_MINUTES * 60_000 <= now && now < ms(end)) ?? null;
  const next = expected.find((party) => ms(party.end) > now && (party !== soon || seated !== null)) ?? null;
  const state = (status: TableStatus, party: Party | null, minutes = 0): TableState =>
    ({ table, status, party, offeredTo, next, minutes });
  if (seated) {
    const over = minutesBetween(seated.end, now);
    return over >= 0 ? state("overdue", seated, over) : state("seated", seated, -over);
  }
  if (isClosed(table, evening, now)) return state("closed", soon);
  if (offeredTo) return state("offered", null);
  if (soon) {
    const late = minutesBetween(soon.start, now);
    if (late >= LATE_MINUTES) return state("late", soon, late);
    return late >= 0 ? state("due", soon, late) : state("reserved", soon, -late);
  }
  return state("free", null);
}

/** Whether a closure of the day covers the table. */
function isClosed(table: Table, evening: Evening, now: number): boolean {
  return evening.closures.some(({ from, to, service, areas, tables }) => {
    if (evening.date < from || to < evening.date) return false;
    if (service && !evening.services.some((one) => one.name === service && ms(one.opens) <= now && now < ms(one.closes))) {
      return false;
    }
    const isAll = areas.length === 0 && tables.length === 0;
    return isAll || areas.includes(table.area) || tables.includes(table.id);
  });
}

/** The areas, in the order of their tables. */
export function areasOf(evening: Evening): string[] {
  return [...new Set(evening.tables.map(({ area }) => area))];
}

/** What a party that is not there yet is, in a word. */
export function lateness(party: Party, now: number): { status: "expected" | "due" | "late"; minutes: number } {
  const minutes = minutesBetween(party.start, now);
  if (minutes >= LATE_MINUTES) return { status: "late", minutes };
  return { status: minutes >= 0 ? "due" : "expected", minutes };
}

/** Tables that a party could have from `from` to `to`, without those it has: those that seat it first, then the smallest. */
export function tablesFor(party: Pick<Party, "id" | "size" | "tables" | "start">, from: number, to: number, evening: Evening): Table[] {
  const isOver = (start: string, end: string) => ms(start) < to && from < ms(end);
  const others = Object.values(evening.parties).filter((one) => one.id !== party.id && isActive(one));
  const held = others.filter(({ start, end, status }) => isOver(start, end) || (status === "CHECKED_IN" && ms(start) < to));
  const offers = inLine(evening).flatMap(({ offer }) => (offer && isOver(offer.start, offer.end) ? [offer] : []));
  const taken = new Set([...held, ...offers].flatMap(({ tables }) => tables));
  const isFree = (table: Table) =>
    !taken.has(table.id) && !party.tables.includes(table.id) && !isClosed(table, evening, Math.max(from, ms(party.start)));
  const fits = (table: Table) => (table.seats >= party.size ? 0 : 1);
  return evening.tables.filter(isFree).sort((a, b) => fits(a) - fits(b) || a.seats - b.seats || (a.id < b.id ? -1 : 1));
}
