//! The thread that keeps watch: over the writer, which must not hang, and over the head witness,
//! which must not be older than a second.

use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::super::frame::ChainHash;
use super::super::witness::Witness;
use super::Shared;
use super::writer::fatal;
use crate::ids::Position;

/// A commit that takes longer ends the process.
const COMMIT_MAX: Duration = Duration::from_secs(10);

/// How old the witness may get.
const WITNESS_AGE: Duration = Duration::from_secs(1);

/// When the commit under way began.
#[derive(Debug, Default)]
pub(super) struct Pulse(Mutex<Option<Instant>>);

#[derive(Debug, thiserror::Error)]
#[error("a commit has taken more than {} s", COMMIT_MAX.as_secs())]
struct CommitHangs;

impl Pulse {
    pub(super) fn begin(&self) {
        self.set(Some(Instant::now()));
    }

    pub(super) fn end(&self) {
        self.set(None);
    }

    fn set(&self, since: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    fn hangs(&self) -> bool {
        let since = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        since.is_some_and(|since| since.elapsed() > COMMIT_MAX)
    }
}

pub(super) struct Keeper {
    pub(super) shared: Arc<Shared>,
    pub(super) data_dir: PathBuf,
    pub(super) pulse: Arc<Pulse>,
    /// Held as long as the log is open; the last thing to be given back.
    pub(super) lock: File,
}

impl Keeper {
    /// Runs until `stop` says so, then writes the witness once more.
    pub(super) fn run(self, stop: &Receiver<()>) {
        let mut witnessed = Position::START;
        loop {
            let stopping = !matches!(stop.recv_timeout(WITNESS_AGE), Err(RecvTimeoutError::Timeout));
            if self.pulse.hangs() {
                fatal("commit", &CommitHangs);
            }
            let head = *self.shared.head.borrow();
            if head > witnessed && self.write_witness(head) {
                witnessed = head;
            }
            if stopping {
                drop(self.lock);
                return;
            }
        }
    }

    fn write_witness(&self, head: Position) -> bool {
        let file_bytes = self.shared.synced_bytes.load(Ordering::Relaxed);
        let stored = self
            .hash_at(head)
            .and_then(|hash| Witness::new(self.shared.log_id, head, &hash, file_bytes).store(&self.data_dir));
        if let Err(error) = &stored {
            // The log is whole without it; an older witness only proves less.
            tracing::warn!(error = error as &dyn std::error::Error, "could not write the head witness");
        }
        stored.is_ok()
    }

    fn hash_at(&self, head: Position) -> std::io::Result<ChainHash> {
        let group = self.shared.group_at(head).map_err(std::io::Error::other)?;
        group.entry(head).map(|entry| entry.hash).map_err(std::io::Error::other)
    }
}
