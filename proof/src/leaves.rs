//! The leaves in the file of a tree, to find out which event of a log was changed.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use crate::hash::{HASH_BYTES, Hash};
use crate::tile::TILE_WIDTH;
use crate::tree_file::RECORD_BYTES;

/// The leaves of the complete tiles in a file, which is only read.
#[derive(Debug)]
pub struct Leaves {
    file: File,
    size: u64,
    /// The tile that was read last, with its number.
    last: Option<(u64, Vec<u8>)>,
}

impl Leaves {
    /// Opens the file of a tree.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let found = file.metadata()?;
        let size = if found.is_file() { found.len() / RECORD_BYTES as u64 * TILE_WIDTH } else { 0 };
        Ok(Self { file, size, last: None })
    }

    /// Number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The leaf `index`, from zero. Cheap for one after the other.
    ///
    /// # Errors
    /// The file cannot be read, or does not have the leaf.
    pub fn leaf(&mut self, index: u64) -> io::Result<Hash> {
        let number = index / TILE_WIDTH;
        let record = match self.last.take() {
            Some((last, record)) if last == number => record,
            _ => {
                let mut record = vec![0; RECORD_BYTES];
                self.file.read_exact_at(&mut record, number * RECORD_BYTES as u64)?;
                record
            }
        };
        let at = (index % TILE_WIDTH) as usize;
        let leaf = record.as_chunks::<HASH_BYTES>().0.get(at).copied();
        self.last = Some((number, record));
        leaf.map(Hash).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}
