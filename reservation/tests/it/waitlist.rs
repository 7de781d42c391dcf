//! The waitlist: the first party gets the first offer, and an offer holds its tables.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use chassis::environment::ManualEnvironment;
use chrono::TimeDelta;
use events::store::EventStore;
use events::store::memory::MemoryStore;
use reservation::app::commands::RulesChange;
use reservation::app::request_context::RequestContext;
use reservation::app::venues::VenueFiles;
use serde_json::{Value, json};

use crate::app::{Answer, TOKEN, TestApp, booking, start_of_time};
use crate::houses::tables;

pub fn joining(changes: Value) -> Value {
    let mut body = booking(json!({}));
    let body = body.as_object_mut().unwrap();
    ["start_time", "table_preference", "duration_minutes", "allow_duplicate"]
        .iter()
        .for_each(|name| drop(body.remove(*name)));
    // A guest waits once for a day.
    static GUESTS: AtomicU32 = AtomicU32::new(0);
    let guest = GUESTS.fetch_add(1, Ordering::Relaxed);
    let (phone, email) = (format!("+62812{:07}", 3_456_000 + guest), format!("guest-{guest}@example.com"));
    body.insert("contact_info".into(), json!({"name": "Sari Wulandari", "phone": phone, "email": email}));
    body.insert("earliest_time".into(), json!("2026-12-24T19:00"));
    body.insert("latest_time".into(), json!("2026-12-24T19:00"));
    body.extend(changes.as_object().unwrap().clone());
    Value::Object(body.clone())
}

pub async fn join(app: &TestApp, changes: Value) -> String {
    let answer = app.post("/api/waitlist", &joining(changes)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()["waitlist_id"].as_str().unwrap().to_owned()
}

pub async fn entry(app: &TestApp, id: &str) -> Value {
    app.get(&format!("/api/waitlist/{id}")).await.json()
}

/// Waits for a status, because offers are made in the background.
pub async fn becomes(app: &TestApp, id: &str, status: &str) -> Value {
    let waited = tokio::time::timeout(Duration::from_secs(10), async {
        let mut head = app.app.store.watch_head();
        loop {
            let entry = entry(app, id).await;
            if entry["status"] == json!(status) {
                return entry;
            }
            head.changed().await.unwrap();
        }
    });
    waited.await.unwrap_or_else(|_| panic!("{id} never became {status}"))
}

async fn answer(app: &TestApp, id: &str, what: &str) -> Answer {
    app.post(&format!("/api/waitlist/{id}/{what}"), &json!({})).await
}

/// A service in which the only table for twelve is booked at seven o'clock.
async fn full() -> (TestApp, String) {
    let app = TestApp::with_houses().await;
    let id = app.book(json!({"party_size": 12, "area": "Kebun", "start_time": "2026-12-24T19:00"})).await;
    (app, id)
}

fn twelve() -> Value {
    json!({"party_size": 12, "area": "Kebun"})
}

#[tokio::test]
async fn a_freed_table_is_held_for_the_first_fitting_entry_and_accepted() {
    let (app, taken) = full().await;
    let mut wishes = twelve();
    wishes
        .as_object_mut()
        .unwrap()
        .extend([("allergies".into(), json!("kacang")), ("high_chairs".into(), json!(2))]);
    let first = join(&app, wishes).await;
    let second = join(&app, twelve()).await;
    let line = app.get("/api/waitlist").await.json();
    assert_eq!(
        (&line["items"][0]["waitlist_id"], &line["items"][1]["place_in_line"]),
        (&json!(first), &json!(2))
    );
    assert_eq!(
        (entry(&app, &first).await["status"].as_str(), answer(&app, &first, "accept").await.problem().1),
        (Some("WAITING"), "nothing_offered".into())
    );
    app.command(&taken, "cancel", json!({"reason_code": "other"})).await;
    let offered = becomes(&app, &first, "OFFERED").await;
    assert_eq!(offered["offer"]["tables"][0]["table_id"], json!("B1"));
    assert_eq!(offered["offer"]["expires_at"], json!("2026-12-01T09:15:00Z"));
    // The table is held: it can be neither booked nor assigned, and the floor shows it.
    let other = booking(json!({"party_size": 12, "area": "Kebun", "start_time": "2026-12-24T19:30"}));
    assert_eq!(app.post("/api/reservations", &other).await.problem(), (409, "no_table".into()));
    let small = app.book(json!({"party_size": 2, "start_time": "2026-12-24T19:00"})).await;
    assert_eq!(
        app.command(&small, "assign-table", json!({"table_id": "B1"})).await.problem().1,
        "table_taken"
    );
    let room = app.get("/api/floor?at=2026-12-24T19:05").await.json();
    let b1 =
        room["tables"].as_array().unwrap().iter().find(|table| table["table_id"] == json!("B1")).unwrap();
    assert_eq!((&b1["state"], &b1["party"]["waitlist_id"]), (&json!("offered"), &json!(first)));
    assert_eq!(entry(&app, &second).await["status"], json!("WAITING"));
    // An accepted offer is a reservation like any other, with its hold.
    let accepted = answer(&app, &first, "accept").await;
    let reservation = accepted.json();
    assert_eq!((reservation["status"].as_str(), tables(&reservation)), (Some("PENDING"), vec!["B1"]));
    assert_eq!(
        (&reservation["deposit"]["status"], &reservation["contact_name"]),
        (&json!("due"), &json!("Sari Wulandari"))
    );
    assert_eq!(
        (&reservation["allergies"], &reservation["high_chairs"]),
        (&json!("kacang"), &json!(2)),
        "what the guest said while waiting"
    );
    let id = reservation["reservation_id"].as_str().unwrap();
    assert_eq!(accepted.header("location"), format!("/api/reservations/{id}"));
    let after = entry(&app, &first).await;
    assert_eq!(
        (&after["status"], &after["reservation_id"], &after["contact_name"]),
        (&json!("ACCEPTED"), &json!(id), &Value::Null)
    );
    let stale =
        app.post_with(&format!("/api/waitlist/{first}/accept"), &json!({}), &[("if-match", "\"1\"")]).await;
    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED);
    // A repetition has the same result; declining is no longer possible.
    assert_eq!(answer(&app, &first, "accept").await.json()["reservation_id"], json!(id));
    assert_eq!(answer(&app, &first, "decline").await.problem(), (409, "offer_taken".into()));
    // The hold expires, and the second party gets the offer.
    app.clock.advance(TimeDelta::minutes(16));
    crate::holds::becomes(&app, id, "CANCELLED").await;
    becomes(&app, &second, "OFFERED").await;
}

