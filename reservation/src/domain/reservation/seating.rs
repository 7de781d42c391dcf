//! Tables of an existing reservation: which ones the party gets when it moves, grows or arrives.
//!
//! At a venue with booking rules every booking takes its tables in the events that create it. At a venue
//! that is managed by hand a booking takes no tables; staff assign them.

use chrono::{DateTime, TimeDelta, Utc};
use events::TableId;
use events::event::{Event, PartySizeChanged, ReservationCheckedIn, ReservationRescheduled, TableAssigned};
use events::values::{PartySize, ReleaseCause, TimeWindow};

use super::command::TableChoice;
use super::{Reservation, Status, TableAssignment};
use crate::domain::availability::{Arrival, EARLY_HOURS_MAX, Holder, SeatingContext, SeatingRequest};
use crate::domain::refusal::Refusal;
use crate::domain::venue::Venue;

impl Reservation {
    /// Assigns a table chosen by staff: any free table, including one that is not in the venue file.
    pub(super) fn decide_table(
        &self,
        choice: &TableChoice,
        context: &SeatingContext<'_>,
    ) -> Result<Vec<Event>, Refusal> {
        if !matches!(self.status, Status::Pending | Status::Confirmed | Status::CheckedIn) {
            return Err(self.status.refusal(Refusal::NotConfirmed));
        }
        if let [only] = self.tables.as_slice()
            && only.table_id == choice.table_id
            && only.capacity == choice.capacity
            && only.area == choice.area
        {
            return Ok(vec![]);
        }
        fits(u32::from(choice.capacity), self.party_size())?;
        // A party that was seated early has its tables for longer than its window.
        let window = self.tables.first().map_or(self.window(), |table| table.window);
        if !context.occupancy.is_free(&choice.table_id, &window, Some(self.id)) {
            return Err(Refusal::TableTaken(choice.table_id.clone()));
        }
        let mut events = self.release(ReleaseCause::Moved);
        events.push(
            TableAssigned {
                assignment_id: choice.assignment_id,
                table_id: choice.table_id.clone(),
                capacity: choice.capacity,
                area: choice.area.clone(),
                window,
            }
            .into(),
        );
        Ok(events)
    }

    /// Checks the party in. At a venue with booking rules its tables become its own from now on, so they must
    /// be free until its window starts, and no other party may be seated at them.
    pub(super) fn decide_check_in(
        &self,
        context: &SeatingContext<'_>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Event>, Refusal> {
        match &self.status {
            Status::Confirmed => {}
            Status::CheckedIn => return Ok(vec![]),
            other => return Err(other.refusal(Refusal::NotConfirmed)),
        }
        let seated = Event::from(ReservationCheckedIn {});
        let Some(from) = self.seated_from(now).filter(|_| context.rules.is_some()) else {
            return Ok(vec![seated]);
        };
        let is_taken = |table: &&TableAssignment| {
            let sits = context.occupancy.sitting_at(&table.table_id, now);
            !context.occupancy.is_free(&table.table_id, &from, Some(self.id))
                || sits.is_some_and(|sits| sits.by != self.holder())
        };
        if let Some(taken) = self.tables.iter().find(is_taken) {
            return Err(Refusal::TableTaken(taken.table_id.clone()));
        }
        if from == self.window() {
            return Ok(vec![seated]);
        }
        let mut events = self.release(ReleaseCause::Moved);
        events.extend(self.tables.iter().map(|table| along(table, from)));
        events.push(seated);
        Ok(events)
    }

    /// The time for which the party has its tables if it is seated at `now`; `None` if `now` is too early for
    /// the check-in to be plausible.
    #[must_use]
    pub fn seated_from(&self, now: DateTime<Utc>) -> Option<TimeWindow> {
        let TimeWindow { start, end } = self.window();
        (now + TimeDelta::hours(EARLY_HOURS_MAX) >= start)
            .then_some(TimeWindow { start: start.min(now), end })
    }

    /// The holder of this reservation's tables.
    #[must_use]
    pub fn holder(&self) -> Holder {
        match self.booking.walk_in {
            true => Holder::WalkIn(self.id),
            false => Holder::Booking(self.id),
        }
    }

    /// The arrival of this party; `None` if it does not count for pacing.
    #[must_use]
    pub fn arrival(&self) -> Option<Arrival> {
        match self.status {
            // Walk-ins do not use up the capacity of a slot.
            _ if self.booking.walk_in => None,
            Status::Pending | Status::Confirmed | Status::CheckedIn | Status::Completed => {
                Some(Arrival { at: self.window().start, size: self.party_size() })
            }
            Status::Cancelled { .. } | Status::NoShow => None,
        }
    }

