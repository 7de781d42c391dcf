//! A log as a sequence of its groups: what backups are made of, and every look at a log as a whole.

mod stream;

use bytes::Bytes;

pub use self::stream::{ArchiveReader, ArchiveWriter, Header};
use super::ReadError;
pub use super::frame::StoredAppend;
use super::frame::{CHAIN_START, ChainHash, Entry, Group, GroupBuilder, PrivateParts, chain};
use super::frame::{decode_private, encode_private};
use super::index::Index;
use crate::ids::Position;
use crate::query::{AppendCondition, Query, Tag};

/// A group as it is stored, with the private parts beside it.
#[derive(Debug, Clone)]
pub struct StoredGroup {
    group: Group,
    value: Bytes,
    private_value: Bytes,
    private: PrivateParts,
}

/// One event with everything that is kept about it.
#[derive(Debug, Clone)]
pub struct StoredEvent<'a> {
    /// Where it stands.
    pub position: Position,
    /// One CloudEvents JSON object.
    pub json: &'a [u8],
    /// CloudEvents `type`.
    pub event_type: &'a str,
    /// What it is filed under.
    pub tags: Vec<&'a str>,
    /// Positions whose private parts it ordered to be forgotten.
    pub forgets: Vec<Position>,
    /// Its private part, unless it never had one or it was forgotten.
    pub private: Option<Bytes>,
}

impl StoredGroup {
    /// Reads a group and its private parts; empty bytes stand for none.
    ///
    /// # Errors
    /// [`ReadError::Damaged`].
    pub fn decode(first: Position, value: Bytes, private_value: Bytes) -> Result<Self, ReadError> {
        let group = Group::decode(first, &value)?;
        let private =
            if private_value.is_empty() { Vec::new() } else { decode_private(first, &private_value)? };
        Ok(Self { group, value, private_value, private })
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

    /// What stands in the log.
    #[must_use]
    pub fn value(&self) -> &Bytes {
        &self.value
    }

    /// What stands beside it; empty if there are no private parts.
    #[must_use]
    pub fn private_value(&self) -> &Bytes {
        &self.private_value
    }

    /// How long the events are with all that is kept about them, unpacked, in bytes.
    #[must_use]
    pub fn plain_bytes(&self) -> usize {
        self.group.len_bytes()
    }

    /// The events, ascending.
    ///
    /// # Errors
    /// [`ReadError::Damaged`].
    pub fn events(&self) -> Result<Vec<StoredEvent<'_>>, ReadError> {
        let event = |entry: Result<Entry<'_>, ReadError>| {
            let position = entry?.position;
            let entry = self.group.entry(position)?;
            Ok(StoredEvent {
                position,
                json: entry.json,
                event_type: entry.event_type,
                tags: entry.tags.clone().collect(),
                forgets: entry.forgets().collect(),
                private: self.private.iter().find(|(at, _)| *at == position).map(|(_, part)| part.clone()),
            })
        };
        self.group.entries().map(event).collect()
    }

    /// The appends that it is made of, ascending.
    ///
    /// # Errors
    /// [`ReadError::Damaged`].
    pub fn appends(&self) -> Result<Vec<StoredAppend>, ReadError> {
        self.group.appends()
    }
}

/// Where a log is not what it must be.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// Positions must follow each other.
    #[error("after position {after} comes {found}")]
    Gap {
        /// The last one that was right.
        after: Position,
        /// What came then.
        found: Position,
    },
    /// An event is not the one that once stood there, or stands in another place.
    #[error("the hash chain breaks at {at}")]
    Chain {
        /// Where.
        at: Position,
    },
    /// A group is not readable.
    #[error(transparent)]
    Unreadable(#[from] ReadError),
}

/// The hash chain, followed group by group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    last: Position,
    hash: ChainHash,
}

impl Default for Chain {
    /// Before the first event.
    fn default() -> Self {
        Self { last: Position::START, hash: CHAIN_START }
    }
}

