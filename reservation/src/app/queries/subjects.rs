//! Reading single reservations and waitlist entries, with their confidential payloads.

use access::{Caller, Denied, Intent, Object};
use chrono::{DateTime, Offset as _, Utc};
use chrono_tz::Tz;
use contract::reservation::venues::ProfileView;
use contract::values::LocalTime;
use events::{Position, Query, ReservationId, Tag, VenueId, WaitlistId};
use serde::de::DeserializeOwned;

use super::QueryError;
use super::venues::profile_view;
use crate::app::App;
use crate::app::confidential::Contact;
use crate::app::objects::{object_of, object_of_entry};
use crate::app::repository::{self, AsOf};
use crate::domain::Reservation;
use crate::domain::venue::Venue;
use crate::domain::waitlist::WaitlistEntry;

/// `at` as local time in `timezone`.
#[must_use]
pub fn local(at: DateTime<Utc>, timezone: &str) -> LocalTime {
    // If the zone was removed from the time zone database, UTC is still the right instant.
    let zone = timezone.parse::<Tz>().unwrap_or(Tz::UTC);
    let time = at.with_timezone(&zone);
    LocalTime(time.with_timezone(&time.offset().fix()))
}

/// The name of a venue and its profile.
pub(super) fn label_of(venue: &Venue) -> (String, ProfileView) {
    (venue.name.clone(), profile_view(&venue.profile))
}

impl App {
    /// Waits until the projections contain everything that was durable when this was called.
    ///
    /// # Errors
    /// [`QueryError::Read`] when the end of the log cannot be determined.
    pub async fn catch_up(&self) -> Result<(), QueryError> {
        let head = self.store.head().await?;
        self.projections.wait_until(head).await;
        Ok(())
    }

    /// Waits until a proof that `caller`, a guest, has just given is known.
    ///
    /// # Errors
    /// [`QueryError::Read`] when the end of the log cannot be determined.
    pub async fn know_proofs(&self, caller: &Caller) -> Result<(), QueryError> {
        if caller.is_guest() { self.catch_up().await } else { Ok(()) }
    }

