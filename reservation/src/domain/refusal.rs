//! The reasons to refuse a command.

use chrono::{DateTime, FixedOffset};
use events::event::UndoneChange;
use events::values::{Money, PartySize};
use events::{ReservationId, TableId};

use super::availability::{Holder, Unavailable};

/// Maximum length of a visit whose end is changed, in hours.
pub(super) const VISIT_HOURS_MAX: i64 = 12;

/// Maximum number of times that a guest is asked about one visit.
pub(super) const ASKED_TIMES_MAX: u8 = 3;

/// How often a guest can change one booking.
pub const GUEST_CHANGES_MAX: u32 = 20;

/// Maximum number of bookings and waitlist entries with the same unproved contact at a time.
pub const UNPROVEN_PER_CONTACT_MAX: usize = 3;

/// A business rule refused the command. It has a code, and knows nothing of HTTP statuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The reservation is cancelled.
    #[error("The reservation is cancelled. Make a new booking, or let staff undo the cancellation.")]
    Cancelled,
    /// The party has left.
    #[error(
        "The party has already left, and the reservation is completed. If it is still there, let staff undo the completion."
    )]
    Completed,
    /// The party never arrived.
    #[error(
        "The party never arrived, and the reservation is a no-show. If it has arrived now, let staff undo the no-show; otherwise make a new booking."
    )]
    NoShow,
    /// The party is checked in.
    #[error(
        "The party is already checked in, so only its tables can change. Complete the reservation when it leaves."
    )]
    CheckedIn,
    /// The last change of the status is another one.
    #[error(
        "The last change of this reservation is not a {}, so that cannot be undone. Read the reservation again.", .0.noun()
    )]
    NothingToUndo(UndoneChange),
    /// The reservation must be confirmed first.
    #[error("The reservation is not confirmed yet. Confirm it first, or cancel it.")]
    NotConfirmed,
    /// The party must be checked in first.
    #[error("The party is not checked in yet. Check it in first.")]
    NotCheckedIn,
    /// The deposit must be paid or waived first.
    #[error("A deposit of {} is due. Wait for the payment, or let staff waive it with \"waive_deposit\": true.", .0.plain())]
    DepositDue(Money),
    /// No deposit can be paid.
    #[error("No deposit is due, or its time is over. Read the reservation again.")]
    NoDepositDue,
    /// The visit is on a later business day.
    #[error("The visit starts on {}, and today's business day is an earlier one. Check the party in on that day, or move the reservation.", .0.format("%Y-%m-%d at %H:%M"))]
    TooEarly(DateTime<FixedOffset>),
    /// The start of the reservation has not passed yet.
    #[error("The reservation has not started yet. A no-show can be recorded after its start.")]
    NotStarted,
    /// Another party has the table at that time.
    #[error("Table {0} is not free for the whole visit. Assign another table, or choose another time.")]
    TableTaken(TableId),
    /// The next party is due at the table.
    #[error(
        "Table {table} is due to {} at {}. Choose an earlier end, give that party another table, or let a manager override it.",
        words_of(by), start.format("%H:%M")
    )]
    NextParty {
        /// The table.
        table: TableId,
        /// The next party.
        by: Holder,
        /// When it arrives, in local time.
        start: DateTime<FixedOffset>,
    },
    /// The table is not in the rules of the venue.
    #[error("Table {0} is not in the rules of the venue any more. Choose another one.")]
    TableGone(TableId),
    /// The visit would end before it begins, or in the past.
    #[error("A visit ends after its start and in the future. Choose a later end, or complete it.")]
    EndTooEarly,
    /// The visit would be too long.
    #[error("A visit lasts at most {VISIT_HOURS_MAX} hours. Choose an earlier end.")]
    VisitTooLong,
    /// The contact was erased, so that nothing can be corrected.
    #[error("The personal data was erased, so it cannot be corrected. Make a new booking.")]
    ContactErased,
    /// The guest can no longer correct the e-mail address.
    #[error(
        "The e-mail address can no longer be corrected with the link of the booking. Ask the restaurant, or leave it out."
    )]
    EmailFixed,
    /// The payment channels are not known.
    #[error(
        "The payment channels are not known yet, because the notifier was not reached. Try again in a moment."
    )]
    ChannelsUnknown,
    /// The party has no table to give.
    #[error("Reservation {0} has no table that the other party does not have. Assign it another one first.")]
    NothingToSwap(ReservationId),
    /// The venue has no booking rules.
    #[error(
        "This venue is managed by hand: it has no slots, walk-ins or waitlist. Request any time with POST /api/reservations."
    )]
    ManagedByHand,
    /// The restaurant cannot seat the party at that time.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The party is too large for the table.
    #[error("{seats} seats are too few for a party of {party_size}. Assign a larger table.")]
    TableTooSmall {
        /// Number of guests the table seats.
        seats: u32,
        /// Number of guests in the party.
        party_size: PartySize,
    },
    /// The new party size needs a higher deposit than was requested.
    #[error("A party of {party_size} needs a deposit of {}, which was not requested. Book the larger party anew, with \"allow_duplicate\": true, and then cancel this booking.", due.plain())]
    DepositChanges {
        /// The new party size.
        party_size: PartySize,
        /// The deposit it would need.
        due: Money,
    },
    /// The same guest has a booking at that time.
    #[error(
        "This phone number or e-mail address already has a booking at that time. Change that booking, or let staff set \"allow_duplicate\": true."
    )]
    DuplicateBooking,
    /// The guest has changed the booking as often as a guest can.
    #[error(
        "This booking was changed {GUEST_CHANGES_MAX} times, which is as often as guests can. Call the restaurant to change it again."
    )]
    TooManyChanges,
    /// Bookings without a proof hold their share of the seats.
    #[error(
        "Bookings that wait for a proof of contact hold all the seats they may hold at that time. Try again in ten minutes, choose another time, or call the restaurant."
    )]
    UnprovenShare,
    /// Waitlist entries without a proof hold their share of the waitlist.
    #[error(
        "Entries that wait for a proof of contact hold all the places they may hold on the waitlist of that day. Try again in ten minutes, or call the restaurant."
    )]
    UnprovenWaiting,
    /// The same guest has to prove the contact first.
    #[error(
        "{UNPROVEN_PER_CONTACT_MAX} bookings with this phone number or e-mail address wait for a proof of contact. Open the mail about one of them first."
    )]
    TooManyUnproven,
    /// The guest was asked again, because the address was corrected.
    #[error("The address was corrected, and another mail was sent. Use the link or the digits in that mail.")]
    ProofReplaced,
    /// No table is held for a party whose contact is not proved.
    #[error(
        "The party has not proved its contact yet, so that no table is held for it. Wait for the proof, or seat the party."
    )]
    ContactUnproved,
    /// The guest was not asked to prove the contact.
    #[error("This booking needs no proof of contact, but a deposit. Pay it with the link in the mail.")]
    NoProofAsked,
    /// The same guest waits for that day.
    #[error(
        "This phone number or e-mail address is already on the waitlist for that day. Leave the waitlist first to wait for another time."
    )]
    AlreadyWaiting,
    /// The waitlist has reached its maximum length.
    #[error(
        "{max_parties} parties are already waiting for that day. Try again later, or book a time that is free."
    )]
    WaitlistFull {
        /// The maximum length of the waitlist.
        max_parties: usize,
    },
    /// The guest was asked too often.
    #[error("The guest was asked {ASKED_TIMES_MAX} times already. Wait for the answer, or call the guest.")]
    AskedTooOften,
    /// The party has an offer, which it accepts or declines.
    #[error(
        "The party has an offer and a message with the link to answer it. Wait for the answer, or decline the offer for the party."
    )]
    AlreadyOffered,
    /// The guest was asked nothing.
    #[error("The guest was not asked anything, so there is nothing to answer. Ask first.")]
    NothingAsked,
    /// The waitlist entry has no offer.
    #[error("There is no offer for this party yet. Wait for the message, or read the entry again.")]
    NothingOffered,
    /// The offer expired.
    #[error(
        "The offer has expired and went to the next party. Join the waitlist again, or choose another time."
    )]
    OfferExpired,
    /// The rules of the venue changed after the offer.
    #[error(
        "The restaurant changed its hours or tables and withdrew the offer. The party is still on the waitlist: read the entry again."
    )]
    OfferWithdrawn,
    /// The offer was accepted.
    #[error("The offer was accepted and became reservation {0}. Cancel that reservation instead.")]
    OfferAccepted(ReservationId),
    /// The party left the waitlist.
    #[error("The party has left the waitlist. Join it again, or book a time that is free.")]
    LeftWaitlist,
    /// The payment was never requested.
    #[error("This reservation never requested that payment. Check the payment id.")]
    UnknownPayment,
    /// The amount differs from the requested amount.
    #[error("The requested amount is {}, not {}. Check the amount.", asked.plain(), came.plain())]
    AmountMismatch {
        /// The requested amount.
        asked: Money,
        /// The reported amount.
        came: Money,
    },
    /// The refund exceeds what is left of the payment.
    #[error(
        "Only {left_minor} minor units of this payment can be refunded, not {asked_minor}. Refund a smaller amount."
    )]
    RefundExceedsPayment {
        /// The amount that can be refunded, in minor units.
        left_minor: i64,
        /// The reported refund, in minor units.
        asked_minor: i64,
    },
}

