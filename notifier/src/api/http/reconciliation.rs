//! Reconciliation on request.

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use chassis::problem::Problem;
use chrono::{DateTime, TimeDelta, Utc};

use super::problem::{Parameters, authorize, books_problem};
use crate::app::App;
use crate::reconciliation::{Report, differences, gather};

/// The default period.
const DAYS: i64 = 90;

/// Reconcile payments
///
/// Compares the records of the providers, the effect log and the log of the reservation service, payment by payment.
/// Without `differences` they agree; a difference with effects under way has `in_motion`. One request at a time.
#[utoipa::path(get, path = "/api/reconciliation", operation_id = "reconcile", tag = "payments", security(("service_token" = [])),
    params(("since" = Option<DateTime<Utc>>, Query, description = "Payments opened since then; the last 90 days by default"),
        ("format" = Option<String>, Query, description = "json (the default) or csv, which contains only the differences")),
    responses((status = 200, content((Report = "application/json"), (String = "text/csv")))))]
pub(super) async fn reconciliation(
    State(app): State<App>,
    headers: HeaderMap,
    Parameters(mut form): Parameters,
) -> Result<Response, Problem> {
    authorize(&app, &headers)?;
    let since = form.optional_parsed("since", 40, str::parse::<DateTime<Utc>>);
    let as_csv = form.optional_parsed("format", 4, |text| match text {
        "json" => Ok(false),
        "csv" => Ok(true),
        other => Err(format!("{other:?} is neither json nor csv")),
    });
    let (since, as_csv) = form.finish(Some((since, as_csv.unwrap_or(false))))?;
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
    if as_csv {
        let csv = report.csv().map_err(|error| Problem::internal(&error))?;
        let csv_type = [(header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present")];
        return Ok((csv_type, csv).into_response());
    }
    Ok(axum::Json(report).into_response())
}
