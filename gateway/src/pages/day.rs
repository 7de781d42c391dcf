//! The times of a day and the days of a month, for pages on which a guest chooses a time.

use chrono::{DateTime, Datelike as _, Days, FixedOffset, Months, NaiveDate, NaiveTime, Timelike as _};
use events::values::Locale;
use rpc::v1;
use serde::Serialize;

use super::guest::Guest;
use super::times;
use super::words::word;
use crate::services::Trouble;

/// Whether a time with this reason can become free, so that a guest can wait for it.
pub(super) fn is_full(reason: &str) -> bool {
    matches!(reason, "no_table" | "pacing")
}

/// The day, the number of guests and the area that a guest looks for.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) venue_id: String,
    pub(super) date: NaiveDate,
    pub(super) party_size: u32,
    pub(super) area: Option<String>,
}

impl Wanted {
    /// The question for the times of the day.
    pub(super) fn day(&self) -> v1::GetDayRequest {
        v1::GetDayRequest {
            venue_id: Some(self.venue_id.clone()),
            date: self.date.to_string(),
            party_size: Some(self.party_size),
            area: self.area.clone(),
            duration_minutes: None,
        }
    }
}

/// The times of one service.
#[derive(Debug, Serialize)]
pub(super) struct ServiceTimes {
    name: Option<String>,
    slots: Vec<SlotView>,
    /// The time in the middle of those that are full, RFC 3339, around which a guest can wait for a table; `None` if none is full.
    wait_around: Option<String>,
}

/// A time.
#[derive(Debug, Serialize)]
pub(super) struct SlotView {
    /// RFC 3339.
    start: String,
    time: String,
    available: bool,
    #[serde(skip)]
    is_full: bool,
    deposit: Option<String>,
    /// Why it is not available, in words.
    reason: Option<String>,
}

/// The times of a day.
#[derive(Debug, Serialize)]
pub(super) struct DayView {
    services: Vec<ServiceTimes>,
    /// Whether anything can be booked.
    has_room: bool,
    /// Why nothing can be booked, in words.
    reason: Option<String>,
}

impl DayView {
    /// Marks the time of a booking that begins at `start` as its own, and not as one to move to.
    pub(super) fn without_own_time(mut self, start: DateTime<FixedOffset>, locale: Locale) -> Self {
        for slot in self.services.iter_mut().flat_map(|service| &mut service.slots) {
            if times::local(&slot.start) == start {
                slot.available = false;
                slot.reason = Some(word(locale, "your_time"));
            }
        }
        self.has_room = self.services.iter().flat_map(|service| &service.slots).any(|slot| slot.available);
        self
    }
}

/// The times of the day that the guest wants.
pub(super) async fn times(
    guest: &Guest,
    venue: &v1::Venue,
    wanted: &Wanted,
    locale: Locale,
) -> Result<DayView, Trouble> {
    let day = match guest.call().get_day(wanted.day()).await {
        // There is no service on that day, or it is too far ahead.
        Err(Trouble::Refused(_)) => {
            return Ok(DayView { services: vec![], has_room: false, reason: Some(reason("closed", locale)) });
        }
        answered => answered?,
    };
    let mut services: Vec<ServiceTimes> = Vec::new();
    // A time at which the visit would last beyond the closing is no time of the day for this party.
    let slots = || day.slots.iter().filter(|slot| slot.reason.as_deref() != Some("closed"));
    for slot in slots() {
        let start = times::local(&slot.start_time);
        let name = service_at(venue, wanted.date, start);
        let view = SlotView {
            start: slot.start_time.clone(),
            time: people::time(&start, locale),
            available: slot.available,
            is_full: slot.reason.as_deref().is_some_and(is_full),
            deposit: slot.deposit.as_ref().map(|deposit| times::amount(deposit, locale)),
            reason: slot.reason.as_deref().map(|code| reason(code, locale)),
        };
        match services.last_mut() {
            Some(last) if last.name == name => last.slots.push(view),
            _ => services.push(ServiceTimes { name, slots: vec![view], wait_around: None }),
        }
    }
    for service in &mut services {
        let full: Vec<_> = service.slots.iter().filter(|slot| slot.is_full).collect();
        service.wait_around = full.get(full.len() / 2).map(|slot| slot.start.clone());
    }
    let has_room = day.slots.iter().any(|slot| slot.available);
    let mut reasons = slots().filter_map(|slot| slot.reason.as_deref());
    // The most common case has one reason for all times; otherwise the page shows each.
    let first = reasons.next();
    let same = first.filter(|first| reasons.all(|other| other == *first));
    let code = if slots().next().is_none() { Some("closed") } else { same };
    let reason = code.filter(|_| !has_room).map(|code| reason(code, locale));
    Ok(DayView { services, has_room, reason })
}

fn reason(code: &str, locale: Locale) -> String {
    word(locale, &format!("reason_{code}"))
}

/// The name of the service at `start` on the business day `date`; `None` on a day with other hours.
fn service_at(venue: &v1::Venue, date: NaiveDate, start: DateTime<FixedOffset>) -> Option<String> {
    let weekday = date.weekday().to_string().to_lowercase();
    let midnight = (start.date_naive() - date).num_days() * 1_440;
    let minute = midnight + i64::from(start.hour() * 60 + start.minute());
    let of_day = venue.hours.iter().filter(|service| service.day == weekday);
    let mut at = of_day.filter(|service| (opening(service)..closing(service)).contains(&minute));
    let service = at.next_back();
    service.map(|service| service.name.clone())
}

