//! Which positions a type or a tag stands at. In memory, rebuilt at start.
//!
//! Keyed by a 64-bit hash with a random seed per process. Two tags may share a hash, so what the
//! index gives are candidates: every one is compared with the tags in its group before it counts.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, BuildHasherDefault, Hasher, RandomState};

use crate::ids::Position;
use crate::query::{Query, QueryItem};

/// Positions of one key, ascending. Most keys (a command key, say) stand at one position only.
#[derive(Debug)]
enum Postings {
    One(u64),
    Many(Vec<u64>),
}

impl Postings {
    fn push(&mut self, position: u64) {
        match self {
            Self::One(first) if *first == position => {}
            Self::One(first) => *self = Self::Many(vec![*first, position]),
            // An event with the same tag twice is one posting.
            Self::Many(all) if all.last() == Some(&position) => {}
            Self::Many(all) => all.push(position),
        }
    }

    fn after(&self, after: Position) -> &[u64] {
        let all = match self {
            Self::One(position) => std::slice::from_ref(position),
            Self::Many(all) => all.as_slice(),
        };
        &all[all.partition_point(|p| *p <= after.0)..]
    }
}

/// The key is a hash already.
#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("keys are u64")
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

#[derive(Default)]
pub(super) struct Index {
    seed: RandomState,
    postings: HashMap<u64, Postings, BuildHasherDefault<Identity>>,
}

/// Candidates of a query, see [`Index::candidates`].
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Candidates {
    /// Ascending, without repeats.
    pub(super) positions: Vec<u64>,
    /// Whether there are more behind the last one.
    pub(super) more: bool,
}

impl Index {
    pub(super) fn insert<'a>(
        &mut self,
        position: Position,
        event_type: &str,
        tags: impl Iterator<Item = &'a str>,
    ) {
        let type_key = self.type_key(event_type);
        self.push(type_key, position);
        for tag in tags {
            let key = self.tag_key(tag);
            self.push(key, position);
        }
    }

    fn push(&mut self, key: u64, position: Position) {
        self.postings
            .entry(key)
            .and_modify(|postings| postings.push(position.0))
            .or_insert(Postings::One(position.0));
    }

    fn type_key(&self, event_type: &str) -> u64 {
        self.seed.hash_one((0_u8, event_type))
    }

    fn tag_key(&self, tag: &str) -> u64 {
        self.seed.hash_one((1_u8, tag))
    }

    /// Positions after `after` where an event of `query` may stand: every match is among them, up
    /// to about `at_most` of them at a time.
    pub(super) fn candidates(&self, query: &Query, after: Position, at_most: usize) -> Candidates {
        let mut positions = Vec::new();
        // Behind this position some list was cut off: what lies there is for the next call.
        let mut complete_to = u64::MAX;
        for item in &query.items {
            for list in self.lists(item, after) {
                if let Some(cut) = list.get(at_most) {
                    complete_to = complete_to.min(cut - 1);
                }
                positions.extend(list.iter().take(at_most));
            }
        }
        positions.sort_unstable();
        positions.dedup();
        positions.truncate(positions.partition_point(|p| *p <= complete_to));
        Candidates { positions, more: complete_to != u64::MAX }
    }

    /// The shortest list that holds every match of an item with tags, or one list for each type
    /// of an item without.
    fn lists(&self, item: &QueryItem, after: Position) -> Vec<&[u64]> {
        let list = |key: u64| self.postings.get(&key).map_or(&[][..], |p| p.after(after));
        let by_tag = item.tags.iter().map(|tag| list(self.tag_key(tag.as_str()))).min_by_key(|l| l.len());
        match by_tag {
            Some(shortest) => vec![shortest],
            None => item.types.iter().map(|t| list(self.type_key(t))).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Tag;

    #[test]
    fn candidates_come_in_pieces_that_miss_nothing() {
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
}
