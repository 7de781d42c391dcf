//! The beginning of a log.

use std::sync::Arc;

use bytes::Bytes;
use events::recorded::NewEvent;
use events::store::{AppendCondition, AppendError, Appended, EventStore, Page, ReadError};
use events::{LogId, Position, Query};
use futures::future::BoxFuture;
use tokio::sync::watch;

/// A log up to a position. Nothing is appended to it.
pub(super) struct PastStore {
    log: Arc<dyn EventStore>,
    last: Position,
    head: watch::Sender<Position>,
}

impl PastStore {
    pub(super) fn new(log: Arc<dyn EventStore>, last: Position) -> Self {
        Self { log, last, head: watch::Sender::new(last) }
    }
}

impl EventStore for PastStore {
    fn log_id(&self) -> LogId {
        self.log.log_id()
    }

    fn append(&self, _: Vec<NewEvent>, _: AppendCondition) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(std::future::ready(Err(AppendError::Closed)))
    }

    fn read<'a>(
        &'a self,
        query: &'a Query,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'a, Result<Page, ReadError>> {
        Box::pin(async move {
            if after >= self.last {
                return Ok(Page::empty(after));
            }
            Ok(self.log.read(query, after, limit).await?.up_to(self.last))
        })
    }

    fn watch_head(&self) -> watch::Receiver<Position> {
        self.head.subscribe()
    }

    fn confidential(&self, positions: Vec<Position>) -> BoxFuture<'_, Result<Vec<Option<Bytes>>, ReadError>> {
        self.log.confidential(positions)
    }
}
