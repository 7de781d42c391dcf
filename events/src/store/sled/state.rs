//! The in-memory state of the store: the index, the first position of every group, and recent groups.

use std::collections::VecDeque;

use bytes::Bytes;

use super::super::frame::{ConfidentialPayloads, Group};
use super::super::index::Index;
use crate::ids::Position;

pub(super) struct State {
    pub(super) index: Index,
    /// First position of every group, ascending.
    starts: Vec<u64>,
    recent: VecDeque<Recent>,
    recent_bytes: usize,
    recent_bytes_max: usize,
    last: Position,
}

/// A recently written group with its confidential payloads.
struct Recent {
    group: Group,
    payloads: ConfidentialPayloads,
}

impl Recent {
    fn len_bytes(&self) -> usize {
        self.group.len_bytes() + self.payloads.iter().map(|(_, payload)| payload.len()).sum::<usize>()
    }
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

    /// The last durable position.
    pub(super) fn last(&self) -> Position {
        self.last
    }

    /// Indexes a group that was read from disk.
    pub(super) fn index_group(&mut self, group: &Group) -> Result<(), super::ReadError> {
        for entry in group.events() {
            let entry = entry?;
            self.index.insert(entry.position, entry.event_type, entry.tags.clone());
        }
        self.starts.push(group.first.0);
        self.last = group.last();
        Ok(())
    }

    /// Indexes a group that was just written, keeps it in memory with its payloads, and drops the payloads
    /// at the positions `forgotten`.
    pub(super) fn publish(
        &mut self,
        group: Group,
        payloads: ConfidentialPayloads,
        forgotten: &[Position],
    ) -> Result<(), super::ReadError> {
        self.index_group(&group)?;
        let recent = Recent { group, payloads };
        self.recent_bytes += recent.len_bytes();
        self.recent.push_back(recent);
        for position in forgotten {
            if let Some(i) = self.recent_place(*position)
                && let Some(recent) = self.recent.get_mut(i)
            {
                self.recent_bytes -= recent.len_bytes();
                recent.payloads.retain(|(at, _)| at != position);
                self.recent_bytes += recent.len_bytes();
            }
        }
        while self.recent_bytes > self.recent_bytes_max {
            let Some(oldest) = self.recent.pop_front() else {
                break;
            };
            self.recent_bytes -= oldest.len_bytes();
        }
        Ok(())
    }

    /// Whether every event after `after` is in memory.
    pub(super) fn in_memory_after(&self, after: Position) -> bool {
        after >= self.last || self.recent.front().is_some_and(|oldest| oldest.group.first <= after.next())
    }

    fn recent_place(&self, position: Position) -> Option<usize> {
        let i = self.recent.partition_point(|recent| recent.group.last() < position);
        self.recent.get(i).filter(|recent| recent.group.first <= position).map(|_| i)
    }

    pub(super) fn recent_group(&self, position: Position) -> Option<&Group> {
        self.recent.get(self.recent_place(position)?).map(|recent| &recent.group)
    }

    /// The confidential payload of the event at `position`. The outer `Option` is `None` if the group is not
    /// in memory, the inner one if the event has no payload.
    pub(super) fn recent_payload(&self, position: Position) -> Option<Option<Bytes>> {
        let recent = self.recent.get(self.recent_place(position)?)?;
        let payload = recent.payloads.iter().find(|(at, _)| *at == position);
        Some(payload.map(|(_, payload)| payload.clone()))
    }

    /// The first position of the group that holds `position`.
    pub(super) fn group_start(&self, position: Position) -> Position {
        let i = self.starts.partition_point(|start| *start <= position.0);
        Position(i.checked_sub(1).and_then(|i| self.starts.get(i)).copied().unwrap_or(position.0))
    }
}