/// Minutes after midnight of the business day.
pub(super) fn opening(service: &v1::WeeklyService) -> i64 {
    minutes(&service.opens)
}

/// Minutes after midnight of the business day, after the opening.
pub(super) fn closing(service: &v1::WeeklyService) -> i64 {
    let (opens, closes) = (minutes(&service.opens), minutes(&service.closes));
    if closes <= opens { closes + 1_440 } else { closes }
}

fn minutes(time: &str) -> i64 {
    let time = NaiveTime::parse_from_str(time, "%H:%M").unwrap_or_default();
    i64::from(time.hour() * 60 + time.minute())
}

/// The days of a month.
#[derive(Debug, Serialize)]
pub(super) struct MonthView {
    name: String,
    /// The short names of the days, Monday first, and their full names.
    weekdays: Vec<(String, String)>,
    weeks: Vec<Vec<Option<DayCell>>>,
    previous: Option<NaiveDate>,
    next: NaiveDate,
}

impl MonthView {
    fn has_room(&self) -> bool {
        self.weeks.iter().flatten().flatten().any(|day| day.has_room)
    }
}

/// A day of a month.
#[derive(Debug, Clone, Serialize)]
struct DayCell {
    date: NaiveDate,
    day: u32,
    words: String,
    /// Whether it has room, as far as that is known.
    has_room: bool,
    /// Why not, in words.
    reason: Option<String>,
    is_chosen: bool,
    is_today: bool,
}

/// The month of the chosen day, with the days that have room. Without a chosen day it is the next month if no day of the current one has
/// room, as on its last evening.
pub(super) async fn month(
    guest: &Guest,
    wanted: &Wanted,
    today: NaiveDate,
    locale: Locale,
) -> Result<MonthView, Trouble> {
    let first = wanted.date.with_day(1).unwrap_or(wanted.date);
    let month = month_from(guest, wanted, first, today, locale).await?;
    match wanted.date == today && !month.has_room() {
        true => month_from(guest, wanted, month.next, today, locale).await,
        false => Ok(month),
    }
}

/// The month that begins with `first`.
async fn month_from(
    guest: &Guest,
    wanted: &Wanted,
    first: NaiveDate,
    today: NaiveDate,
    locale: Locale,
) -> Result<MonthView, Trouble> {
    let next = first.checked_add_months(Months::new(1)).unwrap_or(first);
    let last = next - Days::new(1);
    let request = v1::ListDaysRequest {
        venue_id: Some(wanted.venue_id.clone()),
        party_size: Some(wanted.party_size),
        from: first.max(today.min(last)).to_string(),
        to: last.to_string(),
        area: wanted.area.clone(),
    };
    let known = guest.call().list_days(request).await?.days;
    let cell = |date: NaiveDate| {
        let text = date.to_string();
        let summary = known.iter().find(|day| day.date == text);
        let code = summary.map_or(Some("past"), |summary| summary.reason.as_deref());
        let has_room = summary.is_some_and(|summary| summary.available);
        Some(DayCell {
            date,
            day: date.day(),
            words: times::in_words(date, locale),
            has_room,
            reason: code.filter(|_| !has_room).map(|code| reason(code, locale)),
            is_chosen: date == wanted.date,
            is_today: date == today,
        })
    };
    let before = first.weekday().num_days_from_monday() as usize;
    let cells: Vec<_> = std::iter::repeat_n(None, before)
        .chain(first.iter_days().take_while(|date| *date <= last).map(cell))
        .collect();
    let weekday = |n: u64| {
        // A Monday.
        let day = NaiveDate::default() + Days::new(4 + n);
        let name = times::in_words(day, locale).split(',').next().unwrap_or_default().to_owned();
        (name.chars().take(3).collect(), name)
    };
    let in_words = times::in_words(first, locale);
    let name =
        in_words.split_once(' ').and_then(|(_, date)| date.split_once(' ')).map_or("", |(_, name)| name);
    Ok(MonthView {
        name: name.to_owned(),
        weekdays: (0..7).map(weekday).collect(),
        weeks: cells.chunks(7).map(<[_]>::to_vec).collect(),
        previous: Some(first - Days::new(1)).filter(|date| *date >= today),
        next,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn venue() -> v1::Venue {
        let service = |opens: &str, closes: &str, name: &str| v1::WeeklyService {
            day: "sat".into(),
            name: name.into(),
            opens: opens.into(),
            closes: closes.into(),
            ..Default::default()
        };
        let hours = vec![service("11:00", "15:00", "Lunch"), service("17:00", "00:30", "Dinner")];
        v1::Venue { hours, ..Default::default() }
    }

    #[test]
    fn a_time_after_midnight_belongs_to_the_service_of_the_evening() {
        let date = NaiveDate::from_ymd_opt(2026, 12, 5).unwrap();
        let at = |text: &str| service_at(&venue(), date, DateTime::parse_from_rfc3339(text).unwrap());
        assert_eq!(at("2026-12-05T11:00:00+07:00").as_deref(), Some("Lunch"));
        assert_eq!(at("2026-12-05T23:45:00+07:00").as_deref(), Some("Dinner"));
        assert_eq!(at("2026-12-06T00:15:00+07:00").as_deref(), Some("Dinner"));
        assert_eq!(at("2026-12-05T16:00:00+07:00"), None, "other hours on that day");
    }
}
