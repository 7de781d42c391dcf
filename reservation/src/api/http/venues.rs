//! A venue and its day: availability, the floor, and counts.

use access::Caller;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use chassis::api::{PathParameters, Query};
use chassis::docs::NotFound;
use chassis::problem::Problem;
use contract::reservation::availability::Day;
use contract::reservation::floor::Floor;
use contract::reservation::queries::{AsItWas, ReadAvailability, ReadFloor, SelectReservations};
use contract::reservation::stats::{DivideStats, ReadRefusals, Refusals, Stats, drafts};
use contract::reservation::venues::{Days, ReadDays, VenuePath};

use super::export::{self, Format};
use crate::api::operations::venues as operations;
use crate::api::request;
use crate::app::App;

/// What can be booked on a day
///
/// Every slot of the day with the tables and the deposit of a booking at that time, or with the reason why it would
/// be refused. A slot that is available stays so until another guest books it.
#[utoipa::path(get, path = "/api/availability", operation_id = "getAvailability", tag = "venues",
    params(ReadAvailability, AsItWas),
    responses((status = 200, body = Day),
        (status = 403, body = contract::problem::Problem, content_type = "application/problem+json", description = "as_of needs the scope audit"),
        NotFound,
        (status = 409, body = contract::problem::Problem, content_type = "application/problem+json", description = "kept_by_hand: the venue has no services")))]
pub(super) async fn availability(
    State(app): State<App>,
    caller: Caller,
    Query(form): Query,
) -> Result<Response, Problem> {
    Ok(axum::Json(operations::availability(&app, form, &caller).await?).into_response())
}

/// The days on which something is free
///
/// For each business day whether a party of that size can book, the first and the last time, or the reason.
#[utoipa::path(get, path = "/api/availability/days", operation_id = "getAvailableDays", tag = "venues",
    params(ReadDays),
    responses((status = 200, body = Days),
        (status = 409, body = contract::problem::Problem, content_type = "application/problem+json", description = "kept_by_hand: the venue has no services")))]
pub(super) async fn days(
    State(app): State<App>,
    caller: Caller,
    Query(form): Query,
) -> Result<Response, Problem> {
    Ok(axum::Json(operations::days(&app, form, &caller).await?).into_response())
}

/// The floor
///
/// Every table with its party and the next one, including tables that staff added by hand. With `as_of` it is the floor as a host saw it then,
/// with the rules of then, and without parties that had been seated for more than 31 days.
#[utoipa::path(get, path = "/api/floor", operation_id = "getFloor", tag = "venues",
    params(ReadFloor, AsItWas),
    responses((status = 200, body = Floor), NotFound))]
pub(super) async fn floor(
    State(app): State<App>,
    caller: Caller,
    Query(form): Query,
) -> Result<Response, Problem> {
    let (app, mut form) = request::as_it_was(&app, form, &caller).await?;
    let request = request::floor(&mut form, &app, &caller);
    let (venue, at) = form.finish(request)?;
    Ok(axum::Json(app.floor(&venue, at, &caller).await?).into_response())
}

/// Counts, in total and by groups
///
/// With `by` also a group for each business day, hour, service, area, table, source or status.
#[utoipa::path(get, path = "/api/stats", operation_id = "getStats", tag = "venues",
    params(SelectReservations, DivideStats),
    responses((status = 200, content((Stats = "application/json"), (String = "text/csv"))), NotFound))]
pub(super) async fn stats(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Query(mut form): Query,
) -> Result<Response, Problem> {
    // A removed venue is known once the projections contain its reservations.
    app.catch_up().await?;
    let by = drafts::DivideStats::take(&mut form).by;
    let filter = request::filter(&mut form, &app, &caller);
    let filter = form.finish(filter)?;
    let stats = app.stats(&filter, by).await?;
    let response = match Format::preferred(&headers) {
        Format::Csv => export::stats_csv(&stats)?,
        Format::Json | Format::Calendar => axum::Json(stats).into_response(),
    };
    Ok(export::varying(response))
}

/// Requests for a place that were refused
///
/// For each business day, reason and kind of party. A party that tries again is counted again. A crash of the service can lose
/// the counts of ten minutes.
#[utoipa::path(get, path = "/api/venues/{venue_id}/refusals", operation_id = "getRefusals", tag = "venues",
    params(VenuePath, ReadRefusals),
    responses((status = 200, body = Refusals), NotFound))]
pub(super) async fn refusals(
    State(app): State<App>,
    PathParameters(VenuePath { venue_id }): PathParameters<VenuePath>,
    caller: Caller,
    Query(mut form): Query,
) -> Result<Response, Problem> {
    let venue = app.venue_of(&venue_id, &caller).await?;
    let venue = venue.ok_or_else(|| Problem::not_found(format!("There is no venue {venue_id}.")))?;
    let dates = request::refusal_dates(&mut form);
    Ok(axum::Json(app.refusals(&venue.id, &form.finish(dates)?).await).into_response())
}
