//! The head witness: a small file beside the database that remembers how far the log had come.
//!
//! A database that was truncated, partly reverted or replaced by an old copy may open without an
//! error and simply hold less. The witness knows better: position, log id and chain hash, at most
//! a second old, written to a temporary file that is renamed over the old one and synced.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::frame::ChainHash;
use crate::ids::{LogId, Position};

/// What the witness says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Witness {
    pub(super) log_id: LogId,
    pub(super) position: Position,
    /// Chain hash at `position`, hexadecimal.
    pub(super) hash: String,
    /// How long the database file was when that position was synced, in bytes. A shorter one looks
    /// wrong. Zero in a witness of a version that did not note it.
    #[serde(default)]
    pub(super) file_bytes: u64,
}

impl Witness {
    pub(super) fn new(log_id: LogId, position: Position, hash: &ChainHash, file_bytes: u64) -> Self {
        Self { log_id, position, hash: hex::encode(hash), file_bytes }
    }

    /// Whether this is the hash at its position.
    pub(super) fn has_hash(&self, hash: &ChainHash) -> bool {
        self.hash == hex::encode(hash)
    }

    fn path(data_dir: &Path) -> PathBuf {
        data_dir.join("head-witness.json")
    }

    /// The witness of `data_dir`, if it has one.
    pub(super) fn load(data_dir: &Path) -> io::Result<Option<Self>> {
        match fs::read(Self::path(data_dir)) {
            Ok(bytes) => {
                let damaged = |error| io::Error::new(io::ErrorKind::InvalidData, error);
                serde_json::from_slice(&bytes).map(Some).map_err(damaged)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Replaces the witness of `data_dir`; durable when it returns.
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
