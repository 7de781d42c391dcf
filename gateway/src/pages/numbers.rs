//! The numbers of a venue: counts as charts and tables, for managers. The service counts, and this page draws.

use std::collections::BTreeMap;

use axum::extract::{Path, RawQuery};
use axum::response::Response;
use chrono::{Datelike as _, Days, NaiveDate, NaiveTime};
use contract::reservation::stats::{REFUSAL_DAYS_MAX, REFUSALS_KEPT_DAYS, RefusalCount, Refusals, Stats};
use contract::reservation::venues::VenueView;
use contract::reservation::words::{Canceller, ReservationStatus};
use events::VenueId;
use events::values::{Currency, Locale, Money};
use futures::try_join;
use minijinja::{Value, context};
use serde::Deserialize;

use super::assets::NUMBERS_STYLE;
use super::chart::Chart;
use super::guest::{Guest, Page};
use super::session::{Session, Unread};
use super::words::word;

/// The days that are shown if the query names none, and those of the shortcuts.
const DAYS_DEFAULT: u64 = 28;
const SHORTCUTS_DAYS: [u64; 4] = [7, 28, 91, 365];

/// The days that a person chose.
#[derive(Debug, Default)]
struct Chosen {
    from: Option<String>,
    to: Option<String>,
}

impl Chosen {
    /// The days in a query. Of repeated names the first one counts.
    fn of(query: &str) -> Self {
        let first = |wanted: &str| {
            let mut pairs = form_urlencoded::parse(query.as_bytes());
            pairs.find(|(name, _)| name == wanted).map(|(_, text)| text.into_owned())
        };
        Self { from: first("from"), to: first("to") }
    }
}

/// Business days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    from: NaiveDate,
    to: NaiveDate,
}

impl Range {
    /// The last `days` days up to `today`.
    fn last(days: u64, today: NaiveDate) -> Self {
        Self { from: today - Days::new(days - 1), to: today }
    }

    /// The chosen days; the default ones without a choice. `Err` if they cannot be shown.
    fn of(chosen: &Chosen, today: NaiveDate) -> Result<Self, ()> {
        let date = |text: &Option<String>| match text.as_deref() {
            None | Some("") => Ok(None),
            // A year has four digits, as in the API.
            Some(text) if text.len() == 10 => text.parse().map(Some).map_err(|_| ()),
            Some(_) => Err(()),
        };
        let to = date(&chosen.to)?.unwrap_or(today);
        let from = date(&chosen.from)?.unwrap_or_else(|| Self::last(DAYS_DEFAULT, to).from);
        let range = Self { from, to };
        let days = (range.to - range.from).num_days();
        if (0..i64::from(REFUSAL_DAYS_MAX)).contains(&days) { Ok(range) } else { Err(()) }
    }
}

/// The business day at a venue, in its floor.
#[derive(Debug, Deserialize)]
struct Today {
    date: NaiveDate,
}

/// Everything that the page shows.
struct Numbers {
    days: Stats,
    hours: Stats,
    services: Stats,
    areas: Stats,
    refusals: Refusals,
}

impl Numbers {
    async fn read(session: &Session, venue: &VenueId, range: Range) -> Result<Self, Unread> {
        let Range { from, to } = range;
        let stats = async |by: &str| {
            let path = format!("/api/stats?venue_id={venue}&from_date={from}&to_date={to}&by={by}");
            session.read::<Stats>(&path).await
        };
        let refusals = format!("/api/venues/{venue}/refusals?from={from}&to={to}");
        let (days, hours, services, areas, refusals) =
            try_join!(stats("day"), stats("hour"), stats("service"), stats("area"), session.read(&refusals))?;
        Ok(Self { days, hours, services, areas, refusals })
    }
}

