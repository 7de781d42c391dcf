//! Requests about a venue and its days.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use contract::form::Form;
use events::values::PartySize;

use super::{DURATION_MINUTES, parse_date, parse_time, venue};
use crate::app::App;
use crate::app::queries::availability::AvailabilityRequest;
use crate::domain::availability::BookingRules;
use crate::domain::venue::Venue;

/// How far from now the floor can be viewed.
const FLOOR_DAYS_MAX: i64 = 3_660;

/// Reads the requested area, if any.
pub(super) fn area(form: &mut Form, venue: Option<&Venue>) -> Option<String> {
    form.optional_parsed("area", 64, |text| match venue.map(|venue| venue.rules.as_ref()) {
        Some(Some(rules)) if !rules.has_area(text) => {
            Err(format!("there is no area {text:?}: {}", rules.areas().join(", ")))
        }
        Some(None) => Err("staff assign the tables of this venue: use table_preference instead".to_owned()),
        Some(Some(_)) | None => Ok(text.to_owned()),
    })
}

/// Adds a fault if the venue has no service on that day.
pub(super) fn check_is_open(form: &mut Form, name: &str, venue: &Venue, start: DateTime<Utc>) {
    let Some(rules) = &venue.rules else { return };
    let date = start.with_timezone(&venue.timezone).date_naive();
    if !rules.hours.is_open_on(date) {
        form.fault(name, "value_error", no_service(rules, date), None);
    }
}

fn no_service(rules: &BookingRules, date: NaiveDate) -> String {
    match rules.hours.next_open(date) {
        Some(next) => format!("there is no service on {date}: the next service is on {next}"),
        None => format!("there is no service on {date} or in the two weeks after it"),
    }
}

/// Reads the query of `GET /api/availability`.
pub(in crate::api::http) fn availability(form: &mut Form, app: &App) -> Option<AvailabilityRequest> {
    let venue = venue(form, app);
    let date = form.parsed("date", 10, parse_date);
    let whole = |text: &str| text.parse::<i64>().map_err(|_| format!("{text:?} is not a number"));
    let size =
        form.parsed("party_size", 10, |text| PartySize::try_from(whole(text)?).map_err(|e| e.to_string()));
    let minutes = form.optional_parsed("duration_minutes", 10, |text| match whole(text)? {
        minutes if DURATION_MINUTES.contains(&minutes) => u32::try_from(minutes).map_err(|e| e.to_string()),
        other => Err(format!("{other} is not in the range 15 to 480")),
    });
    let area = area(form, venue.as_deref());
    let venue = venue?;
    if let Some(rules) = &venue.rules
        && let Some(date) = date
        && rules.hours.on(date).is_empty()
    {
        form.fault("date", "value_error", no_service(rules, date), None);
    }
    Some(AvailabilityRequest { venue, date: date?, size: size?, area, minutes })
}

/// Reads the query of `GET /api/floor`.
pub(in crate::api::http) fn floor(form: &mut Form, app: &App) -> Option<(Arc<Venue>, DateTime<Utc>)> {
    let venue = venue(form, app);
    let zone = venue.as_ref().map_or(chrono_tz::Tz::UTC, |venue| venue.timezone);
    let now = app.env.now();
    let at = form.optional_parsed("at", 40, |text| match parse_time(text, zone)? {
        at if (at - now).abs() <= TimeDelta::days(FLOOR_DAYS_MAX) => Ok(at),
        _ => Err(format!("{text} is more than {FLOOR_DAYS_MAX} days away")),
    });
    Some((venue?, at.unwrap_or(now)))
}
