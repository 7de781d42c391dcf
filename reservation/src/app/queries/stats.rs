//! Counts for a day or a range.

use contract::reservation::stats::Stats;
use contract::reservation::words::ReservationStatus;

use super::QueryError;
use crate::app::App;
use crate::app::projections::Filter;
use crate::app::words;
use crate::domain::{Charge, Reservation, Status};

impl App {
    /// Counts of the reservations that `filter` selects.
    ///
    /// # Errors
    /// [`QueryError::Read`].
    pub async fn stats(&self, filter: &Filter) -> Result<Stats, QueryError> {
        filter.authorize()?;
        self.catch_up().await?;
        let mut stats = Stats {
            by_status: ReservationStatus::ALL.iter().map(|status| (*status, 0)).collect(),
            ..Stats::default()
        };
        self.projections.each(filter, |reservation| count(&mut stats, reservation));
        Ok(stats)
    }
}

fn count(stats: &mut Stats, reservation: &Reservation) {
    stats.reservations += 1;
    *stats.by_status.entry(words::status(&reservation.status)).or_default() += 1;
    if matches!(reservation.status, Status::Confirmed | Status::CheckedIn | Status::Completed) {
        stats.covers += u64::from(reservation.party_size().get());
    }
    for account in std::iter::once(&reservation.deposit).chain(reservation.fee.as_deref()) {
        let Charge::Paid(paid) = account else { continue };
        let revenue = stats.revenue_minor.entry(paid.amount.currency).or_default();
        *revenue += paid.amount.amount_minor - paid.refunded_minor;
    }
}
