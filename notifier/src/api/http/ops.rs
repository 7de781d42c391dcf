//! For operators and tools: the cursor, providers, readiness, the description of the API.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use chassis::problem::Problem;
use contract::notifier::operations::{CursorView, ProviderView, ProviderViews, Readiness};
use utoipa::OpenApi;

use crate::api::operations::ready as ready_now;
use crate::app::App;
use crate::executors::breaker::Breaker;

/// The description of the API without the routes, which the router adds.
#[derive(OpenApi)]
#[openapi(
    info(title = "Meja notifier", description = "Consumes the feed of the reservation service, collects deposits, sends messages, and reports the results."),
    servers((url = "/", description = "This service")),
    security(()),
    tags((name = "payments", description = "Deposits"), (name = "messages", description = "Messages to guests"),
        (name = "hooks", description = "Webhook subscriptions"), (name = "effects", description = "All effects outside"), (name = "operations", description = "For operators and tools"))
)]
pub(super) struct ApiDoc;

/// The cursor in the feed
#[utoipa::path(get, path = "/api/cursor", operation_id = "getCursor", tag = "operations", responses((status = 200, body = CursorView)))]
pub(super) async fn cursor(State(app): State<App>) -> axum::Json<CursorView> {
    let lag = app.lag();
    axum::Json(CursorView {
        last_event_id: app.effect_log.cursor().map(|cursor| cursor.last_event_id),
        position: lag.position.0,
        head: lag.head.0,
        lag_events: lag.events(),
        lag_seconds: app.lag_seconds(),
        trouble: app.feed_status.seen().trouble,
    })
}

/// The state of the systems outside
///
/// Payment providers, the mail server, the text message service. Systems without a request since the start are not
/// listed.
#[utoipa::path(get, path = "/api/providers", operation_id = "listProviders", tag = "operations", responses((status = 200, body = ProviderViews)))]
pub(super) async fn providers(State(app): State<App>) -> axum::Json<ProviderViews> {
    let view = |(name, breaker): (String, Breaker)| ProviderView {
        name,
        breaker: breaker.state(),
        failures: breaker.failures,
        retry_at: breaker.open_until,
        last_error: breaker.last_error,
    };
    axum::Json(ProviderViews { items: app.breakers.seen().into_iter().map(view).collect() })
}

/// Readiness
///
/// Does not depend on the reservation service, because effects wait for it. A feed that cannot be continued without
/// an operator makes the service not ready.
#[utoipa::path(get, path = "/readyz", operation_id = "getReadiness", tag = "operations",
    responses((status = 200, description = "Ready", body = Readiness)))]
pub(super) async fn ready(State(app): State<App>) -> Result<Response, Problem> {
    let trouble = ready_now(&app)?;
    Ok(axum::Json(Readiness { status: "ready".to_owned(), trouble }).into_response())
}