impl Refusal {
    /// Whether the venue turned a party away: it is closed or full at that time, it is too early or too late to book, or a
    /// limit for guests without a proof of contact is reached.
    #[must_use]
    pub fn turns_away(&self) -> bool {
        matches!(
            self,
            Self::Unavailable(_) | Self::UnprovenShare | Self::UnprovenWaiting | Self::WaitlistFull { .. }
        )
    }

    /// The reason as a stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Cancelled => "reservation_cancelled",
            Self::Completed => "reservation_completed",
            Self::NoShow => "reservation_no_show",
            Self::CheckedIn => "already_checked_in",
            Self::NothingToUndo(_) => "nothing_to_undo",
            Self::NotConfirmed => "not_confirmed",
            Self::NotCheckedIn => "not_checked_in",
            Self::DepositDue(_) => "deposit_due",
            Self::NoDepositDue => "no_deposit_due",
            Self::TooEarly(_) => "too_early",
            Self::NotStarted => "not_started",
            Self::TableTaken(_) => "table_taken",
            Self::NextParty { .. } => "next_party_due",
            Self::TableGone(_) => "table_gone",
            Self::EndTooEarly => "end_too_early",
            Self::VisitTooLong => "visit_too_long",
            Self::ContactErased => "contact_erased",
            Self::EmailFixed => "email_fixed",
            Self::ChannelsUnknown => "channels_unknown",
            Self::NothingToSwap(_) => "nothing_to_swap",
            Self::ManagedByHand => "kept_by_hand",
            Self::Unavailable(why) => why.code(),
            Self::TableTooSmall { .. } => "table_too_small",
            Self::DepositChanges { .. } => "deposit_changes",
            Self::DuplicateBooking => "duplicate_booking",
            Self::TooManyChanges => "too_many_changes",
            Self::UnprovenShare | Self::UnprovenWaiting => "unproven_share",
            Self::TooManyUnproven => "too_many_unproven",
            Self::ContactUnproved => "contact_unproved",
            Self::ProofReplaced => "proof_replaced",
            Self::NoProofAsked => "no_proof_asked",
            Self::AlreadyWaiting => "already_waiting",
            Self::WaitlistFull { .. } => "waitlist_full",
            Self::AskedTooOften => "asked_too_often",
            Self::AlreadyOffered => "already_offered",
            Self::NothingAsked => "nothing_asked",
            Self::NothingOffered => "nothing_offered",
            Self::OfferExpired => "offer_expired",
            Self::OfferWithdrawn => "offer_withdrawn",
            Self::OfferAccepted(_) => "offer_taken",
            Self::LeftWaitlist => "left_waitlist",
            Self::UnknownPayment => "unknown_payment",
            Self::AmountMismatch { .. } => "amount_mismatch",
            Self::RefundExceedsPayment { .. } => "refund_exceeds_payment",
        }
    }
}

/// The holder of a table in a message.
fn words_of(holder: &Holder) -> String {
    match holder {
        Holder::Booking(id) | Holder::WalkIn(id) => format!("reservation {id}"),
        Holder::Offer(id) => format!("the waiting party {id}"),
    }
}
