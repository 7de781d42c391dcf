// Checkpoints and their keys: C2SP signed-note and tlog-checkpoint.
import { fromBase64, isSame, readHash, toBase64, type Hash, type Tree } from "./hashes";

/** The first byte of an Ed25519 key, which says that it signs the text of a note. */
const ED25519 = 1;
const SIGNATURES_MAX = 100;
const NOTE_CHARS_MAX = 16 * 1024;

const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

/** A public key of a log. */
export interface LogKey {
  /** The text form of the key: `name+hash+key`. */
  text: string;
  /** The name of the log. */
  name: string;
  /** The part of the hash of the key that is in each signature. */
  id: Uint8Array;
  key: CryptoKey;
}

/** Reads the text form of a key; `null` if it is none. Rejects if the browser cannot verify signatures of Ed25519. */
export async function readKey(text: string): Promise<LogKey | null> {
  // Base64 contains plus signs too.
  const [, name, hash, base64] = /^([^\s+]+)\+([0-9a-f]{8})\+(\S+)$/.exec(text) ?? [];
  const bytes = fromBase64(base64 ?? "");
  if (!name || !hash || bytes?.length !== 33 || bytes[0] !== ED25519) return null;
  const digest = await crypto.subtle.digest("SHA-256", new Uint8Array([...bytesOf(`${name}\n`), ...bytes]));
  const id = new Uint8Array(digest).slice(0, 4);
  const written = Array.from(id, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (written !== hash) return null;
  const key = await crypto.subtle.importKey("raw", bytes.slice(1), "Ed25519", false, ["verify"]);
  return { text, name, id, key };
}

/** What a log signs about itself. */
export interface Checkpoint extends Tree {
  origin: string;
  /** The text forms of the known keys that have signed it. */
  signers: string[];
  /** The whole note, with its signatures. */
  note: string;
}

/** A decimal number without leading zeros. */
export const readNumber = (text: string): bigint | null => (/^(0|[1-9]\d{0,18})$/.test(text) ? BigInt(text) : null);

/** A checkpoint that one of `keys` has signed, or why it is none. */
export async function readCheckpoint(note: string, keys: LogKey[]): Promise<Checkpoint | "malformed" | "not_signed"> {
  const end = note.lastIndexOf("\n\n");
  if (end < 0 || note.length > NOTE_CHARS_MAX || !note.endsWith("\n")) return "malformed";
  const text = note.slice(0, end + 1);
  const [origin = "", size = "", root = "", ...more] = text.slice(0, -1).split("\n");
  const [count, hash] = [readNumber(size), readHash(root)];
  if (origin === "" || count === null || hash === null || more.length > 0) return "malformed";
  const lines = note.slice(end + 2, -1).split("\n");
  if (lines.length > SIGNATURES_MAX) return "malformed";
  const signers = await signersOf(text, lines, keys.filter((key) => key.name === origin));
  return signers.length > 0 ? { origin, signers, size: count, root: hash, note } : "not_signed";
}

/** Those of `keys` that have signed the text; none if one of them has a wrong signature. */
async function signersOf(text: string, lines: string[], keys: LogKey[]): Promise<string[]> {
  const signers = new Set<string>();
  for (const line of lines) {
    const [, name, base64] = /^— (\S+) (\S+)$/.exec(line) ?? [];
    const bytes = fromBase64(base64 ?? "");
    if (!name || !bytes) return [];
    const key = keys.find((key) => key.name === name && isSame(key.id, bytes.slice(0, 4)));
    if (!key) continue;
    if (!(await crypto.subtle.verify("Ed25519", key.key, bytes.slice(4), bytesOf(text)))) return [];
    signers.add(key.text);
  }
  return [...signers];
}

export const rootText = ({ root }: { root: Hash }): string => toBase64(root);
