//! The log as a list under a lock: the reference model for other stores, and the store for tests of
//! a service. Nothing survives the process.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::future::BoxFuture;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch;
use uuid::Uuid;

use super::{AppendCondition, AppendError, Appended, EventStore, Page, ReadError, check_limits};
use crate::ids::{LogId, Position};
use crate::query::{Query, Tag};
use crate::recorded::{Envelope, NewEvent};

/// A log that exists as long as the process.
#[derive(Debug)]
pub struct MemoryStore {
    log_id: LogId,
    source: &'static str,
    log: Mutex<Log>,
    head: watch::Sender<Position>,
}

#[derive(Debug, Default)]
struct Log {
    events: Vec<MemoryEvent>,
    payloads: BTreeMap<Position, Bytes>,
}

#[derive(Debug)]
struct MemoryEvent {
    position: Position,
    /// Preceded by a comma, as in a page.
    json: Bytes,
    event_type: &'static str,
    tags: Vec<Tag>,
}

impl MemoryEvent {
    fn matches(&self, query: &Query) -> bool {
        query.matches(self.event_type, self.tags.iter().map(Tag::as_str))
    }
}

impl MemoryStore {
    /// An empty log of the service `source`.
    #[must_use]
    pub fn new(source: &'static str) -> Self {
        Self {
            log_id: LogId(Uuid::new_v4()),
            source,
            log: Mutex::default(),
            head: watch::Sender::new(Position::START),
        }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock()
    }

    fn append_now(
        &self,
        events: Vec<NewEvent>,
        condition: &AppendCondition,
    ) -> Result<Appended, AppendError> {
        let envelopes: Vec<_> =
            events.iter().map(|event| Envelope::write(event, self.source, self.log_id)).collect();
        check_limits(&events, envelopes.iter().map(Envelope::len_bytes), condition)?;
        let mut log = self.log();
        let after = usize::try_from(condition.after.0).unwrap_or(usize::MAX);
        let excluded = log.events.iter().skip(after).find(|kept| kept.matches(&condition.fail_if_any));
        if let Some(kept) = excluded {
            return Err(AppendError::Conflict { at: kept.position });
        }
        let first = Position(log.events.len() as u64 + 1);
        let mut last = first;
        for (event, mut envelope) in events.into_iter().zip(envelopes) {
            let position = Position(log.events.len() as u64 + 1);
            for forgotten in event.forgets {
                log.payloads.remove(&forgotten);
            }
            if let Some(confidential) = event.confidential {
                log.payloads.insert(position, confidential);
            }
            let json = [b",", envelope.stamp(position)].concat().into();
            log.events.push(MemoryEvent { position, json, event_type: event.event_type, tags: event.tags });
            last = position;
        }
        self.head.send_replace(last);
        Ok(Appended { first, last })
    }

    fn read_now(&self, query: &Query, after: Position, limit: usize) -> Page {
        let log = self.log();
        let skipped = usize::try_from(after.0).unwrap_or(usize::MAX);
        let mut page = Page::empty(after.max(Position(log.events.len() as u64)));
        for kept in log.events.iter().skip(skipped).filter(|kept| kept.matches(query)).take(limit) {
            page.push(kept.position, kept.json.clone());
        }
        if let Some(last) = page.last().filter(|_| page.len() == limit) {
            page.scanned_to = last.position;
        }
        page
    }
}

impl EventStore for MemoryStore {
    fn log_id(&self) -> LogId {
        self.log_id
    }

    fn append(
        &self,
        events: Vec<NewEvent>,
        condition: AppendCondition,
    ) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move { self.append_now(events, &condition) })
    }

    fn read<'a>(
        &'a self,
        query: &'a Query,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'a, Result<Page, ReadError>> {
        Box::pin(async move { Ok(self.read_now(query, after, limit)) })
    }

    fn watch_head(&self) -> watch::Receiver<Position> {
        self.head.subscribe()
    }

    fn confidential(&self, positions: Vec<Position>) -> BoxFuture<'_, Result<Vec<Option<Bytes>>, ReadError>> {
        Box::pin(async move {
            let log = self.log();
            Ok(positions.iter().map(|position| log.payloads.get(position).cloned()).collect())
        })
    }
}
