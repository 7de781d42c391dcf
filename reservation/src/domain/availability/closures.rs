//! The closures of a venue: what they close on which business days.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;
use events::values::TimeWindow;
use events::{ClosureId, Position, TableId};

use super::hours::Sitting;
use super::rules::BookingRules;
use super::table::Table;

/// A closure that is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosedPart {
    /// The closure.
    pub id: ClosureId,
    /// The position of the event that declared it.
    pub since: Position,
    /// The name of the service that is closed; all of them if `None`.
    pub service: Option<String>,
    /// The areas that are closed. Without areas and tables everything is.
    pub areas: Vec<String>,
    /// The tables that are closed, besides those of the areas.
    pub tables: Vec<TableId>,
}

/// The closures in force, by business day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Closures(BTreeMap<NaiveDate, Vec<Arc<ClosedPart>>>);

impl ClosedPart {
    /// Whether it closes everything that its service uses.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.areas.is_empty() && self.tables.is_empty()
    }

    /// Whether it closes the table `id` in `area`.
    #[must_use]
    pub fn closes(&self, id: &TableId, area: &str) -> bool {
        self.is_whole() || self.tables.contains(id) || self.areas.iter().any(|closed| closed == area)
    }
}

impl Closures {
    /// Adds a closure for the business days from `first` up to and including `last`.
    pub fn add(&mut self, part: ClosedPart, first: NaiveDate, last: NaiveDate) {
        let part = Arc::new(part);
        for date in first.iter_days().take_while(|date| *date <= last) {
            self.0.entry(date).or_default().push(Arc::clone(&part));
        }
    }

    /// The closures of the service `service` on `date`, the first declared one first.
    #[must_use]
    pub fn of(&self, date: NaiveDate, service: &str) -> Vec<Arc<ClosedPart>> {
        let of_day = self.0.get(&date).into_iter().flatten();
        of_day.filter(|part| part.service.as_ref().is_none_or(|name| name == service)).cloned().collect()
    }
}

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
            let serves = |id: &TableId| {
                let known = self.tables.iter().find(|table| table.id == *id);
                known.is_none_or(|table| sitting.serves(table))
            };
            let is_under = |part: &ClosedPart| match tables {
                [] => part.is_whole(),
                tables => tables.iter().any(|(id, area)| serves(id) && part.closes(id, area)),
            };
            found.extend(sitting.closures.iter().filter(|part| is_under(part)).cloned());
        }
        found.sort_by_key(|part| (part.since, part.id));
        found.dedup();
        found
    }
}
