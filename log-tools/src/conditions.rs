//! Verifies that every append condition held when its append was made: no event between the condition's position and the
//! append may match its query.
//!
//! For a log that is read as a stream, [`Conditions`] builds an index of its own, which finds candidates by hash; the few
//! candidates are compared with the actual events in a second pass. For the log of a running service, [`Indexed`] uses the
//! index of the service.

use std::collections::BTreeMap;

use events::Position;
use events::query::QueryItem;
use events::store::groups::{StoredAppend, StoredEvent, TagIndex};
use events::store::log::StoredLog;
use events::store::{EventStore as _, ReadError};
use tokio::runtime::Handle;

/// Checks the conditions of appends in the order of the log.
pub(crate) trait CheckConditions {
    /// Checks one append against all earlier events; the violation, if it is certain at once.
    ///
    /// # Errors
    /// When the log cannot be read.
    fn check(&mut self, append: &StoredAppend) -> Result<Option<Violation>, ReadError>;

    /// Adds an event of an append that was checked.
    fn add(&mut self, event: &StoredEvent<'_>);
}

/// An append condition that did not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the condition of the append at {append} is violated by the event at {excluded}")]
pub(crate) struct Violation {
    /// The position of the first event of the append.
    pub(crate) append: Position,
    /// The event that violates the condition.
    pub(crate) excluded: Position,
}

/// Verifies appends with an index of its own.
#[derive(Default)]
pub(crate) struct Conditions {
    index: TagIndex,
    suspects: BTreeMap<Position, Vec<(Position, Vec<QueryItem>)>>,
}

impl CheckConditions for Conditions {
    fn check(&mut self, append: &StoredAppend) -> Result<Option<Violation>, ReadError> {
        let condition = &append.condition;
        for candidate in self.index.candidates(&condition.fail_if_any, condition.after) {
            let items = condition.fail_if_any.items.clone();
            self.suspects.entry(candidate).or_default().push((append.first, items));
        }
        Ok(None)
    }

    fn add(&mut self, event: &StoredEvent<'_>) {
        self.index.insert(event);
    }
}

impl Conditions {
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

/// Verifies appends with the index of a running service, so that no second one takes memory. An event that is missing in
/// that index would not be found.
pub(crate) struct Indexed<'a> {
    /// The log.
    pub(crate) store: &'a StoredLog,
    /// Where its reads run. The caller must be a thread that may block.
    pub(crate) runtime: Handle,
}

impl CheckConditions for Indexed<'_> {
    fn check(&mut self, append: &StoredAppend) -> Result<Option<Violation>, ReadError> {
        let condition = &append.condition;
        let found = self.runtime.block_on(self.store.read(&condition.fail_if_any, condition.after, 1))?;
        let first = found.first().map(|event| event.position).filter(|first| *first < append.first);
        Ok(first.map(|excluded| Violation { append: append.first, excluded }))
    }

    fn add(&mut self, _: &StoredEvent<'_>) {}
}
