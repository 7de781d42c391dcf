//! Undoing the last change of the status: a wrong tap, a party that came after all, a cancellation by mistake.

use chrono::{DateTime, TimeDelta, Utc};
use events::event::{
    Event, Refund, ReservationUndone, RestoredStatus, TableAssigned, TableReleased, UndoneChange,
    WithdrawnFee,
};
use events::imports::ImportedStatus;
use events::values::{Initiator, ReleaseCause, TimeWindow};

use super::{Charge, Reservation, Status, Undo};
use crate::domain::availability::{BookingRules, OVERDUE_HOURS_MAX, SeatingContext, Unavailable};
use crate::domain::contact_proof::CONTACT_UNPROVED;
use crate::domain::refusal::Refusal;

/// A party whose time has been over for longer than this is not there any more.
const OVERDUE_MAX: TimeDelta = TimeDelta::hours(OVERDUE_HOURS_MAX);

impl Undo {
    /// The time for which the party of `reservation` gets its tables again. A party that was seated early had them for
    /// longer than the time of its visit.
    #[must_use]
    pub fn window(&self, reservation: &Reservation) -> TimeWindow {
        reservation.left_tables.first().map_or(reservation.window(), |table| table.window)
    }

    /// The time for which a table that is taken for `window` must be free. A party that sits there again is there now, even
    /// if its time is over.
    #[must_use]
    pub fn needed(&self, window: TimeWindow, now: DateTime<Utc>) -> TimeWindow {
        let is_there = self.change == UndoneChange::Completion && now <= window.end + OVERDUE_MAX;
        TimeWindow { end: if is_there { window.end.max(now) } else { window.end }, ..window }
    }

    /// Whether the guest may have booked again in the meantime.
    #[must_use]
    pub fn checks_duplicates(&self) -> bool {
        self.change == UndoneChange::Cancellation && !self.allow_duplicate
    }
}

impl Reservation {
    /// Undoes the last change of the status. The party gets its tables back if they are free.
    ///
    /// A cancellation whose deposit was not paid or went back requests the deposit again. A cancellation by the system is
    /// not undone: the hold had expired.
    pub(super) fn decide_undo(
        &self,
        undo: &Undo,
        context: &SeatingContext<'_>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Event>, Refusal> {
        use UndoneChange::{Cancellation, CheckIn, Completion, NoShow};
        // What happened in another system is not undone here.
        if self.booking.imported.as_deref().is_some_and(|i| i.status != ImportedStatus::Confirmed) {
            return Err(Refusal::NothingToUndo(undo.change));
        }
        let mut deposit = None;
        let status = match (undo.change, &self.status) {
            (CheckIn, Status::CheckedIn) | (NoShow, Status::NoShow) => RestoredStatus::Confirmed,
            (Completion, Status::Completed) => RestoredStatus::CheckedIn,
            // Staff may vouch for a guest who was too late with the proof.
            (Cancellation, Status::Cancelled { by: Initiator::System, reason_code, .. })
                if reason_code != CONTACT_UNPROVED =>
            {
                return Err(Refusal::Cancelled);
            }
            (Cancellation, Status::Cancelled { was_confirmed, .. }) => {
                if self.contact_erased {
                    return Err(Refusal::ContactErased);
                }
                // The guest of a visit that is over pays nothing any more.
                deposit = self.deposit_again(now).filter(|_| now < self.window().end);
                match *was_confirmed && deposit.is_none() {
                    true => RestoredStatus::Confirmed,
                    false => RestoredStatus::Pending,
                }
            }
            (CheckIn | NoShow | Cancellation, Status::Confirmed)
            | (Completion, Status::CheckedIn)
            | (Cancellation, Status::Pending) => return Ok(vec![]),
            (change, _) => return Err(Refusal::NothingToUndo(change)),
        };
        let tables = match undo.change {
            CheckIn => self.tables_before_check_in(),
            Completion | NoShow | Cancellation => self.tables_again(undo, context, now)?,
        };
        let (withdrawn_fee, refund) = self.withdrawn_fee();
        let undone = ReservationUndone {
            undone: undo.change,
            status,
            window: self.window(),
            reason_code: undo.reason_code.clone(),
            withdrawn_fee,
            refund,
        };
        Ok(std::iter::once(undone.into()).chain(tables).chain(deposit).collect())
    }

    /// The assignments of a party that was not seated after all: a party that came early has its tables for longer.
    fn tables_before_check_in(&self) -> Vec<Event> {
        let window = self.window();
        if self.tables.iter().all(|table| table.window == window) {
            return vec![];
        }
        let again = self.tables.iter().map(|table| table.assigned(window).into());
        self.release(ReleaseCause::Moved).into_iter().chain(again).collect()
    }

