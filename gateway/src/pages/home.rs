//! The home page: the venues.

use axum::extract::Query;
use axum::response::Response;
use chrono::{DateTime, Datelike as _, Days, NaiveDate, Timelike as _};
use chrono_tz::Tz;
use events::values::Locale;
use futures::future::join_all;
use minijinja::context;
use rpc::v1;
use serde::{Deserialize, Serialize};

use super::day::Wanted;
use super::guest::{Guest, Page};
use super::{day, times};
use crate::services::Trouble;

/// The number of guests for which free times are shown.
const PARTY_SIZE: u32 = 2;
/// Maximum number of venues on a page, and of times of each.
const VENUES_MAX: usize = 20;
const TIMES_MAX: usize = 4;
/// How far ahead a free day is looked for.
const DAYS_AHEAD: u64 = 14;

/// The query of the page.
#[derive(Debug, Deserialize)]
pub(super) struct PageNumber {
    /// The number of the page, from 1.
    #[serde(default)]
    page: Option<usize>,
}

#[derive(Debug, Serialize)]
struct VenueCard {
    venue_id: String,
    name: String,
    address: Option<String>,
    /// Whether it is open now; `None` if that is not known, or if the venue is managed by hand.
    is_open: Option<bool>,
    party_size: u32,
    today: NaiveDate,
    times: Vec<FreeTime>,
    /// The next day with room, if today has none.
    later: Option<LaterDay>,
    /// Whether its times are known.
    is_known: bool,
}

#[derive(Debug, Serialize)]
struct FreeTime {
    start: String,
    time: String,
}

#[derive(Debug, Serialize)]
struct LaterDay {
    date: String,
    words: String,
}

/// The page.
pub(super) async fn page(guest: Guest, Query(query): Query<PageNumber>) -> Response {
    let locale = guest.locale(None);
    let venues = guest.call().venues().await;
    let number = query.page.unwrap_or(1).max(1);
    let all = venues.as_ref().map(|venues| &venues[..]).unwrap_or_default();
    let shown: Vec<_> = all.iter().skip((number - 1).saturating_mul(VENUES_MAX)).take(VENUES_MAX).collect();
    let cards = join_all(shown.iter().map(|venue| card(&guest, venue, locale))).await;
    let facts = context! {
        venues => cards,
        is_known => venues.is_ok(),
        previous => (number > 1).then(|| number - 1),
        next => (all.len() > number.saturating_mul(VENUES_MAX)).then(|| number + 1),
    };
    Page::new(&guest, "home.html", locale, facts).respond()
}

async fn card(guest: &Guest, venue: &v1::Venue, locale: Locale) -> VenueCard {
    let now = guest.app.env.now().with_timezone(&times::zone(&venue.timezone));
    let today = now.date_naive();
    let found = free(guest, venue, now, locale).await;
    let is_known = found.is_ok();
    let Free { times, later, has_service } = found.unwrap_or_default();
    VenueCard {
        venue_id: venue.venue_id.clone(),
        name: venue.name.clone(),
        address: venue.profile.as_ref().and_then(|profile| profile.address.clone()),
        is_open: (is_known && !venue.hours.is_empty()).then(|| has_service && is_open(venue, now)),
        party_size: PARTY_SIZE,
        today,
        times,
        later,
        is_known,
    }
}

/// What is free at a venue.
#[derive(Debug, Default)]
struct Free {
    /// The next times of today.
    times: Vec<FreeTime>,
    /// The next day with room, if today has none.
    later: Option<LaterDay>,
    /// Whether the venue has a service today: it may be closed on a day on which it is usually open.
    has_service: bool,
}

/// The next times of today, or the next day with room.
async fn free(guest: &Guest, venue: &v1::Venue, now: DateTime<Tz>, locale: Locale) -> Result<Free, Trouble> {
    let today = now.date_naive();
    let wanted = Wanted { venue_id: venue.venue_id.clone(), date: today, party_size: PARTY_SIZE, area: None };
    let slots = match guest.call().get_day(wanted.day()).await {
        // No service today.
        Err(Trouble::Refused(_)) => vec![],
        answered => answered?.slots,
    };
    let free = |slot: &v1::Slot| FreeTime {
        start: slot.start_time.clone(),
        time: people::time(&times::local(&slot.start_time), locale),
    };
    let times: Vec<_> = slots.iter().filter(|slot| slot.available).take(TIMES_MAX).map(free).collect();
    let has_service = !slots.is_empty();
    if !times.is_empty() {
        return Ok(Free { times, later: None, has_service });
    }
    let request = v1::ListDaysRequest {
        venue_id: Some(wanted.venue_id),
        party_size: Some(PARTY_SIZE),
        from: (today + Days::new(1)).to_string(),
        to: (today + Days::new(DAYS_AHEAD)).to_string(),
        area: None,
    };
    let days = match guest.call().list_days(request).await {
        // The venue is managed by hand.
        Err(Trouble::Refused(_)) => vec![],
        answered => answered?.days,
    };
    let later = days.into_iter().find(|day| day.available).map(|day| LaterDay {
        words: times::date(&day.date).map_or_else(String::new, |date| times::in_words(date, locale)),
        date: day.date,
    });
    Ok(Free { times, later, has_service })
}

/// Whether a service is open at `now`, by the hours of the week.
fn is_open(venue: &v1::Venue, now: DateTime<Tz>) -> bool {
    let minute = i64::from(now.hour() * 60 + now.minute());
    // A service of yesterday may last beyond midnight.
    [(now.date_naive(), minute), (now.date_naive() - Days::new(1), minute + 1_440)].iter().any(
        |(date, minute)| {
            let weekday = date.weekday().to_string().to_lowercase();
            let mut of_day = venue.hours.iter().filter(|service| service.day == weekday);
            of_day.any(|service| (day::opening(service)..day::closing(service)).contains(minute))
        },
    )
}