#[tokio::test]
async fn a_declined_or_expired_offer_goes_to_the_next_entry() {
    let (app, taken) = full().await;
    let [first, second, third] =
        [join(&app, twelve()).await, join(&app, twelve()).await, join(&app, twelve()).await];
    app.command(&taken, "cancel", json!({"reason_code": "other"})).await;
    becomes(&app, &first, "OFFERED").await;
    let declined = answer(&app, &first, "decline").await.json();
    assert_eq!((&declined["status"], &declined["left_because"]), (&json!("LEFT"), &json!("declined")));
    becomes(&app, &second, "OFFERED").await;
    app.clock.advance(TimeDelta::minutes(15));
    // At the deadline it is too late, whether or not the table was already offered to the next party.
    assert_eq!(answer(&app, &second, "accept").await.problem(), (409, "offer_expired".into()));
    let offered = becomes(&app, &third, "OFFERED").await;
    assert_eq!(offered["offer"]["expires_at"], json!("2026-12-01T09:30:00Z"));
    assert_eq!(entry(&app, &second).await["left_because"], json!("offer_expired"));
    assert_eq!(answer(&app, &second, "accept").await.problem(), (409, "offer_expired".into()));
    // A party that leaves releases the table.
    assert_eq!(answer(&app, &third, "leave").await.json()["left_because"], json!("gave_up"));
    assert_eq!(answer(&app, &third, "leave").await.status, StatusCode::OK);
    assert_eq!(answer(&app, &third, "accept").await.problem(), (409, "left_waitlist".into()));
    assert_eq!(app.get("/api/waitlist").await.json()["items"], json!([]));
    app.book(json!({"party_size": 12, "area": "Kebun", "start_time": "2026-12-24T19:00"})).await;
}

#[tokio::test]
async fn an_entry_that_does_not_fit_does_not_block_later_entries() {
    let app = TestApp::with_houses().await;
    let mut taken = Vec::new();
    for _ in 0..2 {
        taken.push(
            app.book(json!({"party_size": 2, "area": "Teras", "start_time": "2026-12-24T19:00"})).await,
        );
        taken.push(
            app.book(json!({"party_size": 4, "area": "Teras", "start_time": "2026-12-24T19:00"})).await,
        );
    }
    let four = join(&app, json!({"party_size": 4, "area": "Teras"})).await;
    let two = join(&app, json!({"party_size": 2, "area": "Teras"})).await;
    app.command(&taken[0], "cancel", json!({"reason_code": "other"})).await;
    becomes(&app, &two, "OFFERED").await;
    assert_eq!(entry(&app, &four).await["status"], json!("WAITING"));
    app.command(&taken[1], "cancel", json!({"reason_code": "other"})).await;
    assert_eq!(becomes(&app, &four, "OFFERED").await["offer"]["tables"][0]["table_id"], json!("T3"));
}

