//! A party in the door.

use chassis::form::Form;
use events::CustomerId;
use events::event::ReservationCreated;
use events::values::{PartySize, Policy, TimeWindow};

use super::{Booking, DURATION_MINUTES_DEFAULT, area, venue};
use crate::app::App;
use crate::private::{Contact, Sealed, seal};

/// The body of `POST /api/walk-ins`. There is no deposit, and nobody to write to.
pub(in crate::http) fn walk_in(form: &mut Form, app: &App) -> Option<Booking> {
    let venue = venue(form, app);
    let area = area(form, venue.as_deref());
    let guests = form.integer("party_size", 1, i64::from(PartySize::MAX));
    let customer_id = form
        .optional_parsed("customer_id", CustomerId::MAX_CHARS, str::parse::<CustomerId>)
        .or_else(|| "walk-in".parse().ok());
    let name = form.optional_text("name", 120).unwrap_or_default();
    let (venue, party_size) = (venue?, PartySize::try_from(guests?).ok()?);
    let minutes =
        venue.house.as_ref().map_or(DURATION_MINUTES_DEFAULT, |house| house.turn_minutes(party_size));
    let contact = Contact {
        name,
        phone: String::new(),
        email: String::new(),
        table_preference: None,
        special_requests: None,
    };
    let Sealed { bytes: private, digest: contact_digest } = seal(&contact).ok()?;
    let policy = venue.policy_for(party_size);
    let wanted = ReservationCreated {
        venue_id: venue.id.clone(),
        customer_id: customer_id?,
        party_size,
        window: TimeWindow::starting(app.clock.now(), minutes),
        timezone: venue.timezone.name().to_owned(),
        locale: venue.locale,
        policy: Policy { deposit_required: false, deposit: None, no_show_fee: None, ..policy },
        area,
        payment_channel: None,
        contact_digest,
        walk_in: true,
    };
    Some(Booking { wanted, contact, private })
}
