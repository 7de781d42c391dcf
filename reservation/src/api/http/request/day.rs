//! Requests about a venue and its days.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use contract::form::Form;
use contract::reservation::queries::drafts;

use super::venue::no_service;
use super::{area, instant_of, venue};
use crate::app::App;
use crate::app::queries::availability::AvailabilityRequest;
use crate::domain::venue::Venue;

/// How far from now the floor can be viewed.
const FLOOR_DAYS_MAX: i64 = 3_660;

/// Reads the query of `GET /api/availability`.
pub(in crate::api::http) fn availability(form: &mut Form, app: &App) -> Option<AvailabilityRequest> {
    let draft = drafts::ReadAvailability::take(form);
    let venue = venue(form, app, draft.venue_id);
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

/// Reads the query of `GET /api/floor`.
pub(in crate::api::http) fn floor(form: &mut Form, app: &App) -> Option<(Arc<Venue>, DateTime<Utc>)> {
    let draft = drafts::ReadFloor::take(form);
    let venue = venue(form, app, draft.venue_id)?;
    let now = app.env.now();
    let at = match draft.at {
        Some(time) => {
            let at = instant_of(form, "at", &time, venue.timezone)?;
            let is_near = (at - now).abs() <= TimeDelta::days(FLOOR_DAYS_MAX);
            let near = is_near.then_some(at);
            form.checked(
                &["at"],
                &time,
                near.ok_or_else(|| format!("{time} is more than {FLOOR_DAYS_MAX} days away")),
            )?
        }
        None => now,
    };
    Some((venue, at))
}
