//! A log as a sequence of groups in their stored form: for backups and for tools that read whole logs.

use bytes::Bytes;

use super::ReadError;
pub use super::frame::{CHAIN_START, ChainHash, StoredAppend, chain};
use super::frame::{ConfidentialPayloads, FramedEvent, Group, GroupBuilder};
use super::frame::{decode_payloads, encode_payloads};
use super::index::Index;
use crate::ids::Position;
use crate::query::{AppendCondition, Query, Tag};

/// A group in its stored form, with its confidential payloads.
#[derive(Debug, Clone)]
pub struct StoredGroup {
    group: Group,
    pub(super) value: Bytes,
    pub(super) payloads_value: Bytes,
    confidential: ConfidentialPayloads,
}

/// One event with everything stored about it.
#[derive(Debug, Clone)]
pub struct StoredEvent<'a> {
    /// The position of the event.
    pub position: Position,
    /// One CloudEvents JSON object.
    pub json: &'a [u8],
    /// CloudEvents `type`.
    pub event_type: &'a str,
    /// The tags of the event.
    pub tags: Vec<&'a str>,
    /// Positions whose confidential payloads this event forgot.
    pub forgets: Vec<Position>,
    /// The confidential payload; `None` if there was none or if it was forgotten.
    pub confidential: Option<Bytes>,
}

impl StoredGroup {
    /// Decodes a group and its confidential payloads; an empty `payloads_value` means none.
    ///
    /// # Errors
    /// [`ReadError::Damaged`].
    pub fn decode(first: Position, value: Bytes, payloads_value: Bytes) -> Result<Self, ReadError> {
        let group = Group::decode(first, &value)?;
        let confidential =
            if payloads_value.is_empty() { Vec::new() } else { decode_payloads(first, &payloads_value)? };
        Ok(Self { group, value, payloads_value, confidential })
    }

    /// The position of its first event.
    #[must_use]
    pub fn first(&self) -> Position {
        self.group.first
    }

    /// The position of its last event.
    #[must_use]
    pub fn last(&self) -> Position {
        self.group.last()
    }

    /// The stored value of the group.
    #[must_use]
    pub fn value(&self) -> &Bytes {
        &self.value
    }

    /// The stored value of the confidential payloads; empty if there are none.
    #[must_use]
    pub fn payloads_value(&self) -> &Bytes {
        &self.payloads_value
    }

    /// The confidential payloads with the positions of their events, ascending.
    #[must_use]
    pub fn payloads(&self) -> &[(Position, Bytes)] {
        &self.confidential
    }

    /// The hash of the chain at the last event, as the group states it.
    ///
    /// # Errors
    /// [`ReadError::Damaged`].
    pub fn last_hash(&self) -> Result<ChainHash, ReadError> {
        self.group.event(self.group.last()).map(|entry| entry.hash)
    }

    /// Length of the uncompressed group, in bytes.
    #[must_use]
    pub fn plain_bytes(&self) -> usize {
        self.group.len_bytes()
    }

    /// The events, ascending.
    ///
    /// # Errors
    /// [`ReadError::Damaged`].
    pub fn events(&self) -> Result<Vec<StoredEvent<'_>>, ReadError> {
        let event = |entry: Result<FramedEvent<'_>, ReadError>| {
            let position = entry?.position;
            let entry = self.group.event(position)?;
            Ok(StoredEvent {
                position,
                json: entry.json,
                event_type: entry.event_type,
                tags: entry.tags.clone().collect(),
                forgets: entry.forgets().collect(),
                confidential: self
                    .confidential
                    .iter()
                    .find(|(at, _)| *at == position)
                    .map(|(_, part)| part.clone()),
            })
        };
        self.group.events().map(event).collect()
    }

    /// The appends that make up the group, ascending.
    ///
    /// # Errors
    /// [`ReadError::Damaged`].
    pub fn appends(&self) -> Result<Vec<StoredAppend>, ReadError> {
        self.group.appends()
    }
}

/// A violation of the structure of a log.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// Positions are not consecutive.
    #[error("position {after} is followed by {found}")]
    Gap {
        /// The last correct position.
        after: Position,
        /// The position found after it.
        found: Position,
    },
    /// An event was altered, or it was moved to another position.
    #[error("the hash chain breaks at {at}")]
    Chain {
        /// The position of the event.
        at: Position,
    },
    /// A group cannot be decoded.
    #[error(transparent)]
    Unreadable(#[from] ReadError),
}

/// A verifier of the hash chain, fed group by group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    pub(super) last: Position,
    pub(super) hash: ChainHash,
}

impl Default for Chain {
    /// Before the first event.
    fn default() -> Self {
        Self { last: Position::START, hash: CHAIN_START }
    }
}

