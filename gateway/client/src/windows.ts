// One stream for all windows of a browser that show the same venue: one window follows the feed and passes on what arrives. When it
// closes, another one goes on behind its own cursor.
import { Live, type Following } from "./live";
import { positionOf, type FeedEvent } from "./state/apply";

type Message =
  /** A window that does not follow asks what arrived behind its snapshot. */
  | { kind: "ask" }
  /** Everything that arrived behind `since`. */
  | { kind: "recent"; since: string | null; events: FeedEvent[]; isLive: boolean }
  | { kind: "events"; events: FeedEvent[] }
  | { kind: "state"; isLive: boolean }
  | { kind: "alive" }
  | { kind: "lost" };

/** The number of events that the following window keeps for windows that are opened later. */
const RECENT_MAX = 500;
/** Another window that does not answer within this time is asleep or gone, in milliseconds. */
const ANSWER_MS = 2_000;
/** The following window passes a sign of life on every 15 seconds. Without one for this time it is asleep, in milliseconds. */
const SILENT_MS = 40_000;

/** Follows the feed of a venue, by itself or through another window. */
export class SharedLive {
  private live: Live | null = null;
  private stopped = false;
  /** Whether this window passes on what it reads. */
  private leads = false;
  /** Whether another window passes on what it reads. */
  private joined = false;
  private isLive = false;
  private recent: FeedEvent[] = [];
  private since: string | null = null;
  private timer = 0;
  private channel: BroadcastChannel | null = null;
  private readonly queue = new AbortController();
  private release: () => void = () => undefined;

  constructor(private readonly following: Following) {
    const name = `meja.feed.${following.venueId}`;
    // Without a secure connection there are no locks.
    if (!("locks" in navigator)) this.follow();
    else this.share(name);
  }

  private share(name: string): void {
    this.channel = new BroadcastChannel(name);
    this.channel.onmessage = ({ data }: MessageEvent<Message>) => this.hear(data);
    void navigator.locks.request(name, { signal: this.queue.signal }, () => this.lead()).catch(() => undefined);
    this.join();
  }

  stop(): void {
    this.stopped = true;
    window.clearTimeout(this.timer);
    this.queue.abort();
    this.live?.stop();
    this.channel?.close();
    this.release();
  }

  /** Gives up the connection. A window without its own one asks the other again. */
  cut(): void {
    if (this.live) this.live.cut();
    else this.join();
  }

  retry(): void {
    if (this.live) this.live.retry();
    else if (!this.joined) this.join();
  }

  /** Holds the lock until it is stopped. */
  private lead(): Promise<void> {
    if (this.stopped) return Promise.resolve();
    [this.leads, this.joined] = [true, false];
    [this.since, this.recent] = [this.following.cursor(), []];
    this.follow();
    this.tell({ kind: "state", isLive: this.isLive });
    return new Promise((done) => (this.release = done));
  }

  private follow(): void {
    window.clearTimeout(this.timer);
    this.joined = false;
    const { onEvents, onState, onAlive, onLost } = this.following;
    this.live ??= new Live({
      ...this.following,
      onEvents: (events) => {
        this.remember(events);
        onEvents(events);
        this.tell({ kind: "events", events });
      },
      onState: (isLive) => {
        this.isLive = isLive;
        onState(isLive);
        this.tell({ kind: "state", isLive });
      },
      onAlive: () => {
        onAlive();
        this.tell({ kind: "alive" });
      },
      onLost: () => {
        this.tell({ kind: "lost" });
        onLost();
      },
    });
  }

  private remember(events: FeedEvent[]): void {
    this.recent.push(...events);
    const dropped = this.recent.splice(0, this.recent.length - RECENT_MAX).at(-1);
    if (dropped) this.since = dropped.id;
  }

  private tell(message: Message): void {
    if (this.leads && !this.stopped) this.channel?.postMessage(message);
  }

  /** Asks the following window. Without an answer this window follows by itself. */
  private join(): void {
    if (this.leads || this.stopped || this.live) return;
    this.joined = false;
    this.channel?.postMessage({ kind: "ask" } satisfies Message);
    this.wait(ANSWER_MS, () => this.follow());
  }

  private wait(ms: number, then: () => void): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(then, ms);
  }

  private hear(message: Message): void {
    if (message.kind === "ask") return this.tell({ kind: "recent", since: this.since, events: this.recent, isLive: this.isLive });
    if (this.live || this.stopped) return;
    if (message.kind === "recent") this.begin(message);
    if (!this.joined) return;
    this.wait(SILENT_MS, () => this.join());
    if (message.kind === "events") this.following.onEvents(message.events);
    else if (message.kind === "state") this.following.onState(message.isLive);
    else if (message.kind === "lost") this.following.onLost();
    if (message.kind !== "state") this.following.onAlive();
  }

  /** Goes on through the other window, if that has everything behind the snapshot of this one. */
  private begin({ since, events, isLive }: Extract<Message, { kind: "recent" }>): void {
    if (this.joined) return;
    const own = positionOf(this.following.cursor() ?? "");
    if (positionOf(since ?? "") > own) return this.follow();
    this.joined = true;
    // What the snapshot contains already changes nothing.
    this.following.onEvents(events);
    this.following.onState(isLive);
  }
}
