// What a refusal offers: tables that are free instead, and rules that a manager may overrule.
import type { Problem } from "../api";

/** Refusals that an `override` overrules. */
const OVERRULABLE = new Set(["pacing", "too_late", "too_soon", "party_too_large", "next_party_due", "min_party"]);

export function canOverrule(code: string): boolean {
  return OVERRULABLE.has(code);
}

/** The tables that the refusal offers. */
export function freeTables(problem: Problem): string[] {
  return (problem.alternatives ?? []).flatMap((one) => ("table_id" in one && one.table_id ? [one.table_id] : []));
}
