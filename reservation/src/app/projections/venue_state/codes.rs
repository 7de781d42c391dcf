//! The codes of the reservations of a venue. Part of [`super`].

use chrono::{DateTime, Utc};
use events::values::ReservationCode;
use events::{ReservationId, WaitlistId};

use super::VenueState;
use crate::domain::waitlist::WaitlistEntry;

impl VenueState {
    /// The waiting party `id`.
    pub(in crate::app::projections) fn entry(&self, id: WaitlistId) -> Option<&WaitlistEntry> {
        self.waitlist.get(self.waitlist_places.get(&id)?).map(AsRef::as_ref)
    }

    /// Whether a reservation that is not past at `now` has the code of `id`.
    pub(in crate::app::projections) fn has_code_of(&self, id: ReservationId, now: DateTime<Utc>) -> bool {
        let other = self.codes.get(&ReservationCode::of(id)).and_then(|other| self.reservation(*other));
        other.is_some_and(|other| other.window().end > now)
    }
}
