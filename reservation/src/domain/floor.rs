//! Giving tables: to who books, who comes at another time, who comes with more.
//!
//! In a house that keeps its promises every booking takes its tables in the events that make it. Where the book
//! is kept by hand a booking takes none, and people give them out.

use chrono::{DateTime, TimeDelta, Utc};
use events::event::{
    Event, PartySizeChanged, PaymentRequested, ReservationCheckedIn, ReservationConfirmed,
    ReservationCreated, ReservationRescheduled, TableAssigned,
};
use events::values::{PartySize, Purpose, ReleaseCause, TimeWindow};
use events::{AssignmentId, PaymentId, TableId};

use super::command::TableChoice;
use super::house::{House, Wish};
use super::occupancy::{EARLY_HOURS_MAX, Holder, Occupancy};
use super::refusal::Refusal;
use super::reservation::{Reservation, Status, TableAssignment};
use super::seating::Seating;

/// What is decided on beside the reservation itself.
#[derive(Debug, Clone, Copy)]
pub struct Floor<'a> {
    /// What the venue has given away.
    pub occupancy: &'a Occupancy,
    /// What it promises, unless its book is kept by hand.
    pub house: Option<&'a House>,
    /// Ids for assignments, if it comes to any: as many as a party can have tables.
    pub assignment_ids: &'a [AssignmentId],
}

impl<'a> Floor<'a> {
    /// A venue whose book is kept by hand.
    #[must_use]
    pub fn by_hand(occupancy: &'a Occupancy) -> Self {
        Self { occupancy, house: None, assignment_ids: &[] }
    }

    fn assign(&self, seating: &Seating, window: TimeWindow) -> impl Iterator<Item = Event> {
        let assigned = move |(id, table): (&AssignmentId, &super::venue::Table)| {
            let (table_id, area) = (table.id.clone(), table.area.clone());
            TableAssigned { assignment_id: *id, table_id, capacity: table.seats, area, window }.into()
        };
        self.assignment_ids.iter().zip(&seating.tables).map(assigned)
    }
}

/// What happens when a party asks for a table: it is noted and gets its tables, and a deposit is asked for if the
/// policy wants one.
///
/// # Errors
/// Why the house can not have it then.
pub fn book(
    created: ReservationCreated,
    floor: &Floor<'_>,
    payment_id: PaymentId,
    now: DateTime<Utc>,
) -> Result<Vec<Event>, Refusal> {
    let window = created.window;
    let assigned: Vec<Event> = match floor.house {
        None => Vec::new(),
        Some(house) => {
            let wish = Wish::new(window, created.party_size, created.area.as_deref());
            floor.assign(house.seat(floor.occupancy, &wish, now)?, window).collect()
        }
    };
    Ok(booked(created, assigned, payment_id, now))
}

/// The events of a party that gets the tables of `assigned`.
pub(super) fn booked(
    created: ReservationCreated,
    assigned: Vec<Event>,
    payment_id: PaymentId,
    now: DateTime<Utc>,
) -> Vec<Event> {
    let window = created.window;
    let deposit = created.policy.deposit_due(created.party_size).map(|amount| PaymentRequested {
        payment_id,
        amount,
        channel: created.payment_channel.clone(),
        expires_at: now + TimeDelta::minutes(i64::from(created.policy.auto_cancel_minutes)),
        purpose: Purpose::Deposit,
    });
    let confirmed = (created.policy.auto_confirm && deposit.is_none())
        .then_some(ReservationConfirmed { window, deposit_waived: false });
    let follows = deposit.map(Event::from).or(confirmed.map(Event::from));
    std::iter::once(created.into()).chain(assigned).chain(follows).collect()
}

/// What happens when a party comes without having booked: it is seated when its window begins.
///
/// # Errors
/// Why it can not be.
pub fn walk_in(created: ReservationCreated, floor: &Floor<'_>) -> Result<Vec<Event>, Refusal> {
    let Some(house) = floor.house else { return Err(Refusal::KeptByHand) };
    let window = created.window;
    let seating =
        house.seat_now(floor.occupancy, created.party_size, created.area.as_deref(), window.start)?;
    let seated = std::iter::once(Event::from(ReservationCheckedIn {}));
    Ok(std::iter::once(created.into()).chain(floor.assign(seating, window)).chain(seated).collect())
}

