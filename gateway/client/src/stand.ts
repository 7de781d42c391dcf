// One stand: the evening, the signed-in person, and the commands under way. Components read it and call it.
import { computed, ref, shallowRef } from "vue";
import { Refused, Unreachable, request, type Account, type Approval, type Problem, type Stand as Device } from "./api";
import { observe, pause, serviceNow } from "./clock";
import { EveningFeed } from "./feed";
import { nameOf } from "./naming";
import { Reports } from "./reports";
import { businessDay } from "./snapshot";
import type { Change, Party } from "./state/evening";
import { withQueue, type Occurrence } from "./state/queue";
import { fill, t } from "./words";

/** How often the clock on the screen moves, in milliseconds. */
const TICK_MS = 10_000;
/** How often the stand asks whether a new business day has begun or the rules have changed, in milliseconds. */
const DAY_CHECK_MS = 300_000;
/** How long a change may take to come back through the feed, in milliseconds. Then it is read. */
const ECHO_MS = 2_000;
/** How long what was done can be undone on the notice, in milliseconds. */
const NOTICE_MS = 15_000;
/** Pause before the account is asked for again after a failure, in milliseconds. */
const REPORT_RETRY_MS = 5_000;

/** A command that a person gives. */
export interface Deed {
  /** The party it is about, for the sign that it is under way. */
  id: string;
  /** What was done, in words: "Sari W. is seated at T3". */
  said: string;
  path: string;
  method?: "POST" | "PATCH";
  body?: unknown;
  /** Takes it back, if that is possible. */
  undo?: () => Promise<boolean>;
  /** The version that it is based on; `null` for a new booking. */
  version: number | null;
  /** The table that the command takes. A refusal names the party at that table. */
  table?: string;
  /** Another table can be chosen instead. */
  withTable?: (table: string) => Deed | null;
  /** A rule that refuses it can be overruled. */
  canOverride?: boolean;
  /** What follows it, with the response. */
  then?: (answer: unknown) => Promise<void>;
}

/** The representation that a command answers: of a reservation, of a waiting party, or of something else. */
interface Answer {
  reservation_id?: string | null;
  waitlist_id?: string;
  version?: number;
}

/** How a command is sent. */
export interface Sending {
  /** The PIN of a manager. */
  approval?: Approval | undefined;
  /** The reason to overrule a rule. */
  override?: string | undefined;
  /** The key of the attempt before, so that nothing happens twice. */
  key?: string;
}

export interface Notice {
  text: string;
  undo: (() => Promise<boolean>) | null;
}

/** A question to a person after a refusal. */
export type Question = { deed: Deed; sending: Sending } & (
  | { kind: "refused"; problem: Problem; text: string }
  | { kind: "changed"; changes: Change[]; version: number }
  | { kind: "approve"; isWrong: boolean }
  | { kind: "unknown" });

export class Stand {
  readonly now = ref(serviceNow());
  readonly pending = ref(new Set<string>());
  readonly notice = shallowRef<Notice | null>(null);
  readonly question = shallowRef<Question | null>(null);
  /** What a screen reader says. */
  readonly heard = ref("");
  readonly names = computed(() => {
    const people = (this.device?.people ?? []).map(({ staff_id, name }): [string, string] => [staff_id, name]);
    const self: [string, string][] = this.account.staff_id ? [[this.account.staff_id, this.account.name ?? ""]] : [];
    return new Map([...people, ...self]);
  });
  /** The evening with what was noted without a connection. */
  readonly shown = computed(() => this.evening.value && withQueue(this.evening.value, this.reports.queue.value));
  readonly feed: EveningFeed;
  readonly reports: Reports;

  private timers: number[] = [];
  private wasLive = false;
  private presenceTimer = 0;
  private reportTimer = 0;
  private noticeTimer = 0;
  private stopped = false;

  constructor(
    readonly venueId: string, readonly account: Account, readonly device: Device | null,
    private readonly outside: { onSignedOut: () => void; onNoVenue: () => void },
  ) {
    const onSignedOut = () => this.signedOut();
    this.reports = new Reports(venueId, account, onSignedOut);
    this.feed = new EveningFeed(venueId, account.staff_id ?? "", {
      onState: (isLive) => this.connected(isLive),
      onSignedOut,
      onNoVenue: () => this.stopped || outside.onNoVenue(),
      // The evening was opened without an answer about the person.
      onStarted: () => this.identified(),
    });
  }

  get evening() {
    return this.feed.evening;
  }

  get isLive() {
    return this.feed.isLive;
  }

  get asOf() {
    return this.feed.asOf;
  }

  start(): void {
    this.timers.push(
      window.setInterval(() => (this.now.value = serviceNow()), TICK_MS),
      window.setInterval(() => void this.checkDay(), DAY_CHECK_MS),
    );
    document.addEventListener("visibilitychange", this.wake);
    if (this.device) void this.sayPresent();
    void this.feed.start();
  }

  stop(): void {
    this.stopped = true;
    this.feed.stop();
    this.reports.stop();
    this.timers.forEach((timer) => window.clearInterval(timer));
    window.clearTimeout(this.presenceTimer);
    window.clearTimeout(this.reportTimer);
    window.clearTimeout(this.noticeTimer);
    document.removeEventListener("visibilitychange", this.wake);
  }

