//! Keeps the contacts of active bookings and of waiting parties in step with the log.

use chrono::{DateTime, NaiveDate, Utc};
use events::store::EventStore;
use events::values::TimeWindow;
use events::{Event, Position, ReservationId, VenueId, WaitlistId};

use super::Projections;
use super::apply::Change;
use super::contacts::{ContactKeys, ContactOf};
use crate::app::confidential::Contact;
use crate::app::correction::Correction;
use crate::app::repository::RepositoryError;
use crate::domain::venue::Venue;
use crate::domain::waitlist::Waiting;
use crate::domain::{RecordedAt, Reservation};

/// Maximum number of contacts of bookings that this process appends at the moment.
const EXPECTED_CONTACTS_MAX: usize = 4_096;

/// Number of confidential payloads read at a time.
const PAYLOADS_PER_READ: usize = 1_000;

impl Projections {
    /// Reads the contacts of the visits that were not over at `now`, and of waiting parties. At the start the log is read
    /// without contacts. A visit that is over cannot overlap another booking.
    ///
    /// # Errors
    /// [`RepositoryError`] when the log cannot be read.
    pub async fn load_contacts(
        &self,
        store: &dyn EventStore,
        now: DateTime<Utc>,
    ) -> Result<(), RepositoryError> {
        let mut subjects = Vec::new();
        for venue in self.selected(None) {
            subjects.extend(venue.read().contact_positions(now));
        }
        for subjects in subjects.chunks(PAYLOADS_PER_READ) {
            let contacts = self.read_payloads(store, subjects).await?;
            self.add_contacts(&contacts);
        }
        Ok(())
    }

    /// The guest of a reservation, read from the log; `None` for a walk-in, or after the contact was erased.
    ///
    /// # Errors
    /// [`RepositoryError`] when the log cannot be read.
    pub async fn guest_in_log(
        &self,
        store: &dyn EventStore,
        reservation: &Reservation,
    ) -> Result<Option<ContactKeys>, RepositoryError> {
        let subject = (ContactOf::Reservation(reservation.id), reservation.contact_at);
        Ok(self.read_payloads(store, &[subject]).await?.first().map(|(_, keys)| *keys))
    }

    /// Announces the contact of a booking that this process is about to append, so that it is not read back.
    pub fn expect_contact(&self, id: ReservationId, keys: ContactKeys) {
        let mut expected = self.expected_contacts.lock();
        // Bookings that were not appended stay here. A contact that is missing is read.
        if expected.len() >= EXPECTED_CONTACTS_MAX {
            expected.clear();
        }
        expected.insert(id, keys);
    }

    /// Reads the contacts of the bookings and waitlist entries among `changes`.
    pub(super) async fn read_contacts(
        &self,
        store: &dyn EventStore,
        changes: &[Change],
    ) -> Result<Vec<(ContactOf, ContactKeys)>, RepositoryError> {
        let subject = |change: &Change| match change {
            Change::Reservation(id, Event::ReservationCreated(created), RecordedAt { position, .. })
                if !created.walk_in =>
            {
                Some((ContactOf::Reservation(*id), *position))
            }
            Change::Reservation(id, Event::DetailsChanged(_), RecordedAt { position, .. }) => {
                Some((ContactOf::Reservation(*id), *position))
            }
            // At the start, contacts of past visits were not read. Those of reservations that ended are not kept.
            Change::Reservation(
                id,
                event @ (Event::ReservationRescheduled(_) | Event::ReservationUndone(_)),
                _,
            ) => {
                let (reservation, _) = self.get(*id)?;
                // The end of the reservation, after which its contact is not known, may be among `changes`.
                let is_undone = matches!(event, Event::ReservationUndone(_));
                let is_known = !is_undone && self.guest_of(&reservation.booking.venue_id, *id).is_some();
                let position = reservation.contact_at;
                (!is_known && !reservation.booking.walk_in).then_some((ContactOf::Reservation(*id), position))
            }
            Change::Waitlist(id, Event::WaitlistJoined(_), RecordedAt { position, .. }) => {
                Some((ContactOf::Waitlist(*id), *position))
            }
            _ => None,
        };
        let (mut known, unknown) = self.expected(changes.iter().filter_map(subject));
        known.extend(self.read_payloads(store, &unknown).await?);
        Ok(known)
    }

