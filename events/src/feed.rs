//! How facts travel between services: HTTP Feeds (http-feeds.org), a batch of CloudEvents that a
//! consumer asks for by the id of the last event it has dealt with.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::ids::Position;

/// Media type of a page.
pub const BATCH_CONTENT_TYPE: &str = "application/cloudevents-batch+json";

/// Response header with the last durable position of the log, so that a consumer knows its lag.
pub const HEAD_POSITION_HEADER: &str = "head-position";

/// The most events in one page.
pub const LIMIT_EVENTS_MAX: usize = 1_000;

/// How many events a page has when the consumer does not say.
pub const LIMIT_EVENTS_DEFAULT: usize = 100;

/// The longest a poll is parked, in milliseconds.
pub const TIMEOUT_MS_MAX: u64 = 30_000;

/// The `code` of the problem that answers a cursor which this log never gave out.
pub const CURSOR_NOT_IN_LOG: &str = "cursor_not_in_log";

/// One page of the feed, oldest event first: the members are parsed one by one, so that an event
/// that can not be read does not hide the others.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Batch<'a> {
    /// The events, as they were stored.
    #[serde(borrow)]
    pub events: Vec<&'a RawValue>,
}

impl<'a> Batch<'a> {
    /// Splits a page into its events.
    ///
    /// # Errors
    /// What `serde_json` found when the page is not a JSON array.
    pub fn parse(page: &'a [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(page)
    }
}

/// How far a consumer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lag {
    /// The last position it has dealt with.
    pub position: Position,
    /// The last durable position of the log it follows.
    pub head: Position,
}

impl Lag {
    /// Events that are still to come.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.head.0.saturating_sub(self.position.0)
    }
}
