//! Undoing the last change of the status: a wrong tap, a party that came after all, a cancellation by mistake.

use chrono::{DateTime, Utc};
use events::event::{
    Event, Refund, ReservationUndone, RestoredStatus, TableAssigned, TableReleased, UndoneChange,
};
use events::values::{Initiator, Money, ReleaseCause, TimeWindow};

use super::{Charge, Reservation, Status, Undo};
use crate::domain::availability::{SeatingContext, Unavailable};
use crate::domain::refusal::Refusal;

impl Undo {
    /// The time for which the party of `reservation` gets its tables again. A party that was seated early had them for
    /// longer than the time of its visit.
    #[must_use]
    pub fn window(&self, reservation: &Reservation) -> TimeWindow {
        reservation.left_tables.first().map_or(reservation.window(), |table| table.window)
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
        let mut deposit = None;
        let status = match (undo.change, &self.status) {
            (CheckIn, Status::CheckedIn) | (NoShow, Status::NoShow) => RestoredStatus::Confirmed,
            (Completion, Status::Completed) => RestoredStatus::CheckedIn,
            (Cancellation, Status::Cancelled { by: Initiator::System, .. }) => {
                return Err(Refusal::Cancelled);
            }
            (Cancellation, Status::Cancelled { was_confirmed, .. }) => {
                let owed = self.deposit_again(now);
                let is_confirmed = *was_confirmed && owed.is_none();
                // Nothing is due while the restaurant is closed at that time.
                deposit = owed.filter(|_| !self.is_called_off());
                if is_confirmed { RestoredStatus::Confirmed } else { RestoredStatus::Pending }
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
        let is_seated_again = undo.change == UndoneChange::Completion;
        for table in &assigned {
            if self.is_in_use(table, is_seated_again, context, now) {
                return Err(Refusal::TableTaken(table.table_id.clone()));
            }
        }
        let is_over = is_seated_again || window.end <= now;
        if let Some(rules) = context.rules.filter(|_| !is_over)
            && !rules.is_open_for(&window, assigned.iter().map(|table| &table.table_id))
        {
            return Err(Unavailable::Closed.into());
        }
        if let Some(choice) = &undo.table {
            choice.check_seats(self.party_size())?;
        }
        Ok(assigned.into_iter().map(Event::from).collect())
    }

    /// Whether the party cannot have `table` again: another party has it or sits there, or the venue no longer has it.
    fn is_in_use(
        &self,
        table: &TableAssigned,
        is_seated_again: bool,
        context: &SeatingContext<'_>,
        now: DateTime<Utc>,
    ) -> bool {
        let id = &table.table_id;
        // A party that sits there again is there now, even if its time is over.
        let end = if is_seated_again { table.window.end.max(now) } else { table.window.end };
        let needed = TimeWindow { start: table.window.start, end };
        let is_now = is_seated_again || (needed.start <= now && now < needed.end);
        let sits = context.occupancy.sitting_at(id, now).filter(|_| is_now);
        let is_gone = context.rules.is_some_and(|rules| rules.tables.iter().all(|table| table.id != *id));
        is_gone
            || !context.occupancy.is_free(id, &needed, Some(self.id))
            || sits.is_some_and(|sits| sits.by != self.holder())
    }

    /// The requested no-show fee that no longer applies, and the refund if it was paid.
    fn withdrawn_fee(&self) -> (Option<Money>, Option<Refund>) {
        let fee = self.fee.as_deref();
        let refund = match fee {
            Some(Charge::Paid(paid)) => paid.refund(paid.left_minor()),
            Some(Charge::NotRequired | Charge::Due(_) | Charge::Waived(_)) | None => None,
        };
        (fee.and_then(Charge::amount), refund)
    }

    /// Applies an undo.
    pub(super) fn undo(&mut self, undone: &ReservationUndone, at: DateTime<Utc>) {
        self.status = match undone.status {
            RestoredStatus::Pending => Status::Pending,
            RestoredStatus::Confirmed => Status::Confirmed,
            RestoredStatus::CheckedIn => Status::CheckedIn,
        };
        self.undone_at = Some(at);
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
