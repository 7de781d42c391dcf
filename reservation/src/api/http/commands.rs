//! Commands for an existing reservation. Each responds with the new representation.

use axum::extract::State;
use axum::response::Response;
use chassis::docs::{Conditional, Conflict, Gone, NotFound, Repeatable, Stale};
use chassis::problem::Problem;
use contract::reservation::attendance::AnswerQuestion;
use contract::reservation::commands::{
    AssignTable, Cancel, ChangePartySize, Confirm, CorrectReservation, Extend, Occurrence, RenewDeposit,
    Reschedule, ReservationPath, Swap, Undo,
};
use contract::reservation::contact::ProveContact;
use contract::reservation::view::ReservationView;
use events::{Position, ReservationId};

use super::extract::{Answer, Id, Post};
use super::respond::respond;
use crate::api::answers::Link;
use crate::api::operations::reservations as operations;
use crate::api::request::{self, NewEnd};
use crate::app::App;
use crate::app::request_context::RequestContext;
use crate::domain::{Command, Reservation};

impl App {
    /// Runs `command` and responds. A handler that has loaded the reservation passes it.
    pub(super) async fn command(
        &self,
        id: ReservationId,
        loaded: Option<(Reservation, Position)>,
        command: Command,
        context: RequestContext,
    ) -> Result<Response, Problem> {
        Ok(respond(operations::run(self, id, loaded, command, context).await?, Answer::Changed))
    }
}

/// Confirm
///
/// Refused while a deposit is due, unless staff waive it.
#[utoipa::path(post, path = "/api/reservations/{reservation_id}/confirm", operation_id = "confirmReservation", tag = "commands",
    params(ReservationPath, Repeatable, Conditional),
    request_body(content = Option<Confirm>, example = json!({"waive_deposit": false})),
    responses((status = 200, body = ReservationView, headers(("ETag" = String))), NotFound, Conflict, Stale))]
pub(super) async fn confirm(State(app): State<App>, Id(id): Id, post: Post) -> Result<Response, Problem> {
    let (command, context) = post.read(|form, _| request::confirm(form))?;
    app.command(id, None, command, context).await
}

/// Assign a table
///
/// A party that has a table is moved. Refused with alternatives if the table is taken at that time.
#[utoipa::path(post, path = "/api/reservations/{reservation_id}/assign-table", operation_id = "assignTable", tag = "commands",
    params(ReservationPath, Repeatable, Conditional),
    request_body(content = AssignTable, example = json!({"table_id": "T3"})),
    responses((status = 200, body = ReservationView, headers(("ETag" = String))), NotFound, Conflict, Stale))]
pub(super) async fn assign_table(
    State(app): State<App>,
    Id(id): Id,
    post: Post,
) -> Result<Response, Problem> {
    let loaded = app.require(id, post.caller()).await?;
    let (command, context) = post.read(|form, _| request::assign_table(form, &app, &loaded.0))?;
    app.command(id, Some(loaded), command, context).await
}

/// Change the time
#[utoipa::path(post, path = "/api/reservations/{reservation_id}/reschedule", operation_id = "rescheduleReservation", tag = "commands",
    params(ReservationPath, Repeatable, Conditional),
    request_body(content = Reschedule, example = json!({"start_time": "2026-12-24T20:30"})),
    responses((status = 200, body = ReservationView, headers(("ETag" = String))), NotFound, Conflict, Stale))]
pub(super) async fn reschedule(State(app): State<App>, Id(id): Id, post: Post) -> Result<Response, Problem> {
    Ok(respond(operations::reschedule(&app, id, post.into_call()).await?, Answer::Changed))
}

/// Change the party size
#[utoipa::path(post, path = "/api/reservations/{reservation_id}/party-size", operation_id = "changePartySize", tag = "commands",
    params(ReservationPath, Repeatable, Conditional),
    request_body(content = ChangePartySize, example = json!({"party_size": 3})),
    responses((status = 200, body = ReservationView, headers(("ETag" = String))), NotFound, Conflict, Stale))]
pub(super) async fn party_size(State(app): State<App>, Id(id): Id, post: Post) -> Result<Response, Problem> {
    Ok(respond(operations::change_party_size(&app, id, post.into_call()).await?, Answer::Changed))
}

/// Check in: the party has arrived
///
/// A device that had no connection reports it later, with the time at which it happened.
#[utoipa::path(post, path = "/api/reservations/{reservation_id}/check-in", operation_id = "checkIn", tag = "commands",
    params(ReservationPath, Repeatable, Conditional),
    request_body(content = Option<Occurrence>, example = json!({})),
    responses((status = 200, body = ReservationView, headers(("ETag" = String))), NotFound, Conflict, Stale))]
pub(super) async fn check_in(State(app): State<App>, Id(id): Id, post: Post) -> Result<Response, Problem> {
    let (command, context) =
        post.read(|form, _| Some(Command::CheckIn(request::occurred_at(form, &app)?)))?;
    app.command(id, None, command, context).await
}

