//! The Merkle tree of a log: its roots, and proofs between them. RFC 6962, section 2.1; the verification is that of RFC 9162,
//! sections 2.1.3.2 and 2.1.4.2.

use std::io;

use crate::hash::{EMPTY_ROOT, Hash, node_hash};

/// Maximum number of hashes of a proof. A tree with 2^64 leaves is 64 nodes high.
pub const PATH_HASHES_MAX: usize = 64;

/// The nodes of a tree whose subtrees are complete. All other nodes are hashed from them.
pub trait Nodes {
    /// The node at `level` above the leaves `index << level` to `(index + 1) << level`, the last one excluded. A node at level 0
    /// is a leaf.
    ///
    /// # Errors
    /// The storage failed, or the tree does not have all these leaves.
    fn node(&self, level: u32, index: u64) -> io::Result<Hash>;
}

/// The root of the tree that the first `size` leaves are.
///
/// # Errors
/// As for [`Nodes::node`].
pub fn root(nodes: &impl Nodes, size: u64) -> io::Result<Hash> {
    if size == 0 { Ok(EMPTY_ROOT) } else { subtree(nodes, 0, size) }
}

/// The path from leaf `index` to the root of the tree of `size` leaves: the siblings, the lowest first.
///
/// # Errors
/// As for [`Nodes::node`]; there is no such leaf.
pub fn inclusion(nodes: &impl Nodes, index: u64, size: u64) -> io::Result<Vec<Hash>> {
    if index >= size {
        return Err(missing(format_args!("a tree of {size} leaves has no leaf {index}")));
    }
    let (mut start, mut end, mut path) = (0, size, Vec::new());
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            path.push(subtree(nodes, middle, end)?);
            end = middle;
        } else {
            path.push(subtree(nodes, start, middle)?);
            start = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// The proof that the tree of `old` leaves is the beginning of the tree of `new` leaves. Empty if `old` is zero, because the
/// empty tree is the beginning of each tree.
///
/// # Errors
/// As for [`Nodes::node`]; the older tree is larger.
pub fn consistency(nodes: &impl Nodes, old: u64, new: u64) -> io::Result<Vec<Hash>> {
    if old > new {
        return Err(missing(format_args!("a tree of {new} leaves does not begin with {old} leaves")));
    }
    let mut path = Vec::new();
    if old == 0 || old == new {
        return Ok(path);
    }
    let (mut start, mut end, mut is_whole) = (0, new, true);
    while end != old {
        let middle = start + split(end - start);
        if old <= middle {
            path.push(subtree(nodes, middle, end)?);
            end = middle;
        } else {
            path.push(subtree(nodes, start, middle)?);
            (start, is_whole) = (middle, false);
        }
    }
    if !is_whole {
        path.push(subtree(nodes, start, end)?);
    }
    path.reverse();
    Ok(path)
}

/// The root to which `path` leads from `leaf`; `None` if the path does not fit the place of the leaf.
#[must_use]
pub fn root_from_inclusion(leaf: Hash, index: u64, size: u64, path: &[Hash]) -> Option<Hash> {
    let (mut place, mut last) = (index, size.checked_sub(1).filter(|last| index <= *last)?);
    let mut hash = leaf;
    for sibling in path {
        if last == 0 {
            return None;
        }
        if place & 1 == 1 || place == last {
            hash = node_hash(sibling, &hash);
            skip_right_edge(&mut place, &mut last);
        } else {
            hash = node_hash(&hash, sibling);
        }
        (place, last) = (place >> 1, last >> 1);
    }
    (last == 0).then_some(hash)
}

/// Whether `path` proves that the tree of `old` leaves is the beginning of the tree of `new` leaves. A tree is a size and a root.
#[must_use]
pub fn is_consistent((old, old_root): (u64, Hash), (new, new_root): (u64, Hash), path: &[Hash]) -> bool {
    if old == 0 || old == new {
        let is_same = if old == new { old_root == new_root } else { old_root == EMPTY_ROOT };
        return path.is_empty() && is_same;
    }
    if old > new {
        return false;
    }
    // A complete older tree is a node of the newer one, so its root begins the path.
    let begins_itself = old.is_power_of_two();
    let mut hashes = begins_itself.then_some(&old_root).into_iter().chain(path);
    let Some(first) = hashes.next() else { return false };
    let (mut place, mut last) = (old - 1, new - 1);
    while place & 1 == 1 {
        (place, last) = (place >> 1, last >> 1);
    }
    let (mut old_hash, mut new_hash) = (*first, *first);
    for sibling in hashes {
        if last == 0 {
            return false;
        }
        if place & 1 == 1 || place == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            skip_right_edge(&mut place, &mut last);
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        (place, last) = (place >> 1, last >> 1);
    }
    last == 0 && old_hash == old_root && new_hash == new_root
}

/// On the right edge of a tree that is not complete, levels at which a node has no sibling are skipped.
fn skip_right_edge(place: &mut u64, last: &mut u64) {
    while *place & 1 == 0 && *place != 0 {
        (*place, *last) = (*place >> 1, *last >> 1);
    }
}

/// The root over the leaves `start..end`. `start` is a multiple of the smallest power of two that is not below their number.
fn subtree(nodes: &impl Nodes, start: u64, end: u64) -> io::Result<Hash> {
    let size = end - start;
    if size.is_power_of_two() {
        let level = size.trailing_zeros();
        return nodes.node(level, start >> level);
    }
    let middle = start + split(size);
    Ok(node_hash(&subtree(nodes, start, middle)?, &subtree(nodes, middle, end)?))
}

/// The largest power of two below `size`, which is at least 2.
fn split(size: u64) -> u64 {
    1 << (u64::BITS - 1 - (size - 1).leading_zeros())
}

pub(crate) fn missing(what: std::fmt::Arguments<'_>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what.to_string())
}
