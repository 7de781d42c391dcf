//! The floor: every table with its party.

use chrono::NaiveDate;
use events::values::PartySize;
use events::{EventId, ReservationId, TableId, VenueId, WaitlistId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::words::{TableShape, TableStatus};
use crate::values::LocalTime;

/// The floor at some time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Floor {
    /// The venue.
    pub venue_id: VenueId,
    /// The time.
    pub at: LocalTime,
    /// The business day of that time.
    pub date: NaiveDate,
    /// The position of the log that the result is based on.
    pub position: u64,
    /// The id of the event at which the feed continues: the `lastEventId` of `/events`. The result contains everything up to
    /// it. Null for an empty log.
    #[serde(default)]
    pub feed_cursor: Option<EventId>,
    /// The services of the business day, by their opening.
    #[serde(default)]
    pub services: Vec<FloorService>,
    /// The arrival times and their limits; null for a venue that is managed by hand.
    #[serde(default)]
    pub slots: Option<SlotLimits>,
    /// The tables.
    pub tables: Vec<TableState>,
    /// The parties of the business day that need a table, by arrival.
    pub needs_table: Vec<PartyView>,
}

/// A service of a business day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FloorService {
    /// Its name.
    #[schema(example = "Makan malam")]
    pub name: String,
    /// The first arrival.
    pub opens: LocalTime,
    /// The closing.
    pub closes: LocalTime,
}

/// The arrival times of a venue and their limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SlotLimits {
    /// Minutes between two arrival times.
    #[schema(example = 15)]
    pub minutes: u32,
    /// Maximum number of guests who arrive at one time; null without a limit.
    #[schema(example = 24)]
    pub covers_max: Option<u32>,
    /// Maximum number of parties that arrive at one time; null without a limit.
    #[schema(example = 6)]
    pub parties_max: Option<u32>,
}

/// Where pages draw a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlaceView {
    /// The distance of its centre from the left edge of the plan of its area, in centimetres.
    #[schema(example = 150)]
    pub x_cm: u32,
    /// The distance of its centre from the top of the plan of its area, in centimetres.
    #[schema(example = 220)]
    pub y_cm: u32,
    /// How it looks from above.
    pub shape: TableShape,
}

/// A table at some time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TableState {
    /// The table.
    pub table_id: TableId,
    /// The area.
    #[schema(example = "Teras")]
    pub area: String,
    /// The number of seats.
    pub seats: u8,
    /// Where pages draw it; null if the rules do not say.
    #[serde(default)]
    pub place: Option<PlaceView>,
    /// reserved: the time of its party has started, but the party is not there; offered: to a waiting party; overdue:
    /// its party should have left.
    pub state: TableStatus,
    /// When the party was seated.
    pub seated_since: Option<LocalTime>,
    /// When the table becomes free, or, if it is free, until when.
    pub until: Option<LocalTime>,
    /// The party that has the table.
    pub party: Option<PartyView>,
    /// The next party.
    pub next: Option<PartyView>,
    /// All parties of the business day at this table, by arrival.
    pub parties: Vec<PartyView>,
}

/// A party at a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PartyView {
    /// The id of the reservation.
    pub reservation_id: Option<ReservationId>,
    /// Set for a waiting party with an offer.
    pub waitlist_id: Option<WaitlistId>,
    /// The number of guests.
    #[schema(value_type = u8, minimum = 1)]
    pub party_size: PartySize,
    /// The arrival.
    pub start_time: LocalTime,
    /// The end of the visit.
    pub end_time: LocalTime,
}
