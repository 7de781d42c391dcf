//! Reading events: recent groups are in memory, older ones come from the cache or from the engine. The index finds the
//! positions to read.

use std::collections::BTreeMap;

use bytes::Bytes;
use parking_lot::RwLockReadGuard;

use super::super::engine::Span;
use super::super::frame::{FramedEvent, Group, decode_payloads};
use super::super::{Page, ReadError};
use super::Shared;
use super::state::State;
use crate::ids::Position;
use crate::query::Query;

impl Shared {
    pub(super) fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read()
    }

    /// Like [`Self::read`], but returns `None` if a group would have to be read from the engine. It runs on the
    /// async thread of the caller, which must not block.
    pub(super) fn read_in_memory(
        &self,
        query: &Query,
        after: Position,
        limit: usize,
    ) -> Result<Option<Page>, ReadError> {
        let head = *self.head.borrow();
        if query.is_all() {
            return self.pages(after, limit, head, |position| Ok(self.cached_group(position).ok()));
        }
        let recent = {
            let state = self.state();
            let found = state.index.candidates(query, after, 1);
            found.positions.first().is_none_or(|first| state.in_memory_after(Position(first - 1)))
        };
        if recent { self.read_some(query, after, limit, head).map(Some) } else { Ok(None) }
    }

    pub(in super::super) fn read(
        &self,
        query: &Query,
        after: Position,
        limit: usize,
    ) -> Result<Page, ReadError> {
        // Read the head once: events appended meanwhile belong to the next read.
        let head = *self.head.borrow();
        if query.is_all() {
            let page = self.pages(after, limit, head, |position| self.group_at(position).map(Some))?;
            Ok(page.unwrap_or_else(|| Page::empty(after)))
        } else {
            self.read_some(query, after, limit, head)
        }
    }

    /// Up to `limit` events after `after` and up to `head`. `group` returns the group that contains a position;
    /// if it returns `None`, so does this function.
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
            page.push_event(entry);
            let full = page.len() == limit;
            if full {
                page.scanned_to = entry.position;
            }
            !full
        })?;
        Ok(page)
    }

    /// The position of the first event after `after` that `query` matches.
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

    /// Calls `visit` with each event after `after` and up to `head` that `query` matches, until `visit` returns
    /// `false`. `expected` is an estimate of how many events `visit` will accept.
    fn each_match(
        &self,
        query: &Query,
        after: Position,
        head: Position,
        expected: usize,
        mut visit: impl FnMut(&FramedEvent<'_>) -> bool,
    ) -> Result<(), ReadError> {
        let mut group: Option<Group> = None;
        let mut from = after;
        loop {
            let found = self.state().index.candidates(query, from, expected.max(16));
            let beyond = found.positions.last().is_some_and(|last| *last > head.0);
            for position in found.positions.into_iter().map(Position).take_while(|p| *p <= head) {
                from = position;
                let group = match &mut group {
                    Some(group) if position <= group.last() => group,
                    other => other.insert(self.group_at(position)?),
                };
                let entry = group.event(position)?;
                if entry.matches(query) && !visit(&entry) {
                    return Ok(());
                }
            }
            // The index may already contain events after the head, which belong to the next read.
            if !found.more || beyond {
                return Ok(());
            }
        }
    }

    /// The confidential payload of the event at `position`. The outer `Option` is `None` if the group is not in
    /// memory, the inner one if the event has no payload.
    pub(super) fn payload_in_memory(&self, position: Position) -> Option<Option<Bytes>> {
        self.state().recent_payload(position)
    }

    /// The confidential payloads of the events at `positions`, in the same order. Reads the engine.
    pub(super) fn payloads(&self, positions: &[Position]) -> Result<Vec<Option<Bytes>>, ReadError> {
        let mut spans: Vec<_> = positions.iter().map(|position| self.span(*position)).collect();
        spans.sort_unstable_by_key(|span| span.first);
        spans.dedup();
        let mut payloads = BTreeMap::new();
        for (span, value) in spans.iter().zip(self.engine.payload_values(&spans)?) {
            if !value.is_empty() {
                payloads.extend(decode_payloads(span.first, &value)?);
            }
        }
        Ok(positions.iter().map(|position| payloads.get(position).cloned()).collect())
    }

    /// The first position of the group that holds `position`.
    pub(super) fn group_start(&self, position: Position) -> Position {
        self.span(position).first
    }

    /// The positions of the group that holds `position`.
    pub(super) fn span(&self, position: Position) -> Span {
        self.state().span(position)
    }

    /// Returns the group that contains `position` if it is in memory; otherwise `Err` with the first position of
    /// that group.
    fn cached_group(&self, position: Position) -> Result<Group, Position> {
        let first = {
            let state = self.state();
            if let Some(group) = state.recent_group(position) {
                return Ok(group.clone());
            }
            state.span(position).first
        };
        self.cache.get(first).ok_or(first)
    }

    /// The group that holds `position`, which must not be after the head.
    pub(in super::super) fn group_at(&self, position: Position) -> Result<Group, ReadError> {
        let first = match self.cached_group(position) {
            Ok(group) => return Ok(group),
            Err(first) => first,
        };
        let value = self.engine.value(first)?;
        let value = value.ok_or(ReadError::Damaged { at: position, what: "a group is missing" })?;
        let group = Group::decode(first, &value)?;
        self.cache.insert(&group);
        Ok(group)
    }
}