    /// Why this reservation no longer complies with the rules `now`, as a stable code; `None` if it does.
    /// Tables that staff added by hand are accepted, but without the rules `before` they look like removed
    /// ones.
    #[must_use]
    pub fn affected_by(&self, now: &Venue, before: Option<&Venue>) -> Option<&'static str> {
        let was = |id: &TableId| before.map(|before| before.table(id));
        let seats = self.tables.iter().map(|table| {
            let seats_now = now.table(&table.table_id).map_or(table.capacity, |table| table.seats);
            u32::from(seats_now.min(table.capacity))
        });
        let too_few = seats.sum::<u32>() < u32::from(self.party_size().get());
        for table in &self.tables {
            match (now.table(&table.table_id), was(&table.table_id)) {
                (None, None) => return Some("table_unknown"),
                (None, Some(Some(_))) => return Some("table_gone"),
                (Some(table_now), None) if too_few && table_now.seats < table.capacity => {
                    return Some("table_smaller");
                }
                (Some(table_now), Some(Some(was))) if too_few && table_now.seats < was.seats => {
                    return Some("table_smaller");
                }
                _ => {}
            }
        }
        let rules = now.rules.as_ref()?;
        if self.tables.is_empty() {
            return Some("no_table");
        }
        (!rules.hours.is_open_for(&self.window())).then_some("closed")
    }

    /// The request of this party for `window` and `size`, at `area` if that changes.
    fn seating_request<'a>(
        &'a self,
        window: TimeWindow,
        size: PartySize,
        area: Option<&'a String>,
        current_tables: &'a [TableId],
    ) -> SeatingRequest<'a> {
        let area = area.or(self.booking.area.as_ref()).map(String::as_str);
        SeatingRequest { window, size, area, replaces: Some(self.id), current_tables }
    }

    /// Moves the reservation. Its tables are released and assigned anew, so that these two event types alone
    /// determine which party has a table at which time. At a venue with booking rules the party may get other tables.
    pub(super) fn decide_reschedule(
        &self,
        to: TimeWindow,
        area: Option<&String>,
        context: &SeatingContext<'_>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Event>, Refusal> {
        if !matches!(self.status, Status::Pending | Status::Confirmed) {
            return Err(self.status.refusal(Refusal::CheckedIn));
        }
        let from = self.window();
        let stays_there = area.is_none() || area == self.booking.area.as_ref();
        if from == to && stays_there {
            return Ok(vec![]);
        }
        let assigned: Vec<Event> = match context.rules {
            None => {
                let is_taken =
                    |t: &&TableAssignment| !context.occupancy.is_free(&t.table_id, &to, Some(self.id));
                if let Some(taken) = self.tables.iter().find(is_taken) {
                    return Err(Refusal::TableTaken(taken.table_id.clone()));
                }
                self.tables.iter().map(|table| along(table, to)).collect()
            }
            Some(rules) => {
                let current_tables: Vec<_> = self.tables.iter().map(|table| table.table_id.clone()).collect();
                let request = self.seating_request(to, self.party_size(), area, &current_tables);
                context.assign(rules.seat(context.occupancy, &request, now)?, to).collect()
            }
        };
        let mut events = self.release(ReleaseCause::Rescheduled);
        events.push(ReservationRescheduled { from, to, area: area.cloned() }.into());
        events.extend(assigned);
        Ok(events)
    }

    /// Changes the number of guests. The party keeps its tables if they fit; otherwise, at a venue with booking
    /// rules, it gets others.
    pub(super) fn decide_size(
        &self,
        to: PartySize,
        area: Option<&String>,
        context: &SeatingContext<'_>,
    ) -> Result<Vec<Event>, Refusal> {
        if !matches!(self.status, Status::Pending | Status::Confirmed) {
            return Err(self.status.refusal(Refusal::CheckedIn));
        }
        let from = self.party_size();
        if from == to {
            return Ok(vec![]);
        }
        if let (None, Some(seats)) = (context.rules, self.seats()) {
            fits(seats, to)?;
        }
        let asked = self.deposit.amount().map_or(0, |amount| amount.amount_minor);
        if let Some(due) = self.booking.policy.deposit_due(to)
            && due.amount_minor > asked
        {
            return Err(Refusal::DepositChanges { party_size: to, due });
        }
        let changed = Event::from(PartySizeChanged { from, to, area: area.cloned() });
        let Some(rules) = context.rules else { return Ok(vec![changed]) };
        let request = self.seating_request(self.window(), to, area, &[]);
        if to > from {
            rules.pace(context.occupancy, &request)?;
        }
        // Booking before the venue had booking rules and without a table: a smaller party needs none either.
        let stays = self.seats().map_or(to < from, |seats| seats >= u32::from(to.get()));
        let is_there = area.is_none_or(|area| self.tables.iter().all(|table| table.area == *area));
        if stays && is_there {
            return Ok(vec![changed]);
        }
        let seating = rules.tables_for(context.occupancy, &request)?;
        let mut events = self.release(ReleaseCause::Moved);
        events.push(changed);
        events.extend(context.assign(seating, self.window()));
        Ok(events)
    }
}

/// An assignment of the same table for another time.
fn along(table: &TableAssignment, window: TimeWindow) -> Event {
    let (table_id, area) = (table.table_id.clone(), table.area.clone());
    TableAssigned { assignment_id: table.id, table_id, capacity: table.capacity, area, window }.into()
}

fn fits(seats: u32, party_size: PartySize) -> Result<(), Refusal> {
    if u32::from(party_size.get()) > seats {
        Err(Refusal::TableTooSmall { seats, party_size })
    } else {
        Ok(())
    }
}
