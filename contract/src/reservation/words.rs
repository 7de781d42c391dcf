//! The words of the reservation service.

use events::values::Locale;

use crate::words::words;

words! {
    /// The status of a reservation.
    open ReservationStatus {
        /// It waits for its deposit or for the restaurant.
        Pending = "PENDING",
        /// The restaurant expects the party.
        Confirmed = "CONFIRMED",
        /// The party has arrived.
        CheckedIn = "CHECKED_IN",
        /// The party has left.
        Completed = "COMPLETED",
        /// It was cancelled.
        Cancelled = "CANCELLED",
        /// The party did not come.
        NoShow = "NO_SHOW",
    }

    /// The status of a deposit or of a no-show fee.
    open ChargeStatus {
        /// There is none.
        NotRequired = "not_required",
        /// The guest has to pay it.
        Due = "due",
        /// The restaurant waived it.
        Waived = "waived",
        /// The guest paid it.
        Paid = "paid",
        /// A part of it was refunded.
        PartlyRefunded = "partly_refunded",
        /// All of it was refunded.
        Refunded = "refunded",
    }

    /// Why a booking does not comply with the rules of its venue.
    open AffectedReason {
        /// The restaurant is closed at that time.
        Closed = "closed",
        /// It has no table, although the venue assigns tables.
        NoTable = "no_table",
        /// Its table was removed.
        TableGone = "table_gone",
        /// The restaurant is open at that time, but not at its table.
        TableClosed = "table_closed",
        /// Its table has too few seats now.
        TableSmaller = "table_smaller",
        /// Its table is not known to the rules.
        TableUnknown = "table_unknown",
        /// The venue was removed.
        VenueGone = "venue_gone",
        /// The local time of the visit changed with the time zone of the venue.
        ZoneChanged = "zone_changed",
    }

    /// How counts are divided.
    closed StatsBy {
        /// By business day.
        Day = "day",
        /// By the hour in which the visit begins, in local time.
        Hour = "hour",
        /// By service.
        Service = "service",
        /// By the area of the table.
        Area = "area",
        /// By table.
        Table = "table",
        /// By the source of the booking: `booking`, `walk_in`, `waitlist`, or the source of an import.
        Source = "source",
        /// By status.
        Status = "status",
    }

    /// The language of messages to a guest.
    open Language {
        /// Bahasa Indonesia.
        Id = "id",
        /// English.
        En = "en",
    }

    /// The unit of a fee.
    open FeePer {
        /// For each guest.
        Guest = "guest",
        /// For the whole party.
        Party = "party",
    }

    /// Why a party left a waitlist.
    open LeftReason {
        /// It gave up.
        GaveUp = "gave_up",
        /// It declined an offer.
        Declined = "declined",
        /// It did not answer an offer in time.
        OfferExpired = "offer_expired",
        /// Its contact was erased.
        ContactErased = "contact_erased",
        /// It did not prove its contact in time.
        ContactUnproved = "contact_unproved",
        /// Its latest acceptable time passed.
        TimePassed = "time_passed",
    }

    /// The status of a payment, as its reservation knows it.
    open PaymentStatus {
        /// The guest was asked to pay.
        Requested = "requested",
        /// The last attempt failed.
        Failed = "failed",
        /// The guest paid.
        Completed = "completed",
        /// A part of it was refunded.
        PartlyRefunded = "partly_refunded",
        /// All of it was refunded.
        Refunded = "refunded",
    }

    /// The kind of actor that cancelled a reservation.
    open Canceller {
        /// The guest.
        Guest = "guest",
        /// A member of the restaurant's staff.
        Staff = "staff",
        /// The system, because a deadline passed.
        System = "system",
    }

    /// The status of a waitlist entry.
    open WaitlistStatus {
        /// The party waits for a table.
        Waiting = "WAITING",
        /// A table is held for the party.
        Offered = "OFFERED",
        /// The party accepted an offer.
        Accepted = "ACCEPTED",
        /// The party no longer waits.
        Left = "LEFT",
    }

    /// Why a slot cannot be booked.
    open SlotReason {
        /// The venue has no service at that time.
        Closed = "closed",
        /// The time is too far in the future.
        TooSoon = "too_soon",
        /// The time is too close.
        TooLate = "too_late",
        /// Too many guests arrive at that time.
        Pacing = "pacing",
        /// No table is free.
        NoTable = "no_table",
        /// No table is large enough.
        PartyTooLarge = "party_too_large",
    }

    /// How a table looks from above.
    open TableShape {
        /// A circle.
        Round = "round",
        /// A square.
        Square = "square",
        /// A rectangle, wider than high.
        Rectangle = "rectangle",
    }

    /// The state of a table at some time.
    open TableStatus {
        /// No party has it.
        Free = "free",
        /// The time of its party has started, but the party is not there.
        Reserved = "reserved",
        /// It is held for a waiting party.
        Offered = "offered",
        /// Its party is there.
        Seated = "seated",
        /// Its party should have left.
        Overdue = "overdue",
    }

    /// The kind of an amount.
    open ChargeKind {
        /// The guest was asked for a deposit.
        DepositAsked = "deposit_asked",
        /// The guest paid the deposit.
        DepositPaid = "deposit_paid",
        /// A payment of the deposit failed.
        DepositFailed = "deposit_failed",
        /// Staff waived the deposit.
        DepositWaived = "deposit_waived",
        /// The restaurant keeps the deposit.
        DepositKept = "deposit_kept",
        /// A refund was ordered.
        RefundOrdered = "refund_ordered",
        /// The provider refunded it.
        Refunded = "refunded",
        /// The fee for a party that never arrived.
        NoShowFee = "no_show_fee",
        /// The guest was asked for the unpaid part of the fee.
        FeeAsked = "fee_asked",
        /// The guest paid the fee.
        FeePaid = "fee_paid",
        /// A payment of the fee failed.
        FeeFailed = "fee_failed",
        /// The no-show was undone, so that its fee no longer applies.
        FeeWithdrawn = "fee_withdrawn",
    }

    /// The kind of an actor.
    closed ActorKind {
        /// A guest, by the link to their own booking.
        AppUser = "app_user",
        /// A member of a restaurant's staff.
        User = "user",
        /// A program with a key.
        ApiKey = "api_key",
        /// Another service.
        ServiceAccount = "service_account",
        /// The system itself, for example when a deadline passes.
        System = "system",
        /// The request carried no credential.
        Unauthenticated = "unauthenticated",
        /// A kind that was recorded by a later version.
        Unknown = "unknown",
    }

    /// The kind of an effect outside.
    open EffectKind {
        /// A payment.
        Payment = "payment",
        /// A message to the guest.
        Notification = "notification",
    }

    /// The format of a history.
    closed HistoryFormat {
        /// For programs.
        Json = "json",
        /// For reading.
        Text = "text",
    }
}

impl From<Locale> for Language {
    fn from(locale: Locale) -> Self {
        match locale {
            Locale::Id => Self::Id,
            Locale::En => Self::En,
        }
    }
}

impl Language {
    /// The locale; the default one for a language that this version does not know.
    #[must_use]
    pub fn locale(self) -> Locale {
        match self {
            Self::Id => Locale::Id,
            Self::En => Locale::En,
            Self::Unknown => Locale::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_a_later_version_is_unknown_and_not_an_error() {
        let status = |word: &str| serde_json::from_value::<ReservationStatus>(word.into()).unwrap();
        assert_eq!(status("CHECKED_IN"), ReservationStatus::CheckedIn);
        assert_eq!(status("TELEPORTED"), ReservationStatus::Unknown);
        assert!(serde_json::from_value::<HistoryFormat>("scroll".into()).is_err());
    }
}
