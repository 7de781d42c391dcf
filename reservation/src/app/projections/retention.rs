//! The visits whose personal data was kept for long enough.

use chrono::{DateTime, Utc};
use events::{ReservationId, VenueId};

use super::venue_state::VenueState;
use super::{ListKey, Projections};

impl Projections {
    /// Looks at up to `count` visits of `venue` that start before `before`, by start, after `after`. Returns those whose personal
    /// data is held and that ended before `before`, and the last one that was looked at; `None` if there was none.
    #[must_use]
    pub fn held_before(
        &self,
        venue: &VenueId,
        before: DateTime<Utc>,
        after: Option<ListKey>,
        count: usize,
    ) -> Option<(Vec<ReservationId>, ListKey)> {
        self.venue(venue)?.read().held_before(before, after, count)
    }
}

impl VenueState {
    fn held_before(
        &self,
        before: DateTime<Utc>,
        after: Option<ListKey>,
        count: usize,
    ) -> Option<(Vec<ReservationId>, ListKey)> {
        let keys: Vec<_> = self.keys_before(before, after).take(count).collect();
        let last = *keys.last()?;
        let is_held = |id: &ReservationId| {
            self.reservation(*id).is_some_and(|reservation| {
                reservation.window().end < before
                    && (!reservation.contact_erased || !reservation.descriptions.is_empty())
            })
        };
        Some((keys.into_iter().map(|(_, id)| id).filter(is_held).collect(), last))
    }
}
