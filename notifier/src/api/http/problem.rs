//! The one place where an error of this service becomes an HTTP status, and what handlers extract from a request.

use access::Caller;
use axum::extract::{FromRequest, FromRequestParts as _, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use chassis::body;
use chassis::problem::Problem;
use chassis::request_trace::RequestTrace;
use contract::form::Form;
use events::recorded::EventMetadata;
use events::store::AppendError;

use crate::app::App;
use crate::effects::EffectLogError;
use crate::ports::ProviderError;
use crate::ports::reservation_api::ReservationError;
use crate::reconciliation::BooksError;

pub(super) fn problem(error: &EffectLogError) -> Problem {
    match error {
        EffectLogError::UnknownPayment(name) => Problem::not_found(format!("There is no payment {name}.")),
        EffectLogError::UnknownEffect(key) => {
            Problem::not_found(format!("There is no effect {key}. See /api/effects."))
        }
        EffectLogError::NotDead(_, state) => {
            let detail = format!("Only a dead letter can be retried or discarded; this effect is {state}.");
            Problem::new(StatusCode::CONFLICT, "not_dead", detail)
                .with(|problem| problem.effect_status = Some(*state))
        }
        EffectLogError::DeadRefund(key) => {
            let detail =
                format!("The refund {key} of this payment is a dead letter: retry or discard it first.");
            Problem::new(StatusCode::CONFLICT, "refund_is_dead", detail)
                .with(|problem| problem.effect = Some(key.to_string()))
        }
        EffectLogError::OtherRefund(_) => Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency_key_reused",
            "This Idempotency-Key was used for a refund of another amount. Use a new one.",
        ),
        EffectLogError::NotRefundable { left_minor, asked_minor, .. } => {
            let detail = match left_minor {
                0 => "Nothing of this payment can be refunded: it was not paid, or was refunded already."
                    .into(),
                _ => format!(
                    "Only {left_minor} minor units of this payment can be refunded, not {asked_minor}. Refund a smaller amount."
                ),
            };
            Problem::new(StatusCode::CONFLICT, "not_refundable", detail)
                .with(|problem| problem.refundable_minor = Some(*left_minor))
        }
        EffectLogError::Append(AppendError::Conflict { .. }) => Problem::new(
            StatusCode::CONFLICT,
            "conflict",
            "A concurrent change prevented this. Read it again, then decide.",
        ),
        EffectLogError::Superseded => Problem::unavailable(
            "standby",
            "Another notifier has taken over. Nothing was done. Send the request to the active one, whose /readyz responds with 200.",
            1,
        ),
        EffectLogError::Append(
            AppendError::Overloaded
            | AppendError::Closed
            | AppendError::NoSpace { .. }
            | AppendError::Unavailable { .. },
        ) => Problem::unavailable(
            "unavailable",
            "The log cannot be written at the moment. Nothing was done; try again.",
            5,
        ),
        EffectLogError::Panicked
        | EffectLogError::Append(_)
        | EffectLogError::Read(_)
        | EffectLogError::Entry(_) => Problem::internal(error),
    }
}

/// The problem for a failure of a payment provider.
pub(super) fn provider_problem(error: &ProviderError) -> Problem {
    match error {
        ProviderError::Final(_) => Problem::internal(error),
        ProviderError::Transient(_) | ProviderError::Busy { .. } | ProviderError::Failed(_) => {
            tracing::warn!(%error, "a request to the payment provider failed");
            Problem::unavailable(
                "provider_unavailable",
                "The payment provider is not available at the moment. Nothing was done; try again.",
                5,
            )
        }
    }
}

/// The problem for records that cannot be compared.
pub(super) fn books_problem(error: &BooksError) -> Problem {
    tracing::warn!(%error, "a reconciliation failed");
    match error {
        BooksError::Provider(name, _) => {
            let words =
                format!("The records of the provider {name} are not available at the moment. Try again.");
            Problem::unavailable("provider_unavailable", words, 10)
        }
        BooksError::NoProvider(_) => Problem::new(StatusCode::CONFLICT, "provider_gone", format!("{error}.")),
        BooksError::Reservation(error) => reservation_problem(error),
        BooksError::Event(_) => Problem::internal(error),
    }
}

/// The problem for a failed request to the reservation service.
pub(super) fn reservation_problem(error: &ReservationError) -> Problem {
    match error {
        ReservationError::Unavailable(_) | ReservationError::Limited(_) => {
            tracing::warn!(%error, "a request to the reservation service failed");
            Problem::unavailable(
                "reservation_unavailable",
                "The reservation service did not respond. Whether it carried out the request is unknown: read the resource again, then decide.",
                5,
            )
        }
        ReservationError::Unreadable(_) | ReservationError::Refused { .. } => Problem::internal(error),
    }
}

/// A command that moves money or sends messages.
pub(super) struct Order {
    pub(super) form: Form,
    pub(super) by: EventMetadata,
    pub(super) caller: Caller,
    pub(super) headers: HeaderMap,
}

impl FromRequest<App> for Order {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let Ok(caller) = Caller::from_request_parts(&mut parts, app).await;
        let Ok(RequestTrace { request_id, traceparent, .. }) =
            RequestTrace::from_request_parts(&mut parts, app).await;
        let by = EventMetadata {
            correlation_id: request_id,
            traceparent,
            actor: caller.actor.clone(),
            ..EventMetadata::system("operator")
        };
        Ok(Self { form: read_form(&parts, body).await?, by, caller, headers: parts.headers })
    }
}

/// The body of a request as a form.
pub(super) async fn read_form(parts: &Parts, body: axum::body::Body) -> Result<Form, Problem> {
    let body = chassis::body::read_body(body).await?;
    Ok(Form::new(body::parse_object(&parts.headers, &body)?))
}
