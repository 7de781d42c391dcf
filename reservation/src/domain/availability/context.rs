//! What a seating decision depends on besides the reservation itself.

use events::AssignmentId;
use events::event::{Event, TableAssigned};
use events::values::TimeWindow;

use super::occupancy::Occupancy;
use super::rules::BookingRules;
use super::seating::Seating;
use super::table::Table;

/// What a seating decision depends on besides the reservation itself.
#[derive(Debug, Clone, Copy)]
pub struct SeatingContext<'a> {
    /// The occupancy of the venue.
    pub occupancy: &'a Occupancy,
    /// The booking rules of the venue; `None` if it is managed by hand.
    pub rules: Option<&'a BookingRules>,
    /// Ids for new table assignments: as many as a party can have tables.
    pub assignment_ids: &'a [AssignmentId],
}

impl<'a> SeatingContext<'a> {
    /// The context of a venue that is managed by hand.
    #[must_use]
    pub fn managed_by_hand(occupancy: &'a Occupancy) -> Self {
        Self { occupancy, rules: None, assignment_ids: &[] }
    }

    /// One assignment per table of `seating`, for `window`.
    pub(in crate::domain) fn assign(
        &self,
        seating: &Seating,
        window: TimeWindow,
    ) -> impl Iterator<Item = Event> {
        self.assign_tables(&seating.tables, window)
    }

    /// One assignment per table, for `window`.
    pub(in crate::domain) fn assign_tables(
        &self,
        tables: &[Table],
        window: TimeWindow,
    ) -> impl Iterator<Item = Event> {
        let assigned = move |(id, table): (&AssignmentId, &Table)| {
            let (table_id, area) = (table.id.clone(), table.area.clone());
            TableAssigned { assignment_id: *id, table_id, capacity: table.seats, area, window }.into()
        };
        self.assignment_ids.iter().zip(tables).map(assigned)
    }
}
