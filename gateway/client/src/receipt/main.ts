// The proof on the page of a receipt: loads it, checks it in the browser, and checks files that were saved, also without a connection.
import { entriesOf, show, type Shown } from "./view";
import { readCheckpoint, readKey, type Checkpoint, type LogKey } from "./note";
import { remember, remembered, type Remembered } from "./memory";
import { Unproved, verifyBehind, verifyReceipt, type Verified } from "./verify";
import { moment } from "./entries";
import { fill, t } from "./words";

const place = document.querySelector<HTMLElement>("[data-receipt]");

/** The keys that the restaurant publishes. Kept, so that files can be checked without a connection. */
let keys: LogKey[] = [];

async function readKeys(texts: string[]): Promise<LogKey[]> {
  const read = await Promise.all(texts.map(readKey));
  return read.filter((key) => key !== null);
}

class Unanswered extends Error {
  constructor(readonly status: number) {
    super(`status ${status}`);
  }
}

async function load(path: string): Promise<string> {
  // Not the keys of a moment ago: a new log can have begun.
  const response = await fetch(path, { cache: "no-cache" }).catch(() => null);
  if (!response?.ok) throw new Unanswered(response?.status ?? 0);
  return response.text();
}

/** Reasons to ask the restaurant, although everything in the receipt is proved. */
function doubts(checkpoint: Checkpoint, before: Remembered, older: Checkpoint | null, when: string): string[] {
  if (older && older.origin !== checkpoint.origin) return [fill("new_log", { when })];
  const isKnown = keys.some((key) => before.keys.includes(key.text));
  return isKnown ? [] : [t("new_key")];
}

/** Loads the receipt and checks it, also against the checkpoint of the last visit. */
async function check(path: string, zone: string): Promise<Shown> {
  keys = await readKeys((await load("/.well-known/meja-log-keys")).trim().split("\n"));
  const before = remembered();
  const when = before ? moment(before.at, zone) : "";
  const kept = before && (await readCheckpoint(before.note, [...keys, ...(await readKeys(before.keys))]));
  // What the storage of a browser contains can be of another version.
  const older = typeof kept === "string" ? null : kept;
  try {
    const isSameLog = keys.some((key) => key.name === older?.origin);
    const text = await load(older && isSameLog ? `${path}?since=${older.size}` : path);
    const verified = await verifyReceipt(text, keys);
    const { checkpoint } = verified;
    if (older && older.origin === checkpoint.origin) await verifyBehind(text, checkpoint, older);
    const notes = before && older ? doubts(checkpoint, before, older, when) : [];
    const accept = () => remember({ keys: keys.map((key) => key.text), note: checkpoint.note, at: Date.now() });
    if (notes.length === 0) accept();
    const isCompared = older?.origin === checkpoint.origin;
    const said = [t("proved"), isCompared ? fill("continues", { when }) : older ? "" : t("first_check")];
    return proved(verified, said, zone, notes.length > 0 ? { doubts: notes, accept } : undefined);
  } catch (error) {
    return refused(error, when);
  }
}

function proved(verified: Verified, said: string[], zone: string, doubt?: Shown["doubt"]): Shown {
  const { checkpoint, leftOut } = verified;
  const more = leftOut > 0 ? [fill("left_out", { count: leftOut })] : [];
  const shown = { isProved: true, said: [...said, ...more].filter(Boolean), entries: entriesOf(verified, zone), checkpoint };
  const signed = keys.filter((key) => key.name === checkpoint.origin).map((key) => key.text);
  return { ...shown, keys: signed, ...(doubt && { doubt }) };
}

/** What is said in place of a proof. */
function refused(error: unknown, when: string): Shown {
  const fault = (...said: string[]): Shown => ({ isProved: false, said });
  if (error instanceof Unproved) return fault(t("fault"), fill(error.fault, { number: error.number, when }));
  if (error instanceof Unanswered) {
    const words = { 409: "shorter", 503: "not_signed" } as const;
    return fault(fill(words[error.status as keyof typeof words] ?? "not_reachable", { when }));
  }
  return fault(t("cannot_check"));
}

async function checkFile(file: File, zone: string): Promise<Shown> {
  try {
    if (keys.length === 0) keys = await readKeys(remembered()?.keys ?? []);
    return proved(await verifyReceipt(await file.text(), keys), [fill("proved_file", { name: file.name })], zone);
  } catch (error) {
    return refused(error, "");
  }
}

if (place) {
  const { receipt = "", zone = "UTC" } = place.dataset;
  const input = place.querySelector<HTMLInputElement>("input[type=file]");
  show(place, { isProved: null, said: [t("checking")] });
  check(receipt, zone)
    .catch((error: unknown) => refused(error, ""))
    .then((shown) => show(place, shown));
  input?.addEventListener("change", () => {
    const file = input.files?.[0];
    // The same file can be chosen again after it was changed.
    input.value = "";
    if (file) checkFile(file, zone).then((shown) => show(place, shown));
  });
}
