//! A service period of a day.

use chrono::NaiveTime;

/// Minutes of a day without a change of the clocks.
pub(super) const DAY_MINUTES: i64 = 24 * 60;

/// A service period of a day, for example dinner. It belongs to the day on which it opens, even if it closes
/// after midnight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// The name shown to people.
    pub name: String,
    /// The opening, local time.
    pub opens: NaiveTime,
    /// The closing, local time. At or before `opens`: on the next day.
    pub closes: NaiveTime,
    /// The last arrival; if `None`, a party must leave by the closing.
    pub last_arrival: Option<NaiveTime>,
    /// The areas that it uses; all of them if empty.
    pub areas: Vec<String>,
}

impl Service {
    /// Local minutes from midnight of the service's day to its opening, its closing and its last arrival.
    pub(super) fn minutes(&self) -> (i64, i64, Option<i64>) {
        let minute = |time: NaiveTime| (time - NaiveTime::MIN).num_minutes();
        let opens = minute(self.opens);
        let after_opening =
            |time: NaiveTime| if minute(time) < opens { minute(time) + DAY_MINUTES } else { minute(time) };
        let closes = minute(self.closes);
        let closes = if closes <= opens { closes + DAY_MINUTES } else { closes };
        (opens, closes, self.last_arrival.map(after_opening))
    }

    /// Whether the last arrival, if there is one, is before the closing.
    #[must_use]
    pub fn last_arrival_fits(&self) -> bool {
        let (_, closes, last_arrival) = self.minutes();
        last_arrival.is_none_or(|last| last < closes)
    }

    /// Whether both services use an area.
    pub(super) fn shares_area(&self, other: &Self) -> bool {
        self.areas.is_empty()
            || other.areas.is_empty()
            || self.areas.iter().any(|area| other.areas.contains(area))
    }
}
