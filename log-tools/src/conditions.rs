//! Verifies that every append condition held when its append was made.
//!
//! While the log is read, each append is checked against the events before it: no event after the
//! condition's position may match its query. The index finds candidates by hash; the few candidates are
//! compared with the actual events in a second pass.

use std::collections::BTreeMap;

use events::Position;
use events::query::QueryItem;
use events::store::groups::{StoredAppend, StoredEvent, TagIndex};

/// An append condition that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    /// The position of the first event of the append.
    pub(crate) append: Position,
    /// The event that violates the condition.
    pub(crate) excluded: Position,
}

/// Verifies appends in order.
#[derive(Default)]
pub(crate) struct Conditions {
    index: TagIndex,
    suspects: BTreeMap<Position, Vec<(Position, Vec<QueryItem>)>>,
    /// Number of appends checked.
    pub(crate) checked: u64,
}

impl Conditions {
    /// Checks one append against all earlier events.
    pub(crate) fn check(&mut self, append: &StoredAppend) {
        self.checked += 1;
        let condition = &append.condition;
        for candidate in self.index.candidates(&condition.fail_if_any, condition.after) {
            let items = condition.fail_if_any.items.clone();
            self.suspects.entry(candidate).or_default().push((append.first, items));
        }
    }

    /// Adds an event of an append that was checked.
    pub(crate) fn add(&mut self, event: &StoredEvent<'_>) {
        self.index.insert(event);
    }

    /// The first event to examine in the second pass, if any.
    pub(crate) fn first_suspect(&self) -> Option<Position> {
        self.suspects.keys().next().copied()
    }

    /// Second pass: the violations that this event causes.
    pub(crate) fn resolve(&self, event: &StoredEvent<'_>) -> Vec<Violation> {
        let suspects = self.suspects.get(&event.position).map(Vec::as_slice).unwrap_or_default();
        let excludes = |items: &[QueryItem]| {
            items.iter().any(|i| i.matches(event.event_type, event.tags.iter().copied()))
        };
        let violated = suspects.iter().filter(|(_, items)| excludes(items));
        violated.map(|(append, _)| Violation { append: *append, excluded: event.position }).collect()
    }
}
