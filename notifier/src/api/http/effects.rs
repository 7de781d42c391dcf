//! Messages and all other effects: their states, and retrying or discarding dead letters.

use std::cmp::Reverse;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use chassis::api::{Cursor, PageQuery, PathParameters, Query, paged};
use chassis::docs::{Conflict, NotFound};
use chassis::problem::Problem;
use contract::notifier::effects::{EffectTrail, EffectView, Effects, TrailEntry};
use contract::notifier::requests::{Discard, EffectPath, ListEffects, Retry, drafts};
use contract::request::Request as _;
use contract::values::Line;

use events::values::Medium;

use super::problem::{Order, problem};
use crate::api::operations::LIMIT_DEFAULT;
use crate::app::App;
use crate::domain::effect::{Effect, EffectKey};
use crate::effects::{EffectLogError, EffectState, TrackedEffect};

fn view(tracked: TrackedEffect) -> EffectView {
    let (reason, next_attempt_at) = match &tracked.state {
        EffectState::Waiting(at) => (None, Some(*at)),
        EffectState::Done(outcome) if outcome == "done" => (None, None),
        EffectState::Done(reason) | EffectState::Dead(reason) | EffectState::Discarded(reason) => {
            (Some(reason.clone()), None)
        }
    };
    let (template, medium) = match &tracked.scheduled.effect {
        Effect::Message { template, medium, .. } => (Some(template.name().to_owned()), Some(*medium)),
        Effect::StaffMessage { template, .. } => (Some(template.name().to_owned()), Some(Medium::Mail)),
        _ => (None, None),
    };
    let about = tracked.scheduled.effect.about();
    EffectView {
        id: tracked.scheduled.key.to_string(),
        kind: tracked.scheduled.effect.kind(),
        reservation_id: about.and_then(|about| about.reservation_id()),
        waitlist_id: about.and_then(|about| about.waitlist_id()),
        status: tracked.state.status(),
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

/// List messages, the latest first
#[utoipa::path(get, path = "/api/notifications", operation_id = "listNotifications", tag = "messages",
    params(ListEffects),
    responses((status = 200, body = Effects, headers(("Link" = String, description = "rel=\"next\", except on the last page")))))]
pub(super) async fn notifications(State(app): State<App>, query: Query) -> Result<Response, Problem> {
    select(&app, "/api/notifications", query, |tracked| {
        matches!(tracked.scheduled.effect, Effect::Message { .. } | Effect::StaffMessage { .. })
    })
}

/// List effects, the latest first
///
/// `status=dead` are the dead letters.
#[utoipa::path(get, path = "/api/effects", operation_id = "listEffects", tag = "effects",
    params(ListEffects),
    responses((status = 200, body = Effects, headers(("Link" = String, description = "rel=\"next\", except on the last page")))))]
pub(super) async fn list(State(app): State<App>, query: Query) -> Result<Response, Problem> {
    select(&app, "/api/effects", query, |_| true)
}

fn select(
    app: &App,
    path: &str,
    Query(mut form): Query,
    kind: impl Fn(&TrackedEffect) -> bool,
) -> Result<Response, Problem> {
    let query = PageQuery::of(&form);
    let draft = drafts::ListEffects::take(&mut form);
    let after =
        draft.cursor.as_ref().and_then(|text| form.checked(&["cursor"], text.as_str(), place(text.as_str())));
    let ListEffects { status, reservation_id, limit, .. } = draft.complete_in(form)?;
    let limit = limit.map_or(LIMIT_DEFAULT, usize::from);
    let wanted = |tracked: &TrackedEffect| {
        kind(tracked)
            && status.is_none_or(|status| tracked.state.status() == status)
            && reservation_id.is_none_or(|id| tracked.scheduled.effect.about() == Some(id.into()))
            && after.as_ref().is_none_or(|after| tracked.place() > *after)
    };
    let found = app.effect_log.effects(wanted, limit + 1);
    let (found, next_cursor) = paged(found, limit, |last: &TrackedEffect| Cursor {
        at: last.updated_at,
        key: last.scheduled.key.0.clone().into_bytes(),
    });
    let page = Effects { items: found.into_iter().map(view).collect(), next_cursor };
    Ok(query.respond(path, &page, page.next_cursor.as_deref()))
}

