//! Commands to a reservation that exists. Each answers its new representation.

use axum::extract::State;
use axum::response::Response;
use chassis::problem::Problem;
use events::ReservationId;

use super::bodies;
use super::extract::{Id, Post};
use super::request;
use crate::app::App;
use crate::domain::Command;
use crate::record::Submission;

impl App {
    /// Does what `command` asks, and answers.
    pub(super) async fn command(
        &self,
        id: ReservationId,
        command: Command,
        submission: Submission,
    ) -> Result<Response, Problem> {
        let handled =
            self.handler.handle(id, &command, &submission).await.map_err(|error| self.problem(error))?;
        self.answer(&handled).await
    }
}

/// Confirm
///
/// Refused while a deposit is due, unless staff waive it.
#[utoipa::path(post, path = "/api/reservations/{reservation_id}/confirm", tag = "commands",
    params(("reservation_id" = String, Path), ("Idempotency-Key" = Option<String>, Header), ("If-Match" = Option<String>, Header)),
    request_body(content = Option<bodies::Confirm>, example = json!({"waive_deposit": false})),
    responses(bodies::CommandAnswers))]
pub(super) async fn confirm(State(app): State<App>, Id(id): Id, post: Post) -> Result<Response, Problem> {
    let (command, submission) = post.read(request::confirm)?;
    app.command(id, command, submission).await
}

/// Give the party a table
///
/// Moves the party if it has one. Refused with alternatives when the table is taken then.
#[utoipa::path(post, path = "/api/reservations/{reservation_id}/assign-table", tag = "commands",
    params(("reservation_id" = String, Path), ("Idempotency-Key" = Option<String>, Header), ("If-Match" = Option<String>, Header)),
    request_body(content = bodies::AssignTable, example = json!({"table_id": "T3"})),
    responses(bodies::CommandAnswers))]
pub(super) async fn assign_table(
    State(app): State<App>,
    Id(id): Id,
    post: Post,
) -> Result<Response, Problem> {
    let reservation = app.require(id).await?;
    let (command, submission) = post.read(|form| request::assign_table(form, &app, &reservation))?;
    app.command(id, command, submission).await
}

/// Come at another time
#[utoipa::path(post, path = "/api/reservations/{reservation_id}/reschedule", tag = "commands",
    params(("reservation_id" = String, Path), ("Idempotency-Key" = Option<String>, Header), ("If-Match" = Option<String>, Header)),
    request_body(content = bodies::Reschedule, example = json!({"start_time": "2026-12-24T20:30"})),
    responses(bodies::CommandAnswers))]
pub(super) async fn reschedule(State(app): State<App>, Id(id): Id, post: Post) -> Result<Response, Problem> {
    let reservation = app.require(id).await?;
    let (command, submission) = post.read(|form| request::reschedule(form, &app, &reservation))?;
    app.command(id, command, submission).await
}

/// Come with more or fewer guests
#[utoipa::path(post, path = "/api/reservations/{reservation_id}/party-size", tag = "commands",
    params(("reservation_id" = String, Path), ("Idempotency-Key" = Option<String>, Header), ("If-Match" = Option<String>, Header)),
    request_body(content = bodies::ChangePartySize, example = json!({"party_size": 3})),
    responses(bodies::CommandAnswers))]
pub(super) async fn party_size(State(app): State<App>, Id(id): Id, post: Post) -> Result<Response, Problem> {
    let reservation = app.require(id).await?;
    let (command, submission) = post.read(|form| request::party_size(form, &app, &reservation))?;
    app.command(id, command, submission).await
}

/// The party is there
#[utoipa::path(post, path = "/api/reservations/{reservation_id}/check-in", tag = "commands",
    params(("reservation_id" = String, Path), ("Idempotency-Key" = Option<String>, Header), ("If-Match" = Option<String>, Header)),
    responses(bodies::CommandAnswers))]
pub(super) async fn check_in(State(app): State<App>, Id(id): Id, post: Post) -> Result<Response, Problem> {
    let (command, submission) = post.read(|_| Some(Command::CheckIn))?;
    app.command(id, command, submission).await
}

/// The party has left
#[utoipa::path(post, path = "/api/reservations/{reservation_id}/complete", tag = "commands",
    params(("reservation_id" = String, Path), ("Idempotency-Key" = Option<String>, Header), ("If-Match" = Option<String>, Header)),
    responses(bodies::CommandAnswers))]
pub(super) async fn complete(State(app): State<App>, Id(id): Id, post: Post) -> Result<Response, Problem> {
    let (command, submission) = post.read(|_| Some(Command::Complete))?;
    app.command(id, command, submission).await
}

/// The party never came
///
/// Refused before the start.
#[utoipa::path(post, path = "/api/reservations/{reservation_id}/no-show", tag = "commands",
    params(("reservation_id" = String, Path), ("Idempotency-Key" = Option<String>, Header), ("If-Match" = Option<String>, Header)),
    responses(bodies::CommandAnswers))]
pub(super) async fn no_show(State(app): State<App>, Id(id): Id, post: Post) -> Result<Response, Problem> {
    let (command, submission) = post.read(|_| Some(Command::NoShow))?;
    app.command(id, command, submission).await
}

/// Call it off
///
/// A paid deposit is returned when the house cancels, or when the guest does so in time.
#[utoipa::path(post, path = "/api/reservations/{reservation_id}/cancel", tag = "commands",
    params(("reservation_id" = String, Path), ("Idempotency-Key" = Option<String>, Header), ("If-Match" = Option<String>, Header)),
    request_body(content = bodies::Cancel, example = json!({"reason_code": "guest_request", "description": "Kami sakit"})),
    responses(bodies::CommandAnswers))]
pub(super) async fn cancel(State(app): State<App>, Id(id): Id, post: Post) -> Result<Response, Problem> {
    let ((command, description), mut submission) = post.read(request::cancel)?;
    submission.private = description.map(|sealed| sealed.bytes);
    app.command(id, command, submission).await
}
