//! How a group of events stands in one value: a table of offsets, then for each event its place
//! in the hash chain, its bytes, its type, its tags and what it orders to be forgotten.
//!
//! All numbers are little-endian. Reading is checked throughout: the bytes come from a disk.
//!
//! ```text
//! group  := version:u8 count:u8 offset:u32 × count  entry × count
//! entry  := hash:[u8; 32] json_len:u32 type_len:u8 tag_count:u8 forget_count:u8
//!           json type (tag_len:u16 tag) × tag_count  forget:u64 × forget_count
//! ```

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::{ReadError, Stored};
use crate::ids::Position;
use crate::query::{Query, Tag};

const VERSION: u8 = 1;
const HEADER_LEN: usize = 2;
const ENTRY_HEADER_LEN: usize = 32 + 4 + 3;

/// A place in the hash chain: `SHA-256(previous ‖ event bytes)`.
pub(super) type ChainHash = [u8; 32];

/// The chain before the first event.
pub(super) const CHAIN_START: ChainHash = [0; 32];

/// The hash of an event that follows `previous`.
pub(super) fn chain(previous: &ChainHash, json: &[u8]) -> ChainHash {
    Sha256::new().chain_update(previous).chain_update(json).finalize().into()
}

/// Builds a group, one event after the other.
#[derive(Debug, Default)]
pub(super) struct GroupBuilder {
    offsets: Vec<u32>,
    entries: Vec<u8>,
}

impl GroupBuilder {
    pub(super) fn push(
        &mut self,
        hash: &ChainHash,
        json: &[u8],
        event_type: &str,
        tags: &[Tag],
        forgets: &[Position],
    ) {
        // The lengths fit: `check_limits` bounds every part far below what the fields hold.
        #[expect(clippy::cast_possible_truncation, reason = "bounded by check_limits")]
        {
            self.offsets.push(self.entries.len() as u32);
            self.entries.extend_from_slice(hash);
            self.entries.extend_from_slice(&(json.len() as u32).to_le_bytes());
            self.entries.extend([event_type.len() as u8, tags.len() as u8, forgets.len() as u8]);
            self.entries.extend_from_slice(json);
            self.entries.extend_from_slice(event_type.as_bytes());
            for tag in tags {
                self.entries.extend_from_slice(&(tag.as_str().len() as u16).to_le_bytes());
                self.entries.extend_from_slice(tag.as_str().as_bytes());
            }
        }
        for position in forgets {
            self.entries.extend_from_slice(&position.0.to_le_bytes());
        }
    }

    pub(super) fn len_bytes(&self) -> usize {
        HEADER_LEN + self.offsets.len() * 4 + self.entries.len()
    }

    pub(super) fn build(self) -> Vec<u8> {
        let mut group = Vec::with_capacity(self.len_bytes());
        #[expect(clippy::cast_possible_truncation, reason = "bounded by APPEND_EVENTS_MAX")]
        group.extend([VERSION, self.offsets.len() as u8]);
        #[expect(clippy::cast_possible_truncation, reason = "at most 258 bytes")]
        let table_end = (HEADER_LEN + self.offsets.len() * 4) as u32;
        for offset in &self.offsets {
            group.extend_from_slice(&(table_end + offset).to_le_bytes());
        }
        group.extend_from_slice(&self.entries);
        group
    }
}

/// A group as it was stored. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) first: Position,
    bytes: Bytes,
    count: u8,
}

impl Group {
    pub(super) fn open(first: Position, bytes: Bytes) -> Result<Self, ReadError> {
        match (bytes.first(), bytes.get(1)) {
            (Some(&VERSION), Some(&count)) if count > 0 => Ok(Self { first, bytes, count }),
            (Some(&VERSION), _) => Err(ReadError::Damaged { at: first, what: "an empty group" }),
            _ => Err(ReadError::Damaged {
                at: first,
                what: "a group of an unknown version: run the version that wrote it, or a later one",
            }),
        }
    }

    pub(super) fn last(&self) -> Position {
        Position(self.first.0 + u64::from(self.count) - 1)
    }

    pub(super) fn len_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The entry at `position`, which must lie within the group.
    pub(super) fn entry(&self, position: Position) -> Result<Entry<'_>, ReadError> {
        self.try_entry(position)
            .ok_or(ReadError::Damaged { at: position, what: "an event that ends before it should" })
    }

    fn try_entry(&self, position: Position) -> Option<Entry<'_>> {
        let i = usize::try_from(position.0.checked_sub(self.first.0)?).ok()?;
        if i >= usize::from(self.count) {
            return None;
        }
        let at = read_u32(&self.bytes, HEADER_LEN + i * 4)?;
        let header = self.bytes.get(at..at + ENTRY_HEADER_LEN)?;
        let hash = header.get(..32)?.try_into().ok()?;
        let json_len = read_u32(header, 32)?;
        let (type_len, tag_count, forget_count) = (header[36], header[37], header[38]);
        let json_at = at + ENTRY_HEADER_LEN;
        let type_at = json_at + json_len;
        let tags_at = type_at + usize::from(type_len);
        let event_type = std::str::from_utf8(self.bytes.get(type_at..tags_at)?).ok()?;
        let mut end = tags_at;
        for _ in 0..tag_count {
            let len = u16::from_le_bytes(self.bytes.get(end..end + 2)?.try_into().ok()?);
            end += 2 + usize::from(len);
        }
        let tags = Tags(self.bytes.get(tags_at..end)?);
        let forgets = self.bytes.get(end..end + usize::from(forget_count) * 8)?;
        Some(Entry { group: self, position, hash, json_at, json_len, event_type, tags, forgets })
    }

    /// All entries, ascending.
    pub(super) fn entries(&self) -> impl Iterator<Item = Result<Entry<'_>, ReadError>> {
        (self.first.0..=self.last().0).map(|position| self.entry(Position(position)))
    }
}

