//! Writing a log from groups that exist already: restoring, importing, compacting.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::super::archive::{Broken, Chain, StoredGroup};
use super::super::witness::{MARK_FILE, WITNESS_FILE, Witness};
use super::open::{self, OpenError, Opened};
use super::{Options, ReadError};
use crate::ids::{LogId, Position};

/// Groups between two syncs. What was not synced yet is loaded again after a crash.
const GROUPS_PER_SYNC: usize = 256;

/// Why a group was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LoadingError {
    /// It does not follow what is there.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// The database said no.
    #[error("could not write the log")]
    Storage(#[source] sled::Error),
    /// The file system said no.
    #[error("could not sync the log")]
    Io(#[from] io::Error),
}

/// A log that is filled with groups. Nobody reads it meanwhile.
pub struct Loader {
    opened: Opened,
    chain: Chain,
    data_dir: PathBuf,
    /// Whether it is noted that the log is not whole. Not before the first group: who is refused before that has
    /// not touched it.
    filling: bool,
    unsynced: usize,
}

impl Loader {
    /// Opens the log in `options.data_dir`, or creates it with `options.log_id`. What is there already
    /// stays: loading goes on behind it.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(options: &Options) -> Result<Self, OpenError> {
        let opened = open::open(options, &mut |_| {})?;
        let (chain, data_dir) = (opened.chain.clone(), options.data_dir.clone());
        Ok(Self { opened, chain, data_dir, filling: false, unsynced: 0 })
    }

    /// Which log this is.
    #[must_use]
    pub fn log_id(&self) -> LogId {
        self.opened.log_id
    }

    /// Where the log stands.
    #[must_use]
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// The group that holds `position`, if it was loaded.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn group(&self, position: Position) -> Result<Option<StoredGroup>, ReadError> {
        let storage = |source| ReadError::Storage { at: position, source };
        let key = position.0.to_be_bytes();
        let found = self.opened.log.range(..=key).next_back().transpose().map_err(storage)?;
        let Some((key, value)) = found else { return Ok(None) };
        let first = key.as_ref().try_into().map(u64::from_be_bytes).map_or(Position::START, Position);
        let private = self.opened.private.0.get(key).map_err(storage)?.unwrap_or_default();
        let group = StoredGroup::decode(first, value.to_vec().into(), private.to_vec().into())?;
        Ok(Some(group).filter(|group| group.last() >= position))
    }

    /// Takes the next group, after following the chain through it.
    ///
    /// # Errors
    /// [`LoadingError`]; the group was not taken then.
    pub fn push(&mut self, group: &StoredGroup) -> Result<(), LoadingError> {
        let mut chain = self.chain.clone();
        chain.link(group)?;
        if !self.filling {
            open::begin_filling(&self.data_dir)?;
            self.filling = true;
        }
        let key = group.first().0.to_be_bytes();
        if !group.private_value().is_empty() {
            self.opened.private.0.insert(key, &group.private_value()[..]).map_err(LoadingError::Storage)?;
        }
        self.opened.log.insert(key, &group.value()[..]).map_err(LoadingError::Storage)?;
        self.chain = chain;
        self.unsynced += 1;
        if self.unsynced >= GROUPS_PER_SYNC { self.sync() } else { Ok(()) }
    }

    fn sync(&mut self) -> Result<(), LoadingError> {
        self.opened.db.flush().map_err(LoadingError::Storage)?;
        self.opened.file.sync_data()?;
        self.unsynced = 0;
        Ok(())
    }

    /// Makes everything durable and writes the head witness.
    ///
    /// # Errors
    /// [`LoadingError`]; what was loaded can be gone on with.
    pub fn finish(mut self) -> Result<Chain, LoadingError> {
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

/// What the witness of a data directory remembers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witnessed {
    /// Which log was there.
    pub log_id: LogId,
    /// How far it had come.
    pub position: Position,
    /// The chain's hash there, hexadecimal.
    pub hash: String,
}

/// What the witness of `data_dir` remembers, if there is one.
///
/// # Errors
/// When it can not be read.
pub fn witnessed(data_dir: &Path) -> io::Result<Option<Witnessed>> {
    let witness = Witness::load(data_dir)?;
    Ok(witness.map(|witness| Witnessed {
        log_id: witness.log_id,
        position: witness.position,
        hash: witness.hash,
    }))
}

/// A data directory that nobody else may open.
#[derive(Debug)]
pub struct Held {
    data_dir: PathBuf,
    _lock: File,
}

/// Takes `data_dir` for as long as the answer is kept.
///
/// # Errors
/// [`OpenError::InUse`] when a service has it.
pub fn hold(data_dir: &Path) -> Result<Held, OpenError> {
    open::create_private_dir(data_dir).map_err(|e| ("create the data directory", e))?;
    Ok(Held { data_dir: data_dir.to_owned(), _lock: open::lock(data_dir)? })
}

impl Held {
    /// Puts the log that was loaded into `new_dir` in the place of the one that is here, after reading
    /// it back: it must end as `expected`. Returns where the old one is kept, if there was one.
    ///
    /// # Errors
    /// [`OpenError`]. A crash in between leaves a directory that is refused at start, with both logs in it.
    pub fn replace_log(&self, new_dir: &Path, expected: &Chain) -> Result<Option<PathBuf>, OpenError> {
        let failed = |e: io::Error| OpenError::from(("put the new log in the place of the old one", e));
        let read_back = Loader::open(&Options::new(new_dir, ""))?;
        if read_back.chain() != expected {
            return Err(failed(io::Error::other("what was written reads back as something else")));
        }
        drop(read_back);
        let log = self.data_dir.join("log");
        let mut kept = None;
        if log.exists() {
            let free =
                (1..).map(|n| self.data_dir.join(format!("log-replaced-{n}"))).find(|path| !path.exists());
            let old = free.unwrap_or_else(|| self.data_dir.join("log-replaced"));
            fs::rename(&log, &old).map_err(failed)?;
            kept = Some(old);
        }
        fs::rename(new_dir.join("log"), &log).map_err(failed)?;
        for file in [MARK_FILE, WITNESS_FILE] {
            fs::rename(new_dir.join(file), self.data_dir.join(file)).map_err(failed)?;
        }
        // The old log may have been half a one; this is whole.
        open::end_filling(&self.data_dir).map_err(failed)?;
        fs::remove_dir_all(new_dir).map_err(failed)?;
        Ok(kept)
    }
}
