//! The closures of a venue. Part of [`super`].

use std::sync::Arc;

use events::event::Event;
use events::{ClosureId, Position, VenueId};

use super::{RecordedRules, VenueState};
use crate::domain::RecordedAt;
use crate::domain::closure::Closure;
use crate::domain::venue::Venue;

/// A closure, and what became of the bookings under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosureState {
    /// The venue.
    pub venue_id: VenueId,
    /// The closure.
    pub closure: Arc<Closure>,
    /// Number of bookings that were cancelled together because of it.
    pub cancelled: u32,
}

impl VenueState {
    /// Applies an event of a closure. From then on the rules close what it closes.
    pub(in crate::app::projections) fn apply_closure(&mut self, event: &Event, at: RecordedAt) {
        match event {
            Event::VenueClosed(closed) => {
                let closure = Closure::begin(closed.clone(), at);
                self.closures.insert(closure.id, Arc::new(closure));
            }
            event => {
                let closure = event.closure_id().and_then(|id| self.closures.get_mut(&id));
                if let Some(closure) = closure {
                    Arc::make_mut(closure).evolve(event, at.time);
                }
            }
        }
        // At the start closures are applied after later events.
        self.position = self.position.max(at.position);
        if !matches!(event, Event::CancellationsOrdered(_)) {
            self.close_and_open(at.position);
        }
    }

    /// Brings the rules that count in step with the closures in force.
    fn close_and_open(&mut self, at: Position) {
        let Some(last) = self.rules.take() else { return };
        let in_force = last.document.as_ref().map(|document| self.with_closures(&document.venue));
        let before = last.venue();
        let rules = RecordedRules { in_force, before, position: at, ..RecordedRules::clone(&last) };
        self.rules = Some(Arc::new(rules));
        self.may_free_tables(self.position);
    }

    /// `venue` with the closures in force.
    pub(super) fn with_closures(&self, venue: &Arc<Venue>) -> Arc<Venue> {
        venue.closed_at(Closure::in_force(self.closures.values().map(AsRef::as_ref)))
    }

    /// The closures, by the position of their first event.
    pub(in crate::app::projections) fn closures(&self, venue_id: &VenueId) -> Vec<ClosureState> {
        let mut closures: Vec<_> =
            self.closures.keys().filter_map(|id| self.closure(venue_id, *id)).collect();
        closures.sort_by_key(|state| state.closure.declared.position);
        closures
    }

    pub(in crate::app::projections) fn closure(
        &self,
        venue_id: &VenueId,
        id: ClosureId,
    ) -> Option<ClosureState> {
        let closure = self.closures.get(&id).cloned()?;
        let cancelled = self.cancelled_under.get(&id).copied().unwrap_or_default();
        Some(ClosureState { venue_id: venue_id.clone(), closure, cancelled })
    }

    /// The rules that count.
    pub(in crate::app::projections) fn in_force(&self) -> Option<Arc<Venue>> {
        self.venue()
    }

    /// The closures of which the bookings are to be cancelled.
    pub(in crate::app::projections) fn cancelling(&self) -> Vec<ClosureId> {
        self.closures.values().filter(|closure| closure.is_cancelling()).map(|closure| closure.id).collect()
    }

    /// Counts a cancellation that a closure caused.
    pub(super) fn count_cancellation(&mut self, event: &Event) {
        if let Event::ReservationCancelled(cancelled) = event
            && let Some(id) = cancelled.closure_id
        {
            *self.cancelled_under.entry(id).or_default() += 1;
        }
    }
}
