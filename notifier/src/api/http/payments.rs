//! Payments and payment channels.

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use chassis::body;
use chassis::docs::{Conflict, NotFound, Repeatable};
use chassis::problem::Problem;
use contract::notifier::payments::{ChannelView, Channels, PaymentView, Payments, ScheduledRefund};
use contract::notifier::requests::{ListPayments, PaymentPath, Refund, drafts};
use contract::values::Whole;
use events::PaymentId;

use super::problem::{LIMIT_DEFAULT, Order, Parameters, problem};
use crate::app::App;
use crate::domain::payment_channels::Channel;
use crate::effects::payment::Payment;

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

/// List payments, the latest first
#[utoipa::path(get, path = "/api/payments", operation_id = "listPayments", tag = "payments",
    params(ListPayments),
    responses((status = 200, body = Payments)))]
pub(super) async fn list(
    State(app): State<App>,
    Parameters(mut form): Parameters,
) -> Result<axum::Json<Payments>, Problem> {
    let ListPayments { status, reservation_id, limit } =
        drafts::ListPayments::take(&mut form).complete_in(form)?;
    let wanted = |payment: &Payment| {
        status.is_none_or(|status| payment.full_status() == status)
            && reservation_id.is_none_or(|id| payment.reservation_id() == id)
    };
    let limit = limit.map_or(LIMIT_DEFAULT, usize::from);
    let items = app.effect_log.payments(wanted, limit).into_iter().map(view_of).collect();
    Ok(axum::Json(Payments { items }))
}

/// The id of a payment in a path.
pub(super) struct Id(PaymentId);

impl FromRequestParts<App> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let mut form = body::path_form(parts, app).await?;
        let PaymentPath { payment_id } = drafts::PaymentPath::take(&mut form).complete_in(form)?;
        Ok(Self(payment_id))
    }
}

/// Read a payment
#[utoipa::path(get, path = "/api/payments/{payment_id}", operation_id = "getPayment", tag = "payments", params(PaymentPath),
    responses((status = 200, body = PaymentView),
        NotFound))]
pub(super) async fn get(State(app): State<App>, Id(id): Id) -> Result<axum::Json<PaymentView>, Problem> {
    let payment = app.effect_log.payment(id);
    let payment = payment.ok_or_else(|| Problem::not_found(format!("There is no payment {id}.")))?;
    Ok(axum::Json(view_of(payment)))
}

/// Refund a payment, completely or in part
///
/// Requests with the same `Idempotency-Key` mean the same refund.
#[utoipa::path(post, path = "/api/payments/{payment_id}/refund", operation_id = "refundPayment", tag = "payments", security(("service_token" = [])),
    params(PaymentPath, Repeatable),
    request_body(content = Option<Refund>, example = json!({"amount_minor": 5_000_000})),
    responses((status = 202, description = "The refund is scheduled", body = ScheduledRefund),
        NotFound,
        Conflict))]
pub(super) async fn refund(
    State(app): State<App>,
    Id(id): Id,
    mut order: Order,
) -> Result<Response, Problem> {
    let Refund { amount_minor } = drafts::Refund::take(&mut order.form).complete_in(order.form)?;
    let key = app
        .effect_log
        .refund(id, amount_minor.map(Whole::get), order.key.as_deref(), &order.by)
        .await
        .map_err(|error| problem(&error))?;
    Ok((axum::http::StatusCode::ACCEPTED, axum::Json(ScheduledRefund { effect: key.to_string() }))
        .into_response())
}
