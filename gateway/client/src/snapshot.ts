// Reading an evening from the service.
import { get, type components } from "./api";
import { positionOf } from "./state/apply";
import { codeOf } from "./state/code";
import {
  eveningOf, isOn, partyOf, rulesOf, waitingOf, type Closure, type Evening, type Floor, type Reservation,
} from "./state/evening";

type Schemas = components["schemas"];

/** Bookings of one request. */
const PAGE = 200;
/** Maximum number of bookings of an evening. */
const PARTIES_MAX = 5_000;

/** The evening of the venue as it is now. */
export async function snapshot(venueId: string): Promise<Evening> {
  const venue = `venue_id=${encodeURIComponent(venueId)}`;
  // The date and the zone first: the business day is the venue's, never the browser's.
  const [{ date }, { timezone: zone }] = await Promise.all([
    get<Floor>(`/api/floor?${venue}`),
    get<Schemas["VenueView"]>(`/api/venues/${encodeURIComponent(venueId)}`),
  ]);
  const reservations: Reservation[] = [];
  // The cursor of the first answer: everything that is read later contains at least as much.
  let cursor: string | null = null;
  for (let page: string | null = ""; page !== null && reservations.length < PARTIES_MAX;) {
    const list: Schemas["ReservationList"] = await get(
      `/api/reservations?${venue}&date=${date}&limit=${PAGE}${page ? `&cursor=${page}` : ""}`,
    );
    if (page === "") cursor = list.feed_cursor ?? null;
    reservations.push(...list.items);
    page = list.next_cursor ?? null;
  }
  const [waitlist, closures] = await Promise.all([
    get<Schemas["Waitlist"]>(`/api/waitlist?${venue}`),
    get<Schemas["ClosureList"]>(`/api/venues/${encodeURIComponent(venueId)}/closures`),
  ]);
  // Last: its position says which events the snapshot may contain.
  const floor = await get<Floor>(`/api/floor?${venue}`);
  return eveningOf({ venueId, zone, floor, reservations, waitlist: waitlist.items, closures: closures.items as Closure[], cursor });
}

/** The business day at the venue now, and its tables and services as a text to compare. */
export async function businessDay(venueId: string): Promise<{ date: string; rules: string }> {
  const floor = await get<Floor>(`/api/floor?venue_id=${encodeURIComponent(venueId)}`);
  return { date: floor.date, rules: rulesOf(floor) };
}

/** Whether an answer with `cursor` contains every event that `evening` contains. */
function isCurrent(cursor: string | null | undefined, evening: Evening): boolean {
  return !evening.cursor || (cursor !== null && cursor !== undefined && positionOf(cursor) >= positionOf(evening.cursor));
}

/** Reads one reservation again. An answer that an event overtook counts for nothing, and it is read once more. */
export async function reread({ venueId }: Evening, id: string): Promise<(current: Evening) => Evening> {
  const list = await get<Schemas["ReservationList"]>(
    `/api/reservations?venue_id=${encodeURIComponent(venueId)}&code=${codeOf(id)}&limit=10`,
  );
  const view = list.items.find((item) => item.reservation_id === id);
  return (current) => {
    if (!isCurrent(list.feed_cursor, current)) return current;
    const stale = current.stale.filter((one) => one !== id);
    const { [id]: _, ...others } = current.parties;
    const belongs = view && (isOn(current, view.start_time) || view.status === "CHECKED_IN");
    return { ...current, stale, parties: belongs ? { ...others, [id]: partyOf(view) } : others };
  };
}

/** Reads the waitlist again. */
export async function rereadWaitlist({ venueId }: Evening): Promise<(current: Evening) => Evening> {
  const list = await get<Schemas["Waitlist"]>(`/api/waitlist?venue_id=${encodeURIComponent(venueId)}`);
  return (current) => {
    if (!isCurrent(list.feed_cursor, current)) return current;
    const waiting = Object.fromEntries(list.items.map((view) => [view.waitlist_id, waitingOf(view)]));
    return { ...current, waiting, isWaitlistStale: false };
  };
}
