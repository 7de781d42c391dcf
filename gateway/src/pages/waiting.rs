//! The page of a waiting guest: the place in line, the offer, and the way out.

use axum::extract::{Path, Query, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use chassis::body::read_form;
use events::WaitlistId;
use events::values::Locale;
use minijinja::{Value, context};
use rpc::v1;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::booking::{question, with_proof};
use super::guest::{Guest, Page, go};
use super::links::{Links, remember};
use super::venue::about;
use super::words::word;
use super::{live, notices, times, words};
use crate::services::{Call, Trouble};

/// The query of the page: the proof of contact in the link of a mail.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Given {
    proof: String,
}

/// The form of a choice.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Choice {
    key: String,
    /// The name of the button.
    choice: String,
    answer: String,
    proof: String,
}

/// A waitlist entry, and the credential of its guest.
struct Own {
    guest: Guest,
    link: String,
    entry: v1::WaitlistEntry,
}

impl Own {
    async fn find(guest: Guest, id: &str) -> Result<Self, Box<Response>> {
        let no_link = |guest: &Guest| Box::new(notices::page(guest, StatusCode::NOT_FOUND, "no_link"));
        let Ok(waitlist_id) = id.parse::<WaitlistId>() else { return Err(no_link(&guest)) };
        let links = Links::of(&guest.headers);
        let Some(link) = links.to_waitlist(waitlist_id).map(str::to_owned) else {
            return Err(no_link(&guest));
        };
        let request = v1::GetWaitlistEntryRequest { waitlist_id: id.to_owned() };
        match guest.call().with_link(&link).get_waitlist_entry(request).await {
            Ok(entry) => Ok(Self { guest, link, entry }),
            Err(trouble) => Err(Box::new(notices::trouble(&guest, &trouble))),
        }
    }

    fn call(&self) -> Call<'_> {
        self.guest.call().with_link(&self.link)
    }

    fn locale(&self) -> Locale {
        self.guest.locale(Some(&self.entry.locale))
    }
}

/// Takes the link out of the address bar: into a cookie, and on to the page.
pub(super) async fn enter(
    guest: Guest,
    Path((id, link)): Path<(String, String)>,
    Query(given): Query<Given>,
) -> Response {
    let of = access::Link::claimed_by(&link).map(|link| link.of);
    let is_own = id.parse().is_ok_and(|id| of == Some(access::LinkOf::Waitlist(id)));
    if !is_own {
        return notices::page(&guest, StatusCode::NOT_FOUND, "no_link");
    }
    let request = v1::GetWaitlistEntryRequest { waitlist_id: id.clone() };
    match guest.call().with_link(&link).get_waitlist_entry(request).await {
        // A link that is not valid must not replace one that is.
        Err(Trouble::Refused(_)) => notices::page(&guest, StatusCode::NOT_FOUND, "no_link"),
        _ => remember(go(&with_proof(&format!("/w/{id}"), &given.proof)), &guest.headers, Some(&link)),
    }
}

/// The page.
pub(super) async fn page(guest: Guest, Path(id): Path<String>, Query(given): Query<Given>) -> Response {
    match Own::find(guest, &id).await {
        Ok(own) => show(&own, &given.proof, None),
        Err(response) => *response,
    }
}

