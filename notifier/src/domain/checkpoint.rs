//! The checkpoints of the log, which are passed on.

/// A signed checkpoint of the log. It is passed on without being verified: its recipient does that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogCheckpoint {
    /// The name of the log.
    pub origin: String,
    /// The number of events in it.
    pub size: u64,
    /// The signed note.
    pub note: String,
}
