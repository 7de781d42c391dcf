//! Counts for a day or a range.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::QueryError;
use crate::app::App;
use crate::app::projections::Filter;
use crate::domain::{Charge, Reservation, Status};

/// Counts of reservations by their start.
#[derive(Default, Serialize, ToSchema)]
pub struct Stats {
    reservations: u64,
    /// By status; every status is present.
    by_status: BTreeMap<&'static str, u64>,
    /// Guests with the status CONFIRMED, CHECKED_IN or COMPLETED.
    covers: u64,
    /// Paid deposits and fees minus refunds, in minor units, by currency.
    revenue_minor: BTreeMap<String, i64>,
}

impl App {
    /// Counts of the reservations that `filter` selects.
    ///
    /// # Errors
    /// [`QueryError::Read`].
    pub async fn stats(&self, filter: &Filter) -> Result<Stats, QueryError> {
        self.catch_up().await?;
        let mut stats = Stats { by_status: Status::WORDS.map(|word| (word, 0)).into(), ..Stats::default() };
        self.projections.each(filter, |reservation| stats.count(reservation));
        Ok(stats)
    }
}

impl Stats {
    fn count(&mut self, reservation: &Reservation) {
        self.reservations += 1;
        *self.by_status.entry(reservation.status.word()).or_default() += 1;
        if matches!(reservation.status, Status::Confirmed | Status::CheckedIn | Status::Completed) {
            self.covers += u64::from(reservation.party_size().get());
        }
        for account in std::iter::once(&reservation.deposit).chain(reservation.fee.as_deref()) {
            let Charge::Paid(paid) = account else { continue };
            let revenue = self.revenue_minor.entry(paid.amount.currency.to_string()).or_default();
            *revenue += paid.amount.amount_minor - paid.refunded_minor;
        }
    }
}
