//! The proof of what the log contains: its checkpoints, its tiles, and receipts.

use access::Caller;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use chassis::api::Query;
use chassis::docs::NotFound;
use chassis::problem::Problem;
use contract::reservation::commands::ReservationPath;
use contract::reservation::queries::{ReadReceipt, drafts};
use proof::{Receipt, Tile};

use super::extract::Id;
use crate::app::App;

const TEXT: &str = "text/plain; charset=utf-8";
/// A checkpoint is replaced once a minute.
const FOR_A_MOMENT: &str = "public, max-age=5";
/// A tile never changes, unless an older backup is restored and a new key begins.
const FOR_AN_HOUR: &str = "public, max-age=3600";

/// The last checkpoint of the log
///
/// The number of events and the root of their Merkle tree, signed: a C2SP tlog-checkpoint. Once a minute if anything happened.
/// Keep one: with an older checkpoint anyone can prove that the log was not rewritten since.
#[utoipa::path(get, path = "/log/checkpoint", operation_id = "getCheckpoint", tag = "proof",
    responses((status = 200, content_type = "text/plain", body = String)))]
pub(super) async fn checkpoint(State(app): State<App>) -> Result<Response, Problem> {
    let checkpoint = app.log_tree.latest()?;
    Ok(([(CONTENT_TYPE, TEXT), (CACHE_CONTROL, FOR_A_MOMENT)], checkpoint.to_string()).into_response())
}

/// The public keys of the log
///
/// Each line is a verifier key of C2SP signed-note, the current one first. Receipts and checkpoints are verified with them.
#[utoipa::path(get, path = "/.well-known/meja-log-keys", operation_id = "listLogKeys", tag = "proof",
    responses((status = 200, content_type = "text/plain", body = String)))]
pub(super) async fn keys(State(app): State<App>) -> Response {
    let keys: String = app.log_tree.verifiers().iter().map(|key| format!("{key}\n")).collect();
    ([(CONTENT_TYPE, TEXT), (CACHE_CONTROL, FOR_A_MOMENT)], keys).into_response()
}

/// The receipt of a reservation
///
/// The events about the agreement, the visit and the payments, byte for byte as they are stored, each with the
/// proof that it is in the log under a signed checkpoint (C2SP tlog-proof). It is verified without this service:
/// `reservation receipt verify`, or any implementation of the format.
#[utoipa::path(get, path = "/api/reservations/{reservation_id}/receipt", operation_id = "getReservationReceipt", tag = "proof",
    params(ReservationPath, ReadReceipt),
    responses((status = 200, body = Receipt, headers(("Content-Disposition" = String))),
        NotFound,
        (status = 409, body = contract::problem::Problem, content_type = "application/problem+json", description = "checkpoint_not_in_log: the log has fewer events than `since`")))]
pub(super) async fn receipt(
    State(app): State<App>,
    Id(id): Id,
    caller: Caller,
    Query(mut form): Query,
) -> Result<Response, Problem> {
    let drafts::ReadReceipt { since } = drafts::ReadReceipt::take(&mut form);
    form.finish(Some(()))?;
    let receipt = app.receipt(id, since.map(u64::from), &caller).await?;
    let name = format!("attachment; filename=\"receipt-{id}.json\"");
    Ok(([(CACHE_CONTROL, "no-store".to_owned()), (CONTENT_DISPOSITION, name)], axum::Json(receipt))
        .into_response())
}

/// The tiles of the tree, under the paths of C2SP tlog-tiles, which no description of an API can express. They contain hashes only.
pub(super) fn tiles(app: App) -> Router {
    Router::new().route("/log/tile/{*path}", get(tile)).with_state(app)
}

async fn tile(State(app): State<App>, Path(path): Path<String>) -> Result<Response, Problem> {
    let tile: Tile =
        path.parse().map_err(|error| Problem::not_found(format!("There is no tile {path}: {error}.")))?;
    let read = app.log_tree.blocking(move |tree| tree.tile(tile)).await;
    let content = read??;
    let content = content.ok_or_else(|| {
        Problem::not_found(format!(
            "The log does not have all hashes of the tile {path} yet. Use the size in /log/checkpoint."
        ))
    })?;
    Ok(([(CONTENT_TYPE, "application/octet-stream"), (CACHE_CONTROL, FOR_AN_HOUR)], content).into_response())
}
