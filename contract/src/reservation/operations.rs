//! For operators and tools.

use events::LogId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::request::requests;
use crate::values::Line;

requests! {
    /// The path of a schema.
    path SchemaPath {
        /// `venue.json`, or the type of an event with `.json`.
        #[example = "meja.reservation.created.v1.json"]
        required name: Line<100>,
    }
}

/// The state of a service that is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Readiness {
    /// Always `ready`: a service that is not responds with a problem.
    #[schema(pattern = "^ready$", example = "ready")]
    pub status: String,
    /// The position of the last event of the log.
    #[schema(example = 42)]
    pub head: u64,
    /// The id of the log.
    pub log_id: LogId,
}
