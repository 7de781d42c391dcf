//! The private parts beside the log: one value for those of one group, under its first position.
//!
//! Durable in the commit of their group, outside of the hash chain, and each can be forgotten.

use super::super::frame::{PrivateParts, decode_private, encode_private};
use crate::ids::Position;
use crate::store::ReadError;

#[derive(Debug)]
pub(super) struct Private(pub(super) sled::Tree);

impl Private {
    /// The private parts of the group that begins at `first`.
    pub(super) fn parts(&self, first: Position) -> Result<PrivateParts, ReadError> {
        let value = self.0.get(first.0.to_be_bytes()).map_err(|source| storage(first, source))?;
        value.map_or(Ok(Vec::new()), |value| decode_private(first, &value))
    }

    /// Keeps `parts` with the group that begins at `first`; none removes what is there.
    pub(super) fn keep(&self, first: Position, parts: &PrivateParts) -> Result<(), sled::Error> {
        let key = first.0.to_be_bytes();
        let before =
            if parts.is_empty() { self.0.remove(key) } else { self.0.insert(key, encode_private(parts)) };
        before.map(drop)
    }

    /// Forgets the private part of the event at `position` in the group that begins at `first`.
    pub(super) fn forget(&self, position: Position, first: Position) -> Result<(), ReadError> {
        let mut parts = self.parts(first)?;
        let before = parts.len();
        parts.retain(|(at, _)| *at != position);
        if parts.len() == before {
            return Ok(());
        }
        self.keep(first, &parts).map_err(|source| storage(position, source))
    }

    /// Removes what a crash left without its group, so that it can never attach itself to a later one.
    pub(super) fn remove_after(&self, last: Position) -> Result<(), ReadError> {
        for key in self.0.range(last.next().0.to_be_bytes()..).keys() {
            key.and_then(|key| self.0.remove(key)).map_err(|source| storage(last, source))?;
        }
        Ok(())
    }
}

fn storage(at: Position, source: sled::Error) -> ReadError {
    ReadError::Storage { at, source }
}
