//! The bodies of error responses: `application/problem+json`, RFC 9457.

pub mod kinds;

use events::{LogId, TableId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

use crate::fault::Fault;
use crate::notifier::words::EffectStatus;
use crate::reservation::words::ReservationStatus;
use crate::values::LocalTime;

/// Media type of every error response.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// An error response, RFC 9457.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// `/problems/` and the code: the page that describes this kind of problem.
    #[schema(format = "uri-reference", example = "/problems/table_taken")]
    pub r#type: String,
    /// The standard text for the status.
    #[schema(example = "Conflict")]
    pub title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599, example = 409)]
    pub status: u16,
    /// A stable code for programs.
    #[schema(pattern = "^[a-z0-9_]+$", example = "table_taken")]
    pub code: String,
    /// A description of the problem and of the next step.
    #[schema(
        example = "Table T3 is not free for the whole visit. Assign another table, or choose another time."
    )]
    pub detail: String,
    /// Tables or times that are free instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub alternatives: Option<Vec<Alternative>>,
    /// With `no_table` for a walk-in: the minutes until a table is expected to be free; absent if none will be
    /// within six hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 0)]
    pub estimated_wait_minutes: Option<u64>,
    /// With `version_mismatch`: the version of the resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub current_version: Option<u64>,
    /// The status of the reservation that refused the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reservation_status: Option<ReservationStatus>,
    /// With `not_refundable`: the amount that can still be refunded, in minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub refundable_minor: Option<i64>,
    /// With `not_dead`: the status of the effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub effect_status: Option<EffectStatus>,
    /// With `refund_is_dead`: the effect to retry or discard first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub effect: Option<String>,
    /// With `cursor_not_in_log`: the id of the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub log_id: Option<LogId>,
    /// With `cursor_not_in_log`: the position of the last event of the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub head: Option<u64>,
}

/// An alternative to a request that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Alternative {
    /// Another table at the same time.
    Table(AlternativeTable),
    /// Another time, or another area at the same time.
    Time(AlternativeTime),
}

/// A table that is free instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlternativeTable {
    /// The table.
    pub table_id: TableId,
    /// Its area.
    #[schema(example = "Teras")]
    pub area: String,
    /// The number of guests it seats.
    #[schema(example = 4)]
    pub capacity: u8,
    /// The start of the visit.
    pub start_time: LocalTime,
}

/// A time at which the party can be seated instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlternativeTime {
    /// The start of the visit.
    pub start_time: LocalTime,
    /// The end of the visit.
    pub end_time: LocalTime,
    /// The area of the tables; null if they are in several areas.
    #[schema(example = "Teras")]
    pub area: Option<String>,
    /// The tables.
    pub tables: Vec<TableId>,
}

/// All faults of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InvalidRequest {
    /// `/problems/invalid_request`.
    #[schema(format = "uri-reference", example = "/problems/invalid_request")]
    pub r#type: String,
    /// The standard text for the status.
    #[schema(example = "Unprocessable Entity")]
    pub title: String,
    /// The HTTP status.
    #[schema(minimum = 422, maximum = 422, example = 422)]
    pub status: u16,
    /// A stable code for programs.
    #[schema(pattern = "^invalid_request$", example = "invalid_request")]
    pub code: String,
    /// The faults, in the format of FastAPI. RFC 9457 defines this member as a string; a client that follows its §3.1
    /// ignores a member of the wrong type.
    pub detail: Vec<Fault>,
}

/// The schemas of the bodies of error responses, by their names in the description of an API.
#[must_use]
pub fn schemas() -> Vec<(String, RefOr<Schema>)> {
    fn named<T: ToSchema>() -> (String, RefOr<Schema>) {
        (T::name().into_owned(), T::schema())
    }
    let mut all = vec![named::<Problem>(), named::<InvalidRequest>()];
    Problem::schemas(&mut all);
    InvalidRequest::schemas(&mut all);
    all
}
