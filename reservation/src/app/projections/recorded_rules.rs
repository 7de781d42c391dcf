//! The rules of venues as the log has them.

use std::collections::BTreeMap;
use std::sync::Arc;

use events::event::{Event, RulesImport, VenueRulesChanged};
use events::{Position, VenueId};

use crate::app::repository::RepositoryError;
use crate::app::venues::RulesDocument;
use crate::domain::RecordedAt;
use crate::domain::venue::Venue;

/// The rules of a venue as last recorded in the log.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RecordedRules {
    /// Number of recorded changes.
    pub version: u32,
    /// The rules; `None` if the venue was removed, or if only the digest of its file was recorded.
    pub document: Option<RulesDocument>,
    /// The rules that count: those of the document, with the closures in force.
    pub in_force: Option<Arc<Venue>>,
    /// The file that was last imported; `None` if no file was.
    pub import: Option<RulesImport>,
    /// The rules that counted before.
    pub before: Option<Arc<Venue>>,
    /// The position of the event that recorded them.
    pub position: Position,
    /// Whether they were changed through the interface, and not imported from a file.
    pub is_edited: bool,
}

impl RecordedRules {
    /// Reads the rules that the event at `at` recorded.
    ///
    /// # Errors
    /// [`RepositoryError`] when this version does not accept them.
    pub(super) fn read(changed: VenueRulesChanged, at: Position) -> Result<(VenueId, Self), RepositoryError> {
        let VenueRulesChanged { venue_id, version, document, import, .. } = changed;
        let document = document.map(|members| RulesDocument::recorded(&venue_id, members)).transpose();
        let document = document.map_err(|faults| RepositoryError::rules(at, faults))?;
        let is_edited = import.is_none();
        let in_force = document.as_ref().map(|document| Arc::clone(&document.venue));
        let before = None;
        Ok((venue_id, Self { version, document, in_force, import, before, position: at, is_edited }))
    }

    /// The rules that count.
    #[must_use]
    pub fn venue(&self) -> Option<Arc<Venue>> {
        self.in_force.clone()
    }

    /// Whether the venue had a file when files were last imported.
    #[must_use]
    pub fn is_from_file(&self) -> bool {
        self.import.as_ref().is_some_and(|import| import.digest.is_some())
    }
}

/// The last two changes of the rules of each venue, and all closures, while the log is read at the start. Earlier changes are never parsed: they
/// do not count any more, each of them takes time, and a later version may no longer accept them.
#[derive(Debug, Default)]
pub(super) struct LastRules {
    venues: BTreeMap<VenueId, Last>,
    closures: Vec<(VenueId, Event, RecordedAt)>,
}

/// A change of the rules that count.
pub(super) enum RulesChange {
    /// Other rules.
    Document(RecordedRules),
    /// A closure.
    Closure(Box<Event>, RecordedAt),
}

impl RulesChange {
    fn position(&self) -> Position {
        match self {
            Self::Document(rules) => rules.position,
            Self::Closure(_, at) => at.position,
        }
    }
}

#[derive(Debug)]
struct Last {
    /// The file that was imported last.
    imported: Option<RulesImport>,
    before: Option<(VenueRulesChanged, Position)>,
    now: (VenueRulesChanged, Position),
}

impl LastRules {
    pub(super) fn add(&mut self, changed: VenueRulesChanged, at: Position) {
        let last = self.venues.remove(&changed.venue_id);
        let imported = changed.import.clone().or_else(|| last.as_ref()?.imported.clone());
        let before = last.map(|last| last.now);
        self.venues.insert(changed.venue_id.clone(), Last { imported, before, now: (changed, at) });
    }

    pub(super) fn add_closure(&mut self, venue_id: VenueId, event: Event, at: RecordedAt) {
        self.closures.push((venue_id, event, at));
    }

    /// The changes in the order in which they are applied.
    ///
    /// # Errors
    /// [`RepositoryError`] when this version does not accept rules that count.
    pub(super) fn read(self) -> Result<Vec<(VenueId, RulesChange)>, RepositoryError> {
        let mut all = Vec::new();
        for Last { imported, before, now } in self.venues.into_values() {
            // Rules that this version does not accept look like those of a version that did not record them.
            all.extend(before.and_then(|(changed, at)| RecordedRules::read(changed, at).ok()));
            let (venue_id, rules) = RecordedRules::read(now.0, now.1)?;
            all.push((venue_id, RecordedRules { import: imported, ..rules }));
        }
        let rules = all.into_iter().map(|(venue_id, rules)| (venue_id, RulesChange::Document(rules)));
        let closures = self.closures.into_iter();
        let closures =
            closures.map(|(venue_id, event, at)| (venue_id, RulesChange::Closure(Box::new(event), at)));
        let mut changes: Vec<_> = rules.chain(closures).collect();
        changes.sort_by_key(|(_, change)| change.position());
        Ok(changes)
    }
}
