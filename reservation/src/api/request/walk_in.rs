//! A walk-in.

use access::Caller;
use contract::form::Form;
use contract::reservation::commands::drafts;

use super::{Booking, area, overrule, person, venue};
use crate::app::App;
use crate::app::confidential::{Contact, SealedPayload, seal};
use crate::domain::reservation::booking::BookingRequest;

/// Reads the body of `POST /api/walk-ins`. A walk-in has no deposit and gets no messages.
pub(in crate::api) fn walk_in(form: &mut Form, app: &App, caller: &Caller) -> Option<Booking> {
    let draft = drafts::WalkIn::take(form);
    let venue = venue(form, app, caller, draft.venue_id);
    let area = area(form, venue.as_deref(), draft.area);
    let overrule = overrule(form, venue.as_deref(), draft.overrule);
    let name = draft.name.and_then(|text| person(form, &["name"], &text));
    let contact = Contact { name: name.unwrap_or_default(), ..Contact::default() };
    let SealedPayload { bytes: payload, digest: contact_digest } = seal(&contact, app.env.as_ref()).ok()?;
    let request = BookingRequest {
        venue_id: venue?.id.clone(),
        walk_in: true,
        customer_id: draft.customer_id.or_else(|| "walk-in".parse().ok())?,
        party_size: draft.party_size?,
        start: app.env.now(),
        minutes: draft.duration_minutes.map(u32::from),
        area,
        payment_channel: None,
        locale: None,
        contact_digest,
        overrule,
        is_vouched_for: true,
    };
    Some(Booking { request, contact, payload, allow_duplicate: true })
}