#[tokio::test]
async fn a_waiting_party_precedes_a_new_booking() {
    let (app, taken) = full().await;
    let first = join(&app, twelve()).await;
    app.command(&taken, "cancel", json!({"reason_code": "other"})).await;
    let other = booking(json!({"party_size": 12, "area": "Kebun", "start_time": "2026-12-24T19:00"}));
    assert_eq!(app.post("/api/reservations", &other).await.problem(), (409, "no_table".into()));
    assert_eq!(entry(&app, &first).await["status"], json!("OFFERED"));
}

#[tokio::test]
async fn an_entry_that_can_never_be_served_is_refused() {
    let app = TestApp::with_houses().await;
    let refused = async |changes: Value| {
        let answer = app.post("/api/waitlist", &joining(changes)).await;
        match answer.status {
            StatusCode::OK => "waits".to_owned(),
            StatusCode::UNPROCESSABLE_ENTITY => answer.faults().join(" "),
            _ => answer.problem().1,
        }
    };
    assert_eq!(refused(json!({"party_size": 40})).await, "party_too_large");
    assert_eq!(
        refused(json!({"earliest_time": "2026-12-24T03:00", "latest_time": "2026-12-24T05:00"})).await,
        "closed"
    );
    let far = json!({"earliest_time": "2027-11-01T19:00", "latest_time": "2027-11-01T20:00"});
    assert_eq!(refused(far).await, "too_soon");
    assert_eq!(refused(json!({"latest_time": "2026-12-24T18:00"})).await, "body.latest_time:value_error");
    assert_eq!(refused(json!({"latest_time": "2026-12-26T18:00"})).await, "body.latest_time:value_error");
    assert_eq!(
        refused(json!({"latest_time": null, "party_size": 0, "area": "Atap"})).await,
        "body.area:value_error body.latest_time:missing body.party_size:greater_than_equal"
    );
    // A party of one is too small for the only table, and no offer is made for a table that the venue does not have.
    assert_eq!(refused(json!({"party_size": 1, "area": "Kebun"})).await, "no_table");
    let early = json!({"earliest_time": "2026-12-24T03:00", "latest_time": "2026-12-24T05:00"});
    let early = app.post("/api/waitlist", &joining(early)).await.json();
    let offers = early["alternatives"].as_array().unwrap();
    assert_eq!(
        (&offers[0]["start_time"], &offers[0]["end_time"]),
        (&json!("2026-12-24T11:00:00+07:00"), &json!("2026-12-24T12:30:00+07:00"))
    );
    let managed_by_hand = TestApp::start().await;
    assert_eq!(
        managed_by_hand.post("/api/waitlist", &joining(json!({}))).await.problem(),
        (409, "kept_by_hand".into())
    );
    assert_eq!(
        app.get("/api/waitlist/01939f3e-0000-7000-8000-0000000000ff").await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(answer(&app, "7", "accept").await.faults(), ["path.waitlist_id:uuid_parsing"]);
}

#[tokio::test]
async fn an_entry_ends_when_its_time_has_passed_and_a_repeated_request_gets_the_first_response() {
    let app = TestApp::with_houses().await;
    app.book(json!({"party_size": 12, "area": "Kebun", "start_time": "2026-12-01T18:00"})).await;
    let body = joining(
        json!({"party_size": 12, "area": "Kebun", "earliest_time": null, "latest_time": "2026-12-01T18:00"}),
    );
    let key = [("idempotency-key", "one")];
    let first = app.post_with("/api/waitlist", &body, &key).await;
    let again = app.post_with("/api/waitlist", &body, &key).await;
    assert_eq!((first.json(), again.header("idempotent-replayed")), (again.json(), "true"));
    let id = first.json()["waitlist_id"].as_str().unwrap().to_owned();
    assert_eq!(first.header("location"), format!("/api/waitlist/{id}"));
    app.clock.advance(TimeDelta::minutes(121));
    assert_eq!(becomes(&app, &id, "LEFT").await["left_because"], json!("time_passed"));
    // No party is left to notify.
    let contact = app.get(&format!("/api/waitlist/{id}/contact")).await;
    assert_eq!(contact.status, StatusCode::GONE);
    let stale =
        app.post_with(&format!("/api/waitlist/{id}/leave"), &json!({}), &[("if-match", "\"1\"")]).await;
    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED);
}

