// The entries of a receipt in words.
import { amountOf } from "../rules/money";
import { locale } from "../language";
import type { Promised } from "./verify";
import { fill, tOr } from "./words";

interface Window {
  start: string;
  end: string;
}
interface Amount {
  amount_minor: number;
  currency: string;
}

const language = locale === "en" ? "en-GB" : locale;

const inZone = (zone: string, options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(language, { ...options, timeZone: zone });

/** A moment as date and time of a zone. */
export const moment = (at: string | number, zone: string): string =>
  inZone(zone, { dateStyle: "medium", timeStyle: "short" }).format(new Date(at));

const visit = ({ start, end }: Window, zone: string): string =>
  `${moment(start, zone)}–${inZone(zone, { timeStyle: "short" }).format(new Date(end))}`;

/** `created` of `meja.reservation.created.v1`, as the name of a text. */
const nameOf = (type: string): string => type.replace(/^meja\.(.*)\.v\d+$/, "$1").replace(".", "_");

/** What happened. A type that a later version writes is its own name. */
export const titleOf = (type: string): string => tOr(nameOf(type), type);

/** The particulars of an entry, as far as this version knows them. */
export function particularsOf({ type, data }: Promised, zone: string): string {
  const { window, party_size: size, from, to, amount, cancelled_by: by, refund } = data as {
    window?: Window; party_size?: number; from?: unknown; to?: unknown; amount?: Amount; cancelled_by?: string; refund?: { amount: Amount };
  };
  const back = refund?.amount;
  const parts = [
    window && visit(window, zone),
    size && fill("guests", { count: size }),
    typeof to === "number" && `${String(from)} → ${fill("guests", { count: to })}`,
    typeof to === "object" && to !== null && visit(to as Window, zone),
    amount && amountOf(amount.amount_minor, amount.currency),
    by && tOr(`by_${by}`, by),
    back && `${titleOf("meja.payment.refunded.v1")}: ${amountOf(back.amount_minor, back.currency)}`,
  ];
  // A type of a later version can use the same names for something else.
  return titleOf(type) === type ? "" : parts.filter(Boolean).join(", ");
}
