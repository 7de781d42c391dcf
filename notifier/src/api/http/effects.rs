//! Messages and all other effects: their states, and retrying or discarding dead letters.

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use chassis::docs::{Conflict, NotFound};
use chassis::problem::Problem;
use chrono::{DateTime, Utc};
use events::ReservationId;
use serde::Serialize;
use utoipa::ToSchema;

use super::ops;
use super::problem::{Order, Parameters, limit, problem};
use crate::app::App;
use crate::domain::effect::{Effect, EffectKey};
use crate::effects::{EFFECT_STATES, EffectState, TrackedEffect};

/// Effects.
#[derive(Serialize, ToSchema)]
pub(super) struct Effects {
    items: Vec<EffectView>,
}

/// An effect.
#[derive(Serialize, ToSchema)]
struct EffectView {
    /// The key.
    #[schema(example = "01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f.mail-confirmed")]
    id: String,
    /// take_deposit, close_payments, refund, message, post_payment, post_notification, tell_hook or react.
    #[schema(example = "message")]
    kind: &'static str,
    /// The reservation, if the effect has one.
    reservation_id: Option<String>,
    /// The waitlist entry, if the effect has one.
    waitlist_id: Option<String>,
    /// waiting, done, skipped, dead or discarded.
    #[schema(example = "done")]
    status: &'static str,
    /// Why it was skipped, failed or was discarded.
    reason: Option<String>,
    /// The template of a message.
    template: Option<&'static str>,
    /// mail or sms.
    medium: Option<&'static str>,
    /// The recipient, masked.
    #[schema(example = "s***@e***.com")]
    recipient: Option<String>,
    attempts: u32,
    last_error: Option<String>,
    next_attempt_at: Option<DateTime<Utc>>,
    updated_at: DateTime<Utc>,
    /// The event that caused it.
    event_id: Option<String>,
    /// The request that caused it.
    correlation_id: String,
}

impl From<TrackedEffect> for EffectView {
    fn from(tracked: TrackedEffect) -> Self {
        let (reason, next_attempt_at) = match &tracked.state {
            EffectState::Waiting(at) => (None, Some(*at)),
            EffectState::Done(outcome) if outcome == "done" => (None, None),
            EffectState::Done(reason) | EffectState::Dead(reason) | EffectState::Discarded(reason) => {
                (Some(reason.clone()), None)
            }
        };
        let (template, medium) = match &tracked.scheduled.effect {
            Effect::Message { template, medium, .. } => (Some(template.name()), Some(ops::medium(*medium))),
            _ => (None, None),
        };
        let about = tracked.scheduled.effect.about();
        Self {
            id: tracked.scheduled.key.to_string(),
            kind: tracked.scheduled.effect.kind(),
            reservation_id: about.and_then(|about| about.reservation_id()).map(|id| id.to_string()),
            waitlist_id: about.and_then(|about| about.waitlist_id()).map(|id| id.to_string()),
            status: tracked.state.word(),
            reason,
            template,
            medium,
            recipient: tracked.recipient,
            attempts: tracked.attempts,
            last_error: tracked.last_error,
            next_attempt_at,
            updated_at: tracked.updated_at,
            event_id: tracked.scheduled.event_id,
            correlation_id: tracked.scheduled.correlation_id,
        }
    }
}

/// List messages, the latest first
#[utoipa::path(get, path = "/api/notifications", operation_id = "listNotifications", tag = "messages",
    params(("status" = Option<String>, Query), ("reservation_id" = Option<String>, Query), ("limit" = Option<u32>, Query)),
    responses((status = 200, body = Effects)))]
pub(super) async fn notifications(
    State(app): State<App>,
    parameters: Parameters,
) -> Result<axum::Json<Effects>, Problem> {
    select(&app, parameters, |tracked| matches!(tracked.scheduled.effect, Effect::Message { .. }))
}

