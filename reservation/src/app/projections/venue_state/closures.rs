//! The closures of a venue. Part of [`super`].

use std::sync::Arc;

use events::event::Event;
use events::{ClosureId, VenueId};

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
    /// Number of marks because of it. It grows when a booking falls under it.
    pub marked: u32,
}

/// What became of the bookings under a closure.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct UnderClosure {
    cancelled: u32,
    marked: u32,
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
            self.close_and_open();
        }
    }

    /// Brings the rules that count in step with the closures in force.
    fn close_and_open(&mut self) {
        let Some(last) = self.rules.take() else { return };
        let in_force = last.document.as_ref().map(|document| self.with_closures(&document.venue));
        // The rules before stay: a closure is compared with the placement of a booking, not with other rules.
        self.rules = Some(Arc::new(RecordedRules { in_force, ..RecordedRules::clone(&last) }));
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
        let UnderClosure { cancelled, marked } = self.under_closures.get(&id).copied().unwrap_or_default();
        Some(ClosureState { venue_id: venue_id.clone(), closure, cancelled, marked })
    }

    /// The rules that count.
    pub(in crate::app::projections) fn in_force(&self) -> Option<Arc<Venue>> {
        self.venue()
    }

    /// The closures of which the bookings are to be cancelled.
    pub(in crate::app::projections) fn cancelling(&self) -> Vec<ClosureId> {
        self.closures.values().filter(|closure| closure.is_cancelling()).map(|closure| closure.id).collect()
    }

    /// Counts a mark or a cancellation that a closure caused.
    pub(super) fn count_under_closure(&mut self, event: &Event) {
        let (id, is_mark) = match event {
            Event::ReservationCancelled(cancelled) => (cancelled.closure_id, false),
            Event::ReservationAffected(affected) => (affected.closure_id, true),
            _ => return,
        };
        let Some(id) = id else { return };
        let under = self.under_closures.entry(id).or_default();
        let count = if is_mark { &mut under.marked } else { &mut under.cancelled };
        *count += 1;
    }
}
