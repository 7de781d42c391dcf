//! The receipt of a booking: what was agreed, the amounts, and the proof that the log contains it.

use axum::body::Body;
use axum::extract::{Query, Request};
use axum::http::header::{ACCEPT, AUTHORIZATION};
use axum::response::{IntoResponse as _, Response};
use chassis::problem::Problem;
use chassis::request_trace::RequestTrace;
use minijinja::context;
use rpc::v1;
use serde::Deserialize;

use super::assets::RECEIPT_SCRIPT;
use super::booking::{Booking, charges, money};
use super::{channels, notices};
use crate::proxy::Target;

/// The page: for paper, and with the proof, which a script checks in the browser.
pub(super) async fn page(own: Booking) -> Response {
    let locale = own.locale();
    let now = own.guest.app.env.now().with_timezone(&own.zone());
    let charges = match charges(&own).await {
        Ok(charges) => charges,
        Err(trouble) => return notices::trouble(&own.guest, &trouble),
    };
    let paid = own.subject.payment.as_ref().filter(|payment| is_paid(payment));
    let channel = paid.and_then(|payment| payment.channel.as_ref());
    let channels = own.guest.call().channels().await.unwrap_or_default();
    let facts = context! {
        money => money(&own, &charges, locale),
        channel => channel.and_then(|code| channels::label_of(code, &channels, locale)),
        printed => people::moment(&now, locale),
        reservation_id => own.subject.reservation_id,
        timezone => own.zone().name(),
        receipt_script => RECEIPT_SCRIPT.path(),
    };
    own.page("receipt.html", facts).respond()
}

/// Whether money was paid with it, also if that came back.
fn is_paid(payment: &v1::DepositPayment) -> bool {
    matches!(&payment.status[..], "completed" | "partly_refunded" | "refunded")
}

/// The query of a receipt.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Since {
    /// The number of events in an older checkpoint. The service checks it.
    since: Option<String>,
}

/// The receipt with its proofs, as the service makes it. The script cannot ask the service, because the browser keeps the link of the
/// guest from scripts.
pub(super) async fn file(
    own: Booking,
    trace: RequestTrace,
    Query(Since { since }): Query<Since>,
) -> Response {
    let id = &own.subject.reservation_id;
    let since = since.map(|since| since.chars().filter(char::is_ascii_alphanumeric).collect::<String>());
    let query = since.map(|since| format!("?since={since}")).unwrap_or_default();
    let request = Request::get(format!("/api/reservations/{id}/receipt{query}"))
        .header(ACCEPT, "application/json")
        .header(AUTHORIZATION, format!("Bearer {}", own.link()))
        .body(Body::empty());
    match request {
        Ok(request) => own.guest.app.send(Target::Reservation, &trace.request_id, request).await,
        Err(error) => Problem::internal(&error).into_response(),
    }
}
