//! Local times of a venue as instants.

use chrono::{
    DateTime, Days, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone as _, Utc,
};
use chrono_tz::Tz;
use events::values::TimeWindow;

/// A local time that does not name exactly one instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocalTimeError {
    /// The clocks are set forward over this time.
    #[error(
        "{local} does not exist in {zone}, because the clocks are set forward then. Choose an earlier or later time"
    )]
    Gap {
        /// The local time.
        local: NaiveDateTime,
        /// The zone of the venue.
        zone: Tz,
    },
    /// The clocks are set back over this time.
    #[error("{local} occurs twice in {zone}. Write {first} or {second}")]
    Fold {
        /// The local time.
        local: NaiveDateTime,
        /// The zone of the venue.
        zone: Tz,
        /// The first occurrence.
        first: String,
        /// The second occurrence.
        second: String,
    },
}

/// The instant of a local time in `zone`.
///
/// # Errors
/// [`LocalTimeError`] when the local time does not exist or occurs twice.
pub fn instant(zone: Tz, local: NaiveDateTime) -> Result<DateTime<Utc>, LocalTimeError> {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(at) => Ok(at.to_utc()),
        LocalResult::None => Err(LocalTimeError::Gap { local, zone }),
        LocalResult::Ambiguous(first, second) => {
            Err(LocalTimeError::Fold { local, zone, first: first.to_rfc3339(), second: second.to_rfc3339() })
        }
    }
}

/// The instant of an opening or closing time: the first one if it occurs twice, and the end of the gap if
/// it does not exist. Monotonic: a later local time never resolves to an earlier instant.
#[must_use]
pub fn resolve(zone: Tz, local: NaiveDateTime) -> DateTime<Utc> {
    // The longest gap is one day, where an island moved across the date line.
    let minutes = (0..=24 * 60).map(|minutes| local + TimeDelta::minutes(minutes));
    let found = minutes.map(|local| zone.from_local_datetime(&local)).find_map(|found| found.earliest());
    found.map_or_else(|| local.and_utc(), |at| at.to_utc())
}

/// The instants of the calendar day `date` in `zone`.
#[must_use]
pub fn calendar_day(zone: Tz, date: NaiveDate) -> TimeWindow {
    let midnight = |date: NaiveDate| resolve(zone, date.and_time(NaiveTime::MIN));
    let next = date.checked_add_days(Days::new(1)).unwrap_or(date);
    TimeWindow { start: midnight(date), end: midnight(next) }
}
