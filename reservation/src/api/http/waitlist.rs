//! Waitlists.

use access::Caller;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use chassis::api::Query;
use chassis::docs::{Cached, Conditional, Conflict, Gone, NotFound, NotModified, Repeatable, Stale};
use chassis::problem::Problem;
use contract::reservation::attendance::AnswerQuestion;
use contract::reservation::commands::{AcceptOffer, JoinWaitlist, OfferTable, WaitlistPath};
use contract::reservation::contact::ProveContact;
use contract::reservation::personal_data::WaitlistPersonalData;
use contract::reservation::queries::{AsItWas, ListWaitlist, drafts};
use contract::reservation::results::NotificationResult;
use contract::reservation::view::{ContactView, ReservationView};
use contract::reservation::waitlist::{Waitlist, WaitlistView};
use events::WaitlistId;

use super::export::{self, Format};
use super::extract::{Answer, Post, WaitId};
use super::respond::{as_personal_file, respond, respond_if_modified, respond_waitlist, waitlist_etag};
use super::results::{Links, respond_contact};
use crate::api::answers::Link;
use crate::api::operations::waitlist as operations;
use crate::api::request;
use crate::app::App;
use crate::app::contact_proof::Asked;
use crate::app::request_context::RequestContext;
use crate::domain::waitlist::WaitlistCommand;

/// Join the waitlist
///
/// Free tables are offered to the first waiting party that they fit. The tables of an offer are held until
/// `offer.expires_at`, and the guest gets a message.
#[utoipa::path(post, path = "/api/waitlist", operation_id = "joinWaitlist", tag = "waitlist",
    params(Repeatable),
    request_body(content = JoinWaitlist, example = json!({"customer_id": "cust-42",
        "contact_info": {"name": "Sari Wulandari", "phone": "+62 812 3456 7890", "email": "sari@example.com"},
        "earliest_time": "2026-12-24T18:00", "latest_time": "2026-12-24T20:00", "party_size": 2})),
    responses((status = 200, body = WaitlistView, headers(("Location" = String), ("ETag" = String)),
        links(("entry" = (operation_id = "getWaitlistEntry", parameters(("waitlist_id" = "$response.body#/waitlist_id")), description = "Read the entry")))),
        NotFound,
        (status = 403, body = contract::problem::Problem, content_type = "application/problem+json", description = "quoted_minutes needs the scope floor"),
        (status = 409, body = contract::problem::Problem, content_type = "application/problem+json", description = "The party would wait in vain: closed, too_soon, party_too_large, no_table, pacing, kept_by_hand; or waitlist_full")))]
pub(super) async fn join(State(app): State<App>, post: Post) -> Result<Response, Problem> {
    Ok(respond_waitlist(operations::join(&app, post.into_call()).await?, Answer::Created))
}

/// Read a waitlist, in its order
///
/// With `as_of` as it was, with the parties that had joined in the 366 days before.
#[utoipa::path(get, path = "/api/waitlist", operation_id = "listWaitlist", tag = "waitlist",
    params(ListWaitlist, AsItWas),
    responses((status = 200, content((Waitlist = "application/json"), (String = "text/csv"))), NotFound))]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Query(form): Query,
) -> Result<Response, Problem> {
    // A removed venue is known once the projections contain its reservations.
    app.catch_up().await?;
    let (app, mut form) = request::as_it_was(&app, form, &caller).await?;
    let asked = drafts::ListWaitlist::take(&mut form);
    let venue = request::known_venue(&mut form, &app, &caller, asked.venue_id);
    let venue = form.finish(venue)?;
    let waitlist = app.waitlist(&venue, &caller).await?;
    let response = match Format::preferred(&headers) {
        Format::Csv => export::waitlist_csv(&waitlist.items)?,
        Format::Json | Format::Calendar => axum::Json(waitlist).into_response(),
    };
    Ok(export::varying(response))
}

/// Read a waitlist entry
#[utoipa::path(get, path = "/api/waitlist/{waitlist_id}", operation_id = "getWaitlistEntry", tag = "waitlist",
    params(WaitlistPath, Cached),
    responses((status = 200, body = WaitlistView, headers(("ETag" = String))),
        NotModified,
        NotFound))]
pub(super) async fn get(
    State(app): State<App>,
    WaitId(id): WaitId,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let view = operations::get(&app, id, &caller).await?;
    Ok(respond_if_modified(&headers, &view, waitlist_etag(&view)))
}

