// One stream for all windows of a browser that show the same venue. It runs in a shared worker, which the browser keeps as long as
// one of the windows is open.
import { positionOf, type FeedEvent } from "../state/apply";
import { Live, type Connection, type Following } from "./live";

/** What a window says. `cursor`: that of its snapshot. `lock`: a lock that it holds while it listens. */
export type Asked = { kind: "follow"; venueId: string; cursor: string | null; lock: string } | { kind: "cut" } | { kind: "retry" };

/** What a window is told. After `lost` it is told nothing more, and takes a new snapshot. */
export type Told = { kind: "events"; events: FeedEvent[] } | { kind: "state"; isLive: boolean } | { kind: "alive" } | { kind: "lost" };

export interface Listener {
  cursor: string | null;
  tell: (told: Told) => void;
}

/** The number of events that are kept for windows that are opened later. */
export const RECENT_MAX = 500;

/** The position of a cursor. Without one everything is behind it. */
const place = (cursor: string | null) => (cursor ? positionOf(cursor) : -1);

type Connect = (following: Following) => Connection;

/** The streams of a browser, one for each venue that a window shows. */
export class Hub {
  private readonly streams = new Map<string, Stream>();

  constructor(private readonly connect: Connect = (following) => new Live(following)) {}

  /** Tells a window everything behind its cursor from now on. */
  join(venueId: string, listener: Listener): void {
    let stream = this.streams.get(venueId);
    if (!stream) {
      stream = new Stream(venueId, listener.cursor, this.connect, () => this.streams.delete(venueId));
      this.streams.set(venueId, stream);
    }
    stream.join(listener);
  }

  /** The last window that leaves ends the stream of its venue. */
  leave(venueId: string, listener: Listener): void {
    this.streams.get(venueId)?.leave(listener);
  }

  /** The connection of the stream that a window listens to. */
  connectionFor(venueId: string): Connection | undefined {
    return this.streams.get(venueId)?.connection;
  }
}

class Stream {
  connection: Connection;
  private readonly listeners = new Set<Listener>();
  private isLive = false;
  /** Everything that arrived behind `since`. */
  private recent: FeedEvent[] = [];
  /** The id of the last event that arrived: a new connection goes on behind it. */
  private last: string | null;

  constructor(
    private readonly venueId: string, private since: string | null, private readonly connect: Connect, private readonly onEnd: () => void,
  ) {
    this.last = since;
    this.connection = this.follow();
  }

  join(listener: Listener): void {
    this.listeners.add(listener);
    // A window whose snapshot is older than what is kept: the stream goes back for it. The others skip what they have.
    if (place(listener.cursor) < place(this.since)) this.goBackTo(listener.cursor);
    listener.tell({ kind: "state", isLive: this.isLive });
    this.pass(listener, this.recent);
  }

  leave(listener: Listener): void {
    if (this.listeners.delete(listener) && this.listeners.size === 0) this.end();
  }

  private goBackTo(cursor: string | null): void {
    this.connection.stop();
    this.recent = [];
    this.since = this.last = cursor;
    this.connection = this.follow();
  }

  private end(): void {
    this.connection.stop();
    this.onEnd();
  }

  private follow(): Connection {
    return this.connect({
      venueId: this.venueId,
      cursor: () => this.last,
      onEvents: (events) => {
        this.keep(events);
        this.listeners.forEach((listener) => this.pass(listener, events));
      },
      onState: (isLive) => this.tellAll({ kind: "state", isLive: (this.isLive = isLive) }),
      onAlive: () => this.tellAll({ kind: "alive" }),
      onLost: () => {
        this.tellAll({ kind: "lost" });
        this.end();
      },
    });
  }

  private keep(events: FeedEvent[]): void {
    this.recent.push(...events);
    this.last = events.at(-1)?.id ?? this.last;
    const dropped = this.recent.splice(0, this.recent.length - RECENT_MAX).at(-1);
    if (dropped) this.since = dropped.id;
  }

  /** Only what the window does not have. */
  private pass(listener: Listener, events: FeedEvent[]): void {
    const fresh = events.filter(({ id }) => positionOf(id) > place(listener.cursor));
    if (fresh.length === 0) return;
    listener.cursor = fresh.at(-1)?.id ?? listener.cursor;
    listener.tell({ kind: "events", events: fresh });
  }

  private tellAll(told: Told): void {
    this.listeners.forEach((listener) => listener.tell(told));
  }
}
