//! Payments and payment channels.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use chassis::docs::{Conflict, NotFound};
use chassis::problem::Problem;
use chrono::{DateTime, Utc};
use contract::fault::Fault;
use events::{PaymentId, ReservationId};
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::{Order, Parameters, limit, problem};
use crate::app::App;
use crate::domain::payment_channels::{Channel, Labels, Limits};
use crate::effects::payment::Payment;

/// The payment channels.
#[derive(Serialize, ToSchema)]
pub(super) struct Channels {
    channels: Vec<ChannelView>,
}

/// A payment channel.
#[derive(Serialize, ToSchema)]
struct ChannelView {
    #[schema(example = "qris")]
    code: String,
    /// The name shown to people.
    label: Labels,
    /// A payment provider.
    #[schema(example = "simulated")]
    provider: String,
    #[schema(example = json!(["IDR"]))]
    currencies: Vec<String>,
    /// The minimum and maximum amounts by currency.
    limits: BTreeMap<String, Limits>,
}

/// The payment channels
#[utoipa::path(get, path = "/api/payment-channels", operation_id = "listPaymentChannels", tag = "payments", responses((status = 200, body = Channels)))]
pub(super) async fn channels(State(app): State<App>) -> axum::Json<Channels> {
    let view = |channel: &Channel| ChannelView {
        code: channel.code.clone(),
        label: channel.label.clone(),
        provider: channel.provider.clone(),
        currencies: channel.currencies.clone(),
        limits: channel.limits.clone(),
    };
    axum::Json(Channels { channels: app.payment_providers.channels.iter().map(view).collect() })
}

/// Payments.
#[derive(Serialize, ToSchema)]
pub(super) struct Payments {
    items: Vec<PaymentView>,
}

/// A payment.
#[derive(Serialize, ToSchema)]
pub(super) struct PaymentView {
    payment_id: String,
    reservation_id: String,
    /// pending, paid, refused, expired, partly_refunded or refunded.
    #[schema(example = "pending")]
    status: &'static str,
    /// Minor units of the currency.
    #[schema(example = 30_000_000)]
    amount_minor: i64,
    #[schema(example = "IDR")]
    currency: String,
    #[schema(example = "qris")]
    channel: String,
    #[schema(example = "simulated")]
    provider: String,
    /// The provider's reference.
    provider_reference: String,
    refunded_minor: i64,
    opened_at: DateTime<Utc>,
    /// The URL of the checkout page.
    checkout_url: String,
}

impl From<Payment> for PaymentView {
    fn from(payment: Payment) -> Self {
        Self {
            payment_id: payment.id().to_string(),
            reservation_id: payment.reservation_id().to_string(),
            status: payment.word(),
            amount_minor: payment.opened.amount.amount_minor,
            currency: payment.opened.amount.currency.to_string(),
            refunded_minor: payment.refunded_minor,
            channel: payment.opened.channel,
            provider: payment.opened.provider,
            provider_reference: payment.opened.provider_reference,
            opened_at: payment.opened_at,
            checkout_url: payment.opened.url,
        }
    }
}

/// List payments, the latest first
#[utoipa::path(get, path = "/api/payments", operation_id = "listPayments", tag = "payments",
    params(("status" = Option<String>, Query), ("reservation_id" = Option<String>, Query), ("limit" = Option<u32>, Query, description = "1 to 1000, 100 by default")),
    responses((status = 200, body = Payments)))]
pub(super) async fn list(
    State(app): State<App>,
    Parameters(mut form): Parameters,
) -> Result<axum::Json<Payments>, Problem> {
    let status = form.optional_parsed("status", 20, |text| {
        if Payment::WORDS.contains(&text) {
            Ok(text.to_owned())
        } else {
            Err(format!("{text:?} is not a status: {}", Payment::WORDS.join(", ")))
        }
    });
    let reservation_id = form.optional_parsed("reservation_id", 36, str::parse::<ReservationId>);
    let limit = limit(&mut form);
    let (status, reservation_id, limit) = form.finish(Some((status, reservation_id, limit)))?;
    let wanted = |payment: &Payment| {
        status.as_ref().is_none_or(|status| payment.word() == status)
            && reservation_id.is_none_or(|id| payment.reservation_id() == id)
    };
    let items = app.effect_log.payments(wanted, limit).into_iter().map(PaymentView::from).collect();
    Ok(axum::Json(Payments { items }))
}

fn payment_id(text: &str) -> Result<PaymentId, Problem> {
    text.parse().map_err(|error: events::ids::InvalidId| {
        Problem::from(Fault::new("path", "payment_id", "uuid_parsing", error, text))
    })
}

/// Read a payment
#[utoipa::path(get, path = "/api/payments/{payment_id}", operation_id = "getPayment", tag = "payments", params(("payment_id" = String, Path)),
    responses((status = 200, body = PaymentView),
        NotFound))]
pub(super) async fn get(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<axum::Json<PaymentView>, Problem> {
    let payment = app.effect_log.payment(payment_id(&id)?);
    let payment = payment.ok_or_else(|| Problem::not_found(format!("There is no payment {id}.")))?;
    Ok(axum::Json(payment.into()))
}

/// The amount to refund.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only a description; bodies are read as forms")]
pub(super) struct RefundBody {
    /// Minor units; all that is left by default.
    #[schema(minimum = 1)]
    amount_minor: Option<i64>,
}

/// A refund that was ordered.
#[derive(Serialize, ToSchema)]
pub(super) struct ScheduledRefund {
    /// The effect that makes the refund.
    #[schema(example = "01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f.refund-1")]
    effect: String,
}

/// Refund a payment, completely or in part
///
/// Requests with the same `Idempotency-Key` mean the same refund.
#[utoipa::path(post, path = "/api/payments/{payment_id}/refund", operation_id = "refundPayment", tag = "payments", security(("service_token" = [])),
    params(("payment_id" = String, Path), ("Idempotency-Key" = Option<String>, Header, description = "1 to 64 of A-Z, a-z, 0-9, - and _")),
    request_body(content = Option<RefundBody>, example = json!({"amount_minor": 5_000_000})),
    responses((status = 202, description = "The refund is scheduled", body = ScheduledRefund),
        NotFound,
        Conflict))]
pub(super) async fn refund(
    State(app): State<App>,
    Path(id): Path<String>,
    mut order: Order,
) -> Result<Response, Problem> {
    let id = payment_id(&id)?;
    let amount_minor = order.form.optional_integer("amount_minor", 1, i64::MAX);
    let amount_minor = order.form.finish(Some(amount_minor))?;
    let key = app
        .effect_log
        .refund(id, amount_minor, order.key.as_deref(), &order.by)
        .await
        .map_err(|error| problem(&error))?;
    Ok((axum::http::StatusCode::ACCEPTED, axum::Json(ScheduledRefund { effect: key.to_string() }))
        .into_response())
}
