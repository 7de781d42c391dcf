//! The representations with which commands are answered, in every interface.

use access::Caller;
use chassis::problem::Problem;
use contract::reservation::view::ReservationView;
use contract::reservation::waitlist::WaitlistView;

use crate::app::App;
use crate::app::confidential::Contact;
use crate::app::executor::CommandError;
use crate::app::outcome::{ReservationOutcome, WaitlistOutcome};
use crate::domain::Reservation;

/// The representation of what a request created or changed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answered<V> {
    /// The representation.
    pub(super) view: V,
    /// Its version.
    pub(super) version: u64,
    /// Whether this is the result of an earlier request with the same Idempotency-Key.
    pub(super) replayed: bool,
}

/// Whether an answer contains the link of the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    /// It does: the request created what the link opens, or renewed the link.
    Shown,
    /// It does not.
    Hidden,
}

impl App {
    /// The answer to a command about a reservation. A caller that has just sent the contact passes it.
    pub(super) async fn answer(
        &self,
        outcome: &ReservationOutcome,
        link: Link,
        contact: Option<Contact>,
        caller: &Caller,
    ) -> Result<Answered<ReservationView>, Problem> {
        let ReservationOutcome { reservation, recorded, replayed } = outcome;
        if !recorded {
            self.record_reading(reservation, caller).await;
        }
        let mut view = match contact {
            // After the first response the contact may have been forgotten.
            contact @ Some(_) if !replayed => self.view_with(reservation, contact).await?,
            _ => self.view(reservation).await?,
        };
        if link == Link::Shown {
            view.guest_link = self.guest_link(reservation);
        }
        self.show_to(caller, &mut view, reservation);
        Ok(Answered { view, version: reservation.version, replayed: *replayed })
    }

    /// Leaves out of the view of `reservation` what only the staff may read, and adds what only the guest may have.
    pub(super) fn show_to(&self, caller: &Caller, view: &mut ReservationView, reservation: &Reservation) {
        if !caller.is_guest() {
            return;
        }
        (view.staff_notes, view.tags) = (None, Vec::new());
        let links = self.pay_links(reservation);
        for charge in std::iter::once(&mut view.deposit).chain(view.no_show_fee.as_mut()) {
            let link = links.iter().find(|link| Some(link.payment_id) == charge.payment_id);
            charge.pay_link = link.map(|link| link.token.clone());
        }
    }

    /// The answer to a command that changed a reservation, or its problem.
    pub(super) async fn answer_changed(
        &self,
        outcome: Result<ReservationOutcome, CommandError>,
        caller: &Caller,
    ) -> Result<Answered<ReservationView>, Problem> {
        let outcome = outcome.map_err(|error| self.problem(error))?;
        self.answer(&outcome, Link::Hidden, None, caller).await
    }

    /// The answer to a request about a waitlist entry.
    pub(super) async fn answer_waitlist(
        &self,
        outcome: &WaitlistOutcome,
        link: Link,
        caller: &Caller,
    ) -> Result<Answered<WaitlistView>, Problem> {
        let WaitlistOutcome { entry, recorded, replayed } = outcome;
        if !recorded {
            self.record_reading_of_entry(entry, caller).await;
        }
        let mut view = self.waitlist_view(entry).await?;
        if link == Link::Shown {
            view.guest_link = self.guest_link_of_entry(entry);
        }
        Ok(Answered { view, version: entry.version, replayed: *replayed })
    }
}
