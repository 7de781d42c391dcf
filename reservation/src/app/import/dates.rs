//! Dates and times as other systems write them.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use chrono_tz::Tz;

use super::mapping::DateOrder;
use crate::domain::availability::instant;

/// Formats of times, tried in this order.
const TIMES: [&str; 7] = ["%H:%M", "%H:%M:%S", "%H.%M", "%I:%M %p", "%I:%M%p", "%I:%M:%S %p", "%H:%M:%S%.f"];

/// How times of a file are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dates {
    /// The order of dates, if the map names it.
    pub(super) order: Option<DateOrder>,
    /// The zone of times without an offset.
    pub(super) zone: Tz,
}

impl Dates {
    /// A date and a time in one text, or a time with an offset (RFC 3339).
    pub(super) fn moment(self, text: &str) -> Result<DateTime<Utc>, String> {
        let with_offset = DateTime::parse_from_rfc3339(text);
        if let Ok(at) = with_offset.or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M%:z")) {
            return Ok(at.to_utc());
        }
        let (date, time) = text
            .split_once(['T', ' '])
            .ok_or_else(|| format!("{text:?} is not a date and a time such as 2026-12-24 19:30"))?;
        self.at(date, time)
    }

    /// A date, with a time or without: then the beginning of the day.
    pub(super) fn day_or_moment(self, text: &str) -> Result<DateTime<Utc>, String> {
        match self.date(text) {
            Ok(date) => self.instant(date.and_time(NaiveTime::MIN)),
            Err(fault) if text.contains(['T', ' ']) => self.moment(text).map_err(|_| fault),
            Err(fault) => Err(fault),
        }
    }

    /// The instant of a date and a time.
    pub(super) fn at(self, date: &str, time: &str) -> Result<DateTime<Utc>, String> {
        self.instant(self.date(date)?.and_time(time_of(time)?))
    }

    fn instant(self, local: NaiveDateTime) -> Result<DateTime<Utc>, String> {
        instant(self.zone, local).map_err(|error| error.to_string())
    }

    fn date(self, text: &str) -> Result<NaiveDate, String> {
        let malformed = || format!("{text:?} is not a date such as 2026-12-24");
        let parts: Vec<&str> = text.trim().split(['-', '/', '.']).collect();
        let number = |part: &&str| part.parse::<u32>().ok().filter(|_| part.len() <= 4);
        let numbers: Option<Vec<u32>> = parts.iter().map(number).collect();
        let [first, second, third] = numbers.ok_or_else(malformed)?[..] else { return Err(malformed()) };
        let date = |year: u32, month, day| NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day);
        if parts[0].len() == 4 {
            return date(first, second, third).ok_or_else(malformed);
        }
        if parts[2].len() != 4 {
            return Err(format!("{text:?} has no year of four digits"));
        }
        let (dmy, mdy) = (date(third, second, first), date(third, first, second));
        match (self.order, dmy, mdy) {
            (Some(DateOrder::Dmy), found, _) | (Some(DateOrder::Mdy), _, found) => {
                found.ok_or_else(malformed)
            }
            (Some(DateOrder::Ymd), ..) => Err(malformed()),
            (None, Some(one), Some(other)) if one != other => Err(format!(
                "{text:?} can be {} and {}: set \"date_order\" in the map to dmy or mdy",
                one.format("%-d %B"),
                other.format("%-d %B")
            )),
            (None, dmy, mdy) => dmy.or(mdy).ok_or_else(malformed),
        }
    }
}

fn time_of(text: &str) -> Result<NaiveTime, String> {
    let read = |format: &&str| NaiveTime::parse_from_str(&text.trim().to_uppercase(), format).ok();
    TIMES.iter().find_map(read).ok_or_else(|| format!("{text:?} is not a time such as 19:30"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(order: Option<DateOrder>, text: &str) -> Result<String, String> {
        let dates = Dates { order, zone: chrono_tz::Europe::Rome };
        dates.moment(text).map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
    }

    #[test]
    fn dates_and_times_of_other_systems_are_read() {
        for (order, text, expected) in [
            (None, "2026-12-24 19:30", "2026-12-24T18:30:00Z"),
            (None, "2026-12-24T19:30:00", "2026-12-24T18:30:00Z"),
            (None, "2026-12-24T19:30:00+07:00", "2026-12-24T12:30:00Z"),
            (None, "24/12/2026 19.30", "2026-12-24T18:30:00Z"),
            (None, "12/24/2026 7:30 pm", "2026-12-24T18:30:00Z"),
            (None, "12/24/2026 7:30:00 PM", "2026-12-24T18:30:00Z"),
            (None, "2026-12-24T19:30+07:00", "2026-12-24T12:30:00Z"),
            (None, "04.04.2026 12:00", "2026-04-04T10:00:00Z"),
            (Some(DateOrder::Dmy), "03/04/2026 12:00", "2026-04-03T10:00:00Z"),
            (Some(DateOrder::Mdy), "03/04/2026 12:00AM", "2026-03-03T23:00:00Z"),
        ] {
            assert_eq!(read(order, text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_date_that_can_be_read_in_two_ways_is_a_fault() {
        for (order, text, said) in [
            (None, "03/04/2026 12:00", "can be 3 April and 4 March"),
            (Some(DateOrder::Mdy), "24/12/2026 12:00", "not a date"),
            (Some(DateOrder::Ymd), "24/12/2026 12:00", "not a date"),
            (None, "24/12/26 12:00", "no year of four digits"),
            (None, "2026-02-30 12:00", "not a date"),
            (None, "2026-12-24 25:00", "not a time"),
            (None, "2026-12-24", "not a date and a time"),
            (None, "2026-03-29 02:30", "does not exist"),
            (None, "2026-10-25 02:30", "twice"),
        ] {
            let fault = read(order, text).unwrap_err();
            assert!(fault.contains(said), "{text}: {fault}");
        }
    }
}
