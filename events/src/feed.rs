//! The contract of the feed between services: HTTP Feeds (http-feeds.org), batches of CloudEvents
//! that a consumer requests by the id of the last event it has processed.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::ids::Position;

/// Media type of a page.
pub const BATCH_CONTENT_TYPE: &str = "application/cloudevents-batch+json";

/// Response header with the last durable position of the log, from which a consumer computes its lag.
pub const HEAD_POSITION_HEADER: &str = "head-position";

/// Maximum number of events in one page.
pub const LIMIT_EVENTS_MAX: usize = 1_000;

/// Number of events in a page if the consumer names none.
pub const LIMIT_EVENTS_DEFAULT: usize = 100;

/// Maximum time a long poll is parked, in milliseconds.
pub const TIMEOUT_MS_MAX: u64 = 30_000;

/// The problem `code` for a cursor that this log never issued.
pub const CURSOR_NOT_IN_LOG: &str = "cursor_not_in_log";

/// One page of the feed, oldest event first. Members are parsed one by one, so that one unreadable
/// event does not hide the others.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Batch<'a> {
    /// The events, as stored.
    #[serde(borrow)]
    pub events: Vec<&'a RawValue>,
}

impl<'a> Batch<'a> {
    /// Splits a page into its events.
    ///
    /// # Errors
    /// The error of `serde_json` when the page is not a JSON array.
    pub fn parse(page: &'a [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(page)
    }
}

/// The progress of a consumer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lag {
    /// The last position it has processed.
    pub position: Position,
    /// The last durable position of the log it consumes.
    pub head: Position,
}

impl Lag {
    /// Number of events not yet processed.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.head.0.saturating_sub(self.position.0)
    }
}
