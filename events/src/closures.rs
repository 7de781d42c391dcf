//! The events about closures: times at which a venue, or a part of it, takes no parties. Part of [`crate::event`].

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{ClosureId, ReservationId, TableId, VenueId};

/// A venue closes on some business days, or a part of it does. From this event on bookings there are refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VenueClosed {
    /// The venue.
    pub venue_id: VenueId,
    /// The closure.
    pub closure_id: ClosureId,
    /// The first business day.
    pub from: NaiveDate,
    /// The last business day.
    pub to: NaiveDate,
    /// The name of the service that is closed; all of them if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The areas that are closed. Without areas and tables everything is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub areas: Vec<String>,
    /// The tables that are closed, besides those of the areas.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<TableId>,
    /// The reason as a stable code.
    pub reason_code: String,
    /// Future bookings that fall under the closure, earliest first, at most 100.
    pub stranded: Vec<ReservationId>,
    /// The total number of such bookings.
    pub stranded_count: u32,
}

/// A person ordered that the bookings under a closure are cancelled. Each cancellation has its own event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CancellationsOrdered {
    /// The venue.
    pub venue_id: VenueId,
    /// The closure.
    pub closure_id: ClosureId,
    /// The number of bookings under it.
    pub stranded_count: u32,
}

/// A closure was lifted. From this event on the venue takes parties again at that time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClosureLifted {
    /// The venue.
    pub venue_id: VenueId,
    /// The closure.
    pub closure_id: ClosureId,
}
