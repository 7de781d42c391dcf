//! Proofs of contact: by the link or the digits in a mail, by staff, by a key, or by a deposit.

use std::sync::Arc;

use axum::http::StatusCode;
use chassis::environment::ManualEnvironment;
use chrono::{DateTime, TimeDelta, Utc};
use events::event::{
    ContactProofRequested, ContactProved, Detail, DetailsChanged, Event, GuestLinkRenewed, ProofMethod,
    ReservationCancelled, ReservationConfirmed,
};
use events::store::memory::MemoryStore;
use events::values::{ConfidentialDigest, Initiator};
use reservation::domain::availability::{Occupancy, SeatingContext};
use reservation::domain::contact_proof::{ContactProof, PROOF_PERIOD};
use reservation::domain::reservation::{Corrector, booking};
use reservation::domain::{Command, Refusal};
use serde_json::{Value, json};

use crate::app::{Answer, TestApp, booking, start_of_time};
use crate::holds::{becomes, pay};
use crate::rules::{PAYMENT, created_for, given, now, resize, resized, window};

const HOUSES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/venues");

fn by_link(guests: i64) -> Event {
    let mut created = created_for(guests);
    created.contact_proof = Some(ProofMethod::Link);
    created.into()
}

fn asked(number: u32) -> Event {
    ContactProofRequested { method: ProofMethod::Link, number, expires_at: now() + PROOF_PERIOD }.into()
}

fn proved() -> Event {
    ContactProved { method: ProofMethod::Link }.into()
}

#[test]
fn a_proof_confirms_a_booking_if_the_restaurant_does_so_by_itself() {
    given([by_link(4), asked(1)]).when(Command::ProveContact { number: 1 }).then([proved()]);
    given([by_link(4), asked(1), proved()]).when(Command::ProveContact { number: 1 }).nothing_happens();
    let mut created = created_for(4);
    (created.contact_proof, created.policy.auto_confirm) = (Some(ProofMethod::Link), true);
    let confirmed = ReservationConfirmed { window: window(), deposit_waived: false };
    given([created.into(), asked(1)])
        .when(Command::ProveContact { number: 1 })
        .then([proved(), confirmed.into()]);
    // Nothing was asked of a guest for whom staff vouch, or who pays a deposit.
    given([created_for(4).into()]).when(Command::ProveContact { number: 0 }).nothing_happens();
    given([by_link(6)]).when(Command::ProveContact { number: 1 }).refused(Refusal::NoProofAsked);
    given([by_link(4), asked(2)]).when(Command::ProveContact { number: 1 }).refused(Refusal::ProofReplaced);
}

#[test]
fn a_booking_with_an_unproved_contact_ends_at_its_deadline_and_another_one_stays() {
    let ended = Event::from(ReservationCancelled {
        cancelled_by: Initiator::System,
        reason_code: "contact_unproved".into(),
        description_digest: None,
        refund: None,
        closure_id: None,
    });
    let deadline = now() + PROOF_PERIOD;
    let early = deadline - TimeDelta::microseconds(1);
    given([by_link(4), asked(1)]).at(deadline).when(Command::Expire(None)).then([ended.clone()]);
    given([by_link(4), asked(1)]).at(early).when(Command::Expire(None)).nothing_happens();
    given([by_link(4), asked(1), proved()]).at(deadline).when(Command::Expire(None)).nothing_happens();
    let confirmed = ReservationConfirmed { window: window(), deposit_waived: false };
    given([by_link(4), asked(1), confirmed.into()])
        .at(deadline)
        .when(Command::Expire(None))
        .nothing_happens();
    given([by_link(4), asked(1), ended])
        .when(Command::ProveContact { number: 1 })
        .refused(Refusal::Cancelled);
}

