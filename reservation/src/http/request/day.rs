//! What is asked about a house and its days.

use std::sync::Arc;

use chassis::form::Form;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use events::values::PartySize;

use super::{DURATION_MINUTES, parse_date, parse_time, venue};
use crate::app::App;
use crate::domain::House;
use crate::domain::venue::Venue;

/// Nobody looks at a room further away than this.
const FLOOR_DAYS_MAX: i64 = 3_660;

/// An area of the house, if one is wished.
pub(super) fn area(form: &mut Form, venue: Option<&Venue>) -> Option<String> {
    form.optional_parsed("area", 64, |text| match venue.map(|venue| venue.house.as_ref()) {
        Some(Some(house)) if !house.has_area(text) => {
            Err(format!("there is no area {text:?}: {}", house.areas().join(", ")))
        }
        Some(None) => Err("tables of this venue are given by hand: say it in table_preference".to_owned()),
        Some(Some(_)) | None => Ok(text.to_owned()),
    })
}

/// Notes a fault when the house has no service at all on that day.
pub(super) fn serves(form: &mut Form, name: &str, venue: &Venue, start: DateTime<Utc>) {
    let Some(house) = &venue.house else { return };
    let date = start.with_timezone(&venue.timezone).date_naive();
    if !house.hours.is_open_on(date) {
        form.fault(name, "value_error", no_service(house, date), None);
    }
}

fn no_service(house: &House, date: NaiveDate) -> String {
    match house.hours.next_open(date) {
        Some(next) => format!("there is no service on {date}: the next is on {next}"),
        None => format!("there is no service on {date}, nor in the two weeks after it"),
    }
}

/// What is asked about a day.
pub(in crate::http) struct Availability {
    pub(in crate::http) venue: Arc<Venue>,
    pub(in crate::http) date: NaiveDate,
    pub(in crate::http) size: PartySize,
    pub(in crate::http) area: Option<String>,
    pub(in crate::http) minutes: Option<u32>,
}

/// The query of `GET /api/availability`.
pub(in crate::http) fn availability(form: &mut Form, app: &App) -> Option<Availability> {
    let venue = venue(form, app);
    let date = form.parsed("date", 10, parse_date);
    let whole = |text: &str| text.parse::<i64>().map_err(|_| format!("{text:?} is not a number"));
    let size =
        form.parsed("party_size", 10, |text| PartySize::try_from(whole(text)?).map_err(|e| e.to_string()));
    let minutes = form.optional_parsed("duration_minutes", 10, |text| match whole(text)? {
        minutes if DURATION_MINUTES.contains(&minutes) => u32::try_from(minutes).map_err(|e| e.to_string()),
        other => Err(format!("{other} is not 15 to 480")),
    });
    let area = area(form, venue.as_deref());
    let venue = venue?;
    if let Some(house) = &venue.house
        && let Some(date) = date
        && house.hours.on(date).is_empty()
    {
        form.fault("date", "value_error", no_service(house, date), None);
    }
    Some(Availability { venue, date: date?, size: size?, area, minutes })
}

/// The query of `GET /api/floor`: which room, and when.
pub(in crate::http) fn floor(form: &mut Form, app: &App) -> Option<(Arc<Venue>, DateTime<Utc>)> {
    let venue = venue(form, app);
    let zone = venue.as_ref().map_or(chrono_tz::Tz::UTC, |venue| venue.timezone);
    let now = app.clock.now();
    let at = form.optional_parsed("at", 40, |text| match parse_time(text, zone)? {
        at if (at - now).abs() <= TimeDelta::days(FLOOR_DAYS_MAX) => Ok(at),
        _ => Err(format!("{text} is more than {FLOOR_DAYS_MAX} days away")),
    });
    Some((venue?, at.unwrap_or(now)))
}
