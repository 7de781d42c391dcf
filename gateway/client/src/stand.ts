// One stand: the evening, the connection, and the commands that are under way. Components read it and call it.
import { computed, ref, shallowRef, type Ref } from "vue";
import { Refused, Unreachable, post, request, type Account, type Approval, type Problem, type Stand as Device } from "./api";
import { Live } from "./live";
import { businessDay, reread, rereadWaitlist, snapshot } from "./snapshot";
import { apply, type FeedEvent } from "./state/apply";
import { codeOf } from "./state/code";
import type { Change, Evening, Party } from "./state/evening";
import { dismiss, enqueue, isTooOld, settle, type Occurrence } from "./state/queue";
import { storeEvening, storeQueue, storedEvening, storedQueue } from "./storage";
import { fill, t } from "./words";

/** How often the clock on the screen moves, in milliseconds. */
const TICK_MS = 10_000;
/** How often the stand asks whether a new business day has begun, in milliseconds. */
const DAY_CHECK_MS = 300_000;
/** How long a change may take to come back through the feed, in milliseconds. Then it is read. */
const ECHO_MS = 2_000;
/** How long what was done can be undone on the notice, in milliseconds. */
const NOTICE_MS = 15_000;

/** A command that a person gives. */
export interface Deed {
  /** The party it is about, for the sign that it is under way. */
  id: string;
  /** What was done, in words: "Sari W. is seated at T3". */
  said: string;
  path: string;
  body?: unknown;
  /** Takes it back, if that is possible. */
  undo?: () => Promise<void>;
  /** The version that it is based on; `null` for a new booking. */
  version: number | null;
  /** The table that it takes: a refusal says who has it. */
  table?: string;
  /** Another table can be chosen instead. */
  withTable?: (table: string) => Deed | null;
  /** The same with the override of a rule. */
  canOverride?: boolean;
  /** What follows it, with the response. */
  then?: (answer: unknown) => Promise<void>;
}

export interface Notice {
  text: string;
  undo: (() => Promise<void>) | null;
}

/** A question to a person after a refusal. */
export type Question =
  | { kind: "refused"; deed: Deed; problem: Problem }
  | { kind: "changed"; deed: Deed; changes: Change[]; version: number }
  | { kind: "approve"; deed: Deed; override: string | null; isWrong: boolean }
  | { kind: "unknown"; deed: Deed };

export class Stand {
  readonly evening = shallowRef<Evening | null>(null);
  readonly now = ref(Date.now());
  readonly isLive = ref(false);
  /** When the evening was current last, in milliseconds since 1970. */
  readonly asOf = ref(0);
  readonly pending = ref(new Set<string>());
  readonly notice = shallowRef<Notice | null>(null);
  readonly question = shallowRef<Question | null>(null);
  /** What a screen reader says. */
  readonly heard = ref("");
  readonly queue: Ref<ReturnType<typeof storedQueue>>;
  readonly names = computed(() => {
    const people = this.device?.people ?? [];
    const pairs = people.map(({ staff_id, name }): [string, string] => [staff_id, name]);
    return new Map([...pairs, [this.account.staff_id, this.account.name ?? ""]]);
  });

  private live: Live | null = null;
  private timers: number[] = [];
  private noticeTimer = 0;
  private offset = 0;
  private isReplaying = false;
  private onLost: () => void;

  constructor(readonly venueId: string, readonly account: Account, readonly device: Device | null, onLost: () => void) {
    this.onLost = onLost;
    this.queue = ref(storedQueue(venueId));
  }

  /** Shows what is stored, then what is current, and follows it. */
  async start(): Promise<void> {
    const stored = storedEvening(this.venueId, Date.now());
    if (stored) {
      this.evening.value = stored.evening;
      this.asOf.value = stored.at;
    }
    this.timers.push(
      window.setInterval(() => (this.now.value = Date.now() + this.offset), TICK_MS),
      window.setInterval(() => void this.checkDay(), DAY_CHECK_MS),
    );
    window.addEventListener("online", this.wake);
    window.addEventListener("offline", this.cut);
    document.addEventListener("visibilitychange", this.wake);
    if (this.device) void this.sayPresent();
    await this.restart();
  }

