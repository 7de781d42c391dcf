//! Where and when an event was recorded.

use chrono::{DateTime, Utc};
use events::Position;

/// Where and when an event was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordedAt {
    /// Its position in the log.
    pub position: Position,
    /// Its time.
    pub time: DateTime<Utc>,
}
