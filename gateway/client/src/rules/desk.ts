// The rules that a manager edits: reading, checking and saving them.
import { ref, shallowRef, watch, type Ref } from "vue";
import { Refused, request, type Response, type components } from "../api";
import { canonical, opened, tidied, type Rules } from "./document";
import { faultsOf, type Fault } from "./faults";

export type Preview = components["schemas"]["RulesAnswer"];

/** Where the rules are: in the editor, or why they are not. */
export type Place = "reading" | "editor" | "unanswered" | "signed_out" | "forbidden" | "unknown";

/** What became of the last request. */
export type Notice = "saved" | "again" | "unanswered" | "faults" | "refused" | null;

const isSame = (one: Rules, other: Rules) => canonical(tidied(one)) === canonical(tidied(other));

export class RulesDesk {
  readonly place = ref<Place>("reading");
  /** The rules as they are in the editor. */
  readonly rules: Ref<Rules | null> = ref(null);
  /** The rules as the service has them. */
  readonly stored: Ref<Rules | null> = shallowRef(null);
  /** Rules that another person saved meanwhile, with their tag. */
  readonly other = shallowRef<{ rules: Rules; tag: string | null } | null>(null);
  readonly faults = ref<Fault[]>([]);
  /** What saving would do; null after every change. */
  readonly preview = shallowRef<Preview | null>(null);
  readonly notice = ref<Notice>(null);
  readonly refusal = ref("");
  readonly isBusy = ref(false);
  private tag: string | null = null;
  /** Rules that were sent to be saved, without an answer. */
  private unanswered: Rules | null = null;

  constructor(readonly venueId: string) {
    watch(this.rules, () => this.changed(), { deep: true, flush: "sync" });
  }

  /** The rules in the editor are others now: what was said about the earlier ones does not count. */
  private changed(): void {
    this.preview.value = null;
    if (this.notice.value === "saved") this.notice.value = null;
  }

  get isChanged(): boolean {
    const [now, stored] = [this.rules.value, this.stored.value];
    return now !== null && stored !== null && !isSame(now, stored);
  }

  async read(): Promise<void> {
    this.place.value = "reading";
    try {
      const { body, tag } = await this.request<Rules>("GET", "");
      this.take(body, tag);
      this.place.value = "editor";
    } catch (error) {
      this.place.value = error instanceof Refused ? placeAfter(error.status) : "unanswered";
    }
  }

  /** Asks what saving would do. Nothing is saved. */
  async check(): Promise<void> {
    await this.put(true, ({ body: preview }, sent) => {
      // An answer about rules that changed meanwhile says nothing about those in the editor.
      if (this.isIn(sent)) this.preview.value = preview;
    });
  }

  async save(): Promise<void> {
    await this.put(false, ({ body: preview, tag }, sent) => {
      // What was typed meanwhile stays, and is not saved yet.
      if (!this.isIn(sent)) return void ([this.stored.value, this.tag] = [sent, tag]);
      this.take(sent, tag);
      [this.notice.value, this.preview.value] = ["saved", preview];
    });
  }

  private isIn(rules: Rules): boolean {
    return this.rules.value !== null && isSame(this.rules.value, rules);
  }

  /** Gives up the changes, in favour of the rules that another person saved if there are any. */
  discard(): void {
    if (this.other.value) this.take(this.other.value.rules, this.other.value.tag);
    else if (this.stored.value) this.take(this.stored.value, this.tag);
  }

  /** Keeps the changes, which replace the rules that another person saved once they are saved. */
  keepMine(): void {
    if (!this.other.value) return;
    [this.stored.value, this.tag] = [this.other.value.rules, this.other.value.tag];
    [this.other.value, this.preview.value] = [null, null];
  }

  /** Puts a whole document into the editor. */
  replace(rules: Rules): void {
    this.rules.value = opened(rules);
  }

  private take(rules: Rules, tag: string | null): void {
    [this.stored.value, this.rules.value, this.tag] = [tidied(rules), opened(tidied(rules)), tag];
    [this.other.value, this.faults.value, this.notice.value] = [null, [], null];
  }

  private request<T>(method: string, query: string, body?: Rules): Promise<Response<T>> {
    const options = body ? { body, tag: this.tag } : {};
    return request<T>(method, `/api/venues/${encodeURIComponent(this.venueId)}/rules${query}`, options);
  }

  private async put(isDry: boolean, done: (answer: Response<Preview>, sent: Rules) => void): Promise<void> {
    if (this.isBusy.value || !this.rules.value) return;
    const sent = tidied(this.rules.value);
    [this.isBusy.value, this.notice.value, this.faults.value] = [true, null, []];
    try {
      done(await this.request<Preview>("PUT", isDry ? "?dry_run=true" : "", sent), sent);
    } catch (error) {
      if (!(error instanceof Refused)) {
        this.notice.value = "unanswered";
        if (!isDry) this.unanswered = sent;
      } else if (error.status === 412) await this.compare().catch(() => (this.notice.value = "unanswered"));
      else if (error.status === 401) this.place.value = "signed_out";
      else {
        this.faults.value = faultsOf(error.problem);
        [this.notice.value, this.refusal.value] = [this.faults.value.length > 0 ? "faults" : "refused", error.message];
      }
    } finally {
      this.isBusy.value = false;
    }
  }

  /** The rules have another version: they were saved by another person, or by an own request whose answer was lost. */
  private async compare(): Promise<void> {
    const { body, tag } = await this.request<Rules>("GET", "");
    if (this.isIn(body)) {
      this.take(body, tag);
      this.notice.value = "saved";
    } else if (this.unanswered && isSame(body, this.unanswered)) {
      // What was sent was saved. What was typed after that is based on it.
      [this.stored.value, this.tag, this.notice.value] = [tidied(body), tag, "again"];
    } else this.other.value = { rules: body, tag };
    this.unanswered = null;
  }
}

function placeAfter(status: number): Place {
  const places: Partial<Record<number, Place>> = { 401: "signed_out", 403: "forbidden", 404: "unknown" };
  return places[status] ?? "unanswered";
}
