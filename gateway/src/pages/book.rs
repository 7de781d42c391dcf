//! The form with which a guest books a table, or waits for one.

mod form;

use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::TimeDelta;
use events::values::Locale;
use minijinja::{Value, context};
use rpc::v1;

use self::form::Entered;
pub(super) use self::form::Faults;
use super::channels::accepting;
use super::day::{Wanted, is_full};
use super::guest::{Guest, Page, Sent, go};
use super::links::{Links, remember};
use super::times;
use super::venue::{about, colour, find, policy};
use super::{notices, words};
use crate::services::{Refusal, Trouble};

/// How long before and after the chosen time a waiting guest can come.
const WAIT_BEFORE: TimeDelta = TimeDelta::minutes(60);
const WAIT_AFTER: TimeDelta = TimeDelta::minutes(120);

/// The form, empty.
pub(super) async fn form(guest: Guest, Path(id): Path<String>, Query(entered): Query<Entered>) -> Response {
    let venue = match find(&guest, &id).await {
        Ok(venue) => venue,
        Err(response) => return *response,
    };
    let entered = entered.with_time(times::zone(&venue.timezone));
    if !entered.is_complete() {
        return go(&entered.choose_again(&id));
    }
    show(&guest, &venue, entered.with_new_key(&guest), Outcome::None).await
}

/// What the form says about the last attempt.
enum Outcome {
    None,
    Faulty(Faults),
    Refused(Refusal),
    /// A limit is used up for this number of seconds.
    NotNow(u64),
}

async fn show(guest: &Guest, venue: &v1::Venue, entered: Entered, outcome: Outcome) -> Response {
    let now = guest.app.env.now();
    let entered = entered.with_earliest(now);
    let locale = guest.locale(venue.languages.first().map(String::as_str));
    let day = slot(guest, venue, &entered).await;
    let slot = day.as_ref().ok().and_then(Option::as_ref);
    // A table can become free until the form is sent, and a guest can wait for one. Nothing else can.
    let full = slot.and_then(|slot| slot.reason.as_deref()).filter(|reason| is_full(reason));
    let is_offered = slot.is_some_and(|slot| slot.reason.as_deref().is_none_or(is_full));
    let deposit = slot.and_then(|slot| slot.deposit.as_ref());
    let channels = match deposit {
        Some(deposit) => {
            guest.call().channels().await.ok().map(|channels| accepting(deposit, &channels, locale))
        }
        None => None,
    };
    let (status, faults, refusal, wait_seconds) = match outcome {
        Outcome::None => (StatusCode::OK, Faults::default(), None, None),
        Outcome::Faulty(faults) => (StatusCode::UNPROCESSABLE_ENTITY, faults, None, None),
        Outcome::Refused(refusal) => (StatusCode::CONFLICT, Faults::default(), Some(refusal), None),
        Outcome::NotNow(seconds) => (StatusCode::TOO_MANY_REQUESTS, Faults::default(), None, Some(seconds)),
    };
    let refused = match (&refusal, wait_seconds) {
        (Some(refusal), _) => Some(words::refusal(locale, &refusal.code, "refused_other")),
        (None, Some(seconds)) => Some(words::later(locale, "refused_rate_limited", seconds)),
        (None, None) => None,
    };
    let start = times::local(&entered.start);
    let free_until = start - TimeDelta::minutes(venue.free_cancellation_minutes.into());
    let facts = context! {
        venue => about(&venue.venue_id, &venue.name, venue.profile.as_ref()),
        date => people::date(&start, locale),
        time => people::time(&start, locale),
        ends => slot.map(|slot| people::time(&times::local(&slot.end_time), locale)),
        party_size => entered.party_size(),
        deposit => deposit.map(|deposit| times::amount(deposit, locale)),
        is_deposit_due => deposit.is_some(),
        free_until => people::moment(&free_until, locale),
        is_late => free_until < now,
        zone => times::zone_at(&start, times::zone(&venue.timezone)),
        is_checked => day.is_ok() || venue.hours.is_empty(),
        // A restaurant that is managed by hand has no list of times.
        is_offered => is_offered || day.is_err() || venue.hours.is_empty(),
        choose_again => entered.choose_again(&venue.venue_id),
        channels,
        policy => policy(venue, locale),
        faults => faults.in_words(locale),
        refusal => refused,
        alternatives => refusal.as_ref().map(|refusal| alternatives(refusal, locale)).unwrap_or_default(),
        is_full => full.is_some(),
        can_wait => full.is_some() || refusal.as_ref().is_some_and(|refusal| is_full(&refusal.code)),
        mine => refusal.as_ref().filter(|refusal| is_about_own(&refusal.code)).and_then(|_| {
            Links::of(&guest.headers).latest()
        }),
        waits => entered.waits(),
        wait_from => people::time(&(start - WAIT_BEFORE).max(now.with_timezone(&start.timezone())), locale),
        wait_to => people::time(&(start + WAIT_AFTER), locale),
        entered,
    };
    let page = Page::new(guest, "book.html", locale, facts).status(status).accent(colour(venue));
    let page = page.with_form(&format!("/v/{}/book", venue.venue_id));
    notices::with_wait(page.respond(), wait_seconds)
}

