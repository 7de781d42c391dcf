//! The confidential payloads beside the log: one value per group, under the group's first position.
//!
//! They become durable in the commit of their group. They are not part of the hash chain, so that each can be
//! forgotten.

use super::super::frame::{ConfidentialPayloads, decode_payloads, encode_payloads};
use crate::ids::Position;
use crate::store::ReadError;

#[derive(Debug, Clone)]
pub(super) struct ConfidentialTree(pub(super) sled::Tree);

impl ConfidentialTree {
    /// The confidential payloads of the group that starts at `first`.
    pub(super) fn of_group(&self, first: Position) -> Result<ConfidentialPayloads, ReadError> {
        let value = self.0.get(first.0.to_be_bytes()).map_err(|source| storage(first, source))?;
        value.map_or(Ok(Vec::new()), |value| decode_payloads(first, &value))
    }

    /// Stores `parts` for the group that starts at `first`; an empty list removes the value.
    pub(super) fn put(&self, first: Position, parts: &ConfidentialPayloads) -> Result<(), sled::Error> {
        let key = first.0.to_be_bytes();
        let before =
            if parts.is_empty() { self.0.remove(key) } else { self.0.insert(key, encode_payloads(parts)) };
        before.map(drop)
    }

    /// Forgets the confidential payload of the event at `position` in the group that starts at `first`.
    pub(super) fn forget(&self, position: Position, first: Position) -> Result<(), ReadError> {
        let mut parts = self.of_group(first)?;
        let before = parts.len();
        parts.retain(|(at, _)| *at != position);
        if parts.len() == before {
            return Ok(());
        }
        self.put(first, &parts).map_err(|source| storage(position, source))
    }

    /// Removes payloads after `last`. A crash left them without their group, and they must never be attributed
    /// to a later event.
    pub(super) fn remove_after(&self, last: Position) -> Result<(), ReadError> {
        for key in self.0.range(last.next().0.to_be_bytes()..).keys() {
            key.and_then(|key| self.0.remove(key)).map_err(|source| storage(last, source))?;
        }
        Ok(())
    }
}

fn storage(at: Position, source: sled::Error) -> ReadError {
    ReadError::storage(at, source)
}