#[test]
fn a_smaller_party_proves_its_contact_instead_of_paying_and_another_address_is_proved_anew() {
    let mut held = created_for(6);
    (held.contact_proof, held.policy.refund_on_shrink, held.policy.auto_confirm) =
        (Some(ProofMethod::Link), true, true);
    let occupancy = Occupancy::default();
    let by_hand = SeatingContext::managed_by_hand(&occupancy);
    let booked = booking::book(held, None, &by_hand, PAYMENT, now()).unwrap();
    let mut smaller = resized(6, 4);
    smaller.waives_deposit = true;
    given(booked).when(resize(4)).then([smaller.into(), asked(1)]);

    let corrected = DetailsChanged {
        changed: vec![Detail::Email],
        tags: vec![],
        contact_digest: ConfidentialDigest::of(b"corrected"),
    };
    let reservation = given([by_link(4), asked(1)]).state();
    let later = now() + TimeDelta::minutes(4);
    let events = |by| {
        let (details, digest) = (corrected.changed.clone(), corrected.contact_digest.clone());
        reservation.decide_details(details, vec![], digest, by, later).unwrap()
    };
    let renewed = || Event::from(GuestLinkRenewed { generation: 1 });
    // A guest gains no time by a correction.
    assert_eq!(
        events(Corrector::Guest { needs_proof: true }),
        [renewed(), corrected.clone().into(), asked(2)]
    );
    let Event::ContactProofRequested(request) = asked(2) else { unreachable!() };
    let request = ContactProofRequested { expires_at: later + PROOF_PERIOD, ..request };
    assert_eq!(events(Corrector::Staff), [renewed(), corrected.clone().into(), request.into()]);
    assert_eq!(ContactProof::begin(None).ask(now()), None);
}

/// The contact of guest `n`.
pub fn contact(n: usize) -> Value {
    json!({"name": "Sari", "phone": format!("+62 812 3{n:07}"), "email": format!("guest-{n}@example.com")})
}

/// Books as guest `n`, without a credential.
pub async fn book(app: &TestApp, n: usize, start: DateTime<Utc>, size: u32) -> Answer {
    let mut body =
        booking(json!({"contact_info": contact(n), "start_time": start.to_rfc3339(), "party_size": size}));
    body.as_object_mut().unwrap().remove("allow_duplicate");
    app.anonymous_post("/api/reservations", &body, &[]).await
}

pub fn id_of(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()["reservation_id"].as_str().unwrap().to_owned()
}

/// What the mail to the guest of the reservation contains.
async fn proof_of(app: &TestApp, id: &str) -> Value {
    app.get(&format!("/api/reservations/{id}/contact")).await.json()["proof"].clone()
}

/// Proves the contact with the proof in the mail.
pub async fn prove(app: &TestApp, id: &str) -> Answer {
    let proof = proof_of(app, id).await["proof"].clone();
    app.guest_command(id, "prove-contact", json!({"proof": proof})).await
}

/// The arrival times of a Saturday evening at the sample restaurant in Bandung.
pub fn saturday() -> Vec<DateTime<Utc>> {
    let opens: DateTime<Utc> = "2026-12-05T10:00:00Z".parse().unwrap();
    (0..22).map(|slot| opens + TimeDelta::minutes(15 * slot)).collect()
}

async fn bandung_by(method: &str) -> TestApp {
    let dir = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(format!("{HOUSES}/bandung-dago.json")).unwrap();
    let text = text.replace("\"contact_proof\": \"link\"", &format!("\"contact_proof\": \"{method}\""));
    std::fs::write(dir.path().join("bandung-dago.json"), text).unwrap();
    let (store, clock) = (MemoryStore::new("reservation"), ManualEnvironment::at(start_of_time()));
    TestApp::at(dir.path().to_str().unwrap(), Arc::new(store), clock).await
}

