//! The coordinates of tiles: pieces of a tree that never change. C2SP tlog-tiles.

use std::fmt;
use std::str::FromStr;

use crate::checkpoint::read_number;

/// Number of levels of the tree that a tile spans.
pub const TILE_HEIGHT: u32 = 8;

/// Number of hashes of a complete tile.
pub const TILE_WIDTH: u64 = 1 << TILE_HEIGHT;

/// The highest level of a tile in a tree with less than 2^64 leaves.
const LEVEL_MAX: u8 = 7;

/// A tile: the hashes `index * 256` to `index * 256 + width` of the nodes at `level * 8` above the leaves. Its text form is the
/// path after `tile/`, for example `0/x001/234.p/70`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tile {
    /// 0 for hashes of leaves.
    pub level: u8,
    /// Its place within the level.
    pub index: u64,
    /// Number of hashes, 1 to 256.
    pub width: u16,
}

/// A path is not that of a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is not the path of a tile: use <level>/<index>, or <level>/<index>.p/<width> for a width of 1 to 255"
)]
pub struct TileError;

impl Tile {
    /// The hash at `i` of this tile is the node at this level and index of the tree.
    #[must_use]
    pub fn node(&self, i: u64) -> (u32, u64) {
        (u32::from(self.level) * TILE_HEIGHT, self.index * TILE_WIDTH + i)
    }

    /// Whether a tree with `size` leaves has all its hashes.
    #[must_use]
    pub fn is_in(&self, size: u64) -> bool {
        let complete = size >> (u32::from(self.level) * TILE_HEIGHT);
        let end =
            self.index.checked_mul(TILE_WIDTH).and_then(|start| start.checked_add(u64::from(self.width)));
        end.is_some_and(|end| end <= complete)
    }
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.level)?;
        let digits = self.index.to_string();
        let digits = format!("{:0>1$}", digits, digits.len().next_multiple_of(3));
        let parts: Vec<_> = digits.as_bytes().chunks(3).map(String::from_utf8_lossy).collect();
        for part in &parts[..parts.len() - 1] {
            write!(f, "x{part}/")?;
        }
        f.write_str(&parts[parts.len() - 1])?;
        if u64::from(self.width) < TILE_WIDTH { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

impl FromStr for Tile {
    type Err = TileError;

    fn from_str(path: &str) -> Result<Self, TileError> {
        let read = || {
            let (level, rest) = path.split_once('/')?;
            let level = read_number(level).and_then(|level| u8::try_from(level).ok())?;
            let (index, width) = match rest.split_once(".p/") {
                Some((index, width)) => (index, read_number(width)?),
                None => (rest, TILE_WIDTH),
            };
            let digits: String =
                index.split('/').map(|part| part.strip_prefix('x').unwrap_or(part)).collect();
            let tile = Self { level, index: digits.parse().ok()?, width: u16::try_from(width).ok()? };
            // There is one path for each tile.
            (level <= LEVEL_MAX && (1..=TILE_WIDTH).contains(&width) && tile.to_string() == path)
                .then_some(tile)
        };
        read().ok_or(TileError)
    }
}
