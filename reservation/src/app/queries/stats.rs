//! Counts for a day or a range, in total and by groups.

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Timelike as _, Utc};
use contract::reservation::stats::{RefusalCount, Refusals, Stats};
use contract::reservation::words::{Canceller, ReservationStatus, StatsBy};
use events::VenueId;

use super::{QueryError, local};
use crate::app::App;
use crate::app::projections::Filter;
use crate::app::refusals::{Kind, Refused};
use crate::app::words;
use crate::domain::venue::Venue;
use crate::domain::{Charge, Reservation, Status};

/// The source of a booking that does not name one, and of a walk-in.
const BOOKING: &str = "booking";
const WALK_IN: &str = "walk_in";

impl App {
    /// Counts of the reservations that `filter` selects, also divided by `by` if it is given.
    ///
    /// # Errors
    /// [`QueryError::Read`].
    pub async fn stats(&self, filter: &Filter, by: Option<StatsBy>) -> Result<Stats, QueryError> {
        filter.authorize()?;
        self.catch_up().await?;
        let venues: HashMap<VenueId, Arc<Venue>> =
            self.venues.all().into_iter().map(|venue| (venue.id.clone(), venue)).collect();
        let mut total = Tally::default();
        let mut groups: BTreeMap<String, Tally> = BTreeMap::new();
        self.projections.each(filter, |reservation| {
            total.add(reservation);
            let venue = venues.get(&reservation.booking.venue_id).map(AsRef::as_ref);
            for key in by.into_iter().flat_map(|by| keys(reservation, venue, by)) {
                groups.entry(key.unwrap_or_default()).or_default().add(reservation);
            }
        });
        let group = |(key, tally): (String, Tally)| Stats { key: Some(key), ..tally.stats() };
        let groups = by.map(|_| groups.into_iter().map(group).collect());
        Ok(Stats { groups, ..total.stats() })
    }

    /// How many requests for a place on the business days in `dates` a venue refused.
    pub async fn refusals(&self, venue_id: &VenueId, dates: &RangeInclusive<NaiveDate>) -> Refusals {
        let _held = self.executor.refusals.hold().await;
        let waiting = self.executor.refusals.of(venue_id).into_iter();
        let waiting = waiting.filter(|((date, ..), _)| dates.contains(date));
        let mut counts: BTreeMap<Kind, Refused> = BTreeMap::new();
        for (kind, refused) in waiting.chain(self.projections.refused(venue_id, dates.clone())) {
            counts.entry(kind).or_default().add(refused);
        }
        let item = |((date, reason, walk_in), refused): (Kind, Refused)| {
            let Refused { requests, guests } = refused;
            RefusalCount { date, reason, walk_in, requests, guests }
        };
        Refusals { venue_id: venue_id.clone(), items: counts.into_iter().map(item).collect() }
    }
}

/// The groups to which a reservation belongs; `None` is the group of those that have none.
fn keys(reservation: &Reservation, venue: Option<&Venue>, by: StatsBy) -> Vec<Option<String>> {
    let start = reservation.window().start;
    let tables = || match reservation.tables.is_empty() {
        true => &reservation.left_tables,
        false => &reservation.tables,
    };
    let key = match by {
        StatsBy::Day => venue.map(|venue| venue.date_of(start).to_string()),
        StatsBy::Hour => Some(format!("{:02}", local(start, &reservation.booking.timezone).0.hour())),
        StatsBy::Service => venue.and_then(|venue| reservation.service(venue)),
        StatsBy::Area => tables().first().map(|table| table.area.clone()),
        StatsBy::Table => {
            let tables: Vec<_> = tables().iter().map(|table| Some(table.table_id.to_string())).collect();
            return if tables.is_empty() { vec![None] } else { tables };
        }
        StatsBy::Source => Some(source_of(reservation).to_owned()),
        StatsBy::Status => Some(words::status(&reservation.status).word().to_owned()),
    };
    vec![key]
}

/// Where a reservation comes from, as a stable word.
#[must_use]
pub fn source_of(reservation: &Reservation) -> &str {
    let unnamed = if reservation.booking.walk_in { WALK_IN } else { BOOKING };
    reservation.booking.source.as_deref().unwrap_or(unnamed)
}

/// When a reservation was booked; `None` if the other system that it comes from did not say.
fn booked_at(reservation: &Reservation) -> Option<DateTime<Utc>> {
    match &reservation.booking.imported {
        Some(imported) => imported.booked_at,
        None => Some(reservation.created.time),
    }
}

/// Counts that are not complete yet.
#[derive(Debug, Default)]
struct Tally {
    counts: Stats,
    no_shows: u64,
    arrived: u64,
    turn_minutes: u64,
    planned_minutes: i64,
    turns: u64,
    lead_minutes: i64,
    booked_ahead: u32,
}

impl Tally {
    fn add(&mut self, reservation: &Reservation) {
        let counts = &mut self.counts;
        counts.reservations += 1;
        *counts.by_status.entry(words::status(&reservation.status)).or_default() += 1;
        match &reservation.status {
            Status::Confirmed | Status::CheckedIn | Status::Completed => {
                counts.covers += u64::from(reservation.party_size().get());
            }
            Status::Cancelled { by, .. } => {
                *counts.cancellations.entry(words::canceller(*by)).or_default() += 1;
            }
            Status::Pending | Status::NoShow => {}
        }
        let deposit = (&reservation.deposit, true);
        let fee = reservation.fee.as_deref().map(|fee| (fee, false));
        for (account, is_deposit) in std::iter::once(deposit).chain(fee) {
            let Charge::Paid(paid) = account else { continue };
            let minor = paid.amount.amount_minor - paid.refunded_minor;
            *counts.revenue_minor.entry(paid.amount.currency).or_default() += minor;
            if is_deposit {
                *counts.deposits_minor.entry(paid.amount.currency).or_default() += minor;
            }
        }
        if let Some(minutes) = reservation.turn_minutes {
            self.turn_minutes += u64::from(minutes);
            self.planned_minutes += reservation.window().minutes();
            self.turns += 1;
        }
        if !reservation.booking.walk_in {
            if let Some(booked_at) = booked_at(reservation) {
                self.lead_minutes += (reservation.window().start - booked_at).num_minutes();
                self.booked_ahead += 1;
            }
            match &reservation.status {
                Status::NoShow => self.no_shows += 1,
                Status::CheckedIn | Status::Completed => self.arrived += 1,
                Status::Pending | Status::Confirmed | Status::Cancelled { .. } => {}
            }
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "an average is rounded anyway")]
    fn stats(self) -> Stats {
        let mut counts = self.counts;
        for status in ReservationStatus::ALL {
            counts.by_status.entry(*status).or_default();
        }
        for canceller in Canceller::ALL {
            counts.cancellations.entry(*canceller).or_default();
        }
        let due = self.no_shows + self.arrived;
        counts.no_show_rate = (due > 0).then(|| rounded(self.no_shows as f64 / due as f64, 10_000.0));
        let per_turn = |minutes: f64| (self.turns > 0).then(|| rounded(minutes / self.turns as f64, 10.0));
        counts.average_turn_minutes = per_turn(self.turn_minutes as f64);
        counts.average_planned_minutes = per_turn(self.planned_minutes as f64);
        counts.average_lead_hours = (self.booked_ahead > 0)
            .then(|| rounded(self.lead_minutes as f64 / 60.0 / f64::from(self.booked_ahead), 10.0));
        counts
    }
}

/// `value` as a multiple of 1 / `steps`.
fn rounded(value: f64, steps: f64) -> f64 {
    (value * steps).round() / steps
}
