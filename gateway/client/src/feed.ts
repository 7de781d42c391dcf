// The evening of a venue as it is now: a snapshot, kept current by the feed and by reading what events do not contain.
import { ref, shallowRef } from "vue";
import { Refused } from "./api";
import { pause, serviceNow } from "./clock";
import { reread, rereadWaitlist, snapshot } from "./snapshot";
import { apply, type FeedEvent } from "./state/apply";
import type { Evening } from "./state/evening";
import { forgetEvenings, storeEvening, storedEvening } from "./storage";
import type { Connection } from "./stream/live";
import { follow } from "./stream/shared";

/** Pause before something is read again after a failure, in milliseconds. */
const RETRY_MS = 2_000;
/** With more reservations to read than this, everything is read. */
const STALE_MAX = 20;
/** How often the evening is written to the storage of the browser at most, in milliseconds. */
const STORE_MS = 2_000;
/** Events that arrive this soon after others are shown together, in milliseconds. A person sees no difference, and many events
 * at once cost a few frames instead of one each. */
const TOGETHER_MS = 50;

export interface Outside {
  /** The connection is there, or is not. */
  onState: (isLive: boolean) => void;
  /** The session has ended. */
  onSignedOut: () => void;
  /** There is no such venue for this person. */
  onNoVenue: () => void;
  /** The first answer of the service. */
  onStarted: () => void;
}

export class EveningFeed {
  readonly evening = shallowRef<Evening | null>(null);
  readonly isLive = ref(false);
  /** When the evening was current last, in milliseconds since 1970. */
  readonly asOf = ref(0);

  private stopped = false;
  private live: Connection | null = null;
  private readonly reading = new Set<string>();
  /** Events that arrive while everything is read. */
  private meanwhile: FeedEvent[] | null = null;
  private storing = 0;
  /** Events that arrived and are not applied yet. */
  private arrived: FeedEvent[] = [];
  private applying = 0;
  /** When events were applied last, on the clock of the page, in milliseconds. */
  private appliedAt = 0;

  constructor(readonly venueId: string, private readonly personId: string, private readonly outside: Outside) {}

  /** Shows what is stored, then what is current, and follows it. */
  async start(): Promise<void> {
    const stored = storedEvening(this.venueId, Date.now());
    if (stored) [this.evening.value, this.asOf.value] = [stored.evening, stored.at];
    window.addEventListener("online", this.wake);
    window.addEventListener("offline", this.cut);
    window.addEventListener("pagehide", this.store);
    document.addEventListener("visibilitychange", this.wake);
    await this.restart();
  }

  stop(): void {
    this.store();
    this.stopped = true;
    this.unfollow();
    window.removeEventListener("online", this.wake);
    window.removeEventListener("offline", this.cut);
    window.removeEventListener("pagehide", this.store);
    document.removeEventListener("visibilitychange", this.wake);
  }

  /** Forgets the guests, in the browser too. */
  forget(): void {
    this.stop();
    forgetEvenings();
  }

  private readonly cut = (): void => this.live?.cut();

  private readonly wake = (): void => {
    if (document.visibilityState === "hidden") return;
    this.live?.check();
  };

  /** Takes a new snapshot and follows the feed behind it. Tries again until it succeeds. */
  private async restart(): Promise<void> {
    this.unfollow();
    while (!this.stopped) {
      try {
        this.take(await snapshot(this.venueId));
        break;
      } catch (error) {
        this.connected(false);
        if (error instanceof Refused && error.status === 401) return this.outside.onSignedOut();
        if (error instanceof Refused && error.status !== 429) return this.outside.onNoVenue();
        await pause(RETRY_MS);
      }
    }
    if (!this.stopped) this.outside.onStarted();
    if (this.stopped) return;
    this.live = follow({
      venueId: this.venueId,
      cursor: () => this.evening.value?.cursor ?? null,
      onEvents: (events) => this.receive(events),
      onAlive: () => (this.asOf.value = serviceNow()),
      onState: (isLive) => this.connected(isLive),
      onLost: () => void this.restartSoon(),
    }, this.personId);
  }

  private async restartSoon(): Promise<void> {
    await pause(RETRY_MS);
    if (!this.stopped) await this.restart();
  }

  private unfollow(): void {
    this.live?.stop();
    this.live = null;
    window.clearTimeout(this.applying);
    this.applying = 0;
    this.arrived = [];
  }

  private connected(isLive: boolean): void {
    if (isLive === this.isLive.value || this.stopped) return;
    this.isLive.value = isLive;
    this.outside.onState(isLive);
  }

  private receive(events: FeedEvent[]): void {
    this.arrived.push(...events);
    const rest = Math.max(0, this.appliedAt + TOGETHER_MS - performance.now());
    this.applying ||= window.setTimeout(this.applyArrived, rest);
  }

  private readonly applyArrived = (): void => {
    const events = this.arrived;
    this.arrived = [];
    this.applying = 0;
    this.appliedAt = performance.now();
    this.meanwhile?.push(...events);
    const before = this.evening.value;
    try {
      if (before) this.take(events.reduce((evening, event) => apply(event, evening), before));
    } catch (error) {
      // The connection goes on behind these events. What could not be applied would be missing for good.
      this.unfollow();
      this.connected(false);
      void this.restartSoon();
      throw error;
    }
  };

  private take(evening: Evening): void {
    if (this.stopped) return;
    this.evening.value = evening;
    this.asOf.value = serviceNow();
    this.storing ||= window.setTimeout(this.store, STORE_MS);
    this.upkeep();
  }

  private readonly store = (): void => {
    window.clearTimeout(this.storing);
    this.storing = 0;
    if (this.evening.value && !this.stopped) storeEvening(this.evening.value, this.asOf.value);
  };

  /** Reads what events did not contain. */
  private upkeep(): void {
    const evening = this.evening.value;
    if (!evening || this.stopped) return;
    if (evening.isStale || evening.stale.length > STALE_MAX) return void this.renew();
    evening.stale.forEach((id) => void this.read(id));
    if (evening.isWaitlistStale) void this.readWaitlist();
  }

  /** One read of each kind at a time; a failed one is repeated. */
  private async once(what: string, read: () => Promise<(evening: Evening) => Evening>): Promise<void> {
    if (this.reading.has(what) || this.stopped) return;
    this.reading.add(what);
    try {
      const change = await read();
      this.reading.delete(what);
      if (this.evening.value) this.take(change(this.evening.value));
    } catch (error) {
      await pause(RETRY_MS);
      this.reading.delete(what);
      if (error instanceof Refused && error.status === 401) return this.outside.onSignedOut();
      this.upkeep();
    }
  }

  read = (id: string) => this.once(id, () => reread(this.evening.value as Evening, id));

  readWaitlist = () => this.once("waitlist", () => rereadWaitlist(this.evening.value as Evening));

  /** Reads everything again beside the feed: rules or closures changed, or a new day began. */
  renew = () =>
    this.once("everything", async () => {
      this.meanwhile = [];
      try {
        const fresh = await snapshot(this.venueId);
        const events = this.meanwhile;
        return (current) => {
          const isKnown = (id: string) => id in fresh.parties || id in fresh.waiting;
          const changes = Object.fromEntries(Object.entries(current.changes).filter(([id]) => isKnown(id)));
          return events.reduce((evening, event) => apply(event, evening), { ...fresh, changes });
        };
      } finally {
        this.meanwhile = null;
      }
    });
}