/// Whether a refusal is about another booking of the same guest: after a second tap, or in a second tab.
fn is_about_own(code: &str) -> bool {
    matches!(code, "duplicate_booking" | "already_waiting" | "too_many_unproven")
}

/// The chosen time, as the day shows it; `None` if the restaurant does not offer it.
///
/// # Errors
/// When the service does not answer.
async fn slot(guest: &Guest, venue: &v1::Venue, entered: &Entered) -> Result<Option<v1::Slot>, Trouble> {
    let start = times::local(&entered.start);
    let wanted = Wanted {
        venue_id: venue.venue_id.clone(),
        date: entered.date(),
        party_size: entered.party_size(),
        area: entered.area(),
    };
    match guest.call().get_day(wanted.day()).await {
        Ok(day) => Ok(day.slots.into_iter().find(|slot| times::local(&slot.start_time) == start)),
        // There is no such day.
        Err(Trouble::Refused(_)) => Ok(None),
        Err(trouble) => Err(trouble),
    }
}

fn alternatives(refusal: &Refusal, locale: Locale) -> Vec<Value> {
    let view = |start: &String| {
        let at = times::local(start);
        context! { start, words => format!("{}, {}", people::short_date(&at, locale), people::time(&at, locale)) }
    };
    refusal.alternatives.iter().map(view).collect()
}

/// Books, or joins the waitlist.
pub(super) async fn submit(guest: Guest, Path(id): Path<String>, Sent(entered): Sent<Entered>) -> Response {
    let action = format!("/v/{id}/book");
    let venue = match find(&guest, &id).await {
        Ok(venue) => venue,
        Err(response)
            if response.status() == StatusCode::SERVICE_UNAVAILABLE && !guest.chooses_language() =>
        {
            return notices::unknown(&guest, guest.locale(None), None, &action, &entered);
        }
        Err(response) => return *response,
    };
    let entered = entered.with_time(times::zone(&venue.timezone)).with_key(&guest);
    if !entered.is_complete() {
        return go(&entered.choose_again(&id));
    }
    if guest.chooses_language() {
        return show(&guest, &venue, entered, Outcome::None).await;
    }
    let faults = entered.faults();
    if !faults.is_empty() {
        return show(&guest, &venue, entered, Outcome::Faulty(faults)).await;
    }
    let sent = match entered.waits() {
        true => join(&guest, &venue, &entered).await,
        false => book(&guest, &venue, &entered).await,
    };
    match sent {
        Ok(new) => remember(go(&new.path), &guest.headers, new.link.as_deref()),
        Err(Trouble::NotNow { retry_after }) if !entered.was_sent() => {
            show(&guest, &venue, entered, Outcome::NotNow(retry_after)).await
        }
        Err(Trouble::Unanswered | Trouble::NotNow { .. }) => {
            let locale = guest.locale(venue.languages.first().map(String::as_str));
            notices::unknown(&guest, locale, colour(&venue), &action, &entered)
        }
        Err(Trouble::Refused(refusal)) if refusal.code == "invalid_request" => {
            let faults = Faults::of(&refusal);
            show(&guest, &venue, entered.with_new_key(&guest), Outcome::Faulty(faults)).await
        }
        Err(Trouble::Refused(refusal)) => {
            show(&guest, &venue, entered.with_new_key(&guest), Outcome::Refused(refusal)).await
        }
    }
}

/// The page of a new booking or waitlist entry.
struct New {
    path: String,
    link: Option<String>,
}

async fn book(guest: &Guest, venue: &v1::Venue, entered: &Entered) -> Result<New, Trouble> {
    let locale = guest.locale(venue.languages.first().map(String::as_str));
    let request = entered.booking(venue, locale);
    let booked = guest.call().with_key(&entered.key).create_reservation(request).await?;
    Ok(New::of("r", &booked.reservation_id, booked.guest_link))
}

async fn join(guest: &Guest, venue: &v1::Venue, entered: &Entered) -> Result<New, Trouble> {
    let locale = guest.locale(venue.languages.first().map(String::as_str));
    let request = entered.waiting(venue, locale);
    let joined = guest.call().with_key(&entered.key).join_waitlist(request).await?;
    Ok(New::of("w", &joined.waitlist_id, joined.guest_link))
}

impl New {
    fn of(page: &str, id: &str, link: Option<v1::GuestLink>) -> Self {
        Self { path: format!("/{page}/{id}"), link: link.map(|link| link.token) }
    }
}
