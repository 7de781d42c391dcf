//! A cache of decompressed groups that are no longer among the most recent ones. Several consumers that
//! catch up request the same pages.

use std::collections::{HashMap, VecDeque};

use parking_lot::{Mutex, MutexGuard};

use super::super::frame::Group;
use crate::ids::Position;

/// Maximum size of the cached groups, in bytes.
const CACHE_BYTES_MAX: usize = 16 << 20;

#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<CachedGroups>);

#[derive(Debug, Default)]
struct CachedGroups {
    groups: HashMap<Position, Group>,
    /// In insertion order; the front is evicted first.
    order: VecDeque<Position>,
    bytes: usize,
}

impl Cache {
    fn cached(&self) -> MutexGuard<'_, CachedGroups> {
        self.0.lock()
    }

    /// The group that starts at `first`, if it is cached.
    pub(super) fn get(&self, first: Position) -> Option<Group> {
        self.cached().groups.get(&first).cloned()
    }

    /// Caches `group` and evicts the oldest groups above the limit.
    pub(super) fn insert(&self, group: &Group) {
        let mut cached = self.cached();
        if cached.groups.insert(group.first, group.clone()).is_some() {
            return;
        }
        cached.order.push_back(group.first);
        cached.bytes += group.len_bytes();
        while cached.bytes > CACHE_BYTES_MAX {
            let Some(oldest) = cached.order.pop_front() else { return };
            let evicted_bytes = cached.groups.remove(&oldest).map_or(0, |group| group.len_bytes());
            cached.bytes -= evicted_bytes;
        }
    }
}