  /** The session ended. Another person may use the screen next, so the guests are forgotten. */
  private signedOut(): void {
    if (this.stopped) return;
    this.feed.forget();
    this.stop();
    this.outside.onSignedOut();
  }

  /** The service answers again, so the session can be read. */
  private identified(): void {
    if (this.stopped || this.account.staff_id) return;
    this.stop();
    this.outside.onSignedOut();
  }

  private readonly wake = (): void => {
    if (document.visibilityState === "hidden") return;
    this.now.value = serviceNow();
    void this.checkDay();
  };

  private connected(isLive: boolean): void {
    // The first connection is no news.
    if (this.wasLive || !isLive) this.heard.value = t(isLive ? "live_again" : "not_live");
    this.wasLive ||= isLive;
    if (isLive) void this.report();
  }

  /** Reports what was noted, unless another person has signed in meanwhile: the tabs of a browser share the session. */
  private async report(): Promise<void> {
    window.clearTimeout(this.reportTimer);
    try {
      const { body } = await request<Account>("GET", "/api/account");
      if (body.staff_id !== this.account.staff_id) return this.signedOut();
      await this.reports.send();
    } catch (error) {
      if (error instanceof Refused && error.status === 401) return this.signedOut();
      // The feed may be there before other requests get through. A feed that ends calls again when it is back.
      if (this.isLive.value && !this.stopped) this.reportTimer = window.setTimeout(() => void this.report(), REPORT_RETRY_MS);
    }
  }

  private async checkDay(): Promise<void> {
    try {
      const found = await businessDay(this.venueId);
      const evening = this.evening.value;
      if (evening && (found.date !== evening.date || found.rules !== evening.rules)) await this.feed.renew();
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
      observe(Date.parse(body.at));
    } catch (error) {
      if (error instanceof Refused && error.status === 401) return this.signedOut();
    }
    if (!this.stopped) this.presenceTimer = window.setTimeout(() => void this.sayPresent(), seconds * 1_000);
  }

  /** Does `deed`, and asks a person if the service refuses it. Returns whether it was done. */
  async act(deed: Deed, sending: Sending = {}): Promise<boolean> {
    if (this.pending.value.has(deed.id)) return false;
    this.mark(deed.id, true);
    this.notice.value = null;
    const { approval, override, key = crypto.randomUUID() } = sending;
    const body = override ? { ...(deed.body as object), override: { reason_code: override } } : (deed.body ?? {});
    const version = deed.version === null ? {} : { version: deed.version };
    try {
      const { body: answer } = await request<Answer | null>(
        deed.method ?? "POST", deed.path, { body, ...version, key, approval },
      );
      this.question.value = null;
      const id = answer?.reservation_id ?? answer?.waitlist_id;
      if (id) await this.echo(id, answer?.version ?? 0);
      this.mark(deed.id, false);
      if (deed.then) await deed.then(answer);
      else this.say(deed.said, deed.undo ?? null);
      return true;
    } catch (error) {
      this.mark(deed.id, false);
      await this.ask(deed, { ...sending, key }, error);
      return false;
    }
  }

  private async ask(deed: Deed, sending: Sending, error: unknown): Promise<void> {
    if (error instanceof Unreachable) {
      this.question.value = { kind: "unknown", deed, sending };
      this.heard.value = t("unknown_outcome");
      return;
    }
    if (!(error instanceof Refused)) throw error;
    const isWrong = error.code === "approval_failed";
    if (error.status === 401 && !isWrong) return this.signedOut();
    // A refused request is not repeated under its key.
    const { approval, override } = sending;
    const again = { approval, override };
    if (isWrong || error.code === "scope_missing") this.question.value = { kind: "approve", deed, sending: again, isWrong };
    else if (error.status === 412) {
      const version = error.problem.current_version ?? 0;
      await this.echo(deed.id, version);
      const changes = (this.evening.value?.changes[deed.id] ?? []).slice(-Math.max(1, version - (deed.version ?? 0)));
      this.question.value = { kind: "changed", deed, sending: again, changes, version };
    } else this.question.value = { kind: "refused", deed, sending: again, problem: error.problem, text: error.message };
    this.heard.value = error.message;
  }

  /** Waits until the feed has brought the party to `version`; reads it if the feed does not. */
  private async echo(id: string, version: number): Promise<void> {
    // A new booking is not known yet; one of another day never is, and the wait ends.
    const known = () => (this.evening.value?.parties[id] ?? this.evening.value?.waiting[id])?.version ?? 0;
    const end = Date.now() + ECHO_MS;
    while (known() < version && Date.now() < end) await pause(20);
    if (known() < version) await Promise.all([this.feed.read(id), this.feed.readWaitlist()]);
  }

  private mark(id: string, isPending: boolean): void {
    const pending = new Set(this.pending.value);
    if (isPending) pending.add(id);
    else pending.delete(id);
    this.pending.value = pending;
  }

  say(text: string, undo: (() => Promise<boolean>) | null = null): void {
    this.notice.value = { text, undo };
    this.heard.value = text;
    window.clearTimeout(this.noticeTimer);
    this.noticeTimer = window.setTimeout(() => (this.notice.value = null), NOTICE_MS);
  }

  /** An arrival or a departure without a connection: it waits, and is reported when the connection is back. */
  noteDown(party: Party, action: Occurrence["action"]): void {
    const isNoted = this.reports.note(party.id, action);
    this.say(fill(isNoted ? "queued" : "queue_full", { name: nameOf(party) }));
  }
}
