// What a window does to follow the feed: it listens to the stream that all windows of the browser share.
import type { Asked, Told } from "./hub";
import { Live, type Connection, type Following } from "./live";

/** A worker that does not answer within this time has not started, in milliseconds. */
const ANSWER_MS = 5_000;
/** A worker says something every 45 seconds at least. After this time without a word the browser has ended it, in milliseconds. */
const SILENT_MS = 60_000;

/** Follows through the shared worker, or alone in a browser that has none. */
export function follow(following: Following): Connection {
  const script = document.querySelector<HTMLElement>("[data-stream]")?.dataset.stream;
  // Locks need a secure connection.
  const canShare = script !== undefined && "SharedWorker" in window && "locks" in navigator;
  return canShare ? new Shared(following, script) : new Live(following);
}

class Shared implements Connection {
  private readonly port: MessagePort;
  /** What follows when the worker has ended, or never started. */
  private instead: Connection | null = null;
  private isStopped = false;
  private timer = 0;
  private release: () => void = () => undefined;

  constructor(private readonly following: Following, private readonly script: string) {
    const worker = new SharedWorker(script);
    this.port = worker.port;
    this.port.onmessage = ({ data }: MessageEvent<Told>) => this.hear(data);
    worker.onerror = () => this.goOn(() => new Live(following));
    this.wait(ANSWER_MS, () => this.goOn(() => new Live(following)));
    void this.ask();
  }

  stop(): void {
    this.end();
    this.instead?.stop();
  }

  cut(): void {
    if (this.instead) this.instead.cut();
    else this.say({ kind: "cut" });
  }

  retry(): void {
    if (this.instead) this.instead.retry();
    else this.say({ kind: "retry" });
  }

  /** Asks for everything behind the cursor, and holds a lock until this window is closed or does not listen any more. */
  private async ask(): Promise<void> {
    const lock = `meja.window.${crypto.randomUUID()}`;
    await navigator.locks.request(lock, async () => {
      if (this.isStopped) return;
      this.say({ kind: "follow", venueId: this.following.venueId, cursor: this.following.cursor(), lock });
      await new Promise<void>((done) => (this.release = done));
    });
  }

  private hear(told: Told): void {
    if (this.isStopped) return;
    this.wait(SILENT_MS, () => {
      this.following.onState(false);
      this.goOn(() => new Shared(this.following, this.script));
    });
    if (told.kind === "events") this.following.onEvents(told.events);
    else if (told.kind === "state") this.following.onState(told.isLive);
    else if (told.kind === "alive") this.following.onAlive();
    else {
      this.end();
      this.following.onLost();
    }
  }

  private say(asked: Asked): void {
    if (!this.isStopped) this.port.postMessage(asked);
  }

  private goOn(connect: () => Connection): void {
    if (this.isStopped) return;
    this.end();
    this.instead = connect();
  }

  private end(): void {
    this.isStopped = true;
    window.clearTimeout(this.timer);
    this.release();
    this.port.close();
  }

  private wait(ms: number, then: () => void): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(then, ms);
  }
}
