//! For operators and tools: readiness, schemas, the description of the API.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use chassis::api::PathParameters;
use chassis::docs::NotFound;
use chassis::problem::Problem;
use contract::reservation::operations::{Readiness, SchemaPath};
use events::event::Event;
use utoipa::OpenApi;

use crate::api::operations::ready as ready_now;
use crate::app::App;

/// The description of the API without the routes, which the router adds.
#[derive(OpenApi)]
#[openapi(
    info(title = "Meja reservation", description = "Table reservations around one append-only log. Every command becomes events, which `GET /events` publishes."),
    servers((url = "/", description = "This service")),
    security(()),
    tags((name = "reservations", description = "Booking and reading"), (name = "commands", description = "Changes of a reservation"),
        (name = "venues", description = "Restaurants, their rules and their days"),
        (name = "waitlist", description = "Parties waiting for a table"),
        (name = "feed", description = "The stored events"), (name = "access", description = "Keys and who may do what"),
        (name = "proof", description = "The proof of what the log contains"),
        (name = "service", description = "For the notifier and operators"),
        (name = "operations", description = "For operators and tools"))
)]
pub(super) struct ApiDoc;

/// Readiness
///
/// Does not depend on the notifier, because bookings do not need it.
#[utoipa::path(get, path = "/readyz", operation_id = "getReadiness", tag = "operations",
    responses((status = 200, description = "Ready", body = Readiness)))]
pub(super) async fn ready(State(app): State<App>) -> Result<Response, Problem> {
    ready_now(&app)?;
    let (head, log_id) = (app.store.known_head(), app.store.log_id());
    Ok(axum::Json(Readiness { status: "ready".to_owned(), head: head.0, log_id }).into_response())
}

/// The JSON Schema of venue files.
const VENUE_SCHEMA: &str = include_str!("../../../schemas/venue.schema.json");

/// The JSON Schema of the data of an event, or of venue files
#[utoipa::path(get, path = "/schemas/{name}", operation_id = "getSchema", tag = "feed",
    params(SchemaPath),
    responses((status = 200, description = "JSON Schema", content_type = "application/schema+json", body = Object),
        NotFound))]
pub(super) async fn schema(
    PathParameters(SchemaPath { name }): PathParameters<SchemaPath>,
) -> Result<Response, Problem> {
    let name = name.as_str();
    let schema = match name.strip_suffix(".json") {
        Some("venue") => Some(VENUE_SCHEMA.to_owned()),
        Some(event_type) => Event::schema(event_type).map(|schema| schema.to_string()),
        None => None,
    };
    let schema = schema.ok_or_else(|| {
        let known = Event::TYPES.join(", ");
        Problem::not_found(format!(
            "There is no schema {name}. The schemas are venue, {known}, each with .json."
        ))
    })?;
    Ok(([("content-type", "application/schema+json"), ("cache-control", "public, max-age=3600")], schema)
        .into_response())
}
