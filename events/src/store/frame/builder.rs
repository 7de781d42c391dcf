//! Builds a group, append by append.

use bytes::Bytes;

use super::conditions::put_append;
use super::{ChainHash, Group, HEADER_LEN, PLAIN_BYTES_MAX, pack};
use crate::ids::Position;
use crate::query::{AppendCondition, Tag};

/// A group under construction. Every length fits its field: `check_limits` bounds all parts far below.
#[derive(Debug, Default)]
pub(in super::super) struct GroupBuilder {
    /// Offset of each entry among the entries.
    offsets: Vec<u32>,
    json: Vec<u8>,
    entries: Vec<u8>,
    appends: Vec<u8>,
    append_count: u8,
    /// Events since the last append was closed.
    open_events: u8,
}

#[expect(clippy::cast_possible_truncation, reason = "bounded by check_limits")]
impl GroupBuilder {
    /// Adds an event to the open append.
    pub(in super::super) fn push(
        &mut self,
        hash: &ChainHash,
        json: &[u8],
        event_type: &str,
        tags: &[Tag],
        forgets: &[Position],
    ) {
        self.json.push(b',');
        self.offsets.push(self.entries.len() as u32);
        self.entries.extend_from_slice(hash);
        // Relative to the first comma; `build` adds the final offset.
        self.entries.extend_from_slice(&(self.json.len() as u32).to_le_bytes());
        self.entries.extend_from_slice(&(json.len() as u32).to_le_bytes());
        self.entries.extend([event_type.len() as u8, tags.len() as u8, forgets.len() as u8]);
        self.entries.extend_from_slice(event_type.as_bytes());
        for tag in tags {
            self.entries.extend_from_slice(&(tag.as_str().len() as u16).to_le_bytes());
            self.entries.extend_from_slice(tag.as_str().as_bytes());
        }
        for position in forgets {
            self.entries.extend_from_slice(&position.0.to_le_bytes());
        }
        self.json.extend_from_slice(json);
        self.open_events += 1;
    }

    /// Closes the open append: all events since the previous one were made under `condition`.
    pub(in super::super) fn close_append(&mut self, condition: &AppendCondition) {
        put_append(&mut self.appends, self.open_events, condition);
        self.append_count += 1;
        self.open_events = 0;
    }

    /// The group that starts at `first`, and its stored value. `None` if it is too long or an append is
    /// still open.
    pub(in super::super) fn build(self, first: Position) -> Option<(Group, Vec<u8>)> {
        let json_at = HEADER_LEN + self.offsets.len() * 4;
        let entries_at = json_at + self.json.len();
        let appends_at = entries_at + self.entries.len();
        let mut group = Vec::with_capacity(appends_at + self.appends.len());
        group.extend([self.offsets.len() as u8, self.append_count]);
        group.extend_from_slice(&(appends_at as u32).to_le_bytes());
        for offset in &self.offsets {
            group.extend_from_slice(&(entries_at as u32 + offset).to_le_bytes());
        }
        group.extend_from_slice(&self.json);
        group.extend_from_slice(&self.entries);
        group.extend_from_slice(&self.appends);
        for offset in &self.offsets {
            let at = entries_at + *offset as usize + 32;
            let field = group.get_mut(at..at + 4)?;
            let from_comma = u32::from_le_bytes((&*field).try_into().ok()?);
            field.copy_from_slice(&(from_comma + json_at as u32).to_le_bytes());
        }
        if group.len() > PLAIN_BYTES_MAX || self.open_events > 0 {
            return None;
        }
        let value = pack(&group);
        Some((Group::open(first, Bytes::from(group)).ok()?, value))
    }
}
