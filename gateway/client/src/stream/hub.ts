// One stream for all windows of a browser in which a person has the same venue open. It runs in a shared worker, which the browser
// keeps as long as one of the windows is open.
import { positionOf, type FeedEvent } from "../state/apply";
import { Live, type Connection, type Following } from "./live";

/** What a window wants to follow. `cursor`: that of its snapshot. The service ends a stream with the session that opened it, so
 * each person has their own. */
export interface Wanted {
  venueId: string;
  personId: string;
  cursor: string | null;
}

/** What a window is told. After `lost` it is told nothing more, and takes a new snapshot. */
export type Told = { kind: "events"; events: FeedEvent[] } | { kind: "state"; isLive: boolean } | { kind: "alive" } | { kind: "lost" };

/** A window that is told every event behind its cursor. */
export interface Member {
  cut: () => void;
  check: () => void;
  leave: () => void;
}

interface Listener {
  cursor: string | null;
  tell: (told: Told) => void;
}

/** The number of events that are kept for windows that are opened later. */
export const RECENT_MAX = 500;

/** The position of a cursor. Without one everything is behind it. */
const place = (cursor: string | null) => (cursor ? positionOf(cursor) : -1);

type Connect = (following: Following) => Connection;

/** The streams of a browser. */
export class Hub {
  private readonly streams = new Map<string, Stream>();

  constructor(private readonly connect: Connect = (following) => new Live(following)) {}

  /** From now on `tell` is called with every event behind the cursor. */
  join(wanted: Wanted, tell: (told: Told) => void): Member {
    const key = JSON.stringify([wanted.venueId, wanted.personId]);
    let stream = this.streams.get(key);
    if (!stream) {
      stream = new Stream(wanted, this.connect, () => this.streams.delete(key));
      this.streams.set(key, stream);
    }
    return stream.join({ cursor: wanted.cursor, tell });
  }
}

class Stream {
  private readonly connection: Connection;
  private readonly listeners = new Set<Listener>();
  private isLive = false;
  /** Everything that arrived behind `since`. */
  private recent: FeedEvent[] = [];
  private since: string | null;
  /** The id of the last event that arrived. A new connection goes on behind it and behind nothing else: so the service can say
   * that it is of a log that was replaced. */
  private last: string | null;

  constructor({ venueId, cursor }: Wanted, connect: Connect, private readonly onEnd: () => void) {
    this.since = this.last = cursor;
    this.connection = connect({
      venueId,
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

  join(listener: Listener): Member {
    const check = () => {
      this.connection.check();
      listener.tell({ kind: "state", isLive: this.isLive });
    };
    this.listeners.add(listener);
    check();
    // Events are missing between an older snapshot and what is kept. A new snapshot is not older.
    if (place(listener.cursor) < place(this.since)) {
      this.leave(listener);
      listener.tell({ kind: "lost" });
    } else {
      this.pass(listener, this.recent);
    }
    return { check, cut: () => this.connection.cut(), leave: () => this.leave(listener) };
  }

  /** The last window that leaves ends the stream. */
  private leave(listener: Listener): void {
    if (this.listeners.delete(listener) && this.listeners.size === 0) this.end();
  }

  private end(): void {
    this.connection.stop();
    this.onEnd();
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
