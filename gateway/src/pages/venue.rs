//! The page of a venue: a guest chooses a day, a number of guests and a time.

use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{Days, NaiveDate};
use events::values::Locale;
use minijinja::{Value, context};
use rpc::v1;
use serde::Deserialize;

use super::day::{self, Wanted};
use super::guest::{Guest, Page};
use super::{notices, times};

/// The largest number of guests that a page offers, and the one that is chosen first.
const PARTY_MAX: u32 = 20;
pub(super) const PARTY_FIRST: u32 = 2;

/// A map of the world, opened by a link.
const MAP: &str = "https://www.openstreetmap.org/";

/// How far ahead a guest can look.
const DAYS_AHEAD_MAX: Days = Days::new(400);

/// The query of the page. Unreadable parameters are ignored.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Choice {
    #[serde(default)]
    date: String,
    #[serde(default)]
    party: String,
    #[serde(default)]
    area: String,
}

impl Choice {
    /// What the guest looks for at `venue`.
    pub(super) fn wanted(&self, venue: &v1::Venue, today: NaiveDate) -> Wanted {
        Wanted {
            venue_id: venue.venue_id.clone(),
            date: in_reach(times::date(&self.date).unwrap_or(today), today),
            party_size: party(&self.party).unwrap_or(PARTY_FIRST),
            area: Some(self.area.clone()).filter(|area| venue.areas.contains(area)),
        }
    }
}

/// The day that can be shown next to `date`.
pub(super) fn in_reach(date: NaiveDate, today: NaiveDate) -> NaiveDate {
    date.clamp(today, today + DAYS_AHEAD_MAX)
}

/// The number of guests in a query or a form; `None` if it cannot be read.
pub(super) fn party(text: &str) -> Option<u32> {
    text.parse().ok().filter(|party| (1..=PARTY_MAX).contains(party))
}

/// The largest party that a page of a venue offers.
pub(super) fn party_max(venue: &v1::Venue) -> u32 {
    venue.party_size_max.unwrap_or(PARTY_MAX).min(PARTY_MAX)
}

/// The policy of a venue in words.
pub(super) fn policy(venue: &v1::Venue, locale: Locale) -> Vec<String> {
    let policy = venue.policy.clone().unwrap_or_default();
    match locale {
        Locale::Id => policy.id,
        Locale::En => policy.en,
    }
}

/// The page.
pub(super) async fn page(guest: Guest, Path(id): Path<String>, Query(choice): Query<Choice>) -> Response {
    match find(&guest, &id).await {
        Ok(venue) => {
            let locale = guest.locale(venue.languages.first().map(String::as_str));
            let facts = facts(&guest, &venue, &choice, locale).await;
            let facts = context! { is_embedded => false, ..facts };
            let page = Page::new(&guest, "venue.html", locale, facts);
            page.accent(colour(&venue)).respond()
        }
        Err(response) => *response,
    }
}

/// The venue with this id, or the page that says why there is none.
pub(super) async fn find(guest: &Guest, id: &str) -> Result<v1::Venue, Box<Response>> {
    let venues = guest.call().venues().await;
    let venues = venues.map_err(|trouble| Box::new(notices::trouble(guest, &trouble)))?;
    let venue = venues.iter().find(|venue| venue.venue_id == id).cloned();
    venue.ok_or_else(|| Box::new(notices::page(guest, StatusCode::NOT_FOUND, "no_venue")))
}

/// The colour of a venue.
pub(super) fn colour(venue: &v1::Venue) -> Option<&str> {
    venue.profile.as_ref()?.accent_colour.as_deref()
}

/// What pages show about a venue.
pub(super) fn about(venue_id: &str, name: &str, profile: Option<&v1::Profile>) -> Value {
    let profile = profile.cloned().unwrap_or_default();
    let map = profile.latitude.zip(profile.longitude).map(|(latitude, longitude)| {
        format!("{MAP}?mlat={latitude}&mlon={longitude}#map=17/{latitude}/{longitude}")
    });
    context! {
        venue_id,
        name,
        address => profile.address,
        phone => profile.phone,
        email => profile.email,
        website => profile.website,
        map,
    }
}

/// The facts of the page. What a service does not answer is missing, and the page says so.
pub(super) async fn facts(guest: &Guest, venue: &v1::Venue, choice: &Choice, locale: Locale) -> Value {
    let today = guest.app.env.now().with_timezone(&times::zone(&venue.timezone)).date_naive();
    let wanted = choice.wanted(venue, today);
    let (day, month) =
        tokio::join!(day::times(guest, venue, &wanted, locale), day::month(guest, &wanted, today, locale));
    context! {
        venue => about(&venue.venue_id, &venue.name, venue.profile.as_ref()),
        areas => venue.areas,
        by_hand => venue.hours.is_empty(),
        date => wanted.date,
        date_words => times::in_words(wanted.date, locale),
        today,
        party_size => wanted.party_size,
        party_max => party_max(venue).max(wanted.party_size),
        area => wanted.area,
        day => day.ok(),
        month => month.ok(),
    }
}
