// What happened at a stand without a connection: arrivals and departures, replayed in order when it is back.
import type { Evening } from "./evening";

/** An arrival or a departure that the service does not know yet. */
export interface Occurrence {
  /** The key under which a repetition is the same request. */
  key: string;
  reservationId: string;
  action: "check-in" | "complete";
  occurredAt: string;
  /** The person who noted it. */
  staffId: string;
  by: string;
}

/** An occurrence that the service refused, for a person to look at. */
export interface RefusedOccurrence extends Occurrence {
  reason: string;
}

export interface Queue {
  waiting: Occurrence[];
  refused: RefusedOccurrence[];
}

/** Maximum age of an occurrence that the service takes, in minutes. */
export const AGE_MINUTES_MAX = 120;
/** Maximum number of occurrences: an evening has fewer. */
export const OCCURRENCES_MAX = 500;

export const EMPTY: Queue = { waiting: [], refused: [] };

/** `queue` with one more occurrence. The same one is not queued twice. */
export function enqueue(queue: Queue, occurrence: Occurrence): Queue {
  const isKnown = queue.waiting.some(({ reservationId, action }) =>
    reservationId === occurrence.reservationId && action === occurrence.action);
  if (isKnown || queue.waiting.length >= OCCURRENCES_MAX) return queue;
  return { ...queue, waiting: [...queue.waiting, occurrence] };
}

/** `queue` after the occurrence `key` was accepted, or refused for a reason. Later ones of the same party are refused with it. */
export function settle(queue: Queue, key: string, refusal: string | null): Queue {
  const first = queue.waiting.find((one) => one.key === key);
  if (!first) return queue;
  const rest = queue.waiting.filter((one) => one !== first);
  if (refusal === null) return { ...queue, waiting: rest };
  const depends = (next: Occurrence) => next.reservationId === first.reservationId;
  const refused = [first, ...rest.filter(depends)].map((one) => ({ ...one, reason: refusal }));
  return { waiting: rest.filter((next) => !depends(next)), refused: [...queue.refused, ...refused] };
}

/** Whether `occurrence` is too old for the service at `now`. */
export function isTooOld(occurrence: Occurrence, now: number): boolean {
  return now - Date.parse(occurrence.occurredAt) > AGE_MINUTES_MAX * 60_000;
}

/** `queue` with everything reported by `staffId`. */
export function adopt(queue: Queue, staffId: string): Queue {
  return { ...queue, waiting: queue.waiting.map((one) => ({ ...one, staffId })) };
}

/** `evening` with what is noted and not reported yet. */
export function withQueue(evening: Evening, { waiting }: Queue): Evening {
  const parties = { ...evening.parties };
  for (const { reservationId, action } of waiting) {
    const party = parties[reservationId];
    if (party) parties[reservationId] = { ...party, status: action === "check-in" ? "CHECKED_IN" : "COMPLETED" };
  }
  return waiting.length > 0 ? { ...evening, parties } : evening;
}

/** `queue` without what a person has seen. */
export function dismiss(queue: Queue, key: string): Queue {
  return { ...queue, refused: queue.refused.filter((one) => one.key !== key) };
}
