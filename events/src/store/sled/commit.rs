//! Appends groups to the disk: store, sync, mark. Nothing is acknowledged before the sync.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::ReadError;
use super::super::engine::{Commit, Committer, NewGroup, Refusal};
use super::super::fatal::fatal;
use super::super::witness::Witness;
use super::disk::Disk;
use super::watchdog::CommitTimer;
use crate::ids::LogId;

/// Appends groups through a [`Disk`]. Every failure ends the process, because a later call could acknowledge
/// events that are not durable.
pub(super) struct SledCommitter {
    pub(super) log_id: LogId,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) commit_timer: Arc<CommitTimer>,
    pub(super) reserve_bytes: u64,
    /// Length of the database file at the last sync, in bytes.
    pub(super) synced_bytes: Arc<AtomicU64>,
}

impl Committer for SledCommitter {
    fn begin(&mut self) -> Result<(), Refusal> {
        let reserve_bytes = self.reserve_bytes;
        match self.disk.free_bytes() {
            Some(free_bytes) if free_bytes < reserve_bytes => {
                Err(Refusal::NoSpace { free_bytes, reserve_bytes })
            }
            Some(_) | None => {
                // Checking conditions may read the disk, so the timer of the watchdog starts here.
                self.commit_timer.begin();
                Ok(())
            }
        }
    }

    async fn commit(&mut self, group: &NewGroup) -> Result<Commit, Refusal> {
        self.write(group);
        self.sync();
        self.mark(group);
        Ok(Commit::Durable)
    }

    fn end(&mut self) {
        self.commit_timer.end();
    }

    fn unreadable(&mut self, error: ReadError) -> Refusal {
        fatal("check an append condition", &error)
    }
}

impl SledCommitter {
    /// Passes the group to sled: confidential payloads first, so that no event ever lacks its payload.
    fn write(&self, group: &NewGroup) {
        let first = group.span.first;
        let stored = (|| {
            if !group.confidential.is_empty() {
                self.disk.put_payloads(first, &group.confidential)?;
            }
            self.disk.put_group(first, &group.value)
        })();
        if let Err(error) = stored {
            fatal("write a group of events", &error);
        }
        for forgotten in &group.forgets {
            if let Err(error) = self.disk.forget_payload(*forgotten) {
                fatal("forget a confidential payload", &error);
            }
        }
    }

    /// Makes the group durable. A failed sync ends the process: the kernel may mark a page clean that it
    /// could not write, so a second sync would succeed without having written it.
    fn sync(&self) {
        match self.disk.sync() {
            Ok(file_bytes) => self.synced_bytes.store(file_bytes, Ordering::Relaxed),
            Err(error) => fatal("sync the log", &error),
        }
    }

    /// Records the head after the sync, so that the mark never promises more than is durable.
    fn mark(&self, group: &NewGroup) {
        let file_bytes = self.synced_bytes.load(Ordering::Relaxed);
        let witness = Witness::new(self.log_id, group.span.last, &group.hash, file_bytes);
        if let Err(error) = self.disk.set_mark(&witness) {
            // Not fatal: the log is complete; the older witness only proves less.
            tracing::warn!(error = &error as &dyn std::error::Error, "could not mark the head of the log");
        }
    }
}
