// The rules of a venue as a document: what depends on what in it, and how two versions differ. It knows neither pages nor requests.
import type { components } from "./schema";

export type Rules = components["schemas"]["Rules"];
export type Table = Rules["tables"][number];
export type Service = NonNullable<Rules["services"]>[number];
export type Exception = NonNullable<Rules["exceptions"]>[number];
/** A part of the document, whose members a field reads and writes. */
export type Part = Record<string, unknown>;

export const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;

/** The areas, in the order of their first table. */
export const areasOf = (rules: Rules): string[] => [...new Set(rules.tables.map(({ area }) => area).filter(Boolean))];

/** Parts that the editor shows although the document may do without them. */
const OPTIONAL = ["pacing", "booking_window"] as const;

/** Adds the parts that the editor shows. */
export function opened(rules: Rules): Rules {
  if (rules.services) OPTIONAL.forEach((part) => (rules[part] ??= {}));
  return rules;
}

/** A copy without the parts that are empty, with the turn times in their order. */
export function tidied(rules: Rules): Rules {
  const copy = JSON.parse(JSON.stringify(rules)) as Rules;
  for (const part of OPTIONAL) if (copy[part] && Object.keys(copy[part]).length === 0) delete copy[part];
  copy.turn_minutes?.sort((one, other) => one.up_to_party - other.up_to_party);
  return copy;
}

const swap = (list: string[] | undefined, from: string, to: string) => list?.forEach((one, at) => one === from && (list[at] = to));

/** The document as text, in which the order of members does not matter. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    isPart(part) ? Object.fromEntries(Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1))) : part);
}

/** Whether one name became the other, and both belong to nothing else. */
function isRename(names: string[], from: string, to: string): boolean {
  return from !== "" && to !== "" && !names.includes(from) && names.filter((name) => name === to).length === 1;
}

/** Every mention of a table gets its new name. A name that another table has is not taken over. */
export function renameTable(rules: Rules, from: string, to: string): void {
  if (!isRename(rules.tables.map(({ id }) => id), from, to)) return;
  rules.tables.forEach(({ combinable_with: others }) => swap(others, from, to));
  rules.exceptions?.forEach(({ closed_tables: closed }) => swap(closed, from, to));
}

/** Every mention of an area gets its new name with its last table. A table that joins another area renames nothing. */
export function renameArea(rules: Rules, table: Table, from: string, to: string): void {
  const others = rules.tables.filter((one) => one !== table).map(({ area }) => area);
  if (from === "" || to === "" || others.includes(to)) return;
  if (others.includes(from)) return;
  rules.services?.forEach(({ areas }) => swap(areas, from, to));
  rules.exceptions?.forEach(({ closed_areas: closed, services }) => {
    swap(closed, from, to);
    services?.forEach(({ areas }) => swap(areas, from, to));
  });
}

/** Removes the table and every mention of it. A service keeps its last area, because without areas it would use all of them. */
export function removeTable(rules: Rules, at: number): void {
  const [gone] = rules.tables.splice(at, 1);
  if (!gone) return;
  rules.tables.forEach((table) => without(table, "combinable_with", gone.id));
  rules.exceptions?.forEach((exception) => without(exception, "closed_tables", gone.id));
  if (areasOf(rules).includes(gone.area)) return;
  const services = [...(rules.services ?? []), ...(rules.exceptions ?? []).flatMap((exception) => exception.services ?? [])];
  services.filter(({ areas }) => areas && areas.length > 1).forEach((service) => without(service, "areas", gone.area));
  rules.exceptions?.forEach((exception) => without(exception, "closed_areas", gone.area));
}

function without(part: Part, member: string, gone: string): void {
  const list = part[member];
  if (!Array.isArray(list)) return;
  const rest = list.filter((one) => one !== gone);
  if (rest.length > 0) part[member] = rest;
  else delete part[member];
}

/** A step to a member: its name, or the name that a person gave to a part of a list. */
export type Step = string | { name: string };

/** A member that differs. `undefined`: one of the documents does not have it. */
export interface Difference {
  path: Step[];
  from: unknown;
  to: unknown;
}

/** The members in which two documents differ, in the order of the documents. */
export function differences(from: unknown, to: unknown, path: Step[] = []): Difference[] {
  if (JSON.stringify(from) === JSON.stringify(to)) return [];
  if (isParts(from) && isParts(to)) return betweenLists(from, to, path);
  if (isPart(from) && isPart(to)) {
    const members = new Set([...Object.keys(from), ...Object.keys(to)]);
    return [...members].flatMap((member) => differences(from[member], to[member], [...path, member]));
  }
  return [{ path, from, to }];
}

const isPart = (value: unknown): value is Part => typeof value === "object" && value !== null && !Array.isArray(value);
const isParts = (value: unknown): value is Part[] => Array.isArray(value) && value.every(isPart);

/** Equal parts belong together, then parts of one name, then those that differ in their name alone. The others come or go. */
function betweenLists(from: Part[], to: Part[], path: Step[]): Difference[] {
  const [gone, come] = [[...from], [...to]];
  const pairs: [Part, Part][] = [];
  for (const isPair of [isEqual, isNamesake, isRenamed]) {
    for (const after of [...come]) {
      const before = gone.find((one) => isPair(one, after));
      if (!before) continue;
      gone.splice(gone.indexOf(before), 1);
      come.splice(come.indexOf(after), 1);
      pairs.push([before, after]);
    }
  }
  return [
    ...pairs.flatMap(([before, after]) => differences(before, after, [...path, nameOf(after, to)])),
    ...gone.map((one) => ({ path: [...path, nameOf(one, from)], from: one, to: undefined })),
    ...come.map((one) => ({ path: [...path, nameOf(one, to)], from: undefined, to: one })),
  ];
}

const isEqual = (one: Part, other: Part) => JSON.stringify(one) === JSON.stringify(other);
const NAMES = ["id", "name", "date", "from", "yearly", "up_to_party"];
/** The name that a person gave to a part of a list. */
export const ownName = (part: Part): unknown => NAMES.map((member) => part[member]).find((name) => name !== undefined);
const isNamesake = (one: Part, other: Part) => ownName(one) !== undefined && ownName(one) === ownName(other);
const isRenamed = (one: Part, other: Part) => {
  const [from, to] = [one, other].map((part) => canonical(Object.fromEntries(Object.entries(part).filter(([member]) => !NAMES.includes(member)))));
  return from === to && from !== "{}";
};

/** The name of a part; with its days, if another part of the list has the same name. */
function nameOf(part: Part, list: Part[]): { name: string } {
  const name = ownName(part);
  if (name === undefined) return { name: String(list.indexOf(part) + 1) };
  const isAlone = list.filter((one) => ownName(one) === name).length < 2;
  return { name: isAlone || !Array.isArray(part.days) ? String(name) : `${String(name)} (${part.days.join(", ")})` };
}