/// Accept an offer
///
/// The offered tables become a reservation, which is returned. If a deposit is due, they are held as for any booking.
#[utoipa::path(post, path = "/api/waitlist/{waitlist_id}/accept", operation_id = "acceptOffer", tag = "waitlist",
    params(WaitlistPath, Repeatable, Conditional),
    request_body(content = Option<AcceptOffer>, example = json!({})),
    responses((status = 200, body = ReservationView, headers(("Location" = String), ("ETag" = String)),
        links(("reservation" = (operation_id = "getReservation", parameters(("reservation_id" = "$response.body#/reservation_id")), description = "Read the reservation")))),
        NotFound,
        (status = 409, body = contract::problem::Problem, content_type = "application/problem+json", description = "nothing_offered, offer_expired, offer_withdrawn, left_waitlist; duplicate_booking: the same phone number or e-mail address has a booking at that time"),
        Stale))]
pub(super) async fn accept(
    State(app): State<App>,
    WaitId(id): WaitId,
    post: Post,
) -> Result<Response, Problem> {
    Ok(respond(operations::accept(&app, id, post.into_call()).await?, Answer::Created))
}

/// Decline an offer
///
/// The offer goes to the next party, and this party leaves the waitlist.
#[utoipa::path(post, path = "/api/waitlist/{waitlist_id}/decline", operation_id = "declineOffer", tag = "waitlist",
    params(WaitlistPath, Repeatable, Conditional),
    responses((status = 200, body = WaitlistView, headers(("ETag" = String))), NotFound, Conflict, Stale))]
pub(super) async fn decline(
    State(app): State<App>,
    WaitId(id): WaitId,
    post: Post,
) -> Result<Response, Problem> {
    Ok(respond_waitlist(operations::decline(&app, id, post.into_call()).await?, Answer::Changed))
}

/// Offer a table to a waiting party, out of its turn
///
/// Free tables are offered to the waitlist in turn without this. A host can offer a table to one party: sooner than a guest could
/// answer from afar, or a table that is larger than the venue would choose. The table is held from the first arrival that the
/// party accepts and at which it is free, and the guest gets the message of an offer.
#[utoipa::path(post, path = "/api/waitlist/{waitlist_id}/offer", operation_id = "offerTable", tag = "waitlist",
    params(WaitlistPath, Repeatable, Conditional),
    request_body(content = OfferTable, example = json!({"table_id": "T3"})),
    responses((status = 200, body = WaitlistView, headers(("ETag" = String))), NotFound, Conflict, Stale))]
pub(super) async fn offer(
    State(app): State<App>,
    WaitId(id): WaitId,
    post: Post,
) -> Result<Response, Problem> {
    Ok(respond_waitlist(operations::offer(&app, id, post.into_call()).await?, Answer::Changed))
}

/// Tell a waiting guest that the table is ready
///
/// By text message and by mail, with a link to answer. At most three times; a repetition within two minutes is the same
/// message. The party keeps its place: seat it with `POST /api/walk-ins`. A party that has an offer is not told.
#[utoipa::path(post, path = "/api/waitlist/{waitlist_id}/ready", operation_id = "tableReady", tag = "waitlist",
    params(WaitlistPath, Repeatable, Conditional),
    responses((status = 200, body = WaitlistView, headers(("ETag" = String))), NotFound, Conflict, Stale))]
pub(super) async fn ready(
    State(app): State<App>,
    WaitId(id): WaitId,
    post: Post,
) -> Result<Response, Problem> {
    let (command, context) = post.read(|_, _| Some(WaitlistCommand::CallIn))?;
    app.waitlist_command(id, command, context).await
}

/// Answer whether the waiting party comes
///
/// By the guest, or by staff for a guest who called. The last answer counts; it changes nothing but `attendance`.
#[utoipa::path(post, path = "/api/waitlist/{waitlist_id}/answer", operation_id = "answerWaitlistQuestion", tag = "waitlist",
    params(WaitlistPath, Repeatable, Conditional),
    request_body(content = AnswerQuestion, example = json!({"answer": "coming"})),
    responses((status = 200, body = WaitlistView, headers(("ETag" = String))), NotFound, Conflict, Stale))]
pub(super) async fn answer(
    State(app): State<App>,
    WaitId(id): WaitId,
    post: Post,
) -> Result<Response, Problem> {
    Ok(respond_waitlist(operations::answer(&app, id, post.into_call()).await?, Answer::Changed))
}

/// Prove the contact
///
/// By the guest, with the link or the six digits of the mail. Until then the party gets no offer, and after ten minutes the
/// entry ends.
#[utoipa::path(post, path = "/api/waitlist/{waitlist_id}/prove-contact", operation_id = "proveWaitlistContact", tag = "waitlist",
    params(WaitlistPath, Repeatable, Conditional),
    request_body(content = ProveContact, example = json!({"proof": "482915"})),
    responses((status = 200, body = WaitlistView, headers(("ETag" = String))), NotFound, Conflict, Stale))]
