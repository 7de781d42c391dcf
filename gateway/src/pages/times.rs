//! Times, dates and amounts of the services, as pages show them.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime, TimeZone as _, Utc};
use chrono_tz::Tz;
use events::values::{Currency, Locale, Money};
use minijinja::{Value, context};
use prost_types::Timestamp;
use rpc::v1;

/// The time zone with this name; UTC if this version does not know it.
pub(super) fn zone(name: &str) -> Tz {
    name.parse().unwrap_or(Tz::UTC)
}

/// The short name of a time zone at `time`, such as `WIB`, or its offset.
pub(super) fn zone_at(time: &DateTime<FixedOffset>, zone: Tz) -> String {
    time.with_timezone(&zone).format("%Z").to_string()
}

/// A time with the offset of its venue; the beginning of the epoch if it cannot be read.
pub(super) fn local(text: &str) -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339(text).unwrap_or_default()
}

/// An instant in the time zone of a venue.
pub(super) fn at(timestamp: &Timestamp, zone: Tz) -> Option<DateTime<Tz>> {
    Some(instant(timestamp)?.with_timezone(&zone))
}

/// An instant.
pub(super) fn instant(timestamp: &Timestamp) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(timestamp.seconds, timestamp.nanos.try_into().ok()?)
}

/// For the attribute `datetime`, and for scripts.
pub(super) fn machine(at: &DateTime<Tz>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// A deadline in words, with its date if it is not today, and for scripts.
pub(super) fn deadline(at: &DateTime<Tz>, now: DateTime<Utc>, locale: Locale) -> Value {
    let is_today = at.date_naive() == now.with_timezone(&at.timezone()).date_naive();
    let words = if is_today { people::time(at, locale) } else { people::moment(at, locale) };
    context! { words, machine => machine(at) }
}

/// The instant of a date and a clock time such as `19:30` in a time zone; `None` if one of them cannot be read, or if the clocks skip
/// it.
pub(super) fn at_clock(zone: Tz, day: &str, clock: &str) -> Option<DateTime<Tz>> {
    let clock = NaiveTime::parse_from_str(clock, "%H:%M").ok()?;
    zone.from_local_datetime(&date(day)?.and_time(clock)).earliest()
}

/// A calendar date; `None` if it cannot be read.
pub(super) fn date(text: &str) -> Option<NaiveDate> {
    text.parse().ok()
}

/// The date in words: `Thursday, 24 December 2026`.
pub(super) fn in_words(date: NaiveDate, locale: Locale) -> String {
    people::date(&date.and_time(chrono::NaiveTime::MIN).and_utc(), locale)
}

/// An amount as people write it.
pub(super) fn amount(money: &v1::Money, locale: Locale) -> String {
    minor(money.amount_minor, &money.currency, locale)
}

/// An amount in minor units as people write it.
pub(super) fn minor(amount_minor: i64, currency: &str, locale: Locale) -> String {
    match Currency::from_code(currency) {
        Some(currency) => people::money(Money { amount_minor, currency }, locale),
        None => format!("{amount_minor} {currency}"),
    }
}
