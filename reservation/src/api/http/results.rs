//! Only for the other service: the results that it reports, and the contact of the guest.

use access::Caller;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use chassis::docs::{Conditional, Conflict, Gone, NotFound, Repeatable, Stale};
use chassis::problem::Problem;
use contract::reservation::commands::{EraseContact, ReservationPath};
use contract::reservation::contact::ProofLinkView;
use contract::reservation::erasures::{EraseGuest, Erasure};
use contract::reservation::results::{NotificationResult, PaymentResult};
use contract::reservation::view::{ContactView, GuestLinkView, PayLinkView, ReservationView};

use super::extract::{Id, Post};
use super::respond::private;
use crate::api::problem;
use crate::api::request;
use crate::app::App;
use crate::app::confidential::Contact;
use crate::app::contact::receives_text_messages;
use crate::app::contact_proof::Asked;

/// Record the result of a payment
#[utoipa::path(post, path = "/api/reservations/{reservation_id}/payment-results", operation_id = "reportPaymentResult", tag = "service",
    params(ReservationPath, Repeatable, Conditional),
    request_body(content = PaymentResult, example = json!({"payment_id": "01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f",
        "outcome": "completed", "amount_minor": 30_000_000, "currency": "IDR", "channel": "qris", "provider_reference": "sim_01939f3e"})),
    responses((status = 200, body = ReservationView, headers(("ETag" = String))),
        NotFound,
        Conflict,
        Stale))]
pub(super) async fn payment_results(
    State(app): State<App>,
    Id(id): Id,
    post: Post,
) -> Result<Response, Problem> {
    let (command, context) = post.read(|form, _| request::payment_result(form))?;
    app.command(id, None, command, context).await
}

/// Record the result of a message
#[utoipa::path(post, path = "/api/reservations/{reservation_id}/notification-results", operation_id = "reportNotificationResult", tag = "service",
    params(ReservationPath, Repeatable, Conditional),
    request_body(content = NotificationResult, example = json!({"notification_id": "n-1", "template": "confirmed", "medium": "mail", "outcome": "sent"})),
    responses((status = 200, body = ReservationView, headers(("ETag" = String))),
        NotFound,
        Conflict,
        Stale))]
pub(super) async fn notification_results(
    State(app): State<App>,
    Id(id): Id,
    post: Post,
) -> Result<Response, Problem> {
    let (command, context) = post.read(|form, _| request::notification_result(form))?;
    app.command(id, None, command, context).await
}

/// Read the contact and the links of the guest
#[utoipa::path(get, path = "/api/reservations/{reservation_id}/contact", operation_id = "getReservationContact", tag = "service",
    params(ReservationPath),
    responses((status = 200, body = ContactView),
        NotFound,
        Gone))]
pub(super) async fn contact(State(app): State<App>, Id(id): Id, caller: Caller) -> Result<Response, Problem> {
    let (reservation, _) = app.require(id, &caller).await?;
    app.record_reading(&reservation, &caller).await;
    let links = Links {
        guest: app.guest_link(&reservation),
        payments: app.pay_links(&reservation),
        proof: Asked::of_reservation(&reservation).and_then(|asked| app.proof_link(asked)),
    };
    respond_contact(app.contact(&reservation).await?, links)
}

/// The links of a guest.
pub(super) struct Links {
    pub(super) guest: Option<GuestLinkView>,
    pub(super) payments: Vec<PayLinkView>,
    pub(super) proof: Option<ProofLinkView>,
}

/// The response with `contact`, unless it was forgotten.
pub(super) fn respond_contact(contact: Option<Contact>, links: Links) -> Result<Response, Problem> {
    let Contact { name, phone, email, email_typed, .. } = contact.ok_or_else(problem::contact_erased)?;
    let text_messages = receives_text_messages(&phone);
    let email_typed = email_typed.unwrap_or_else(|| email.clone());
    let Links { guest: guest_link, payments: pay_links, proof } = links;
    let view = ContactView { name, phone, email, email_typed, text_messages, guest_link, pay_links, proof };
    Ok(([(header::CACHE_CONTROL, "no-store")], axum::Json(view)).into_response())
}

/// Forget the personal data of the guest
///
/// The contact, the special requests and the description of a cancellation are removed; all events stay readable.
#[utoipa::path(delete, path = "/api/reservations/{reservation_id}/contact", operation_id = "eraseReservationContact", tag = "service",
    params(ReservationPath, Repeatable, Conditional),
    request_body(content = Option<EraseContact>, example = json!({"reason_code": "guest_request"})),
    responses((status = 200, body = ReservationView, headers(("ETag" = String))),
        NotFound,
        Conflict,
        Stale))]
pub(super) async fn erase_contact(
    State(app): State<App>,
    Id(id): Id,
    post: Post,
) -> Result<Response, Problem> {
    let loaded = app.require(id, post.caller()).await?;
    let (command, context) = post.read(|form, _| request::erase_contact(form, &app, &loaded.0))?;
    app.command(id, Some(loaded), command, context).await
}

/// Forget everything about one guest
///
/// Every reservation and every waitlist entry with this phone number or this e-mail address, at the venues of the caller: the
/// contact, the wishes, the notes and the descriptions are removed; all events stay readable. A waiting party leaves the
/// waitlist.
#[utoipa::path(post, path = "/api/erasures", operation_id = "eraseGuest", tag = "service",
    request_body(content = EraseGuest, example = json!({"phone": "+62 812 3456 7890", "email": "sari@example.com"})),
    responses((status = 200, body = Erasure)))]
pub(super) async fn erase_guest(State(app): State<App>, post: Post) -> Result<Response, Problem> {
    let ((guest, reason_code), context) = post.read(|form, _| request::erase_guest(form, &app))?;
    let erased = app.erase_guest(&guest, &reason_code, &context).await;
    let erased = erased.map_err(|error| app.erasure_problem(error))?;
    Ok(private(&erased))
}
