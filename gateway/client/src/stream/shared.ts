// How a window follows the feed: it listens to the stream that the windows of the browser share.
import type { Asked } from "./attend";
import type { Told } from "./hub";
import { Live, type Connection, type Following } from "./live";

/** A worker that does not answer within this time has not started, in milliseconds. */
const START_MS = 5_000;
/** A worker that is running answers within this time, in milliseconds. */
const ANSWER_MS = 2_000;
/** A worker says something every 45 seconds at least. After this time without a word the browser has ended it, in milliseconds. */
const SILENT_MS = 60_000;

/** Follows through the shared worker, or alone in a browser that has none. */
export function follow(following: Following, personId: string): Connection {
  const script = document.querySelector<HTMLElement>("[data-stream]")?.dataset.stream;
  // Locks need a secure connection.
  const canShare = script !== undefined && "SharedWorker" in window && "locks" in navigator;
  return canShare ? new Shared(following, personId, script) : new Live(following);
}

class Shared implements Connection {
  private port: MessagePort | null = null;
  /** What follows if the worker does not start. */
  private alone: Live | null = null;
  private timer = 0;
  private release: () => void = () => undefined;

  constructor(private readonly following: Following, private readonly personId: string, private readonly script: string) {
    this.open();
  }

  stop(): void {
    this.close();
    this.alone?.stop();
  }

  cut(): void {
    if (this.alone) return this.alone.cut();
    this.following.onState(false);
    this.say({ kind: "cut" });
  }

  check(): void {
    if (this.alone) return this.alone.check();
    this.say({ kind: "check" });
    this.expectWord(ANSWER_MS, () => this.open());
  }

  /** Begins to listen, also after the browser has ended the worker: the same script starts another one. */
  private open(): void {
    this.close();
    const worker = new SharedWorker(this.script);
    const { port } = worker;
    this.port = port;
    port.onmessage = ({ data }: MessageEvent<Told>) => port === this.port && this.hear(data);
    worker.onerror = () => port === this.port && this.goAlone();
    this.expectWord(START_MS, () => this.goAlone());
    void this.ask(port);
  }

  private close(): void {
    window.clearTimeout(this.timer);
    this.release();
    this.port?.close();
    this.port = null;
  }

  private goAlone(): void {
    this.close();
    this.alone = new Live(this.following);
  }

  /** Asks for everything behind the cursor, and holds a lock for as long as this window listens. */
  private async ask(port: MessagePort): Promise<void> {
    const lock = `meja.window.${crypto.randomUUID()}`;
    await navigator.locks.request(lock, async () => {
      if (port !== this.port) return;
      const { venueId, cursor } = this.following;
      this.say({ kind: "follow", venueId, personId: this.personId, cursor: cursor(), lock });
      await new Promise<void>((done) => (this.release = done));
    });
  }

  private hear(told: Told): void {
    this.expectWord(SILENT_MS, () => {
      this.following.onState(false);
      this.open();
    });
    if (told.kind === "events") this.following.onEvents(told.events);
    else if (told.kind === "state") this.following.onState(told.isLive);
    else if (told.kind === "alive") this.following.onAlive();
    else this.lose();
  }

  private lose(): void {
    this.close();
    this.following.onState(false);
    this.following.onLost();
  }

  private say(asked: Asked): void {
    this.port?.postMessage(asked);
  }

  private expectWord(ms: number, otherwise: () => void): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(otherwise, ms);
  }
}
