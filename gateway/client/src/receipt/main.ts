// The proof on the page of a receipt: loads it, checks it in the browser, and checks files that were saved, also without a connection.
import { entriesOf, show, type Shown } from "./view";
import { readCheckpoint, readKey, type Checkpoint, type LogKey } from "./note";
import { remember, remembered, type Remembered } from "./memory";
import { Unproved, verifyBehind, verifyReceipt, type Verified } from "./verify";
import { moment } from "./entries";
import { fill, t } from "./words";

const place = document.querySelector<HTMLElement>("[data-receipt]");

/** The keys that the restaurant publishes, and those that this browser remembers. Kept, so that files can be checked without a connection. */
let keys: LogKey[] = [];

async function readKeys(texts: string[]): Promise<LogKey[]> {
  const read = await Promise.all(texts.map(readKey));
  return read.filter((key) => key !== null);
}

class Unanswered extends Error {
  /** `code`: that of the problem, or empty. */
  constructor(readonly code: string) {
    super(code);
  }
}

async function load(path: string): Promise<string> {
  // Not the keys of a moment ago: a new log can have begun.
  const response = await fetch(path, { cache: "no-cache" }).catch(() => null);
  if (response?.ok) return response.text();
  const problem = (await response?.json().catch(() => null)) as { code?: string } | null | undefined;
  throw new Unanswered(problem?.code ?? "");
}

/** Reasons to ask the restaurant, although everything in the receipt is proved. */
function doubts({ origin, signers }: Checkpoint, before: Remembered, older: Checkpoint | null, when: string): string[] {
  if (older && older.origin !== origin) return [fill("new_log", { when })];
  // A key that is only published next to the known ones proves nothing.
  return signers.some((key) => before.keys.includes(key)) ? [] : [t("new_key")];
}

/** Loads the receipt and checks it, also against the checkpoint of the last visit. */
async function check({ receipt: path = "", id = "", zone = "UTC" }: DOMStringMap): Promise<Shown> {
  const before = remembered();
  const when = before ? moment(before.at, zone) : "";
  try {
    const published = await readKeys((await load("/.well-known/meja-log-keys")).trim().split("\n"));
    const earlier = await readKeys(before?.keys ?? []);
    // Receipts of a log before this one are still proved by its key.
    keys = [...published, ...earlier.filter((key) => !published.some((other) => other.text === key.text))];
    const kept = before && (await readCheckpoint(before.note, keys));
    // What the storage of a browser contains can be of another version.
    const older = typeof kept === "string" ? null : kept;
    const isSameLog = published.some((key) => key.name === older?.origin);
    const text = await load(older && isSameLog ? `${path}?since=${older.size}` : path);
    const verified = await verifyReceipt(text, published, id);
    const { checkpoint } = verified;
    const isCompared = older !== null && older.origin === checkpoint.origin;
    if (isCompared) await verifyBehind(text, checkpoint, older);
    const notes = before && older ? doubts(checkpoint, before, older, when) : [];
    const accept = () => remember({ keys: checkpoint.signers, note: checkpoint.note, at: Date.now() });
    if (notes.length === 0) accept();
    const said = [t("proved"), isCompared ? fill("continues", { when }) : older ? "" : t("first_check")];
    return proved(verified, said, zone, notes.length > 0 ? { doubts: notes, accept } : undefined);
  } catch (error) {
    return refused(error, when);
  }
}

function proved(verified: Verified, said: string[], zone: string, doubt?: Shown["doubt"]): Shown {
  const { checkpoint, leftOut } = verified;
  const more = leftOut > 0 ? [fill("left_out", { count: leftOut })] : [];
  return { isProved: true, said: [...said, ...more].filter(Boolean), entries: entriesOf(verified, zone), checkpoint, ...(doubt && { doubt }) };
}

/** The message for a receipt that is not proved. */
function refused(error: unknown, when: string): Shown {
  const fault = (...said: string[]): Shown => ({ isProved: false, said });
  if (error instanceof Unproved) return fault(t("fault"), fill(error.fault, { number: error.number, when }));
  if (error instanceof Unanswered) {
    const words = { checkpoint_not_in_log: "shorter", no_checkpoint: "not_signed" } as const;
    return fault(fill(words[error.code as keyof typeof words] ?? "not_reachable", { when }));
  }
  return fault(t("cannot_check"));
}

async function checkFile(file: File, { id = "", zone = "UTC" }: DOMStringMap): Promise<Shown> {
  try {
    if (keys.length === 0) keys = await readKeys(remembered()?.keys ?? []);
    return proved(await verifyReceipt(await file.text(), keys, id), [fill("proved_file", { name: file.name })], zone);
  } catch (error) {
    return refused(error, "");
  }
}

/** The number of the last check: the result of an earlier one is not shown any more. */
let last = 0;

async function run(place: HTMLElement, checked: Promise<Shown>): Promise<void> {
  last += 1;
  const number = last;
  const shown = await checked;
  if (number === last) show(place, shown);
}

if (place) {
  const input = place.querySelector<HTMLInputElement>("input[type=file]");
  show(place, { isProved: null, said: [t("checking")] });
  void run(place, check(place.dataset));
  input?.addEventListener("change", () => {
    const file = input.files?.[0];
    if (file) void run(place, checkFile(file, place.dataset));
    // The same file can be chosen again after it was changed.
    input.value = "";
  });
}
