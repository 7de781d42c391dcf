//! What is held about a guest.

use access::Caller;
use contract::reservation::personal_data::{PersonalData, PersonalEvent};

use super::QueryError;
use crate::app::App;
use crate::domain::Reservation;

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
        // A walk-in has neither.
        let given = |text: &String| (!text.is_empty()).then(|| text.clone());
        Ok(PersonalData {
            phone: contact.as_ref().and_then(|contact| given(&contact.phone)),
            email: contact.as_ref().and_then(|contact| given(&contact.email)),
            email_typed: contact.as_ref().and_then(|contact| contact.email_typed.clone()),
            reservation: self.view_with(reservation, contact).await?,
            events: events.collect(),
        })
    }
}