impl Chain {
    /// Verifies a group, which must be the next one.
    ///
    /// # Errors
    /// [`ChainError`]; the verifier then stays at the last correct event.
    pub fn link(&mut self, stored: &StoredGroup) -> Result<(), ChainError> {
        self.link_group(&stored.group, |_| {})
    }

    /// Verifies a group and returns the hash at `position`, hexadecimal, if the group contains it.
    ///
    /// # Errors
    /// [`ChainError`]; the verifier then stays at the last correct event.
    pub fn link_past(
        &mut self,
        stored: &StoredGroup,
        position: Position,
    ) -> Result<Option<String>, ChainError> {
        let mut found = None;
        self.link_group(&stored.group, |entry| {
            if entry.position == position {
                found = Some(hex::encode(entry.hash));
            }
        })?;
        Ok(found)
    }

    pub(super) fn link_group(
        &mut self,
        group: &Group,
        mut visit: impl FnMut(&FramedEvent<'_>),
    ) -> Result<(), ChainError> {
        if group.first != self.last.next() {
            return Err(ChainError::Gap { after: self.last, found: group.first });
        }
        for entry in group.events() {
            let entry = entry?;
            let hash = chain(&self.hash, entry.json);
            if hash != entry.hash {
                return Err(ChainError::Chain { at: entry.position });
            }
            (self.hash, self.last) = (hash, entry.position);
            visit(&entry);
        }
        Ok(())
    }

    /// The last verified position.
    #[must_use]
    pub fn last(&self) -> Position {
        self.last
    }

    /// The hash at that position, hexadecimal. Two logs with the same hash hold the same events.
    #[must_use]
    pub fn hash_hex(&self) -> String {
        hex::encode(self.hash)
    }

    /// The chain whose last event is at `last` and has `hash`.
    #[cfg(feature = "stored")]
    pub(super) fn at(last: Position, hash: ChainHash) -> Self {
        Self { last, hash }
    }

    /// The hash at the last verified position.
    #[cfg(feature = "stored")]
    pub(super) fn hash(&self) -> ChainHash {
        self.hash
    }
}

/// An index over the events inserted so far, for evaluating queries outside of a store.
#[derive(Default)]
pub struct TagIndex {
    index: Index,
    last: Position,
}

impl TagIndex {
    /// Adds the next event.
    pub fn insert(&mut self, event: &StoredEvent<'_>) {
        self.index.insert(event.position, event.event_type, event.tags.iter().copied());
        self.last = event.position;
    }

    /// Candidate positions after `after`: a superset of the events that `query` matches.
    #[must_use]
    pub fn candidates(&self, query: &Query, after: Position) -> Vec<Position> {
        if query.is_all() {
            return (after < self.last).then(|| after.next()).into_iter().collect();
        }
        let found = self.index.candidates(query, after, usize::MAX);
        found.positions.into_iter().map(Position).collect()
    }
}

/// Builds a stored group from exported events.
#[derive(Debug)]
pub struct GroupDraft {
    chain: Chain,
    first: Position,
    group: GroupBuilder,
    confidential: ConfidentialPayloads,
}

impl GroupDraft {
    /// Starts the group that follows `chain`.
    #[must_use]
    pub fn after(chain: Chain) -> Self {
        Self { first: chain.last.next(), chain, group: GroupBuilder::default(), confidential: Vec::new() }
    }

    /// The position of the event that will be added next.
    #[must_use]
    pub fn next(&self) -> Position {
        self.chain.last.next()
    }

    /// Adds the event at the next position to the open append.
    pub fn push(
        &mut self,
        json: &[u8],
        event_type: &str,
        tags: &[Tag],
        forgets: &[Position],
        confidential: Option<Bytes>,
    ) {
        self.chain.hash = chain(&self.chain.hash, json);
        self.chain.last = self.chain.last.next();
        self.group.push(&self.chain.hash, json, event_type, tags, forgets);
        if let Some(part) = confidential {
            self.confidential.push((self.chain.last, part));
        }
    }

    /// Ends the open append, which was made under `condition`.
    pub fn close_append(&mut self, condition: &AppendCondition) {
        self.group.close_append(condition);
    }

    /// The finished group; `None` if its parts exceed the limits of a group.
    #[must_use]
    pub fn finish(self) -> Option<StoredGroup> {
        let (group, value) = self.group.build(self.first)?;
        let payloads_value = if self.confidential.is_empty() {
            Bytes::new()
        } else {
            encode_payloads(&self.confidential).into()
        };
        Some(StoredGroup { group, value: value.into(), payloads_value, confidential: self.confidential })
    }
}
