//! Who has which table when. Only two events change that: a table is assigned, or released.

use std::collections::HashMap;

use events::event::Event;
use events::values::TimeWindow;
use events::{AssignmentId, ReservationId, TableId};

/// Who has which tables of one venue when.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Occupancy {
    taken: HashMap<TableId, Vec<Taken>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Taken {
    assignment: AssignmentId,
    by: ReservationId,
    window: TimeWindow,
}

impl Occupancy {
    /// Adds one event of the reservation `by`. Events that take or free no table change nothing.
    pub fn evolve(&mut self, by: ReservationId, event: &Event) {
        match event {
            Event::TableAssigned(assigned) => self
                .taken
                .entry(assigned.table_id.clone())
                .or_default()
                .push(Taken { assignment: assigned.assignment_id, by, window: assigned.window }),
            Event::TableReleased(released) => {
                if let Some(taken) = self.taken.get_mut(&released.table_id) {
                    taken.retain(|t| t.assignment != released.assignment_id);
                    if taken.is_empty() {
                        self.taken.remove(&released.table_id);
                    }
                }
            }
            _ => {}
        }
    }

    /// Whether `table` is free in `window` for anyone but `except`, who has it anyway.
    #[must_use]
    pub fn is_free(&self, table: &TableId, window: &TimeWindow, except: Option<ReservationId>) -> bool {
        let taken = self.taken.get(table).map(Vec::as_slice).unwrap_or_default();
        !taken.iter().any(|t| Some(t.by) != except && t.window.overlaps(window))
    }
}
