//! Requests to book and to change a reservation.

use chrono::{DateTime, Utc};
use events::event::UndoneChange;
use events::values::{Initiator, Locale, PartySize};
use events::{CustomerId, ReservationId, TableId, VenueId, WaitlistId};

use super::contact::{ContactInfo, CorrectContact, WaitingContact};
use super::overrides::Override;
use crate::request::requests;
use crate::values::{Code, Line, List, Prose, ReasonCode, VenueTime, Whole, Word};

/// The length of a stay, in minutes.
pub type Minutes = Whole<15, 480>;

/// A number of high chairs.
pub type HighChairs = Whole<0, 20>;

/// A wait that is quoted to a party, in minutes.
pub type QuotedMinutes = Whole<0, 360>;

requests! {
    /// A booking.
    body CreateReservation {
        /// An opaque id of the customer. It is published in events and cannot be erased: do not use a name, a phone
        /// number or an e-mail address.
        #[example = "cust-42"]
        required customer_id: CustomerId,
        /// The contact of the guest.
        required contact_info: ContactInfo,
        /// RFC 3339; without an offset, local time of the venue. Not in the past and at most 365 days ahead.
        #[example = "2026-12-24T19:30"]
        required start_time: VenueTime,
        /// By default the turn time of the venue for a party of that size, otherwise 90.
        optional duration_minutes: Minutes,
        /// 2 by default.
        #[example = 4]
        optional party_size: PartySize,
        /// The first venue by default.
        #[example = "bandung-dago"]
        optional venue_id: VenueId,
        /// Only tables in this area. Not for venues that are managed by hand.
        #[example = "Teras"]
        optional area: Line<64>,
        /// The preferred table, in the words of the guest.
        optional table_preference: Line<64>,
        /// Special requests, in the words of the guest.
        optional special_requests: Prose<500>,
        /// Allergies and other things that a guest cannot eat.
        #[example = "kacang"]
        optional allergies: Prose<500>,
        /// The number of high chairs.
        #[example = 1]
        optional high_chairs: HighChairs,
        /// One of the notifier's payment channels.
        #[example = "qris"]
        optional payment_channel: Code<32>,
        /// The language of messages: a tag for Indonesian or English.
        #[example = "id"]
        optional locale: Locale,
        /// For staff: book although the same phone number or e-mail address has a booking at that time.
        optional allow_duplicate: bool,
        /// Rules of the venue that do not count: pacing, the booking window, the size of tables, tables for walk-ins. A
        /// table that is taken and the opening hours always count.
        #[name = "override"]
        optional overrule: Override,
    }

    /// A walk-in.
    body WalkIn {
        /// The number of guests.
        #[example = 2]
        required party_size: PartySize,
        /// The first venue by default.
        #[example = "bandung-dago"]
        optional venue_id: VenueId,
        /// Only tables in this area.
        #[example = "Teras"]
        optional area: Line<64>,
        /// An opaque id of the customer. It is published in events and cannot be erased: do not use a name, a phone
        /// number or an e-mail address. `walk-in` by default.
        optional customer_id: CustomerId,
        /// The guest's name.
        optional name: Line<120>,
        /// By default the turn time of the venue for a party of that size.
        optional duration_minutes: Minutes,
        /// Rules of the venue that do not count: pacing, the booking window, the size of tables, tables for walk-ins. A
        /// table that is taken and the opening hours always count.
        #[name = "override"]
        optional overrule: Override,
    }

    /// A request to join a waitlist.
    body JoinWaitlist {
        /// An opaque id of the customer. It is published in events and cannot be erased: do not use a name, a phone
        /// number or an e-mail address.
        #[example = "cust-42"]
        required customer_id: CustomerId,
        /// The contact of the guest.
        required contact_info: WaitingContact,
        /// The earliest arrival; now by default.
        #[example = "2026-12-24T18:00"]
        optional earliest_time: VenueTime,
        /// The latest arrival, at most 24 hours after the earliest.
        #[example = "2026-12-24T20:00"]
        required latest_time: VenueTime,
        /// 2 by default.
        optional party_size: PartySize,
        /// The first venue by default.
        #[example = "bandung-dago"]
        optional venue_id: VenueId,
        /// Only tables in this area.
        #[example = "Teras"]
        optional area: Line<64>,
        /// Special requests, in the words of the guest.
        optional special_requests: Prose<500>,
        /// Allergies and other things that a guest cannot eat.
        #[example = "kacang"]
        optional allergies: Prose<500>,
        /// The number of high chairs.
        #[example = 1]
        optional high_chairs: HighChairs,
        /// One of the notifier's payment channels.
        #[example = "qris"]
        optional payment_channel: Code<32>,
        /// The language of messages: a tag for Indonesian or English.
        #[example = "id"]
        optional locale: Locale,
        /// For staff: the wait that was quoted to the party, in minutes.
        #[example = 25]
        optional quoted_minutes: QuotedMinutes,
    }

    /// A correction, as a JSON merge patch (RFC 7396): a member that is left out stays as it is, and null removes one.
    body CorrectReservation {
        /// The contact of the guest. Its members can be changed, and not removed.
        optional contact_info: CorrectContact,
        /// The preferred table, in the words of the guest.
        optional table_preference: Line<64>,
        /// Special requests, in the words of the guest.
        optional special_requests: Prose<500>,
        /// Allergies and other things that a guest cannot eat.
        #[example = "kacang"]
        optional allergies: Prose<500>,
        /// The number of high chairs.
        #[example = 1]
        optional high_chairs: HighChairs,
        /// Notes of the staff, which guests never see.
        optional staff_notes: Prose<2000>,
        /// Lower-case words such as `vip`, which events contain.
        #[example = ["vip"]]
        optional tags: List<Word<32>, 0, 10>,
    }

    /// A confirmation.
    body Confirm {
        /// Confirm although the deposit was not paid.
        optional waive_deposit: bool,
    }

    /// A table assignment.
    body AssignTable {
        /// The table.
        #[example = "T3"]
        required table_id: TableId,
        /// Required for a table that is not in the rules of the venue.
        optional capacity: PartySize,
        /// Required for a table that is not in the rules of the venue.
        optional area: Line<64>,
    }

    /// When a party arrived or left, if that is reported later.
    body Occurrence {
        /// RFC 3339 with an offset: now by default, and at most 2 hours ago.
        #[example = "2026-12-24T19:41:00+07:00"]
        optional occurred_at: DateTime<Utc>,
    }

    /// A change of the time.
    body Reschedule {
        /// RFC 3339; without an offset, local time of the venue. Not in the past and at most 365 days ahead.
        #[example = "2026-12-24T20:30"]
        required start_time: VenueTime,
        /// The previous duration by default.
        optional duration_minutes: Minutes,
        /// The previously requested area by default.
        #[example = "Teras"]
        optional area: Line<64>,
        /// The side that moves it, recorded as a claim; `guest` by default. A move by the staff never costs the guest
        /// anything.
        optional moved_by: Initiator,
        /// For staff: move it although the same phone number or e-mail address has another booking at that time.
        optional allow_duplicate: bool,
        /// Rules of the venue that do not count: pacing, the booking window, the size of tables, tables for walk-ins. A
        /// table that is taken and the opening hours always count.
        #[name = "override"]
        optional overrule: Override,
    }

    /// A change of the party size.
    body ChangePartySize {
        /// The number of guests.
        #[example = 3]
        required party_size: PartySize,
        /// The previously requested area by default.
        #[example = "Teras"]
        optional area: Line<64>,
        /// Whether the party gets the best tables for its new size, although it could keep its own. Not for venues that
        /// are managed by hand.
        optional reseat: bool,
        /// Rules of the venue that do not count: pacing, the booking window, the size of tables, tables for walk-ins. A
        /// table that is taken and the opening hours always count.
        #[name = "override"]
        optional overrule: Override,
    }

    /// Another payment of a deposit that is due.
    body RenewDeposit {
        /// A code of `GET /api/payment-channels` of the notifier; the channel before by default.
        #[example = "card"]
        optional payment_channel: Code<32>,
    }

    /// A cancellation.
    body Cancel {
        /// One of the reason codes, because events contain it: use the description for free text.
        #[example = "guest_request"]
        required reason_code: ReasonCode,
        /// Free text. Stored separately from the event, and forgotten together with the contact.
        optional description: Prose<500>,
        /// `guest` by default.
        optional cancelled_by: Initiator,
    }

    /// A change of the end of a visit that has begun.
    body Extend {
        /// RFC 3339; without an offset, local time of the venue. Later than now and than the start, and at most 12 hours
        /// after the start.
        #[example = "2026-12-24T22:30"]
        required end_time: VenueTime,
        /// The next party at a table loses it, and needs another one.
        #[name = "override"]
        optional overrule: Override,
    }

    /// An exchange of tables.
    body Swap {
        /// The other reservation, of the same venue.
        required with: ReservationId,
    }

    /// An undo of the last change of the status.
    body Undo {
        /// The change. A repeated request does not undo an earlier one.
        #[example = "check_in"]
        required change: UndoneChange,
        /// One of the reason codes, because events contain it.
        #[example = "wrong_booking"]
        required reason_code: ReasonCode,
        /// The table that the party gets if it cannot have the ones that it had. Not for a check-in.
        #[example = "T3"]
        optional table_id: TableId,
        /// Undo a cancellation although the same phone number or e-mail address has another booking at that time.
        optional allow_duplicate: bool,
    }

    /// An accepted offer.
    body AcceptOffer {
        /// For staff: accept it although the same phone number or e-mail address has a booking at that time.
        optional allow_duplicate: bool,
    }

    /// An offer that a host makes.
    body OfferTable {
        /// The table; by default the one that the venue would choose.
        #[example = "T3"]
        optional table_id: TableId,
    }

    /// A request to forget personal data.
    body EraseContact {
        /// `guest_request` by default.
        #[example = "guest_request"]
        optional reason_code: ReasonCode,
    }

    /// The path of a reservation.
    path ReservationPath {
        /// The id of the reservation.
        required reservation_id: ReservationId,
    }

    /// The path of a waitlist entry.
    path WaitlistPath {
        /// The waitlist entry.
        required waitlist_id: WaitlistId,
    }
}
