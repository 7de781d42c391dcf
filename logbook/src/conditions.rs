//! Whether every append condition held at its place.
//!
//! While the log goes by, each append is checked against what came before it: an event behind
//! `after` that its query matches must not be there. The index names candidates by hashes; what
//! they really are is looked up in a second pass, which is rarely needed.

use std::collections::BTreeMap;

use events::Position;
use events::query::QueryItem;
use events::store::archive::{StoredAppend, StoredEvent, TagIndex};

/// A condition that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    /// The first event of the append.
    pub(crate) append: Position,
    /// The event that should have stopped it.
    pub(crate) excluded: Position,
}

/// Checks appends in order.
#[derive(Default)]
pub(crate) struct Conditions {
    index: TagIndex,
    suspects: BTreeMap<Position, Vec<(Position, Vec<QueryItem>)>>,
    /// Appends that were checked.
    pub(crate) checked: u64,
}

impl Conditions {
    /// Checks one append against everything before it.
    pub(crate) fn check(&mut self, append: &StoredAppend) {
        self.checked += 1;
        let condition = &append.condition;
        for candidate in self.index.candidates(&condition.fail_if_any, condition.after) {
            let items = condition.fail_if_any.items.clone();
            self.suspects.entry(candidate).or_default().push((append.first, items));
        }
    }

    /// Takes in an event of an append that was checked.
    pub(crate) fn add(&mut self, event: &StoredEvent<'_>) {
        self.index.insert(event);
    }

    /// The first event that has to be looked at again, if there is any.
    pub(crate) fn first_suspect(&self) -> Option<Position> {
        self.suspects.keys().next().copied()
    }

    /// Looks at an event again: which appends should it have stopped?
    pub(crate) fn resolve(&self, event: &StoredEvent<'_>) -> Vec<Violation> {
        let suspects = self.suspects.get(&event.position).map(Vec::as_slice).unwrap_or_default();
        let excludes = |items: &[QueryItem]| {
            items.iter().any(|i| i.matches(event.event_type, event.tags.iter().copied()))
        };
        let violated = suspects.iter().filter(|(_, items)| excludes(items));
        violated.map(|(append, _)| Violation { append: *append, excluded: event.position }).collect()
    }
}
