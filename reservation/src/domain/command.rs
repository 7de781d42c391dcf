//! What may be asked of a reservation that exists.

use events::event::NotificationFailed;
use events::event::NotificationSent;
use events::values::{CancelledBy, Money, PartySize, PrivateDigest, TimeWindow};
use events::{AssignmentId, PaymentId, TableId};

/// What may be asked of a reservation that exists. Everything in it is valid in itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// The house expects the party.
    Confirm {
        /// Staff do without the deposit that is due.
        waive_deposit: bool,
    },
    /// Give the party this table, instead of those it has.
    AssignTable(TableChoice),
    /// Come at another time.
    Reschedule {
        /// The new time.
        window: TimeWindow,
        /// Where to sit, if it matters and is not as before.
        area: Option<String>,
    },
    /// Come with more or fewer guests.
    ChangePartySize {
        /// The new size.
        size: PartySize,
        /// Where to sit, if it matters and is not as before.
        area: Option<String>,
    },
    /// The party is there.
    CheckIn,
    /// The party has left.
    Complete,
    /// The party never came.
    NoShow,
    /// Call it off.
    Cancel {
        /// By whom.
        by: CancelledBy,
        /// Why, as a stable code.
        reason_code: String,
        /// Digest of what was said in words.
        description_digest: Option<PrivateDigest>,
    },
    /// A deadline of the reservation has come: an unpaid hold ends, or a party that never came is a no-show.
    Expire,
    /// What became of a payment.
    RecordPayment(PaymentResult),
    /// What became of a message.
    RecordNotification(NotificationResult),
    /// Forget the personal data.
    EraseContact {
        /// Why, as a stable code.
        reason_code: String,
    },
}

impl Command {
    /// Whether it may take tables: what the venue has given away must be known then.
    #[must_use]
    pub fn takes_tables(&self) -> bool {
        match self {
            Self::AssignTable(_) | Self::Reschedule { .. } | Self::ChangePartySize { .. } | Self::CheckIn => {
                true
            }
            Self::Confirm { .. }
            | Self::Complete
            | Self::NoShow
            | Self::Cancel { .. }
            | Self::Expire
            | Self::RecordPayment(_)
            | Self::RecordNotification(_)
            | Self::EraseContact { .. } => false,
        }
    }
}

/// A table to be given to a party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableChoice {
    /// The id of the assignment, if it comes to one.
    pub assignment_id: AssignmentId,
    /// The table.
    pub table_id: TableId,
    /// Guests it seats.
    pub capacity: u8,
    /// The area it stands in.
    pub area: String,
}

/// What became of a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentResult {
    /// Which payment.
    pub payment_id: PaymentId,
    /// What became of it.
    pub outcome: PaymentOutcome,
}

/// What became of a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaymentOutcome {
    /// The money came.
    Completed {
        /// How much.
        amount: Money,
        /// The channel it came by.
        channel: String,
        /// The provider's name for it.
        provider_reference: String,
    },
    /// It did not.
    Failed {
        /// Why, as a stable code.
        reason_code: String,
    },
    /// Some or all of it went back.
    Refunded {
        /// How much.
        amount: Money,
        /// The provider's name for the refund.
        provider_reference: String,
    },
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotificationResult {
    /// It went out.
    Sent(NotificationSent),
    /// It could not go out.
    Failed(NotificationFailed),
}
