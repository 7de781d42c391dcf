//! The guests of active bookings, and of waiting parties. Part of [`super`].

use chrono::{DateTime, NaiveDate, Utc};
use events::values::TimeWindow;
use events::{Position, ReservationId, WaitlistId};

use super::VenueState;
use crate::app::projections::contacts::{ContactKeys, ContactOf};
use crate::domain::venue::Venue;
use crate::domain::waitlist::{Waiting, WaitlistEntry};
use crate::domain::{Reservation, Status};

impl VenueState {
    /// Adds the contact of an active booking or of a waiting party. One that ended meanwhile, or whose contact was
    /// erased, has none.
    pub(in crate::app::projections) fn add_contact(&mut self, of: ContactOf, keys: ContactKeys) {
        match of {
            ContactOf::Reservation(id) if self.reservation(id).is_some_and(has_contact) => {
                self.guests.add(id, keys);
            }
            ContactOf::Waitlist(id) if self.waitlist_places.contains_key(&id) => {
                self.waiting_guests.add(id, keys);
            }
            ContactOf::Reservation(_) | ContactOf::Waitlist(_) => {}
        }
    }

    /// The active bookings whose visit is not over at `now` and the waiting parties, with the positions of their contacts.
    pub(in crate::app::projections) fn contact_positions(
        &self,
        now: DateTime<Utc>,
    ) -> Vec<(ContactOf, Position)> {
        let bookings = self.reservations.values().filter(|r| has_contact(r) && r.window().end > now);
        let bookings = bookings.map(|r| (ContactOf::Reservation(r.id), r.contact_at));
        let waiting = self.waitlist.values().map(|entry| (ContactOf::Waitlist(entry.id), entry.at.position));
        bookings.chain(waiting).collect()
    }

    /// Whether another active booking of the same guest overlaps `window`.
    pub(in crate::app::projections) fn is_booked_by(
        &self,
        guest: ContactKeys,
        window: &TimeWindow,
        except: Option<ReservationId>,
    ) -> bool {
        let others = self.guests.with_same(guest).filter(|id| Some(*id) != except);
        others.filter_map(|id| self.reservation(id)).any(|booked| booked.window().overlaps(window))
    }

    pub(in crate::app::projections) fn guest_of(&self, id: ReservationId) -> Option<ContactKeys> {
        self.guests.keys_of(id)
    }

    pub(in crate::app::projections) fn waiting_guest(&self, id: WaitlistId) -> Option<ContactKeys> {
        self.waiting_guests.keys_of(id)
    }

    /// The parties that wait for the business day `date`, and whether `guest` is among them.
    pub(in crate::app::projections) fn waiting_on(
        &self,
        venue: &Venue,
        date: NaiveDate,
        guest: Option<ContactKeys>,
    ) -> (Waiting, bool) {
        let same: Vec<_> = guest.into_iter().flat_map(|guest| self.waiting_guests.with_same(guest)).collect();
        let on_date = self.waitlist.values().filter(|entry| is_on(venue, date, entry));
        on_date.fold((Waiting::default(), false), |(waiting, found), entry| {
            let (parties, unproven) =
                (waiting.parties + 1, waiting.unproven + usize::from(entry.is_unproven()));
            (Waiting { parties, unproven }, found || same.contains(&entry.id))
        })
    }

    /// When a waiting party leaves without a proof of its contact.
    pub(in crate::app::projections) fn proof_expires_at(&self, id: WaitlistId) -> Option<DateTime<Utc>> {
        let entry = self.waitlist.get(self.waitlist_places.get(&id)?)?;
        entry.contact_proof.asked().map(|asked| asked.expires_at)
    }

    /// Whether the subject is active with an unproved contact.
    pub(in crate::app::projections) fn is_unproven(&self, of: ContactOf) -> bool {
        match of {
            ContactOf::Reservation(id) => self.reservation(id).is_some_and(Reservation::is_unproven),
            ContactOf::Waitlist(id) => {
                let place = self.waitlist_places.get(&id);
                place.and_then(|place| self.waitlist.get(place)).is_some_and(|entry| entry.is_unproven())
            }
        }
    }

    /// The keys of the contact of an active subject, if they are known, and the position of its confidential payload.
    pub(in crate::app::projections) fn contact_of(
        &self,
        of: ContactOf,
    ) -> Option<(Option<ContactKeys>, Position)> {
        match of {
            ContactOf::Reservation(id) => {
                let contact_at = self.reservation(id)?.contact_at;
                Some((self.guest_of(id), contact_at))
            }
            ContactOf::Waitlist(id) => Some((self.waiting_guest(id), *self.waitlist_places.get(&id)?)),
        }
    }
}

/// Whether a party waits for the business day `date`.
pub(super) fn is_on(venue: &Venue, date: NaiveDate, entry: &WaitlistEntry) -> bool {
    let start = entry.joined.acceptable.start;
    // A business day begins and ends less than two days from the date in UTC; most entries need no further look.
    (start.date_naive() - date).num_days().abs() <= 2 && venue.date_of(start) == date
}

/// Whether the guest of a reservation is expected or present, and known.
pub(super) fn has_contact(reservation: &Reservation) -> bool {
    let is_active = matches!(reservation.status, Status::Pending | Status::Confirmed | Status::CheckedIn);
    is_active && !reservation.booking.walk_in && !reservation.contact_erased
}