#[tokio::test]
async fn only_the_mail_proves_a_contact_and_it_is_trusted_afterwards() {
    let app = TestApp::with_houses().await;
    let evening = saturday()[8];
    let booked = book(&app, 1, evening, 2).await;
    let id = id_of(&booked);
    let waits = json!({"method": "link", "expires_at": "2026-12-01T09:10:00Z"});
    assert_eq!(booked.json()["contact_proof"], waits);
    // The link of the response opens the booking, and proves nothing.
    let own = booked.json()["guest_link"]["token"].clone();
    let refused = app.guest_command(&id, "prove-contact", json!({"proof": own})).await;
    assert_eq!(refused.problem(), (422, "invalid_request".into()));
    // The guest cannot read what the mail contains.
    let link = format!("Bearer {}", app.guest_link(&id).await);
    for path in ["", "/personal-data"] {
        let request = axum::http::Request::get(format!("/api/reservations/{id}{path}"));
        let request = request.header("authorization", &link).body(axum::body::Body::empty()).unwrap();
        let text = app.send_as_is(request).await.text();
        let proof = proof_of(&app, &id).await["proof"].as_str().unwrap().to_owned();
        assert!(text.contains(&id) && !text.contains(&proof), "{text}");
    }
    let proved = prove(&app, &id).await;
    assert_eq!(proved.json()["contact_proof"], Value::Null, "{}", proved.text());
    app.clock.advance(TimeDelta::minutes(30));
    let again = book(&app, 1, evening + TimeDelta::hours(2), 2).await;
    assert_eq!(again.json()["contact_proof"], Value::Null);
    // Both the phone number and the address: an address that a stranger knows is not enough.
    let mut stranger = booking(
        json!({"contact_info": contact(1), "start_time": saturday()[0].to_rfc3339(), "party_size": 2}),
    );
    stranger["contact_info"]["phone"] = "+62 812 9999999".into();
    stranger.as_object_mut().unwrap().remove("allow_duplicate");
    let stranger = app.anonymous_post("/api/reservations", &stranger, &[]).await;
    assert_eq!(stranger.json()["contact_proof"]["method"], "link", "{}", stranger.text());
    // 180 days later the guest proves it again.
    app.clock.advance(TimeDelta::days(180));
    let later = book(&app, 1, evening + TimeDelta::days(182), 2).await;
    assert_eq!(later.json()["contact_proof"]["method"], "link", "{}", later.text());
}

#[tokio::test]
async fn a_contact_is_trusted_after_a_restart() {
    let store = Arc::new(MemoryStore::new("reservation"));
    let clock = ManualEnvironment::at(start_of_time());
    let app = TestApp::at(HOUSES, store.clone(), clock.clone()).await;
    let id = id_of(&book(&app, 1, saturday()[8], 2).await);
    assert_eq!(prove(&app, &id).await.status, StatusCode::OK);
    let unproven = id_of(&book(&app, 2, saturday()[8], 2).await);
    drop(app);
    // The guest could not prove anything while the service was down.
    clock.advance(TimeDelta::minutes(15));
    let app = TestApp::at(HOUSES, store, clock).await;
    while app.app.projections.read_proofs(app.app.store.as_ref(), app.app.env.now()).await.unwrap() {}
    let trusted = book(&app, 1, saturday()[0], 2).await;
    assert_eq!(trusted.json()["contact_proof"], Value::Null, "{}", trusted.text());
    assert_eq!(prove(&app, &unproven).await.json()["status"], "PENDING");
}

#[tokio::test]
async fn a_code_is_typed_and_cannot_be_guessed() {
    let app = bandung_by("code").await;
    let id = id_of(&book(&app, 1, saturday()[8], 2).await);
    let code = proof_of(&app, &id).await;
    let digits = code["proof"].as_str().unwrap().to_owned();
    assert!(code["method"] == "code" && digits.len() == 6 && digits.parse::<u32>().is_ok(), "{code}");
    let wrong = if digits == "000000" { "000001" } else { "000000" };
    for _ in 0..5 {
        let refused = app.guest_command(&id, "prove-contact", json!({"proof": wrong})).await;
        assert_eq!(refused.problem(), (422, "invalid_request".into()));
        assert!(!refused.text().contains(&digits));
    }
    let limited = app.guest_command(&id, "prove-contact", json!({"proof": digits})).await;
    assert_eq!(limited.problem(), (429, "rate_limited".into()));
    app.clock.advance(TimeDelta::minutes(2));
    let proved = app.guest_command(&id, "prove-contact", json!({"proof": digits})).await;
    assert_eq!(proved.status, StatusCode::OK, "{}", proved.text());
    // Without a proof of contact every booking is vouched for.
    let app = bandung_by("none").await;
    assert_eq!(book(&app, 1, saturday()[8], 2).await.json()["contact_proof"], Value::Null);
}

