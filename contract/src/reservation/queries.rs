//! The parameters of queries.

use chrono::{DateTime, NaiveDate, Utc};
use events::feed::{LIMIT_EVENTS_MAX, TIMEOUT_MS_MAX};
use events::values::{Locale, PartySize, ReservationCode};
use events::{CustomerId, VenueId};

use super::commands::Minutes;
use super::words::{HistoryFormat, ReservationStatus};
use crate::request::requests;
use crate::values::{AsOf, EventCursor, EventType, Line, VenueTime, Whole};

requests! {
    /// A selection of reservations.
    query SelectReservations {
        /// The status.
        optional status: ReservationStatus,
        /// Reservations of a business day of the venue: an evening that ends after midnight belongs to the day on which it
        /// began.
        optional date: NaiveDate,
        /// Reservations of this business day or a later one.
        optional from_date: NaiveDate,
        /// Reservations of this business day or an earlier one.
        optional to_date: NaiveDate,
        /// Reservations that start at this time or later.
        optional from: VenueTime,
        /// Reservations that start before this time.
        optional to: VenueTime,
        /// The opaque id of the customer, as the caller chose it.
        optional customer_id: CustomerId,
        /// The venue.
        optional venue_id: VenueId,
        /// The short code, in any notation.
        #[example = "7QK2M9"]
        optional code: ReservationCode,
        /// Reservations for which staff have to find a table, or those that need none.
        optional needs_table: bool,
        /// The name of a service. Only with a venue that has services.
        #[example = "Makan malam"]
        optional service: Line<64>,
    }

    /// A search.
    query Search {
        /// Words, each the beginning of a name, a phone number in any notation, an e-mail address, a table, or a code. All must
        /// match. The list is then one page of at most 50 reservations, next visits first.
        #[example = "sari 0812"]
        optional q: Line<100>,
    }

    /// A page of a list.
    query Page {
        /// `next_cursor` of the previous page.
        optional cursor: Line<100>,
        /// The length of the page, 50 by default.
        optional limit: Whole<1, 200>,
    }

    /// The state of a reservation.
    query ReadReservation {
        /// The state at an earlier time, or after the event at a position of the log.
        optional as_of: AsOf,
    }

    /// A time of the past.
    query AsItWas {
        /// The answer as it was at an earlier time, or after the event at a position of the log. Needs the scope `audit`, and a venue that had
        /// rules in the log by then.
        optional as_of: AsOf,
    }

    /// What a receipt proves beside its promises.
    query ReadReceipt {
        /// The number of events in an older checkpoint: the receipt proves that the log still begins with them.
        optional since: Whole<0, 1_000_000_000_000>,
    }

    /// The format of a history.
    query ReadHistory {
        /// By default what `Accept` prefers; `text` is for reading.
        optional format: HistoryFormat,
        /// The language of notes and reasons: a tag for Indonesian or English; English by default.
        #[example = "id"]
        optional lang: Locale,
        /// `next_after` of the previous page: entries after this position.
        optional after: Whole<0, 1_000_000_000_000>,
        /// The length of the page, 200 by default.
        optional limit: Whole<1, 1000>,
    }

    /// A day of a venue.
    query ReadAvailability {
        /// The first venue by default.
        optional venue_id: VenueId,
        /// The business day.
        required date: NaiveDate,
        /// The number of guests.
        required party_size: PartySize,
        /// Only tables in this area.
        optional area: Line<64>,
        /// By default the turn time of a party of that size.
        optional duration_minutes: Minutes,
    }

    /// The floor of a venue.
    query ReadFloor {
        /// The first venue by default.
        optional venue_id: VenueId,
        /// A time, which can be in the future; now by default.
        optional at: VenueTime,
        /// A business day instead of a time: now, if it is today, otherwise the opening of its first service.
        optional date: NaiveDate,
    }

    /// The waitlist of a venue.
    query ListWaitlist {
        /// The first venue by default.
        optional venue_id: VenueId,
    }

    /// A page or a stream of the feed.
    query ReadEvents {
        /// The id of the last event that you have processed.
        #[name = "lastEventId"]
        optional last_event_id: EventCursor,
        /// Milliseconds to wait for an event; 0 by default.
        optional timeout: Whole<0, { TIMEOUT_MS_MAX as i64 }>,
        /// The length of the page, 100 by default.
        optional limit: Whole<1, { LIMIT_EVENTS_MAX as i64 }>,
        /// Only events of this type.
        #[name = "type"]
        optional event_type: EventType,
        /// Only events with this subject: `reservation/<uuid>`, `waitlist/<uuid>` or `venue/<id>`.
        optional subject: Line<80>,
    }

    /// A look into the log.
    query FindEvents {
        /// Events after this position, the first ones. Excludes `before`.
        optional after: Whole<0, 1_000_000_000_000>,
        /// Events before this position, the last ones; by default before the end of the log.
        optional before: Whole<0, 1_000_000_000_000>,
        /// Only events of this type.
        #[name = "type"]
        optional event_type: EventType,
        /// Only events with this subject: `reservation/<uuid>`, `waitlist/<uuid>` or `venue/<id>`.
        optional subject: Line<80>,
        /// Only events of this actor: the id of a credential or of a component, as events name it.
        #[example = "key:97fdf6ce5cbd"]
        optional actor: Line<80>,
        /// Only events that follow from this request.
        optional correlation_id: Line<80>,
        /// Only events of this time or later.
        optional from: DateTime<Utc>,
        /// Only events before this time.
        optional to: DateTime<Utc>,
        /// Maximum number of events, 50 by default.
        optional limit: Whole<1, 500>,
    }
}
