//! Reads bodies and queries into commands, requests and filters: the declarations of the crate `contract`, and the
//! checks that depend on the venue. Nothing is checked again after this.

mod as_it_was;
mod attendance;
mod change;
mod closure;
mod contact;
mod correct;
mod day;
mod erasure;
mod keys;
mod list;
mod reason;
mod results;
mod staff;
mod venue;
mod waitlist;
mod walk_in;

use access::Caller;
use bytes::Bytes;
use contract::form::Form;
use contract::reservation::commands::drafts;
use events::values::PartySize;

pub(super) use self::as_it_was::as_it_was;
pub(super) use self::attendance::answer;
use self::change::overrule;
pub(super) use self::change::{
    NewEnd, assign_table, cancel, confirm, erase_contact, extend, occurred_at, party_size, renew_deposit,
    reschedule, swap, undo,
};
pub(super) use self::closure::close_venue;
pub(super) use self::contact::contact_proof;
use self::contact::{contact_info, person};
pub(super) use self::correct::correct;
pub(super) use self::day::{availability, days, floor, refusal_dates};
pub(super) use self::erasure::erase_guest;
pub(super) use self::keys::{create_key, revoke_key, rotate_key};
pub(super) use self::list::{ListRequest, cursor, filter, list};
pub(super) use self::results::{message_result, notification_result, payment_result};
pub(super) use self::staff::{
    add_device, change_password, change_roles, device_code, enrol_authenticator, invite, invite_again, join,
    pin, prove, remove, reset, reset_address, revoke_device, sign_in,
};
pub(super) use self::venue::known_venue;
use self::venue::{area, check_is_open, instant_of, known_service, payment_channel, start, venue};
pub(super) use self::waitlist::{accept_offer, joining, offered_table};
pub(super) use self::walk_in::walk_in;
use crate::app::App;
use crate::app::confidential::{Contact, SealedPayload, seal};
use crate::domain::reservation::booking::BookingRequest;

/// A requested booking or walk-in.
pub(super) struct Booking {
    /// The request, without the contact.
    pub(super) request: BookingRequest,
    /// The contact of the guest.
    pub(super) contact: Contact,
    /// The same as the confidential payload of the event.
    pub(super) payload: Bytes,
    /// Whether the same guest may have another booking at that time.
    pub(super) allow_duplicate: bool,
}

/// Reads the body of `POST /api/reservations`.
pub(super) fn booking(form: &mut Form, app: &App, caller: &Caller) -> Option<Booking> {
    let draft = drafts::CreateReservation::take(form);
    let venue = venue(form, app, caller, draft.venue_id);
    let venue = venue.as_deref();
    let start =
        venue.and_then(|venue| start(form, "start_time", draft.start_time.as_ref()?, venue.timezone, app));
    let area = area(form, venue, draft.area);
    let overrule = overrule(form, venue, draft.overrule);
    let payment_channel = payment_channel(form, app, caller, draft.payment_channel);
    let contact = draft.contact_info.and_then(|info| contact_info(form, info, venue));
    if let (Some(venue), Some(start)) = (venue, start) {
        check_is_open(form, venue, start);
    }
    let contact = Contact {
        table_preference: draft.table_preference.map(String::from),
        special_requests: draft.special_requests.map(String::from),
        allergies: draft.allergies.map(String::from),
        high_chairs: draft.high_chairs.map_or(0, u32::from),
        ..contact?
    };
    let SealedPayload { bytes: payload, digest: contact_digest } = seal(&contact, app.env.as_ref()).ok()?;
    let request = BookingRequest {
        venue_id: venue?.id.clone(),
        walk_in: false,
        customer_id: draft.customer_id?,
        party_size: draft.party_size.or_else(default_party)?,
        start: start?,
        minutes: draft.duration_minutes.map(u32::from),
        area,
        payment_channel,
        locale: draft.locale,
        contact_digest,
        overrule,
        is_vouched_for: is_vouched_for(app, caller, &contact),
    };
    let allow_duplicate = draft.allow_duplicate.unwrap_or(false);
    Some(Booking { request, contact, payload, allow_duplicate })
}

/// Whether a booking needs no proof of its contact: staff or a key send it, or the contact was proved before.
fn is_vouched_for(app: &App, caller: &Caller, contact: &Contact) -> bool {
    let is_trusted = |guest| app.projections.is_trusted(guest, app.env.now());
    !caller.is_guest() || app.projections.contact_keys(contact).is_some_and(is_trusted)
}

/// The size of a party that does not name its size.
fn default_party() -> Option<PartySize> {
    PartySize::try_from(2).ok()
}
