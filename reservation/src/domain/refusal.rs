//! The house rules that say no.

use events::values::{Money, PartySize};
use events::{ReservationId, TableId};

use super::house::Unavailable;
use super::reservation::Status;

/// A house rule said no. Knows nothing of HTTP: it has a word, not a number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It was called off before.
    #[error("The reservation is cancelled. Book anew.")]
    Cancelled,
    /// The party has left.
    #[error("The party has left already: the reservation is completed.")]
    Completed,
    /// The party never came.
    #[error("The party did not come: the reservation is a no-show. Book anew.")]
    NoShow,
    /// The party is there.
    #[error("The party has checked in already: complete the reservation instead.")]
    CheckedIn,
    /// It must be confirmed before.
    #[error("The reservation is not confirmed yet: confirm it first.")]
    NotConfirmed,
    /// The party must be there before.
    #[error("The party has not checked in yet: check it in first.")]
    NotCheckedIn,
    /// The deposit must be paid or waived before.
    #[error("A deposit of {} {} minor units is due: wait for the payment, or let staff waive it with \"waive_deposit\": true.", .0.currency, .0.amount_minor)]
    DepositDue(Money),
    /// Nobody is late before the time has come.
    #[error("The reservation has not begun yet: a no-show can be recorded from its start on.")]
    NotStarted,
    /// Someone else has the table then.
    #[error("Table {0} is taken at that time. Choose another table or another time.")]
    TableTaken(TableId),
    /// Nobody but people can say which table is free.
    #[error("The book of this venue is kept by hand: book, assign a table and check in instead.")]
    KeptByHand,
    /// The house can not have the party then.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The party does not fit.
    #[error("The table seats {seats}, the party has {party_size}. Choose a larger table.")]
    TableTooSmall {
        /// Guests the table seats.
        seats: u32,
        /// Guests who come.
        party_size: PartySize,
    },
    /// The deposit for the new size is higher than what was asked for.
    #[error("A party of {party_size} needs a deposit of {} {} minor units, which was not asked for. Book anew for that size, and cancel this one.", due.currency, due.amount_minor)]
    DepositChanges {
        /// The new size.
        party_size: PartySize,
        /// What it would need.
        due: Money,
    },
    /// As many wait as can be looked after.
    #[error(
        "{} parties wait already. Try again later, or ask for a time that is free.",
        super::waiting::WAITING_MAX
    )]
    WaitlistFull,
    /// There is nothing to answer yet.
    #[error("Nothing is offered to this party yet: it waits. Wait for the message, or read the entry again.")]
    NothingOffered,
    /// The offer was not answered in time.
    #[error(
        "The offer has expired and went to the next party. Join the waitlist again, or ask for another time."
    )]
    OfferExpired,
    /// The house has other rules since.
    #[error(
        "The house has changed its hours or tables and can not keep what it offered: the party waits on. Read the entry again."
    )]
    OfferWithdrawn,
    /// The offer was taken.
    #[error("The offer was taken: it is reservation {0} now. Cancel that instead.")]
    OfferTaken(ReservationId),
    /// The party does not wait any more.
    #[error("The party left the waitlist. Join it again, or ask for a time that is free.")]
    LeftWaitlist,
    /// No such payment was asked for.
    #[error("This reservation never asked for that payment. Check the payment id.")]
    UnknownPayment,
    /// Not what was asked for.
    #[error("The payment was asked for in {} {} minor units, not {} {}. Check the amount.", asked.currency, asked.amount_minor, came.currency, came.amount_minor)]
    AmountMismatch {
        /// What was asked for.
        asked: Money,
        /// What came.
        came: Money,
    },
    /// More than what is left of it would go back.
    #[error("Of this payment {left_minor} minor units are left to refund, not {asked_minor}.")]
    RefundExceedsPayment {
        /// What is left.
        left_minor: i64,
        /// What was asked for.
        asked_minor: i64,
    },
}

impl Refusal {
    /// The stable word for a machine.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Cancelled => "reservation_cancelled",
            Self::Completed => "reservation_completed",
            Self::NoShow => "reservation_no_show",
            Self::CheckedIn => "already_checked_in",
            Self::NotConfirmed => "not_confirmed",
            Self::NotCheckedIn => "not_checked_in",
            Self::DepositDue(_) => "deposit_due",
            Self::NotStarted => "not_started",
            Self::TableTaken(_) => "table_taken",
            Self::KeptByHand => "kept_by_hand",
            Self::Unavailable(why) => why.code(),
            Self::TableTooSmall { .. } => "table_too_small",
            Self::DepositChanges { .. } => "deposit_changes",
            Self::WaitlistFull => "waitlist_full",
            Self::NothingOffered => "nothing_offered",
            Self::OfferExpired => "offer_expired",
            Self::OfferWithdrawn => "offer_withdrawn",
            Self::OfferTaken(_) => "offer_taken",
            Self::LeftWaitlist => "left_waitlist",
            Self::UnknownPayment => "unknown_payment",
            Self::AmountMismatch { .. } => "amount_mismatch",
            Self::RefundExceedsPayment { .. } => "refund_exceeds_payment",
        }
    }

    /// Why a reservation with this status takes no such command any more, or not yet.
    pub(super) fn of(status: &Status, not_yet: Self) -> Self {
        match status {
            Status::Pending | Status::Confirmed => not_yet,
            Status::CheckedIn => Self::CheckedIn,
            Status::Completed => Self::Completed,
            Status::Cancelled { .. } => Self::Cancelled,
            Status::NoShow => Self::NoShow,
        }
    }
}
