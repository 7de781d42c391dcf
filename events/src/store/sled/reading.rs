//! Reading: recent groups come from memory, older ones from sled; the index says where to look.

use std::sync::PoisonError;

use super::super::frame::{Entry, Group};
use super::super::{Page, ReadError};
use super::Shared;
use super::state::State;
use crate::ids::Position;
use crate::query::Query;

impl Shared {
    pub(super) fn state(&self) -> std::sync::RwLockReadGuard<'_, State> {
        // The writer replaces nothing it has not finished; a poisoned lock still guards a whole state.
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// What [`Self::read`] gives, if everything it needs lies in memory: that is done where it is asked
    /// for, on a thread that must not wait for a disk.
    pub(super) fn read_in_memory(
        &self,
        query: &Query,
        after: Position,
        limit: usize,
    ) -> Result<Option<Page>, ReadError> {
        let head = *self.head.borrow();
        if query.is_all() {
            return self.pages(after, limit, head, |position| Ok(self.kept_group(position).ok()));
        }
        let recent = {
            let state = self.state();
            let found = state.index.candidates(query, after, 1);
            found.positions.first().is_none_or(|first| state.in_memory_after(Position(first - 1)))
        };
        if recent { self.read_some(query, after, limit, head).map(Some) } else { Ok(None) }
    }

    pub(super) fn read(&self, query: &Query, after: Position, limit: usize) -> Result<Page, ReadError> {
        // Taken once: what is appended meanwhile is for the next read.
        let head = *self.head.borrow();
        if query.is_all() {
            let page = self.pages(after, limit, head, |position| self.group_at(position).map(Some))?;
            Ok(page.unwrap_or_else(|| Page::empty(after)))
        } else {
            self.read_some(query, after, limit, head)
        }
    }

    /// Every event after `after`, out of the groups that `group` gives; nothing if it has one of them not.
    fn pages(
        &self,
        after: Position,
        limit: usize,
        head: Position,
        group: impl Fn(Position) -> Result<Option<Group>, ReadError>,
    ) -> Result<Option<Page>, ReadError> {
        let mut page = Page::empty(after.max(head));
        let mut next = after.next();
        while next <= head {
            if page.len() == limit {
                page.scanned_to = Position(next.0 - 1);
                break;
            }
            let Some(group) = group(next)? else { return Ok(None) };
            next = page.push_run(&group, next, limit - page.len())?.next();
        }
        Ok(Some(page))
    }

    fn read_some(
        &self,
        query: &Query,
        after: Position,
        limit: usize,
        head: Position,
    ) -> Result<Page, ReadError> {
        let mut page = Page::empty(after.max(head));
        self.each_match(query, after, head, limit, |entry| {
            page.push_entry(entry);
            let full = page.len() == limit;
            if full {
                page.scanned_to = entry.position;
            }
            !full
        })?;
        Ok(page)
    }

    /// The first event after `after` that `query` matches.
    pub(super) fn first_match(&self, query: &Query, after: Position) -> Result<Option<Position>, ReadError> {
        let head = *self.head.borrow();
        if query.is_all() {
            return Ok((after < head).then(|| after.next()));
        }
        let mut first = None;
        self.each_match(query, after, head, 1, |entry| {
            first = Some(entry.position);
            false
        })?;
        Ok(first)
    }

    /// Calls `visit` with every event after `after` that `query` matches, until it has enough and
    /// says `false`. `about` says how many it may want.
    fn each_match(
        &self,
        query: &Query,
        after: Position,
        head: Position,
        about: usize,
        mut visit: impl FnMut(&Entry<'_>) -> bool,
    ) -> Result<(), ReadError> {
        let mut group: Option<Group> = None;
        let mut from = after;
        loop {
            let found = self.state().index.candidates(query, from, about.max(16));
            let beyond = found.positions.last().is_some_and(|last| *last > head.0);
            for position in found.positions.into_iter().map(Position).take_while(|p| *p <= head) {
                from = position;
                let group = match &mut group {
                    Some(group) if position <= group.last() => group,
                    other => other.insert(self.group_at(position)?),
                };
                let entry = group.entry(position)?;
                if entry.matches(query) && !visit(&entry) {
                    return Ok(());
                }
            }
            // What was published meanwhile is in the index already, but lies behind the head.
            if !found.more || beyond {
                return Ok(());
            }
        }
    }

    /// Where the group that holds `position` begins.
    pub(super) fn group_start(&self, position: Position) -> Position {
        self.state().group_start(position)
    }

    /// The group that holds `position`, if it lies in memory; else where it begins.
    fn kept_group(&self, position: Position) -> Result<Group, Position> {
        let first = {
            let state = self.state();
            if let Some(group) = state.recent_group(position) {
                return Ok(group.clone());
            }
            state.group_start(position)
        };
        self.cache.get(first).ok_or(first)
    }

    /// The group that holds `position`, which must not lie behind the head.
    pub(super) fn group_at(&self, position: Position) -> Result<Group, ReadError> {
        let first = match self.kept_group(position) {
            Ok(group) => return Ok(group),
            Err(first) => first,
        };
        let value = self
            .log
            .get(first.0.to_be_bytes())
            .map_err(|source| ReadError::Storage { at: position, source })?;
        let value =
            value.ok_or(ReadError::Damaged { at: position, what: "a group that was there is gone" })?;
        let group = Group::decode(first, &value)?;
        self.cache.keep(&group);
        Ok(group)
    }
}
