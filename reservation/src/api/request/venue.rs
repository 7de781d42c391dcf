//! Checks of a request that depend on the venue.

use std::sync::Arc;

use access::Caller;
use chrono::{DateTime, Days, NaiveDate, Utc};
use chrono_tz::Tz;
use contract::form::Form;
use contract::values::{Code, Line, Moment, VenueTime};
use events::VenueId;

use crate::app::App;
use crate::domain::availability::{BookingRules, instant};
use crate::domain::venue::Venue;

/// How far ahead a party can arrive.
const NOTICE_DAYS_MAX: u64 = 365;

/// The venue with the id `asked`, or the first venue of the caller.
pub(super) fn venue(
    form: &mut Form,
    app: &App,
    caller: &Caller,
    asked: Option<VenueId>,
) -> Option<Arc<Venue>> {
    match asked {
        Some(id) => {
            let known = || app.venues.ids().iter().map(VenueId::as_str).collect::<Vec<_>>().join(", ");
            let venue = app
                .venues
                .get(Some(&id))
                .ok_or_else(|| format!("there is no venue \"{id}\"; choose one of: {}", known()));
            form.checked(&["venue_id"], &id, venue)
        }
        None if form.has_fault("venue_id") => None,
        None => {
            let first = app.venues.first_of(&caller.venues);
            if first.is_none() {
                form.fault("venue_id", "value_error", "there is no venue yet: add one, then name it", None);
            }
            first
        }
    }
}

/// A venue with a file, or one whose file was removed: its reservations stay visible.
pub(in crate::api) fn known_venue(
    form: &mut Form,
    app: &App,
    caller: &Caller,
    asked: Option<VenueId>,
) -> Option<VenueId> {
    match asked {
        Some(id) if app.venues.get(Some(&id)).is_none() && app.projections.venue_ids().contains(&id) => {
            Some(id)
        }
        asked => venue(form, app, caller, asked).map(|venue| venue.id.clone()),
    }
}

/// The requested area, if it is one of the venue.
pub(super) fn area(form: &mut Form, venue: Option<&Venue>, asked: Option<Line<64>>) -> Option<String> {
    let input = asked?;
    let asked = String::from(input.clone());
    let Some(venue) = venue else { return Some(asked) };
    let known = match &venue.rules {
        Some(rules) if rules.has_area(&asked) => Ok(asked),
        Some(rules) => Err(format!("there is no area {asked:?}: {}", rules.areas().join(", "))),
        None => Err("staff assign the tables of this venue: use table_preference instead".to_owned()),
    };
    form.checked(&["area"], input.as_str(), known)
}

/// Checks that a venue has a service. Services of special days count too.
///
/// # Errors
/// The services that it has.
pub(super) fn known_service(venue: &Venue, name: &str) -> Result<(), String> {
    let Some(rules) = &venue.rules else { return Ok(()) };
    let mut names = rules.hours.service_names();
    match names.contains(&name) {
        true => Ok(()),
        false => {
            names.sort_unstable();
            names.dedup();
            Err(format!("there is no service {name:?}; choose one of: {}", names.join(", ")))
        }
    }
}

/// The requested payment channel, if the notifier has it. Until the notifier was reached, that of a guest is not recorded, because
/// an unchecked word would stay in the log.
pub(super) fn payment_channel(
    form: &mut Form,
    app: &App,
    caller: &Caller,
    asked: Option<Code<32>>,
) -> Option<String> {
    let code = String::from(asked.filter(|_| app.channels.are_known() || !caller.is_guest())?);
    form.checked(&["payment_channel"], code.clone(), app.channels.check(&code).map(|()| code))
}

/// The instant of `time` at a venue in `zone`.
pub(super) fn instant_of(form: &mut Form, name: &str, time: &VenueTime, zone: Tz) -> Option<DateTime<Utc>> {
    let instant = match time.moment {
        Moment::Instant(instant) => Ok(instant),
        Moment::Local(local) => instant(zone, local).map_err(|error| error.to_string()),
    };
    let is_leap = |instant: &DateTime<Utc>| instant.timestamp_subsec_nanos() >= 1_000_000_000;
    let possible = match instant {
        // Clients cannot read a response with a 61st second.
        Ok(instant) if is_leap(&instant) => Err(format!("{time} is a leap second, which cannot be booked")),
        other => other,
    };
    form.checked(&[name], time, possible)
}

/// The instant of `time`, if a party can arrive then.
pub(super) fn start(
    form: &mut Form,
    name: &str,
    time: &VenueTime,
    zone: Tz,
    app: &App,
) -> Option<DateTime<Utc>> {
    let (start, now) = (instant_of(form, name, time, zone)?, app.env.now());
    let possible = if start < now {
        Err(format!("{time} is in the past"))
    } else if start > now + Days::new(NOTICE_DAYS_MAX) {
        Err(format!("{time} is more than {NOTICE_DAYS_MAX} days away"))
    } else {
        Ok(start)
    };
    form.checked(&[name], time, possible)
}

/// Adds a fault of `start_time` if the venue has no service on that day.
pub(super) fn check_is_open(form: &mut Form, venue: &Venue, start: DateTime<Utc>) {
    let Some(rules) = &venue.rules else { return };
    let date = start.with_timezone(&venue.timezone).date_naive();
    if !rules.hours.is_open_on(date) {
        form.fault("start_time", "value_error", no_service(rules, date), None);
    }
}

/// Says that there is no service on `date`, and when the next one is.
pub(super) fn no_service(rules: &BookingRules, date: NaiveDate) -> String {
    match rules.hours.next_open(date) {
        Some(next) => format!("there is no service on {date}: the next service is on {next}"),
        None => format!("there is no service on {date} or in the two weeks after it"),
    }
}
