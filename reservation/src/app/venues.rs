//! The rules of the venues. The log holds the rules in force. Files can be imported into it.

mod document;
mod files;
mod parse;

use std::collections::BTreeMap;
use std::sync::Arc;

use events::VenueId;
use parking_lot::RwLock;

pub(super) use self::document::digest;
pub use self::document::{RULES_BYTES_MAX, RulesDocument};
pub use self::files::{VenueFile, VenueFiles, VenuesError};
use crate::domain::venue::Venue;

/// The rules that count, by venue. The projections keep them in step with the log; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Venues(Arc<RwLock<BTreeMap<VenueId, Arc<Venue>>>>);

impl Venues {
    /// The venue with this id; without an id, the first one in order of ids.
    #[must_use]
    pub fn get(&self, id: Option<&VenueId>) -> Option<Arc<Venue>> {
        let venues = self.0.read();
        match id {
            Some(id) => venues.get(id).cloned(),
            None => venues.values().next().cloned(),
        }
    }

    /// The first venue in order of ids that is among `allowed`.
    #[must_use]
    pub fn first_of(&self, allowed: &access::Venues) -> Option<Arc<Venue>> {
        self.0.read().values().find(|venue| allowed.contain(&venue.id)).cloned()
    }

    /// Replaces the rules of a venue; `None` if it was removed.
    pub(in crate::app) fn set(&self, id: &VenueId, venue: Option<Arc<Venue>>) {
        let mut venues = self.0.write();
        match venue {
            Some(venue) => drop(venues.insert(id.clone(), venue)),
            None => drop(venues.remove(id)),
        }
    }

    /// All ids in ascending order.
    #[must_use]
    pub fn ids(&self) -> Vec<VenueId> {
        self.0.read().keys().cloned().collect()
    }

    /// All venues in ascending order of their ids.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Venue>> {
        self.0.read().values().cloned().collect()
    }
}