#[tokio::test]
async fn staff_and_keys_vouch_for_a_guest_and_so_does_a_paid_deposit() {
    let app = TestApp::with_houses().await;
    let at = saturday()[8].to_rfc3339();
    let by_key =
        app.post("/api/reservations", &booking(json!({"contact_info": contact(1), "start_time": at}))).await;
    assert_eq!(by_key.json()["contact_proof"], Value::Null);
    let id = id_of(&book(&app, 2, saturday()[8], 2).await);
    let confirmed = app.command(&id, "confirm", json!({})).await.json();
    assert_eq!((&confirmed["status"], &confirmed["contact_proof"]), (&json!("CONFIRMED"), &Value::Null));
    let held = book(&app, 3, saturday()[8], 6).await;
    assert_eq!(held.json()["contact_proof"], json!({"method": "link", "expires_at": null}));
    let paid = pay(&app, &id_of(&held)).await.json();
    assert_eq!((&paid["status"], &paid["contact_proof"]), (&json!("CONFIRMED"), &Value::Null));
}

#[tokio::test]
async fn a_contact_has_at_most_three_bookings_and_entries_that_wait_for_a_proof() {
    let app = TestApp::with_houses().await;
    let evening = saturday();
    for start in [evening[0], evening[8]] {
        id_of(&book(&app, 1, start, 2).await);
    }
    let mut waiting = json!({"customer_id": "cust-1", "contact_info": contact(1), "party_size": 2,
        "earliest_time": "2026-12-05T17:00", "latest_time": "2026-12-05T20:00", "venue_id": "bandung-dago"});
    let entry = app.anonymous_post("/api/waitlist", &waiting, &[]).await;
    assert_eq!(entry.json()["contact_proof"]["method"], "link", "{}", entry.text());
    let other_day = evening[8] + TimeDelta::days(1);
    assert_eq!(book(&app, 1, other_day, 2).await.problem(), (409, "too_many_unproven".into()));
    // Also with another phone number.
    let mut body = booking(json!({"contact_info": contact(1), "start_time": other_day.to_rfc3339()}));
    body["contact_info"]["phone"] = "+62 812 9999999".into();
    body.as_object_mut().unwrap().remove("allow_duplicate");
    let answer = app.anonymous_post("/api/reservations", &body, &[]).await;
    assert_eq!(answer.problem(), (409, "too_many_unproven".into()));
    waiting["earliest_time"] = "2026-12-06T17:00".into();
    waiting["latest_time"] = "2026-12-06T20:00".into();
    let answer = app.anonymous_post("/api/waitlist", &waiting, &[]).await;
    assert_eq!(answer.problem(), (409, "too_many_unproven".into()));
    // A free table is not offered before the proof.
    let entry_id = entry.json()["waitlist_id"].as_str().unwrap().to_owned();
    let path = format!("/api/waitlist/{entry_id}");
    assert_eq!(app.get(&path).await.json()["status"], "WAITING");
    let contact_of = app.get(&format!("{path}/contact")).await.json();
    let link = format!("Bearer {}", contact_of["guest_link"]["token"].as_str().unwrap());
    let proof = json!({"proof": contact_of["proof"]["proof"]});
    let headers = [("authorization", link.as_str())];
    let proved = app.post_with(&format!("{path}/prove-contact"), &proof, &headers).await;
    assert_eq!(proved.json()["contact_proof"], Value::Null, "{}", proved.text());
    crate::waitlist::becomes(&app, &entry_id, "OFFERED").await;
    // The contact is trusted now.
    assert_eq!(book(&app, 1, other_day, 2).await.json()["contact_proof"], Value::Null);
}

#[tokio::test]
async fn a_deposit_that_no_longer_applied_is_not_avoided_by_growing_again() {
    let app = TestApp::with_houses().await;
    let id = id_of(&book(&app, 1, saturday()[8], 6).await);
    let smaller = app.guest_command(&id, "party-size", json!({"party_size": 5})).await.json();
    assert_eq!(smaller["contact_proof"]["expires_at"], "2026-12-01T09:10:00Z", "{smaller}");
    assert_eq!(prove(&app, &id).await.status, StatusCode::OK);
    let larger = app.guest_command(&id, "party-size", json!({"party_size": 6})).await;
    assert_eq!(larger.problem(), (409, "deposit_changes".into()));
}

#[tokio::test]
async fn staff_bring_back_a_booking_whose_guest_was_too_late() {
    let app = TestApp::with_houses().await;
    let id = id_of(&book(&app, 1, saturday()[8], 2).await);
    app.clock.advance(TimeDelta::minutes(10));
    becomes(&app, &id, "CANCELLED").await;
    let late = prove(&app, &id).await;
    assert_eq!(late.problem(), (409, "reservation_cancelled".into()));
    let undo = json!({"change": "cancellation", "reason_code": "guest_request"});
    let back = app.command(&id, "undo", undo).await.json();
    assert_eq!((&back["status"], &back["contact_proof"]), (&json!("PENDING"), &Value::Null), "{back}");
}

