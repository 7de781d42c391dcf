//! What is possible instead of a refused request.

use chrono::{DateTime, Utc};
use events::values::TimeWindow;

use super::refused::{AlternativeTime, Alternatives, RefusedRequest, including};
use super::{CommandError, Executor};
use crate::domain::availability::{Seating, SeatingRequest, Table, Unavailable};
use crate::domain::{Refusal, Reservation, Status};

/// Maximum number of alternatives.
const ALTERNATIVES_MAX: usize = 3;

impl Executor {
    /// Adds to a refusal what is possible instead.
    pub(super) fn with_alternatives(&self, error: CommandError) -> CommandError {
        let CommandError::Refused { refusal, request, .. } = error else { return error };
        let alternatives = match &refusal {
            Refusal::TableTaken(_) | Refusal::TableTooSmall { .. } => self.free_tables(&request),
            Refusal::Unavailable(Unavailable::NoTable) if request.is_walk_in => self.wait_minutes(&request),
            Refusal::Unavailable(_) if request.is_walk_in => Alternatives::None,
            Refusal::Unavailable(_) => self.other_times(&request),
            _ => Alternatives::None,
        };
        CommandError::Refused { refusal, request, alternatives }
    }

    /// Tables that are free at the requested time, the smallest first. For a party that is already there, no
    /// table at which another party is seated.
    fn free_tables(&self, request: &RefusedRequest) -> Alternatives {
        let Some(venue) = self.venues.get(Some(&request.venue_id)) else {
            return Alternatives::Tables(Vec::new());
        };
        let (now, window) = (self.env.now(), request.window);
        let reservation = request.reservation.map(|(id, _)| id);
        // A party that was seated early is there before its time.
        let is_checked_in = |found: &Reservation| found.status == Status::CheckedIn;
        let is_seated = reservation.and_then(|id| self.projections.look(id, is_checked_in)).unwrap_or(false);
        let occupancy = self.projections.snapshot(&venue.id, &including(window, now)).occupancy;
        let is_left = |table: &Table| {
            let sitting = occupancy.sitting_at(&table.id, now).filter(|_| is_seated || window.start <= now);
            sitting.is_none_or(|sitting| sitting.by.reservation() == reservation)
        };
        let mut free: Vec<_> = venue
            .tables
            .iter()
            .filter(|table| table.seats >= request.size.get() && !request.current_tables.contains(&table.id))
            .filter(|table| occupancy.is_free(&table.id, &window, reservation))
            .filter(|table| is_left(table))
            .collect();
        free.sort_by_key(|table| table.seats);
        Alternatives::Tables(free.into_iter().take(ALTERNATIVES_MAX).cloned().collect())
    }

    fn wait_minutes(&self, request: &RefusedRequest) -> Alternatives {
        let venue = self.venues.get(Some(&request.venue_id));
        let Some(rules) = venue.as_ref().and_then(|venue| venue.rules.as_ref()) else {
            return Alternatives::WaitMinutes(None);
        };
        let now = request.window.start;
        let occupancy = self.projections.snapshot(&request.venue_id, &request.window).occupancy;
        let free_at = rules.seat_later(&occupancy, request.size, request.area.as_deref(), now);
        // Rounded up, so that nobody waits longer than quoted.
        let minutes = |at: DateTime<Utc>| (at - now).num_seconds().unsigned_abs().div_ceil(60);
        Alternatives::WaitMinutes(free_at.map(minutes))
    }

    fn other_times(&self, request: &RefusedRequest) -> Alternatives {
        let venue = self.venues.get(Some(&request.venue_id));
        let Some(rules) = venue.as_ref().and_then(|venue| venue.rules.as_ref()) else {
            return Alternatives::Times(Vec::new());
        };
        let seating_request = SeatingRequest {
            window: request.window,
            size: request.size,
            area: request.area.as_deref(),
            replaces: request.reservation.map(|(id, _)| id),
            current_tables: &request.current_tables,
        };
        // Alternatives can be at any time of the business day.
        let day = rules.hours.on(rules.hours.date_of(request.window.start));
        let day = day
            .iter()
            .fold(request.window, |day, sitting| including(including(day, sitting.opens), sitting.closes));
        let occupancy = self.projections.snapshot(&request.venue_id, &day).occupancy;
        let (now, same_time_only) = (self.env.now(), request.same_time_only);
        let found = rules.alternatives(&occupancy, &seating_request, same_time_only, now, ALTERNATIVES_MAX);
        let alternative = |(window, seating): (TimeWindow, &Seating)| {
            let area = seating.tables.first().map(|table| table.area.clone());
            AlternativeTime {
                window,
                area: area.filter(|area| seating.is_in(Some(area))),
                tables: seating.tables.iter().map(|table| table.id.clone()).collect(),
            }
        };
        Alternatives::Times(found.into_iter().map(alternative).collect())
    }
}
