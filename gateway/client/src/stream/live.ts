// The live feed of a venue: server-sent events behind a cursor, with a new connection whenever one ends.
import type { FeedEvent } from "../state/apply";

export interface Following {
  venueId: string;
  /** The cursor of what is known. Asked again for each connection. */
  cursor: () => string | null;
  onEvents: (events: FeedEvent[]) => void;
  onState: (isLive: boolean) => void;
  /** Something arrived: an event, or a comment that keeps the connection alive. */
  onAlive: () => void;
  /** The cursor is of another log, or the session has ended: take a new snapshot. */
  onLost: () => void;
}

/** A connection to the feed, as a window uses it. */
export interface Connection {
  stop: () => void;
  /** Gives up the connection: the browser says that it is offline. */
  cut: () => void;
  /** The browser says that it is online, or that the page is shown again: tries again now, and gives up a connection through
   * which nothing came for too long. */
  check: () => void;
}

/** Pauses between attempts, in milliseconds. */
const RETRY_MS = [500, 1_000, 2_000, 5_000];
/** The service sends a comment every 15 seconds. After this time without anything, the connection is dead. */
const SILENT_MS = 40_000;
/** After this time without anything, a connection that is checked is not believed any more, in milliseconds. */
const QUIET_MS = 20_000;

/** Follows the feed until it is stopped. */
export class Live implements Connection {
  private stopped = false;
  private attempt = 0;
  /** When something arrived last, or the connection began, in milliseconds since 1970. */
  private heard = 0;
  private controller: AbortController | null = null;
  private wake: (() => void) | null = null;

  constructor(private readonly following: Following) {
    void this.run();
  }

  stop(): void {
    this.stopped = true;
    this.controller?.abort();
    this.wake?.();
  }

  cut(): void {
    this.controller?.abort();
  }

  check(): void {
    if (Date.now() - this.heard > QUIET_MS) this.cut();
    this.wake?.();
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      const goesOn = await this.connect().catch(() => true);
      if (this.stopped) return;
      this.following.onState(false);
      if (!goesOn) return this.following.onLost();
      const pause = RETRY_MS[Math.min(this.attempt++, RETRY_MS.length - 1)] ?? 5_000;
      await new Promise<void>((done) => {
        this.wake = done;
        setTimeout(done, pause);
      });
    }
  }

  /** Reads one connection to its end. False if the feed cannot go on behind its cursor. */
  private async connect(): Promise<boolean> {
    const { venueId, cursor } = this.following;
    const after = cursor();
    const path = `/api/venues/${encodeURIComponent(venueId)}/events${after ? `?lastEventId=${after}` : ""}`;
    const controller = new AbortController();
    this.controller = controller;
    this.heard = Date.now();
    let watchdog = setTimeout(() => controller.abort(), SILENT_MS);
    try {
      const answer = await fetch(path, {
        headers: { accept: "text/event-stream" }, signal: controller.signal, cache: "no-store",
      });
      if (answer.status === 409 || answer.status === 401 || answer.status === 403 || answer.status === 404) return false;
      if (!answer.ok || !answer.body) return true;
      this.attempt = 0;
      this.following.onState(true);
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      const messages = new Messages();
      for (;;) {
        const { value, done } = await reader.read();
        // What arrived before it was stopped is not for anyone.
        if (done || this.stopped) return true;
        clearTimeout(watchdog);
        watchdog = setTimeout(() => controller.abort(), SILENT_MS);
        this.heard = Date.now();
        this.following.onAlive();
        const events = messages.add(value);
        if (events.length > 0) this.following.onEvents(events);
      }
    } finally {
      clearTimeout(watchdog);
      controller.abort();
    }
  }
}

/** Cuts a stream of server-sent events into messages. Only their data is used, which contains the id. */
export class Messages {
  private rest = "";

  /** The events that are complete with `text`. */
  add(text: string): FeedEvent[] {
    const parts = (this.rest + text).split("\n\n");
    this.rest = parts.pop() ?? "";
    return parts.flatMap((part) => {
      const data = part.split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trimStart());
      return data.length > 0 ? [JSON.parse(data.join("\n")) as FeedEvent] : [];
    });
  }
}