/// Complete: the party has left
///
/// As a check-in, it can be reported later.
#[utoipa::path(post, path = "/api/reservations/{reservation_id}/complete", operation_id = "completeReservation", tag = "commands",
    params(ReservationPath, Repeatable, Conditional),
    request_body(content = Option<Occurrence>, example = json!({})),
    responses((status = 200, body = ReservationView, headers(("ETag" = String))), NotFound, Conflict, Stale))]
pub(super) async fn complete(State(app): State<App>, Id(id): Id, post: Post) -> Result<Response, Problem> {
    let (command, context) =
        post.read(|form, _| Some(Command::Complete(request::occurred_at(form, &app)?)))?;
    app.command(id, None, command, context).await
}

/// Record a no-show
///
/// Refused before the start.
#[utoipa::path(post, path = "/api/reservations/{reservation_id}/no-show", operation_id = "recordNoShow", tag = "commands",
    params(ReservationPath, Repeatable, Conditional),
    responses((status = 200, body = ReservationView, headers(("ETag" = String))), NotFound, Conflict, Stale))]
pub(super) async fn no_show(State(app): State<App>, Id(id): Id, post: Post) -> Result<Response, Problem> {
    let (command, context) = post.read(|_, _| Some(Command::NoShow))?;
    app.command(id, None, command, context).await
}

/// Cancel
///
/// A paid deposit is refunded if staff cancel, or if the guest cancels in time.
#[utoipa::path(post, path = "/api/reservations/{reservation_id}/cancel", operation_id = "cancelReservation", tag = "commands",
    params(ReservationPath, Repeatable, Conditional),
    request_body(content = Cancel, example = json!({"reason_code": "guest_request", "description": "Kami sakit"})),
    responses((status = 200, body = ReservationView, headers(("ETag" = String))), NotFound, Conflict, Stale))]
pub(super) async fn cancel(State(app): State<App>, Id(id): Id, post: Post) -> Result<Response, Problem> {
    Ok(respond(operations::cancel(&app, id, post.into_call()).await?, Answer::Changed))
}

/// Correct contact, wishes, notes and tags
///
/// A JSON merge patch (RFC 7396). The previous contact is forgotten. A guest whose address was corrected gets the current
/// message again, and with another e-mail address new links; nothing is sent to the previous address any more. With their
/// link, guests correct name, phone number and wishes, and an e-mail address until they have proved it, or for an hour
/// after a booking that needed no proof; the response then contains their new link.
#[utoipa::path(patch, path = "/api/reservations/{reservation_id}", operation_id = "correctReservation", tag = "commands",
    params(ReservationPath, Repeatable, Conditional),
    request_body(content((CorrectReservation = "application/merge-patch+json", example = json!({"contact_info": {"phone": "+62 857 1234 5678"}, "tags": ["vip"]})))),
    responses((status = 200, body = ReservationView, headers(("ETag" = String))), NotFound, Conflict, Gone, Stale))]
pub(super) async fn correct(State(app): State<App>, Id(id): Id, post: Post) -> Result<Response, Problem> {
    Ok(respond(operations::correct(&app, id, post.into_call()).await?, Answer::Changed))
}

/// Change the end of a visit that has begun
///
/// The party stays longer, or leaves earlier. If the next party is due at one of its tables by then, the response is 409
/// `next_party_due`. With `override` that party loses the table in the same append, and needs another one.
#[utoipa::path(post, path = "/api/reservations/{reservation_id}/extend", operation_id = "extendVisit", tag = "commands",
    params(ReservationPath, Repeatable, Conditional),
    request_body(content = Extend, example = json!({"end_time": "2026-12-24T22:30"})),
    responses((status = 200, body = ReservationView, headers(("ETag" = String))), NotFound, Conflict, Stale))]
pub(super) async fn extend(State(app): State<App>, Id(id): Id, post: Post) -> Result<Response, Problem> {
    let (reservation, _) = app.require(id, post.caller()).await?;
    let (NewEnd { end, overrule }, context) =
        post.read(|form, _| request::extend(form, &app, &reservation))?;
    let outcome = app.executor.extend_visit(id, end, overrule.as_ref(), &context).await;
    Ok(respond(app.answer_changed(outcome, &context.caller).await?, Answer::Changed))
}

/// Exchange tables with another party
///
/// Each party gets the tables of the other one, for its own time. A repeated request exchanges them again: send an
/// Idempotency-Key.
#[utoipa::path(post, path = "/api/reservations/{reservation_id}/swap", operation_id = "swapTables", tag = "commands",
    params(ReservationPath, Repeatable, Conditional),
    request_body(content = Swap, example = json!({"with": "01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f"})),
    responses((status = 200, body = ReservationView, headers(("ETag" = String))), NotFound, Conflict, Stale))]
pub(super) async fn swap(State(app): State<App>, Id(id): Id, post: Post) -> Result<Response, Problem> {
    let (reservation, _) = app.require(id, post.caller()).await?;
    let (with, context) = post.read(|form, _| request::swap(form, &reservation))?;
    let outcome = app.executor.swap_tables(id, with, &context).await;
    Ok(respond(app.answer_changed(outcome, &context.caller).await?, Answer::Changed))
}

