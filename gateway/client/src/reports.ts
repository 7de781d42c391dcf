// Reports of what happened without a connection. They are in the storage of the browser, which all its tabs share.
import { ref } from "vue";
import { Refused, post, type Account } from "./api";
import { serviceNow } from "./clock";
import { OCCURRENCES_MAX, adopt, dismiss, enqueue, isTooOld, settle, type Occurrence, type Queue } from "./state/queue";
import { storeQueue, storedQueue } from "./storage";
import { t } from "./words";

/** Pause before reports that could not be sent are sent again, in milliseconds. */
const RETRY_MS = 10_000;

export class Reports {
  readonly queue;
  private retrying = 0;
  private stopped = false;

  constructor(private readonly venueId: string, private readonly account: Account, private readonly onSignedOut: () => void) {
    this.queue = ref(storedQueue(venueId));
    window.addEventListener("storage", this.reload);
  }

  stop(): void {
    this.stopped = true;
    window.clearTimeout(this.retrying);
    window.removeEventListener("storage", this.reload);
  }

  private readonly reload = (): void => void (this.queue.value = storedQueue(this.venueId));

  /** Changes what is stored, which another tab may have changed meanwhile. */
  private change(how: (queue: Queue) => Queue): void {
    const changed = how(storedQueue(this.venueId));
    storeQueue(this.venueId, changed);
    this.queue.value = changed;
  }

  /** Notes an arrival or a departure that happens now. False if it could not be stored. */
  note(reservationId: string, action: Occurrence["action"]): boolean {
    if (storedQueue(this.venueId).waiting.length >= OCCURRENCES_MAX) return false;
    this.change((queue) => enqueue(queue, {
      key: crypto.randomUUID(), reservationId, action, occurredAt: new Date(serviceNow()).toISOString(),
      staffId: this.account.staff_id, by: this.account.name ?? "",
    }));
    // The storage of a browser can be full.
    return storedQueue(this.venueId).waiting.some((one) => one.reservationId === reservationId && one.action === action);
  }

  dismiss(key: string): void {
    this.change((queue) => dismiss(queue, key));
  }

  /** Reports what another person has noted, as this person. */
  adopt(): void {
    this.change((queue) => adopt(queue, this.account.staff_id));
    void this.send();
  }

  /** Sends the reports of this person in their order. Only one tab does so at a time. */
  async send(): Promise<void> {
    window.clearTimeout(this.retrying);
    if (this.stopped) return;
    await navigator.locks.request(`meja.reports.${this.venueId}`, { ifAvailable: true }, async (lock) => {
      if (!lock) return;
      for (let next = this.next(); next && !this.stopped; next = this.next()) {
        if (!(await this.sendOne(next))) break;
      }
    });
    if (this.next() && !this.stopped) this.retrying = window.setTimeout(() => void this.send(), RETRY_MS);
  }

  private next(): Occurrence | undefined {
    const [first] = storedQueue(this.venueId).waiting;
    return first?.staffId === this.account.staff_id ? first : undefined;
  }

  /** Whether the next one can be sent. */
  private async sendOne(one: Occurrence): Promise<boolean> {
    const path = `/api/reservations/${one.reservationId}/${one.action}`;
    const isOld = isTooOld(one, serviceNow());
    try {
      if (!isOld) await post(path, { occurred_at: one.occurredAt }, { key: one.key });
      this.change((queue) => settle(queue, one.key, isOld ? t("too_old") : null));
      return true;
    } catch (error) {
      if (!(error instanceof Refused) || error.status === 429) return false;
      if (error.status === 401) {
        this.onSignedOut();
        return false;
      }
      this.change((queue) => settle(queue, one.key, error.message));
      return true;
    }
  }
}
