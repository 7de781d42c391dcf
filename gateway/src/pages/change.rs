//! Changes of a booking by its guest: time, number of guests, contact, wishes, and its cancellation.

use axum::extract::{Path, Query, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use chassis::body::read_form;
use minijinja::context;
use rpc::v1;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::book::Faults;
use super::booking::{self, Own, comes_back, free_until};
use super::day;
use super::guest::{Guest, go};
use super::venue::{Choice, PARTY_MAX, find};
use super::words::word;
use super::{notices, times, words};
use crate::services::Trouble;

/// The form of a change.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Changed {
    /// The Idempotency-Key, made with the form.
    key: String,
    start: String,
    party: String,
    name: String,
    phone: String,
    requests: String,
    allergies: String,
    chairs: String,
    proof: String,
    answer: String,
}

impl Changed {
    /// The details of the booking as they are.
    fn of(own: &Own) -> Self {
        let r = own.reservation.clone();
        Self {
            name: r.contact_name.unwrap_or_default(),
            requests: r.special_requests.unwrap_or_default(),
            allergies: r.allergies.unwrap_or_default(),
            chairs: r.high_chairs.to_string(),
            ..Self::default()
        }
    }

    /// Its key, or a new one if that is none.
    fn key(&self, own: &Own) -> String {
        match Uuid::try_parse(&self.key) {
            Ok(key) => key.to_string(),
            Err(_) => new_key(own),
        }
    }
}

fn new_key(own: &Own) -> String {
    own.guest.app.env.random_id().to_string()
}

/// The booking of a form and what was entered; otherwise the response in its place.
async fn received(guest: Guest, id: &str, request: Request) -> Result<(Own, Changed), Box<Response>> {
    let changed: Changed = read_form(request).await.map_err(|problem| Box::new(problem.into_response()))?;
    Ok((Own::find(guest, id).await?, changed))
}

/// The response to a change that was sent from the page `of` with `fields`: what was done, or why it was not.
async fn after(
    own: &Own,
    of: &str,
    done: &'static str,
    fields: &Changed,
    result: Result<v1::Reservation, Trouble>,
) -> Response {
    match result {
        Ok(_) => go(&format!("{}?done={done}", own.path())),
        Err(Trouble::Refused(refusal)) => {
            let text = words::refusal(own.locale(), &refusal.code, "refused_change");
            booking::show(own, "", None, Some(text)).await
        }
        Err(Trouble::Unanswered) => {
            notices::unknown(&own.guest, own.locale(), own.colour(), &format!("{}/{of}", own.path()), fields)
        }
        Err(trouble) => notices::trouble(&own.guest, &trouble),
    }
}

/// The page on which a guest chooses another time or another number of guests.
pub(super) async fn page(guest: Guest, Path(id): Path<String>, Query(choice): Query<Choice>) -> Response {
    let own = match Own::find(guest, &id).await {
        Ok(own) => own,
        Err(response) => return *response,
    };
    show(&own, &choice, None).await
}

/// The page of a change, with the reason why the last one was refused.
async fn show(own: &Own, choice: &Choice, refused: Option<String>) -> Response {
    if !own.is_open() {
        return go(&own.path());
    }
    let locale = own.locale();
    let venue = match find(&own.guest, &own.reservation.venue_id).await {
        Ok(venue) => venue,
        Err(response) => return *response,
    };
    let start = times::local(&own.reservation.start_time);
    let today = own.guest.app.env.now().with_timezone(&own.zone()).date_naive();
    let mut wanted = choice.wanted(&venue, today);
    if choice.is_empty() {
        wanted.date = start.date_naive().max(today);
    }
    wanted.party_size = own.reservation.party_size;
    let (day, month) = tokio::join!(
        day::times(&own.guest, &venue, &wanted, locale),
        day::month(&own.guest, &wanted, today, locale)
    );
    let facts = context! {
        key => new_key(own),
        key_size => new_key(own),
        refused => refused.clone(),
        date => wanted.date,
        date_words => times::in_words(wanted.date, locale),
        today,
        party_max => PARTY_MAX.max(own.reservation.party_size),
        day => day.ok(),
        month => month.ok(),
        by_hand => venue.hours.is_empty(),
    };
    let status = if refused.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    own.page("change.html", facts).status(status).respond()
}

/// Changes the time or the number of guests.
pub(super) async fn submit(guest: Guest, Path(id): Path<String>, request: Request) -> Response {
    let (own, changed) = match received(guest, &id, request).await {
        Ok(received) => received,
        Err(response) => return *response,
    };
    let (key, reservation_id) = (changed.key(&own), own.reservation.reservation_id.clone());
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
            show(&own, &Choice::default(), Some(text)).await
        }
        result => after(&own, "change", "changed", &Changed { key, ..changed }, result).await,
    }
}

/// The page on which a guest corrects the contact and the wishes.
pub(super) async fn correct_page(guest: Guest, Path(id): Path<String>) -> Response {
    match Own::find(guest, &id).await {
        Ok(own) if own.is_open() => show_correction(&own, &Changed::of(&own), &[]),
        Ok(own) => go(&own.path()),
        Err(response) => *response,
    }
}

