//! The rules document of a venue, read as plainly as possible.

use chrono::{DateTime, Datelike as _, NaiveDate, NaiveTime, TimeDelta, Utc};
use serde_json::Value;

use super::Window;

const ZONE_HOURS: i64 = 7;

/// The rules of a venue in Jakarta.
#[derive(Debug)]
pub struct Rules(Value);

/// A service on a day.
#[derive(Debug)]
pub struct Sitting {
    pub date: NaiveDate,
    pub name: Value,
    window: Window,
    /// The areas that it uses; all if empty.
    areas: Vec<Value>,
}

fn local(instant: DateTime<Utc>) -> chrono::NaiveDateTime {
    instant.naive_utc() + TimeDelta::hours(ZONE_HOURS)
}

fn minutes(value: &Value) -> TimeDelta {
    value.as_str().unwrap().parse::<NaiveTime>().unwrap() - NaiveTime::MIN
}

impl Rules {
    pub fn of(document: &Value) -> Self {
        Self(document.clone())
    }

    /// How long a party of `guests` stays.
    pub fn turn(&self, guests: i64) -> TimeDelta {
        let turns = self.0["turn_minutes"].as_array().unwrap();
        let turn = turns.iter().find(|turn| guests <= turn["up_to_party"].as_i64().unwrap()).unwrap();
        TimeDelta::minutes(turn["minutes"].as_i64().unwrap())
    }

    /// The exception of `date`, if there is one. The documents of this test have at most one for a date.
    fn exception(&self, date: NaiveDate) -> Option<&Value> {
        let day = |value: &Value| value.as_str().and_then(|text| text.parse::<NaiveDate>().ok());
        self.0["exceptions"].as_array()?.iter().find(|exception| {
            let yearly = format!("{:02}-{:02}", date.month(), date.day());
            let in_range = day(&exception["from"]).zip(day(&exception["to"]));
            day(&exception["date"]) == Some(date)
                || exception["yearly"] == yearly
                || in_range.is_some_and(|(from, to)| from <= date && date <= to)
        })
    }

    fn sittings(&self, date: NaiveDate) -> Vec<Sitting> {
        if self.exception(date).is_some_and(|exception| exception["closed"] == true) {
            return vec![];
        }
        let midnight = date.and_time(NaiveTime::MIN).and_utc() - TimeDelta::hours(ZONE_HOURS);
        let sitting = |service: &Value| {
            let (opens, closes) = (minutes(&service["opens"]), minutes(&service["closes"]));
            let closes = if closes <= opens { closes + TimeDelta::days(1) } else { closes };
            let areas = service["areas"].as_array().cloned().unwrap_or_default();
            Sitting {
                date,
                name: service["name"].clone(),
                window: (midnight + opens, midnight + closes),
                areas,
            }
        };
        self.0["services"].as_array().unwrap().iter().map(sitting).collect()
    }

    /// The services of the day before and of the day of `instant`.
    fn around(&self, instant: DateTime<Utc>) -> Vec<Sitting> {
        let date = local(instant).date();
        [date.pred_opt().unwrap(), date].into_iter().flat_map(|date| self.sittings(date)).collect()
    }

    /// The services that contain a stay.
    pub fn open_for(&self, (start, end): Window) -> Vec<Sitting> {
        let contains = |sitting: &Sitting| sitting.window.0 <= start && end <= sitting.window.1;
        self.around(start).into_iter().filter(contains).collect()
    }

    /// The day that `instant` belongs to: the one of its service, and outside of services the calendar day.
    pub fn business_day(&self, instant: DateTime<Utc>) -> NaiveDate {
        let is_within = |sitting: &&Sitting| sitting.window.0 <= instant && instant < sitting.window.1;
        self.around(instant).iter().find(is_within).map_or(local(instant).date(), |sitting| sitting.date)
    }

    pub fn tables(&self) -> impl Iterator<Item = &str> {
        self.0["tables"].as_array().unwrap().iter().map(|table| table["id"].as_str().unwrap())
    }

    pub fn table(&self, table: &str) -> Option<&Value> {
        self.0["tables"].as_array().unwrap().iter().find(|known| known["id"] == table)
    }

    /// Whether a service has `table`.
    pub fn uses(&self, sitting: &Sitting, table: &str) -> bool {
        let Some(known) = self.table(table) else { return false };
        let is_listed = |list: &Value, item: &Value| list.as_array().is_some_and(|list| list.contains(item));
        let exception = self.exception(sitting.date).unwrap_or(&Value::Null);
        (sitting.areas.is_empty() || sitting.areas.contains(&known["area"]))
            && !is_listed(&exception["closed_areas"], &known["area"])
            && !is_listed(&exception["closed_tables"], &known["id"])
    }
}