  stop(): void {
    this.live?.stop();
    this.timers.forEach((timer) => window.clearInterval(timer));
    window.clearTimeout(this.noticeTimer);
    window.removeEventListener("online", this.wake);
    window.removeEventListener("offline", this.cut);
    document.removeEventListener("visibilitychange", this.wake);
  }

  private readonly cut = (): void => this.live?.cut();

  private readonly wake = (): void => {
    this.now.value = Date.now() + this.offset;
    this.live?.retry();
    void this.checkDay();
  };

  /** Takes a new snapshot and follows the feed behind it. Tries again until it succeeds. */
  private async restart(): Promise<void> {
    this.live?.stop();
    this.live = null;
    for (;;) {
      try {
        this.take(await snapshot(this.venueId));
        break;
      } catch (error) {
        this.isLive.value = false;
        if (error instanceof Refused && error.status !== 429) return this.onLost();
        await new Promise((done) => window.setTimeout(done, ECHO_MS));
      }
    }
    this.live = new Live({
      venueId: this.venueId,
      cursor: () => this.evening.value?.cursor ?? null,
      onEvents: (events) => this.receive(events),
      onState: (isLive) => this.connected(isLive),
      onLost: () => void this.restart(),
    });
  }

  private connected(isLive: boolean): void {
    if (isLive !== this.isLive.value) this.heard.value = t(isLive ? "live_again" : "not_live");
    this.isLive.value = isLive;
    if (isLive) {
      this.asOf.value = Date.now();
      void this.replay();
    }
  }

  private receive(events: FeedEvent[]): void {
    const before = this.evening.value;
    if (before) this.take(events.reduce((evening, event) => apply(event, evening), before));
  }

  private take(evening: Evening): void {
    this.evening.value = evening;
    this.asOf.value = Date.now();
    this.now.value = Date.now() + this.offset;
    storeEvening(evening, this.asOf.value);
    if (evening.isStale) void this.renew();
    for (const id of evening.stale) void this.read(id);
    if (evening.isWaitlistStale) void this.readWaitlist();
  }

  private readonly reading = new Set<string>();

  private async once(what: string, read: () => Promise<(evening: Evening) => Evening>): Promise<void> {
    if (this.reading.has(what)) return;
    this.reading.add(what);
    try {
      const change = await read();
      this.reading.delete(what);
      if (this.evening.value) this.take(change(this.evening.value));
    } catch {
      this.reading.delete(what);
    }
  }

  private async read(id: string): Promise<void> {
    await this.once(id, () => reread(this.evening.value as Evening, id, codeOf(id)));
  }

  private async readWaitlist(): Promise<void> {
    await this.once("waitlist", () => rereadWaitlist(this.evening.value as Evening));
  }

  /** Reads everything again without losing the feed: rules or closures changed. */
  private async renew(): Promise<void> {
    await this.once("everything", async () => {
      const fresh = await snapshot(this.venueId);
      return (current) => ({ ...fresh, changes: current.changes });
    });
  }

  private async checkDay(): Promise<void> {
    try {
      const date = await businessDay(this.venueId);
      if (this.evening.value && date !== this.evening.value.date) await this.renew();
    } catch {
      // The next check, or the feed, says it.
    }
  }

  /** A device says that it is there, so that nobody who arrives meanwhile becomes a no-show. */
  private async sayPresent(): Promise<void> {
    let seconds = 30;
    try {
      const { body } = await request<{ at: string; repeat_after_seconds: number }>("POST", "/api/stand/presence", { body: {} });
      seconds = body.repeat_after_seconds;
      this.offset = Date.parse(body.at) - Date.now();
      this.now.value = Date.now() + this.offset;
    } catch (error) {
      if (error instanceof Refused && error.status === 401) this.onLost();
    }
    this.timers.push(window.setTimeout(() => void this.sayPresent(), seconds * 1_000));
  }

