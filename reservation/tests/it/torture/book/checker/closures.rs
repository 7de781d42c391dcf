//! The closures of a venue, read from the feed as plainly as possible.

use serde_json::Value;

use super::Window;
use super::booking::Booking;
use super::rules::{Rules, Sitting};

/// The closures, the first declared one first.
#[derive(Debug, Default)]
pub struct Closures(Vec<Closure>);

#[derive(Debug)]
struct Closure {
    id: String,
    /// The sequence of the event that declared it.
    since: usize,
    data: Value,
    is_ordered: bool,
    is_lifted: bool,
}

impl Closure {
    /// Whether it closes `table` in `area` during `sitting`.
    fn closes(&self, sitting: &Sitting, table: &str, area: Option<&Value>) -> bool {
        let (date, data) = (sitting.date.to_string(), &self.data);
        let is_that_day = *data["from"].as_str().unwrap() <= *date && *date <= *data["to"].as_str().unwrap();
        let is_that_service = data["service"].is_null() || data["service"] == sitting.name;
        let (areas, tables) = (data["areas"].as_array(), data["tables"].as_array());
        let is_there = areas.is_none() && tables.is_none()
            || areas.is_some_and(|areas| area.is_some_and(|area| areas.contains(area)))
            || tables.is_some_and(|tables| tables.contains(&table.into()));
        !self.is_lifted && is_that_day && is_that_service && is_there
    }
}

impl Closures {
    pub fn event(&mut self, kind: &str, data: &Value, seen: usize) {
        let Some(id) = data["closure_id"].as_str() else { return };
        let known = self.0.iter_mut().find(|closure| closure.id == id);
        match (kind, known) {
            ("meja.venue.closed.v1", None) => {
                let (id, data) = (id.to_owned(), data.clone());
                self.0.push(Closure { id, since: seen, data, is_ordered: false, is_lifted: false });
            }
            ("meja.venue.cancellations_ordered.v1", Some(closure)) => closure.is_ordered = true,
            ("meja.venue.closure_lifted.v1", Some(closure)) => closure.is_lifted = true,
            (kind, _) => panic!("{kind} of the closure {id}"),
        }
    }

    /// Whether a closure that was declared after `since` closes `table` during `sitting`.
    pub fn close(&self, rules: &Rules, sitting: &Sitting, table: &str, since: Option<usize>) -> bool {
        let counts = |closure: &&Closure| since.is_none_or(|since| closure.since > since);
        let area = rules.table(table).map(|known| &known["area"]);
        self.0.iter().filter(counts).any(|closure| closure.closes(sitting, table, area))
    }

    /// Whether the venue takes a stay at any table.
    pub fn is_open(&self, rules: &Rules, window: Window) -> bool {
        let is_free = |service: &Sitting, table: &str| {
            rules.uses(service, table) && !self.close(rules, service, table, None)
        };
        rules.open_for(window).iter().any(|service| rules.tables().any(|table| is_free(service, table)))
    }

    /// The closures that affect a booking.
    pub fn over(&self, rules: &Rules, booking: &Booking) -> Vec<String> {
        let services = rules.open_for(booking.window);
        let serves =
            |service: &Sitting, table: &str| rules.table(table).is_none() || rules.uses(service, table);
        let is_under = |closure: &&Closure| {
            closure.since > booking.placed_at
                && services.iter().any(|service| {
                    let of_table = |table: &String| {
                        serves(service, table) && closure.closes(service, table, booking.areas.get(table))
                    };
                    booking.tables.keys().any(of_table)
                })
        };
        self.0.iter().filter(is_under).map(|closure| closure.id.clone()).collect()
    }

    /// Whether the bookings under the closure `id` are to be cancelled.
    pub fn is_ordered(&self, id: &str) -> bool {
        self.0.iter().any(|closure| closure.id == id && closure.is_ordered && !closure.is_lifted)
    }
}
