//! Older groups that were read last, unpacked: consumers that catch up ask for the same pages.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::super::frame::Group;
use crate::ids::Position;

/// Unpacked groups that are kept, in bytes.
const CACHE_BYTES_MAX: usize = 16 << 20;

#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    groups: HashMap<Position, Group>,
    /// In the order in which they came; the first one goes first.
    order: VecDeque<Position>,
    bytes: usize,
}

impl Cache {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Every step leaves it whole, and what it holds can be read again.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The group that begins at `first`, if it is kept.
    pub(super) fn get(&self, first: Position) -> Option<Group> {
        self.kept().groups.get(&first).cloned()
    }

    /// Keeps `group`, and no longer what does not fit beside it.
    pub(super) fn keep(&self, group: &Group) {
        let mut kept = self.kept();
        if kept.groups.insert(group.first, group.clone()).is_some() {
            return;
        }
        kept.order.push_back(group.first);
        kept.bytes += group.len_bytes();
        while kept.bytes > CACHE_BYTES_MAX {
            let Some(oldest) = kept.order.pop_front() else { return };
            let gone = kept.groups.remove(&oldest).map_or(0, |group| group.len_bytes());
            kept.bytes -= gone;
        }
    }
}