/// Undo the last change of the status
///
/// A check-in, a completion, a no-show or a cancellation. The party gets its tables again if they are free. A no-show fee
/// is withdrawn, and a deposit that went back is due again. There is no time limit.
#[utoipa::path(post, path = "/api/reservations/{reservation_id}/undo", operation_id = "undoReservation", tag = "commands",
    params(ReservationPath, Repeatable, Conditional),
    request_body(content = Undo, example = json!({"change": "check_in", "reason_code": "wrong_booking"})),
    responses((status = 200, body = ReservationView, headers(("ETag" = String))), NotFound, Conflict, Gone, Stale))]
pub(super) async fn undo(State(app): State<App>, Id(id): Id, post: Post) -> Result<Response, Problem> {
    let loaded = app.require(id, post.caller()).await?;
    let (command, context) = post.read(|form, _| request::undo(form, &app, &loaded.0))?;
    app.command(id, Some(loaded), command, context).await
}

/// Ask the guest whether the party comes
///
/// By text message and by mail, with a link to answer. At most three times for one visit; a repetition within two minutes
/// is the same question.
#[utoipa::path(post, path = "/api/reservations/{reservation_id}/ask", operation_id = "askGuest", tag = "commands",
    params(ReservationPath, Repeatable, Conditional),
    responses((status = 200, body = ReservationView, headers(("ETag" = String))), NotFound, Conflict, Gone, Stale))]
pub(super) async fn ask(State(app): State<App>, Id(id): Id, post: Post) -> Result<Response, Problem> {
    let (command, context) = post.read(|_, _| Some(Command::Ask))?;
    app.command(id, None, command, context).await
}

/// Answer whether the party comes
///
/// By the guest, or by staff for a guest who called. The last answer counts; it changes nothing but `attendance`.
#[utoipa::path(post, path = "/api/reservations/{reservation_id}/answer", operation_id = "answerQuestion", tag = "commands",
    params(ReservationPath, Repeatable, Conditional),
    request_body(content = AnswerQuestion, example = json!({"answer": "late", "late_minutes": 15})),
    responses((status = 200, body = ReservationView, headers(("ETag" = String))), NotFound, Conflict, Stale))]
pub(super) async fn answer(State(app): State<App>, Id(id): Id, post: Post) -> Result<Response, Problem> {
    Ok(respond(operations::answer(&app, id, post.into_call()).await?, Answer::Changed))
}

/// Prove the contact
///
/// By the guest, with the link or the six digits of the mail. A booking with an unproved contact is cancelled ten minutes
/// after the request. The contact is trusted for 180 days, so that the next booking needs no proof.
#[utoipa::path(post, path = "/api/reservations/{reservation_id}/prove-contact", operation_id = "proveReservationContact", tag = "commands",
    params(ReservationPath, Repeatable, Conditional),
    request_body(content = ProveContact, example = json!({"proof": "482915"})),
    responses((status = 200, body = ReservationView, headers(("ETag" = String))), NotFound, Conflict, Stale))]
pub(super) async fn prove_contact(
    State(app): State<App>,
    Id(id): Id,
    post: Post,
) -> Result<Response, Problem> {
    Ok(respond(operations::prove_contact(&app, id, post.into_call()).await?, Answer::Changed))
}

/// Request a deposit anew
///
/// For a payment that was refused, or by another channel. The previous payment is closed, and money that still arrives for
/// it is refunded. The time to pay stays. Nothing happens if the deposit is payable by that channel already.
#[utoipa::path(post, path = "/api/reservations/{reservation_id}/deposit/renew", operation_id = "renewDeposit", tag = "commands",
    params(ReservationPath, Repeatable, Conditional),
    request_body(content = RenewDeposit, example = json!({"payment_channel": "card"})),
    responses((status = 200, body = ReservationView, headers(("ETag" = String))), NotFound, Conflict, Stale))]
pub(super) async fn renew_deposit(
    State(app): State<App>,
    Id(id): Id,
    post: Post,
) -> Result<Response, Problem> {
    Ok(respond(operations::renew_deposit(&app, id, post.into_call()).await?, Answer::Changed))
}

/// Renew the link of the guest
///
/// For a link that reached the wrong person: earlier links of the booking are no longer valid. The response contains the
/// new one, and later messages do.
#[utoipa::path(post, path = "/api/reservations/{reservation_id}/link/renew", operation_id = "renewReservationLink", tag = "commands",
    params(ReservationPath, Repeatable, Conditional),
    responses((status = 200, body = ReservationView, headers(("ETag" = String))), NotFound, Conflict, Stale))]
pub(super) async fn renew_link(State(app): State<App>, Id(id): Id, post: Post) -> Result<Response, Problem> {
    let (command, context) = post.read(|_, _| Some(Command::RenewLink))?;
    let outcome = app.executor.change_reservation(id, None, &command, &context).await;
    let outcome = outcome.map_err(|error| app.problem(error))?;
    let answered = app.answer(&outcome, Link::Shown, None, &context.caller).await?;
    Ok(respond(answered, Answer::Linked))
}