/// The page, with a notice about what could not be done.
fn show(own: &Own, proof: &str, refused: Option<String>) -> Response {
    let (entry, locale) = (&own.entry, own.locale());
    let zone = times::zone(&entry.timezone);
    let until = |at: Option<&prost_types::Timestamp>| {
        let at = times::at(at?, zone)?;
        Some(times::deadline(&at, own.guest.app.env.now(), locale))
    };
    let (from, to) = (times::local(&entry.earliest_time), times::local(&entry.latest_time));
    let offer = entry.offer.as_ref().filter(|_| entry.status == "OFFERED");
    let proof_due = entry.contact_proof.as_ref();
    let proof_due = proof_due.filter(|proof| proof.expires_at.is_some() && entry.status == "WAITING");
    let status = if refused.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    let facts = context! {
        path => format!("/w/{}", entry.waitlist_id),
        key => own.guest.app.env.random_id().to_string(),
        version => live::waiting_version(entry),
        as_of => people::time(&own.guest.app.env.now().with_timezone(&zone), locale),
        status => entry.status,
        status_words => word(locale, &format!("waitlist_{}", entry.status.to_lowercase())),
        left_because => entry.left_because.as_ref().map(|code| word(locale, &format!("left_{code}"))),
        venue => about(&entry.venue_id, &entry.venue_name, entry.venue_profile.as_ref()),
        date => people::date(&from, locale),
        from => people::time(&from, locale),
        to => people::time(&to, locale),
        party_size => entry.party_size,
        place => entry.place_in_line,
        offer => offer.map(|offer| offered(offer, &until, locale)),
        reservation_id => entry.reservation_id,
        question => question(entry.attendance.as_ref().filter(|_| entry.status == "WAITING")),
        proof => proof_due.map(|proof| context! {
            method => proof.method,
            until => until(proof.expires_at.as_ref()),
        }),
        given_proof => proof,
        refused,
        is_open => matches!(&entry.status[..], "WAITING" | "OFFERED"),
    };
    let profile = entry.venue_profile.as_ref();
    let page = Page::new(&own.guest, "waiting.html", locale, facts).status(status);
    page.accent(profile.and_then(|profile| profile.accent_colour.as_deref())).respond()
}

fn offered(
    offer: &v1::Offer,
    until: &impl Fn(Option<&prost_types::Timestamp>) -> Option<Value>,
    locale: Locale,
) -> Value {
    let start = times::local(&offer.start_time);
    context! {
        date => people::date(&start, locale),
        time => people::time(&start, locale),
        until => until(offer.expires_at.as_ref()),
        area => offer.tables.first().map(|table| table.area.clone()),
    }
}

/// Accepts or declines an offer, leaves the waitlist, or proves the contact.
pub(super) async fn choose(guest: Guest, Path(id): Path<String>, request: Request) -> Response {
    let headers = request.headers().clone();
    let choice: Choice = match read_form(request).await {
        Ok(choice) => choice,
        Err(problem) => return problem.into_response(),
    };
    let own = match Own::find(guest, &id).await {
        Ok(own) => own,
        Err(response) => return *response,
    };
    let key = Uuid::try_parse(&choice.key).unwrap_or_else(|_| own.guest.app.env.random_id()).to_string();
    let call = own.call().with_key(&key);
    let waitlist_id = own.entry.waitlist_id.clone();
    let result = match &choice.choice[..] {
        "accept" => {
            match call.accept_offer(v1::AcceptOfferRequest { waitlist_id, allow_duplicate: None }).await {
                Ok(booked) => {
                    let link = booked.guest_link.map(|link| link.token);
                    return remember(go(&format!("/r/{}", booked.reservation_id)), &headers, link.as_deref());
                }
                Err(trouble) => Err(trouble),
            }
        }
        "decline" => call.decline_offer(v1::DeclineOfferRequest { waitlist_id }).await,
        "leave" => call.leave_waitlist(v1::LeaveWaitlistRequest { waitlist_id }).await,
        _ if !choice.answer.is_empty() => {
            let answer = choice.answer.clone();
            let message = v1::AnswerWaitlistQuestionRequest { waitlist_id, answer, late_minutes: None };
            call.answer_waitlist_question(message).await
        }
        _ if !choice.proof.is_empty() => {
            // People type the spaces that they see.
            let proof: String = choice.proof.split_whitespace().collect();
            let message = v1::ProveWaitlistContactRequest { waitlist_id, proof };
            own.call().counted().prove_waitlist_contact(message).await
        }
        _ => return go(&format!("/w/{id}")),
    };
    match result {
        Ok(_) => go(&format!("/w/{id}")),
        Err(Trouble::Refused(refusal)) => {
            let code = if refusal.code == "invalid_request" { "proof" } else { &refusal.code };
            show(&own, "", Some(words::refusal(own.locale(), code, "refused_change")))
        }
        Err(Trouble::Unanswered) => {
            let choice = Choice { key, ..choice };
            notices::unknown(&own.guest, own.locale(), None, &format!("/w/{id}"), &choice)
        }
        Err(trouble) => notices::trouble(&own.guest, &trouble),
    }
}
