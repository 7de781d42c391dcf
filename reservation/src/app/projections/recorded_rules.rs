//! The rules of venues as the log has them.

use std::collections::BTreeMap;
use std::sync::Arc;

use events::event::{RulesImport, VenueRulesChanged};
use events::{Position, VenueId};

use crate::app::repository::RepositoryError;
use crate::app::venues::RulesDocument;
use crate::domain::venue::Venue;

/// The rules of a venue as last recorded in the log.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RecordedRules {
    /// Number of recorded changes.
    pub version: u32,
    /// The rules; `None` if the venue was removed, or if only the digest of its file was recorded.
    pub document: Option<RulesDocument>,
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
        Ok((venue_id, Self { version, document, import, before: None, position: at, is_edited }))
    }

    /// The rules.
    #[must_use]
    pub fn venue(&self) -> Option<Arc<Venue>> {
        self.document.as_ref().map(|document| Arc::clone(&document.venue))
    }

    /// Whether the venue had a file when files were last imported.
    #[must_use]
    pub fn is_from_file(&self) -> bool {
        self.import.as_ref().is_some_and(|import| import.digest.is_some())
    }
}

/// The last two changes of the rules of each venue, while the log is read at the start. Earlier ones are never parsed: they
/// do not count any more, each of them takes time, and a later version may no longer accept them.
#[derive(Debug, Default)]
pub(super) struct LastRules(BTreeMap<VenueId, Last>);

#[derive(Debug)]
struct Last {
    /// The file that was imported last.
    imported: Option<RulesImport>,
    before: Option<(VenueRulesChanged, Position)>,
    now: (VenueRulesChanged, Position),
}

impl LastRules {
    pub(super) fn add(&mut self, changed: VenueRulesChanged, at: Position) {
        let last = self.0.remove(&changed.venue_id);
        let imported = changed.import.clone().or_else(|| last.as_ref()?.imported.clone());
        let before = last.map(|last| last.now);
        self.0.insert(changed.venue_id.clone(), Last { imported, before, now: (changed, at) });
    }

    /// The rules in the order in which they are applied.
    ///
    /// # Errors
    /// [`RepositoryError`] when this version does not accept rules that count.
    pub(super) fn read(self) -> Result<Vec<(VenueId, RecordedRules)>, RepositoryError> {
        let mut all = Vec::new();
        for Last { imported, before, now } in self.0.into_values() {
            // Rules that this version does not accept look like those of a version that did not record them.
            all.extend(before.and_then(|(changed, at)| RecordedRules::read(changed, at).ok()));
            let (venue_id, rules) = RecordedRules::read(now.0, now.1)?;
            all.push((venue_id, RecordedRules { import: imported, ..rules }));
        }
        Ok(all)
    }
}
