//! The condition of every append, stored with its events. The query of the decision is part
//! of the record, so that the condition can be checked again with the log alone.

use super::{Group, read_u32, split_text};
use crate::ids::Position;
use crate::query::{AppendCondition, Query, QueryItem, Tag};
use crate::store::ReadError;

/// Maximum length of a stored condition, in bytes.
pub(in super::super) const CONDITION_BYTES_MAX: usize = 16 * 1024;

/// One append: events that were written together under one condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAppend {
    /// The position of its first event.
    pub first: Position,
    /// The position of its last event.
    pub last: Position,
    /// What had to be true before the first event.
    pub condition: AppendCondition,
}

/// Length of the stored form of `condition`; `None` if a list in it has more than 255 members.
pub(in super::super) fn condition_bytes(condition: &AppendCondition) -> Option<usize> {
    let mut bytes = 10;
    u8::try_from(condition.fail_if_any.items.len()).ok()?;
    for item in &condition.fail_if_any.items {
        u8::try_from(item.types.len()).ok()?;
        u8::try_from(item.tags.len()).ok()?;
        let texts = item.types.iter().map(String::len).chain(item.tags.iter().map(|t| t.as_str().len()));
        bytes += 2 + texts.map(|len| len + 2).sum::<usize>();
    }
    Some(bytes)
}

#[expect(clippy::cast_possible_truncation, reason = "bounded by check_limits")]
pub(super) fn put_append(appends: &mut Vec<u8>, events: u8, condition: &AppendCondition) {
    let AppendCondition { fail_if_any, after } = condition;
    appends.push(events);
    appends.extend_from_slice(&after.0.to_le_bytes());
    appends.push(fail_if_any.items.len() as u8);
    for item in &fail_if_any.items {
        appends.push(item.types.len() as u8);
        for event_type in &item.types {
            put_text(appends, event_type);
        }
        appends.push(item.tags.len() as u8);
        for tag in &item.tags {
            put_text(appends, tag.as_str());
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "bounded by check_limits")]
fn put_text(appends: &mut Vec<u8>, text: &str) {
    appends.extend_from_slice(&(text.len() as u16).to_le_bytes());
    appends.extend_from_slice(text.as_bytes());
}

impl Group {
    /// The appends that make up the group, ascending.
    pub(in super::super) fn appends(&self) -> Result<Vec<StoredAppend>, ReadError> {
        let damaged = ReadError::Damaged { at: self.first, what: "an append is truncated" };
        let appends = self.try_appends().ok_or(damaged)?;
        match appends.last() {
            Some(append) if append.last == self.last() => Ok(appends),
            _ => Err(ReadError::Damaged { at: self.first, what: "the appends do not cover the group" }),
        }
    }

    fn try_appends(&self) -> Option<Vec<StoredAppend>> {
        let count = *self.bytes.get(1)?;
        let mut rest = self.bytes.get(read_u32(&self.bytes, 2)?..)?;
        let mut first = self.first;
        let mut appends = Vec::with_capacity(usize::from(count));
        for _ in 0..count {
            let events = u64::from(take_u8(&mut rest)?);
            let (after, remaining) = rest.split_at_checked(8)?;
            let after = Position(u64::from_le_bytes(after.try_into().ok()?));
            rest = remaining;
            let items = (0..take_u8(&mut rest)?).map(|_| take_item(&mut rest)).collect::<Option<_>>()?;
            let condition = AppendCondition { fail_if_any: Query { items }, after };
            let last = Position((first.0 + events).checked_sub(1)?);
            appends.push(StoredAppend { first, last, condition });
            first = last.next();
        }
        Some(appends)
    }
}

fn take_u8(rest: &mut &[u8]) -> Option<u8> {
    let (first, remaining) = rest.split_first()?;
    *rest = remaining;
    Some(*first)
}

fn take_item(rest: &mut &[u8]) -> Option<QueryItem> {
    let types = (0..take_u8(rest)?).map(|_| take_text(rest).map(str::to_owned)).collect::<Option<_>>()?;
    let tags = (0..take_u8(rest)?).map(|_| take_text(rest).map(Tag::from_stored)).collect::<Option<_>>()?;
    Some(QueryItem { types, tags })
}

fn take_text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let (text, remaining) = split_text(rest)?;
    *rest = remaining;
    Some(text)
}