#[tokio::test]
async fn offers_survive_a_restart_and_are_made_once() {
    let (store, clock) = (
        Arc::new(MemoryStore::new("reservation")) as Arc<dyn EventStore>,
        ManualEnvironment::at(start_of_time()),
    );
    let start = async || {
        let venues = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/venues");
        TestApp::at(venues, Arc::clone(&store), clock.clone()).await
    };
    let app = start().await;
    let taken = app.book(json!({"party_size": 12, "area": "Kebun", "start_time": "2026-12-24T19:00"})).await;
    let (first, second) = (join(&app, twelve()).await, join(&app, twelve()).await);
    app.command(&taken, "cancel", json!({"reason_code": "other"})).await;
    let offered = becomes(&app, &first, "OFFERED").await;
    let line = app.get("/api/waitlist").await.json();
    drop(app);
    let app = start().await;
    assert_eq!(entry(&app, &first).await, offered);
    assert_eq!(
        app.get("/api/waitlist").await.json(),
        line,
        "a replay gives the same response, byte for byte"
    );
    let accepted = answer(&app, &first, "accept").await.json();
    assert_eq!(tables(&accepted), ["B1"]);
    let offers = app.get("/events?type=meja.waitlist.offered.v1").await.json();
    assert_eq!(offers.as_array().unwrap().len(), 1);
    assert_eq!(entry(&app, &second).await["status"], json!("WAITING"));
}

/// A time that begins within seconds is not offered, because no guest could answer; the next time is.
#[tokio::test]
async fn an_offer_is_open_for_a_minimum_time() {
    let app = TestApp::with_houses().await;
    // 17:53 local time.
    app.clock.advance(TimeDelta::minutes(113));
    let waits = json!({"party_size": 2, "earliest_time": null, "latest_time": "2026-12-01T20:00"});
    let waits = join(&app, waits).await;
    let offered = becomes(&app, &waits, "OFFERED").await;
    assert_eq!(offered["offer"]["start_time"], json!("2026-12-01T18:15:00+07:00"));
    assert_eq!(offered["offer"]["expires_at"], json!("2026-12-01T11:08:00Z"));
}

#[tokio::test]
async fn an_offer_that_the_venue_cannot_keep_is_withdrawn_and_the_party_waits_on() {
    let dir = tempfile::tempdir().unwrap();
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/venues/bandung-dago.json");
    let mut venue: Value = serde_json::from_slice(&std::fs::read(sample).unwrap()).unwrap();
    let file = dir.path().join("bandung-dago.json");
    std::fs::write(&file, venue.to_string()).unwrap();
    let (store, clock) = (Arc::new(MemoryStore::new("reservation")), ManualEnvironment::at(start_of_time()));
    let app = TestApp::at(dir.path().to_str().unwrap(), store, clock).await;
    let id = join(&app, twelve()).await;
    becomes(&app, &id, "OFFERED").await;
    // The garden is closed.
    venue["tables"].as_array_mut().unwrap().retain(|table| table["area"] != json!("Kebun"));
    std::fs::write(&file, venue.to_string()).unwrap();
    let files = VenueFiles::load(dir.path()).unwrap();
    let rules = &files.0[0].rules;
    let change = RulesChange { venue_id: &rules.venue.id, rules: Some(rules), import: None };
    let context = RequestContext::system("test", app.app.env.as_ref());
    app.app.executor.change_rules(&change, &context).await.unwrap();
    // The new rules count, but the offer was not withdrawn yet.
    assert_eq!(answer(&app, &id, "accept").await.problem(), (409, "offer_withdrawn".into()));
    assert_eq!(app.app.settle_rules(&rules.venue.id).await.withdrawn.len(), 1);
    let waits = entry(&app, &id).await;
    assert_eq!(
        (&waits["status"], &waits["offer"], &waits["place_in_line"]),
        (&json!("WAITING"), &Value::Null, &json!(1))
    );
    assert_eq!(answer(&app, &id, "accept").await.problem(), (409, "nothing_offered".into()));
}

/// The contact of a guest who did not answer is kept for the message about it, and forgotten when that is reported.
#[tokio::test]
async fn a_guest_whose_offer_expired_is_forgotten_after_being_told() {
    let (app, taken) = full().await;
    let id = join(&app, twelve()).await;
    app.command(&taken, "cancel", json!({"reason_code": "other"})).await;
    becomes(&app, &id, "OFFERED").await;
    app.clock.advance(TimeDelta::minutes(16));
    assert_eq!(becomes(&app, &id, "LEFT").await["left_because"], json!("offer_expired"));
    let contact = async || {
        let request = Request::get(format!("/api/waitlist/{id}/contact"));
        let request = request.header("authorization", format!("Bearer {TOKEN}"));
        app.send(request.body(Body::empty()).unwrap()).await
    };
    assert_eq!(contact().await.status, StatusCode::OK);
    let told =
        json!({"notification_id": "n-1", "template": "offer_over", "medium": "mail", "outcome": "sent"});
    let told = app.service_post(&format!("/api/waitlist/{id}/notification-results"), &told).await;
    assert_eq!(told.status, StatusCode::OK, "{}", told.text());
    assert_eq!(contact().await.problem(), (410, "contact_erased".into()));
}
