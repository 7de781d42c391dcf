//! Tables of an existing reservation: which ones the party gets when it moves, grows or arrives.
//!
//! At a venue with booking rules every booking takes its tables in the events that create it. At a venue
//! that is managed by hand a booking takes no tables; staff assign them.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use events::TableId;
use events::event::{
    Event, OverruledRule, PartySizeChanged, ReservationCheckedIn, ReservationConfirmed,
    ReservationRescheduled, TableAssigned,
};
use events::values::{Initiator, PartySize, ReleaseCause, TimeWindow};

use super::command::{SizeChange, TableChoice};
use super::{Charge, Reservation, Status, TableAssignment};
use crate::domain::availability::{
    Arrival, BookingRules, EARLY_HOURS_MAX, Holder, Overrule, SeatingContext, SeatingRequest, Unavailable,
};
use crate::domain::refusal::Refusal;

impl Reservation {
    /// Assigns a table chosen by staff: any free table, including one that is not in the rules.
    pub(super) fn decide_table(
        &self,
        choice: &TableChoice,
        context: &SeatingContext<'_>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Event>, Refusal> {
        if !matches!(self.status, Status::Pending | Status::Confirmed | Status::CheckedIn) {
            return Err(self.status.refusal(Refusal::NotConfirmed));
        }
        // Under a closure the same table is a new decision.
        if let [only] = self.tables.as_slice()
            && !self.is_under_closure()
            && only.table_id == choice.table_id
            && only.capacity == choice.capacity
            && only.area == choice.area
        {
            return Ok(vec![]);
        }
        choice.check_seats(self.party_size())?;
        // A party that was seated early has its tables for longer than its window.
        let window = self.tables.first().map_or(self.window(), |table| table.window);
        if !context.occupancy.is_free(&choice.table_id, &window, Some(self.id)) {
            return Err(Refusal::TableTaken(choice.table_id.clone()));
        }
        let mut events = self.release(ReleaseCause::Moved);
        events.push(choice.assigned(window).into());
        events.extend(self.deposit_once_placed(now));
        Ok(events)
    }