/// The place in the list that a cursor means.
fn place(text: &str) -> Result<(Reverse<i64>, String), &'static str> {
    let Cursor { at, key } = Cursor::parse(text)?;
    let key = String::from_utf8(key).map_err(|_| "this is not a cursor of this list")?;
    Ok((Reverse(at.timestamp_micros()), key))
}

/// Read an effect
///
/// With everything that happened to it: attempts, failures, and what operators decided, with their reasons.
#[utoipa::path(get, path = "/api/effects/{id}", operation_id = "getEffect", tag = "effects",
    params(EffectPath),
    responses((status = 200, body = EffectTrail), NotFound))]
pub(super) async fn get(
    State(app): State<App>,
    PathParameters(EffectPath { id }): PathParameters<EffectPath>,
) -> Result<Response, Problem> {
    let key = EffectKey(id.into());
    let effect = app.effect_log.effect(&key);
    let effect = effect.ok_or_else(|| problem(&EffectLogError::UnknownEffect(key.clone())))?;
    let trail = app.effect_log.trail(&key).await.map_err(|error| problem(&error))?;
    let trail = trail.into_iter().map(|entry| TrailEntry {
        position: entry.position.0,
        at: entry.at,
        by: entry.by,
        what: entry.what,
    });
    Ok(axum::Json(EffectTrail { effect: view(effect), trail: trail.collect() }).into_response())
}

/// Retry a message that could not be sent
#[utoipa::path(post, path = "/api/notifications/{id}/retry", operation_id = "retryNotification", tag = "messages",
    params(EffectPath),
    request_body(content = Option<Retry>, example = json!({"reason": "the mail server is back"})),
    responses((status = 202, description = "It will be tried again"),
        NotFound,
        Conflict))]
pub(super) async fn retry_notification(
    State(app): State<App>,
    PathParameters(EffectPath { id }): PathParameters<EffectPath>,
    order: Order,
) -> Result<Response, Problem> {
    again(&app, id, order).await
}

/// Retry a dead letter
#[utoipa::path(post, path = "/api/effects/{id}/retry", operation_id = "retryEffect", tag = "effects",
    params(EffectPath),
    request_body(content = Option<Retry>, example = json!({"reason": "the mail server is back"})),
    responses((status = 202, description = "It will be tried again"),
        NotFound,
        Conflict))]
pub(super) async fn retry(
    State(app): State<App>,
    PathParameters(EffectPath { id }): PathParameters<EffectPath>,
    order: Order,
) -> Result<Response, Problem> {
    again(&app, id, order).await
}

async fn again(app: &App, id: Line<200>, order: Order) -> Result<Response, Problem> {
    let Retry { reason } = Retry::read(order.form)?;
    let key = EffectKey(id.into());
    app.effect_log.retry(&key, reason.map(String::from), &order.by).await.map_err(|error| problem(&error))?;
    Ok(axum::http::StatusCode::ACCEPTED.into_response())
}

/// Discard a dead letter
///
/// It stays in the log with the operator and the reason.
#[utoipa::path(post, path = "/api/effects/{id}/discard", operation_id = "discardEffect", tag = "effects",
    params(EffectPath),
    request_body(content = Discard, example = json!({"reason": "the guest was called"})),
    responses((status = 200, description = "It was discarded", body = EffectView),
        NotFound,
        Conflict))]
pub(super) async fn discard(
    State(app): State<App>,
    PathParameters(EffectPath { id }): PathParameters<EffectPath>,
    order: Order,
) -> Result<Response, Problem> {
    let Discard { reason } = Discard::read(order.form)?;
    let key = EffectKey(id.into());
    app.effect_log.discard(&key, reason.into(), &order.by).await.map_err(|error| problem(&error))?;
    Ok(axum::Json(app.effect_log.effect(&key).map(view)).into_response())
}
