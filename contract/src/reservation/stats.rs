//! Counts of reservations.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use events::VenueId;
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

    /// Which refused requests are counted.
    query ReadRefusals {
        /// The first business day for which a place was wanted.
        required from: NaiveDate,
        /// The last business day, at most 365 days after the first.
        required to: NaiveDate,
    }
}

/// Maximum number of business days of which refused requests are read at once.
pub const REFUSAL_DAYS_MAX: u32 = 366;
/// Days after which the counts of refused requests are no longer kept.
pub const REFUSALS_KEPT_DAYS: u64 = 400;

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
    /// For how long these parties had their tables by plan, on average, in minutes, rounded to one decimal; null if none has
    /// left. A visit that staff extended has its later end.
    #[schema(example = 90.0)]
    pub average_planned_minutes: Option<f64>,
    /// How long before the visit it was booked on average, in hours, rounded to one decimal; null without bookings in
    /// advance.
    #[schema(example = 76.3)]
    pub average_lead_hours: Option<f64>,
    /// By `by`, sorted by key; absent without `by`, and in a group. A reservation at several tables is counted at each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, no_recursion)]
    pub groups: Option<Vec<Stats>>,
}

/// How many requests for a place a venue refused: bookings, walk-ins and parties that wanted to wait.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Refusals {
    /// The venue.
    pub venue_id: VenueId,
    /// The counts, by business day. Those of the last 400 days are kept.
    pub items: Vec<RefusalCount>,
}

/// Refused requests of one kind for one business day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RefusalCount {
    /// The business day that was asked for.
    pub date: NaiveDate,
    /// The reason: `closed`, `too_soon`, `too_late`, `party_too_large`, `pacing`, `no_table`, `unproven_share` or
    /// `waitlist_full`. There may be more in the future.
    #[schema(example = "no_table")]
    pub reason: String,
    /// Whether the parties were at the door.
    pub walk_in: bool,
    /// The number of requests. A party that tries again is counted again.
    #[schema(example = 3)]
    pub requests: u32,
    /// The sum of their guests.
    #[schema(example = 8)]
    pub guests: u32,
}
