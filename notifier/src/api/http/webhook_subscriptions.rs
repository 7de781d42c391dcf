//! Webhook subscriptions.

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use chassis::docs::NotFound;
use chassis::problem::Problem;
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::{Order, problem};
use crate::app::App;
use crate::domain::webhooks::Webhook;

/// Webhook subscriptions.
#[derive(Serialize, ToSchema)]
pub(super) struct HookViews {
    items: Vec<HookView>,
}

/// A webhook subscription.
#[derive(Serialize, ToSchema)]
struct HookView {
    #[schema(example = "pos")]
    id: String,
    /// The URL without its path, which may be secret.
    #[schema(example = "https://pos.example.com")]
    url: String,
    /// Empty: all types.
    types: Vec<String>,
    /// disabled: the receiver responded 410 and gets no events until an operator enables it.
    #[schema(example = "enabled")]
    status: &'static str,
    /// The position of the last event that was scheduled for it; null after it was disabled.
    last_position: Option<u64>,
}

fn view(app: &App, hook: &Webhook) -> HookView {
    let state = app.effect_log.hook(&hook.id).unwrap_or_default();
    HookView {
        id: hook.id.clone(),
        url: hook.origin(),
        types: hook.types.clone(),
        status: if state.is_disabled { "disabled" } else { "enabled" },
        last_position: state.last,
    }
}

/// List webhook subscriptions
#[utoipa::path(get, path = "/api/hooks", operation_id = "listWebhookSubscriptions", tag = "hooks", responses((status = 200, body = HookViews)))]
pub(super) async fn list(State(app): State<App>) -> axum::Json<HookViews> {
    axum::Json(HookViews { items: app.hooks.iter().map(|hook| view(&app, hook)).collect() })
}

/// Enable a webhook subscription
///
/// Its next webhook has no `previous_position`. The missed events are in the feed.
#[utoipa::path(post, path = "/api/hooks/{id}/enable", operation_id = "enableWebhookSubscription", tag = "hooks", security(("service_token" = [])),
    params(("id" = String, Path)),
    responses((status = 200, body = HookView),
        NotFound))]
pub(super) async fn enable(
    State(app): State<App>,
    Path(id): Path<String>,
    order: Order,
) -> Result<Response, Problem> {
    order.form.finish(Some(()))?;
    let hook = app.hooks.get(&id).ok_or_else(|| Problem::not_found(format!("There is no hook {id}.")))?;
    app.effect_log.enable_hook(&id, &order.by).await.map_err(|error| problem(&error))?;
    Ok(axum::Json(view(&app, hook)).into_response())
}
