// What stays in the browser when the connection is lost: the last evening and what happened since.
import type { Evening } from "./state/evening";
import { EMPTY, type Queue } from "./state/queue";

/** A new form of what is stored gets a new number; the old one is ignored. */
const FORM = 1;
/** How long a stored evening is shown, in hours. */
const EVENING_HOURS_MAX = 24;

export interface StoredEvening {
  evening: Evening;
  /** When it was current, in milliseconds since 1970. */
  at: number;
}

const key = (what: string, venueId: string) => `meja.${FORM}.${what}.${venueId}`;

function read<T>(name: string): T | null {
  try {
    return JSON.parse(localStorage.getItem(name) ?? "null") as T | null;
  } catch {
    return null;
  }
}

function write(name: string, value: unknown): void {
  try {
    localStorage.setItem(name, JSON.stringify(value));
  } catch {
    // Without storage the screen works on as long as it is open.
  }
}

export function storeEvening(evening: Evening, at: number): void {
  write(key("evening", evening.venueId), { evening, at } satisfies StoredEvening);
}

export function storedEvening(venueId: string, now: number): StoredEvening | null {
  const stored = read<StoredEvening>(key("evening", venueId));
  return stored && now - stored.at < EVENING_HOURS_MAX * 3_600_000 ? stored : null;
}

export function storeQueue(venueId: string, queue: Queue): void {
  write(key("queue", venueId), queue);
}

export function storedQueue(venueId: string): Queue {
  return read<Queue>(key("queue", venueId)) ?? EMPTY;
}

const evenings = () => Object.keys(localStorage).filter((name) => name.startsWith("meja.") && name.includes(".evening."));

/** Forgets the evenings that are too old to be shown, of all venues. */
export function forgetOldEvenings(now: number): void {
  for (const name of evenings()) {
    const stored = read<StoredEvening>(name);
    if (!stored || now - stored.at >= EVENING_HOURS_MAX * 3_600_000) localStorage.removeItem(name);
  }
}

const SIGNED_OUT = "meja.signed_out";

/** Whether a person signed out while the service could not be told. */
export const isSignOutOwed = () => localStorage.getItem(SIGNED_OUT) !== null;

export function oweSignOut(isOwed: boolean): void {
  if (isOwed) localStorage.setItem(SIGNED_OUT, "1");
  else localStorage.removeItem(SIGNED_OUT);
}

/** Forgets the guests of all venues, when a person signs out. What was noted and not reported stays. */
export function forgetEvenings(): void {
  for (const name of evenings()) localStorage.removeItem(name);
}

export interface Settings {
  keys: boolean;
  printWhenOffline: boolean;
}

export function settings(): Settings {
  return { keys: true, printWhenOffline: false, ...read<Partial<Settings>>("meja.settings") };
}

export function storeSettings(value: Settings): void {
  write("meja.settings", value);
}