    /// The current reservation, including everything acknowledged so far; `None` if there is none that `caller` may read.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn reservation(
        &self,
        id: ReservationId,
        caller: &Caller,
    ) -> Result<Option<Reservation>, QueryError> {
        // Wait only if the log has something newer about this reservation: other events may be many.
        let about = Query::any_tag([Tag::reservation(id)]);
        let newer = self.store.read(&about, self.projections.position(), 1).await;
        if !newer.is_ok_and(|newer| newer.is_empty()) {
            self.catch_up().await?;
        }
        let Some((reservation, _)) = self.projections.get(id) else { return Ok(None) };
        Ok(self.may_read(caller, &object_of(&reservation))?.then_some(reservation))
    }

    /// Whether `caller` may read `object`; it must not learn that another one exists.
    fn may_read(&self, caller: &Caller, object: &Object<'_>) -> Result<bool, QueryError> {
        match caller.may(Intent::Read, object, self.env.now()) {
            Err(Denied::Hidden) => Ok(false),
            other => Ok(other.map(|()| true)?),
        }
    }

    /// The reservation at an earlier time or position.
    ///
    /// # Errors
    /// [`QueryError::Read`].
    pub async fn reservation_as_of(
        &self,
        id: ReservationId,
        as_of: AsOf,
        caller: &Caller,
    ) -> Result<Option<Reservation>, QueryError> {
        // Whether the caller may read it follows from its current state.
        if self.reservation(id, caller).await?.is_none() {
            return Ok(None);
        }
        Ok(repository::load(self.store.as_ref(), id, as_of).await?.0)
    }

    /// The current reservation with its read position, for a command. All projections are up to date, so that
    /// a refusal can name alternatives.
    ///
    /// # Errors
    /// [`QueryError::UnknownReservation`] or [`QueryError::Read`].
    pub async fn require(
        &self,
        id: ReservationId,
        caller: &Caller,
    ) -> Result<(Reservation, Position), QueryError> {
        self.catch_up().await?;
        let found = self.projections.get(id).ok_or(QueryError::UnknownReservation(id))?;
        match self.may_read(caller, &object_of(&found.0))? {
            true => Ok(found),
            false => Err(QueryError::UnknownReservation(id)),
        }
    }

    /// The current waitlist entry; `None` if there is none that `caller` may read.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn waitlist_entry(
        &self,
        id: WaitlistId,
        caller: &Caller,
    ) -> Result<Option<WaitlistEntry>, QueryError> {
        let (entry, _) = repository::load_waitlist_entry(self.store.as_ref(), id, AsOf::Now).await?;
        let Some(entry) = entry else { return Ok(None) };
        Ok(self.may_read(caller, &object_of_entry(&entry))?.then_some(entry))
    }

    /// The name of a venue and its profile, of a venue that was removed the last ones. A venue without recorded rules has its
    /// id as its name.
    #[must_use]
    pub fn venue_label(&self, id: &VenueId) -> (String, ProfileView) {
        match self.venues.get(Some(id)) {
            Some(venue) => label_of(&venue),
            // The last rules of a removed venue.
            None => match self.projections.recorded_rules(id).and_then(|rules| rules.before.clone()) {
                Some(venue) => label_of(&venue),
                None => (id.to_string(), ProfileView::default()),
            },
        }
    }

    /// The confidential payload of the event at `position`; `None` if it was forgotten.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn confidential<T: DeserializeOwned>(
        &self,
        position: Position,
    ) -> Result<Option<T>, QueryError> {
        Ok(self.confidential_of(vec![position]).await?.into_iter().next().flatten())
    }

    /// The contact, the wishes and the notes of `reservation`; `None` after they were erased. A correction forgets the
    /// previous ones, so that an older state of the reservation names a payload that is gone: then those of now are read.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn contact(&self, reservation: &Reservation) -> Result<Option<Contact>, QueryError> {
        let (mut contact_at, mut is_erased) = (reservation.contact_at, reservation.contact_erased);
        loop {
            let contact = self.confidential(contact_at).await?;
            // In an answer about the past there is no room for what was corrected later.
            if contact.is_some() || is_erased || self.is_past() {
                return Ok(contact);
            }
            self.catch_up().await?;
            let (now, _) =
                self.projections.get(reservation.id).ok_or(QueryError::UnknownReservation(reservation.id))?;
            // A payload that the state of now names is gone without an erasure only if the log was damaged.
            if now.contact_at == contact_at && !now.contact_erased {
                return Ok(None);
            }
            (contact_at, is_erased) = (now.contact_at, now.contact_erased);
        }
    }

    /// The contacts of `reservations`, read at once.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn contacts(&self, reservations: &[Reservation]) -> Result<Vec<Option<Contact>>, QueryError> {
        let positions = reservations.iter().map(|reservation| reservation.contact_at).collect();
        let mut contacts = self.confidential_of(positions).await?;
        for (reservation, contact) in reservations.iter().zip(&mut contacts) {
            if contact.is_none() && !reservation.contact_erased {
                // Corrected meanwhile.
                *contact = self.contact(reservation).await?;
            }
        }
        Ok(contacts)
    }

    /// The confidential payloads of the events at `positions`, read at once; `None` for those forgotten.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn confidential_of<T: DeserializeOwned>(
        &self,
        positions: Vec<Position>,
    ) -> Result<Vec<Option<T>>, QueryError> {
        let payloads = self.store.confidential(positions).await?;
        let decode = |bytes: Option<bytes::Bytes>| {
            bytes.map(|bytes| serde_json::from_slice(&bytes).map_err(QueryError::from)).transpose()
        };
        payloads.into_iter().map(decode).collect()
    }
}
