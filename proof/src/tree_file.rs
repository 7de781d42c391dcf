//! The tree of a log, kept in a file and in memory.
//!
//! The file contains the hashes of all leaves in complete tiles; nodes above them are in memory, 64 bytes for 256 leaves. With
//! each tile stand its root and the hash of the log's chain behind its last event: a reader of the log can tell with one
//! comparison for 256 events whether a tile belongs to it. The file is written behind the log and never synced: tiles that a
//! crash takes away are made again from the log.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use crate::hash::{HASH_BYTES, Hash, node_hash};
use crate::tile::{TILE_HEIGHT, TILE_WIDTH, Tile};
use crate::tree::{Nodes, missing};

const WIDTH: usize = TILE_WIDTH as usize;
const LEAVES_BYTES: usize = WIDTH * HASH_BYTES;
/// A tile in the file: its hashes, its root, and the hash of the chain.
pub(crate) const RECORD_BYTES: usize = LEAVES_BYTES + 2 * HASH_BYTES;

/// Where the complete tiles are.
#[derive(Debug)]
enum Tiles {
    File(File),
    Memory(Vec<u8>),
}

impl Tiles {
    fn read(&self, number: u64) -> io::Result<Vec<u8>> {
        let mut record = vec![0; RECORD_BYTES];
        let at = number * RECORD_BYTES as u64;
        match self {
            Self::File(file) => file.read_exact_at(&mut record, at)?,
            Self::Memory(tiles) => {
                let rest = usize::try_from(at).ok().and_then(|at| tiles.get(at..)).unwrap_or_default();
                io::Read::read_exact(&mut &*rest, &mut record)?;
            }
        }
        Ok(record)
    }

    fn push(&mut self, number: u64, record: &[u8]) -> io::Result<()> {
        match self {
            Self::File(file) => file.write_all_at(record, number * RECORD_BYTES as u64),
            Self::Memory(tiles) => io::Write::write_all(tiles, record),
        }
    }
}

/// The tree of a log.
#[derive(Debug)]
pub struct Tree {
    stored: Tiles,
    /// `complete[k][i]` is the node `i` at level 8 + k.
    complete: Vec<Vec<Hash>>,
    /// The leaves behind the last complete tile.
    rest: Vec<Hash>,
    /// The hash of the log's chain behind the last leaf.
    chain: [u8; HASH_BYTES],
}

/// The tiles in a file, while the log is read and they are compared with it.
#[derive(Debug)]
pub struct Stored {
    tree: Tree,
    file: File,
    tiles: u64,
    is_broken: bool,
}

impl Stored {
    /// Opens the file, or creates it. `start`: the hash of the chain before the first event.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(path: &Path, start: [u8; HASH_BYTES]) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let tiles = file.metadata()?.len() / RECORD_BYTES as u64;
        let tree = Tree::new(Tiles::File(file.try_clone()?), start);
        Ok(Self { tree, file, tiles, is_broken: false })
    }

    /// Takes the tile that ends with leaf `index` if it is there and belongs to the log, whose chain behind that leaf is `chain`.
    /// Called for each event of the log, in order.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn compare(&mut self, index: u64, chain: &[u8; HASH_BYTES]) -> io::Result<()> {
        let number = index / TILE_WIDTH;
        if self.is_broken || index % TILE_WIDTH != TILE_WIDTH - 1 || number >= self.tiles {
            return Ok(());
        }
        let record = self.tree.stored.read(number)?;
        let (leaves, marks) = record.split_at(LEAVES_BYTES);
        let root = tile_root(hashes(leaves).collect());
        if marks == [root.0, *chain].as_flattened() {
            self.tree.complete_tile(root);
            self.tree.chain = *chain;
        } else {
            self.is_broken = true;
        }
        Ok(())
    }

    /// The number of leaves before the first tile that does not belong to the log, which was read to its end; `None` if all of them do.
    #[must_use]
    pub fn differs_behind(&self) -> Option<u64> {
        (self.tiles > self.tree.tiles()).then(|| self.tree.size())
    }

    /// The tree of the tiles that were taken. What the file contains behind them is cut off.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn finish(self) -> io::Result<Tree> {
        self.file.set_len(self.tree.tiles() * RECORD_BYTES as u64)?;
        Ok(self.tree)
    }
}

impl Tree {
    fn new(stored: Tiles, start: [u8; HASH_BYTES]) -> Self {
        Self { stored, complete: Vec::new(), rest: Vec::new(), chain: start }
    }

