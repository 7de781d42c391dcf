//! The stored value of a group of events: tags, hash-chain entries and the JSON of every event, each
//! preceded by the comma that the feed needs. The appends that make up the group follow, each with
//! its append condition.
//!
//! All numbers are little-endian. Decoding checks every bound, because the bytes come from a disk.
//!
//! ```text
//! value   := 2:u8 group_len:u32 lz4(group)
//! group   := count:u8 append_count:u8 appends_at:u32 entry_at:u32 × count
//!            ("," json) × count  entry × count  append × append_count
//! entry   := hash:[u8; 32] json_at:u32 json_len:u32 type_len:u8 tag_count:u8 forget_count:u8
//!            type (tag_len:u16 tag) × tag_count  forget:u64 × forget_count
//! append  := event_count:u8 after:u64 item_count:u8 item × item_count
//! item    := type_count:u8 (len:u16 type) × type_count  tag_count:u8 (len:u16 tag) × tag_count
//! ```
//!
//! Events of one service resemble each other: LZ4 shrinks a group to a sixth in less time than
//! writing the rest would take. This matters because sled rewrites neighbouring values repeatedly.

mod builder;
mod conditions;
mod confidential;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

pub(super) use self::builder::GroupBuilder;
pub use self::conditions::StoredAppend;
pub(super) use self::conditions::{CONDITION_BYTES_MAX, condition_bytes};
pub(super) use self::confidential::{ConfidentialPayloads, decode_payloads, encode_payloads};
use super::ReadError;
use crate::ids::Position;
use crate::query::Query;

const VERSION: u8 = 2;
const VALUE_HEADER_LEN: usize = 5;
const HEADER_LEN: usize = 6;
const ENTRY_HEADER_LEN: usize = 32 + 4 + 4 + 3;

/// Maximum length of an uncompressed group, in bytes. A value that claims more is damaged, and no
/// memory is allocated for it. Far above the limits of `check_limits` and the writer.
const PLAIN_BYTES_MAX: usize = 4 << 20;

/// A link of the hash chain, which depends on an event and on everything before it: `SHA-256(previous hash ‖ event bytes)`.
pub type ChainHash = [u8; 32];

/// The chain before the first event.
pub const CHAIN_START: ChainHash = [0; 32];

/// The hash of an event that follows `previous`.
#[must_use]
pub fn chain(previous: &ChainHash, json: &[u8]) -> ChainHash {
    Sha256::new().chain_update(previous).chain_update(json).finalize().into()
}

/// Compresses `plain` into a stored value.
#[expect(clippy::cast_possible_truncation, reason = "bounded by check_limits")]
fn pack(plain: &[u8]) -> Vec<u8> {
    let mut value = vec![0; VALUE_HEADER_LEN + lz4_flex::block::get_maximum_output_size(plain.len())];
    value[0] = VERSION;
    value[1..VALUE_HEADER_LEN].copy_from_slice(&(plain.len() as u32).to_le_bytes());
    // The buffer has the size of the worst case.
    let packed = lz4_flex::compress_into(plain, &mut value[VALUE_HEADER_LEN..]).unwrap_or(0);
    value.truncate(VALUE_HEADER_LEN + packed);
    value
}

/// Decompresses the stored `value` of the group that starts at `first`.
fn unpack(first: Position, value: &[u8]) -> Result<Vec<u8>, ReadError> {
    let damaged = |what| ReadError::Damaged { at: first, what };
    if value.first() != Some(&VERSION) {
        return Err(damaged(
            "the group has an unknown version: run the version that wrote it, or a later one",
        ));
    }
    let len = read_u32(value, 1).filter(|len| *len <= PLAIN_BYTES_MAX);
    let (len, packed) =
        len.zip(value.get(VALUE_HEADER_LEN..)).ok_or(damaged("the group has no valid length"))?;
    lz4_flex::decompress(packed, len).map_err(|_| damaged("the group cannot be decompressed"))
}

/// A group in memory. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) first: Position,
    bytes: Bytes,
    count: u8,
}

impl Group {
    /// Decodes a stored value.
    pub(super) fn decode(first: Position, value: &[u8]) -> Result<Self, ReadError> {
        Self::open(first, unpack(first, value)?.into())
    }

    fn open(first: Position, bytes: Bytes) -> Result<Self, ReadError> {
        match bytes.first() {
            Some(&count) if count > 0 => Ok(Self { first, bytes, count }),
            _ => Err(ReadError::Damaged { at: first, what: "the group is empty" }),
        }
    }

