// A member of the document and its value, as a person reads them.
import { amountOf } from "./money";
import { ownName, type Rules, type Step } from "./document";
import { t, tOr } from "./words";

const label = (step: Step) => (typeof step === "string" ? tOr(step, step) : step.name);

/** `Services › Makan malam › Opens`. */
export const pathInWords = (path: Step[]): string => path.map(label).join(" › ");

/** The path of a fault, such as `tables.13.seats`, with the name or the number of each part of a list, counted from one. */
export function placeInWords(path: string, rules: Rules): string {
  const steps: Step[] = [];
  let part: unknown = rules;
  for (const step of path.split(".")) {
    part = (part as Record<string, unknown> | undefined)?.[step];
    const isNumber = /^\d+$/.test(step);
    const name = isNumber && typeof part === "object" && part !== null ? ownName(part as Record<string, unknown>) : undefined;
    steps.push(isNumber ? { name: name ? String(name) : String(Number(step) + 1) } : step);
  }
  return pathInWords(steps);
}

/** The value of the member at the end of `path`. */
export function valueInWords(path: Step[], value: unknown, currency: string): string {
  const member = path.at(-1);
  const inner = (step: Step, one: unknown) => valueInWords([...path, step], one, currency);
  if (value === undefined) return t("nothing");
  if (typeof value === "boolean") return value ? t("yes") : t("no");
  if (Array.isArray(value)) return value.map((one) => (typeof one === "object" ? `(${inner({ name: "" }, one)})` : inner(member ?? "", one))).join(", ");
  if (typeof value === "object" && value !== null) return Object.entries(value).map(([name, one]) => `${label(name)}: ${inner(name, one)}`).join(", ");
  if (member === "amount_minor") return amountOf(Number(value), currency);
  if (member === "per") return tOr(`per_${String(value)}`, String(value));
  if (member === "contact_proof") return tOr(`proof_${String(value)}`, String(value));
  return member === "shape" || member === "days" ? tOr(String(value), String(value)) : String(value);
}
