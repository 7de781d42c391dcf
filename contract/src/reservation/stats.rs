//! Counts of reservations.

use std::collections::BTreeMap;

use events::values::Currency;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::words::{Canceller, ReservationStatus, StatsBy};
use crate::request::requests;

requests! {
    /// How counts are divided.
    query DivideStats {
        /// One group for each business day, hour, service, area, table, source or status.
        optional by: StatsBy,
    }
}

/// Counts of reservations by their start: of all that are selected, or of a group of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Stats {
    /// Only in a group: a date, an hour of the day from `00` to `23` in local time, the name of a service or of an area, a
    /// table, a source, or a status. Empty for reservations that have none, for example outside of the services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "2026-12-24")]
    pub key: Option<String>,
    /// The number of reservations.
    pub reservations: u64,
    /// By status; every status is present.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub by_status: BTreeMap<ReservationStatus, u64>,
    /// Guests with the status CONFIRMED, CHECKED_IN or COMPLETED.
    pub covers: u64,
    /// Of the booked parties that were due, the part that never arrived: from 0 to 1, rounded to 4 decimals; null if none was
    /// due. Walk-ins are not booked.
    #[schema(example = 0.0417)]
    pub no_show_rate: Option<f64>,
    /// Cancelled reservations by the side that cancelled; every kind is present.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub cancellations: BTreeMap<Canceller, u64>,
    /// Paid deposits minus refunds, in minor units, by currency.
    #[schema(value_type = BTreeMap<String, i64>)]
    pub deposits_minor: BTreeMap<Currency, i64>,
    /// Paid deposits and fees minus refunds, in minor units, by currency.
    #[schema(value_type = BTreeMap<String, i64>)]
    pub revenue_minor: BTreeMap<Currency, i64>,
    /// How long the parties that have left stayed on average, in minutes, rounded to one decimal; null if none has.
    #[schema(example = 82.5)]
    pub average_turn_minutes: Option<f64>,
    /// How long before the visit it was booked on average, in hours, rounded to one decimal; null without bookings in
    /// advance.
    #[schema(example = 76.3)]
    pub average_lead_hours: Option<f64>,
    /// By `by`, sorted by key; absent without `by`, and in a group. A reservation at several tables is counted at each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, no_recursion)]
    pub groups: Option<Vec<Stats>>,
}
