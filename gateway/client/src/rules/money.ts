// Amounts as people write them, and as the document has them: in minor units.
import exceptions from "./decimals.json";
import { locale } from "../language";
import type { Rules } from "./document";

/** The number of decimals of a currency, by ISO 4217, as the services count them. Browsers have other numbers: none for the rupiah. */
export function decimalsOf(currency: string): number {
  return (exceptions as Record<string, number>)[currency] ?? 2;
}

export const toMajor = (minor: number, currency: string): number => minor / 10 ** decimalsOf(currency);
export const toMinor = (major: number, currency: string): number => Math.round(major * 10 ** decimalsOf(currency));

/** The amounts of the policy stay what people read: 50 of one currency become 50 of the other. */
export function changeCurrency({ policy }: Rules, from: string, to: string): void {
  for (const charge of [policy.deposit, policy.no_show_fee]) if (charge) charge.amount_minor = toMinor(toMajor(charge.amount_minor, from), to);
}

const SEPARATORS = { id: { group: ".", point: "," }, en: { group: ",", point: "." } } as const;

/** An amount as people of the language write it, in minor units; `null` if it could mean two amounts or none. */
export function readAmount(text: string, currency: string, language: keyof typeof SEPARATORS = locale): number | null {
  const { group, point } = SEPARATORS[language];
  const [whole = "", fraction, ...more] = text.replaceAll(/\s/g, "").split(point);
  const isGrouped = new RegExp(`^(\\d+|\\d{1,3}(\\${group}\\d{3})+)$`).test(whole);
  const isFraction = fraction === undefined || (/^\d+$/.test(fraction) && fraction.length <= decimalsOf(currency));
  if (!isGrouped || !isFraction || more.length > 0) return null;
  return toMinor(Number(`${whole.replaceAll(group, "")}.${fraction ?? "0"}`), currency);
}

/** An amount without its currency, as {@link readAmount} reads it. */
export function writeAmount(minor: number, currency: string, language: keyof typeof SEPARATORS = locale): string {
  const major = toMajor(minor, currency);
  const digits = Number.isInteger(major) ? 0 : decimalsOf(currency);
  return new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(major);
}

/** `IDR 50.000` */
export const amountOf = (minor: number, currency: string): string => `${currency} ${writeAmount(minor, currency)}`;