    /// A tree without a file. `start`: the hash of the chain before the first event.
    #[must_use]
    pub fn in_memory(start: [u8; HASH_BYTES]) -> Self {
        Self::new(Tiles::Memory(Vec::new()), start)
    }

    /// Number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.tiles() * TILE_WIDTH + self.rest.len() as u64
    }

    /// The hash of the log's chain behind the last leaf.
    #[must_use]
    pub fn chain(&self) -> [u8; HASH_BYTES] {
        self.chain
    }

    /// Adds a leaf. `chain`: the hash of the log's chain behind it.
    ///
    /// # Errors
    /// A tile cannot be written; the leaf was not added.
    pub fn push(&mut self, leaf: Hash, chain: [u8; HASH_BYTES]) -> io::Result<()> {
        if self.rest.len() + 1 == WIDTH {
            let root = self.write_tile(leaf, &chain)?;
            self.rest.clear();
            self.complete_tile(root);
        } else {
            self.rest.push(leaf);
        }
        self.chain = chain;
        Ok(())
    }

    /// The hashes of a tile, one after the other; `None` if the tree does not have all of them yet.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn tile(&self, tile: Tile) -> io::Result<Option<Vec<u8>>> {
        if !tile.is_in(self.size()) {
            return Ok(None);
        }
        let bytes = usize::from(tile.width) * HASH_BYTES;
        if tile.level == 0 && tile.index < self.tiles() {
            let mut record = self.stored.read(tile.index)?;
            record.truncate(bytes);
            return Ok(Some(record));
        }
        let mut content = Vec::with_capacity(bytes);
        for i in 0..u64::from(tile.width) {
            let (level, index) = tile.node(i);
            content.extend_from_slice(&self.node(level, index)?.0);
        }
        Ok(Some(content))
    }

    fn tiles(&self) -> u64 {
        self.complete.first().map_or(0, |level| level.len() as u64)
    }

    fn write_tile(&mut self, last: Hash, chain: &[u8; HASH_BYTES]) -> io::Result<Hash> {
        let leaves: Vec<_> = self.rest.iter().copied().chain([last]).collect();
        let mut record: Vec<u8> = leaves.iter().flat_map(|leaf| leaf.0).collect();
        let root = tile_root(leaves);
        record.extend_from_slice(&root.0);
        record.extend_from_slice(chain);
        self.stored.push(self.tiles(), &record)?;
        Ok(root)
    }

    /// Adds the root of a complete tile, and each node that it completes.
    fn complete_tile(&mut self, root: Hash) {
        let mut node = root;
        for level in 0.. {
            if self.complete.len() == level {
                self.complete.push(Vec::new());
            }
            let Some(nodes) = self.complete.get_mut(level) else { return };
            nodes.push(node);
            match nodes.as_slice() {
                [.., left, right] if nodes.len() % 2 == 0 => node = node_hash(left, right),
                _ => return,
            }
        }
    }
}

impl Nodes for Tree {
    fn node(&self, level: u32, index: u64) -> io::Result<Hash> {
        let none = || {
            missing(format_args!("the tree of {} leaves has no node {index} at level {level}", self.size()))
        };
        let at = usize::try_from(index).map_err(|_| none())?;
        if let Some(above) = level.checked_sub(TILE_HEIGHT) {
            let nodes = self.complete.get(above as usize);
            return nodes.and_then(|nodes| nodes.get(at)).copied().ok_or_else(none);
        }
        let width = 1_usize << level;
        let start = index.checked_mul(width as u64).ok_or_else(none)?;
        let (number, within) = (start / TILE_WIDTH, (start % TILE_WIDTH) as usize);
        if number < self.tiles() {
            let record = self.stored.read(number)?;
            let leaves = record.get(within * HASH_BYTES..(within + width) * HASH_BYTES).ok_or_else(none)?;
            return Ok(tile_root(hashes(leaves).collect()));
        }
        let leaves =
            self.rest.get(within..within + width).filter(|_| number == self.tiles()).ok_or_else(none)?;
        Ok(tile_root(leaves.to_vec()))
    }
}

fn hashes(bytes: &[u8]) -> impl Iterator<Item = Hash> {
    bytes.as_chunks::<HASH_BYTES>().0.iter().map(|hash| Hash(*hash))
}

/// The root over a number of leaves that is a power of two.
fn tile_root(mut nodes: Vec<Hash>) -> Hash {
    while nodes.len() > 1 {
        nodes = nodes.as_chunks::<2>().0.iter().map(|[left, right]| node_hash(left, right)).collect();
    }
    nodes.first().copied().unwrap_or(crate::hash::EMPTY_ROOT)
}
