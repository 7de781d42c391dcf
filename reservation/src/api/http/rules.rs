//! Venues: their public part, and their rules.

use access::Caller;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use chassis::api::{ETag, PathParameters, Query};
use chassis::docs::{Cached, Conditional, NotFound, NotModified, Stale};
use chassis::problem::Problem;
use contract::reservation::venues::{
    AffectedView, ChangeRules, ReadRules, RulesAnswer, VenueList, VenuePath, VenueView, drafts,
};
use contract::reservation::words::AffectedReason;
use events::VenueId;

use super::extract::Put;
use super::respond::{respond_if_modified, with_etag};
use crate::api::operations::venues as operations;
use crate::app::App;
use crate::app::affected::AffectedBooking;
use crate::app::commands::{RulesChange, RulesOutcome};
use crate::app::queries::local;
use crate::app::repository::AsOf;
use crate::app::venues::RulesDocument;
use crate::domain::venue::Venue;

/// Maximum number of affected bookings in a response.
const AFFECTED_MAX: usize = 100;

/// List the venues
#[utoipa::path(get, path = "/api/venues", operation_id = "listVenues", tag = "venues",
    responses((status = 200, body = VenueList)))]
pub(super) async fn list(State(app): State<App>) -> Result<Response, Problem> {
    Ok(axum::Json(operations::list(&app).await?).into_response())
}

/// Read a venue
///
/// The part that guests see: name, place, contact, hours, areas, policy in words, languages.
#[utoipa::path(get, path = "/api/venues/{venue_id}", operation_id = "getVenue", tag = "venues",
    params(VenuePath, Cached),
    responses((status = 200, body = VenueView, headers(("ETag" = String))), NotModified, NotFound))]
pub(super) async fn get(
    State(app): State<App>,
    PathParameters(VenuePath { venue_id }): PathParameters<VenuePath>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let view = operations::get(&app, &venue_id).await?;
    let etag = ETag::of_json(&view);
    Ok(respond_if_modified(&headers, &view, etag))
}

/// Read the rules of a venue, now or as of an earlier time
///
/// The document that `/schemas/venue.json` describes.
#[utoipa::path(get, path = "/api/venues/{venue_id}/rules", operation_id = "getVenueRules", tag = "venues",
    params(VenuePath, ReadRules, Cached),
    responses((status = 200, body = Object, headers(("ETag" = String))), NotModified, NotFound))]
pub(super) async fn rules(
    State(app): State<App>,
    PathParameters(VenuePath { venue_id }): PathParameters<VenuePath>,
    caller: Caller,
    headers: HeaderMap,
    Query(mut form): Query,
) -> Result<Response, Problem> {
    let as_of = drafts::ReadRules::take(&mut form).as_of;
    let as_of = form.finish(Some(as_of))?.map_or(AsOf::Now, AsOf::from);
    let rules = app.rules_for(&venue_id, as_of, &caller).await?.ok_or_else(|| unknown_venue(&venue_id))?;
    Ok(respond_if_modified(&headers, &rules.document, ETag::version(rules.version.into())))
}

/// Change the rules of a venue
///
/// The body is the whole document, as `/schemas/venue.json` describes it, at most 48 KiB as compact JSON; a venue that
/// does not exist is created. The response lists the future bookings that do not comply with the new rules: they are
/// marked with `affected_by_rules`, and staff move or cancel them. With `dry_run=true` nothing changes.
#[utoipa::path(put, path = "/api/venues/{venue_id}/rules", operation_id = "putVenueRules", tag = "venues",
    params(VenuePath, ChangeRules, Conditional),
    request_body(content = Object, description = "A document as /schemas/venue.json describes it", example = json!({
        "id": "warung", "name": "Warung", "timezone": "Asia/Jakarta", "country": "ID", "currency": "IDR", "locale": "id",
        "tables": [{"id": "T1", "area": "Teras", "seats": 4}], "policy": {}})),
    responses((status = 200, body = RulesAnswer, headers(("ETag" = String))), NotFound, Stale))]
pub(super) async fn put(
    State(app): State<App>,
    PathParameters(VenuePath { venue_id }): PathParameters<VenuePath>,
    Query(mut form): Query,
    put: Put,
) -> Result<Response, Problem> {
    let dry_run = drafts::ChangeRules::take(&mut form).dry_run;
    let dry_run = form.finish(Some(dry_run.unwrap_or(false)))?;
    let rules = RulesDocument::read(&venue_id, put.members)?;
    let change = RulesChange { venue_id: &venue_id, rules: Some(&rules), import: None };
    let outcome = if dry_run {
        app.preview_rules(&change, &put.context).await
    } else {
        app.change_rules(&change, &put.context).await.map(|(outcome, _)| outcome)
    };
    let outcome = outcome.map_err(|error| app.problem(error))?;
    Ok(with_etag(&answer(&rules.venue, &outcome), ETag::version(outcome.version.into())))
}

fn answer(venue: &Venue, outcome: &RulesOutcome) -> RulesAnswer {
    let RulesOutcome { version, is_new, affected } = outcome;
    let view = |booking: &AffectedBooking| AffectedView {
        reservation_id: booking.reservation_id,
        reason: AffectedReason::from_word(booking.reason).unwrap_or(AffectedReason::Closed),
        start_time: local(booking.start, &booking.timezone),
        start_time_by_rules: local(booking.start, venue.timezone.name()),
        party_size: booking.size,
    };
    RulesAnswer {
        venue_id: venue.id.clone(),
        version: *version,
        recorded: *is_new,
        affected: affected.iter().take(AFFECTED_MAX).map(view).collect(),
        affected_count: u32::try_from(affected.len()).unwrap_or(u32::MAX),
    }
}

fn unknown_venue(id: &VenueId) -> Problem {
    Problem::not_found(format!("There is no venue {id}, or it had no rules at that time. See /api/venues."))
}
