//! A request to join a waitlist.

use bytes::Bytes;
use chrono::TimeDelta;
use contract::form::Form;
use events::CustomerId;
use events::event::WaitlistJoined;
use events::values::{PartySize, TimeWindow};

use super::{area, contact_info, locale, parse_start, payment_channel, venue};
use crate::app::App;
use crate::app::confidential::{Contact, SealedPayload, seal};
use crate::domain::venue::Venue;
use crate::domain::waitlist::WaitlistRequest;

/// Maximum length of the acceptable time, in hours.
const ACCEPTABLE_HOURS_MAX: i64 = 24;

/// A request to join a waitlist.
pub(in crate::api::http) struct Joining {
    /// The event, if the request is accepted.
    pub(in crate::api::http) joined: WaitlistJoined,
    /// The confidential payload of the event.
    pub(in crate::api::http) payload: Bytes,
}

/// Reads the body of `POST /api/waitlist`.
pub(in crate::api::http) fn joining(form: &mut Form, app: &App) -> Option<Joining> {
    let customer_id = form.parsed("customer_id", CustomerId::MAX_CHARS, str::parse::<CustomerId>);
    let venue = venue(form, app);
    let acceptable = acceptable(form, venue.as_deref(), app);
    let party_size = form.optional_integer("party_size", 1, i64::from(PartySize::MAX));
    let area = area(form, venue.as_deref());
    let (payment_channel, locale) = (payment_channel(form, app), locale(form));
    let special_requests = form.optional_prose("special_requests", 500);
    let contact = contact_info(form, venue.as_deref());
    let (venue, contact) = (venue?, Contact { special_requests, ..contact? });
    let SealedPayload { bytes: payload, digest: contact_digest } = seal(&contact, app.env.as_ref()).ok()?;
    let request = WaitlistRequest {
        customer_id: customer_id?,
        party_size: PartySize::try_from(party_size.unwrap_or(2)).ok()?,
        acceptable: acceptable?,
        area,
        payment_channel,
        locale,
        contact_digest,
    };
    Some(Joining { joined: request.joined(&venue), payload })
}

/// Reads the acceptable arrival times: from the earliest, by default now, until the latest.
fn acceptable(form: &mut Form, venue: Option<&Venue>, app: &App) -> Option<TimeWindow> {
    let (now, zone) = (app.env.now(), venue.map_or(chrono_tz::Tz::UTC, |venue| venue.timezone));
    let earliest = form.optional_parsed("earliest_time", 40, |text| parse_start(text, zone, now));
    let latest = form.parsed("latest_time", 40, |text| parse_start(text, zone, now));
    let (is_given, start, latest) = (earliest.is_some(), earliest.unwrap_or(now), latest?);
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
