// Verifies a receipt of a booking, without asking anyone. The formats are those of docs/proof.md.
import { isConsistent, isSame, leafHash, readHash, rootFromInclusion, type Hash } from "./hashes";
import { readCheckpoint, readNumber, type Checkpoint, type LogKey } from "./note";

const FORMAT = "meja-receipt/v1";
const PROOF = "c2sp.org/tlog-proof@v1";
const PATH_HASHES_MAX = 63;

/** Why a receipt proves nothing. */
export type Fault = "not_a_receipt" | "no_key" | "other_key" | "other_booking" | "changed" | "other_checkpoint" | "order" | "rewritten" | "no_consistency";

export class Unproved extends Error {
  /** `number`: the promise that is not proved, from one. */
  constructor(readonly fault: Fault, readonly number = 0) {
    super(number ? `${fault}: promise ${number}` : fault);
  }
}

/** The members of a stored event that a receipt shows. */
export interface Promised {
  type: string;
  /** What it is about: `reservation/` and an id. */
  subject: string;
  /** When it happened. */
  time: string;
  data: Record<string, unknown>;
}

export interface Verified {
  checkpoint: Checkpoint;
  promises: Promised[];
  /** Number of later promises that are not in the receipt. */
  leftOut: number;
}

interface Receipt {
  promises: { event: string; proof: string }[];
  left_out?: number;
  consistency?: { old_size: number; path: string[] };
}

function isReceipt(value: unknown): value is Receipt {
  const { format, promises } = (value ?? {}) as { format?: unknown; promises?: unknown };
  // A text with half a character would be hashed as another text.
  const isText = (text: unknown) => typeof text === "string" && !/\p{Surrogate}/u.test(text);
  const isPromise = (one: Receipt["promises"][number]) => isText(one?.event) && isText(one?.proof);
  return format === FORMAT && Array.isArray(promises) && promises.length > 0 && promises.every(isPromise);
}

function readReceipt(text: string): Receipt {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Unproved("not_a_receipt");
  }
  if (!isReceipt(value)) throw new Unproved("not_a_receipt");
  return value;
}

interface Proof {
  index: bigint;
  path: Hash[];
  /** The checkpoint as a note. */
  note: string;
}

function readProof(text: string): Proof | null {
  const end = text.indexOf("\n\n");
  const [first, second, ...rest] = text.slice(0, Math.max(end, 0)).split("\n");
  const index = readNumber(/^index (\d+)$/.exec(second ?? "")?.[1] ?? "");
  const path = rest.map(readHash);
  const isWhole = path.length <= PATH_HASHES_MAX && path.every((hash) => hash !== null);
  return first === PROOF && index !== null && isWhole ? { index, path, note: text.slice(end + 2) } : null;
}

/** Checks that everything in a receipt is in a log that one of `keys` signs, and is about the booking `id`. Throws {@link Unproved} otherwise. */
export async function verifyReceipt(text: string, keys: LogKey[], id: string): Promise<Verified> {
  const receipt = readReceipt(text);
  if (keys.length === 0) throw new Unproved("no_key");
  let [checkpoint, last]: [Checkpoint | null, bigint] = [null, -1n];
  const promises: Promised[] = [];
  for (const [at, { event, proof: written }] of receipt.promises.entries()) {
    const number = at + 1;
    const proof = readProof(written);
    if (!proof) throw new Unproved("changed", number);
    if (!checkpoint) {
      const read = await readCheckpoint(proof.note, keys);
      if (typeof read === "string") throw new Unproved(read === "not_signed" ? "other_key" : "changed", number);
      checkpoint = read;
    }
    if (proof.note !== checkpoint.note) throw new Unproved("other_checkpoint", number);
    const leaf = await leafHash(new TextEncoder().encode(event));
    const root = await rootFromInclusion(leaf, proof.index, checkpoint.size, proof.path);
    if (!root || !isSame(root, checkpoint.root)) throw new Unproved("changed", number);
    if (proof.index <= last) throw new Unproved("order", number);
    last = proof.index;
    const promised = JSON.parse(event) as Promised;
    if (promised.subject !== `reservation/${id}`) throw new Unproved("other_booking", number);
    promises.push(promised);
  }
  if (!checkpoint) throw new Unproved("not_a_receipt");
  return { checkpoint, promises, leftOut: receipt.left_out ?? 0 };
}

/** Checks that the log of a receipt begins with everything that was in it at an older checkpoint. Throws {@link Unproved} otherwise. */
export async function verifyBehind(text: string, now: Checkpoint, older: Checkpoint): Promise<void> {
  const { consistency } = readReceipt(text);
  const fits = consistency && BigInt(consistency.old_size) === older.size;
  if (!fits && older.size !== now.size) throw new Unproved("no_consistency");
  const path = older.size === now.size ? [] : (consistency?.path ?? []).map(readHash);
  const isProved = path.every((hash) => hash !== null) && (await isConsistent(older, now, path));
  if (older.origin !== now.origin || !isProved) throw new Unproved("rewritten");
}
