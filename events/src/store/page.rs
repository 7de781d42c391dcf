//! Part of a log, as a read gives it.

use bytes::Bytes;

use super::ReadError;
use super::frame::{Entry, Group};
use crate::ids::Position;

/// Events of a log, ascending.
///
/// Neighbours that lie side by side are kept together, each with a comma before its JSON: a feed
/// passes them on as they are.
#[derive(Debug, Clone, Default)]
pub struct Page {
    chunks: Vec<Bytes>,
    places: Vec<Place>,
    /// Everything up to here was looked at: the cursor to go on from, also when little matched.
    pub scanned_to: Position,
}

/// Where an event lies.
#[derive(Debug, Clone, Copy)]
struct Place {
    position: Position,
    chunk: usize,
    at: usize,
    end: usize,
}

/// One event as it is stored: the bytes that are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored<'a> {
    /// Where it stands.
    pub position: Position,
    /// One CloudEvents JSON object.
    pub json: &'a [u8],
}

impl Page {
    /// A page without events, of which everything up to `scanned_to` was looked at.
    #[must_use]
    pub fn empty(scanned_to: Position) -> Self {
        Self { scanned_to, ..Self::default() }
    }

    /// How many events there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The events.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Stored<'_>> + ExactSizeIterator {
        self.places.iter().map(|place| Stored {
            position: place.position,
            json: self.chunks.get(place.chunk).and_then(|c| c.get(place.at..place.end)).unwrap_or_default(),
        })
    }

    /// The first event.
    #[must_use]
    pub fn first(&self) -> Option<Stored<'_>> {
        self.iter().next()
    }

    /// The last event.
    #[must_use]
    pub fn last(&self) -> Option<Stored<'_>> {
        self.iter().next_back()
    }

    /// The JSON of all events in pieces, a comma before each event.
    #[must_use]
    pub fn into_chunks(self) -> Vec<Bytes> {
        self.chunks
    }

    /// Adds one event that stands alone, with its comma.
    pub(super) fn push(&mut self, position: Position, json: Bytes) {
        self.places.push(Place { position, chunk: self.chunks.len(), at: 1, end: json.len() });
        self.chunks.push(json);
    }

    /// Adds one event of a group, as a copy: a page of single events must not keep all their groups.
    pub(super) fn push_entry(&mut self, entry: &Entry<'_>) {
        self.push(entry.position, [b",", entry.json].concat().into());
    }

    /// Adds the events of `group` from `first` on, at most `limit`. Returns the last one added.
    pub(super) fn push_run(
        &mut self,
        group: &Group,
        first: Position,
        limit: usize,
    ) -> Result<Position, ReadError> {
        let last = Position(group.last().0.min(first.0.saturating_add(limit as u64 - 1)));
        let damaged = |at| ReadError::Damaged { at, what: "an event out of its place" };
        let begin = group.json_range(first).ok_or(damaged(first))?.0 - 1;
        let (mut end, chunk) = (begin, self.chunks.len());
        for position in (first.0..=last.0).map(Position) {
            // Damaged bytes may say anything; what can not be is an event before its forerunner.
            let range = group.json_range(position).filter(|(at, _)| *at > end);
            let (at, json_end) = range.ok_or(damaged(position))?;
            end = json_end;
            self.places.push(Place { position, chunk, at: at - begin, end: end - begin });
        }
        self.chunks.push(group.slice(begin, end));
        Ok(last)
    }
}
