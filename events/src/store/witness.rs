//! The head witness: small files beside the database that remember how far the log had come.
//!
//! A database that was truncated, partly reverted or replaced by an old copy may open without an
//! error and simply hold less. The witness knows better: position, log id and chain hash. It is kept
//! twice. `head-witness.json` is at most a second old, written to a temporary file that is renamed over
//! the old one and synced. The [`Mark`] is overwritten in place with every commit and never synced: it
//! is exact however the process ends, and when the machine ends it says no more than was durable.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::frame::ChainHash;
use crate::ids::{LogId, Position};

pub(super) const WITNESS_FILE: &str = "head-witness.json";
pub(super) const MARK_FILE: &str = "head-mark";

/// A mark lies within one sector, so that it is there as a whole or not at all.
const MARK_BYTES: usize = 512;

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
        data_dir.join(WITNESS_FILE)
    }

    /// What is remembered in `data_dir`, the later of witness and mark, if anything is.
    pub(super) fn load(data_dir: &Path) -> io::Result<Option<Self>> {
        let damaged = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
        let synced: Option<Self> = match read_if_there(&Self::path(data_dir))? {
            Some(bytes) => Some(serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?),
            None => None,
        };
        let marked = Mark::load(data_dir)?;
        if let (Some(synced), Some(marked)) = (&synced, &marked)
            && synced.log_id != marked.log_id
        {
            return Err(damaged(format!(
                "it remembers the log {}, and {MARK_FILE} the log {}",
                synced.log_id, marked.log_id
            )));
        }
        Ok(synced.into_iter().chain(marked).max_by_key(|witness| witness.position))
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

/// The witness of the last commit, kept without a sync: one line of JSON, one with its SHA-256.
#[derive(Debug)]
pub(super) struct Mark(File);

impl Mark {
    /// Opens the mark of `data_dir`, and gives it its full length when it is new: what is overwritten in
    /// place later needs no room, and no sync of a directory.
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

    /// Remembers `witness`, whose events are durable already.
    pub(super) fn set(&self, witness: &Witness) -> io::Result<()> {
        let mut line = serde_json::to_vec(witness).map_err(io::Error::other)?;
        let digest = hex::encode(Sha256::digest(&line));
        line.push(b'\n');
        line.extend(digest.bytes());
        line.resize(MARK_BYTES - 1, b' ');
        line.push(b'\n');
        self.0.write_all_at(&line, 0)
    }

    /// What it remembers. A mark that is not whole says nothing: the synced witness is there as well.
    fn load(data_dir: &Path) -> io::Result<Option<Witness>> {
        let Some(bytes) = read_if_there(&data_dir.join(MARK_FILE))? else { return Ok(None) };
        let text = String::from_utf8_lossy(&bytes);
        let whole = text
            .split_once('\n')
            .filter(|(line, digest)| hex::encode(Sha256::digest(line)) == digest.trim())
            .and_then(|(line, _)| serde_json::from_str(line).ok());
        if whole.is_none() && !text.trim().is_empty() {
            tracing::warn!("{MARK_FILE} is not whole and proves nothing; {WITNESS_FILE} is relied on");
        }
        Ok(whole)
    }
}

fn read_if_there(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
