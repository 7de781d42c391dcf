//! Closures: times at which a venue, or a part of it, takes no parties.

use chrono::{DateTime, NaiveDate, Utc};
use events::values::PartySize;
use events::{ClosureId, ReservationId, TableId, VenueId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::words::{AffectedReason, ReservationStatus};
use crate::request::requests;
use crate::values::{Line, List, LocalTime, ReasonCode};

requests! {
    /// How a closure is declared.
    query DeclareClosure {
        /// Only answer which bookings the closure would affect. The answer has the version 0, and nothing is recorded.
        optional dry_run: bool,
    }

    /// The path of a closure.
    path ClosurePath {
        /// The venue.
        required venue_id: VenueId,
        /// The closure.
        required closure_id: ClosureId,
    }

    /// A closure. Without areas and tables everything is closed.
    body CloseVenue {
        /// The first business day, today or later.
        #[example = "2026-12-24"]
        required from: NaiveDate,
        /// The last business day, at most 365 days after the first; by default the first.
        #[example = "2026-12-25"]
        optional to: NaiveDate,
        /// The name of the only service that is closed; all of them by default.
        #[example = "Makan malam"]
        optional service: Line<64>,
        /// The areas that are closed.
        #[example = ["Teras"]]
        optional areas: List<Line<64>, 1, 50>,
        /// The tables that are closed, besides those of the areas.
        #[example = ["T3"]]
        optional tables: List<TableId, 1, 200>,
        /// One of the reason codes, because events contain it. The message to a guest whose booking is cancelled explains
        /// `private_event`, `holiday`, `maintenance`, `staff_shortage`, `weather` and `emergency`.
        #[example = "private_event"]
        required reason_code: ReasonCode,
    }
}

/// A closure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ClosureView {
    /// The closure.
    pub closure_id: ClosureId,
    /// The venue.
    pub venue_id: VenueId,
    /// The first business day.
    pub from: NaiveDate,
    /// The last business day.
    pub to: NaiveDate,
    /// The name of the only service that is closed; null if all of them are.
    #[schema(example = "Makan malam")]
    pub service: Option<String>,
    /// The areas that are closed. Without areas and tables everything is.
    #[schema(example = json!(["Teras"]))]
    pub areas: Vec<String>,
    /// The tables that are closed, besides those of the areas.
    #[schema(example = json!(["T3"]))]
    pub tables: Vec<TableId>,
    /// The reason as a stable code.
    #[schema(example = "private_event")]
    pub reason_code: String,
    /// When it was declared.
    pub declared_at: DateTime<Utc>,
    /// When it was lifted; null while it is in force.
    pub lifted_at: Option<DateTime<Utc>>,
    /// When a person ordered that its bookings are cancelled; null if that was not ordered.
    pub cancelling_since: Option<DateTime<Utc>>,
    /// The number of bookings that were cancelled together because of it.
    pub cancelled_count: u32,
    /// The future bookings that it affects now, the earliest first, at most 100. Those that staff moved or cancelled are not
    /// among them.
    pub affected: Vec<AffectedByClosure>,
    /// The number of such bookings.
    pub affected_count: u32,
    /// The number of changes of the closure; 0 in the answer to a dry run.
    #[schema(example = 1)]
    pub version: u64,
}

/// A booking under a closure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AffectedByClosure {
    /// The reservation.
    pub reservation_id: ReservationId,
    /// `closed` if the restaurant takes no parties at that time, `table_closed` if another table may be free.
    pub reason: AffectedReason,
    /// The status.
    pub status: ReservationStatus,
    /// The start.
    pub start_time: LocalTime,
    /// The number of guests.
    #[schema(value_type = u8, minimum = 1, example = 2)]
    pub party_size: PartySize,
    /// Its tables.
    pub tables: Vec<TableId>,
}

/// The closures of a venue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ClosureList {
    /// The closures that are in force and not over, the first declared one first.
    pub items: Vec<ClosureView>,
}
