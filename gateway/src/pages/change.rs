//! What a guest does with a booking: another time, another number of guests, the cancellation, an answer, a proof.

use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::DateTime;
use chrono_tz::Tz;
use minijinja::{Value, context};
use rpc::v1;
use serde::{Deserialize, Serialize};

use super::booking::{self, Booking, charges, comes_back, free_until};
use super::day::{self, Wanted};
use super::guest::go;
use super::own::Act;
use super::venue::{find, in_reach, party_max};
use super::words::word;
use super::{notices, times, words};
use crate::services::Trouble;

/// What the guest chose so far.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Chosen {
    date: String,
    /// The new time, RFC 3339, before the guest confirms it.
    start: String,
    /// The same at a venue that is managed by hand, such as `19:30`, local time.
    clock: String,
    /// The new number of guests, before the guest confirms it.
    size: String,
}

/// The length of a code that proves a contact.
const CODE_DIGITS: usize = 6;

/// The form of a change.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Changed {
    /// The Idempotency-Key, made with the form.
    key: String,
    start: String,
    party: String,
    proof: String,
    answer: String,
}

/// The response to a change that was sent from the page `of` with `fields`: what was done, or why it was not.
pub(super) async fn after(
    own: &Booking,
    of: &str,
    done: &'static str,
    fields: &impl Serialize,
    result: Result<v1::Reservation, Trouble>,
) -> Response {
    match result {
        Ok(_) => go(&format!("{}?done={done}", own.path())),
        Err(Trouble::Refused(refusal)) => {
            let text = words::refusal(own.locale(), &refusal.code, "refused_change");
            match own.read_again().await {
                Ok(now) => booking::show(&now, "", None, Some(text)).await,
                // A request that was not answered can have renewed the link.
                Err(trouble) => notices::trouble(&own.guest, &trouble),
            }
        }
        Err(Trouble::Unanswered) => {
            notices::unknown(&own.guest, own.locale(), own.colour(), &format!("{}/{of}", own.path()), fields)
        }
        Err(trouble) => notices::trouble(&own.guest, &trouble),
    }
}

/// The page on which a guest chooses another time or another number of guests.
pub(super) async fn page(own: Booking, Query(chosen): Query<Chosen>) -> Response {
    show(&own, &chosen, None).await
}

/// The page of a change, with the reason why the last one was refused.
async fn show(own: &Booking, chosen: &Chosen, refused: Option<String>) -> Response {
    if !own.is_open() {
        return go(&own.path());
    }
    let locale = own.locale();
    let venue = match find(&own.guest, &own.subject.venue_id).await {
        Ok(venue) => venue,
        Err(response) => return *response,
    };
    let start = times::local(&own.subject.start_time);
    let today = own.guest.app.env.now().with_timezone(&own.zone()).date_naive();
    let wanted = Wanted {
        venue_id: venue.venue_id.clone(),
        date: in_reach(times::date(&chosen.date).unwrap_or_else(|| start.date_naive()), today),
        party_size: own.subject.party_size,
        area: None,
    };
    let (day, month) = tokio::join!(
        day::times(&own.guest, &venue, &wanted, locale),
        day::month(&own.guest, &wanted, today, locale)
    );
    // A guest must know what a move costs.
    let new = match new_time(own, chosen) {
        Some(at) => match charges(own).await {
            Ok(charges) => Some(new_time_in_words(own, at, &charges)),
            Err(trouble) => return notices::trouble(&own.guest, &trouble),
        },
        None => None,
    };
    let facts = context! {
        key => own.new_key(),
        key_size => own.new_key(),
        new,
        size => new_size(own, chosen),
        refused => refused.clone(),
        date => wanted.date,
        date_words => times::in_words(wanted.date, locale),
        today,
        party_max => party_max(&venue).max(own.subject.party_size),
        day => day.ok().map(|day| day.without_own_time(start, locale)),
        month => month.ok(),
        by_hand => venue.hours.is_empty(),
    };
    let status = if refused.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    own.page("change.html", facts).status(status).respond()
}

/// The time that the guest has chosen and not confirmed; `None` if it cannot be read.
fn new_time(own: &Booking, chosen: &Chosen) -> Option<DateTime<Tz>> {
    let at = times::at_clock(own.zone(), &chosen.date, &chosen.clock);
    at.or_else(|| Some(DateTime::parse_from_rfc3339(&chosen.start).ok()?.with_timezone(&own.zone())))
}

/// The time in words, and the deposit that would no longer come back.
fn new_time_in_words(own: &Booking, at: DateTime<Tz>, charges: &v1::ListChargesResponse) -> Value {
    let locale = own.locale();
    let (date, time) = (people::date(&at, locale), people::time(&at, locale));
    let back = comes_back(own, charges, locale);
    let is_lost = matches!(back.what, "back" | "back_closed")
        && own.free_until_after_move(at.to_utc()) < own.guest.app.env.now();
    context! { start => times::machine(&at), date, time, loses => is_lost.then_some(back.amount) }
}

