//! What can be booked on a day.

use chrono::NaiveDate;
use events::values::{Money, PartySize};
use events::{EventId, TableId, VenueId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::words::SlotReason;
use crate::values::LocalTime;

/// The availability of a venue on a day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Day {
    /// The venue.
    pub venue_id: VenueId,
    /// The business day: slots after midnight belong to the day on which the service opened.
    pub date: NaiveDate,
    /// The IANA time zone of the venue.
    #[schema(example = "Asia/Jakarta")]
    pub timezone: String,
    /// The number of guests.
    #[schema(value_type = u8, minimum = 1, example = 2)]
    pub party_size: PartySize,
    /// The area.
    pub area: Option<String>,
    /// The position of the log that the result is based on.
    pub position: u64,
    /// The id of the event at which the feed continues: the `lastEventId` of `/events`. The result contains everything up to
    /// it. Null for an empty log.
    #[serde(default)]
    pub feed_cursor: Option<EventId>,
    /// The slots, in the order of their time.
    pub slots: Vec<SlotView>,
}

/// An arrival time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SlotView {
    /// The arrival.
    pub start_time: LocalTime,
    /// The end of the visit.
    pub end_time: LocalTime,
    /// Whether a booking for exactly this slot would be accepted.
    pub available: bool,
    /// The reason if not.
    pub reason: Option<SlotReason>,
    /// The tables that a booking would get.
    pub tables: Vec<TableOffer>,
    /// The deposit that a booking would need.
    pub deposit: Option<Money>,
}

/// A table that a booking would get.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TableOffer {
    /// The table.
    pub table_id: TableId,
    /// The area.
    #[schema(example = "Teras")]
    pub area: String,
    /// The number of seats.
    pub capacity: u8,
}
