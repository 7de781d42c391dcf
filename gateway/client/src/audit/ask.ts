// Requests of the audit: with the session of a person, or with a key that an operator enters.
import { ref } from "vue";
import { Refused, request, type Options, type Response } from "../api";

/** Where the browser keeps the key for this tab. */
const PLACE = "meja.audit.key";

let apiKey = typeof sessionStorage === "undefined" ? null : sessionStorage.getItem(PLACE);

/** Whether requests present a key. */
export const hasKey = ref(apiKey !== null);

/** What the credential lacks: scopes, a credential at all, or the right for all venues. */
export interface Lack {
  scopes: string[];
  isAnonymous: boolean;
  isOfSomeVenues: boolean;
}

const NOTHING: Lack = { scopes: [], isAnonymous: false, isOfSomeVenues: false };

/** What the requests so far have shown that the credential lacks. */
export const lack = ref<Lack>(NOTHING);

/** The key in a text: alone, or as a header that contains it. */
export const keyIn = (text: string): string | null => /meja_[\w-]+/.exec(text)?.[0] ?? null;

/** From now on the requests of this tab present `key`, or the session if it is null. */
export function enterKey(key: string | null): void {
  if (key) sessionStorage.setItem(PLACE, key);
  else sessionStorage.removeItem(PLACE);
  apiKey = key;
  hasKey.value = key !== null;
  lack.value = NOTHING;
}

/** Sends a request. A refusal for want of a credential is noted, so that the page can ask for one. */
export async function ask<T>(method: string, path: string, options: Options = {}): Promise<Response<T>> {
  try {
    const response = await request<T>(method, path, { ...options, apiKey });
    if (lack.value.isAnonymous) lack.value = { ...lack.value, isAnonymous: false };
    return response;
  } catch (error) {
    if (error instanceof Refused) note(error);
    throw error;
  }
}

function note({ status, code, message }: Refused): void {
  const { scopes, isAnonymous, isOfSomeVenues } = lack.value;
  // The detail names the scope: `the scope "read"`.
  const scope = code === "scope_missing" ? /"(\w+)"/.exec(message)?.[1] : undefined;
  lack.value = {
    scopes: scope && !scopes.includes(scope) ? [...scopes, scope] : scopes,
    isAnonymous: isAnonymous || status === 401,
    isOfSomeVenues: isOfSomeVenues || code === "all_venues_required",
  };
}

export const read = async <T>(path: string, options: Options = {}): Promise<T> => (await ask<T>("GET", path, options)).body;
export const post = async <T>(path: string, body: unknown = {}): Promise<T> => (await ask<T>("POST", path, { body })).body;
export const remove = async <T>(path: string): Promise<T> => (await ask<T>("DELETE", path)).body;