impl Chain {
    /// Follows the chain through a group, which must come next.
    ///
    /// # Errors
    /// [`Broken`]; the chain stands where it broke.
    pub fn link(&mut self, stored: &StoredGroup) -> Result<(), Broken> {
        self.link_group(&stored.group, |_| {})
    }

    /// The same, and the hash at `position`, hexadecimal, if the group has it.
    ///
    /// # Errors
    /// [`Broken`]; the chain stands where it broke.
    pub fn link_past(&mut self, stored: &StoredGroup, position: Position) -> Result<Option<String>, Broken> {
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
        mut visit: impl FnMut(&Entry<'_>),
    ) -> Result<(), Broken> {
        if group.first != self.last.next() {
            return Err(Broken::Gap { after: self.last, found: group.first });
        }
        for entry in group.entries() {
            let entry = entry?;
            let hash = chain(&self.hash, entry.json);
            if hash != entry.hash {
                return Err(Broken::Chain { at: entry.position });
            }
            (self.hash, self.last) = (hash, entry.position);
            visit(&entry);
        }
        Ok(())
    }

    /// The last position that was followed.
    #[must_use]
    pub fn last(&self) -> Position {
        self.last
    }

    /// The hash there, hexadecimal: two logs with the same hash hold the same events.
    #[must_use]
    pub fn hash_hex(&self) -> String {
        hex::encode(self.hash)
    }

    pub(super) fn hash(&self) -> ChainHash {
        self.hash
    }
}

/// Which events a query may mean, among those that were taken in so far.
#[derive(Default)]
pub struct TagIndex {
    index: Index,
    last: Position,
}

impl TagIndex {
    /// Takes in the next event.
    pub fn insert(&mut self, event: &StoredEvent<'_>) {
        self.index.insert(event.position, event.event_type, event.tags.iter().copied());
        self.last = event.position;
    }

    /// Positions after `after` that `query` may match; every match is among them.
    #[must_use]
    pub fn candidates(&self, query: &Query, after: Position) -> Vec<Position> {
        if query.is_all() {
            return (after < self.last).then(|| after.next()).into_iter().collect();
        }
        let found = self.index.candidates(query, after, usize::MAX);
        found.positions.into_iter().map(Position).collect()
    }
}

/// A group that is put together anew from events that were exported.
#[derive(Debug)]
pub struct Draft {
    chain: Chain,
    first: Position,
    group: GroupBuilder,
    private: PrivateParts,
}

impl Draft {
    /// A group that follows `chain`.
    #[must_use]
    pub fn after(chain: Chain) -> Self {
        Self { first: chain.last.next(), chain, group: GroupBuilder::default(), private: Vec::new() }
    }

    /// The position of the event that is added next.
    #[must_use]
    pub fn next(&self) -> Position {
        self.chain.last.next()
    }

    /// Adds the event of the next position to the append that is open.
    pub fn push(
        &mut self,
        json: &[u8],
        event_type: &str,
        tags: &[Tag],
        forgets: &[Position],
        private: Option<Bytes>,
    ) {
        self.chain.hash = chain(&self.chain.hash, json);
        self.chain.last = self.chain.last.next();
        self.group.push(&self.chain.hash, json, event_type, tags, forgets);
        if let Some(part) = private {
            self.private.push((self.chain.last, part));
        }
    }

    /// Closes the append, which was made on `condition`.
    pub fn close_append(&mut self, condition: &AppendCondition) {
        self.group.close_append(condition);
    }

    /// The group; `None` when its parts do not fit one.
    #[must_use]
    pub fn finish(self) -> Option<StoredGroup> {
        let (group, value) = self.group.build(self.first)?;
        let private_value =
            if self.private.is_empty() { Bytes::new() } else { encode_private(&self.private).into() };
        Some(StoredGroup { group, value: value.into(), private_value, private: self.private })
    }
}
