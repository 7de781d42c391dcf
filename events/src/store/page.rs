//! The result of a read.

use bytes::Bytes;

use super::ReadError;
use super::frame::{FramedEvent, Group};
use crate::ids::Position;

/// Events of a log, ascending.
///
/// The JSON of each event follows a comma, so that the feed can send the chunks unchanged. Events that were
/// added together from one group share a chunk.
#[derive(Debug, Clone, Default)]
pub struct Page {
    chunks: Vec<Bytes>,
    places: Vec<Place>,
    /// All events up to this position were examined. Reading continues from here, even if few events matched.
    pub scanned_to: Position,
}

/// The location of an event.
#[derive(Debug, Clone, Copy)]
struct Place {
    position: Position,
    chunk: usize,
    at: usize,
    end: usize,
}

/// One event as stored and served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventBytes<'a> {
    /// The position of the event.
    pub position: Position,
    /// One CloudEvents JSON object.
    pub json: &'a [u8],
}

impl Page {
    /// An empty page: no event up to `scanned_to` matched.
    #[must_use]
    pub fn empty(scanned_to: Position) -> Self {
        Self { scanned_to, ..Self::default() }
    }

    /// Number of events.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether the page has no events.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The events.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = EventBytes<'_>> + ExactSizeIterator {
        self.places.iter().map(|place| EventBytes {
            position: place.position,
            json: self.chunks.get(place.chunk).and_then(|c| c.get(place.at..place.end)).unwrap_or_default(),
        })
    }

    /// The first event.
    #[must_use]
    pub fn first(&self) -> Option<EventBytes<'_>> {
        self.iter().next()
    }

    /// The last event.
    #[must_use]
    pub fn last(&self) -> Option<EventBytes<'_>> {
        self.iter().next_back()
    }

    /// The JSON of all events in chunks, with a comma before each event.
    #[must_use]
    pub fn into_chunks(self) -> Vec<Bytes> {
        self.chunks
    }

    /// The page without the events after `last`.
    #[must_use]
    pub fn up_to(self, last: Position) -> Self {
        if self.last().is_none_or(|event| event.position <= last) {
            return self;
        }
        let mut page = Self::empty(last);
        for event in self.iter().take_while(|event| event.position <= last) {
            page.push(event.position, [b",", event.json].concat().into());
        }
        page
    }

    /// Adds a single event. `json` starts with a comma.
    pub fn push(&mut self, position: Position, json: Bytes) {
        self.places.push(Place { position, chunk: self.chunks.len(), at: 1, end: json.len() });
        self.chunks.push(json);
    }

    /// Adds one event of a group as a copy: a page of single events must not keep whole groups alive.
    pub(super) fn push_event(&mut self, entry: &FramedEvent<'_>) {
        self.push(entry.position, [b",", entry.json].concat().into());
    }

    /// Adds the events of `group` starting at `first`, at most `limit`. Returns the last position added.
    pub(super) fn push_run(
        &mut self,
        group: &Group,
        first: Position,
        limit: usize,
    ) -> Result<Position, ReadError> {
        let last = Position(group.last().0.min(first.0.saturating_add(limit as u64 - 1)));
        let damaged = |at| ReadError::Damaged { at, what: "an event is out of order" };
        let begin = group.json_range(first).ok_or(damaged(first))?.0 - 1;
        let (mut end, chunk) = (begin, self.chunks.len());
        for position in (first.0..=last.0).map(Position) {
            // In a damaged group the offsets are arbitrary, so check that they ascend.
            let range = group.json_range(position).filter(|(at, _)| *at > end);
            let (at, json_end) = range.ok_or(damaged(position))?;
            end = json_end;
            self.places.push(Place { position, chunk, at: at - begin, end: end - begin });
        }
        self.chunks.push(group.slice(begin, end));
        Ok(last)
    }
}
