// Requests of the audit: with the session of a person, or with a key that an operator enters.
import { ref } from "vue";
import { Refused, get, post, request, useKey } from "../api";

/** Where the key is for as long as the tab is open. */
const PLACE = "meja.audit.key";

/** Whether requests are made with a key. */
export const hasKey = ref(false);

/** Set when a request was refused because it needs a session or a key: the scope, or an empty text if none is named. */
export const missing = ref<string | null>(null);

/** Uses the key of this tab, if there is one. */
export function rememberKey(): void {
  use(sessionStorage.getItem(PLACE));
}

/** Uses `key` in this tab from now on, or none. */
export function enterKey(key: string | null): void {
  if (key) sessionStorage.setItem(PLACE, key);
  else sessionStorage.removeItem(PLACE);
  use(key);
}

function use(key: string | null): void {
  useKey(key);
  hasKey.value = key !== null;
  missing.value = null;
}

/** What `what` returns. A request that needs another credential is noted, so that the page can ask for one. */
export async function noted<T>(what: () => Promise<T>): Promise<T> {
  try {
    return await what();
  } catch (error) {
    if (error instanceof Refused && (error.status === 401 || error.status === 403)) missing.value = scopeOf(error);
    throw error;
  }
}

/** The scope that a refusal names. */
function scopeOf(error: Refused): string {
  return /scope "?(\w+)/.exec(error.message)?.[1] ?? "";
}

export const read = <T>(path: string): Promise<T> => noted(() => get<T>(path));
export const tell = <T>(path: string, body?: unknown): Promise<T> => noted(() => post<T>(path, body));
export const end = <T>(path: string): Promise<T> => noted(async () => (await request<T>("DELETE", path)).body);

/** What a failed request says to a person. */
export function inWords(error: unknown, unanswered: string): string {
  return error instanceof Refused ? error.message : unanswered;
}