/// List effects, the latest first
///
/// `status=dead` are the dead letters.
#[utoipa::path(get, path = "/api/effects", operation_id = "listEffects", tag = "effects",
    params(("status" = Option<String>, Query), ("reservation_id" = Option<String>, Query), ("limit" = Option<u32>, Query)),
    responses((status = 200, body = Effects)))]
pub(super) async fn list(
    State(app): State<App>,
    parameters: Parameters,
) -> Result<axum::Json<Effects>, Problem> {
    select(&app, parameters, |_| true)
}

fn select(
    app: &App,
    Parameters(mut form): Parameters,
    kind: impl Fn(&TrackedEffect) -> bool,
) -> Result<axum::Json<Effects>, Problem> {
    let status = form.optional_parsed("status", 20, |text| {
        if EFFECT_STATES.contains(&text) {
            Ok(text.to_owned())
        } else {
            Err(format!("{text:?} is not a status: {}", EFFECT_STATES.join(", ")))
        }
    });
    let reservation_id = form.optional_parsed("reservation_id", 36, str::parse::<ReservationId>);
    let limit = limit(&mut form);
    let (status, reservation_id, limit) = form.finish(Some((status, reservation_id, limit)))?;
    let wanted = |tracked: &TrackedEffect| {
        kind(tracked)
            && status.as_ref().is_none_or(|status| tracked.state.word() == status)
            && reservation_id.is_none_or(|id| tracked.scheduled.effect.about() == Some(id.into()))
    };
    let items = app.effect_log.effects(wanted, limit).into_iter().map(EffectView::from).collect();
    Ok(axum::Json(Effects { items }))
}

/// Retry a message that could not be sent
#[utoipa::path(post, path = "/api/notifications/{id}/retry", operation_id = "retryNotification", tag = "messages", security(("service_token" = [])),
    params(("id" = String, Path)),
    responses((status = 202, description = "It will be tried again"),
        NotFound,
        Conflict))]
pub(super) async fn retry_notification(
    State(app): State<App>,
    Path(id): Path<String>,
    order: Order,
) -> Result<Response, Problem> {
    again(&app, id, order).await
}

/// Retry a dead letter
#[utoipa::path(post, path = "/api/effects/{id}/retry", operation_id = "retryEffect", tag = "effects", security(("service_token" = [])),
    params(("id" = String, Path)),
    responses((status = 202, description = "It will be tried again"),
        NotFound,
        Conflict))]
pub(super) async fn retry(
    State(app): State<App>,
    Path(id): Path<String>,
    order: Order,
) -> Result<Response, Problem> {
    again(&app, id, order).await
}

async fn again(app: &App, id: String, order: Order) -> Result<Response, Problem> {
    order.form.finish(Some(()))?;
    app.effect_log.retry(&EffectKey(id), &order.by).await.map_err(|error| problem(&error))?;
    Ok(axum::http::StatusCode::ACCEPTED.into_response())
}

/// The reason for discarding a dead letter.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only a description; bodies are read as forms")]
pub(super) struct DiscardBody {
    /// Free text for the log, without personal data.
    #[schema(max_length = 200, example = "the guest was called")]
    reason: String,
}

/// Discard a dead letter
///
/// It stays in the log with the operator and the reason.
#[utoipa::path(post, path = "/api/effects/{id}/discard", operation_id = "discardEffect", tag = "effects", security(("service_token" = [])),
    params(("id" = String, Path)), request_body(content = DiscardBody),
    responses((status = 200, description = "It was discarded", body = EffectView),
        NotFound,
        Conflict))]
pub(super) async fn discard(
    State(app): State<App>,
    Path(id): Path<String>,
    mut order: Order,
) -> Result<Response, Problem> {
    let reason = order.form.text("reason", 200);
    let reason = order.form.finish(reason)?;
    let key = EffectKey(id);
    app.effect_log.discard(&key, reason, &order.by).await.map_err(|error| problem(&error))?;
    Ok(axum::Json(app.effect_log.effect(&key).map(EffectView::from)).into_response())
}