    pub(super) fn last(&self) -> Position {
        Position(self.first.0 + u64::from(self.count) - 1)
    }

    pub(super) fn len_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The entry at `position`, which must be within the group.
    pub(super) fn event(&self, position: Position) -> Result<FramedEvent<'_>, ReadError> {
        self.try_event(position).ok_or(ReadError::Damaged { at: position, what: "an event is truncated" })
    }

    fn try_event(&self, position: Position) -> Option<FramedEvent<'_>> {
        let i = usize::try_from(position.0.checked_sub(self.first.0)?).ok()?;
        if i >= usize::from(self.count) {
            return None;
        }
        let at = read_u32(&self.bytes, HEADER_LEN + i * 4)?;
        let header = self.bytes.get(at..at + ENTRY_HEADER_LEN)?;
        let hash = header.get(..32)?.try_into().ok()?;
        let (json_at, json_end) = self.json_range(position)?;
        let json = self.bytes.get(json_at..json_end)?;
        let (type_len, tag_count, forget_count) = (header[40], header[41], header[42]);
        let type_at = at + ENTRY_HEADER_LEN;
        let tags_at = type_at + usize::from(type_len);
        let event_type = std::str::from_utf8(self.bytes.get(type_at..tags_at)?).ok()?;
        let mut end = tags_at;
        for _ in 0..tag_count {
            let len = u16::from_le_bytes(self.bytes.get(end..end + 2)?.try_into().ok()?);
            end += 2 + usize::from(len);
        }
        let tags = Tags(self.bytes.get(tags_at..end)?);
        let forgets = self.bytes.get(end..end + usize::from(forget_count) * 8)?;
        Some(FramedEvent { position, hash, json, event_type, tags, forgets })
    }

    /// The byte range of the JSON of the event at `position`, without the preceding comma.
    pub(super) fn json_range(&self, position: Position) -> Option<(usize, usize)> {
        let i = usize::try_from(position.0.checked_sub(self.first.0)?).ok()?;
        let at = read_u32(&self.bytes, HEADER_LEN + i * 4).filter(|_| i < usize::from(self.count))?;
        let (json_at, json_len) = (read_u32(&self.bytes, at + 32)?, read_u32(&self.bytes, at + 36)?);
        let end = json_at + json_len;
        // Always after the header, so that a byte precedes it.
        (json_at > HEADER_LEN && end <= self.bytes.len()).then_some((json_at, end))
    }

    /// All entries, ascending.
    pub(super) fn events(&self) -> impl Iterator<Item = Result<FramedEvent<'_>, ReadError>> {
        (self.first.0..=self.last().0).map(|position| self.event(Position(position)))
    }

    /// The bytes `at..end` of the group, without copying.
    pub(super) fn slice(&self, at: usize, end: usize) -> Bytes {
        self.bytes.slice(at..end)
    }
}

/// One event within a group.
#[derive(Debug, Clone)]
pub(super) struct FramedEvent<'a> {
    pub(super) position: Position,
    pub(super) hash: ChainHash,
    pub(super) json: &'a [u8],
    pub(super) event_type: &'a str,
    pub(super) tags: Tags<'a>,
    forgets: &'a [u8],
}

impl<'a> FramedEvent<'a> {
    pub(super) fn matches(&self, query: &Query) -> bool {
        query.matches(self.event_type, self.tags.clone())
    }

    pub(super) fn forgets(&self) -> impl Iterator<Item = Position> + use<'a> {
        self.forgets
            .chunks_exact(8)
            .filter_map(|b| b.try_into().ok().map(|b| Position(u64::from_le_bytes(b))))
    }
}

/// The tags of an entry. Iteration ends at a tag that is not UTF-8.
#[derive(Debug, Clone)]
pub(super) struct Tags<'a>(&'a [u8]);

impl<'a> Iterator for Tags<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let (tag, rest) = split_text(self.0)?;
        self.0 = rest;
        Some(tag)
    }
}

/// Splits off a text with its length prefix; returns the text and the rest.
fn split_text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (len, rest) = bytes.split_at_checked(2)?;
    let (text, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(len.try_into().ok()?)))?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

fn read_u32(bytes: &[u8], at: usize) -> Option<usize> {
    let number = u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?);
    usize::try_from(number).ok()
}