pub(super) async fn prove_contact(
    State(app): State<App>,
    WaitId(id): WaitId,
    post: Post,
) -> Result<Response, Problem> {
    Ok(respond_waitlist(operations::prove_contact(&app, id, post.into_call()).await?, Answer::Changed))
}

/// Leave the waitlist
#[utoipa::path(post, path = "/api/waitlist/{waitlist_id}/leave", operation_id = "leaveWaitlist", tag = "waitlist",
    params(WaitlistPath, Repeatable, Conditional),
    responses((status = 200, body = WaitlistView, headers(("ETag" = String))), NotFound, Conflict, Stale))]
pub(super) async fn leave(
    State(app): State<App>,
    WaitId(id): WaitId,
    post: Post,
) -> Result<Response, Problem> {
    Ok(respond_waitlist(operations::leave(&app, id, post.into_call()).await?, Answer::Changed))
}

/// Read the contact of a waiting party
#[utoipa::path(get, path = "/api/waitlist/{waitlist_id}/contact", operation_id = "getWaitlistContact", tag = "service",
    params(WaitlistPath),
    responses((status = 200, body = ContactView),
        NotFound,
        Gone))]
pub(super) async fn contact(
    State(app): State<App>,
    WaitId(id): WaitId,
    caller: Caller,
) -> Result<Response, Problem> {
    let entry = operations::require(&app, id, &caller).await?;
    app.record_reading_of_entry(&entry, &caller).await;
    let links = Links {
        guest: app.guest_link_of_entry(&entry),
        payments: Vec::new(),
        proof: Asked::of_entry(&entry).and_then(|asked| app.proof_link(asked)),
    };
    respond_contact(app.confidential(entry.at.position).await?, links)
}

/// Download what is held about the waiting guest
///
/// The contact, and what happened: Article 15 of the GDPR.
#[utoipa::path(get, path = "/api/waitlist/{waitlist_id}/personal-data", operation_id = "getWaitlistPersonalData", tag = "waitlist",
    params(WaitlistPath),
    responses((status = 200, body = WaitlistPersonalData, headers(("Content-Disposition" = String))), NotFound))]
pub(super) async fn personal_data(
    State(app): State<App>,
    WaitId(id): WaitId,
    caller: Caller,
) -> Result<Response, Problem> {
    let entry = operations::require(&app, id, &caller).await?;
    app.record_reading_of_entry(&entry, &caller).await;
    Ok(as_personal_file(&app.personal_data_of_entry(&entry).await?))
}

/// Record the result of a message to a waiting party
#[utoipa::path(post, path = "/api/waitlist/{waitlist_id}/notification-results", operation_id = "reportWaitlistNotificationResult", tag = "service",
    params(WaitlistPath, Repeatable, Conditional),
    request_body(content = NotificationResult, example = json!({"notification_id": "n-1", "template": "offer", "medium": "mail", "outcome": "sent"})),
    responses((status = 200, body = WaitlistView, headers(("ETag" = String))), NotFound, Conflict, Stale))]
pub(super) async fn notification_results(
    State(app): State<App>,
    WaitId(id): WaitId,
    post: Post,
) -> Result<Response, Problem> {
    let (result, context) = post.read(|form, _| request::message_result(form))?;
    app.waitlist_command(id, WaitlistCommand::RecordNotification(result), context).await
}

/// Renew the link of the guest
///
/// For a link that reached the wrong person: earlier links of the entry are no longer valid. The response contains the
/// new one, and later messages do.
#[utoipa::path(post, path = "/api/waitlist/{waitlist_id}/link/renew", operation_id = "renewWaitlistLink", tag = "waitlist",
    params(WaitlistPath, Repeatable, Conditional),
    responses((status = 200, body = WaitlistView, headers(("ETag" = String))), NotFound, Conflict, Stale))]
pub(super) async fn renew_link(
    State(app): State<App>,
    WaitId(id): WaitId,
    post: Post,
) -> Result<Response, Problem> {
    let (command, context) = post.read(|_, _| Some(WaitlistCommand::RenewLink))?;
    let outcome = app.executor.change_waitlist_entry(id, &command, &context).await;
    let outcome = outcome.map_err(|error| app.problem(error))?;
    let answered = app.answer_waitlist(&outcome, Link::Shown, &context.caller).await?;
    Ok(respond_waitlist(answered, Answer::Linked))
}

impl App {
    async fn waitlist_command(
        &self,
        id: WaitlistId,
        command: WaitlistCommand,
        context: RequestContext,
    ) -> Result<Response, Problem> {
        Ok(respond_waitlist(operations::run(self, id, command, context).await?, Answer::Changed))
    }
}
