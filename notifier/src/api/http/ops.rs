//! What operators and tools ask: the cursor, readiness, the API description.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use chassis::docs::ServiceToken;
use chassis::problem::Problem;
use chrono::{DateTime, Utc};
use events::values::Medium;
use serde::Serialize;
use serde_json::json;
use utoipa::{OpenApi, ToSchema};

use crate::app::App;
use crate::executors::breaker::Breaker;

/// The description of the API; the routes add themselves.
#[derive(OpenApi)]
#[openapi(
    info(title = "Meja notifier", description = "Follows the feed of the reservation service, takes deposits, sends messages and posts the results back."),
    modifiers(&ServiceToken),
    components(schemas(ProblemDoc)),
    tags((name = "payments", description = "Deposits"), (name = "messages", description = "What guests are told"),
        (name = "hooks", description = "Systems of the restaurant that are told of events"), (name = "effects", description = "Everything that is done outside"), (name = "operations", description = "For operators and tools"))
)]
pub(super) struct ApiDoc;

/// An error, RFC 9457.
#[derive(ToSchema)]
#[schema(as = Problem)]
#[expect(dead_code, reason = "described here, written by chassis")]
pub(super) struct ProblemDoc {
    #[schema(example = "/problems/not_refundable")]
    r#type: String,
    title: String,
    #[schema(example = 409)]
    status: u16,
    /// Stable; for machines.
    #[schema(example = "not_refundable")]
    code: String,
    /// In words; for 422 a list of faults.
    detail: String,
}

/// How far the notifier is behind the feed.
#[derive(Serialize, ToSchema)]
pub(super) struct CursorView {
    /// The last event that was reacted to.
    last_event_id: Option<String>,
    #[schema(example = 42)]
    position: u64,
    /// Where the log ended when it was last asked.
    #[schema(example = 42)]
    head: u64,
    #[schema(example = 0)]
    lag_events: u64,
    #[schema(example = 0.0)]
    lag_seconds: f64,
    /// What keeps the notifier from feed_status.
    trouble: Option<String>,
}

/// How far the notifier is
#[utoipa::path(get, path = "/api/cursor", tag = "operations", responses((status = 200, body = CursorView)))]
pub(super) async fn cursor(State(app): State<App>) -> axum::Json<CursorView> {
    let lag = app.lag();
    axum::Json(CursorView {
        last_event_id: app.effect_log.cursor().map(|cursor| cursor.last_event_id.to_string()),
        position: lag.position.0,
        head: lag.head.0,
        lag_events: lag.events(),
        lag_seconds: app.lag_seconds(),
        trouble: app.feed_status.seen().trouble,
    })
}

/// Everybody outside.
#[derive(Serialize, ToSchema)]
pub(super) struct ProviderViews {
    items: Vec<ProviderView>,
}

/// How it goes with somebody outside.
#[derive(Serialize, ToSchema)]
struct ProviderView {
    #[schema(example = "stripe")]
    name: String,
    /// closed: it is asked. open: it failed again and again, and is left alone until `retry_at`. half_open: one effect tries.
    #[schema(example = "closed")]
    breaker: &'static str,
    /// In a row.
    failures: u32,
    retry_at: Option<DateTime<Utc>>,
    last_error: Option<String>,
}

/// How it goes with everybody outside
///
/// Payment providers, the mail server, the text message service. Whoever was not asked since the start is not named.
#[utoipa::path(get, path = "/api/providers", tag = "operations", responses((status = 200, body = ProviderViews)))]
pub(super) async fn providers(State(app): State<App>) -> axum::Json<ProviderViews> {
    let view = |(name, breaker): (String, Breaker)| ProviderView {
        name,
        breaker: breaker.word(),
        failures: breaker.failures,
        retry_at: breaker.open_until,
        last_error: breaker.last_error,
    };
    axum::Json(ProviderViews { items: app.breakers.seen().into_iter().map(view).collect() })
}

/// Ready to work
///
/// The reservation service being down does not count: the queue is kept and made up for later. A
/// feed that can not be gone on with does.
#[utoipa::path(get, path = "/readyz", tag = "operations",
    responses((status = 200, description = "Ready", example = json!({"status": "ready"})),
        (status = 503, body = ProblemDoc, content_type = "application/problem+json")))]
pub(super) async fn ready(State(app): State<App>) -> Result<Response, Problem> {
    if app.shutdown.is_requested() {
        return Err(Problem::unavailable("stopping", "The service is stopping.", 1));
    }
    match app.feed_status.seen() {
        seen if seen.stuck => Err(Problem::unavailable("stuck", seen.trouble.unwrap_or_default(), 60)),
        seen => Ok(axum::Json(json!({"status": "ready", "trouble": seen.trouble})).into_response()),
    }
}

/// The word for a medium.
pub(super) fn medium(medium: Medium) -> &'static str {
    match medium {
        Medium::Mail => "mail",
        Medium::Sms => "sms",
    }
}
