// Times and numbers as the pages of the audit write them.
import { locale } from "../language";

/** A time with date and seconds, in the zone `timeZone` or in that of the browser. */
export function writeTime(text: string | null | undefined, timeZone?: string): string {
  if (!text) return "–";
  const format = new Intl.DateTimeFormat("en-CA", { dateStyle: "short", timeStyle: "medium", hourCycle: "h23", ...(timeZone && { timeZone }) });
  return format.format(new Date(text));
}

const numbers = new Intl.NumberFormat(locale);

/** A whole number with separators. */
export const writeNumber = (value: number): string => numbers.format(value);
