//! Writes a log from existing groups: restore, import and compaction.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::super::ReadError;
use super::super::groups::{Chain, StoredGroup};
use super::super::load::{BulkLoad, BulkLoadError};
use super::super::witness::{MARK_FILE, WITNESS_FILE, Witness};
use super::Options;
use super::groups::SledGroups;
use super::open::{self, MOVED, OpenError, Opened};
use crate::ids::{LogId, Position};

/// Groups between two syncs. After a crash, unsynced groups are loaded again.
const GROUPS_PER_SYNC: usize = 256;

/// A log that is being loaded. Nothing reads it until it is complete.
pub struct BulkLoader {
    opened: Opened,
    chain: Chain,
    data_dir: PathBuf,
    /// Whether the directory is marked as unfinished. This happens only before the first group is
    /// written: an import that is refused before leaves the log unchanged.
    filling: bool,
    unsynced: usize,
}

impl BulkLoader {
    /// Opens the log in `options.data_dir`, or creates it with `options.log_id`. Existing events stay;
    /// loading continues after them.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(options: &Options) -> Result<Self, OpenError> {
        let opened = open::open(options, &mut |_, _| {})?;
        let (chain, data_dir) = (opened.chain.clone(), options.data_dir.clone());
        Ok(Self { opened, chain, data_dir, filling: false, unsynced: 0 })
    }

    fn sync(&mut self) -> Result<(), BulkLoadError> {
        self.opened.db.flush().map_err(BulkLoadError::storage)?;
        self.opened.file.sync_data()?;
        self.unsynced = 0;
        Ok(())
    }
}

impl BulkLoad for BulkLoader {
    fn log_id(&self) -> LogId {
        self.opened.log_id
    }

    fn chain(&self) -> &Chain {
        &self.chain
    }

    fn group(&mut self, position: Position) -> Result<Option<StoredGroup>, ReadError> {
        let storage = |source| ReadError::storage(position, source);
        let key = position.0.to_be_bytes();
        let found = self.opened.groups.log.range(..=key).next_back().transpose().map_err(storage)?;
        let Some((key, value)) = found else { return Ok(None) };
        let first = super::groups::position(&key);
        let payloads = self.opened.groups.payloads.0.get(key).map_err(storage)?.unwrap_or_default();
        let group = StoredGroup::decode(first, value.to_vec().into(), payloads.to_vec().into())?;
        Ok(Some(group).filter(|group| group.last() >= position))
    }

    fn push(&mut self, group: &StoredGroup) -> Result<(), BulkLoadError> {
        let mut chain = self.chain.clone();
        chain.link(group)?;
        if !self.filling {
            open::begin_filling(&self.data_dir)?;
            self.filling = true;
        }
        let key = group.first().0.to_be_bytes();
        let SledGroups { log, payloads } = &self.opened.groups;
        if !group.payloads_value().is_empty() {
            payloads.0.insert(key, &group.payloads_value()[..]).map_err(BulkLoadError::storage)?;
        }
        log.insert(key, &group.value()[..]).map_err(BulkLoadError::storage)?;
        self.chain = chain;
        self.unsynced += 1;
        if self.unsynced >= GROUPS_PER_SYNC { self.sync() } else { Ok(()) }
    }

    fn finish(mut self: Box<Self>) -> Result<Chain, BulkLoadError> {
        self.sync()?;
        let file_bytes = self.opened.file.metadata()?.len();
        let position = self.chain.last();
        let witness = Witness::new(self.opened.log_id, position, &self.chain.hash(), file_bytes);
        self.opened.mark.set(&witness)?;
        witness.store(&self.data_dir)?;
        open::end_filling(&self.data_dir)?;
        Ok(self.chain)
    }
}

/// The content of a head witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessedHead {
    /// The log the witness belongs to.
    pub log_id: LogId,
    /// The last witnessed position.
    pub position: Position,
    /// The hash of the chain at that position, hexadecimal.
    pub hash: String,
}

/// Reads the head witness of `data_dir`, if there is one.
///
/// # Errors
/// The error of the operating system, or [`io::ErrorKind::InvalidData`] if its content is invalid.
pub fn read_witness(data_dir: &Path) -> io::Result<Option<WitnessedHead>> {
    let witness = Witness::load(data_dir)?;
    Ok(witness.map(|witness| WitnessedHead {
        log_id: witness.log_id,
        position: witness.position,
        hash: witness.hash,
    }))
}

/// Moves the log out of the way of the service, which then refuses to start in `data_dir`. Returns where it is.
///
/// # Errors
/// [`OpenError::InUse`] when another process has locked the directory, [`OpenError::Io`] when the log no longer ends at
/// `head` or cannot be renamed.
pub fn retire(data_dir: &Path, head: Position) -> Result<PathBuf, OpenError> {
    let failed = |e: io::Error| OpenError::from(("retire the log", e));
    let _held = lock_data_dir(data_dir)?;
    let witness = read_witness(data_dir).map_err(failed)?;
    if witness.is_none_or(|witness| witness.position != head) {
        return Err(failed(io::Error::other("a service has appended to it meanwhile")));
    }
    let moved_to = data_dir.join(MOVED);
    fs::rename(data_dir.join("log"), &moved_to).map_err(failed)?;
    File::open(data_dir).and_then(|dir| dir.sync_all()).map_err(failed)?;
    Ok(moved_to)
}

/// A data directory locked against all other processes.
#[derive(Debug)]
pub struct LockedDataDir {
    data_dir: PathBuf,
    _lock: File,
}

/// Locks `data_dir` until the returned value is dropped.
///
/// # Errors
/// [`OpenError::InUse`] when another process has locked it.
pub fn lock_data_dir(data_dir: &Path) -> Result<LockedDataDir, OpenError> {
    open::create_owner_only_dir(data_dir)?;
    Ok(LockedDataDir { data_dir: data_dir.to_owned(), _lock: open::lock(data_dir)? })
}

impl LockedDataDir {
    /// Replaces the log in this directory with the one loaded in `new_dir`. The new log is first read back, and its
    /// chain must equal `expected`. Returns where the old log was moved, if there was one.
    ///
    /// # Errors
    /// [`OpenError`]. A crash between the steps leaves a directory that contains both logs and is
    /// refused at the next start.
    pub fn replace_log(&self, new_dir: &Path, expected: &Chain) -> Result<Option<PathBuf>, OpenError> {
        let failed = |e: io::Error| OpenError::from(("replace the log", e));
        let read_back = BulkLoader::open(&Options::new(new_dir, ""))?;
        if read_back.chain() != expected {
            return Err(failed(io::Error::other("the written log differs when read back")));
        }
        drop(read_back);
        let log = self.data_dir.join("log");
        let mut moved_to = None;
        if log.exists() {
            let free =
                (1..).map(|n| self.data_dir.join(format!("log-replaced-{n}"))).find(|path| !path.exists());
            let old = free.unwrap_or_else(|| self.data_dir.join("log-replaced"));
            fs::rename(&log, &old).map_err(failed)?;
            moved_to = Some(old);
        }
        fs::rename(new_dir.join("log"), &log).map_err(failed)?;
        for file in [MARK_FILE, WITNESS_FILE] {
            fs::rename(new_dir.join(file), self.data_dir.join(file)).map_err(failed)?;
        }
        // The old log may have been unfinished; the new one is complete.
        open::end_filling(&self.data_dir).map_err(failed)?;
        fs::remove_dir_all(new_dir).map_err(failed)?;
        Ok(moved_to)
    }
}