/// The page with the numbers of a venue.
pub(super) async fn page(
    guest: Guest,
    session: Session,
    Path(venue): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let chosen = Chosen::of(query.as_deref().unwrap_or_default());
    let Ok(venue_id) = venue.parse::<VenueId>() else { return Unread::Unknown.page(&guest, "") };
    let view = match session.read::<VenueView>(&format!("/api/venues/{venue_id}")).await {
        Ok(view) => view,
        Err(unread) => return unread.page(&guest, venue_id.as_str()),
    };
    let today = match session.read::<Today>(&format!("/api/floor?venue_id={venue_id}")).await {
        Ok(floor) => floor.date,
        Err(unread) => return unread.page(&guest, venue_id.as_str()),
    };
    let range = Range::of(&chosen, today);
    let (is_valid, range) = (range.is_ok(), range.unwrap_or(Range::last(DAYS_DEFAULT, today)));
    let numbers = match Numbers::read(&session, &venue_id, range).await {
        Ok(numbers) => numbers,
        Err(unread) => return unread.page(&guest, venue_id.as_str()),
    };
    let locale = guest.locale(None);
    let shortcut = |days: u64| {
        let Range { from, to } = Range::last(days, today);
        context! { days, from, to }
    };
    let facts = context! {
        venue_id, name => view.name, is_valid,
        from => range.from, to => range.to, max_days => REFUSAL_DAYS_MAX,
        shortcuts => SHORTCUTS_DAYS.map(shortcut),
        sections => sections(&numbers, range, locale),
        total => row(String::new(), &numbers.days, locale),
        cancellations => cancellations(&numbers.days, locale),
        refusals => refusals(&numbers.refusals.items, locale),
        kept_days => REFUSALS_KEPT_DAYS,
        are_kept => range.from >= today - Days::new(REFUSALS_KEPT_DAYS),
        numbers_style => NUMBERS_STYLE.path(),
    };
    Page::new(&guest, "numbers.html", locale, facts).respond()
}

/// A chart of the covers with its table, for each way to divide them.
fn sections(numbers: &Numbers, range: Range, locale: Locale) -> Vec<Value> {
    let every_day = every_day(&numbers.days, range);
    let groups = |stats: &Stats| stats.groups.clone().unwrap_or_default();
    let section = |name: &str, groups: Vec<Stats>, key: &dyn Fn(&str) -> String| {
        let named = |group: &Stats| match group.key.as_deref() {
            None | Some("") => word(locale, "numbers_none"),
            Some(text) => key(text),
        };
        let bars: Vec<_> = groups.iter().map(|group| (named(group), group.covers)).collect();
        let rows: Vec<_> = groups.iter().map(|group| row(named(group), group, locale)).collect();
        context! { name, title => word(locale, &format!("numbers_by_{name}")), chart => Chart::of(&bars), rows }
    };
    let as_it_is = |text: &str| text.to_owned();
    vec![
        section("day", every_day, &|text| day(text, range, locale)),
        section("hour", groups(&numbers.hours), &|hour| format!("{hour}:00")),
        section("service", groups(&numbers.services), &as_it_is),
        section("area", groups(&numbers.areas), &as_it_is),
    ]
}

/// The groups of all days, also of those without a reservation.
fn every_day(stats: &Stats, range: Range) -> Vec<Stats> {
    let known: BTreeMap<_, _> =
        stats.groups.iter().flatten().map(|group| (group.key.clone().unwrap_or_default(), group)).collect();
    let days = range.from.iter_days().take_while(|day| *day <= range.to);
    days.map(|day| {
        let key = day.to_string();
        let none = || Stats { key: Some(key.clone()), ..Stats::default() };
        known.get(&key).map_or_else(none, |group| (*group).clone())
    })
    .collect()
}

/// `Sab, 5 Des` for a date; with its year, if the days are of two years.
fn day(text: &str, range: Range, locale: Locale) -> String {
    let Ok(date) = text.parse::<NaiveDate>() else { return text.to_owned() };
    let short = people::short_date(&date.and_time(NaiveTime::MIN).and_utc(), locale);
    if range.from.year() == range.to.year() { short } else { format!("{short} {}", date.year()) }
}

