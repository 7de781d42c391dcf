// Faults of a document, as the service names them.
import type { Problem } from "../api";

export interface Fault {
  /** The member, for example `tables.3.seats`. */
  path: string;
  message: string;
}

/** The faults in a refusal; none if the refusal has another reason. */
export function faultsOf({ detail }: Problem): Fault[] {
  const faults: unknown = detail;
  if (!Array.isArray(faults)) return [];
  return faults.map(({ loc, msg }: { loc: (string | number)[]; msg: string }) => ({
    path: loc.filter((step) => step !== "body").join("."), message: msg,
  }));
}

/** The id of the field of a member. */
export const fieldId = (path: string) => `field-${path.replaceAll(/[^\w-]/g, "-")}`;
