//! The log on disk: sled 0.34, used so that every acknowledged append is durable.
//!
//! Measurements determined the design. `flush()` alone is not durable, so every commit ends with an
//! `fdatasync` on a descriptor of our own. One value per group of events is four times as fast as one
//! key per event, and makes an append of several events atomic without a transaction. sled stores
//! large values in files that it never syncs, so the segment size is set such that no value ever
//! counts as large. Concurrent transactions have deadlocked, so one thread, the writer of the log, does all writes.
//!
//! The data directory contains `lock`, `head-witness.json`, `head-mark`, `log/` (owned by sled), and
//! `unfinished` while a log is being loaded.

mod bulk_load;
mod commit;
mod confidential;
mod disk;
mod groups;
mod open;
mod watchdog;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread::JoinHandle;

pub use self::bulk_load::{BulkLoader, LockedDataDir, WitnessedHead, lock_data_dir, read_witness, retire};
use self::commit::SledCommitter;
use self::disk::{Disk, SledDisk};
pub use self::open::OpenError;
use self::open::Opened;
use super::EventBytes;
use super::groups::ChainHash;
use super::log::{Parts, StoredLog};
use crate::ids::LogId;

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

/// Opens the log in `options.data_dir`, or creates it.
///
/// Blocks: reads every event once to rebuild the index and to verify the hash chain. Dropping the log completes
/// accepted appends, writes the head witness and unlocks the directory.
///
/// # Errors
/// [`OpenError`] when the directory is in use, or when the log is damaged, was replaced or has
/// lost events. Apart from sled's own recovery, nothing was changed in that case.
pub fn open(options: &Options) -> Result<StoredLog, OpenError> {
    open_visiting(options, &mut |_, _| {})
}

/// Opens the log like [`open`] and passes every event to `visit`, in order, with the hash of the chain behind it. A
/// caller that builds state from all events does not have to read them a second time.
///
/// The state is valid only if this returns `Ok`.
///
/// # Errors
/// As for [`open`].
pub fn open_visiting(
    options: &Options,
    visit: &mut (dyn FnMut(EventBytes<'_>, &ChainHash) + Send),
) -> Result<StoredLog, OpenError> {
    open::refuse_unfinished(&options.data_dir)?;
    open::refuse_in_database(&options.data_dir)?;
    let opened = open::open(options, visit)?;
    let disk = SledDisk {
        db: opened.db.clone(),
        groups: opened.groups.clone(),
        file: opened.file.try_clone().map_err(|e| ("open the log for syncing", e))?,
        mark: opened.mark.try_clone().map_err(|e| ("open head-mark", e))?,
        data_dir: options.data_dir.clone(),
    };
    start(options, opened, Arc::new(disk))
}

/// Starts the threads of an opened log, which write through `disk`.
fn start(options: &Options, opened: Opened, disk: Arc<dyn Disk>) -> Result<StoredLog, OpenError> {
    let file_bytes = opened.file.metadata().map_or(0, |metadata| metadata.len());
    let synced_bytes = Arc::new(AtomicU64::new(file_bytes));
    let commit_timer = Arc::new(watchdog::CommitTimer::default());
    let committer = SledCommitter {
        log_id: opened.log_id,
        disk: Arc::clone(&disk),
        commit_timer: Arc::clone(&commit_timer),
        reserve_bytes: options.reserve_bytes,
        synced_bytes: Arc::clone(&synced_bytes),
    };
    let parts = Parts {
        source: options.source,
        log_id: opened.log_id,
        engine: Arc::new(opened.groups),
        availability: Arc::default(),
        state: opened.state,
        chain: opened.chain,
        queue_appends: options.queue_appends,
    };
    let (log, writer) = StoredLog::new(parts, committer);
    let shared = Arc::clone(log.shared());
    let watchdog = watchdog::Watchdog { shared, disk, commit_timer, synced_bytes, lock: opened.lock };
    let (stop_watchdog, stop) = std::sync::mpsc::channel();
    let writer = spawn("log-writer", move || futures::executor::block_on(writer.run()))?;
    let watchdog = spawn("log-watchdog", move || watchdog.run(&stop))?;
    Ok(log.closed_by(move || {
        // The watchdog writes the last witness after the last group.
        let _ = writer.join();
        let _ = stop_watchdog.send(());
        let _ = watchdog.join();
    }))
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, OpenError> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .map_err(|source| OpenError::Io { doing: "start the threads of the log", source })
}

#[cfg(test)]
mod tests;
