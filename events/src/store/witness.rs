//! The head witness: small files in the data directory that record the head of the log.
//!
//! A log that was truncated, partly reverted or replaced by an old copy may open without an error and hold
//! fewer events. To detect this, two files record the position, log id and chain hash of the head.
//! `head-witness.json` is rewritten at most one second after the head moves: it is written to a temporary file,
//! synced and renamed. The [`Mark`] is overwritten in place after every commit and not synced. If only the process
//! ends, it covers every acknowledged event, unless writing it failed. After a power cut it may be outdated, but it
//! never covers events that were not durable.
//!
//! A log on the disk of the process has its witness beside it. If the log is in a database, each process records the last
//! head that it acknowledged or read, and its next start refuses a database that holds less.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::frame::ChainHash;
use super::log::Loaded;
use crate::ids::{LogId, Position};

pub(super) const WITNESS_FILE: &str = "head-witness.json";
pub(super) const MARK_FILE: &str = "head-mark";

/// Length of a mark, in bytes: within one sector, so that it is written completely or not at all.
const MARK_BYTES: usize = 512;

/// The content of the witness.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Witness {
    pub(super) log_id: LogId,
    pub(super) position: Position,
    /// Chain hash at `position`, hexadecimal.
    pub(super) hash: String,
    /// Length of the database file when `position` was synced, in bytes. If the file is shorter at
    /// the next start, the database is copied before recovery.
    /// Zero in witnesses of versions that did not record it.
    #[serde(default)]
    pub(super) file_bytes: u64,
    /// Whether the log is in a database instead of the directory of the witness.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_in_database: bool,
}

impl Witness {
    pub(super) fn new(log_id: LogId, position: Position, hash: &ChainHash, file_bytes: u64) -> Self {
        Self { log_id, position, hash: hex::encode(hash), file_bytes, is_in_database: false }
    }

    /// Compares the log `log_id` with the witness: a log must never hold less than was acknowledged.
    ///
    /// # Errors
    /// How they differ.
    pub(super) fn check(&self, loaded: &Loaded, log_id: LogId) -> Result<(), String> {
        let Self { position, .. } = self;
        if self.log_id != log_id {
            return Err(format!(
                "it is the log {log_id}, but the head witness names the log {}",
                self.log_id
            ));
        }
        if *position == Position::START {
            return Ok(());
        }
        match loaded.witnessed {
            Some(hash) if self.has_hash(&hash) => Ok(()),
            Some(_) => {
                Err(format!("the event at position {position} is not the event that was acknowledged there"))
            }
            None => Err(format!(
                "it ends at position {}, but the head witness says that events up to {position} were acknowledged",
                loaded.state.last()
            )),
        }
    }

    /// Whether `hash` equals the recorded hash.
    fn has_hash(&self, hash: &ChainHash) -> bool {
        self.hash == hex::encode(hash)
    }

    fn path(data_dir: &Path) -> PathBuf {
        data_dir.join(WITNESS_FILE)
    }

    /// Loads `head-witness.json` and the mark of `data_dir`, and returns the one with the later position; `None` if
    /// there is neither.
    pub(super) fn load(data_dir: &Path) -> io::Result<Option<Self>> {
        let damaged = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
        let synced: Option<Self> = match read_if_exists(&Self::path(data_dir))? {
            Some(bytes) => Some(serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?),
            None => None,
        };
        let marked = Mark::load(data_dir)?;
        if let (Some(synced), Some(marked)) = (&synced, &marked)
            && synced.log_id != marked.log_id
        {
            return Err(damaged(format!(
                "{WITNESS_FILE} names the log {}, but {MARK_FILE} names the log {}",
                synced.log_id, marked.log_id
            )));
        }
        Ok(synced.into_iter().chain(marked).max_by_key(|witness| witness.position))
    }

    /// Replaces the witness of `data_dir`. Durable when this returns.
    pub(super) fn store(&self, data_dir: &Path) -> io::Result<()> {
        let path = Self::path(data_dir);
        let temporary = path.with_extension("json.new");
        let mut file = File::create(&temporary)?;
        file.write_all(&serde_json::to_vec(self).map_err(io::Error::other)?)?;
        file.sync_all()?;
        fs::rename(&temporary, &path)?;
        File::open(data_dir)?.sync_all()
    }
}

/// The witness of the last commit, written without a sync: one line of JSON, one line with its SHA-256.
#[derive(Debug)]
pub(super) struct Mark(File);

impl Mark {
    /// Opens the mark of `data_dir`. A new file gets its full length immediately, so that overwriting it
    /// later needs neither free space nor a sync of the directory.
    pub(super) fn open(data_dir: &Path) -> io::Result<Self> {
        let path = data_dir.join(MARK_FILE);
        let file = File::options().create(true).truncate(false).read(true).write(true).open(path)?;
        if file.metadata()?.len() != MARK_BYTES as u64 {
            file.set_len(0)?;
            file.write_all_at(&[b' '; MARK_BYTES], 0)?;
            file.sync_all()?;
            File::open(data_dir)?.sync_all()?;
        }
        Ok(Self(file))
    }

    pub(super) fn try_clone(&self) -> io::Result<Self> {
        self.0.try_clone().map(Self)
    }

    /// Overwrites the mark with `witness`. All events up to its position must already be durable.
    pub(super) fn set(&self, witness: &Witness) -> io::Result<()> {
        let mut line = serde_json::to_vec(witness).map_err(io::Error::other)?;
        let digest = hex::encode(Sha256::digest(&line));
        line.push(b'\n');
        line.extend(digest.bytes());
        line.resize(MARK_BYTES - 1, b' ');
        line.push(b'\n');
        self.0.write_all_at(&line, 0)
    }

    /// Loads the mark. A mark whose digest does not match is ignored; the head is then checked against
    /// `head-witness.json`, if it exists.
    fn load(data_dir: &Path) -> io::Result<Option<Witness>> {
        let Some(bytes) = read_if_exists(&data_dir.join(MARK_FILE))? else { return Ok(None) };
        let text = String::from_utf8_lossy(&bytes);
        let complete = text
            .split_once('\n')
            .filter(|(line, digest)| hex::encode(Sha256::digest(line)) == digest.trim())
            .and_then(|(line, _)| serde_json::from_str(line).ok());
        if complete.is_none() && !text.trim().is_empty() {
            tracing::warn!(
                "{MARK_FILE} is incomplete or damaged and was ignored: the head of the log is checked only against {WITNESS_FILE}, if that file exists"
            );
        }
        Ok(complete)
    }
}

fn read_if_exists(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
