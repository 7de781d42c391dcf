//! Searching for visits.

use std::collections::HashSet;

use access::Caller;
use contract::reservation::view::ReservationView;
use events::VenueId;
use events::values::Scope;

use super::QueryError;
use super::reservation_view::in_list;
use crate::app::App;
use crate::app::projections::Filter;
use crate::app::search::{Known, SearchQuery, Searchable};
use crate::domain::Reservation;

/// Maximum number of reservations that a search finds.
pub const FOUND_MAX: usize = 50;

/// Number of candidates that are looked at first. Further ones are looked at while too few match.
const CANDIDATES_FIRST: usize = 64;

/// The result of a search.
#[derive(Debug)]
pub struct Found {
    /// The reservations, next visits first.
    pub items: Vec<ReservationView>,
    /// Whether all visits were searched.
    pub is_complete: bool,
}

impl App {
    /// The first `limit` reservations that match `query` and `filter`: next visits first, then the others from the last to
    /// the first.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn search(
        &self,
        query: &SearchQuery,
        filter: &Filter,
        caller: &Caller,
        limit: usize,
    ) -> Result<Found, QueryError> {
        filter.authorize()?;
        self.index_changes().await?;
        let (now, is_complete) = (self.env.now(), self.search_index.is_complete());
        let (mut items, mut seen) = (Vec::new(), HashSet::new());
        let (mut after, mut count) = (None, CANDIDATES_FIRST);
        loop {
            let candidates = self
                .search_index
                .candidates(query, filter, now, after, count, |venue| known_at(caller, venue));
            for candidates in candidates.chunks(CANDIDATES_FIRST) {
                // A visit that ended meanwhile has another place in the order.
                let new = candidates.iter().filter(|candidate| seen.insert(candidate.id()));
                let selected = new.filter_map(|candidate| {
                    let select = |found: &Reservation| filter.matches(found).then(|| found.clone());
                    self.projections.look(candidate.id(), select).flatten()
                });
                let selected: Vec<_> = selected.collect();
                self.add_matching(&mut items, query, caller, &selected).await?;
                if items.len() >= limit {
                    items.truncate(limit);
                    return Ok(Found { items, is_complete });
                }
            }
            if candidates.len() < count {
                return Ok(Found { items, is_complete });
            }
            after = candidates.last().copied();
            count *= 4;
        }
    }

    async fn add_matching(
        &self,
        items: &mut Vec<ReservationView>,
        query: &SearchQuery,
        caller: &Caller,
        candidates: &[Reservation],
    ) -> Result<(), QueryError> {
        for (reservation, contact) in candidates.iter().zip(self.contacts(candidates).await?) {
            let known = known_at(caller, &reservation.booking.venue_id);
            if query.matches(&Searchable::of(reservation, contact.as_ref()), known) {
                items.push(in_list(self.view_with(reservation, contact).await?));
            }
        }
        Ok(())
    }
}

/// How much of a number or an address the caller must know at a venue.
fn known_at(caller: &Caller, venue: &VenueId) -> Known {
    match caller.needs(Scope::Contact, Some(venue)) {
        Ok(()) => Known::Beginning,
        Err(_) => Known::Whole,
    }
}
