// Amounts as people write them, and as the document has them: in minor units.
import exceptions from "./decimals.json";
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
