//! The commands for an existing reservation.

use chrono::{DateTime, Utc};
use events::event::{Event, GuestAnswered, NotificationFailed, NotificationSent, StandSilence, UndoneChange};
use events::values::{ConfidentialDigest, Initiator, Money, PartySize, TimeWindow};
use events::{AssignmentId, ClosureId, PaymentId, TableId};

use super::Noncompliance;
use crate::domain::availability::Overrule;

/// A command for an existing reservation. All values in it are valid by themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Confirm the reservation.
    Confirm {
        /// Whether staff waive a deposit that is due.
        waive_deposit: bool,
    },
    /// Assign a table to the party, replacing the tables it has.
    AssignTable(TableChoice),
    /// Move the reservation to another time.
    Reschedule {
        /// The new time.
        window: TimeWindow,
        /// The requested area, if it changes.
        area: Option<String>,
        /// The side that moves it.
        by: Initiator,
        /// Whether the same guest may have another booking at that time.
        allow_duplicate: bool,
        /// The IANA time zone of the venue; `None` to keep the one of the booking.
        timezone: Option<String>,
        /// Whether staff overrule rules of the venue.
        overrule: Option<Overrule>,
    },
    /// Change the number of guests.
    ChangePartySize(SizeChange),
    /// The party has arrived: now, or when that happened if it is reported later.
    CheckIn(Option<DateTime<Utc>>),
    /// The party has left: now, or when that happened if it is reported later.
    Complete(Option<DateTime<Utc>>),
    /// The party never arrived.
    NoShow,
    /// Cancel the reservation.
    Cancel {
        /// The kind of actor that cancels.
        by: Initiator,
        /// The reason as a stable code.
        reason_code: String,
        /// Digest of the free-text description.
        description_digest: Option<ConfidentialDigest>,
        /// The closure, if its bookings are cancelled.
        closure_id: Option<ClosureId>,
    },
    /// Undo the last change of the status.
    Undo(Undo),
    /// A deadline of the reservation passed: an unpaid hold expires, or a party that never arrived is a no-show, perhaps
    /// later than at its deadline because the stand was silent.
    Expire(Option<StandSilence>),
    /// Request the deposit anew: by another channel, or after a payment that was refused.
    RenewDeposit {
        /// The channel; `None` for the one before.
        channel: Option<String>,
    },
    /// Record the result of a payment.
    RecordPayment(PaymentResult),
    /// Record the result of a message.
    RecordNotification(NotificationResult),
    /// Mark the reservation as affected by the rules of its venue, or no longer affected.
    MarkAffected {
        /// Why it does not comply; `None` if it does.
        found: Option<Noncompliance>,
        /// The version of the rules.
        rules_version: u32,
    },
    /// Ask the guest whether the party comes.
    Ask,
    /// Record the answer of the guest.
    Answer(GuestAnswered),
    /// The guest proved the contact.
    ProveContact {
        /// The number of the request that the proof answers.
        number: u32,
    },
    /// Give the guest new links. Earlier ones are no longer valid.
    RenewLink,
    /// Record that the personal data was read.
    RecordReading,
    /// Erase the personal data.
    EraseContact {
        /// The reason as a stable code.
        reason_code: String,
    },
}

impl Command {
    /// Whether a guest can give it again and again. Each time stays in the log.
    #[must_use]
    pub fn is_repeated_by_guests(&self) -> bool {
        matches!(
            self,
            Self::Reschedule { .. }
                | Self::ChangePartySize(_)
                | Self::Answer(_)
                | Self::RenewLink
                | Self::RenewDeposit { .. }
        )
    }

    /// When the party arrived or left: the reported time, or `now`.
    #[must_use]
    pub fn occurred(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::CheckIn(Some(at)) | Self::Complete(Some(at)) => *at,
            _ => now,
        }
    }

    /// Whether the command may take tables, so that the occupancy of the venue must be known.
    #[must_use]
    pub fn takes_tables(&self) -> bool {
        match self {
            Self::AssignTable(_)
            | Self::Reschedule { .. }
            | Self::ChangePartySize(_)
            | Self::CheckIn(_)
            | Self::Undo(_) => true,
            Self::Confirm { .. }
            | Self::Complete(_)
            | Self::NoShow
            | Self::Cancel { .. }
            | Self::Expire(_)
            | Self::MarkAffected { .. }
            | Self::Ask
            | Self::Answer(_)
            | Self::ProveContact { .. }
            | Self::RenewLink
            | Self::RenewDeposit { .. }
            | Self::RecordPayment(_)
            | Self::RecordNotification(_)
            | Self::RecordReading
            | Self::EraseContact { .. } => false,
        }
    }
}

/// A change of the number of guests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SizeChange {
    /// The new size.
    pub size: PartySize,
    /// The requested area, if it changes.
    pub area: Option<String>,
    /// The side that changes it.
    pub by: Initiator,
    /// Whether the party gets the best tables for its new size, although it could keep its own.
    pub reseat: bool,
    /// Whether staff overrule rules of the venue.
    pub overrule: Option<Overrule>,
}

/// An undo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undo {
    /// The change to undo. A repeated undo must not undo the change before it, so that it is named.
    pub change: UndoneChange,
    /// The reason as a stable code.
    pub reason_code: String,
    /// The table that the party gets; `None` for the ones that it had.
    pub table: Option<TableChoice>,
    /// Whether the same guest may have another booking at that time.
    pub allow_duplicate: bool,
}

/// A table chosen by staff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableChoice {
    /// The id of the assignment, if one is made.
    pub assignment_id: AssignmentId,
    /// The table.
    pub table_id: TableId,
    /// Number of guests the table seats.
    pub capacity: u8,
    /// The area the table is in.
    pub area: String,
}

/// The result of a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentResult {
    /// The payment.
    pub payment_id: PaymentId,
    /// The outcome.
    pub outcome: PaymentOutcome,
}

/// The outcome of a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaymentOutcome {
    /// The money was received.
    Completed {
        /// The amount received.
        amount: Money,
        /// The payment channel it was received through.
        channel: String,
        /// The provider's reference.
        provider_reference: String,
    },
    /// The payment failed.
    Failed {
        /// The reason as a stable code.
        reason_code: String,
    },
    /// Some or all of the money was refunded.
    Refunded {
        /// The amount refunded.
        amount: Money,
        /// The provider's reference for the refund.
        provider_reference: String,
    },
}

/// The result of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotificationResult {
    /// It was sent.
    Sent(NotificationSent),
    /// It could not be sent.
    Failed(NotificationFailed),
}

impl NotificationResult {
    /// The event that records it.
    #[must_use]
    pub fn event(&self) -> Event {
        match self {
            Self::Sent(sent) => sent.clone().into(),
            Self::Failed(failed) => failed.clone().into(),
        }
    }
}

impl Command {
    /// The overruling of rules, if staff overrule some.
    #[must_use]
    pub fn overrule(&self) -> Option<&Overrule> {
        match self {
            Self::Reschedule { overrule, .. } | Self::ChangePartySize(SizeChange { overrule, .. }) => {
                overrule.as_ref()
            }
            _ => None,
        }
    }
}
