//! Which venue and which closure an event is about.

use crate::event::Event;
use crate::ids::{ClosureId, VenueId};

impl Event {
    /// The venue of the closure that the event is about, if it is about one.
    #[must_use]
    pub fn closed_venue(&self) -> Option<&VenueId> {
        match self {
            Self::VenueClosed(closed) => Some(&closed.venue_id),
            Self::CancellationsOrdered(ordered) => Some(&ordered.venue_id),
            Self::ClosureLifted(lifted) => Some(&lifted.venue_id),
            _ => None,
        }
    }

    /// The closure that the event is about, if it is about one.
    #[must_use]
    pub fn closure_id(&self) -> Option<ClosureId> {
        match self {
            Self::VenueClosed(closed) => Some(closed.closure_id),
            Self::CancellationsOrdered(ordered) => Some(ordered.closure_id),
            Self::ClosureLifted(lifted) => Some(lifted.closure_id),
            _ => None,
        }
    }
}
