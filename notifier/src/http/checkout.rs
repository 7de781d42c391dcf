//! The simulated provider's checkout page, and its webhook. Who knows the reference, which is
//! random, may pay or refuse.

use axum::extract::{Path, Request, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use chassis::problem::Problem;
use events::values::Locale;
use minijinja::{Environment, context};
use serde_json::json;

use super::ops;
use super::problem::{problem, read_form};
use crate::app::App;
use crate::channels::CHANNELS;
use crate::messages::money;
use crate::outbox::OutboxError;

const PAGE: &str = include_str!("../../templates/checkout.html");

/// A page is for one guest, and loads nothing from anywhere.
pub(super) const PRIVATE_PAGE: [(HeaderName, &str); 3] = [
    (header::CACHE_CONTROL, "no-store"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
    ),
    (header::REFERRER_POLICY, "no-referrer"),
];

/// The page where a person pays or refuses.
pub(super) async fn page(State(app): State<App>, Path(reference): Path<String>) -> Result<Response, Problem> {
    let payment = app
        .outbox
        .payment_of(&reference)
        .ok_or_else(|| problem(&OutboxError::UnknownPayment(reference.clone())))?;
    let channel = CHANNELS.iter().find(|channel| channel.code == payment.opened.channel);
    let page = Environment::new().render_named_str(
        "checkout.html",
        PAGE,
        context! {
            reference,
            amount => money(payment.opened.amount, Locale::En),
            channel => channel.map_or(payment.opened.channel.as_str(), |channel| channel.label_en),
            reservation_id => payment.reservation_id().to_string(),
            status => payment.word(),
        },
    );
    let page = page.map_err(|error| Problem::internal(&error))?;
    Ok((PRIVATE_PAGE, Html(page)).into_response())
}

/// A button of the page was pressed.
pub(super) async fn choose(
    State(app): State<App>,
    Path((reference, choice)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let paid = match choice.as_str() {
        "pay" => true,
        "refuse" => false,
        _ => return Err(Problem::not_found("A guest can pay or refuse.")),
    };
    app.outbox.decide(&reference, paid).await.map_err(|error| problem(&error))?;
    Ok(Redirect::to(&format!("/checkout/{reference}")).into_response())
}

/// The provider tells what the guest decided
///
/// The first word stands; a repeat answers the same.
#[utoipa::path(post, path = "/webhooks/{provider}", tag = "payments", params(("provider" = String, Path, example = "simulated")),
    request_body(content = Object, example = json!({"reference": "sim_8c4f", "outcome": "paid"})),
    responses((status = 200, description = "Noted", example = json!({"status": "paid"})),
        (status = 404, body = ops::ProblemDoc, content_type = "application/problem+json"),
        (status = 422, body = ops::ProblemDoc, content_type = "application/problem+json")))]
pub(super) async fn webhook(
    State(app): State<App>,
    Path(provider): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    if provider != "simulated" {
        return Err(Problem::new(
            StatusCode::NOT_FOUND,
            "unknown_provider",
            format!("{provider:?} is not a provider here: simulated is."),
        ));
    }
    let (parts, body) = request.into_parts();
    let mut form = read_form(&parts, body).await?;
    let reference = form.text("reference", 64);
    let paid = form.parsed("outcome", 10, |text| match text {
        "paid" => Ok(true),
        "refused" => Ok(false),
        other => Err(format!("{other:?} is neither paid nor refused")),
    });
    let (reference, paid) = form.finish(reference.zip(paid))?;
    let payment = app.outbox.decide(&reference, paid).await.map_err(|error| problem(&error))?;
    Ok(axum::Json(json!({"status": payment.word()})).into_response())
}