/// One event within a group.
#[derive(Debug, Clone)]
pub(super) struct Entry<'a> {
    group: &'a Group,
    pub(super) position: Position,
    pub(super) hash: ChainHash,
    json_at: usize,
    json_len: usize,
    pub(super) event_type: &'a str,
    pub(super) tags: Tags<'a>,
    forgets: &'a [u8],
}

impl Entry<'_> {
    pub(super) fn json(&self) -> &[u8] {
        &self.group.bytes[self.json_at..self.json_at + self.json_len]
    }

    pub(super) fn stored(&self) -> Stored {
        let json = self.group.bytes.slice(self.json_at..self.json_at + self.json_len);
        Stored { position: self.position, json }
    }

    pub(super) fn matches(&self, query: &Query) -> bool {
        query.matches(self.event_type, self.tags.clone())
    }

    pub(super) fn forgets(&self) -> impl Iterator<Item = Position> {
        self.forgets
            .chunks_exact(8)
            .filter_map(|b| b.try_into().ok().map(|b| Position(u64::from_le_bytes(b))))
    }
}

/// The tags of an entry. A tag that is not UTF-8 ends the list.
#[derive(Debug, Clone)]
pub(super) struct Tags<'a>(&'a [u8]);

impl<'a> Iterator for Tags<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let (len, rest) = self.0.split_at_checked(2)?;
        let (tag, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(len.try_into().ok()?)))?;
        self.0 = rest;
        std::str::from_utf8(tag).ok()
    }
}

fn read_u32(bytes: &[u8], at: usize) -> Option<usize> {
    let number = u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?);
    usize::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Bytes, type, tags and what is to be forgotten.
    type Parts = (Vec<u8>, String, Vec<String>, Vec<u64>);

    fn build(events: &[Parts]) -> Vec<u8> {
        let mut builder = GroupBuilder::default();
        for (json, event_type, tags, forgets) in events {
            let tags: Vec<_> = tags.iter().map(|t| Tag::from_stored(t)).collect();
            let forgets: Vec<_> = forgets.iter().copied().map(Position).collect();
            builder.push(&chain(&CHAIN_START, json), json, event_type, &tags, &forgets);
        }
        builder.build()
    }

    fn event() -> impl Strategy<Value = Parts> {
        (
            proptest::collection::vec(any::<u8>(), 0..200),
            "[a-z.]{1,40}",
            proptest::collection::vec(".{0,30}", 0..6),
            proptest::collection::vec(any::<u64>(), 0..3),
        )
    }

    proptest! {
        #[test]
        fn a_group_reads_back_as_it_was_built(events in proptest::collection::vec(event(), 1..64)) {
            let group = Group::open(Position(7), build(&events).into()).unwrap();
            prop_assert_eq!(group.last(), Position(6 + events.len() as u64));
            for (entry, (json, event_type, tags, forgets)) in group.entries().zip(&events) {
                let entry = entry.unwrap();
                prop_assert_eq!(entry.json(), json.as_slice());
                prop_assert_eq!(&entry.stored().json[..], json.as_slice());
                prop_assert_eq!(entry.event_type, event_type);
                prop_assert_eq!(entry.tags.clone().collect::<Vec<_>>(), tags.clone());
                prop_assert_eq!(entry.forgets().map(|p| p.0).collect::<Vec<_>>(), forgets.clone());
                prop_assert_eq!(entry.hash, chain(&CHAIN_START, json));
            }
        }

        #[test]
        fn a_damaged_group_never_panics(
            events in proptest::collection::vec(event(), 1..8),
            flips in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..8),
            keep in any::<proptest::sample::Index>(),
        ) {
            let mut bytes = build(&events);
            for (at, with) in flips {
                let at = at.index(bytes.len());
                bytes[at] ^= with;
            }
            bytes.truncate(keep.index(bytes.len()) + 1);
            if let Ok(group) = Group::open(Position(1), bytes.into()) {
                for entry in group.entries().flatten() {
                    let _ = (entry.stored(), entry.tags.clone().count(), entry.forgets().count());
                }
            }
        }
    }
}
