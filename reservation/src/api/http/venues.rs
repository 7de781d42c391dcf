//! A venue and its day: availability, the floor, and counts.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use chassis::problem::Problem;

use super::extract::Parameters;
use super::problem;
use super::request;
use crate::app::App;
use crate::app::queries::availability::Day;
use crate::app::queries::floor::Floor;
use crate::app::queries::stats::Stats;

/// What can be booked on a day
///
/// Every slot of the day with the tables and the deposit of a booking at that time, or with the reason why it would
/// be refused. A slot that is available stays so until another guest books it.
#[utoipa::path(get, path = "/api/availability", operation_id = "getAvailability", tag = "reservations",
    params(("venue_id" = Option<String>, Query, description = "The first venue by default"),
        ("date" = String, Query, description = "YYYY-MM-DD"), ("party_size" = u8, Query, description = "1 to 50"),
        ("area" = Option<String>, Query), ("duration_minutes" = Option<u32>, Query,
        description = "15 to 480; by default the turn time of a party of that size")),
    responses((status = 200, body = Day),
        (status = 409, body = contract::problem::Problem, content_type = "application/problem+json", description = "kept_by_hand: the venue has no services")))]
pub(super) async fn availability(
    State(app): State<App>,
    Parameters(mut form): Parameters,
) -> Result<Response, Problem> {
    let request = request::availability(&mut form, &app);
    let request = form.finish(request)?;
    let day = app.availability(&request).await?.ok_or_else(problem::managed_by_hand)?;
    Ok(axum::Json(day).into_response())
}

/// The floor
///
/// Every table with its party and the next one, including tables that staff added by hand.
#[utoipa::path(get, path = "/api/floor", operation_id = "getFloor", tag = "reservations",
    params(("venue_id" = Option<String>, Query, description = "The first venue by default"),
        ("at" = Option<String>, Query, description = "A time, which can be in the future; now by default")),
    responses((status = 200, body = Floor)))]
pub(super) async fn floor(
    State(app): State<App>,
    Parameters(mut form): Parameters,
) -> Result<Response, Problem> {
    let request = request::floor(&mut form, &app);
    let (venue, at) = form.finish(request)?;
    Ok(axum::Json(app.floor(&venue, at).await?).into_response())
}

/// Counts by status, covers and revenue
#[utoipa::path(get, path = "/api/stats", operation_id = "getStats", tag = "reservations",
    params(("date" = Option<String>, Query, description = "A day at the venue, YYYY-MM-DD"), ("from" = Option<String>, Query),
        ("to" = Option<String>, Query), ("status" = Option<String>, Query), ("customer_id" = Option<String>, Query),
        ("venue_id" = Option<String>, Query)),
    responses((status = 200, body = Stats)))]
pub(super) async fn stats(
    State(app): State<App>,
    Parameters(mut form): Parameters,
) -> Result<Response, Problem> {
    // A removed venue is known once the projections contain its reservations.
    app.catch_up().await?;
    let filter = request::filter(&mut form, &app);
    let filter = form.finish(filter)?;
    Ok(axum::Json(app.stats(&filter).await?).into_response())
}
