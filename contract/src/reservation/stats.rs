//! Counts of reservations.

use std::collections::BTreeMap;

use events::values::Currency;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::words::ReservationStatus;

/// Counts of reservations by their start.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Stats {
    /// The number of reservations.
    pub reservations: u64,
    /// By status; every status is present.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub by_status: BTreeMap<ReservationStatus, u64>,
    /// Guests with the status CONFIRMED, CHECKED_IN or COMPLETED.
    pub covers: u64,
    /// Paid deposits and fees minus refunds, in minor units, by currency.
    #[schema(value_type = BTreeMap<String, i64>)]
    pub revenue_minor: BTreeMap<Currency, i64>,
}
