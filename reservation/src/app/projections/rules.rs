//! The rules of the venues and their closures.

use std::ops::RangeInclusive;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use events::{ClosureId, ReservationId, VenueId, WaitlistId};

use super::{ClosureState, Index, Projections, RecordedRules};
use crate::app::refusals::{Kind, Refused};
use crate::app::venues::{RulesDocument, Venues};
use crate::domain::closure::Closure;
use crate::domain::venue::Venue;

impl Projections {
    /// The last recorded rules of `venue`, if any were recorded.
    #[must_use]
    pub fn recorded_rules(&self, venue: &VenueId) -> Option<Arc<RecordedRules>> {
        self.venue(venue)?.read().recorded_rules().cloned()
    }

    /// The rules that count. They stay in step with the log.
    #[must_use]
    pub fn rules(&self) -> Venues {
        self.rules.clone()
    }

    /// The closures of `venue`, the first declared one first.
    #[must_use]
    pub fn closures(&self, venue: &VenueId) -> Vec<ClosureState> {
        self.venue(venue).map(|state| state.read().closures(venue)).unwrap_or_default()
    }

    /// The recorded counts of requests that `venue` refused for the business days in `dates`.
    #[must_use]
    pub fn refused(&self, venue: &VenueId, dates: RangeInclusive<NaiveDate>) -> Vec<(Kind, Refused)> {
        self.venue(venue).map(|state| state.read().refused(dates)).unwrap_or_default()
    }

    /// The closure `id` of `venue`.
    #[must_use]
    pub fn closure(&self, venue: &VenueId, id: ClosureId) -> Option<ClosureState> {
        self.venue(venue)?.read().closure(venue, id)
    }

    /// The rules in `rules` with the closures of `venue` that are in force.
    #[must_use]
    pub fn closed_rules(&self, venue: &VenueId, rules: Option<&RulesDocument>) -> Option<Arc<Venue>> {
        let closures = self.closures(venue);
        let in_force = Closure::in_force(closures.iter().map(|state| &*state.closure));
        rules.map(|rules| rules.venue.closed_at(in_force))
    }

    /// The venue of a waitlist entry; `None` if it does not wait.
    #[must_use]
    pub fn venue_of_entry(&self, id: WaitlistId) -> Option<VenueId> {
        let venue = self.index.read().waitlist_entries.get(&id).cloned()?;
        let venue = venue.read();
        venue.entry(id).map(|entry| entry.joined.venue_id.clone())
    }

    /// Whether a reservation of `venue` that is not past at `now` has the code of `id`.
    #[must_use]
    pub fn has_code_of(&self, venue: &VenueId, id: ReservationId, now: DateTime<Utc>) -> bool {
        self.venue(venue).is_some_and(|state| state.read().has_code_of(id, now))
    }

    /// The closures of which the bookings are to be cancelled.
    #[must_use]
    pub fn cancelling(&self) -> Vec<ClosureState> {
        let ids: Vec<_> = {
            let index = self.index.read();
            let of_venue = |(venue, ids): (&VenueId, &Vec<ClosureId>)| {
                ids.iter().map(|id| (venue.clone(), *id)).collect::<Vec<_>>()
            };
            index.cancelling.iter().flat_map(of_venue).collect()
        };
        ids.iter().filter_map(|(venue, id)| self.closure(venue, *id)).collect()
    }
}

impl Index {
    pub(super) fn set_cancelling(&mut self, venue: &VenueId, closures: Vec<ClosureId>) {
        match closures.is_empty() {
            true => drop(self.cancelling.remove(venue)),
            false => drop(self.cancelling.insert(venue.clone(), closures)),
        }
    }
}