/// The counts of one group.
fn row(key: String, stats: &Stats, locale: Locale) -> Value {
    let count = |status| stats.by_status.get(&status).copied().unwrap_or_default();
    let whole = |average: Option<f64>| average.map(|average| format!("{average:.0}"));
    let percent = stats.no_show_rate.map(|rate| format!("{:.0} %", rate * 100.0));
    let sums = |sums: &BTreeMap<Currency, i64>| {
        let sum = |(currency, minor): (&Currency, &i64)| {
            people::money(Money { amount_minor: *minor, currency: *currency }, locale)
        };
        sums.iter().map(sum).collect::<Vec<_>>().join(", ")
    };
    context! {
        key,
        covers => stats.covers,
        reservations => stats.reservations,
        no_shows => count(ReservationStatus::NoShow),
        no_show_rate => percent,
        cancelled => count(ReservationStatus::Cancelled),
        turn => whole(stats.average_turn_minutes),
        planned => whole(stats.average_planned_minutes),
        lead => whole(stats.average_lead_hours),
        deposits => sums(&stats.deposits_minor),
        revenue => sums(&stats.revenue_minor),
    }
}

/// How many reservations each side cancelled.
fn cancellations(stats: &Stats, locale: Locale) -> Vec<Value> {
    let count = |canceller: &Canceller| {
        let by = word(locale, &format!("numbers_cancelled_by_{}", canceller.word()));
        context! { by, count => stats.cancellations.get(canceller).copied().unwrap_or_default() }
    };
    Canceller::ALL.iter().map(count).collect()
}

/// Refused requests by reason, the most frequent first.
fn refusals(items: &[RefusalCount], locale: Locale) -> Value {
    let mut reasons: BTreeMap<&str, (u64, u64, u64)> = BTreeMap::new();
    for RefusalCount { reason, walk_in, requests, guests, .. } in items {
        let (all, people, at_door) = reasons.entry(reason).or_default();
        (*all, *people) = (*all + u64::from(*requests), *people + u64::from(*guests));
        *at_door += if *walk_in { u64::from(*requests) } else { 0 };
    }
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by_key(|(reason, (all, ..))| (std::cmp::Reverse(*all), *reason));
    let named = |reason: &str| word(locale, &format!("numbers_reason_{reason}"));
    let bars: Vec<_> = reasons.iter().map(|(reason, (all, ..))| (named(reason), *all)).collect();
    let row = |(reason, (requests, guests, at_door)): &(&str, (u64, u64, u64))| {
        context! { reason => named(reason), requests, guests, at_door }
    };
    let requests: u64 = bars.iter().map(|(_, all)| all).sum();
    context! { requests, chart => Chart::of(&bars), rows => reasons.iter().map(row).collect::<Vec<_>>() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn days_that_cannot_be_shown_are_refused() {
        let today = date("2026-12-05");
        let range = |from: Option<&str>, to: Option<&str>| {
            let owned = |text: Option<&str>| text.map(str::to_owned);
            Range::of(&Chosen { from: owned(from), to: owned(to) }, today)
        };
        assert_eq!(range(None, None), Ok(Range { from: date("2026-11-08"), to: today }));
        assert_eq!(range(Some(""), Some("")), range(None, None));
        assert_eq!(
            range(Some("2026-12-31"), Some("2026-12-31")).map(|range| range.from),
            Ok(date("2026-12-31"))
        );
        // The default begins before the chosen end.
        assert_eq!(range(None, Some("2026-10-28")).map(|range| range.from), Ok(date("2026-10-01")));
        for (from, to) in [
            ("2026-12-06", "2026-12-05"),
            ("2025-12-04", "2026-12-05"),
            ("tomorrow", "2026-12-05"),
            ("-262143-01-01", "-262143-01-01"),
            ("+10000-01-01", "+10000-01-01"),
        ] {
            assert_eq!(range(Some(from), Some(to)), Err(()), "{from} {to}");
        }
    }

    #[test]
    fn a_day_without_a_reservation_is_a_day_without_covers() {
        let group = Stats { key: Some("2026-12-02".into()), covers: 4, ..Stats::default() };
        let stats = Stats { groups: Some(vec![group]), ..Stats::default() };
        let days = every_day(&stats, Range { from: date("2026-12-01"), to: date("2026-12-03") });
        assert_eq!(days.iter().map(|day| day.covers).collect::<Vec<_>>(), [0, 4, 0]);
    }
}