    /// The tables that the party had when the reservation ended, or the chosen one.
    fn tables_again(
        &self,
        undo: &Undo,
        context: &SeatingContext<'_>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Event>, Refusal> {
        let window = undo.window(self);
        let assigned: Vec<TableAssigned> = match &undo.table {
            Some(choice) => vec![choice.assigned(window)],
            None => self.left_tables.iter().map(|table| table.assigned(table.window)).collect(),
        };
        for table in &assigned {
            if self.is_in_use(undo, table, context, now) {
                return Err(Refusal::TableTaken(table.table_id.clone()));
            }
        }
        // A party that sits there, and one whose visit is over, was accepted by the restaurant.
        let is_expected = undo.change != UndoneChange::Completion && now < window.end;
        if let Some(rules) = context.rules.filter(|_| is_expected) {
            self.check_rules(&assigned, window, rules)?;
        }
        if let Some(choice) = &undo.table {
            choice.check_seats(self.party_size())?;
        }
        Ok(assigned.into_iter().map(Event::from).collect())
    }

    /// Checks that the rules of now allow the party to have its tables again.
    fn check_rules(
        &self,
        assigned: &[TableAssigned],
        window: TimeWindow,
        rules: &BookingRules,
    ) -> Result<(), Refusal> {
        if !rules.is_open_for(&window, assigned.iter().map(|table| &table.table_id)) {
            return Err(Unavailable::Closed.into());
        }
        let mut seats = 0;
        for table in assigned {
            let known = rules.tables.iter().find(|known| known.id == table.table_id);
            let known = known.ok_or_else(|| Refusal::TableGone(table.table_id.clone()))?;
            seats += u32::from(known.seats.min(table.capacity));
        }
        match assigned.is_empty() || seats >= u32::from(self.party_size().get()) {
            true => Ok(()),
            false => Err(Refusal::TableTooSmall { seats, party_size: self.party_size() }),
        }
    }

    /// Whether another party has `table` in the time for which it is needed, or sits there now.
    fn is_in_use(
        &self,
        undo: &Undo,
        table: &TableAssigned,
        context: &SeatingContext<'_>,
        now: DateTime<Utc>,
    ) -> bool {
        let (id, needed) = (&table.table_id, undo.needed(table.window, now));
        let is_now = needed.start <= now && now <= needed.end;
        let sits = context.occupancy.sitting_at(id, now).filter(|_| is_now);
        !context.occupancy.is_free(id, &needed, Some(self.id))
            || sits.is_some_and(|sits| sits.by != self.holder())
    }

    /// The requested no-show fee that no longer applies, and the refund if it was paid.
    fn withdrawn_fee(&self) -> (Option<WithdrawnFee>, Option<Refund>) {
        let fee = self.fee.as_deref();
        let refund = match fee {
            Some(Charge::Paid(paid)) => paid.refund(paid.left_minor()),
            Some(Charge::NotRequired | Charge::Due(_) | Charge::Waived(_)) | None => None,
        };
        let withdrawn =
            fee.and_then(|fee| Some(WithdrawnFee { payment_id: fee.payment_id()?, amount: fee.amount()? }));
        (withdrawn, refund)
    }

    /// Applies an undo.
    pub(super) fn undo(&mut self, undone: &ReservationUndone, at: DateTime<Utc>) {
        self.status = match undone.status {
            RestoredStatus::Pending => Status::Pending,
            RestoredStatus::Confirmed => Status::Confirmed,
            RestoredStatus::CheckedIn => Status::CheckedIn,
        };
        (self.undone_at, self.turn_minutes) = (Some(at), None);
        self.left_tables.clear();
        match undone.undone {
            UndoneChange::CheckIn => self.seated_at = None,
            UndoneChange::NoShow => self.withdraw_fee(undone.refund),
            UndoneChange::Completion | UndoneChange::Cancellation => {}
        }
    }

    /// Releases a table. Those of a reservation that ended are remembered, so that an undo can assign them again.
    pub(super) fn release_table(&mut self, released: &TableReleased) {
        let Some(place) = self.tables.iter().position(|table| table.id == released.assignment_id) else {
            return;
        };
        let is_over = match released.cause {
            ReleaseCause::Cancelled | ReleaseCause::Completed | ReleaseCause::NoShow => true,
            ReleaseCause::Moved
            | ReleaseCause::Rescheduled
            | ReleaseCause::Swapped
            | ReleaseCause::Overruled => false,
        };
        self.lost_table |= released.cause == ReleaseCause::Overruled;
        match self.tables.len() {
            // Most parties have one table: its allocation is used again.
            1 if is_over && self.left_tables.is_empty() => {
                self.left_tables = std::mem::take(&mut self.tables);
            }
            _ => {
                let table = self.tables.remove(place);
                self.left_tables.extend(is_over.then_some(table));
            }
        }
    }
}