    /// The contacts that were announced, and the subjects whose contacts must be read.
    #[expect(clippy::type_complexity, reason = "two lists of pairs")]
    fn expected(
        &self,
        subjects: impl Iterator<Item = (ContactOf, Position)>,
    ) -> (Vec<(ContactOf, ContactKeys)>, Vec<(ContactOf, Position)>) {
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        let mut expected = self.expected_contacts.lock();
        for (of, position) in subjects {
            let keys = match of {
                ContactOf::Reservation(id) => expected.remove(&id),
                ContactOf::Waitlist(_) => None,
            };
            match keys {
                Some(keys) => known.push((of, keys)),
                None => unknown.push((of, position)),
            }
        }
        (known, unknown)
    }

    pub(super) async fn read_payloads(
        &self,
        store: &dyn EventStore,
        subjects: &[(ContactOf, Position)],
    ) -> Result<Vec<(ContactOf, ContactKeys)>, RepositoryError> {
        if subjects.is_empty() {
            return Ok(Vec::new());
        }
        let payloads = store.confidential(subjects.iter().map(|(_, position)| *position).collect()).await?;
        let keys = |((of, _), payload): (&(ContactOf, Position), Option<bytes::Bytes>)| {
            // A payload that was forgotten, or that this version cannot read, belongs to no known guest.
            let contact: Contact = serde_json::from_slice(&payload?).ok()?;
            Some((*of, self.contact_keys(&contact)?))
        };
        Ok(subjects.iter().zip(payloads).filter_map(keys).collect())
    }

    pub(super) fn add_contacts(&self, contacts: &[(ContactOf, ContactKeys)]) {
        for (of, keys) in contacts {
            let index = self.index.read();
            let venue = match of {
                ContactOf::Reservation(id) => index.reservations.get(id).cloned(),
                ContactOf::Waitlist(id) => index.waitlist_entries.get(id).cloned(),
            };
            drop(index);
            let Some(venue) = venue else { continue };
            let mut venue = venue.write();
            venue.add_contact(*of, *keys);
            if venue.is_unproven(*of) {
                self.proofs.add_unproven(*of, *keys);
            }
        }
    }

    /// The hashes of a contact; `None` for a walk-in.
    #[must_use]
    pub fn contact_keys(&self, contact: &Contact) -> Option<ContactKeys> {
        self.contact_hasher.keys(contact)
    }

    /// The hashes of the phone number and of the e-mail address that a correction contains.
    pub fn corrected_addresses(&self, correction: &Correction) -> impl Iterator<Item = u128> {
        let phone = correction.phone.as_ref().map(|phone| self.contact_hasher.phone(phone));
        let email = correction.email.as_ref().map(|email| self.contact_hasher.email(&email.ascii));
        phone.into_iter().chain(email)
    }

    /// Whether another booking of the same guest at `venue` overlaps `window`.
    #[must_use]
    pub fn is_booked_by(
        &self,
        venue: &VenueId,
        guest: ContactKeys,
        window: &TimeWindow,
        except: Option<ReservationId>,
    ) -> bool {
        self.venue(venue).is_some_and(|state| state.read().is_booked_by(guest, window, except))
    }

    /// The guest of the reservation `id`, if it is active and its contact is known.
    #[must_use]
    pub fn guest_of(&self, venue: &VenueId, id: ReservationId) -> Option<ContactKeys> {
        self.venue(venue)?.read().guest_of(id)
    }

    /// The guest of the waitlist entry `id`, if it is waiting and its contact is known.
    #[must_use]
    pub fn waiting_guest(&self, venue: &VenueId, id: WaitlistId) -> Option<ContactKeys> {
        self.venue(venue)?.read().waiting_guest(id)
    }

    /// When the waitlist entry `id` ends without a proof of its contact.
    #[must_use]
    pub fn proof_expires_at(&self, id: WaitlistId) -> Option<DateTime<Utc>> {
        let venue = self.index.read().waitlist_entries.get(&id).cloned()?;
        venue.read().proof_expires_at(id)
    }

    /// The parties that wait at `venue` for a business day, and whether `guest` is among them.
    #[must_use]
    pub fn waiting_on(&self, venue: &Venue, date: NaiveDate, guest: Option<ContactKeys>) -> (Waiting, bool) {
        self.venue(&venue.id).map(|state| state.read().waiting_on(venue, date, guest)).unwrap_or_default()
    }
}
