//! The positions of every type and tag. In memory, rebuilt at start.
//!
//! Keyed by a 32-bit hash with a random seed per process. Two tags may share a hash, so the index
//! returns candidates, and each candidate is compared with the tags in its group.
//! A key that occurs once, as most do, takes eight bytes. A log of millions of events has millions of
//! keys, and the size of the index determines how long it takes to build. No library has this layout: a map of
//! positions per tag needs several times the memory.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, BuildHasherDefault, Hasher, RandomState};

use crate::ids::Position;
use crate::query::{Query, QueryItem};

/// Maximum number of events in one log: the index stores positions in 31 bits.
pub const LOG_EVENTS_MAX: u64 = (1 << 31) - 1;

/// Marks a value that is the index of a list instead of a position.
const LIST: u32 = 1 << 31;

/// Spreads a key, which is already a hash, over the 64 bits that the table expects.
#[derive(Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("keys are u32")
    }

    fn write_u32(&mut self, key: u32) {
        // Knuth's multiplicative hashing, with 2^64 divided by the golden ratio.
        self.0 = u64::from(key).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

#[derive(Default)]
pub(super) struct Index {
    seed: RandomState,
    /// A position, or the index of a list with [`LIST`] set.
    postings: HashMap<u32, u32, BuildHasherDefault<Spread>>,
    /// Ascending positions of the keys that occur more than once.
    lists: Vec<Vec<u32>>,
}

/// Candidates for a query, see [`Index::candidates`].
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Candidates {
    /// Ascending, without duplicates.
    pub(super) positions: Vec<u64>,
    /// Whether more candidates follow after the last one.
    pub(super) more: bool,
}

/// The hash of a type or a tag.
pub(super) type Key = u32;

impl Index {
    /// Indexes the event at `position`, the highest so far, under its type and its tags.
    ///
    /// Callers must never pass a position above [`LOG_EVENTS_MAX`].
    pub(super) fn insert<'a>(
        &mut self,
        position: Position,
        event_type: &str,
        tags: impl Iterator<Item = &'a str>,
    ) {
        #[expect(clippy::cast_possible_truncation, reason = "at most LOG_EVENTS_MAX")]
        let position = position.0 as u32;
        let type_key = self.type_key(event_type);
        self.push(type_key, position);
        for tag in tags {
            let key = self.tag_key(tag);
            self.push(key, position);
        }
    }

    fn push(&mut self, key: Key, position: u32) {
        let Some(known) = self.postings.get_mut(&key) else {
            self.postings.insert(key, position);
            return;
        };
        if *known & LIST == 0 {
            if *known != position {
                #[expect(clippy::cast_possible_truncation, reason = "fewer lists than positions")]
                let place = self.lists.len() as u32;
                self.lists.push(vec![*known, position]);
                *known = place | LIST;
            }
        } else if let Some(list) = self.lists.get_mut((*known ^ LIST) as usize)
            // An event that has the same tag twice is one posting.
            && list.last() != Some(&position)
        {
            list.push(position);
        }
    }

    fn type_key(&self, event_type: &str) -> Key {
        self.key((0_u8, event_type))
    }

    fn tag_key(&self, tag: &str) -> Key {
        self.key((1_u8, tag))
    }

    fn key(&self, of: impl std::hash::Hash) -> Key {
        let hash = self.seed.hash_one(of);
        #[expect(clippy::cast_possible_truncation, reason = "half of a hash is a hash")]
        let key = hash as u32;
        key
    }

    /// Candidate positions after `after`: a superset of the matches of `query`, in batches of about
    /// `at_most`.
    pub(super) fn candidates(&self, query: &Query, after: Position, at_most: usize) -> Candidates {
        let mut positions = Vec::new();
        // At least one list was truncated after this position; the next call returns the rest.
        let mut complete_to = u64::MAX;
        let mut lists = 0;
        for item in &query.items {
            self.each_list(item, after, &mut |list| {
                lists += 1;
                if let Some(cut) = list.get(at_most) {
                    complete_to = complete_to.min(u64::from(*cut) - 1);
                }
                positions.extend(list.iter().take(at_most).copied().map(u64::from));
            });
        }
        if lists > 1 {
            positions.sort_unstable();
            positions.dedup();
        }
        positions.truncate(positions.partition_point(|p| *p <= complete_to));
        Candidates { positions, more: complete_to != u64::MAX }
    }

    /// Visits the shortest list that contains every match of an item with tags, or one list per type for
    /// an item without tags.
    fn each_list(&self, item: &QueryItem, after: Position, visit: &mut impl FnMut(&[u32])) {
        if item.tags.is_empty() {
            item.types.iter().for_each(|t| self.with_list(self.type_key(t), after, visit));
            return;
        }
        let keys = item.tags.iter().map(|tag| self.tag_key(tag.as_str()));
        let shortest = keys.min_by_key(|key| {
            let mut len = 0;
            self.with_list(*key, after, &mut |list| len = list.len());
            len
        });
        if let Some(key) = shortest {
            self.with_list(key, after, visit);
        }
    }

    fn with_list(&self, key: Key, after: Position, visit: &mut impl FnMut(&[u32])) {
        let Some(known) = self.postings.get(&key) else { return };
        let all = if *known & LIST == 0 {
            std::slice::from_ref(known)
        } else {
            self.lists.get((*known ^ LIST) as usize).map(Vec::as_slice).unwrap_or_default()
        };
        visit(&all[all.partition_point(|p| u64::from(*p) <= after.0)..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Tag;

    #[test]
    fn candidates_are_complete_across_pieces() {
        let mut index = Index::default();
        for position in 1..=100 {
            let tag = format!("n:{}", position % 3);
            index.insert(Position(position), "t", [tag.as_str()].into_iter());
        }
        let query = Query::any_tag([Tag::new("n", 0), Tag::new("n", 1)]);
        let mut after = Position::START;
        let mut seen: Vec<u64> = Vec::new();
        loop {
            let found = index.candidates(&query, after, 7);
            seen.extend(&found.positions);
            match (found.positions.last(), found.more) {
                (Some(last), true) => after = Position(*last),
                _ => break,
            }
        }
        let expected: Vec<u64> = (1..=100).filter(|p| p % 3 != 2).collect();
        assert_eq!(seen, expected);
    }

    /// Many keys in a table of 32-bit hashes: some collide, but no candidate is lost.
    #[test]
    fn keys_that_share_a_hash_are_candidates_of_each_other() {
        let mut index = Index::default();
        for position in 1..=200_000 {
            let tag = format!("n:{position}");
            index.insert(Position(position), "t", [tag.as_str()].into_iter());
        }
        for n in 1..=200_000 {
            let found = index.candidates(&Query::any_tag([Tag::new("n", n)]), Position::START, 16);
            assert!(found.positions.contains(&n), "{n}: {found:?}");
        }
    }
}
