// The proof of a receipt as a guest's browser checks it, with receipts that another program has made.
import { describe, expect, test } from "vitest";
import vectors from "../golden-proof/receipts.json";
import { isConsistent, rootFromInclusion } from "../src/receipt/hashes";
import { readCheckpoint, readKey, type Checkpoint, type LogKey } from "../src/receipt/note";
import { Unproved, verifyBehind, verifyReceipt } from "../src/receipt/verify";

type Receipt = (typeof vectors.receipts)[number]["receipt"];

const key = (await readKey(vectors.key)) as LogKey;
const older = async (note: string) => (await readCheckpoint(note, [key])) as Checkpoint;

/** Everything that a careful person checks. */
async function accept(text: string, before: Checkpoint) {
  const verified = await verifyReceipt(text, [key], "7");
  await verifyBehind(text, verified.checkpoint, before);
  return verified;
}

const fault = (checked: Promise<unknown>) =>
  checked.then(
    () => "proved",
    (error: unknown) => (error instanceof Unproved ? error.fault : String(error)),
  );

/** The receipt over 257 events with another promise, proof, or whatever `change` makes of it. */
function changed(change: (receipt: Receipt) => void): string {
  const receipt = structuredClone(vectors.receipts.at(-1)!.receipt);
  change(receipt);
  return JSON.stringify(receipt);
}

describe("receipts", () => {
  test("of logs of all sizes are proved, with what was in the log before", async () => {
    expect(vectors.receipts.length).toBeGreaterThan(20);
    for (const { receipt, older: note } of vectors.receipts) {
      const { promises, checkpoint } = await accept(JSON.stringify(receipt), await older(note));
      expect(promises).toEqual(receipt.promises.map(({ event }) => JSON.parse(event) as unknown));
      expect([checkpoint.origin, checkpoint.signers]).toEqual(["meja.example/log", [vectors.key]]);
    }
  });

  test("with a change are refused, and the reason is named", async () => {
    const before = await older(vectors.receipts.at(-1)!.older);
    const refused: [string, (receipt: Receipt) => void][] = [
      ["changed", ({ promises }) => (promises[1]!.event = promises[1]!.event.replace("meja", "mejo"))],
      ["changed", ({ promises }) => (promises[1]!.proof = promises[1]!.proof.replace("index 128", "index 127"))],
      ["changed", ({ promises }) => ([promises[0]!.proof, promises[1]!.proof] = [promises[1]!.proof, promises[0]!.proof])],
      ["order", ({ promises }) => promises.reverse()],
      ["order", ({ promises }) => promises.push(promises[2]!)],
      ["other_key", ({ promises }) => promises.forEach((one) => (one.proof = one.proof.replaceAll("\n257\n", "\n258\n")))],
      ["other_key", ({ promises }) => promises.forEach((one) => (one.proof = one.proof.replaceAll("meja.example/log", "other.example/log")))],
      ["other_checkpoint", ({ promises }) => (promises[2]!.proof = vectors.receipts.at(-2)!.receipt.promises[0]!.proof)],
      ["no_consistency", (receipt) => (receipt.consistency.old_size = 3)],
      ["rewritten", ({ consistency }) => consistency.path.pop()],
      ["not_a_receipt", (receipt) => (receipt.format = "meja-receipt/v2")],
      ["not_a_receipt", (receipt) => (receipt.promises = [])],
    ];
    for (const [reason, change] of refused) expect(await fault(accept(changed(change), before)), String(change)).toBe(reason);
    expect(await fault(accept("{}", before))).toBe("not_a_receipt");
    expect(await fault(accept(changed(() => {}), before))).toBe("proved");
  });

  test("are refused whichever character is changed", async () => {
    const { receipt, older: note } = vectors.receipts[7]!;
    const [before, text] = [await older(note), JSON.stringify(receipt)];
    // The receipt names a key, which proves nothing.
    const ignored = [text.indexOf(receipt.key), text.indexOf(receipt.key) + receipt.key.length];
    const accepted: number[] = [];
    for (let at = 0; at < text.length; at += 1) {
      if (at >= ignored[0]! && at < ignored[1]!) continue;
      const other = text[at] === "a" ? "b" : "a";
      if ((await fault(accept(text.slice(0, at) + other + text.slice(at + 1), before))) === "proved") accepted.push(at);
    }
    // The name of the member with the key is not checked either.
    const name = text.indexOf('"key"') + 1;
    expect(accepted.filter((at) => at < name || at > name + 2)).toEqual([]);
  }, 60_000);

  test("of another log, or signed with another key, are refused", async () => {
    expect(await fault(verifyReceipt(changed(() => {}), [], "7"))).toBe("no_key");
    expect(await fault(verifyReceipt(changed(() => {}), [key], "8"))).toBe("other_booking");
    expect(await readKey(vectors.key.replace("log+", "lag+"))).toBeNull();
    expect(await readKey("nonsense")).toBeNull();
  });
});

test("a path that does not fit its place leads nowhere", async () => {
  const hash = new Uint8Array(32);
  expect(await rootFromInclusion(hash, 1n, 1n, [])).toBeNull();
  expect(await rootFromInclusion(hash, 0n, 1n, [hash])).toBeNull();
  expect(await rootFromInclusion(hash, 0n, 2n, [])).toBeNull();
  expect(await isConsistent({ size: 3n, root: hash }, { size: 2n, root: hash }, [])).toBe(false);
  expect(await isConsistent({ size: 0n, root: hash }, { size: 2n, root: hash }, [])).toBe(false);
});
