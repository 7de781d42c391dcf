//! The interface to the stored log of a service.

use chrono::{DateTime, Utc};
use events::feed::TIMEOUT_MS_MAX;
use events::{LogId, Position};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::request::requests;
use crate::values::{Prose, Whole};
use crate::words::words;

requests! {
    /// A part of the log.
    query ReadLog {
        /// Only groups with events after this position; all groups by default.
        optional after: Position,
        /// Milliseconds to wait for an event after that position; 0 by default.
        optional timeout: Whole<0, { TIMEOUT_MS_MAX as i64 }>,
    }

    /// A verification of the log.
    body StartVerification {
        /// An older checkpoint that was kept elsewhere: the log must still begin with everything that it contains.
        optional checkpoint: Prose<8000>,
    }
}

words! {
    /// The state of a verification.
    open VerificationStatus {
        /// None was started since the service started.
        None = "none",
        /// It is under way.
        Running = "running",
        /// It has ended, and the log is valid.
        Valid = "valid",
        /// It has ended, and the log has faults.
        Broken = "broken",
        /// It was cancelled, or the service stopped.
        Cancelled = "cancelled",
        /// The log could not be read to its end.
        Failed = "failed",
    }
}

/// A verification of the log of a running service: what was examined so far, and what was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VerificationView {
    /// The state.
    pub status: VerificationStatus,
    /// The log.
    pub log_id: LogId,
    /// When it was started.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// The credential of the caller who started it.
    #[schema(example = "key:97fdf6ce5cbd")]
    pub by: Option<String>,
    /// The last position when it was started. Later events are not examined.
    pub head: u64,
    /// The last position that was examined.
    pub position: u64,
    /// The hash of the chain up to `position`.
    #[schema(example = "97fdf6ce5cbd0f1fe69cd1b84881a420f7cebe894b7701939f3e7b2a7c3d9e4f")]
    pub hash: String,
    /// The number of groups whose link in the chain was checked.
    pub groups: u64,
    /// The number of appends whose condition was checked.
    pub appends: u64,
    /// The number of confidential payloads.
    pub private_parts: u64,
    /// The number of confidential payloads that match the digest in their event.
    pub private_parts_proved: u64,
    /// The number of events whose confidential payload was forgotten.
    pub private_parts_forgotten: u64,
    /// The signed checkpoints with which the log is compared.
    pub checkpoints: Vec<CheckpointCompared>,
    /// The first 20 faults.
    pub faults: Vec<String>,
    /// The number of all faults.
    pub faults_count: u64,
    /// Why the log could not be read to its end.
    pub error: Option<String>,
}

/// A signed checkpoint with which a log is compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckpointCompared {
    /// The number of events in it.
    pub events: u64,
    /// Whether the caller named it. Otherwise it is the newest one of the service itself.
    pub is_from_caller: bool,
    /// Whether the log begins with everything that was signed; null as long as that is not known.
    pub is_kept: Option<bool>,
}
