//! Two parties exchange their tables.

use chrono::{DateTime, Utc};
use events::event::{Event, TableAssigned};
use events::values::{ReleaseCause, TimeWindow};
use events::{AssignmentId, TableId};

use super::{Reservation, Status, TableAssignment};
use crate::domain::availability::{BookingRules, SeatingContext, TakenTable, Unavailable};
use crate::domain::refusal::Refusal;

/// The events of two parties that exchange their tables. All tables are released before one is assigned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swap {
    /// The tables that each party gives.
    pub given: [Vec<Event>; 2],
    /// The tables that each party gets.
    pub taken: [Vec<Event>; 2],
}

/// Exchanges the tables of two parties, each for the time for which it has its own. `ids` are for the new assignments of
/// each party: as many as the other one can have tables.
///
/// # Errors
/// The rule that refuses it.
pub fn swap(
    parties: [&Reservation; 2],
    ids: [&[AssignmentId]; 2],
    context: &SeatingContext<'_>,
    now: DateTime<Utc>,
) -> Result<Swap, Refusal> {
    let [one, other] = parties;
    for party in parties {
        if !matches!(party.status, Status::Pending | Status::Confirmed | Status::CheckedIn) {
            return Err(party.status.refusal(Refusal::NotConfirmed));
        }
        if party.tables.is_empty() {
            return Err(Refusal::NothingToSwap(party.id));
        }
    }
    let has = |party: &Reservation, id: &TableId| party.tables.iter().any(|table| table.table_id == *id);
    if one.tables.len() == other.tables.len() && one.tables.iter().all(|table| has(other, &table.table_id)) {
        return Err(Refusal::NothingToSwap(one.id));
    }
    let is_of_both = |taken: &TakenTable| parties.iter().any(|party| taken.by == party.holder());
    let get = |party: &Reservation, from: &Reservation, ids: &[AssignmentId]| {
        // A party that was seated early has its tables for longer than its window.
        let window = party.tables.first().map_or(party.window(), |table| table.window);
        // A party that stays longer than its time needs the table now.
        let end = if party.status == Status::CheckedIn { window.end.max(now) } else { window.end };
        let needed = TimeWindow { end, ..window };
        for table in &from.tables {
            let is_free = context.occupancy.at(&table.table_id, &needed).all(|taken| is_of_both(&taken));
            let sits = context.occupancy.sitting_at(&table.table_id, now);
            let is_seated = party.status == Status::CheckedIn;
            if !is_free || sits.is_some_and(|sits| is_seated && !is_of_both(&sits)) {
                return Err(Refusal::TableTaken(table.table_id.clone()));
            }
        }
        if let Some(table) = from.tables.first().filter(|_| from.has_gone_table()) {
            return Err(Refusal::TableGone(table.table_id.clone()));
        }
        // A party that is expected gets no table that is closed then.
        let mut tables = from.tables.iter().map(|table| &table.table_id);
        let is_open = |rules: &BookingRules| rules.is_open_for(&window, &mut tables);
        if party.status != Status::CheckedIn && !context.rules.is_none_or(is_open) {
            return Err(Unavailable::Closed.into());
        }
        let seats = from.tables.iter().map(|table| u32::from(table.capacity)).sum();
        if seats < u32::from(party.party_size().get()) {
            return Err(Refusal::TableTooSmall { seats, party_size: party.party_size() });
        }
        let assigned = |(id, table): (&AssignmentId, &TableAssignment)| {
            TableAssigned { assignment_id: *id, ..table.assigned(window) }.into()
        };
        let assigned = ids.iter().zip(&from.tables).map(assigned);
        Ok(assigned.chain(party.deposit_once_placed(now)).collect::<Vec<Event>>())
    };
    let taken = [get(one, other, ids[0])?, get(other, one, ids[1])?];
    Ok(Swap { given: parties.map(|party| party.release(ReleaseCause::Swapped)), taken })
}
