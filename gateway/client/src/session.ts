// Who uses the stand: a person with a session, on an enrolled device or not.
import { isSignOutOwed, oweSignOut } from "./storage";
import { Refused, get, post, request, type Account, type Stand } from "./api";

export interface Session {
  account: Account | null;
  device: Stand | null;
}

/** The answer, or null if the browser has no such cookie. */
async function unlessUnknown<T>(path: string): Promise<T | null> {
  try {
    return await get<T>(path);
  } catch (error) {
    if (error instanceof Refused && (error.status === 401 || error.status === 403)) return null;
    throw error;
  }
}

export async function session(): Promise<Session> {
  // A person who signed out without a connection is signed out before anybody else uses the stand.
  if (isSignOutOwed()) await signOut();
  const [account, device] = await Promise.all([
    unlessUnknown<Account>("/api/account"), unlessUnknown<Stand>("/api/stand"),
  ]);
  return { account, device };
}

export const signInWithPin = (staffId: string, pin: string) => post("/api/sessions", { staff_id: staffId, pin });

export const signInWithPassword = (email: string, password: string, code: string) =>
  post("/api/sessions", { email, password, ...(code && { code }) });

export const enrol = (code: string) => post("/api/stand/enrol", { code });

/** Ends the session. Without an answer it stays owed, and is ended before the next one begins. */
export async function signOut(): Promise<void> {
  oweSignOut(true);
  try {
    await request("DELETE", "/api/sessions/current");
  } catch (error) {
    // Without a session there is nothing to end.
    if (!(error instanceof Refused && error.status === 401)) throw error;
  }
  oweSignOut(false);
}

/** Whether the person is a manager or an owner of the venue. Without a connection it is not known who uses the stand. */
export function manages({ roles }: Partial<Account>, venueId: string): boolean {
  return [...(roles?.manager ?? []), ...(roles?.owner ?? [])].some((venue) => venue === "*" || venue === venueId);
}

/** The venues at which the person works; `null` for all. */
export function venuesOf({ roles }: Account): string[] | null {
  const all = [...roles.host, ...roles.manager, ...roles.owner];
  return all.includes("*") ? null : [...new Set(all)];
}
