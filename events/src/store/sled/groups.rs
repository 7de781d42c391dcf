//! Reads the groups that sled keeps.

use bytes::Bytes;

use super::super::ReadError;
use super::super::engine::{Engine, Span};
use super::super::groups::StoredGroup;
use super::confidential::ConfidentialTree;
use crate::ids::Position;

/// The trees of a log.
#[derive(Debug, Clone)]
pub(super) struct SledGroups {
    pub(super) log: sled::Tree,
    pub(super) payloads: ConfidentialTree,
}

impl Engine for SledGroups {
    fn value(&self, first: Position) -> Result<Option<Bytes>, ReadError> {
        get(&self.log, first)
    }

    fn payload_values(&self, groups: &[Span]) -> Result<Vec<Bytes>, ReadError> {
        let value = |group: &Span| get(&self.payloads.0, group.first).map(Option::unwrap_or_default);
        groups.iter().map(value).collect()
    }

    fn has_one_writer(&self) -> bool {
        true
    }

    fn head(&self) -> Result<Position, ReadError> {
        let storage = |source| ReadError::storage(Position::START, source);
        let Some((key, value)) = self.log.last().map_err(storage)? else { return Ok(Position::START) };
        let first = position(&key);
        StoredGroup::decode(first, Bytes::from_owner(value), Bytes::new()).map(|group| group.last())
    }
}

impl SledGroups {
    /// All groups in their stored form, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = Result<(Position, Bytes), ReadError>> {
        let mut before = Position::START;
        self.log.iter().map(move |item| {
            let (key, value) = item.map_err(|source| ReadError::storage(before, source))?;
            before = position(&key);
            Ok((before, Bytes::from_owner(value)))
        })
    }
}

/// The position that a key names. A key of another length is that of no group.
pub(super) fn position(key: &[u8]) -> Position {
    key.try_into().map(u64::from_be_bytes).map_or(Position::START, Position)
}

fn get(tree: &sled::Tree, first: Position) -> Result<Option<Bytes>, ReadError> {
    let value = tree.get(first.0.to_be_bytes()).map_err(|source| ReadError::storage(first, source))?;
    Ok(value.map(Bytes::from_owner))
}
