// What a browser remembers of a log: the keys with which it was signed, and the last checkpoint. With them it finds out at the next visit
// whether the log was rewritten.

/** A log as it was at the last visit. */
export interface Remembered {
  /** The text forms of its keys. */
  keys: string[];
  /** The checkpoint as a note. */
  note: string;
  /** When it was checked, in milliseconds since 1970. */
  at: number;
}

// One origin has one log. After a backup was restored it has a new name, which must be noticed.
const NAME = "meja.log";

export function remembered(): Remembered | null {
  try {
    const value = JSON.parse(localStorage.getItem(NAME) ?? "null") as Remembered | null;
    const isWhole = typeof value?.note === "string" && typeof value.at === "number" && Array.isArray(value.keys);
    return isWhole ? value : null;
  } catch {
    return null;
  }
}

export function remember(value: Remembered): void {
  try {
    localStorage.setItem(NAME, JSON.stringify(value));
  } catch {
    // Without storage each visit is the first one.
  }
}
