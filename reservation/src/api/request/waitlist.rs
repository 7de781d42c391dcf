//! A request to join a waitlist.

use access::Caller;
use bytes::Bytes;
use chrono::TimeDelta;
use contract::form::Form;
use contract::reservation::commands::drafts::{AcceptOffer, JoinWaitlist, OfferTable};
use contract::values::VenueTime;
use events::TableId;
use events::event::WaitlistJoined;
use events::values::{Scope, TimeWindow};

use super::contact::waiting_contact;
use super::{area, default_party, is_vouched_for, payment_channel, start, venue};
use crate::app::App;
use crate::app::confidential::{Contact, SealedPayload, seal};
use crate::domain::venue::Venue;
use crate::domain::waitlist::WaitlistRequest;

/// Reads the optional body of `POST /api/waitlist/{id}/accept`: whether the guest may have another booking at that time.
pub(in crate::api) fn accept_offer(form: &mut Form) -> Option<bool> {
    Some(AcceptOffer::take(form).allow_duplicate.unwrap_or(false))
}

/// Reads the optional body of `POST /api/waitlist/{id}/offer`: the table that the host chose.
pub(in crate::api) fn offered_table(form: &mut Form) -> Option<TableId> {
    OfferTable::take(form).table_id
}

/// Maximum length of the acceptable time, in hours.
const ACCEPTABLE_HOURS_MAX: i64 = 24;

/// A request to join a waitlist.
pub(in crate::api) struct Joining {
    /// The event, if the request is accepted.
    pub(in crate::api) joined: WaitlistJoined,
    /// The contact of the guest.
    pub(in crate::api) contact: Contact,
    /// The same as the confidential payload of the event.
    pub(in crate::api) payload: Bytes,
}

/// Reads the body of `POST /api/waitlist`.
pub(in crate::api) fn joining(form: &mut Form, app: &App, caller: &Caller) -> Option<Joining> {
    let draft = JoinWaitlist::take(form);
    let venue = venue(form, app, caller, draft.venue_id);
    let acceptable = venue
        .as_deref()
        .and_then(|venue| acceptable(form, venue, app, draft.earliest_time, draft.latest_time));
    let area = area(form, venue.as_deref(), draft.area);
    let payment_channel = payment_channel(form, app, caller, draft.payment_channel);
    let is_staff = caller.needs(Scope::Floor, None).is_ok();
    let contact = draft.contact_info.and_then(|info| waiting_contact(form, info, venue.as_deref(), is_staff));
    let contact = Contact {
        special_requests: draft.special_requests.map(String::from),
        allergies: draft.allergies.map(String::from),
        high_chairs: draft.high_chairs.map_or(0, u32::from),
        ..contact?
    };
    let SealedPayload { bytes: payload, digest: contact_digest } = seal(&contact, app.env.as_ref()).ok()?;
    let request = WaitlistRequest {
        customer_id: draft.customer_id?,
        party_size: draft.party_size.or_else(default_party)?,
        acceptable: acceptable?,
        area,
        payment_channel,
        locale: draft.locale,
        contact_digest,
        quoted_minutes: draft.quoted_minutes.map(u32::from),
        is_vouched_for: is_vouched_for(app, caller, &contact),
    };
    Some(Joining { joined: request.joined(&*venue?), contact, payload })
}

/// The acceptable arrival times: from the earliest, by default now, until the latest.
fn acceptable(
    form: &mut Form,
    venue: &Venue,
    app: &App,
    earliest: Option<VenueTime>,
    latest: Option<VenueTime>,
) -> Option<TimeWindow> {
    let mut instant = |name, time: &VenueTime| start(form, name, time, venue.timezone, app);
    let earliest = earliest.as_ref().and_then(|time| instant("earliest_time", time));
    let latest = latest.as_ref().and_then(|time| instant("latest_time", time));
    let (is_given, start, latest) = (earliest.is_some(), earliest.unwrap_or(app.env.now()), latest?);
    if latest < start {
        form.fault("latest_time", "value_error", "this is before the earliest time", None);
        return None;
    }
    if latest - start > TimeDelta::hours(ACCEPTABLE_HOURS_MAX) {
        let since = if is_given { "the earliest time" } else { "now: set earliest_time" };
        let msg = format_args!("this is more than {ACCEPTABLE_HOURS_MAX} hours after {since}");
        form.fault("latest_time", "value_error", msg, None);
        return None;
    }
    Some(TimeWindow { start, end: latest + TimeDelta::seconds(1) })
}
