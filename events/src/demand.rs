//! The event about parties for which a venue had no place. Part of [`crate::event`].

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::VenueId;

/// How many requests for a place a venue refused: those that no earlier event of this type counted. Consumers add the events up. A
/// refused request leaves no event of its own, and a crash of the service can lose counts of some minutes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RequestsRefused {
    /// The venue.
    pub venue_id: VenueId,
    /// The counts, at most 200, each of another day, reason or kind.
    pub counts: Vec<RefusedCount>,
}

/// Refused requests of one kind for one business day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RefusedCount {
    /// The business day that was asked for.
    pub date: NaiveDate,
    /// The reason as a stable code, for example `no_table`.
    pub reason_code: String,
    /// Whether the parties were at the door.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub walk_in: bool,
    /// The number of requests. A party that tries again is counted again.
    pub requests: u32,
    /// The sum of their guests.
    pub guests: u32,
}
