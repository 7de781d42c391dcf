// The hashes of a Merkle tree, and what a path of hashes proves: RFC 6962 §2.1, with the algorithms of RFC 9162 §2.1.3.2 and §2.1.4.2.

export type Hash = Uint8Array<ArrayBuffer>;

/** Number of bytes of a hash. */
const HASH_BYTES = 32;

async function sha256(...parts: Uint8Array[]): Promise<Hash> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

export const leafHash = (content: Uint8Array): Promise<Hash> => sha256(LEAF, content);
const nodeHash = (left: Hash, right: Hash): Promise<Hash> => sha256(NODE, left, right);

export const isSame = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && one.every((byte, at) => byte === other[at]);

/** The bytes of standard base64 with its padding; `null` if the text is anything else, also another spelling of the same bytes. */
export function fromBase64(text: string): Hash | null {
  try {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    return toBase64(bytes) === text ? bytes : null;
  } catch {
    return null;
  }
}

export const toBase64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes));

export function readHash(text: string): Hash | null {
  const bytes = fromBase64(text);
  return bytes?.length === HASH_BYTES ? bytes : null;
}

/** A place in a row of nodes, and the last place of that row. The numbers of a log can have more than 32 bits. */
interface Place {
  at: bigint;
  last: bigint;
}

const isRight = ({ at }: Place): boolean => (at & 1n) === 1n;

function climb(place: Place): void {
  place.at >>= 1n;
  place.last >>= 1n;
}

/** A last node without a sibling is moved up as it is. */
function skipRightEdge(place: Place): void {
  while (!isRight(place) && place.at !== 0n) climb(place);
}

/** The root to which `path` leads from the leaf `index` of `size`; `null` if the path does not fit that place. */
export async function rootFromInclusion(leaf: Hash, index: bigint, size: bigint, path: Hash[]): Promise<Hash | null> {
  if (index >= size) return null;
  const place = { at: index, last: size - 1n };
  let hash = leaf;
  for (const sibling of path) {
    if (place.last === 0n) return null;
    if (isRight(place) || place.at === place.last) {
      hash = await nodeHash(sibling, hash);
      skipRightEdge(place);
    } else {
      hash = await nodeHash(hash, sibling);
    }
    climb(place);
  }
  return place.last === 0n ? hash : null;
}

/** The tree over the first `size` leaves. */
export interface Tree {
  size: bigint;
  root: Hash;
}

/** Whether `path` proves that the leaves of `old`, which has some, are the first ones of `now`. */
export async function isConsistent(old: Tree, now: Tree, path: Hash[]): Promise<boolean> {
  if (old.size === now.size) return path.length === 0 && isSame(old.root, now.root);
  if (old.size === 0n || old.size > now.size) return false;
  // A complete older tree is a node of the newer one, so that its root begins the path.
  const isComplete = (old.size & (old.size - 1n)) === 0n;
  const [first, ...rest] = isComplete ? [old.root, ...path] : path;
  if (!first) return false;
  const place = { at: old.size - 1n, last: now.size - 1n };
  while (isRight(place)) climb(place);
  let [oldHash, nowHash] = [first, first];
  for (const sibling of rest) {
    if (place.last === 0n) return false;
    if (isRight(place) || place.at === place.last) {
      [oldHash, nowHash] = await Promise.all([nodeHash(sibling, oldHash), nodeHash(sibling, nowHash)]);
      skipRightEdge(place);
    } else {
      nowHash = await nodeHash(nowHash, sibling);
    }
    climb(place);
  }
  return place.last === 0n && isSame(oldHash, old.root) && isSame(nowHash, now.root);
}
