//! What is held about a guest.

use access::Caller;
use contract::reservation::personal_data::{PersonalData, PersonalEvent, WaitlistPersonalData};
use events::{Position, Query, Tag};

use super::{QueryError, notes};
use crate::app::App;
use crate::app::confidential::Contact;
use crate::app::repository;
use crate::domain::Reservation;
use crate::domain::waitlist::WaitlistEntry;

impl App {
    /// Everything that is held about the guest of `reservation`, for a caller who may read it.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn personal_data(
        &self,
        reservation: &Reservation,
        caller: &Caller,
    ) -> Result<PersonalData, QueryError> {
        let contact = self.contact(reservation).await?;
        let history = self.history(reservation.id, reservation.booking.locale, caller).await?.into_history();
        let events =
            history.entries.into_iter().map(|entry| PersonalEvent { at: entry.at, note: entry.note });
        let Held { phone, email, email_typed } = held(contact.as_ref());
        let reservation = self.view_with(reservation, contact).await?;
        Ok(PersonalData { phone, email, email_typed, reservation, events: events.collect() })
    }

    /// Everything that is held about the guest of `entry`, for a caller who may read it.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn personal_data_of_entry(
        &self,
        entry: &WaitlistEntry,
    ) -> Result<WaitlistPersonalData, QueryError> {
        let (mut events, joined) = (Vec::new(), &entry.joined);
        let query = Query::any_tag([Tag::waitlist(entry.id)]);
        repository::each(self.store.as_ref(), &query, Position::START, |recorded, event| {
            // Accepting an offer also has events of the reservation.
            if repository::waitlist_entry_of(recorded) == Some(entry.id) {
                let note = notes::note(&event, &joined.timezone, joined.locale);
                events.push(PersonalEvent { at: recorded.time, note });
            }
        })
        .await?;
        let Held { phone, email, email_typed } = held(self.confidential(entry.at.position).await?.as_ref());
        let entry = self.waitlist_view(entry).await?;
        Ok(WaitlistPersonalData { phone, email, email_typed, entry, events })
    }
}

/// How the guest is reached, as far as that is held.
struct Held {
    phone: Option<String>,
    email: Option<String>,
    email_typed: Option<String>,
}

fn held(contact: Option<&Contact>) -> Held {
    // A walk-in has neither.
    let given = |text: &String| (!text.is_empty()).then(|| text.clone());
    Held {
        phone: contact.and_then(|contact| given(&contact.phone)),
        email: contact.and_then(|contact| given(&contact.email)),
        email_typed: contact.and_then(|contact| contact.email_typed.clone()),
    }
}
