//! The templates of messages to guests.

use serde::{Deserialize, Serialize};

/// The template of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Template {
    /// The request was received.
    Received,
    /// A deposit is due.
    DepositDue,
    /// The booking is confirmed.
    Confirmed,
    /// The booking has a new time.
    Rescheduled,
    /// The booking is cancelled.
    Cancelled,
    /// The payment was refunded.
    Refunded,
    /// A reminder before the visit.
    Reminder,
    /// A table is free for a waiting party.
    Offer,
    /// The no-show fee is due.
    FeeDue,
    /// A late payment, which is refunded.
    PaidLate,
    /// The party has another size.
    Resized,
    /// An offer expired without an answer.
    OfferOver,
    /// A cancellation was undone.
    Reinstated,
    /// The no-show fee no longer applies.
    FeeWithdrawn,
    /// Whether a booked party still comes.
    StillComing,
    /// The table of a waiting party is ready.
    TableReady,
    /// The guest has to prove the contact.
    ProveContact,
    /// A party has joined the waitlist.
    Waiting,
}

impl Template {
    /// All templates.
    pub const ALL: [Self; 18] = [
        Self::Received,
        Self::DepositDue,
        Self::Confirmed,
        Self::Rescheduled,
        Self::Cancelled,
        Self::Refunded,
        Self::Reminder,
        Self::Offer,
        Self::FeeDue,
        Self::PaidLate,
        Self::Resized,
        Self::OfferOver,
        Self::Reinstated,
        Self::FeeWithdrawn,
        Self::StillComing,
        Self::TableReady,
        Self::ProveContact,
        Self::Waiting,
    ];

    /// The name in files, events and responses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::DepositDue => "deposit_due",
            Self::Confirmed => "confirmed",
            Self::Rescheduled => "rescheduled",
            Self::Cancelled => "cancelled",
            Self::Refunded => "refunded",
            Self::Reminder => "reminder",
            Self::Offer => "offer",
            Self::FeeDue => "fee_due",
            Self::PaidLate => "paid_late",
            Self::Resized => "resized",
            Self::OfferOver => "offer_over",
            Self::Reinstated => "reinstated",
            Self::FeeWithdrawn => "fee_withdrawn",
            Self::StillComing => "still_coming",
            Self::TableReady => "table_ready",
            Self::ProveContact => "prove_contact",
            Self::Waiting => "waiting",
        }
    }
}