impl Reservation {
    /// A table that people give: any that is free, also one that is in no venue file.
    pub(super) fn decide_table(
        &self,
        choice: &TableChoice,
        floor: &Floor<'_>,
    ) -> Result<Vec<Event>, Refusal> {
        if !matches!(self.status, Status::Pending | Status::Confirmed | Status::CheckedIn) {
            return Err(Refusal::of(&self.status, Refusal::NotConfirmed));
        }
        if let [only] = self.tables.as_slice()
            && only.table_id == choice.table_id
            && only.capacity == choice.capacity
            && only.area == choice.area
        {
            return Ok(vec![]);
        }
        fits(u32::from(choice.capacity), self.party_size())?;
        // Who sits down early has a table for longer.
        let window = self.tables.first().map_or(self.window(), |table| table.window);
        if !floor.occupancy.is_free(&choice.table_id, &window, Some(self.id)) {
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

    /// The party sits down. In a house its tables are its own from now on, so they must be free until its time begins,
    /// and nobody else may sit there.
    pub(super) fn decide_check_in(
        &self,
        floor: &Floor<'_>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Event>, Refusal> {
        match &self.status {
            Status::Confirmed => {}
            Status::CheckedIn => return Ok(vec![]),
            other => return Err(Refusal::of(other, Refusal::NotConfirmed)),
        }
        let seated = Event::from(ReservationCheckedIn {});
        let Some(from) = self.seated_from(now).filter(|_| floor.house.is_some()) else {
            return Ok(vec![seated]);
        };
        let is_taken = |table: &&TableAssignment| {
            let sits = floor.occupancy.sitting_at(&table.table_id, now);
            !floor.occupancy.is_free(&table.table_id, &from, Some(self.id))
                || sits.is_some_and(|sits| sits.by != Holder::of(self))
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

    /// From when until when the party has its tables if it sits down `now`; `None`: so long before its time nobody is
    /// there, whatever is said.
    #[must_use]
    pub fn seated_from(&self, now: DateTime<Utc>) -> Option<TimeWindow> {
        let TimeWindow { start, end } = self.window();
        (now + TimeDelta::hours(EARLY_HOURS_MAX) >= start)
            .then_some(TimeWindow { start: start.min(now), end })
    }

    /// What the party would like if it came in `window` with `size`, at `area` if that is not as before.
    fn wishes<'a>(
        &'a self,
        window: TimeWindow,
        size: PartySize,
        area: Option<&'a String>,
        keeps: &'a [TableId],
    ) -> Wish<'a> {
        let area = area.or(self.booking.area.as_ref()).map(String::as_str);
        Wish { window, size, area, instead_of: Some(self.id), keeps }
    }

    /// The tables move along: released and assigned anew, so that who has a table when can be told
    /// from these two events alone. In a house the party gets others if it can not keep its own.
    pub(super) fn decide_reschedule(
        &self,
        to: TimeWindow,
        area: Option<&String>,
        floor: &Floor<'_>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Event>, Refusal> {
        if !matches!(self.status, Status::Pending | Status::Confirmed) {
            return Err(Refusal::of(&self.status, Refusal::CheckedIn));
        }
        let from = self.window();
        let stays_there = area.is_none() || area == self.booking.area.as_ref();
        if from == to && stays_there {
            return Ok(vec![]);
        }
        let assigned: Vec<Event> = match floor.house {
            None => {
                let is_taken =
                    |t: &&TableAssignment| !floor.occupancy.is_free(&t.table_id, &to, Some(self.id));
                if let Some(taken) = self.tables.iter().find(is_taken) {
                    return Err(Refusal::TableTaken(taken.table_id.clone()));
                }
                self.tables.iter().map(|table| along(table, to)).collect()
            }
            Some(house) => {
                let keeps: Vec<_> = self.tables.iter().map(|table| table.table_id.clone()).collect();
                let wish = self.wishes(to, self.party_size(), area, &keeps);
                floor.assign(house.seat(floor.occupancy, &wish, now)?, to).collect()
            }
        };
        let mut events = self.release(ReleaseCause::Rescheduled);
        events.push(ReservationRescheduled { from, to, area: area.cloned() }.into());
        events.extend(assigned);
        Ok(events)
    }

    /// The party stays where it is if it fits. In a house it is moved otherwise.
    pub(super) fn decide_size(
        &self,
        to: PartySize,
        area: Option<&String>,
        floor: &Floor<'_>,
    ) -> Result<Vec<Event>, Refusal> {
        if !matches!(self.status, Status::Pending | Status::Confirmed) {
            return Err(Refusal::of(&self.status, Refusal::CheckedIn));
        }
        let from = self.party_size();
        if from == to {
            return Ok(vec![]);
        }
        if let (None, Some(seats)) = (floor.house, self.seats()) {
            fits(seats, to)?;
        }
        let asked = self.deposit.amount().map_or(0, |amount| amount.amount_minor);
        if let Some(due) = self.booking.policy.deposit_due(to)
            && due.amount_minor > asked
        {
            return Err(Refusal::DepositChanges { party_size: to, due });
        }
        let changed = Event::from(PartySizeChanged { from, to, area: area.cloned() });
        let Some(house) = floor.house else { return Ok(vec![changed]) };
        let wish = self.wishes(self.window(), to, area, &[]);
        if to > from {
            house.pace(floor.occupancy, &wish)?;
        }
        // Without a table it was booked before the house kept its book: fewer guests need none either.
        let stays = self.seats().map_or(to < from, |seats| seats >= u32::from(to.get()));
        let is_there = area.is_none_or(|area| self.tables.iter().all(|table| table.area == *area));
        if stays && is_there {
            return Ok(vec![changed]);
        }
        let seating = house.tables_for(floor.occupancy, &wish)?;
        let mut events = self.release(ReleaseCause::Moved);
        events.push(changed);
        events.extend(floor.assign(seating, self.window()));
        Ok(events)
    }
}

/// The same table at another time.
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
