//! Counts for a day or a range.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use chassis::problem::Problem;
use serde::Serialize;
use utoipa::ToSchema;

use super::bodies;
use super::extract::Parameters;
use super::request;
use crate::app::App;
use crate::domain::{Deposit, Reservation, Status};

/// Counts over reservations by their start.
#[derive(Default, Serialize, ToSchema)]
pub(super) struct Stats {
    reservations: u64,
    /// By status; every status is there.
    by_status: BTreeMap<&'static str, u64>,
    /// Guests who come or came: confirmed, checked in and completed.
    covers: u64,
    /// Deposits that were paid less what went back, in minor units, by currency.
    revenue_minor: BTreeMap<String, i64>,
}

/// Counts by status, covers and revenue
#[utoipa::path(get, path = "/api/stats", tag = "reservations",
    params(("date" = Option<String>, Query, description = "A day at the venue, YYYY-MM-DD"), ("from" = Option<String>, Query),
        ("to" = Option<String>, Query), ("status" = Option<String>, Query), ("customer_id" = Option<String>, Query),
        ("venue_id" = Option<String>, Query)),
    responses((status = 200, body = Stats), (status = 422, body = bodies::InvalidRequest, content_type = "application/problem+json")))]
pub(super) async fn stats(
    State(app): State<App>,
    Parameters(mut form): Parameters,
) -> Result<Response, Problem> {
    app.views.caught_up(app.store.head()).await;
    let filter = request::filter(&mut form, &app);
    let filter = form.finish(filter)?;
    let mut stats = Stats { by_status: Status::WORDS.map(|word| (word, 0)).into(), ..Stats::default() };
    app.views.each(&filter, |reservation| stats.count(reservation));
    Ok(axum::Json(stats).into_response())
}

impl Stats {
    fn count(&mut self, reservation: &Reservation) {
        self.reservations += 1;
        *self.by_status.entry(reservation.status.word()).or_default() += 1;
        if matches!(reservation.status, Status::Confirmed | Status::CheckedIn | Status::Completed) {
            self.covers += u64::from(reservation.party_size().get());
        }
        for account in std::iter::once(&reservation.deposit).chain(reservation.fee.as_deref()) {
            let Deposit::Paid(paid) = account else { continue };
            let revenue = self.revenue_minor.entry(paid.amount.currency.to_string()).or_default();
            *revenue += paid.amount.amount_minor - paid.refunded_minor;
        }
    }
}
