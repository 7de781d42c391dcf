//! Keys: who may do what.

use access::{Caller, Key};
use axum::extract::State;
use axum::response::Response;
use chassis::api::PathParameters;
use chassis::docs::{Conflict, NotFound, Repeatable};
use chassis::problem::Problem;
use contract::reservation::access::{
    AccessSnapshot, CreateKey, IssuedKey, KeyPath, KeyStatus, KeyView, Keys, RevokeKey, RotateKey,
};

use super::extract::Post;
use super::respond::{marked, private};
use crate::api::request;
use crate::app::App;
use crate::app::commands::KeyCommand;
use crate::app::outcome::KeyOutcome;
use crate::app::request_context::RequestContext;

/// List the keys
///
/// Without their secrets, the first one first.
#[utoipa::path(get, path = "/api/access/keys", operation_id = "listKeys", tag = "access",
    responses((status = 200, body = Keys)))]
pub(super) async fn list(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    app.catch_up().await?;
    let keys = app.keys(&caller);
    let items = keys.iter().map(|key| app.key_view(key)).collect();
    Ok(private(&Keys { items }))
}

/// Create a key
///
/// The response is the only one that contains the secret. You can grant only scopes and venues that you have yourself.
#[utoipa::path(post, path = "/api/access/keys", operation_id = "createKey", tag = "access",
    params(Repeatable),
    request_body(content = CreateKey, example = json!({"name": "till in Dago", "scopes": ["floor", "read"], "venues": ["bandung-dago"]})),
    responses((status = 200, body = IssuedKey, headers(("Location" = String))), Conflict))]
pub(super) async fn create(State(app): State<App>, post: Post) -> Result<Response, Problem> {
    let (command, context) = post.read(|form, _| request::create_key(form, &app))?;
    app.issue_key(&command, &context).await
}

/// Give a key a new secret
///
/// The previous secret is valid too for some hours, so that programs can be changed one after the other. Only the last
/// two secrets of a key are ever valid.
#[utoipa::path(post, path = "/api/access/keys/{key_id}/rotate", operation_id = "rotateKey", tag = "access",
    params(KeyPath, Repeatable),
    request_body(content = Option<RotateKey>, example = json!({"overlap_hours": 24})),
    responses((status = 200, body = IssuedKey), NotFound, Conflict))]
pub(super) async fn rotate(
    State(app): State<App>,
    PathParameters(KeyPath { key_id }): PathParameters<KeyPath>,
    post: Post,
) -> Result<Response, Problem> {
    let (command, context) = post.read(|form, _| request::rotate_key(form, &app, key_id))?;
    app.issue_key(&command, &context).await
}

/// Revoke a key
///
/// From this response on no request with the key succeeds, and its open streams end. It cannot be undone.
#[utoipa::path(post, path = "/api/access/keys/{key_id}/revoke", operation_id = "revokeKey", tag = "access",
    params(KeyPath, Repeatable),
    request_body(content = Option<RevokeKey>, example = json!({"reason_code": "leaked"})),
    responses((status = 200, body = KeyView), NotFound, Conflict))]
pub(super) async fn revoke(
    State(app): State<App>,
    PathParameters(KeyPath { key_id }): PathParameters<KeyPath>,
    post: Post,
) -> Result<Response, Problem> {
    let (command, context) = post.read(|form, _| request::revoke_key(form, key_id))?;
    let outcome = app.executor.change_key(&command, &context).await;
    let outcome = outcome.map_err(|error| app.problem(error))?;
    Ok(app.respond_changed_key(&outcome))
}

/// What another service needs to check keys
///
/// The keys that can be used, with the hashes of their secrets. The notifier reads it every few seconds.
#[utoipa::path(get, path = "/api/access/snapshot", operation_id = "getAccessSnapshot", tag = "service",
    responses((status = 200, body = AccessSnapshot)))]
pub(super) async fn snapshot(State(app): State<App>) -> Result<Response, Problem> {
    app.catch_up().await?;
    let position = app.projections.position().0;
    let (registry, now) = (app.projections.access(), app.env.now());
    let (keys, sessions) = (registry.hashed_keys(now), registry.hashed_sessions(now));
    Ok(private(&AccessSnapshot { position, keys, sessions }))
}

impl App {
    /// Runs a command that gives a key a secret, and responds with the secret.
    async fn issue_key(&self, command: &KeyCommand, context: &RequestContext) -> Result<Response, Problem> {
        let outcome = self.executor.change_key(command, context).await;
        let outcome = outcome.map_err(|error| self.problem(error))?;
        Ok(self.respond_key(&outcome, command.token()))
    }

    /// The response with a key, and with its secret unless the request is repeated.
    pub(super) fn respond_key(&self, outcome: &KeyOutcome, token: Option<String>) -> Response {
        let token = token.filter(|_| !outcome.replayed);
        let issued = IssuedKey { key: self.key_view(&outcome.key), token };
        marked(private(&issued), outcome.replayed)
    }

    /// The response with a key, without a secret.
    pub(super) fn respond_changed_key(&self, outcome: &KeyOutcome) -> Response {
        marked(private(&self.key_view(&outcome.key)), outcome.replayed)
    }

    fn key_view(&self, key: &Key) -> KeyView {
        let status = match key.revoked_at {
            Some(_) => KeyStatus::Revoked,
            None if key.is_valid_at(self.env.now()) => KeyStatus::Valid,
            None => KeyStatus::Expired,
        };
        KeyView {
            key_id: key.id.clone(),
            kind: key.kind,
            name: key.name.clone(),
            scopes: key.scopes,
            venues: key.venues.list(),
            status,
            created_at: key.created_at,
            expires_at: key.expires_at,
            revoked_at: key.revoked_at,
            previous_until: key.previous_until,
            last_used_on: key.last_used_on,
        }
    }
}
