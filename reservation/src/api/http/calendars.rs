//! The calendar of a venue, for programs that subscribe to it.

use access::token::{OpaqueKind, OpaqueToken};
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse as _, Response};
use chassis::api::PathParameters;
use chassis::docs::NotFound;
use chassis::problem::Problem;
use chrono::TimeDelta;
use contract::reservation::sessions::CalendarTokenPath;

use super::export::{self, EXPORTED_MAX};
use crate::app::App;
use crate::app::projections::Filter;

/// How far back a calendar reaches, in days.
const DAYS_BACK: i64 = 7;
/// How far ahead a calendar reaches, in days.
const DAYS_AHEAD: i64 = 92;

/// Read the calendar of a link
///
/// For programs that subscribe to calendars and cannot send a header: the token in the path is the credential. The bookings
/// from 7 days ago to 92 days ahead, at most 10,000, without phone numbers and e-mail addresses.
#[utoipa::path(get, path = "/calendars/{token}", operation_id = "readCalendar", tag = "accounts",
    params(CalendarTokenPath),
    responses((status = 200, content((String = "text/calendar"))), NotFound))]
pub(super) async fn read(
    State(app): State<App>,
    PathParameters(CalendarTokenPath { token }): PathParameters<CalendarTokenPath>,
) -> Result<Response, Problem> {
    let unknown = || Problem::not_found("There is no such calendar. Create another link.");
    app.catch_up().await?;
    let token = OpaqueToken::parse(OpaqueKind::Calendar, token.as_str());
    let reader = token.and_then(|token| app.projections.access().calendar_caller(&token.hash()));
    let reader = reader.ok_or_else(unknown)?;
    let venue = app.venues.first_of(&reader.venues).ok_or_else(unknown)?;
    let now = app.env.now();
    let filter = Filter {
        from: Some(now - TimeDelta::days(DAYS_BACK)),
        to: Some(now + TimeDelta::days(DAYS_AHEAD)),
        venue_id: Some(venue.id.clone()),
        venues: reader.venues,
        ..Filter::default()
    };
    let (items, _) = app.list(&filter, None, EXPORTED_MAX).await?;
    Ok(([(CACHE_CONTROL, "no-store")], export::calendar(&venue.name, &items)).into_response())
}