#[tokio::test]
async fn a_corrected_address_needs_the_proof_of_its_own_mail() {
    let app = TestApp::with_houses().await;
    let id = id_of(&book(&app, 1, saturday()[8], 2).await);
    let first = proof_of(&app, &id).await["proof"].clone();
    let corrected = json!({"contact_info": {"email": "right@example.com"}});
    crate::corrections::patch(&app, &id, corrected, &[]).await;
    let refused = app.guest_command(&id, "prove-contact", json!({"proof": first})).await;
    assert_eq!(refused.problem(), (422, "invalid_request".into()));
    assert_eq!(prove(&app, &id).await.json()["contact_proof"], Value::Null);
}

/// Corrects the e-mail address with the link of the guest.
async fn correct_email(app: &TestApp, id: &str, link: &str, email: &str) -> Answer {
    let request = axum::http::Request::patch(format!("/api/reservations/{id}"))
        .header("content-type", "application/merge-patch+json")
        .header("authorization", format!("Bearer {link}"))
        .body(axum::body::Body::from(json!({"contact_info": {"email": email}}).to_string()))
        .unwrap();
    app.send_as_is(request).await
}

#[tokio::test]
async fn a_guest_corrects_an_address_until_it_is_proved() {
    let app = TestApp::with_houses().await;
    let booked = book(&app, 1, saturday()[8], 2).await;
    let (id, first) = (id_of(&booked), booked.json()["guest_link"]["token"].as_str().unwrap().to_owned());
    app.clock.advance(TimeDelta::minutes(4));
    let corrected = correct_email(&app, &id, &first, "right@example.com").await.json();
    // The deadline stays, so that a correction does not hold the table longer.
    assert_eq!(corrected["contact_proof"], booked.json()["contact_proof"], "{corrected}");
    let second = corrected["guest_link"]["token"].as_str().unwrap().to_owned();
    let by_first = correct_email(&app, &id, &first, "other@example.com").await;
    assert_eq!(by_first.problem(), (401, "credential_invalid".into()));
    let held = app.get(&format!("/api/reservations/{id}/contact")).await.json();
    assert_eq!(held["email"], "right@example.com", "{held}");
    assert_eq!(prove(&app, &id).await.json()["contact_proof"], Value::Null);
    let proved = correct_email(&app, &id, &second, "other@example.com").await;
    assert_eq!(proved.problem(), (409, "email_fixed".into()));
    // The contact is trusted now, so that the next booking needs no proof. The address stays all the same.
    let mut body = booking(
        json!({"contact_info": contact(1), "start_time": saturday()[0].to_rfc3339(), "party_size": 2}),
    );
    body["contact_info"]["email"] = "right@example.com".into();
    body.as_object_mut().unwrap().remove("allow_duplicate");
    let again = app.anonymous_post("/api/reservations", &body, &[]).await;
    let (other, third) = (id_of(&again), again.json()["guest_link"]["token"].as_str().unwrap().to_owned());
    let trusted = correct_email(&app, &other, &third, "other@example.com").await;
    assert_eq!(again.json()["contact_proof"], Value::Null, "{}", again.text());
    assert_eq!(trusted.problem(), (409, "email_fixed".into()));
    // A venue that asks for no proof.
    let app = bandung_by("none").await;
    let booked = book(&app, 1, saturday()[8], 2).await;
    let (id, link) = (id_of(&booked), booked.json()["guest_link"]["token"].as_str().unwrap().to_owned());
    let corrected = correct_email(&app, &id, &link, "right@example.com").await;
    let link = corrected.json()["guest_link"]["token"].as_str().unwrap().to_owned();
    // Later a stranger who finds the link must not be able to take the booking over.
    app.clock.advance(TimeDelta::minutes(61));
    let late = correct_email(&app, &id, &link, "stranger@example.com").await;
    assert_eq!(late.problem(), (409, "email_fixed".into()));
    assert_eq!(app.guest_command(&id, "party-size", json!({"party_size": 3})).await.status, StatusCode::OK);
}
