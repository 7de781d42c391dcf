//! A party that would wait.

use bytes::Bytes;
use chassis::form::Form;
use chrono::TimeDelta;
use events::event::WaitlistJoined;
use events::values::{PartySize, TimeWindow};
use events::{CustomerId, VenueId};

use super::{area, contact_info, known_venue, locale, parse_start, payment_channel, venue};
use crate::app::App;
use crate::domain::venue::Venue;
use crate::private::{Contact, Sealed, seal};

/// The longest time that a party may say it would come in.
const ACCEPTABLE_HOURS_MAX: i64 = 24;

/// A party as it joins.
pub(in crate::http) struct Joining {
    /// The fact, if it comes to be one.
    pub(in crate::http) joined: WaitlistJoined,
    /// The private part of the fact.
    pub(in crate::http) private: Bytes,
}

/// The body of `POST /api/waitlist`.
pub(in crate::http) fn joining(form: &mut Form, app: &App) -> Option<Joining> {
    let customer_id = form.parsed("customer_id", CustomerId::MAX_CHARS, str::parse::<CustomerId>);
    let venue = venue(form, app);
    let acceptable = acceptable(form, venue.as_deref(), app);
    let party_size = form.optional_integer("party_size", 1, i64::from(PartySize::MAX));
    let area = area(form, venue.as_deref());
    let (payment_channel, locale) = (payment_channel(form, app), locale(form));
    let special_requests = form.optional_prose("special_requests", 500);
    let contact = contact_info(form, venue.as_deref());
    let (venue, contact) = (venue?, Contact { special_requests, ..contact? });
    let Sealed { bytes: private, digest: contact_digest } = seal(&contact).ok()?;
    let joined = WaitlistJoined {
        venue_id: venue.id.clone(),
        customer_id: customer_id?,
        party_size: PartySize::try_from(party_size.unwrap_or(2)).ok()?,
        acceptable: acceptable?,
        area,
        timezone: venue.timezone.name().to_owned(),
        payment_channel,
        locale: locale.unwrap_or(venue.locale),
        contact_digest,
    };
    Some(Joining { joined, private })
}

/// From the earliest arrival, now if none is named, until just after the latest.
fn acceptable(form: &mut Form, venue: Option<&Venue>, app: &App) -> Option<TimeWindow> {
    let (now, zone) = (app.clock.now(), venue.map_or(chrono_tz::Tz::UTC, |venue| venue.timezone));
    let earliest = form.optional_parsed("earliest_time", 40, |text| parse_start(text, zone, now));
    let latest = form.parsed("latest_time", 40, |text| parse_start(text, zone, now));
    let (named, start, latest) = (earliest.is_some(), earliest.unwrap_or(now), latest?);
    if latest < start {
        form.fault("latest_time", "value_error", "this is before the earliest time", None);
        return None;
    }
    if latest - start > TimeDelta::hours(ACCEPTABLE_HOURS_MAX) {
        let since = if named { "the earliest time" } else { "now: say the earliest_time" };
        let msg = format_args!("this is more than {ACCEPTABLE_HOURS_MAX} hours after {since}");
        form.fault("latest_time", "value_error", msg, None);
        return None;
    }
    Some(TimeWindow { start, end: latest + TimeDelta::seconds(1) })
}

/// The query of `GET /api/waitlist`.
pub(in crate::http) fn line(form: &mut Form, app: &App) -> Option<VenueId> {
    known_venue(form, app)
}
