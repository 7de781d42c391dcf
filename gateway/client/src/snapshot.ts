// Reading an evening from the service.
import { get, type components } from "./api";
import { eveningOf, partyOf, waitingOf, type Closure, type Evening, type Floor, type Reservation } from "./state/evening";

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

/** The business day at the venue now. */
export async function businessDay(venueId: string): Promise<string> {
  return (await get<Floor>(`/api/floor?venue_id=${encodeURIComponent(venueId)}`)).date;
}

/** `evening` with one reservation read again; without it, if it belongs to another day now. */
export async function reread(evening: Evening, id: string, code: string): Promise<(current: Evening) => Evening> {
  const list = await get<Schemas["ReservationList"]>(
    `/api/reservations?venue_id=${encodeURIComponent(evening.venueId)}&code=${code}&limit=10`,
  );
  const view = list.items.find((item) => item.reservation_id === id);
  return (current) => {
    const stale = current.stale.filter((one) => one !== id);
    const known = current.parties[id];
    // An event that came meanwhile is newer than what was read.
    if (!view || (known && known.version > view.version)) return { ...current, stale };
    return { ...current, stale, parties: { ...current.parties, [id]: partyOf(view, known) } };
  };
}

/** `evening` with the waitlist read again. */
export async function rereadWaitlist(evening: Evening): Promise<(current: Evening) => Evening> {
  const list = await get<Schemas["Waitlist"]>(`/api/waitlist?venue_id=${encodeURIComponent(evening.venueId)}`);
  return (current) => {
    const waiting = Object.fromEntries(list.items.map((view) => [view.waitlist_id, waitingOf(view)]));
    return { ...current, waiting, isWaitlistStale: false };
  };
}
