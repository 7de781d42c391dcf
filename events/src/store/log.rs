//! A log of groups: the [`EventStore`] of every engine.
//!
//! One writer appends groups through the engine, readers find events with an index in memory. Recent groups
//! stay in memory, older ones come from a cache or from the engine.

mod cache;
mod reader;
mod replay;
mod request;
mod staged;
mod state;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use parking_lot::RwLock;
use tokio::sync::{mpsc, oneshot, watch};

use self::cache::Cache;
pub(super) use self::replay::{LoadError, Loaded, replay};
use self::request::Request;
pub(super) use self::state::State;
pub(super) use self::writer::Writer;
use super::engine::{Availability, Committer, Engine};
use super::groups::{Chain, StoredGroup};
use super::{AppendCondition, AppendError, Appended, EventStore, Page, ReadError, check_limits};
use crate::ids::{LogId, Position};
use crate::query::Query;
use crate::recorded::{Envelope, NewEvent};

/// A durable log.
///
/// Dropping it completes accepted appends and closes the engine.
pub struct StoredLog {
    source: &'static str,
    shared: Arc<Shared>,
    requests: Option<mpsc::Sender<Request>>,
    close: Option<Close>,
}

/// Waits until the writer has ended, then closes the engine.
pub(super) type Close = Box<dyn FnOnce() + Send + Sync>;

/// Shared by the writer and the readers.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) log_id: LogId,
    pub(super) head: watch::Sender<Position>,
    engine: Arc<dyn Engine>,
    availability: Arc<Availability>,
    state: RwLock<State>,
    cache: Cache,
}

/// The parts of a log that was read to its end.
pub(super) struct Parts {
    /// The name of the service that writes the log: the first part of the CloudEvents `source`.
    pub(super) source: &'static str,
    pub(super) log_id: LogId,
    pub(super) engine: Arc<dyn Engine>,
    /// Whether the engine can be written, as its committer has found.
    pub(super) availability: Arc<Availability>,
    pub(super) state: State,
    pub(super) chain: Chain,
    /// Maximum number of appends waiting for the writer; further ones are refused.
    pub(super) queue_appends: usize,
}

impl StoredLog {
    /// The log, and its writer, which the engine must run. The log appends nothing while it does not run.
    pub(super) fn new<C: Committer>(parts: Parts, committer: C) -> (Self, Writer<C>) {
        let shared = Arc::new(Shared {
            log_id: parts.log_id,
            head: watch::Sender::new(parts.state.last()),
            engine: parts.engine,
            availability: parts.availability,
            state: RwLock::new(parts.state),
            cache: Cache::default(),
        });
        metrics::gauge!("meja_log_head_position").set(shared.head.borrow().0 as f64);
        let (requests, queue) = mpsc::channel(parts.queue_appends);
        let writer =
            Writer { shared: Arc::clone(&shared), committer, chain: parts.chain, queue, held_back: None };
        (Self { source: parts.source, shared, requests: Some(requests), close: None }, writer)
    }

    /// The log, which calls `close` when it is dropped.
    pub(super) fn closed_by(mut self, close: impl FnOnce() + Send + Sync + 'static) -> Self {
        self.close = Some(Box::new(close));
        self
    }

    /// The log, which keeps `guard` until it is closed, for example the lock of a directory that belongs to it.
    #[must_use]
    pub fn keeping(mut self, guard: impl Send + Sync + 'static) -> Self {
        let close = self.close.take();
        self.closed_by(move || {
            if let Some(close) = close {
                close();
            }
            drop(guard);
        })
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The name of the service that writes this log.
    #[must_use]
    pub fn source(&self) -> &'static str {
        self.source
    }

    /// The group that holds `position`, in its stored form; `None` after the head. Blocks.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn stored_group(&self, position: Position) -> Result<Option<StoredGroup>, ReadError> {
        if position == Position::START || position > self.known_head() {
            return Ok(None);
        }
        let span = self.shared.span(position);
        let value = self.shared.engine.value(span.first)?;
        let value = value.ok_or(ReadError::Damaged { at: position, what: "a group is missing" })?;
        let payloads = self.shared.engine.payload_values(&[span])?.pop().unwrap_or_default();
        StoredGroup::decode(span.first, value, payloads).map(Some)
    }
}

impl std::fmt::Debug for StoredLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { source, shared, .. } = self;
        f.debug_struct("StoredLog").field("source", source).field("shared", shared).finish_non_exhaustive()
    }
}

impl Drop for StoredLog {
    fn drop(&mut self) {
        // The writer ends when its queue is closed and empty.
        self.requests = None;
        if let Some(close) = self.close.take() {
            close();
        }
    }
}

impl EventStore for StoredLog {
    fn log_id(&self) -> LogId {
        self.shared.log_id
    }

    fn append(
        &self,
        events: Vec<NewEvent>,
        condition: AppendCondition,
    ) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move {
            // Serialise on the caller's thread, because all appends wait for the writer.
            let envelopes: Vec<_> =
                events.iter().map(|event| Envelope::write(event, self.source, self.shared.log_id)).collect();
            check_limits(&events, envelopes.iter().map(Envelope::len_bytes), &condition)?;
            self.shared.availability.check().map_err(|refusal| AppendError::from(&refusal))?;
            let (reply, answer) = oneshot::channel();
            let request = Request::new(events, envelopes, condition, reply);
            let requests = self.requests.as_ref().ok_or(AppendError::Closed)?;
            requests.try_send(request).map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => AppendError::Overloaded,
                mpsc::error::TrySendError::Closed(_) => AppendError::Closed,
            })?;
            answer.await.map_err(|_| AppendError::Closed)?
        })
    }

    fn read<'a>(
        &'a self,
        query: &'a Query,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'a, Result<Page, ReadError>> {
        Box::pin(async move {
            if let Some(page) = self.shared.read_in_memory(query, after, limit)? {
                return Ok(page);
            }
            let query = query.clone();
            self.blocking(move |shared| shared.read(&query, after, limit)).await
        })
    }

    fn watch_head(&self) -> watch::Receiver<Position> {
        self.shared.head.subscribe()
    }

    fn confidential(&self, positions: Vec<Position>) -> BoxFuture<'_, Result<Vec<Option<Bytes>>, ReadError>> {
        Box::pin(async move {
            let in_memory = |position: &Position| self.shared.payload_in_memory(*position);
            if let Some(payloads) = positions.iter().map(in_memory).collect() {
                return Ok(payloads);
            }
            self.blocking(move |shared| shared.payloads(&positions)).await
        })
    }

    fn silence(&self) -> Duration {
        self.shared.availability.silence()
    }

    fn is_writable(&self) -> bool {
        self.shared.availability.check().is_ok()
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        Box::pin(async move {
            if self.shared.engine.has_one_writer() {
                return Ok(self.known_head());
            }
            self.blocking(|shared| shared.engine.head()).await
        })
    }
}

impl StoredLog {
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let shared = Arc::clone(&self.shared);
        let done = tokio::task::spawn_blocking(move || work(&shared)).await;
        done.map_err(|_| ReadError::Interrupted)?
    }
}