    /// Checks the party in on the business day of its visit. At a venue with booking rules its tables become its own from
    /// now on, so they must be free until its window starts, and no other party may be seated at them.
    pub(super) fn decide_check_in(
        &self,
        occurred_at: Option<DateTime<Utc>>,
        context: &SeatingContext<'_>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Event>, Refusal> {
        match &self.status {
            Status::Confirmed => {}
            Status::CheckedIn => return Ok(vec![]),
            other => return Err(other.refusal(Refusal::NotConfirmed)),
        }
        let arrived_at = occurred_at.unwrap_or(now);
        if self.is_too_early(context.rules, arrived_at) {
            let start = self.window().start.with_timezone(&self.zone(context.rules));
            return Err(Refusal::TooEarly(start.fixed_offset()));
        }
        let seated = Event::from(ReservationCheckedIn { occurred_at });
        let Some(from) = self.seated_from(arrived_at).filter(|_| context.rules.is_some()) else {
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
        events.extend(self.tables.iter().map(|table| table.assigned(from).into()));
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

    /// Whether the visit is on a later business day. Without booking rules that is the calendar day, and a party of the
    /// first hours may arrive on the evening before.
    fn is_too_early(&self, rules: Option<&BookingRules>, now: DateTime<Utc>) -> bool {
        let start = self.window().start;
        match rules {
            Some(rules) => rules.hours.date_of(now) < rules.hours.date_of(start),
            None => {
                let zone = self.zone(rules);
                let date = |at: DateTime<Utc>| at.with_timezone(&zone).date_naive();
                date(now) < date(start) && self.seated_from(now).is_none()
            }
        }
    }

    pub(super) fn zone(&self, rules: Option<&BookingRules>) -> Tz {
        let of_booking = || self.booking.timezone.parse().unwrap_or(Tz::UTC);
        rules.map_or_else(of_booking, |rules| rules.hours.zone)
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
        moved: ReservationRescheduled,
        overrule: Option<&Overrule>,
        context: &SeatingContext<'_>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Event>, Refusal> {
        if !matches!(self.status, Status::Pending | Status::Confirmed) {
            return Err(self.status.refusal(Refusal::CheckedIn));
        }
        let (to, area) = (moved.to, moved.area.as_ref());
        let stays_there = area.is_none() || area == self.booking.area.as_ref();
        if moved.from == to && stays_there {
            return Ok(vec![]);
        }
        let assigned: Vec<Event> = match context.rules {
            None => {
                let is_taken =
                    |t: &&TableAssignment| !context.occupancy.is_free(&t.table_id, &to, Some(self.id));
                if let Some(taken) = self.tables.iter().find(is_taken) {
                    return Err(Refusal::TableTaken(taken.table_id.clone()));
                }
                self.tables.iter().map(|table| table.assigned(to).into()).collect()
            }
            Some(rules) => {
                let current_tables: Vec<_> = self.tables.iter().map(|table| table.table_id.clone()).collect();
                let request = self.seating_request(to, self.party_size(), area, &current_tables);
                let (seating, overruled) =
                    rules.seat_or_overrule(overrule, context.occupancy, &request, now)?;
                if moved.moved_by == Some(Initiator::Guest) {
                    self.check_share(rules, context, seating.seats, &request)?;
                }
                overruled.into_iter().chain(context.assign(seating, to)).collect()
            }
        };
        let mut events = self.release(ReleaseCause::Rescheduled);
        events.push(moved.into());
        events.extend(assigned);
        events.extend(self.renewed_deposit(now));
        Ok(events)
    }

    /// Changes the number of guests. The party keeps its tables if they fit; otherwise, at a venue with booking
    /// rules, it gets others. A larger party stays as long as a party of that size does.
    pub(super) fn decide_size(
        &self,
        change: &SizeChange,
        context: &SeatingContext<'_>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Event>, Refusal> {
        if !matches!(self.status, Status::Pending | Status::Confirmed) {
            return Err(self.status.refusal(Refusal::CheckedIn));
        }
        let (from, to) = (self.party_size(), change.size);
        if from == to && !change.reseat {
            return Ok(vec![]);
        }
        if let (None, Some(seats)) = (context.rules, self.seats()) {
            fits(seats, to)?;
        }
        self.check_deposit(to)?;
        let window = self.window_for(to, context.rules);
        let (assigned, overruled) = match context.rules {
            Some(rules) => self.tables_when_resized(change, window, rules, context)?,
            None => (None, None),
        };
        if from == to && assigned.is_none() {
            return Ok(vec![]);
        }
        let changed = PartySizeChanged {
            from,
            to,
            area: change.area.clone(),
            window: (window != self.window()).then_some(window),
            refund: self.refund_when_smaller(to, now).filter(|_| to < from),
            waives_deposit: to < from && self.owes_no_deposit(to),
        };
        let released = assigned.as_ref().map(|_| self.release(ReleaseCause::Moved)).unwrap_or_default();
        let deposit = assigned.as_ref().filter(|_| !changed.waives_deposit);
        let deposit = deposit.and_then(|_| self.deposit_once_placed(now));
        // A proof takes the place of the deposit.
        let asked = self.contact_proof.ask(now).filter(|_| changed.waives_deposit);
        let is_confirmed = changed.waives_deposit && self.booking.policy.auto_confirm && asked.is_none();
        let confirmed =
            is_confirmed.then_some(ReservationConfirmed { window, deposit_waived: false }).filter(|_| {
                let is_placed = assigned.is_some() && self.is_under_closure();
                self.status == Status::Pending && (!self.is_called_off() || is_placed)
            });
        let assigned = assigned.into_iter().flatten();
        let confirmed = confirmed.map(Event::from);
        let first = overruled.into_iter().chain(released).chain([changed.into()]);
        Ok(first.chain(assigned).chain(confirmed).chain(deposit).chain(asked).collect())
    }

    /// Checks that tables with `seats_taken` seats keep the share of the seats of bookings with an unproved contact. A move or
    /// a resize by staff is not limited.
    fn check_share(
        &self,
        rules: &BookingRules,
        context: &SeatingContext<'_>,
        seats_taken: u32,
        request: &SeatingRequest<'_>,
    ) -> Result<(), Refusal> {
        match self.is_unproven() && !rules.may_stay_unproven(context.occupancy, seats_taken, request) {
            true => Err(Refusal::UnprovenShare),
            false => Ok(()),
        }
    }

    /// Whether the deposit is due, and would not apply to a party of `size`.
    fn owes_no_deposit(&self, size: PartySize) -> bool {
        match &self.deposit {
            Charge::Due(due) => self.deposit_owed_minor(size, due.amount.amount_minor) == 0,
            Charge::NotRequired | Charge::Waived(_) | Charge::Paid(_) => false,
        }
    }

    /// A larger party may not need a higher deposit than was requested or is left.
    fn check_deposit(&self, to: PartySize) -> Result<(), Refusal> {
        let asked_minor = match &self.deposit {
            Charge::Paid(paid) => paid.left_minor(),
            // It does not apply to the party of now, so it was not paid and not waived by staff.
            Charge::Waived(_) if self.booking.policy.deposit_due(self.party_size()).is_none() => 0,
            deposit => deposit.amount().map_or(0, |amount| amount.amount_minor),
        };
        match self.booking.policy.deposit_due(to) {
            Some(due) if to > self.party_size() && due.amount_minor > asked_minor => {
                Err(Refusal::DepositChanges { party_size: to, due })
            }
            _ => Ok(()),
        }
    }

    /// The time of the visit of a party of `to`: a party that grows stays at least for the turn time of its new size.
    #[must_use]
    pub fn window_for(&self, to: PartySize, rules: Option<&BookingRules>) -> TimeWindow {
        let TimeWindow { start, end } = self.window();
        let turn = rules.filter(|_| to > self.party_size()).map(|rules| rules.turn_minutes(to));
        let end = turn.map_or(end, |minutes| end.max(TimeWindow::starting(start, minutes).end));
        TimeWindow { start, end }
    }

    /// The assignments of a party after `change`, for `window`; `None` if it keeps its own as they are. Also the event that
    /// rules were overruled.
    fn tables_when_resized(
        &self,
        change: &SizeChange,
        window: TimeWindow,
        rules: &BookingRules,
        context: &SeatingContext<'_>,
    ) -> Result<(Option<Vec<Event>>, Option<Event>), Refusal> {
        let overrule = change.overrule.as_ref();
        let (from, to, area) = (self.party_size(), change.size, change.area.as_ref());
        let request = self.seating_request(window, to, area, &[]);
        let mut broken = Vec::new();
        match rules.pace(context.occupancy, &request) {
            Err(_) if to > from && overrule.is_some() => broken.push(OverruledRule::Pacing),
            paced if to > from => paced?,
            _ => {}
        }
        let overruled = |broken| overrule.and_then(|overrule| overrule.event(broken));
        let stays_longer = window != self.window();
        if stays_longer && rules.hours.open_for(&window).is_empty() {
            return Err(Unavailable::Closed.into());
        }
        // Booking before the venue had booking rules and without a table: a smaller party needs none either.
        let has_seats = self.seats().map_or(to < from, |seats| seats >= u32::from(to.get()));
        let is_there = area.is_none_or(|area| self.tables.iter().all(|table| table.area == *area));
        let is_free =
            |table: &TableAssignment| context.occupancy.is_free(&table.table_id, &window, Some(self.id));
        // A longer stay is a new assignment, and nothing is assigned where a table is closed.
        let can_stay = || !stays_longer || (!self.is_closed_out(rules) && self.tables.iter().all(is_free));
        if has_seats && is_there && !change.reseat && can_stay() {
            if stays_longer && change.by == Initiator::Guest {
                self.check_share(rules, context, self.seats().unwrap_or_default(), &request)?;
            }
            let along = || self.tables.iter().map(|table| table.assigned(window).into()).collect();
            return Ok((stays_longer.then(along), overruled(broken)));
        }
        let (seating, more) = rules.tables_for_or_overrule(overrule, context.occupancy, &request)?;
        if change.by == Initiator::Guest {
            self.check_share(rules, context, seating.seats, &request)?;
        }
        broken.extend(more);
        let is_same =
            seating.tables.iter().map(|table| &table.id).eq(self.tables.iter().map(|t| &t.table_id));
        let assigned = (!is_same || stays_longer).then(|| context.assign(seating, window).collect());
        Ok((assigned, overruled(broken)))
    }
}

impl TableAssignment {
    /// An assignment of the same table for `window`.
    pub(super) fn assigned(&self, window: TimeWindow) -> TableAssigned {
        let (table_id, area) = (self.table_id.clone(), self.area.clone());
        TableAssigned { assignment_id: self.id, table_id, capacity: self.capacity, area, window }
    }
}

impl TableChoice {
    /// The assignment of the table for `window`.
    pub(super) fn assigned(&self, window: TimeWindow) -> TableAssigned {
        let Self { assignment_id, table_id, capacity, area } = self.clone();
        TableAssigned { assignment_id, table_id, capacity, area, window }
    }

    /// Checks that the table seats the party.
    pub(super) fn check_seats(&self, party_size: PartySize) -> Result<(), Refusal> {
        fits(u32::from(self.capacity), party_size)
    }
}

fn fits(seats: u32, party_size: PartySize) -> Result<(), Refusal> {
    if u32::from(party_size.get()) > seats {
        Err(Refusal::TableTooSmall { seats, party_size })
    } else {
        Ok(())
    }
}
