//! What a guest changes about a booking: time, number of guests, contact and wishes, and the end of it.

use axum::extract::{Path, Query, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use chassis::body::read_form;
use minijinja::context;
use rpc::v1;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::booking::{self, Own, comes_back, free_until};
use super::day;
use super::guest::{Guest, go};
use super::venue::{Choice, PARTY_MAX, find, party};
use super::words::{all, word};
use super::{notices, times};
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

/// The page after a change: what was done, or why it was not.
async fn after(own: &Own, done: &'static str, result: Result<v1::Reservation, Trouble>) -> Response {
    match result {
        Ok(_) => go(&format!("{}?done={done}", own.path())),
        Err(Trouble::Refused(refusal)) if refusal.code != "rate_limited" => {
            booking::show(own, "", None, Some(refused(own, &refusal.code))).await
        }
        Err(trouble) => notices::trouble(&own.guest, &trouble),
    }
}

/// Why the service refused a change, in words.
fn refused(own: &Own, code: &str) -> String {
    let locale = own.locale();
    let text = all(locale).get(&format!("refused_{code}")).cloned();
    text.unwrap_or_else(|| word(locale, "refused_change"))
}

/// The page on which a guest chooses another time or another number of guests.
pub(super) async fn page(guest: Guest, Path(id): Path<String>, Query(choice): Query<Choice>) -> Response {
    let own = match Own::find(guest, &id).await {
        Ok(own) => own,
        Err(response) => return *response,
    };
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
        key => new_key(&own),
        key_size => new_key(&own),
        date => wanted.date,
        date_words => times::in_words(wanted.date, locale),
        today,
        party_max => PARTY_MAX,
        day => day.ok(),
        month => month.ok(),
        by_hand => venue.hours.is_empty(),
        back => comes_back(&own),
    };
    own.page("change.html", facts).respond()
}

/// Changes the time or the number of guests.
pub(super) async fn submit(guest: Guest, Path(id): Path<String>, request: Request) -> Response {
    let (own, changed) = match received(guest, &id, request).await {
        Ok(received) => received,
        Err(response) => return *response,
    };
    let (key, reservation_id) = (changed.key(&own), own.reservation.reservation_id.clone());
    let call = own.call().with_key(&key);
    let result = if changed.start.is_empty() {
        let party_size = Some(party(&changed.party));
        let message = v1::ChangePartySizeRequest { reservation_id, party_size, ..Default::default() };
        call.change_party_size(message).await
    } else {
        let start_time = changed.start.clone();
        let message = v1::RescheduleReservationRequest { reservation_id, start_time, ..Default::default() };
        call.reschedule_reservation(message).await
    };
    after(&own, "changed", result).await
}

/// The page on which a guest corrects the contact and the wishes.
pub(super) async fn correct_page(guest: Guest, Path(id): Path<String>) -> Response {
    match Own::find(guest, &id).await {
        Ok(own) => own.page("correct.html", context! { key => new_key(&own) }).respond(),
        Err(response) => *response,
    }
}

/// Corrects the contact and the wishes.
pub(super) async fn correct(guest: Guest, Path(id): Path<String>, request: Request) -> Response {
    let (own, changed) = match received(guest, &id, request).await {
        Ok(received) => received,
        Err(response) => return *response,
    };
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
    let result = own.call().with_key(&key).correct_reservation(message).await;
    after(&own, "corrected", result).await
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
    after(&own, "cancelled", result).await
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
    after(&own, "answered", own.call().with_key(&key).answer_question(message).await).await
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
    match own.call().prove_contact(message).await {
        Err(Trouble::Refused(refusal)) if refusal.code == "invalid_request" => {
            let text = word(own.locale(), "refused_proof");
            let mut response = booking::show(&own, "", None, Some(text)).await;
            *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            response
        }
        result => after(&own, "proved", result).await,
    }
}
