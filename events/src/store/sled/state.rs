//! What the store keeps in memory: the index, where groups begin, and the newest groups themselves.

use std::collections::VecDeque;

use super::super::frame::Group;
use super::super::index::Index;
use crate::ids::Position;

pub(super) struct State {
    pub(super) index: Index,
    /// First position of every group, ascending.
    starts: Vec<u64>,
    recent: VecDeque<Group>,
    recent_bytes: usize,
    recent_bytes_max: usize,
    last: Position,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("last", &self.last)
            .field("groups", &self.starts.len())
            .finish_non_exhaustive()
    }
}

impl State {
    pub(super) fn new(recent_bytes_max: usize) -> Self {
        Self {
            index: Index::default(),
            starts: Vec::new(),
            recent: VecDeque::new(),
            recent_bytes: 0,
            recent_bytes_max,
            last: Position::START,
        }
    }

    /// The last position that is durable.
    pub(super) fn last(&self) -> Position {
        self.last
    }

    /// Takes in a group that was read back.
    pub(super) fn index_group(&mut self, group: &Group) -> Result<(), super::ReadError> {
        for entry in group.entries() {
            let entry = entry?;
            self.index.insert(entry.position, entry.event_type, entry.tags.clone());
        }
        self.starts.push(group.first.0);
        self.last = group.last();
        Ok(())
    }

    /// Takes in a group that was just written, and keeps it in memory.
    pub(super) fn publish(&mut self, group: Group) -> Result<(), super::ReadError> {
        self.index_group(&group)?;
        self.recent_bytes += group.len_bytes();
        self.recent.push_back(group);
        while self.recent_bytes > self.recent_bytes_max {
            let Some(oldest) = self.recent.pop_front() else {
                break;
            };
            self.recent_bytes -= oldest.len_bytes();
        }
        Ok(())
    }

    /// Whether everything after `after` lies in memory.
    pub(super) fn in_memory_after(&self, after: Position) -> bool {
        after >= self.last || self.recent.front().is_some_and(|oldest| oldest.first <= after.next())
    }

    pub(super) fn recent_group(&self, position: Position) -> Option<&Group> {
        let i = self.recent.partition_point(|group| group.last() < position);
        self.recent.get(i).filter(|group| group.first <= position)
    }

    /// Where the group that holds `position` begins.
    pub(super) fn group_start(&self, position: Position) -> Position {
        let i = self.starts.partition_point(|start| *start <= position.0);
        Position(i.checked_sub(1).and_then(|i| self.starts.get(i)).copied().unwrap_or(position.0))
    }
}