  /** Does `deed`, and asks a person if the service refuses it. */
  async act(deed: Deed, options: { approval?: Approval | undefined; override?: string | null } = {}): Promise<boolean> {
    if (this.pending.value.has(deed.id)) return false;
    this.mark(deed.id, true);
    const body = options.override ? { ...(deed.body as object), override: { reason_code: options.override } } : deed.body;
    try {
      const version = deed.version === null ? {} : { version: deed.version };
      const answer = await post<{ version?: number }>(deed.path, body, {
        ...version, key: crypto.randomUUID(), approval: options.approval,
      });
      this.question.value = null;
      await this.echo(deed.id, answer?.version ?? 0);
      this.mark(deed.id, false);
      if (deed.then) await deed.then(answer);
      else this.say(deed.said, deed.undo ?? null);
      return true;
    } catch (error) {
      this.mark(deed.id, false);
      await this.ask(deed, error, options.override ?? null);
      return false;
    }
  }

  private async ask(deed: Deed, error: unknown, override: string | null): Promise<void> {
    if (error instanceof Refused) {
      const isWrong = error.code === "approval_failed";
      if (error.status === 401 && !isWrong) return this.onLost();
      if (isWrong || error.code === "scope_missing") this.question.value = { kind: "approve", deed, override, isWrong };
      else if (error.status === 412) {
        const version = error.problem.current_version ?? 0;
        await this.echo(deed.id, version);
        const changes = (this.evening.value?.changes[deed.id] ?? []).slice(-Math.max(1, version - (deed.version ?? 0)));
        this.question.value = { kind: "changed", deed, changes, version };
      } else this.question.value = { kind: "refused", deed, problem: error.problem };
      this.heard.value = error.message;
    } else if (error instanceof Unreachable) {
      this.question.value = { kind: "unknown", deed };
      this.heard.value = t("unknown_outcome");
    } else throw error;
  }

  /** Waits until the feed has brought the party to `version`; reads it if the feed does not. */
  private async echo(id: string, version: number): Promise<void> {
    const isThere = () => (this.evening.value?.parties[id] ?? this.evening.value?.waiting[id])?.version ?? Infinity;
    const end = Date.now() + ECHO_MS;
    while (isThere() < version && Date.now() < end) await new Promise((done) => window.setTimeout(done, 20));
    if (isThere() < version) await Promise.all([this.read(id), this.readWaitlist()]);
  }

  private mark(id: string, isPending: boolean): void {
    const pending = new Set(this.pending.value);
    if (isPending) pending.add(id);
    else pending.delete(id);
    this.pending.value = pending;
  }

  say(text: string, undo: (() => Promise<void>) | null = null): void {
    this.notice.value = { text, undo };
    this.heard.value = text;
    window.clearTimeout(this.noticeTimer);
    this.noticeTimer = window.setTimeout(() => (this.notice.value = null), NOTICE_MS);
  }

  /** An arrival or a departure without a connection: it waits, and is reported when the connection is back. */
  queueUp(party: Party, action: Occurrence["action"]): void {
    const occurredAt = new Date(Date.now() + this.offset).toISOString();
    const occurrence = {
      key: crypto.randomUUID(), reservationId: party.id, action, occurredAt, by: this.account.name ?? "",
    };
    this.keepQueue(enqueue(this.queue.value, occurrence));
    this.say(fill("queued", { name: party.name ?? party.code }));
  }

  private keepQueue(queue: typeof this.queue.value): void {
    this.queue.value = queue;
    storeQueue(this.venueId, queue);
  }

  dismissRefusal(key: string): void {
    this.keepQueue(dismiss(this.queue.value, key));
  }

  /** Reports what happened without a connection, in its order. */
  private async replay(): Promise<void> {
    if (this.isReplaying) return;
    this.isReplaying = true;
    try {
      for (let next = this.queue.value.waiting[0]; next; next = this.queue.value.waiting[0]) {
        if (isTooOld(next, Date.now() + this.offset)) {
          this.keepQueue(settle(this.queue.value, t("too_old")));
          continue;
        }
        const path = `/api/reservations/${next.reservationId}/${next.action}`;
        try {
          await post(path, { occurred_at: next.occurredAt }, { key: next.key });
          this.keepQueue(settle(this.queue.value, null));
        } catch (error) {
          if (!(error instanceof Refused)) return;
          if (error.status === 401) return this.onLost();
          if (error.status === 429) return;
          this.keepQueue(settle(this.queue.value, error.message));
        }
      }
    } finally {
      this.isReplaying = false;
    }
  }
}

