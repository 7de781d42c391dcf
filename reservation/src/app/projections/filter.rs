//! Selecting reservations.

use std::sync::Arc;

use access::{Denied, Venues};
use chrono::{DateTime, Utc};
use contract::reservation::words::ReservationStatus;
use events::values::ReservationCode;
use events::{CustomerId, ReservationId, VenueId};

use crate::app::words;
use crate::domain::Reservation;
use crate::domain::venue::Venue;

/// A place in the list of reservations, which is sorted by start, then by id.
pub type ListKey = (DateTime<Utc>, ReservationId);

/// Selects reservations. `None` means any.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// The status.
    pub status: Option<ReservationStatus>,
    /// Starts at or after this time.
    pub from: Option<DateTime<Utc>>,
    /// Starts before this time.
    pub to: Option<DateTime<Utc>>,
    /// The customer.
    pub customer_id: Option<CustomerId>,
    /// The venue.
    pub venue_id: Option<VenueId>,
    /// The short code.
    pub code: Option<ReservationCode>,
    /// Whether staff have to find a table.
    pub needs_table: Option<bool>,
    /// A service of a venue, by its name.
    pub service: Option<(Arc<Venue>, String)>,
    /// The venues that the caller may read.
    pub venues: Venues,
}

impl Filter {
    /// Checks that the caller may read the venue that the filter names.
    ///
    /// # Errors
    /// [`Denied::Hidden`].
    pub fn authorize(&self) -> Result<(), Denied> {
        match &self.venue_id {
            Some(venue) if !self.venues.contain(venue) => Err(Denied::Hidden),
            _ => Ok(()),
        }
    }

    /// Whether the filter selects `reservation`.
    #[must_use]
    pub fn matches(&self, reservation: &Reservation) -> bool {
        let start = reservation.window().start;
        self.status.is_none_or(|status| words::status(&reservation.status) == status)
            && self.from.is_none_or(|from| start >= from)
            && self.to.is_none_or(|to| start < to)
            && self.customer_id.as_ref().is_none_or(|id| reservation.booking.customer_id == *id)
            && self.venue_id.as_ref().is_none_or(|id| reservation.booking.venue_id == *id)
            && self.code.is_none_or(|code| ReservationCode::of(reservation.id) == code)
            && self.needs_table.is_none_or(|needs| reservation.needs_table() == needs)
            && self.service.as_ref().is_none_or(|(venue, name)| {
                reservation.service(venue).is_some_and(|service| service == *name)
            })
            && self.venues.contain(&reservation.booking.venue_id)
    }
}

/// The place of a reservation in the list.
pub(super) fn list_key(reservation: &Reservation) -> ListKey {
    (reservation.window().start, reservation.id)
}
