//! The in-memory state of a log: the index, the first position of every group, and recent groups.

use std::collections::VecDeque;

use bytes::Bytes;

use super::super::engine::{Span, Tail};
use super::super::frame::{ChainHash, ConfidentialPayloads, Group};
use super::super::index::Index;
use super::ReadError;
use crate::ids::Position;

pub(in super::super) struct State {
    pub(super) index: Index,
    /// First position of every group, ascending.
    starts: Vec<u64>,
    recent: VecDeque<Recent>,
    recent_bytes: usize,
    recent_bytes_max: usize,
    last: Position,
}

/// A recently appended group.
struct Recent {
    group: Group,
    /// Its confidential payloads; `None` if another process appended the group.
    payloads: Option<ConfidentialPayloads>,
}

impl Recent {
    fn len_bytes(&self) -> usize {
        self.group.len_bytes()
            + self.payloads.iter().flatten().map(|(_, payload)| payload.len()).sum::<usize>()
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
    pub(in super::super) fn new(recent_bytes_max: usize) -> Self {
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
    pub(in super::super) fn last(&self) -> Position {
        self.last
    }

    /// Indexes a group that was read from the engine.
    pub(super) fn index_group(&mut self, group: &Group) -> Result<(), ReadError> {
        for entry in group.events() {
            let entry = entry?;
            self.index.insert(entry.position, entry.event_type, entry.tags.clone());
        }
        self.starts.push(group.first.0);
        self.last = group.last();
        Ok(())
    }

    /// Indexes a group that was just appended, keeps it in memory with its payloads if they are known, and drops the
    /// payloads at the positions `forgotten`.
    pub(super) fn publish(
        &mut self,
        group: Group,
        payloads: Option<ConfidentialPayloads>,
        forgotten: &[Position],
    ) -> Result<(), ReadError> {
        self.index_group(&group)?;
        let recent = Recent { group, payloads };
        self.recent_bytes += recent.len_bytes();
        self.recent.push_back(recent);
        for position in forgotten {
            if let Some(i) = self.recent_place(*position)
                && let Some(recent) = self.recent.get_mut(i)
            {
                self.recent_bytes -= recent.len_bytes();
                if let Some(payloads) = &mut recent.payloads {
                    payloads.retain(|(at, _)| at != position);
                }
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

    /// The confidential payload of the event at `position`. The outer `Option` is `None` if the payloads of the group
    /// are not in memory, the inner one if the event has no payload.
    pub(super) fn recent_payload(&self, position: Position) -> Option<Option<Bytes>> {
        let recent = self.recent.get(self.recent_place(position)?)?;
        let payload = recent.payloads.as_ref()?.iter().find(|(at, _)| *at == position);
        Some(payload.map(|(_, payload)| payload.clone()))
    }

    /// The positions of the group that holds `position`.
    pub(in super::super) fn span(&self, position: Position) -> Span {
        let i = self.starts.partition_point(|start| *start <= position.0);
        let first = i.checked_sub(1).and_then(|i| self.starts.get(i)).copied().unwrap_or(position.0);
        let last = self.starts.get(i).map_or(self.last, |next| Position(next - 1));
        Span { first: Position(first), last }
    }

    /// The last group; `hash` is the hash of the chain at its last event.
    pub(super) fn tail(&self, hash: ChainHash) -> Tail {
        let first = Position(self.starts.last().copied().unwrap_or_default());
        Tail { span: Span { first, last: self.last }, hash }
    }
}
