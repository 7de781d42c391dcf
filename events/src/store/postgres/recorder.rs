//! Keeps the head witness of a log in a database: the mark at once, the synced file at most each second.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::Mutex;

use super::super::frame::ChainHash;
use super::super::witness::{Mark, Witness};
use crate::ids::{LogId, Position};

/// Maximum age of the synced witness.
const WITNESS_AGE: Duration = Duration::from_secs(1);

/// Records heads in a directory. Dropping it writes the last one.
pub(super) struct Recorder {
    log_id: LogId,
    mark: Mark,
    /// Whether the last mark could not be written.
    is_failing: bool,
    latest: Arc<Mutex<Option<Witness>>>,
    /// Ends the thread when it is dropped.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Recorder {
    /// Records the heads of the log `log_id` in `data_dir`, which is created if it does not exist.
    pub(super) fn start(log_id: LogId, data_dir: &Path) -> io::Result<Self> {
        fs::create_dir_all(data_dir)?;
        let mark = Mark::open(data_dir)?;
        let latest = Arc::default();
        let (stop, stopped) = channel();
        let keeper = Keeper { latest: Arc::clone(&latest), data_dir: data_dir.to_owned() };
        let thread = thread::Builder::new().name("log-witness".to_owned()).spawn(move || {
            loop {
                let is_stopping = stopped.recv_timeout(WITNESS_AGE) != Err(RecvTimeoutError::Timeout);
                keeper.store();
                if is_stopping {
                    return;
                }
            }
        })?;
        Ok(Self { log_id, mark, is_failing: false, latest, stop: Some(stop), thread: Some(thread) })
    }

    /// Records the head. All events up to it must be durable.
    pub(super) fn record(&mut self, head: Position, hash: &ChainHash) {
        let witness = Witness { is_in_database: true, ..Witness::new(self.log_id, head, hash, 0) };
        let marked = self.mark.set(&witness);
        let was_failing = std::mem::replace(&mut self.is_failing, marked.is_err());
        if let Err(error) = &marked
            && !was_failing
        {
            warn(error);
        }
        *self.latest.lock() = Some(witness);
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Writes the synced witness.
struct Keeper {
    latest: Arc<Mutex<Option<Witness>>>,
    data_dir: PathBuf,
}

impl Keeper {
    /// Writes the latest head, unless it was written before.
    fn store(&self) {
        let Some(witness) = self.latest.lock().take() else { return };
        if let Err(error) = witness.store(&self.data_dir) {
            warn(&error);
            // Tried again, unless the head has moved meanwhile.
            self.latest.lock().get_or_insert(witness);
        }
    }
}

/// Not fatal: the log is complete; an older witness only proves less.
fn warn(error: &io::Error) {
    let error = error as &dyn std::error::Error;
    tracing::warn!(error, "could not write the head witness: check the disk of the data directory");
}
