//! The root of a tree whose leaves arrive one after the other, without keeping them.

use crate::hash::{EMPTY_ROOT, Hash, node_hash};

/// The complete parts of a tree: at most one root for each level.
#[derive(Debug, Clone, Default)]
pub struct Growing {
    size: u64,
    /// The roots of the complete parts, the largest one first.
    parts: Vec<Hash>,
}

impl Growing {
    /// Number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut node = leaf;
        // Each low bit of the size that is set is a part that this leaf completes.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.parts.pop() {
                node = node_hash(&left, &node);
            }
        }
        self.parts.push(node);
        self.size += 1;
    }

    /// The root over all leaves so far.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut parts = self.parts.iter().rev().copied();
        let last = parts.next().unwrap_or(EMPTY_ROOT);
        parts.fold(last, |right, left| node_hash(&left, &right))
    }
}
