//! Only for the other service: the results that it reports, and the contact of the guest.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use chassis::docs::{Conflict, NotFound};
use chassis::problem::Problem;
use serde::Serialize;
use utoipa::ToSchema;

use super::bodies;
use super::extract::{FromService, Id, Post};
use super::problem;
use super::request;
use crate::app::App;
use crate::app::confidential::Contact;
use crate::app::queries::reservation_view::ReservationView;

/// Record the result of a payment
#[utoipa::path(post, path = "/api/reservations/{reservation_id}/payment-results", operation_id = "reportPaymentResult", tag = "service", security(("service_token" = [])),
    params(("reservation_id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body(content = bodies::PaymentResult, example = json!({"payment_id": "01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f",
        "outcome": "completed", "amount_minor": 30_000_000, "currency": "IDR", "channel": "qris", "provider_reference": "sim_01939f3e"})),
    responses((status = 200, body = ReservationView, headers(("ETag" = String))),
        NotFound,
        Conflict))]
pub(super) async fn payment_results(
    State(app): State<App>,
    _: FromService,
    Id(id): Id,
    post: Post,
) -> Result<Response, Problem> {
    let (command, context) = post.read(request::payment_result)?;
    app.command(id, None, command, context).await
}

/// Record the result of a message
#[utoipa::path(post, path = "/api/reservations/{reservation_id}/notification-results", operation_id = "reportNotificationResult", tag = "service", security(("service_token" = [])),
    params(("reservation_id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body(content = bodies::NotificationResult, example = json!({"notification_id": "n-1", "template": "confirmed", "medium": "mail", "outcome": "sent"})),
    responses((status = 200, body = ReservationView, headers(("ETag" = String))),
        NotFound))]
pub(super) async fn notification_results(
    State(app): State<App>,
    _: FromService,
    Id(id): Id,
    post: Post,
) -> Result<Response, Problem> {
    let (command, context) = post.read(request::notification_result)?;
    app.command(id, None, command, context).await
}

/// The contact of a guest.
#[derive(Serialize, ToSchema)]
pub(super) struct ContactView {
    #[schema(example = "Sari Wulandari")]
    name: String,
    /// E.164.
    #[schema(example = "+6281234567890")]
    phone: String,
    #[schema(example = "sari@example.com")]
    email: String,
}

/// Read the contact of the guest
#[utoipa::path(get, path = "/api/reservations/{reservation_id}/contact", operation_id = "getReservationContact", tag = "service", security(("service_token" = [])),
    params(("reservation_id" = String, Path)),
    responses((status = 200, body = ContactView),
        NotFound,
        (status = 410, description = "The contact was erased", body = contract::problem::Problem, content_type = "application/problem+json")))]
pub(super) async fn contact(State(app): State<App>, _: FromService, Id(id): Id) -> Result<Response, Problem> {
    let (reservation, _) = app.require(id).await?;
    ContactView::respond(app.confidential(reservation.created.position).await?)
}

impl ContactView {
    /// The response with `contact`, unless it was forgotten.
    pub(super) fn respond(contact: Option<Contact>) -> Result<Response, Problem> {
        let Contact { name, phone, email, .. } = contact.ok_or_else(problem::contact_erased)?;
        Ok(axum::Json(Self { name, phone, email }).into_response())
    }
}

/// Forget the personal data of the guest
///
/// The contact, the special requests and the description of a cancellation are removed; all events stay readable.
#[utoipa::path(delete, path = "/api/reservations/{reservation_id}/contact", operation_id = "eraseReservationContact", tag = "service", security(("service_token" = [])),
    params(("reservation_id" = String, Path)),
    request_body(content = Option<bodies::EraseContact>, example = json!({"reason_code": "guest_request"})),
    responses((status = 200, body = ReservationView, headers(("ETag" = String))),
        NotFound))]
pub(super) async fn erase_contact(
    State(app): State<App>,
    _: FromService,
    Id(id): Id,
    post: Post,
) -> Result<Response, Problem> {
    let (command, context) = post.read(request::erase_contact)?;
    app.command(id, None, command, context).await
}
