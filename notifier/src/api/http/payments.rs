//! Payments and payment channels.

use access::Caller;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use chassis::api::{
    ETag, PageQuery, PathParameters, Query, idempotency_key, is_not_modified, mark_replayed, not_modified,
};
use chassis::docs::{Cached, Conflict, NotFound, NotModified, Repeatable};
use chassis::problem::Problem;
use contract::notifier::payments::{Channels, PaymentView, Payments, ScheduledRefund};
use contract::notifier::requests::{ListPayments, PaymentPath, Refund};
use contract::request::Request as _;
use contract::values::Whole;

use super::problem::{Order, problem};
use crate::api::operations::payments::{self as operations, unknown_payment};
use crate::app::App;
use crate::effects::OrderedRefund;

/// The payment channels
#[utoipa::path(get, path = "/api/payment-channels", operation_id = "listPaymentChannels", tag = "payments", responses((status = 200, body = Channels)))]
pub(super) async fn channels(State(app): State<App>) -> axum::Json<Channels> {
    axum::Json(operations::channels(&app))
}

/// List payments, the latest first
#[utoipa::path(get, path = "/api/payments", operation_id = "listPayments", tag = "payments",
    params(ListPayments),
    responses((status = 200, body = Payments, headers(("Link" = String, description = "rel=\"next\", except on the last page")))))]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(form): Query,
) -> Result<Response, Problem> {
    let query = PageQuery::of(&form);
    let page = operations::list(&app, form, &caller)?;
    Ok(query.respond("/api/payments", &page, page.next_cursor.as_deref()))
}

/// Read a payment
#[utoipa::path(get, path = "/api/payments/{payment_id}", operation_id = "getPayment", tag = "payments", params(PaymentPath, Cached),
    responses((status = 200, body = PaymentView, headers(("ETag" = String))),
        NotModified,
        NotFound))]
pub(super) async fn get(
    State(app): State<App>,
    PathParameters(PaymentPath { payment_id: id }): PathParameters<PaymentPath>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let view = operations::get(&app, id, &caller)?;
    let etag = ETag::of_json(&view);
    Ok(match is_not_modified(&headers, &etag) {
        true => not_modified(etag),
        false => (etag, axum::Json(view)).into_response(),
    })
}

/// Refund a payment, completely or in part
///
/// Requests with the same `Idempotency-Key` mean the same refund.
#[utoipa::path(post, path = "/api/payments/{payment_id}/refund", operation_id = "refundPayment", tag = "payments",
    params(PaymentPath, Repeatable),
    request_body(content = Option<Refund>, example = json!({"amount_minor": 5_000_000})),
    responses((status = 202, description = "The refund is scheduled", body = ScheduledRefund),
        NotFound,
        Conflict))]
pub(super) async fn refund(
    State(app): State<App>,
    PathParameters(PaymentPath { payment_id: id }): PathParameters<PaymentPath>,
    order: Order,
) -> Result<Response, Problem> {
    app.payment(&order.caller, id).ok_or_else(|| unknown_payment(id))?;
    let key = idempotency_key(&order.headers)?;
    let Refund { amount_minor } = Refund::read(order.form)?;
    let OrderedRefund { key, replayed } = app
        .effect_log
        .refund(id, amount_minor.map(Whole::get), key.as_deref(), &order.by)
        .await
        .map_err(|error| problem(&error))?;
    let scheduled = axum::Json(ScheduledRefund { effect: key.to_string() });
    let mut response = (StatusCode::ACCEPTED, scheduled).into_response();
    if replayed {
        mark_replayed(&mut response);
    }
    Ok(response)
}