/// The number of guests that the guest has chosen and not confirmed, and what happens to the deposit; `None` without a choice, or if it is the
/// present number.
fn new_size(own: &Booking, chosen: &Chosen) -> Option<Value> {
    let size: u32 = chosen.size.parse().ok().filter(|size| *size > 0 && *size != own.subject.party_size)?;
    let deposit = own.subject.deposit.as_ref();
    let comes_back = own.subject.policy.as_ref().is_some_and(|policy| policy.refund_on_shrink);
    let deposit_effect = match deposit.map(|deposit| &deposit.status[..]) {
        _ if size > own.subject.party_size => None,
        Some("due") => Some("due"),
        Some("paid" | "partly_refunded") if !comes_back => Some("stays"),
        Some("paid" | "partly_refunded") if own.is_free() => Some("back"),
        Some("paid" | "partly_refunded") => Some("kept"),
        _ => None,
    };
    Some(context! { size, deposit_effect })
}

/// Changes the time or the number of guests.
pub(super) async fn submit(Act { own, form: changed }: Act<v1::Reservation, Changed>) -> Response {
    let (key, reservation_id) = (own.key(&changed.key), own.subject.reservation_id.clone());
    let call = own.call().with_key(&key);
    let party_size = changed.party.parse().ok().filter(|party| *party > 0);
    let result = match party_size {
        _ if !changed.start.is_empty() => {
            let start_time = changed.start.clone();
            let message =
                v1::RescheduleReservationRequest { reservation_id, start_time, ..Default::default() };
            call.reschedule_reservation(message).await
        }
        Some(_) => {
            let message = v1::ChangePartySizeRequest { reservation_id, party_size, ..Default::default() };
            call.change_party_size(message).await
        }
        None => return go(&format!("{}/change", own.path())),
    };
    match result {
        // The guest chooses again on the same page.
        Err(Trouble::Refused(refusal)) => {
            let text = words::refusal(own.locale(), &refusal.code, "refused_other");
            let date = changed.start.split('T').next().unwrap_or_default().to_owned();
            show(&own, &Chosen { date, ..Chosen::default() }, Some(text)).await
        }
        result => after(&own, "change", "changed", &Changed { key, ..changed }, result).await,
    }
}

/// The page that says what a cancellation costs, before it happens.
pub(super) async fn cancel_page(own: Booking) -> Response {
    if !own.is_open() {
        return go(&own.path());
    }
    // A guest must know what it costs.
    let charges = match charges(&own).await {
        Ok(charges) => charges,
        Err(trouble) => return notices::trouble(&own.guest, &trouble),
    };
    let facts = context! {
        key => own.new_key(),
        back => comes_back(&own, &charges, own.locale()),
        free_until => free_until(&own, own.locale()),
    };
    own.page("cancel.html", facts).respond()
}

/// Cancels.
pub(super) async fn cancel(Act { own, form: changed }: Act<v1::Reservation, Changed>) -> Response {
    let message = v1::CancelReservationRequest {
        reservation_id: own.subject.reservation_id.clone(),
        reason_code: "guest_request".to_owned(),
        description: None,
        cancelled_by: None,
    };
    let key = own.key(&changed.key);
    let result = own.call().with_key(&key).cancel_reservation(message).await;
    after(&own, "cancel", "cancelled", &Changed { key, ..changed }, result).await
}

/// Answers whether the party comes.
pub(super) async fn answer(Act { own, form: changed }: Act<v1::Reservation, Changed>) -> Response {
    let message = v1::AnswerQuestionRequest {
        reservation_id: own.subject.reservation_id.clone(),
        answer: changed.answer.clone(),
        late_minutes: None,
    };
    let key = own.key(&changed.key);
    let result = own.call().with_key(&key).answer_question(message).await;
    after(&own, "answer", "answered", &Changed { key, ..changed }, result).await
}

/// Proves the contact.
pub(super) async fn prove(Act { own, form: changed }: Act<v1::Reservation, Changed>) -> Response {
    // People type the spaces that they see.
    let proof: String = changed.proof.split_whitespace().collect();
    let refused = async |status, text| {
        let mut response = booking::show(&own, "", None, Some(text)).await;
        *response.status_mut() = status;
        response
    };
    let asks_code = own.subject.contact_proof.as_ref().is_some_and(|proof| proof.method == "code");
    // A code of the wrong length is not sent, because it would count as an attempt.
    if asks_code && (proof.len() != CODE_DIGITS || !proof.bytes().all(|byte| byte.is_ascii_digit())) {
        return refused(StatusCode::UNPROCESSABLE_ENTITY, word(own.locale(), "refused_digits")).await;
    }
    let message = v1::ProveContactRequest { reservation_id: own.subject.reservation_id.clone(), proof };
    match own.call().counted().prove_contact(message).await {
        Err(Trouble::Refused(refusal)) if refusal.code == "invalid_request" => {
            refused(StatusCode::UNPROCESSABLE_ENTITY, word(own.locale(), "refused_proof")).await
        }
        Err(Trouble::NotNow { retry_after }) => {
            let name = if asks_code { "refused_codes" } else { "too_often_text" };
            let text = words::later(own.locale(), name, retry_after);
            let response = refused(StatusCode::TOO_MANY_REQUESTS, text).await;
            notices::with_wait(response, Some(retry_after))
        }
        result => after(&own, "prove", "proved", &changed, result).await,
    }
}
