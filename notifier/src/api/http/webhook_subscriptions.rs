//! Webhook subscriptions.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use chassis::api::PathParameters;
use chassis::docs::NotFound;
use chassis::problem::Problem;
use contract::notifier::operations::{SubscriptionView, Subscriptions};
use contract::notifier::requests::SubscriptionPath;
use contract::notifier::words::SubscriptionStatus;

use super::problem::{Order, problem};
use crate::app::App;
use crate::domain::webhooks::Webhook;

fn view(app: &App, hook: &Webhook) -> SubscriptionView {
    let state = app.effect_log.hook(&hook.id).unwrap_or_default();
    SubscriptionView {
        id: hook.id.clone(),
        url: hook.origin(),
        types: hook.types.clone(),
        status: match state.is_disabled {
            true => SubscriptionStatus::Disabled,
            false => SubscriptionStatus::Enabled,
        },
        last_position: state.last,
    }
}

/// List webhook subscriptions
#[utoipa::path(get, path = "/api/hooks", operation_id = "listWebhookSubscriptions", tag = "hooks", responses((status = 200, body = Subscriptions)))]
pub(super) async fn list(State(app): State<App>) -> axum::Json<Subscriptions> {
    axum::Json(Subscriptions { items: app.hooks.iter().map(|hook| view(&app, hook)).collect() })
}

/// Enable a webhook subscription
///
/// Its next webhook has no `previous_position`. The missed events are in the feed.
#[utoipa::path(post, path = "/api/hooks/{id}/enable", operation_id = "enableWebhookSubscription", tag = "hooks",
    params(SubscriptionPath),
    responses((status = 200, body = SubscriptionView),
        NotFound))]
pub(super) async fn enable(
    State(app): State<App>,
    PathParameters(SubscriptionPath { id }): PathParameters<SubscriptionPath>,
    order: Order,
) -> Result<Response, Problem> {
    order.form.finish(Some(()))?;
    let id = id.as_str();
    let hook = app.hooks.get(id).ok_or_else(|| Problem::not_found(format!("There is no hook {id}.")))?;
    app.effect_log.enable_hook(id, &order.by).await.map_err(|error| problem(&error))?;
    Ok(axum::Json(view(&app, hook)).into_response())
}
