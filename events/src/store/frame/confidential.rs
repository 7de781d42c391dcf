//! The confidential payloads of one group, in one stored value beside it.
//!
//! ```text
//! value  := 2:u8 len:u32 lz4(parts)
//! parts  := (position:u64 len:u32 bytes)*
//! ```

use bytes::Bytes;

use super::{pack, read_u32, unpack};
use crate::ids::Position;
use crate::store::ReadError;

/// Confidential payloads with the positions of their events, ascending.
pub(in super::super) type ConfidentialPayloads = Vec<(Position, Bytes)>;

/// Encodes `parts` into a stored value.
#[expect(clippy::cast_possible_truncation, reason = "bounded by check_limits")]
pub(in super::super) fn encode_payloads(parts: &[(Position, Bytes)]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(parts.iter().map(|(_, part)| part.len() + 12).sum());
    for (position, part) in parts {
        plain.extend_from_slice(&position.0.to_le_bytes());
        plain.extend_from_slice(&(part.len() as u32).to_le_bytes());
        plain.extend_from_slice(part);
    }
    pack(&plain)
}

/// Decodes a stored value; `first` is the position of its group.
pub(in super::super) fn decode_payloads(
    first: Position,
    value: &[u8],
) -> Result<ConfidentialPayloads, ReadError> {
    let plain = Bytes::from(unpack(first, value)?);
    split(&plain).ok_or(ReadError::Damaged { at: first, what: "a confidential payload is truncated" })
}

fn split(plain: &Bytes) -> Option<ConfidentialPayloads> {
    let (mut parts, mut at) = (Vec::new(), 0);
    while at < plain.len() {
        let position = u64::from_le_bytes(plain.get(at..at + 8)?.try_into().ok()?);
        let (begin, len) = (at + 12, read_u32(plain, at + 8)?);
        plain.get(begin..begin + len)?;
        parts.push((Position(position), plain.slice(begin..begin + len)));
        at = begin + len;
    }
    Some(parts)
}
