//! Every amount of a reservation, with the rule it follows from.

use chrono::{DateTime, Utc};
use events::values::Currency;
use events::{EventId, ReservationId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::words::ChargeKind;

/// The amounts of a reservation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Charges {
    /// The id of the reservation.
    pub reservation_id: ReservationId,
    /// Null if no money was ever involved.
    pub currency: Option<Currency>,
    /// The rules of the venue at the time of booking; null if none had been recorded.
    pub rules: Option<RulesView>,
    /// Oldest first.
    pub entries: Vec<ChargeView>,
    /// The totals.
    pub balance: Balance,
}

/// A version of a venue's rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RulesView {
    /// The number of the version, from 1.
    #[schema(example = 2)]
    pub version: u32,
    /// SHA-256 of the rules document, or of the venue file that an earlier version recorded.
    pub digest: Option<String>,
}

/// An amount and its reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChargeView {
    /// The kind.
    pub kind: ChargeKind,
    /// Minor units.
    #[schema(example = 30_000_000)]
    pub amount_minor: i64,
    /// The rule in words.
    #[schema(example = "6 guests, IDR 50000.00 for each: a deposit from 6 guests on")]
    pub rule: String,
    /// The time.
    pub at: DateTime<Utc>,
    /// The position of the event.
    #[schema(example = 3)]
    pub position: u64,
    /// The event.
    pub event_id: EventId,
}

/// The totals, in minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Balance {
    /// Asked for.
    pub asked_minor: i64,
    /// Paid.
    pub paid_minor: i64,
    /// Ordered to be refunded, and not yet reported as refunded.
    pub to_return_minor: i64,
    /// Refunded.
    pub returned_minor: i64,
    /// Paid, and neither refunded nor to be refunded.
    pub kept_minor: i64,
    /// The part of the no-show fee that is still unpaid.
    pub owed_minor: i64,
}
