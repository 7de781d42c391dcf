//! The closures of a venue: what they close on which business days.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;
use events::{ClosureId, Position, TableId};

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

    /// The closures of the service `service` on `date`.
    #[must_use]
    pub fn of(&self, date: NaiveDate, service: &str) -> Vec<Arc<ClosedPart>> {
        let of_day = self.0.get(&date).into_iter().flatten();
        of_day.filter(|part| part.service.as_ref().is_none_or(|name| name == service)).cloned().collect()
    }
}
