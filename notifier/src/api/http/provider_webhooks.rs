//! Webhooks of payment providers.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use chassis::body;
use chassis::docs::NotFound;
use chassis::problem::Problem;
use contract::form::Form;
use contract::notifier::payments::{Recorded, RecordedPayment};
use contract::notifier::requests::SimulatedDecision;
use contract::notifier::words::{Decision, Unused};
use contract::request::Request as _;

use super::problem::{problem, provider_problem};
use crate::adapters::simulated::{SIMULATED, SimulatedWebhookError};
use crate::adapters::stripe::webhook::{Notice, WebhookError};
use crate::app::App;
use crate::effects::EffectLogError;

/// Receive a webhook of the simulated provider
///
/// The first decision stands. A repeated webhook changes nothing and gets the same response. It is signed as
/// [Standard Webhooks](https://www.standardwebhooks.com) defines it, with the secret in the data directory.
#[utoipa::path(post, path = "/webhooks/simulated", operation_id = "receiveSimulatedWebhook", tag = "payments",
    params(("webhook-id" = Option<String>, Header, description = "The id of the webhook"),
        ("webhook-timestamp" = Option<String>, Header, description = "When it was signed, in seconds since 1970"),
        ("webhook-signature" = Option<String>, Header, description = "`v1,` and the HMAC-SHA256 over id, timestamp and body")),
    request_body(content = SimulatedDecision, example = json!({"reference": "sim_8c4f", "outcome": "paid"})),
    responses((status = 200, description = "Recorded", body = RecordedPayment),
        (status = 401, body = contract::problem::Problem, content_type = "application/problem+json", description = "The signature is missing, wrong or older than five minutes"),
        NotFound))]
pub(super) async fn simulated(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let body = body::read_body(body).await?;
    app.simulated.verify(&parts.headers, &body).map_err(forged)?;
    let form = Form::new(body::parse_object(&parts.headers, &body)?);
    let SimulatedDecision { reference, outcome } = SimulatedDecision::read(form)?;
    choose(&app, reference.as_str(), outcome == Decision::Paid).await
}

/// Records the decision of a guest at the simulated provider.
pub(super) async fn choose(app: &App, reference: &str, pays: bool) -> Result<Response, Problem> {
    let unknown = || problem(&EffectLogError::UnknownPayment(reference.to_owned()));
    app.effect_log.payment_of(reference).filter(|p| p.opened.provider == SIMULATED).ok_or_else(unknown)?;
    let status = app.simulated.choose(reference, pays).map_err(|error| provider_problem(&error))?;
    let payment = app.effect_log.decide(reference, status).await.map_err(|error| problem(&error))?;
    Ok(axum::Json(RecordedPayment { status: Recorded::Payment(payment.full_status()) }).into_response())
}

/// Receive a webhook of Stripe
///
/// An event with a `Stripe-Signature` over the raw body that is at most five minutes old. A repeated event changes
/// nothing and gets the same response; events about other payments are ignored.
#[utoipa::path(post, path = "/webhooks/stripe", operation_id = "receiveStripeWebhook", tag = "payments",
    params(("Stripe-Signature" = Option<String>, Header, description = "A time and signatures of the raw body")),
    request_body(content = HashMap<String, Value>, description = "An event of Stripe",
        example = json!({"id": "evt_1", "object": "event", "type": "payment_intent.succeeded", "data": {}})),
    responses((status = 200, description = "Recorded", body = RecordedPayment),
        (status = 401, body = contract::problem::Problem, content_type = "application/problem+json", description = "The signature is missing, wrong or older than five minutes"),
        NotFound))]
pub(super) async fn stripe(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let body = body::read_body(body).await?;
    let stripe = app.stripe.as_ref().ok_or_else(|| {
        let words = "Stripe is not configured: set NOTIFIER_STRIPE_SECRET_KEY.";
        Problem::new(StatusCode::NOT_FOUND, "unknown_provider", words)
    })?;
    let signature = parts.headers.get("stripe-signature").and_then(|value| value.to_str().ok());
    let notice = stripe.read_webhook(signature, &body, app.env.now()).map_err(|error| refusal(&error))?;
    let (reference, status) = match notice {
        Notice::Payment { reference, status } => (reference, status),
        Notice::Other(what) => {
            tracing::debug!(what, "a webhook of Stripe requires no action");
            return Ok(
                axum::Json(RecordedPayment { status: Recorded::Unused(Unused::Ignored) }).into_response()
            );
        }
    };
    // Our payment may not be recorded yet: Stripe sends the event again later.
    let payment = app.effect_log.decide(&reference, status).await.map_err(|error| problem(&error))?;
    Ok(axum::Json(RecordedPayment { status: Recorded::Payment(payment.full_status()) }).into_response())
}

fn forged(error: SimulatedWebhookError) -> Problem {
    let code = match error {
        SimulatedWebhookError::NoSignature => "no_signature",
        SimulatedWebhookError::Forged => "bad_signature",
        SimulatedWebhookError::OutOfTime => "signature_out_of_time",
    };
    tracing::warn!(code, "a webhook of the simulated provider was rejected");
    Problem::new(StatusCode::UNAUTHORIZED, code, format!("Nothing was done: {error}."))
}

fn refusal(error: &WebhookError) -> Problem {
    let (status, code) = match error {
        WebhookError::NoSecret => (StatusCode::NOT_FOUND, "no_webhook_secret"),
        WebhookError::NoSignature => (StatusCode::UNAUTHORIZED, "no_signature"),
        WebhookError::Forged => (StatusCode::UNAUTHORIZED, "bad_signature"),
        WebhookError::OutOfTime(_) => (StatusCode::UNAUTHORIZED, "signature_out_of_time"),
        WebhookError::Body(_) => (StatusCode::BAD_REQUEST, "not_an_event"),
    };
    tracing::warn!(code, "a webhook of Stripe was rejected");
    Problem::new(status, code, format!("Nothing was done: {error}."))
}
