//! The watchdog thread: it ends the process if a commit hangs, and keeps the head witness at most one
//! second old.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::super::fatal::fatal;
use super::super::frame::ChainHash;
use super::super::log::Shared;
use super::super::witness::Witness;
use super::disk::Disk;
use crate::ids::Position;

/// The process ends if a commit takes longer.
const COMMIT_MAX: Duration = Duration::from_secs(10);

/// Maximum age of the witness.
const WITNESS_AGE: Duration = Duration::from_secs(1);

/// The start time of the commit in progress.
#[derive(Debug, Default)]
pub(super) struct CommitTimer(Mutex<Option<Instant>>);

#[derive(Debug, thiserror::Error)]
#[error("a commit has taken more than {} s", COMMIT_MAX.as_secs())]
struct CommitHangs;

impl CommitTimer {
    pub(super) fn begin(&self) {
        self.set(Some(Instant::now()));
    }

    pub(super) fn end(&self) {
        self.set(None);
    }

    fn set(&self, since: Option<Instant>) {
        *self.0.lock() = since;
    }

    fn hangs(&self) -> bool {
        let since = *self.0.lock();
        since.is_some_and(|since| since.elapsed() > COMMIT_MAX)
    }
}

pub(super) struct Watchdog {
    pub(super) shared: Arc<Shared>,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) commit_timer: Arc<CommitTimer>,
    /// Length of the database file at the last sync, in bytes.
    pub(super) synced_bytes: Arc<AtomicU64>,
    /// The lock of the data directory. Held while the log is open, and released last.
    pub(super) lock: File,
}

impl Watchdog {
    /// Runs until a message arrives on `stop`, then writes the witness one last time.
    pub(super) fn run(self, stop: &Receiver<()>) {
        let mut witnessed = Position::START;
        let mut is_missing = false;
        loop {
            let stopping = !matches!(stop.recv_timeout(WITNESS_AGE), Err(RecvTimeoutError::Timeout));
            if self.commit_timer.hangs() {
                fatal("commit", &CommitHangs);
            }
            let head = *self.shared.head.borrow();
            if head > witnessed {
                match self.write_witness(head) {
                    Ok(()) => (witnessed, is_missing) = (head, false),
                    // The log is open, so its directory was removed, and a later append would be lost at the
                    // next start. One round may also hit the end of a process that removes its directory.
                    Err(error) if error.kind() == io::ErrorKind::NotFound && is_missing && !stopping => {
                        fatal("write the head witness, because the data directory was removed", &error)
                    }
                    Err(error) => {
                        is_missing = error.kind() == io::ErrorKind::NotFound;
                        warn(&error);
                    }
                }
            }
            if stopping {
                drop(self.lock);
                return;
            }
        }
    }

    fn write_witness(&self, head: Position) -> io::Result<()> {
        let file_bytes = self.synced_bytes.load(Ordering::Relaxed);
        let hash = self.hash_at(head)?;
        self.disk.store_witness(&Witness::new(self.shared.log_id, head, &hash, file_bytes))
    }

    fn hash_at(&self, head: Position) -> io::Result<ChainHash> {
        let group = self.shared.group_at(head).map_err(io::Error::other)?;
        group.event(head).map(|entry| entry.hash).map_err(io::Error::other)
    }
}

/// Not fatal: the log is complete; an older witness only proves less.
fn warn(error: &io::Error) {
    let error = error as &dyn std::error::Error;
    tracing::warn!(error, "could not write the head witness: check the disk of the data directory");
}
