//! Sets of venues.

use std::collections::BTreeSet;
use std::sync::Arc;

use events::VenueId;

/// A set of venues.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Venues {
    /// Every venue, later ones included.
    #[default]
    All,
    /// These.
    Only(Arc<BTreeSet<VenueId>>),
}

impl Venues {
    /// Whether `venue` is among them.
    #[must_use]
    pub fn contain(&self, venue: &VenueId) -> bool {
        match self {
            Self::All => true,
            Self::Only(venues) => venues.contains(venue),
        }
    }

    /// Whether all of `other` are among them.
    #[must_use]
    pub fn contain_all(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, _) => true,
            (Self::Only(_), Self::All) => false,
            (Self::Only(ours), Self::Only(theirs)) => theirs.is_subset(ours),
        }
    }

    /// These and those of `other`.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Only(ours), Self::Only(theirs)) => {
                Self::Only(Arc::new(ours.union(theirs).cloned().collect()))
            }
            _ => Self::All,
        }
    }

    /// No venue.
    #[must_use]
    pub fn none() -> Self {
        Self::Only(Arc::default())
    }

    /// The venues in their order; `None` for all.
    #[must_use]
    pub fn list(&self) -> Option<Vec<VenueId>> {
        match self {
            Self::All => None,
            Self::Only(venues) => Some(venues.iter().cloned().collect()),
        }
    }
}

impl From<Option<BTreeSet<VenueId>>> for Venues {
    /// The venues as events name them: none stands for all.
    fn from(venues: Option<BTreeSet<VenueId>>) -> Self {
        venues.map_or(Self::All, |venues| Self::Only(Arc::new(venues)))
    }
}
