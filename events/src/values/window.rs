//! A time window. Part of [`crate::values`].

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The time a party occupies its table: from `start` up to but excluding `end`, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct TimeWindow {
    /// When the party arrives.
    pub start: DateTime<Utc>,
    /// When the table becomes free again.
    pub end: DateTime<Utc>,
}

impl TimeWindow {
    /// The window of `minutes` minutes that starts at `start`.
    #[must_use]
    pub fn starting(start: DateTime<Utc>, minutes: u32) -> Self {
        Self { start, end: start + TimeDelta::minutes(i64::from(minutes)) }
    }

    /// The length of the window in minutes.
    #[must_use]
    pub fn minutes(&self) -> i64 {
        (self.end - self.start).num_minutes()
    }

    /// Whether the two windows share any instant. Windows that only touch do not overlap.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// Every UTC date that the window touches, ascending. At least one.
    pub fn utc_dates(&self) -> impl Iterator<Item = NaiveDate> + use<> {
        let first = self.start.date_naive();
        // The end is exclusive: a window up to midnight does not touch the next day.
        let last = (self.end - TimeDelta::nanoseconds(1)).date_naive().max(first);
        std::iter::successors(Some(first), move |date| {
            date.checked_add_days(Days::new(1)).filter(|next| *next <= last)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn windows_that_touch_do_not_overlap() {
        let first = TimeWindow::starting(at("2026-12-01T18:00:00Z"), 90);
        let second = TimeWindow::starting(first.end, 90);
        assert!(!first.overlaps(&second) && !second.overlaps(&first));
        let late = TimeWindow::starting(first.end - TimeDelta::minutes(1), 90);
        assert!(first.overlaps(&late) && late.overlaps(&first));
    }

    #[test]
    fn a_window_names_every_date_it_touches() {
        let dates = |start, minutes| -> Vec<_> {
            TimeWindow::starting(at(start), minutes).utc_dates().map(|d| d.to_string()).collect()
        };
        assert_eq!(dates("2026-12-31T22:00:00Z", 90), ["2026-12-31"]);
        assert_eq!(dates("2026-12-31T22:00:00Z", 120), ["2026-12-31"]);
        assert_eq!(dates("2026-12-31T22:00:00Z", 121), ["2026-12-31", "2027-01-01"]);
    }
}
