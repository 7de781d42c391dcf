//! The page of a waiting guest: the place in line, the offer, and the way out.

use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::TimeDelta;
use minijinja::{Value, context};
use rpc::v1;
use serde::{Deserialize, Serialize};

use super::booking::question;
use super::guest::{Page, go};
use super::links::remember;
use super::own::{Act, Given, Opened as _, Own};
use super::venue::{about, find, policy};
use super::words::word;
use super::{notices, times, words};
use crate::services::Trouble;

/// A waitlist entry that its guest opened.
type Waiting = Own<v1::WaitlistEntry>;

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

/// The page.
pub(super) async fn page(own: Waiting, Query(given): Query<Given>) -> Response {
    show(&own, &given.proof, None).await
}

/// The page, with a notice about what could not be done.
async fn show(own: &Waiting, proof: &str, refused: Option<String>) -> Response {
    let (entry, locale) = (&own.subject, own.locale());
    let (from, to) = (times::local(&entry.earliest_time), times::local(&entry.latest_time));
    let offer = entry.offer.as_ref().filter(|_| entry.status == "OFFERED");
    let proof_due = entry.contact_proof.as_ref();
    let proof_due = proof_due.filter(|proof| proof.expires_at.is_some() && entry.status == "WAITING");
    let venue = match offer {
        Some(_) => find(&own.guest, &entry.venue_id).await.ok(),
        None => None,
    };
    let status = if refused.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    let facts = context! {
        path => own.path(),
        key => own.new_key(),
        version => entry.version(),
        as_of => own.as_of(),
        status => entry.status,
        status_words => word(locale, &format!("waitlist_{}", entry.status.to_lowercase())),
        left_because => entry.left_because.as_ref().map(|code| word(locale, &format!("left_{code}"))),
        venue => about(&entry.venue_id, &entry.venue_name, entry.venue_profile.as_ref()),
        date => people::date(&from, locale),
        from => people::time(&from, locale),
        to => people::time(&to, locale),
        party_size => entry.party_size,
        place => entry.place_in_line,
        zone => times::zone_at(&from, own.zone()),
        offer => offer.map(|offer| offered(own, offer, venue.as_ref())),
        policy => venue.as_ref().map(|venue| policy(venue, locale)),
        reservation_id => entry.reservation_id,
        question => question(entry.attendance.as_ref().filter(|_| entry.status == "WAITING")),
        proof => proof_due.map(|proof| context! {
            method => proof.method,
            until => own.deadline(proof.expires_at.as_ref()),
        }),
        given_proof => proof,
        refused,
        is_open => matches!(&entry.status[..], "WAITING" | "OFFERED"),
    };
    let page = Page::new(&own.guest, "waiting.html", locale, facts).status(status);
    page.accent(own.colour()).respond()
}

fn offered(own: &Waiting, offer: &v1::Offer, venue: Option<&v1::Venue>) -> Value {
    let (start, locale) = (times::local(&offer.start_time), own.locale());
    let free_until = venue.map(|venue| start - TimeDelta::minutes(venue.free_cancellation_minutes.into()));
    context! {
        date => people::date(&start, locale),
        time => people::time(&start, locale),
        until => own.deadline(offer.expires_at.as_ref()),
        area => offer.tables.first().map(|table| table.area.clone()),
        deposit => offer.deposit.as_ref().map(|deposit| times::amount(deposit, locale)),
        free_until => free_until.map(|at| people::moment(&at, locale)),
        is_late => free_until.is_some_and(|at| at < own.guest.app.env.now()),
    }
}

/// Accepts or declines an offer, leaves the waitlist, or proves the contact.
pub(super) async fn choose(Act { own, form: choice }: Act<v1::WaitlistEntry, Choice>) -> Response {
    let (key, path) = (own.key(&choice.key), own.path());
    let call = own.call().with_key(&key);
    let waitlist_id = own.subject.waitlist_id.clone();
    let result = match &choice.choice[..] {
        "accept" => {
            match call.accept_offer(v1::AcceptOfferRequest { waitlist_id, allow_duplicate: None }).await {
                Ok(booked) => {
                    let link = booked.guest_link.map(|link| link.token);
                    let page = go(&format!("/r/{}", booked.reservation_id));
                    return remember(page, &own.guest.headers, link.as_deref());
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
        _ => return go(&path),
    };
    match result {
        Ok(_) => go(&path),
        Err(Trouble::Refused(refusal)) => {
            let code = if refusal.code == "invalid_request" { "proof" } else { &refusal.code };
            show(&own, "", Some(words::refusal(own.locale(), code, "refused_change"))).await
        }
        Err(Trouble::Unanswered) => {
            let choice = Choice { key, ..choice };
            notices::unknown(&own.guest, own.locale(), own.colour(), &path, &choice)
        }
        Err(trouble) => notices::trouble(&own.guest, &trouble),
    }
}
