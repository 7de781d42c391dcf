//! The status of a reservation.

use events::Position;
use events::imports::{Imported, ImportedStatus};
use events::values::Initiator;

use super::booking::IMPORTED;
use crate::domain::refusal::Refusal;

/// The status of a reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Requested; a hold if a deposit is due.
    Pending,
    /// The restaurant expects the party.
    Confirmed,
    /// The party has arrived.
    CheckedIn,
    /// The party has left.
    Completed,
    /// Cancelled.
    Cancelled {
        /// The kind of actor that cancelled.
        by: Initiator,
        /// The reason as a stable code.
        reason_code: String,
        /// The position of the event whose confidential payload holds the description.
        described_at: Option<Position>,
        /// Whether it was confirmed before.
        was_confirmed: bool,
        /// Whether it was cancelled together with all bookings under a closure.
        by_closure: bool,
    },
    /// The party never arrived.
    NoShow,
}

impl Status {
    /// The status of a booking that was imported from another system.
    pub(super) fn imported(imported: &Imported) -> Self {
        match imported.status {
            ImportedStatus::Confirmed => Self::Confirmed,
            ImportedStatus::Completed => Self::Completed,
            ImportedStatus::NoShow => Self::NoShow,
            ImportedStatus::Cancelled => Self::Cancelled {
                by: Initiator::System,
                reason_code: IMPORTED.to_owned(),
                described_at: None,
                was_confirmed: true,
                by_closure: false,
            },
        }
    }

    /// The refusal of a command that this status no longer allows, or does not allow yet (`not_yet`).
    pub(super) fn refusal(&self, not_yet: Refusal) -> Refusal {
        match self {
            Self::Pending | Self::Confirmed => not_yet,
            Self::CheckedIn => Refusal::CheckedIn,
            Self::Completed => Refusal::Completed,
            Self::Cancelled { .. } => Refusal::Cancelled,
            Self::NoShow => Refusal::NoShow,
        }
    }
}
