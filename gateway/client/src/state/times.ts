// Times of a venue. All state is in instants (ISO 8601); only these functions turn them into local times.

const MINUTE_MS = 60_000;

/** Milliseconds since 1970 of an instant in ISO 8601. */
export function ms(iso: string): number {
  return Date.parse(iso);
}

/** The time of day at `zone`, such as `19:30`. */
export function timeOfDay(iso: string | number, zone: string): string {
  return formatter(zone, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(new Date(iso));
}

/** A business day in words, such as `Tuesday 1 December`. */
export function dateInWords(date: string, locale: string): string {
  const noon = new Date(`${date}T12:00:00Z`);
  return new Intl.DateTimeFormat(locale === "en" ? "en-GB" : locale, { weekday: "long", day: "numeric", month: "long", timeZone: "UTC" }).format(noon);
}

/** Whole minutes from `from` to `to`; negative if `to` is earlier. */
export function minutesBetween(from: string | number, to: string | number): number {
  return Math.floor((new Date(to).getTime() - new Date(from).getTime()) / MINUTE_MS);
}

/** `iso` so many minutes later. */
export function plusMinutes(iso: string, minutes: number): string {
  return new Date(ms(iso) + minutes * MINUTE_MS).toISOString();
}

// Formatters are slow to make, and a screen needs hundreds of times in one zone.
const formatters = new Map<string, Intl.DateTimeFormat>();

function formatter(zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${zone} ${Object.keys(options).length}`;
  let found = formatters.get(key);
  if (!found) {
    found = new Intl.DateTimeFormat("en-GB", { ...options, timeZone: zone });
    formatters.set(key, found);
  }
  return found;
}
