//! A walk-in.

use contract::form::Form;
use events::CustomerId;
use events::values::PartySize;

use super::{Booking, area, venue};
use crate::app::App;
use crate::app::confidential::{Contact, SealedPayload, seal};
use crate::domain::reservation::booking::BookingRequest;

/// Reads the body of `POST /api/walk-ins`. A walk-in has no deposit and gets no messages.
pub(in crate::api::http) fn walk_in(form: &mut Form, app: &App) -> Option<Booking> {
    let venue = venue(form, app);
    let area = area(form, venue.as_deref());
    let guests = form.integer("party_size", 1, i64::from(PartySize::MAX));
    let customer_id = form
        .optional_parsed("customer_id", CustomerId::MAX_CHARS, str::parse::<CustomerId>)
        .or_else(|| "walk-in".parse().ok());
    let contact = Contact {
        name: form.optional_text("name", 120).unwrap_or_default(),
        phone: String::new(),
        email: String::new(),
        table_preference: None,
        special_requests: None,
    };
    let (venue, party_size) = (venue?, PartySize::try_from(guests?).ok()?);
    let SealedPayload { bytes: payload, digest: contact_digest } = seal(&contact, app.env.as_ref()).ok()?;
    let request = BookingRequest {
        customer_id: customer_id?,
        party_size,
        start: app.env.now(),
        minutes: None,
        area,
        payment_channel: None,
        locale: None,
        contact_digest,
    };
    Some(Booking { created: request.walk_in(&venue), contact, payload })
}