/// The page of a correction with what was entered, and the fields with faults.
fn show_correction(own: &Own, entered: &Changed, faulty: &[&str]) -> Response {
    let locale = own.locale();
    let fault = |field: &&str| context! { field, text => word(locale, &format!("fault_{field}")) };
    let faults: Vec<_> = faulty.iter().map(fault).collect();
    let facts = context! { key => new_key(own), entered, faults };
    let status = if faulty.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    own.page("correct.html", facts).status(status).respond()
}

/// Corrects the contact and the wishes.
pub(super) async fn correct(guest: Guest, Path(id): Path<String>, request: Request) -> Response {
    let (own, changed) = match received(guest, &id, request).await {
        Ok(received) => received,
        Err(response) => return *response,
    };
    let chairs = changed.chairs.trim();
    if !chairs.is_empty() && chairs.parse::<u32>().is_err() {
        return show_correction(&own, &changed, &["chairs"]);
    }
    let text = |text: &str| Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned);
    let contact = v1::ContactInfo { name: text(&changed.name), phone: text(&changed.phone), email: None };
    let wishes = [
        ("special_requests", text(&changed.requests)),
        ("allergies", text(&changed.allergies)),
        ("high_chairs", text(&changed.chairs).filter(|chairs| chairs != "0")),
    ];
    let message = v1::CorrectReservationRequest {
        reservation_id: own.reservation.reservation_id.clone(),
        contact_info: Some(contact).filter(|contact| contact.name.is_some() || contact.phone.is_some()),
        special_requests: wishes[0].1.clone(),
        allergies: wishes[1].1.clone(),
        high_chairs: wishes[2].1.as_ref().and_then(|chairs| chairs.parse().ok()),
        removed_fields: wishes
            .iter()
            .filter(|(_, text)| text.is_none())
            .map(|(name, _)| (*name).to_owned())
            .collect(),
        ..Default::default()
    };
    let key = changed.key(&own);
    match own.call().with_key(&key).correct_reservation(message).await {
        Err(Trouble::Refused(refusal)) if refusal.code == "invalid_request" => {
            show_correction(&own, &changed, &Faults::of(&refusal).0)
        }
        result => after(&own, "correct", "corrected", &Changed { key, ..changed }, result).await,
    }
}

/// The page that says what a cancellation costs, before it happens.
pub(super) async fn cancel_page(guest: Guest, Path(id): Path<String>) -> Response {
    let own = match Own::find(guest, &id).await {
        Ok(own) => own,
        Err(response) => return *response,
    };
    if !own.is_open() {
        return go(&own.path());
    }
    let facts = context! {
        key => new_key(&own),
        back => comes_back(&own),
        free_until => free_until(&own, own.locale()),
    };
    own.page("cancel.html", facts).respond()
}

/// Cancels.
pub(super) async fn cancel(guest: Guest, Path(id): Path<String>, request: Request) -> Response {
    let (own, changed) = match received(guest, &id, request).await {
        Ok(received) => received,
        Err(response) => return *response,
    };
    let message = v1::CancelReservationRequest {
        reservation_id: own.reservation.reservation_id.clone(),
        reason_code: "guest_request".to_owned(),
        description: None,
        cancelled_by: None,
    };
    let key = changed.key(&own);
    let result = own.call().with_key(&key).cancel_reservation(message).await;
    after(&own, "cancel", "cancelled", &Changed { key, ..changed }, result).await
}

/// Answers whether the party comes.
pub(super) async fn answer(guest: Guest, Path(id): Path<String>, request: Request) -> Response {
    let (own, changed) = match received(guest, &id, request).await {
        Ok(received) => received,
        Err(response) => return *response,
    };
    let message = v1::AnswerQuestionRequest {
        reservation_id: own.reservation.reservation_id.clone(),
        answer: changed.answer.clone(),
        late_minutes: None,
    };
    let key = changed.key(&own);
    let result = own.call().with_key(&key).answer_question(message).await;
    after(&own, "answer", "answered", &Changed { key, ..changed }, result).await
}

/// Proves the contact.
pub(super) async fn prove(guest: Guest, Path(id): Path<String>, request: Request) -> Response {
    let (own, changed) = match received(guest, &id, request).await {
        Ok(received) => received,
        Err(response) => return *response,
    };
    // People type the spaces that they see.
    let proof: String = changed.proof.split_whitespace().collect();
    let message = v1::ProveContactRequest { reservation_id: own.reservation.reservation_id.clone(), proof };
    match own.call().counted().prove_contact(message).await {
        Err(Trouble::Refused(refusal)) if refusal.code == "invalid_request" => {
            let text = word(own.locale(), "refused_proof");
            let mut response = booking::show(&own, "", None, Some(text)).await;
            *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            response
        }
        result => after(&own, "prove", "proved", &changed, result).await,
    }
}
