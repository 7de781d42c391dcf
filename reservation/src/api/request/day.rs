//! Requests about a venue and its days.

use std::ops::RangeInclusive;
use std::sync::Arc;

use access::Caller;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use contract::form::Form;
use contract::reservation::queries::drafts;
use contract::reservation::stats::REFUSAL_DAYS_MAX;
use contract::reservation::stats::drafts::ReadRefusals;
use contract::reservation::venues::DAYS_MAX;
use contract::reservation::venues::drafts::ReadDays;
use events::values::PartySize;

use super::venue::no_service;
use super::{area, instant_of, venue};
use crate::app::App;
use crate::app::queries::availability::AvailabilityRequest;
use crate::domain::venue::Venue;

/// How far from now the floor can be viewed.
const FLOOR_DAYS_MAX: i64 = 3_660;

/// Reads the query of `GET /api/availability`.
pub(in crate::api) fn availability(
    form: &mut Form,
    app: &App,
    caller: &Caller,
) -> Option<AvailabilityRequest> {
    let draft = drafts::ReadAvailability::take(form);
    let venue = venue(form, app, caller, draft.venue_id);
    let area = area(form, venue.as_deref(), draft.area);
    let (venue, date) = (venue?, draft.date?);
    if let Some(rules) = &venue.rules
        && rules.hours.on(date).is_empty()
    {
        form.fault("date", "value_error", no_service(rules, date), None);
    }
    let minutes = draft.duration_minutes.map(u32::from);
    Some(AvailabilityRequest { venue, date, size: draft.party_size?, area, minutes })
}

/// A question about the days of a venue.
pub(in crate::api) struct DaysRequest {
    /// The venue.
    pub(in crate::api) venue: Arc<Venue>,
    /// The number of guests.
    pub(in crate::api) size: PartySize,
    /// The requested area.
    pub(in crate::api) area: Option<String>,
    /// The first business day.
    pub(in crate::api) from: NaiveDate,
    /// The last business day.
    pub(in crate::api) to: NaiveDate,
}

/// Reads the query of `GET /api/availability/days`.
pub(in crate::api) fn days(form: &mut Form, app: &App, caller: &Caller) -> Option<DaysRequest> {
    let draft = ReadDays::take(form);
    let venue = venue(form, app, caller, draft.venue_id);
    let area = area(form, venue.as_deref(), draft.area);
    let dates = dates(form, draft.from?, draft.to?, DAYS_MAX);
    let (from, to) = dates?.into_inner();
    Some(DaysRequest { venue: venue?, size: draft.party_size?, area, from, to })
}

/// Reads the query of `GET /api/venues/{venue_id}/refusals`.
pub(in crate::api) fn refusal_dates(form: &mut Form) -> Option<RangeInclusive<NaiveDate>> {
    let draft = ReadRefusals::take(form);
    dates(form, draft.from?, draft.to?, REFUSAL_DAYS_MAX)
}

/// At most `max` business days.
fn dates(form: &mut Form, from: NaiveDate, to: NaiveDate, max: u32) -> Option<RangeInclusive<NaiveDate>> {
    let possible = match (to - from).num_days() {
        days if days < 0 => Err("this is before the date in from".to_owned()),
        days if days >= i64::from(max) => Err(format!("at most {max} days can be read at once")),
        _ => Ok(to),
    };
    Some(from..=form.checked(&["to"], to, possible)?)
}

/// Reads the query of `GET /api/floor`.
pub(in crate::api) fn floor(
    form: &mut Form,
    app: &App,
    caller: &Caller,
) -> Option<(Arc<Venue>, DateTime<Utc>)> {
    let draft = drafts::ReadFloor::take(form);
    let venue = venue(form, app, caller, draft.venue_id)?;
    let now = app.env.now();
    let near = |at: DateTime<Utc>| {
        let is_near = (at - now).abs() <= TimeDelta::days(FLOOR_DAYS_MAX);
        if is_near { Ok(at) } else { Err(format!("this is more than {FLOOR_DAYS_MAX} days away")) }
    };
    let at = match (draft.at, draft.date) {
        (Some(_), Some(date)) => form.checked(&["date"], date, Err("give either date or at".to_owned()))?,
        (Some(time), None) => {
            let at = instant_of(form, "at", &time, venue.timezone)?;
            form.checked(&["at"], &time, near(at))?
        }
        (None, Some(date)) if date == venue.date_of(now) => now,
        (None, Some(date)) => form.checked(&["date"], date, near(venue.opening(date)))?,
        (None, None) => now,
    };
    Some((venue, at))
}
