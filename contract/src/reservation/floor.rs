//! The floor: every table with its party.

use chrono::NaiveDate;
use events::values::PartySize;
use events::{ReservationId, TableId, VenueId, WaitlistId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::words::TableStatus;
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
    /// The tables.
    pub tables: Vec<TableState>,
    /// The parties of the business day that need a table, by arrival.
    pub needs_table: Vec<PartyView>,
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
