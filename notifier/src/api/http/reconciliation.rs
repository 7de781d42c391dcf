//! Reconciliation on request.

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use chassis::api::{APPLICATION_JSON, Accepted, Query, TEXT_CSV};
use chassis::problem::Problem;
use chrono::TimeDelta;
use contract::notifier::reconciliation::Report;
use contract::notifier::requests::Reconcile;
use contract::notifier::words::ReportFormat;
use contract::request::Request as _;

use super::problem::books_problem;
use crate::app::App;
use crate::reconciliation::{csv, differences, gather};

/// The default period.
const DAYS: i64 = 90;

/// Reconcile payments
///
/// Compares the records of the providers, the effect log and the log of the reservation service, payment by payment.
/// Without `differences` they agree; a difference with effects under way has `in_motion`. One request at a time.
#[utoipa::path(get, path = "/api/reconciliation", operation_id = "reconcile", tag = "payments",
    params(Reconcile),
    responses((status = 200, content((Report = "application/json"), (String = "text/csv")))))]
pub(super) async fn reconciliation(
    State(app): State<App>,
    headers: HeaderMap,
    Query(form): Query,
) -> Result<Response, Problem> {
    let Reconcile { since, format } = Reconcile::read(form)?;
    let Ok(_one) = app.reconciling.try_acquire() else {
        return Err(Problem::unavailable("busy", "Another reconciliation is under way: try again.", 5));
    };
    let checked_at = app.env.now();
    let since = since.unwrap_or(checked_at - TimeDelta::days(DAYS));
    let books = gather(
        &app.effect_log,
        &app.payment_providers,
        app.reservation_api.as_ref(),
        app.env.as_ref(),
        since,
    )
    .await;
    let books = books.map_err(|error| books_problem(&error))?;
    let report = Report {
        checked_at,
        since,
        provider_payments: books.ledger.len(),
        journal_payments: books.journal.len(),
        log_payments: books.log.len(),
        differences: differences(&books, checked_at),
    };
    metrics::gauge!("meja_reconciliation_differences").set(report.differences.len() as f64);
    let accepted = || match Accepted::of(&headers).prefers(&TEXT_CSV, &APPLICATION_JSON) {
        true => ReportFormat::Csv,
        false => ReportFormat::Json,
    };
    let vary = [(header::VARY, "accept")];
    if format.unwrap_or_else(accepted) == ReportFormat::Csv {
        let csv = csv(&report.differences).map_err(|error| Problem::internal(&error))?;
        let csv_type = [(header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present")];
        return Ok((vary, csv_type, csv).into_response());
    }
    Ok((vary, axum::Json(report)).into_response())
}
