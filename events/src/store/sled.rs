//! The log on disk: sled 0.34, used so that every acknowledged append is durable.
//!
//! Measurements determined the design. `flush()` alone is not durable, so every commit ends with an
//! `fdatasync` on a descriptor of our own. One value per group of events is four times as fast as one
//! key per event, and makes an append of several events atomic without a transaction. sled stores
//! large values in files that it never syncs, so the segment size is set such that no value ever
//! counts as large. Concurrent transactions have deadlocked, so one thread ([`writer`]) does all writes.
//!
//! The data directory contains `lock`, `head-witness.json`, `head-mark`, `log/` (owned by sled), and
//! `unfinished` while a log is being loaded.

mod bulk_load;
mod cache;
mod confidential;
mod disk;
mod fatal;
mod open;
mod reader;
mod replay;
mod state;
mod watchdog;
mod witness;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread::JoinHandle;

use bytes::Bytes;
use futures::future::BoxFuture;
use parking_lot::RwLock;
use tokio::sync::{mpsc, oneshot, watch};

pub use self::bulk_load::{
    BulkLoadError, BulkLoader, LockedDataDir, WitnessedHead, lock_data_dir, read_witness,
};
use self::cache::Cache;
use self::confidential::ConfidentialTree;
use self::disk::{Disk, SledDisk};
pub use self::open::OpenError;
use self::open::Opened;
use self::state::State;
use self::writer::{Request, Writer};
use super::groups::{ChainHash, StoredGroup};
use super::{AppendCondition, AppendError, Appended, EventBytes, EventStore, Page, ReadError, check_limits};
use crate::ids::{LogId, Position};
use crate::query::Query;
use crate::recorded::{Envelope, NewEvent};

/// Settings of a log on disk.
#[derive(Debug, Clone)]
pub struct Options {
    /// The data directory. Created if it does not exist.
    pub data_dir: PathBuf,
    /// The name of the service that writes the log: the first part of the CloudEvents `source`.
    pub source: &'static str,
    /// The id for a log that is created; random if `None`.
    pub log_id: Option<LogId>,
    /// Size of sled's page cache, in bytes.
    pub cache_bytes: u64,
    /// Size of the most recent groups kept in memory, in bytes.
    pub recent_bytes: usize,
    /// Maximum number of appends waiting for the writer; further ones are refused.
    pub queue_appends: usize,
    /// No append is accepted when the file system has less free space than this, in bytes.
    pub reserve_bytes: u64,
}

impl Options {
    /// The default settings for a log of the service `source` in `data_dir`.
    #[must_use]
    pub fn new(data_dir: &Path, source: &'static str) -> Self {
        Self {
            data_dir: data_dir.to_owned(),
            source,
            log_id: None,
            cache_bytes: 64 << 20,
            recent_bytes: 32 << 20,
            queue_appends: 4_096,
            reserve_bytes: 64 << 20,
        }
    }
}

/// A durable log in a directory.
///
/// Dropping it completes accepted appends, writes the head witness and unlocks the directory.
#[derive(Debug)]
pub struct SledStore {
    source: &'static str,
    data_dir: PathBuf,
    shared: Arc<Shared>,
    requests: Option<mpsc::Sender<Request>>,
    threads: Vec<JoinHandle<()>>,
    stop_watchdog: std::sync::mpsc::Sender<()>,
}

/// Shared by the writer and the readers.
#[derive(Debug)]
struct Shared {
    log_id: LogId,
    log: sled::Tree,
    payloads: ConfidentialTree,
    state: RwLock<State>,
    cache: Cache,
    head: watch::Sender<Position>,
    /// Length of the database file at the last sync, in bytes.
    synced_bytes: AtomicU64,
}

impl SledStore {
    /// Opens the log in `options.data_dir`, or creates it.
    ///
    /// Blocks: reads every event once to rebuild the index and to verify the hash chain.
    ///
    /// # Errors
    /// [`OpenError`] when the directory is in use, or when the log is damaged, was replaced or has
    /// lost events. Apart from sled's own recovery, nothing was changed in that case.
    pub fn open(options: &Options) -> Result<Self, OpenError> {
        Self::open_visiting(options, &mut |_, _| {})
    }

