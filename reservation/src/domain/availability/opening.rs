//! Whether a venue takes a stay, by its services, its special days and its closures.

use std::sync::Arc;

use events::TableId;
use events::values::TimeWindow;

use super::closures::ClosedPart;
use super::hours::Sitting;
use super::rules::BookingRules;
use super::table::Table;

impl BookingRules {
    /// Whether the venue takes a stay for `window` at all of `tables`. A table that is not in the rules was added by hand, and
    /// any service uses it.
    #[must_use]
    pub fn is_open_for<'a>(&self, window: &TimeWindow, tables: impl Iterator<Item = &'a TableId>) -> bool {
        let mut sittings = self.hours.open_for(window);
        sittings.retain(|sitting| !sitting.closures.iter().any(|part| part.is_whole()));
        self.all_used(&sittings, tables, Sitting::uses)
    }

    /// Like [`Self::is_open_for`], if nothing was closed.
    #[must_use]
    pub fn is_served<'a>(&self, window: &TimeWindow, tables: impl Iterator<Item = &'a TableId>) -> bool {
        self.all_used(&self.hours.open_for(window), tables, Sitting::serves)
    }

    /// Whether the services contain a stay for `window` at any table, if nothing was closed.
    #[must_use]
    pub fn is_served_anywhere(&self, window: &TimeWindow) -> bool {
        let sittings = self.hours.open_for(window);
        self.tables.iter().any(|table| sittings.iter().any(|sitting| sitting.serves(table)))
    }

    /// Whether the venue takes a stay for `window` at any table.
    #[must_use]
    pub fn is_open_anywhere(&self, window: &TimeWindow) -> bool {
        self.is_open(&self.hours.open_for(window), None)
    }

    fn all_used<'a>(
        &self,
        sittings: &[Sitting],
        mut tables: impl Iterator<Item = &'a TableId>,
        uses: impl Fn(&Sitting, &Table) -> bool,
    ) -> bool {
        let is_used = |id: &TableId| {
            let known = self.tables.iter().find(|table| table.id == *id);
            known.is_none_or(|table| sittings.iter().any(|sitting| uses(sitting, table)))
        };
        !sittings.is_empty() && tables.all(is_used)
    }

    /// The closures that a stay for `window` at `tables` falls under, the first declared one first. A party without tables
    /// falls under those of a whole service.
    #[must_use]
    pub fn closures_over(&self, window: &TimeWindow, tables: &[(&TableId, &str)]) -> Vec<Arc<ClosedPart>> {
        let mut found: Vec<Arc<ClosedPart>> = Vec::new();
        for sitting in self.hours.open_for(window) {
            // A table that was removed, or added by hand, has the area of its assignment.
            let is_closed = |part: &ClosedPart, id: &TableId, area: &str| match self
                .tables
                .iter()
                .find(|table| table.id == *id)
            {
                Some(table) => sitting.serves(table) && part.closes(id, &table.area),
                None => part.closes(id, area),
            };
            let is_under = |part: &ClosedPart| match tables {
                [] => part.is_whole(),
                tables => tables.iter().any(|(id, area)| is_closed(part, id, area)),
            };
            found.extend(sitting.closures.iter().filter(|part| is_under(part)).cloned());
        }
        found.sort_by_key(|part| (part.since, part.id));
        found.dedup();
        found
    }
}
