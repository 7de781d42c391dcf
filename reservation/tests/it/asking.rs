//! Questions to guests: whether the party comes, and that its table is ready.

use axum::http::StatusCode;
use chrono::TimeDelta;
use events::Event;
use events::event::*;
use events::values::Initiator;
use reservation::domain::availability::Unavailable;
use reservation::domain::{Command, Refusal};
use serde_json::json;

use crate::app::TestApp;
use crate::rules::*;

fn asked() -> Event {
    GuestAsked { question: GuestQuestion::StillComing }.into()
}

fn answered(answer: GuestAnswer) -> GuestAnswered {
    GuestAnswered { answer, late_minutes: None }
}

fn marked(reason: &str) -> Event {
    ReservationAffected { reason: Some(reason.into()), rules_version: 1, closure_id: None }.into()
}

/// Closes the sample venue for a month.
async fn close(app: &TestApp) {
    let body = json!({"from": "2026-12-01", "to": "2026-12-31", "reason_code": "maintenance"});
    let closed = app.post("/api/venues/bandung-dago/closures", &body).await;
    assert_eq!(closed.status, StatusCode::OK, "{}", closed.text());
}

#[test]
fn an_expected_guest_is_asked_at_most_three_times() {
    given(ready()).when(Command::Ask).then([asked()]);
    given([created()]).when(Command::Ask).refused(Refusal::NotConfirmed);
    let once = || [ready(), vec![asked()]].concat();
    // A second tap.
    given(once()).at(now() + TimeDelta::seconds(119)).when(Command::Ask).nothing_happens();
    given(once()).at(now() + TimeDelta::minutes(2)).when(Command::Ask).then([asked()]);
    // Also after the guest has answered; and the answer stays until there is another one.
    let said = || [once(), vec![answered(GuestAnswer::Coming).into()]].concat();
    given(said()).at(now() + TimeDelta::seconds(119)).when(Command::Ask).nothing_happens();
    let again = || [said(), vec![asked()]].concat();
    given(again()).when(Command::Answer(answered(GuestAnswer::Coming))).nothing_happens();
    // The guest would get no message.
    let closed = || marked("closed");
    given([ready(), vec![closed()]].concat()).when(Command::Ask).refused(Unavailable::Closed.into());
    given([created(), closed()])
        .when(Command::Confirm { waive_deposit: true })
        .refused(Unavailable::Closed.into());
    let thrice = || [ready(), vec![asked(), asked(), asked()]].concat();
    given(thrice()).at(now() + TimeDelta::hours(1)).when(Command::Ask).refused(Refusal::AskedTooOften);
    // Another time is another visit.
    let moved = Event::from(moved(later(), Initiator::Guest));
    given([thrice(), vec![moved]].concat()).when(Command::Ask).then([asked()]);
}

#[test]
fn the_last_answer_counts_and_an_answer_needs_a_question() {
    let coming = || answered(GuestAnswer::Coming);
    given(ready()).when(Command::Answer(coming())).refused(Refusal::NothingAsked);
    let once = || [ready(), vec![asked()]].concat();
    given(once()).when(Command::Answer(coming())).then([coming().into()]);
    let said = || [once(), vec![coming().into()]].concat();
    given(said()).when(Command::Answer(coming())).nothing_happens();
    let not_coming = answered(GuestAnswer::NotComing);
    given(said()).when(Command::Answer(not_coming.clone())).then([not_coming.into()]);
    let over = [said(), vec![ReservationCheckedIn::default().into()]].concat();
    given(over).when(Command::Answer(coming())).refused(Refusal::CheckedIn);
}

#[tokio::test]
async fn a_booked_guest_answers_by_the_link_and_the_host_sees_it() {
    let app = TestApp::start().await;
    let id = app.book(json!({})).await;
    app.command(&id, "confirm", json!({})).await;
    assert_eq!(app.guest_command(&id, "ask", json!({})).await.status, StatusCode::FORBIDDEN);
    let asked = app.command(&id, "ask", json!({})).await.json();
    let expected = json!({"question": "still_coming", "asked_at": asked["attendance"]["asked_at"], "answer": null,
        "late_minutes": null, "answered_at": null});
    assert_eq!(asked["attendance"], expected);
    let late = app.guest_command(&id, "answer", json!({"answer": "late", "late_minutes": 15})).await.json();
    assert_eq!(
        (&late["attendance"]["answer"], &late["attendance"]["late_minutes"]),
        (&json!("late"), &json!(15))
    );
    assert_eq!(late["status"], json!("CONFIRMED"));
    for (body, member) in [
        (json!({"answer": "maybe"}), "answer"),
        (json!({}), "answer"),
        (json!({"answer": "coming", "late_minutes": 5}), "late_minutes"),
        (json!({"answer": "late", "late_minutes": 241}), "late_minutes"),
    ] {
        let refused = app.guest_command(&id, "answer", body).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.faults()[0].contains(member), "{:?}", refused.faults());
    }
    let notes = app.get(&format!("/api/reservations/{id}/history?lang=id")).await.text();
    assert!(
        notes.contains("Tamu ditanya apakah jadi datang") && notes.contains("terlambat, 15 menit"),
        "{notes}"
    );
    let listed = app.get("/api/reservations").await.json();
    assert_eq!(listed["items"][0]["attendance"], late["attendance"]);
}

#[tokio::test]
async fn a_waiting_guest_is_told_that_the_table_is_ready() {
    let app = TestApp::with_houses().await;
    let large = json!({"party_size": 12, "area": "Kebun"});
    let first = crate::waitlist::join(&app, large.clone()).await;
    crate::waitlist::becomes(&app, &first, "OFFERED").await;
    let offered = app.post(&format!("/api/waitlist/{first}/ready"), &json!({})).await;
    assert_eq!(offered.problem(), (409, "already_offered".into()));
    let id = crate::waitlist::join(&app, large).await;
    let path = |command: &str| format!("/api/waitlist/{id}/{command}");
    let unasked = app.post(&path("answer"), &json!({"answer": "coming"})).await;
    assert_eq!(unasked.problem(), (409, "nothing_asked".into()));
    let told = app.post(&path("ready"), &json!({})).await.json();
    assert_eq!(told["attendance"]["question"], json!("table_ready"));
    let coming = app.post(&path("answer"), &json!({"answer": "coming"})).await.json();
    assert_eq!(coming["attendance"]["answer"], json!("coming"));
    assert_eq!(coming["status"], json!("WAITING"));
    close(&app).await;
    app.clock.advance(TimeDelta::minutes(3));
    assert_eq!(app.post(&path("ready"), &json!({})).await.problem(), (409, "closed".into()));
    app.post(&path("leave"), &json!({})).await;
    assert_eq!(app.post(&path("ready"), &json!({})).await.problem(), (409, "left_waitlist".into()));
    let events = app.get("/events?type=meja.guest.asked.v1&limit=10").await.json();
    assert_eq!(events.as_array().map(Vec::len), Some(1));
}