    /// Opens the log like [`Self::open`] and passes every event to `visit`, in order, with the hash of the
    /// chain behind it. A caller that
    /// builds state from all events does not have to read them a second time.
    ///
    /// The state is valid only if this returns `Ok`.
    ///
    /// # Errors
    /// As for [`Self::open`].
    pub fn open_visiting(
        options: &Options,
        visit: &mut (dyn FnMut(EventBytes<'_>, &ChainHash) + Send),
    ) -> Result<Self, OpenError> {
        open::refuse_unfinished(&options.data_dir)?;
        let opened = open::open(options, visit)?;
        let disk = SledDisk {
            db: opened.db.clone(),
            log: opened.log.clone(),
            payloads: opened.payloads.clone(),
            file: opened.file.try_clone().map_err(|e| ("open the log for syncing", e))?,
            mark: opened.mark.try_clone().map_err(|e| ("open head-mark", e))?,
            data_dir: options.data_dir.clone(),
        };
        Self::start(options, opened, Arc::new(disk))
    }

    /// Starts the threads of an opened log, which write through `disk`.
    fn start(options: &Options, opened: Opened, disk: Arc<dyn Disk>) -> Result<Self, OpenError> {
        let shared = Arc::new(Shared {
            log_id: opened.log_id,
            log: opened.log,
            payloads: opened.payloads,
            head: watch::Sender::new(opened.state.last()),
            state: RwLock::new(opened.state),
            cache: Cache::default(),
            synced_bytes: AtomicU64::new(opened.file.metadata().map_or(0, |metadata| metadata.len())),
        });
        metrics::gauge!("meja_log_head_position").set(shared.head.borrow().0 as f64);
        let (requests, queue) = mpsc::channel(options.queue_appends);
        let (stop_watchdog, stop) = std::sync::mpsc::channel();
        let commit_timer = Arc::new(watchdog::CommitTimer::default());
        let writer = Writer {
            shared: Arc::clone(&shared),
            disk: Arc::clone(&disk),
            chain: opened.chain.hash(),
            queue,
            held_back: None,
            commit_timer: Arc::clone(&commit_timer),
            reserve_bytes: options.reserve_bytes,
        };
        let watchdog =
            watchdog::Watchdog { shared: Arc::clone(&shared), disk, commit_timer, lock: opened.lock };
        let threads = vec![
            spawn("log-writer", move || writer.run())?,
            spawn("log-watchdog", move || watchdog.run(&stop))?,
        ];
        Ok(Self {
            source: options.source,
            data_dir: options.data_dir.clone(),
            shared,
            requests: Some(requests),
            threads,
            stop_watchdog,
        })
    }
}

impl SledStore {
    /// The name of the service that writes this log.
    #[must_use]
    pub fn source(&self) -> &'static str {
        self.source
    }

    /// The data directory.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The group that holds `position`, in its stored form; `None` after the head. Blocks.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn stored_group(&self, position: Position) -> Result<Option<StoredGroup>, ReadError> {
        if position == Position::START || position > self.known_head() {
            return Ok(None);
        }
        let first = self.shared.group_start(position);
        let storage = |source| ReadError::storage(position, source);
        let value = self.shared.log.get(first.0.to_be_bytes()).map_err(storage)?;
        let value = value.ok_or(ReadError::Damaged { at: position, what: "a group is missing" })?;
        let confidential = self.shared.payloads.0.get(first.0.to_be_bytes()).map_err(storage)?;
        let confidential = confidential.map(Bytes::from_owner).unwrap_or_default();
        StoredGroup::decode(first, Bytes::from_owner(value), confidential).map(Some)
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, OpenError> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .map_err(|source| OpenError::Io { doing: "start the threads of the log", source })
}

impl Drop for SledStore {
    fn drop(&mut self) {
        // The writer ends when its queue is closed and empty; then the watchdog writes the witness.
        self.requests = None;
        let mut threads = self.threads.drain(..);
        if let Some(writer) = threads.next() {
            let _ = writer.join();
        }
        let _ = self.stop_watchdog.send(());
        for watchdog in threads {
            let _ = watchdog.join();
        }
    }
}

impl EventStore for SledStore {
    fn log_id(&self) -> LogId {
        self.shared.log_id
    }

    fn append(
        &self,
        events: Vec<NewEvent>,
        condition: AppendCondition,
    ) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move {
            // Serialise on the caller's thread, because all appends wait for the writer thread.
            let envelopes: Vec<_> =
                events.iter().map(|event| Envelope::write(event, self.source, self.shared.log_id)).collect();
            check_limits(&events, envelopes.iter().map(Envelope::len_bytes), &condition)?;
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
            let (shared, query) = (Arc::clone(&self.shared), query.clone());
            tokio::task::spawn_blocking(move || shared.read(&query, after, limit))
                .await
                .map_err(|_| ReadError::Interrupted)?
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
            let shared = Arc::clone(&self.shared);
            tokio::task::spawn_blocking(move || positions.into_iter().map(|at| shared.payload(at)).collect())
                .await
                .map_err(|_| ReadError::Interrupted)?
        })
    }
}

#[cfg(test)]
mod tests;
