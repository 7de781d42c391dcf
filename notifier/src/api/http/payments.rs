//! Payments and payment channels.

use std::cmp::Reverse;

use access::Caller;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use chassis::api::{
    Cursor, ETag, PageQuery, PathParameters, Query, idempotency_key, is_not_modified, mark_replayed,
    not_modified, paged,
};
use chassis::docs::{Cached, Conflict, NotFound, NotModified, Repeatable};
use chassis::problem::Problem;
use contract::notifier::payments::{
    ChannelView, Channels, Labels, Limits, PaymentView, Payments, ScheduledRefund,
};
use contract::notifier::requests::{ListPayments, PaymentPath, Refund, drafts};
use contract::request::Request as _;
use contract::values::Whole;
use events::PaymentId;
use uuid::Uuid;

use super::problem::{LIMIT_DEFAULT, Order, problem};
use crate::app::App;
use crate::domain::payment_channels::{self, Channel};
use crate::effects::OrderedRefund;
use crate::effects::payment::Payment;

/// The payment channels
#[utoipa::path(get, path = "/api/payment-channels", operation_id = "listPaymentChannels", tag = "payments", responses((status = 200, body = Channels)))]
pub(super) async fn channels(State(app): State<App>) -> axum::Json<Channels> {
    let view = |channel: &Channel| ChannelView {
        code: channel.code.clone(),
        label: Labels { id: channel.label.id.clone(), en: channel.label.en.clone() },
        provider: channel.provider.clone(),
        currencies: channel.currencies.clone(),
        limits: channel
            .limits
            .iter()
            .map(|(currency, limits)| (currency.clone(), limits_of(*limits)))
            .collect(),
    };
    axum::Json(Channels { channels: app.payment_providers.channels.iter().map(view).collect() })
}

fn view_of(payment: Payment) -> PaymentView {
    PaymentView {
        payment_id: payment.id(),
        reservation_id: payment.reservation_id(),
        status: payment.full_status(),
        amount_minor: payment.opened.amount.amount_minor,
        currency: payment.opened.amount.currency,
        refunded_minor: payment.refunded_minor,
        channel: payment.opened.channel,
        provider: payment.opened.provider,
        provider_reference: payment.opened.provider_reference,
        opened_at: payment.opened_at,
        checkout_url: payment.opened.url,
    }
}

fn limits_of(limits: payment_channels::Limits) -> Limits {
    Limits { min_minor: limits.min_minor, max_minor: limits.max_minor }
}

/// List payments, the latest first
#[utoipa::path(get, path = "/api/payments", operation_id = "listPayments", tag = "payments",
    params(ListPayments),
    responses((status = 200, body = Payments, headers(("Link" = String, description = "rel=\"next\", except on the last page")))))]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(mut form): Query,
) -> Result<Response, Problem> {
    let query = PageQuery::of(&form);
    let draft = drafts::ListPayments::take(&mut form);
    let after =
        draft.cursor.as_ref().and_then(|text| form.checked(&["cursor"], text.as_str(), place(text.as_str())));
    let ListPayments { status, reservation_id, limit, .. } = draft.complete_in(form)?;
    let limit = limit.map_or(LIMIT_DEFAULT, usize::from);
    let wanted = |payment: &Payment| {
        status.is_none_or(|status| payment.full_status() == status)
            && reservation_id.is_none_or(|id| payment.reservation_id() == id)
            && after.is_none_or(|after| payment.place() > after)
    };
    let found = app.payments(&caller, wanted, limit + 1);
    let (found, next_cursor) = paged(found, limit, |last: &Payment| Cursor {
        at: last.opened_at,
        key: last.id().0.as_bytes().to_vec(),
    });
    let page = Payments { items: found.into_iter().map(view_of).collect(), next_cursor };
    Ok(query.respond("/api/payments", &page, page.next_cursor.as_deref()))
}

/// The place in the list that a cursor means.
fn place(text: &str) -> Result<(Reverse<i64>, PaymentId), &'static str> {
    let Cursor { at, key } = Cursor::parse(text)?;
    let id = Uuid::from_slice(&key).map_err(|_| "this is not a cursor of this list")?;
    Ok((Reverse(at.timestamp_micros()), PaymentId(id)))
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
    let payment = app.payment(&caller, id).ok_or_else(|| unknown_payment(id))?;
    let view = view_of(payment);
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

fn unknown_payment(id: PaymentId) -> Problem {
    Problem::not_found(format!("There is no payment {id}."))
}
