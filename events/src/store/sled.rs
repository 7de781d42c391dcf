//! The log on disk: sled 0.34 with everything done that it takes to make it durable.
//!
//! What was measured on it decides the shape. `flush()` alone is not durable, so every commit ends
//! with an `fdatasync` on a descriptor of our own. One value for a group of events is four times
//! as fast as a key for each, and makes an append of several events atomic without a transaction.
//! Large values go to files that are never synced, so the segment size is set where none ever
//! gets large. Concurrent transactions have deadlocked, so one thread ([`writer`]) does all writes.
//!
//! In the data directory: `lock`, `head-witness.json`, `head-mark`, `log/` which is sled's, and
//! `unfinished` while a log is being filled.

mod cache;
mod keeper;
mod load;
mod loader;
mod open;
mod private;
mod reading;
mod state;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, RwLock};
use std::thread::JoinHandle;

use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::sync::{mpsc, oneshot, watch};

use self::cache::Cache;
pub use self::loader::{Held, Loader, LoadingError, Witnessed, hold, witnessed};
pub use self::open::OpenError;
use self::private::Private;
use self::state::State;
use self::writer::{Request, Writer};
use super::archive::StoredGroup;
use super::{AppendCondition, AppendError, Appended, EventStore, Page, ReadError, Stored, check_limits};
use crate::ids::{LogId, Position};
use crate::query::Query;
use crate::recorded::{Envelope, NewEvent};

/// Settings of a log on disk.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it stands. Created if it is not there.
    pub data_dir: PathBuf,
    /// The service that writes it: the first part of the CloudEvents `source`.
    pub source: &'static str,
    /// The id of a log that is created here; a new one if none is given.
    pub log_id: Option<LogId>,
    /// sled's page cache, in bytes.
    pub cache_bytes: u64,
    /// Groups that were written last and are served from memory, in bytes.
    pub recent_bytes: usize,
    /// Appends that may wait for the writer; more are refused.
    pub queue_appends: usize,
    /// No append is accepted when the file system has less left than this, in bytes.
    pub reserve_bytes: u64,
}

impl Options {
    /// The defaults for a log of `source` in `data_dir`.
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
/// Dropping it finishes what was accepted, writes the head witness and gives the directory free.
#[derive(Debug)]
pub struct SledStore {
    source: &'static str,
    data_dir: PathBuf,
    shared: Arc<Shared>,
    requests: Option<mpsc::Sender<Request>>,
    threads: Vec<JoinHandle<()>>,
    keeper: std::sync::mpsc::Sender<()>,
}

/// What the writer and the readers share.
#[derive(Debug)]
struct Shared {
    log_id: LogId,
    log: sled::Tree,
    private: Private,
    state: RwLock<State>,
    cache: Cache,
    head: watch::Sender<Position>,
    /// How long the database file was at the last sync.
    synced_bytes: AtomicU64,
}

impl SledStore {
    /// Opens the log in `options.data_dir`, or creates it.
    ///
    /// Blocks: reads every event once, to rebuild the index and to check the hash chain.
    ///
    /// # Errors
    /// [`OpenError`] when the directory is in use, or when the log is damaged, was replaced or has
    /// lost events. Nothing was changed then beyond what sled's own recovery does.
    pub fn open(options: &Options) -> Result<Self, OpenError> {
        Self::open_visiting(options, &mut |_| {})
    }

    /// Opens the log as [`Self::open`] does, and shows every event to `visit`, in order: whoever
    /// builds something from all of them need not read them a second time.
    ///
    /// What `visit` saw counts only when the log opened.
    ///
    /// # Errors
    /// As for [`Self::open`].
    pub fn open_visiting(
        options: &Options,
        visit: &mut (dyn FnMut(Stored<'_>) + Send),
    ) -> Result<Self, OpenError> {
        open::refuse_unfinished(&options.data_dir)?;
        let opened = open::open(options, visit)?;
        let shared = Arc::new(Shared {
            log_id: opened.log_id,
            log: opened.log,
            private: opened.private,
            head: watch::Sender::new(opened.state.last()),
            state: RwLock::new(opened.state),
            cache: Cache::default(),
            synced_bytes: AtomicU64::new(opened.file.metadata().map_or(0, |metadata| metadata.len())),
        });
        metrics::gauge!("meja_log_head_position").set(shared.head.borrow().0 as f64);
        let (requests, queue) = mpsc::channel(options.queue_appends);
        let (keeper, stop) = std::sync::mpsc::channel();
        let pulse = Arc::new(keeper::Pulse::default());
        let writer = Writer {
            shared: Arc::clone(&shared),
            db: opened.db,
            file: opened.file,
            mark: opened.mark,
            chain: opened.chain.hash(),
            queue,
            held_back: None,
            pulse: Arc::clone(&pulse),
            reserve_bytes: options.reserve_bytes,
        };
        let keeper_thread = keeper::Keeper {
            shared: Arc::clone(&shared),
            data_dir: options.data_dir.clone(),
            pulse,
            lock: opened.lock,
        };
        let threads = vec![
            spawn("log-writer", move || writer.run())?,
            spawn("log-keeper", move || keeper_thread.run(&stop))?,
        ];
        Ok(Self {
            source: options.source,
            data_dir: options.data_dir.clone(),
            shared,
            requests: Some(requests),
            threads,
            keeper,
        })
    }
}

impl SledStore {
    /// The service that writes this log.
    #[must_use]
    pub fn source(&self) -> &'static str {
        self.source
    }

    /// The directory that the log stands in.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The group that holds `position`, as it is stored, or `None` behind the head. Blocks.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn stored_group(&self, position: Position) -> Result<Option<StoredGroup>, ReadError> {
        if position == Position::START || position > self.head() {
            return Ok(None);
        }
        let first = self.shared.group_start(position);
        let storage = |source| ReadError::Storage { at: position, source };
        let value = self.shared.log.get(first.0.to_be_bytes()).map_err(storage)?;
        let value =
            value.ok_or(ReadError::Damaged { at: position, what: "a group that was there is gone" })?;
        let private = self.shared.private.0.get(first.0.to_be_bytes()).map_err(storage)?;
        let private = private.map(Bytes::from_owner).unwrap_or_default();
        StoredGroup::decode(first, Bytes::from_owner(value), private).map(Some)
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
        // The writer ends when its queue is closed and empty; then the keeper writes the witness.
        self.requests = None;
        let mut threads = self.threads.drain(..);
        if let Some(writer) = threads.next() {
            let _ = writer.join();
        }
        let _ = self.keeper.send(());
        for keeper in threads {
            let _ = keeper.join();
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
            // Serialised here, on the caller's thread, not on the one that everybody waits for.
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

    fn private(&self, position: Position) -> BoxFuture<'_, Result<Option<Bytes>, ReadError>> {
        Box::pin(async move {
            let parts = self.shared.private.parts(self.shared.group_start(position))?;
            Ok(parts.into_iter().find(|(at, _)| *at == position).map(|(_, part)| part))
        })
    }
}
