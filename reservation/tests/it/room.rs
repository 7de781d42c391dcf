//! The room during an evening: seated parties, walk-ins and no-shows.

use std::sync::Arc;

use chassis::environment::ManualEnvironment;
use chrono::TimeDelta;
use events::store::EventStore;
use events::store::memory::MemoryStore;
use serde_json::{Value, json};

use crate::app::{TestApp, booking, start_of_time};
use crate::houses::tables;

async fn table(app: &TestApp, at: &str, id: &str) -> Value {
    let room = app.get(&format!("/api/floor?at={at}")).await.json();
    let tables = room["tables"].as_array().unwrap();
    tables.iter().find(|table| table["table_id"] == json!(id)).unwrap_or(&Value::Null).clone()
}

#[tokio::test]
async fn the_floor_shows_the_current_and_the_next_party_of_each_table() {
    let app = TestApp::with_houses().await;
    let first = app.book(json!({"party_size": 2, "start_time": "2026-12-01T17:00", "area": "Teras"})).await;
    let second = app.book(json!({"party_size": 2, "start_time": "2026-12-01T19:00", "area": "Teras"})).await;
    let free = table(&app, "2026-12-01T16:00", "T1").await;
    assert_eq!((&free["state"], &free["until"]), (&json!("free"), &json!("2026-12-01T17:00:00+07:00")));
    assert_eq!(free["next"]["reservation_id"], json!(first));
    let reserved = table(&app, "2026-12-01T17:05", "T1").await;
    assert_eq!(
        (&reserved["state"], &reserved["party"]["reservation_id"]),
        (&json!("reserved"), &json!(first))
    );
    assert_eq!(reserved["next"]["reservation_id"], json!(second));
    app.clock.advance(chrono::TimeDelta::minutes(65));
    app.command(&first, "confirm", json!({})).await;
    app.command(&first, "check-in", json!({})).await;
    let seated = table(&app, "2026-12-01T17:05", "T1").await;
    assert_eq!(
        (&seated["state"], &seated["seated_since"]),
        (&json!("seated"), &json!("2026-12-01T17:05:00+07:00"))
    );
    // The 75 minutes are over, and the party is still seated.
    app.clock.advance(chrono::TimeDelta::minutes(120));
    assert_eq!(table(&app, "2026-12-01T18:20", "T1").await["state"], json!("overdue"));
    let both = table(&app, "2026-12-01T19:05", "T1").await;
    assert_eq!((&both["state"], &both["next"]["reservation_id"]), (&json!("overdue"), &json!(second)));
    // No walk-in is seated there while the party stays, even if its assignment has ended.
    let walk_in = app.post("/api/walk-ins", &json!({"party_size": 2, "area": "Teras"})).await;
    assert_eq!(tables(&walk_in.json()), ["T2"]);
    app.command(&first, "complete", json!({})).await;
    assert_eq!(table(&app, "2026-12-01T17:05", "T1").await["state"], json!("free"));
    // A table assigned by hand is shown for the whole evening.
    let body = json!({"table_id": "X1", "capacity": 2, "area": "Trotoar"});
    app.command(&second, "assign-table", body).await;
    assert_eq!(table(&app, "2026-12-01T19:10", "X1").await["area"], json!("Trotoar"));
    assert_eq!(table(&app, "2026-12-03T19:10", "X1").await, Value::Null);
    assert_eq!(app.get("/api/floor?at=soon").await.faults(), ["query.at:datetime_parsing"]);
}

#[tokio::test]
async fn a_party_that_does_not_arrive_becomes_a_no_show_and_frees_its_table() {
    let app = TestApp::with_houses().await;
    let late = app.book(json!({"party_size": 2, "start_time": "2026-12-01T19:00"})).await;
    let there = app.book(json!({"party_size": 2, "start_time": "2026-12-01T19:00"})).await;
    for id in [&late, &there] {
        app.command(id, "confirm", json!({})).await;
    }
    // 19:05 local time: one party is seated. The other becomes a no-show half an hour after its start.
    app.clock.advance(chrono::TimeDelta::minutes(185));
    app.command(&there, "check-in", json!({})).await;
    app.clock.advance(chrono::TimeDelta::minutes(24));
    assert_eq!(app.status(&late).await, "CONFIRMED");
    app.clock.advance(chrono::TimeDelta::minutes(2));
    crate::holds::becomes(&app, &late, "NO_SHOW").await;
    assert_eq!(app.status(&there).await, "CHECKED_IN");
    assert_eq!(table(&app, "2026-12-01T19:40", "D1").await["state"], json!("free"));
}

#[tokio::test]
async fn a_walk_in_is_seated_or_gets_a_quoted_wait() {
    let app = TestApp::with_houses().await;
    let walk_in = async |body: Value| app.post("/api/walk-ins", &body).await;
    assert_eq!(walk_in(json!({"party_size": 2})).await.problem(), (409, "closed".into()), "16:00");
    app.clock.advance(chrono::TimeDelta::minutes(90));
    let first = walk_in(json!({"party_size": 12, "name": "Budi"})).await;
    let seated = first.json();
    assert_eq!((seated["status"].as_str(), tables(&seated)), (Some("CHECKED_IN"), vec!["B1"]));
    assert_eq!(
        seated["end_time"],
        json!("2026-12-01T19:30:00+07:00"),
        "a party of twelve stays for two hours"
    );
    let id = seated["reservation_id"].as_str().unwrap();
    assert_eq!(first.header("location"), format!("/api/reservations/{id}"));
    // Two tables of six together are the only alternative.
    assert_eq!(tables(&walk_in(json!({"party_size": 12})).await.json()), ["D4", "D5"]);
    app.clock.advance(chrono::TimeDelta::minutes(20));
    let waits = walk_in(json!({"party_size": 12})).await;
    assert_eq!(waits.problem(), (409, "no_table".into()));
    assert_eq!(waits.json()["estimated_wait_minutes"], json!(100));
    app.command(id, "complete", json!({})).await;
    assert_eq!(tables(&walk_in(json!({"party_size": 12})).await.json()), ["B1"]);
    // A table that is booked for tonight is not given to a party that would still be seated then.
    app.book(json!({"party_size": 2, "area": "Teras", "start_time": "2026-12-01T18:30"})).await;
    assert_eq!(tables(&walk_in(json!({"party_size": 2, "area": "Teras"})).await.json()), ["T2"]);
    assert_eq!(
        walk_in(json!({"area": "Atap"})).await.faults(),
        ["body.area:value_error", "body.party_size:missing"]
    );
    let managed_by_hand = TestApp::start().await;
    assert_eq!(
        managed_by_hand.post("/api/walk-ins", &json!({"party_size": 2})).await.problem().1,
        "kept_by_hand"
    );
}

#[tokio::test]
async fn a_party_that_arrives_early_holds_its_table_from_then_on() {
    let app = TestApp::with_houses().await;
    let early = app.book(json!({"party_size": 12, "start_time": "2026-12-01T20:00", "area": "Kebun"})).await;
    app.command(&early, "confirm", json!({"waive_deposit": true})).await;
    app.clock.advance(TimeDelta::minutes(110));
    // A party of twelve stays for two hours and would leave before this party arrives.
    let twelve = json!({"party_size": 12, "area": "Kebun"});
    let first = app.post("/api/walk-ins", &twelve).await.json();
    app.command(first["reservation_id"].as_str().unwrap(), "complete", json!({})).await;
    app.command(&early, "check-in", json!({})).await;
    let refused = app.post("/api/walk-ins", &twelve).await;
    assert_eq!(refused.problem(), (409, "no_table".into()), "another party is already seated there");
    assert_eq!(table(&app, "2026-12-01T17:50", "B1").await["state"], json!("seated"));
    // The table cannot be booked for the time in between either.
    let between = json!({"party_size": 12, "area": "Kebun", "start_time": "2026-12-01T18:30"});
    assert_eq!(app.post("/api/reservations", &booking(between)).await.problem().1, "no_table");
    app.command(&early, "complete", json!({})).await;
    assert_eq!(app.post("/api/walk-ins", &twelve).await.status, 200);
}

/// Two parties are never seated at one table: an overdue party must leave, or the next one gets another table.
#[tokio::test]
async fn an_occupied_table_cannot_be_taken() {
    let app = TestApp::with_houses().await;
    let evening =
        |time: &str| json!({"party_size": 2, "area": "Teras", "start_time": format!("2026-12-01T{time}")});
    let first = app.book(evening("17:00")).await;
    let next = app.book(evening("18:15")).await;
    let far = app.book(json!({"party_size": 12, "area": "Kebun", "start_time": "2026-12-24T19:00"})).await;
    for id in [&first, &next, &far] {
        app.command(id, "confirm", json!({"waive_deposit": true})).await;
    }
    // A check-in days before the start is refused, and does not occupy the table from now on.
    assert_eq!(app.command(&far, "check-in", json!({})).await.problem(), (409, "too_early".into()));
    app.book(json!({"party_size": 12, "area": "Kebun", "start_time": "2026-12-01T18:00"})).await;
    app.clock.advance(TimeDelta::minutes(65));
    app.command(&first, "check-in", json!({})).await;
    // At a quarter past six the first party is still seated.
    app.clock.advance(TimeDelta::minutes(70));
    let refused = app.command(&next, "check-in", json!({})).await;
    assert_eq!(refused.problem(), (409, "table_taken".into()));
    let other = refused.json()["alternatives"][0]["table_id"].clone();
    let moved = app.command(&next, "assign-table", json!({"table_id": other})).await;
    assert_eq!(moved.status, 200, "{} {other}", moved.text());
    let seated = app.command(&next, "check-in", json!({})).await;
    assert_eq!(seated.json()["status"], json!("CHECKED_IN"), "{other} {}", seated.text());
    // An assignment by hand is not restricted.
    let managed_by_hand = TestApp::start().await;
    let id = managed_by_hand.book(json!({"start_time": "2026-12-01T19:00"})).await;
    managed_by_hand.command(&id, "confirm", json!({})).await;
    assert_eq!(managed_by_hand.command(&id, "check-in", json!({})).await.status, 200);
}

/// One of the twelve tables is kept for walk-ins. A seated walk-in takes that share, so that all eleven
/// other tables can still be booked.
#[tokio::test]
async fn a_walk_in_does_not_reduce_the_bookable_tables() {
    let app = TestApp::with_houses().await;
    app.clock.advance(TimeDelta::minutes(90));
    let seated = app.post("/api/walk-ins", &json!({"party_size": 12, "area": "Kebun"})).await.json();
    assert_eq!(tables(&seated), ["B1"]);
    let mut given = 0;
    for (n, size) in [2, 2, 2, 4, 4, 4, 4, 6, 6, 8, 10].into_iter().enumerate() {
        let time = format!("2026-12-01T{}:{}", 18 + n / 8, ["00", "15", "30", "45"][n / 2 % 4]);
        let body = json!({"party_size": size, "start_time": time, "duration_minutes": 120});
        let answer = app.post("/api/reservations", &booking(body)).await;
        given += if answer.status == 200 { tables(&answer.json()).len() } else { 0 };
    }
    assert_eq!(given, 11, "every table except the taken one");
}

#[tokio::test]
async fn a_no_show_grace_that_ended_during_an_outage_starts_again() {
    let (store, clock) = (
        Arc::new(MemoryStore::new("reservation")) as Arc<dyn EventStore>,
        ManualEnvironment::at(start_of_time()),
    );
    let start = async || {
        let venues = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/venues");
        TestApp::at(venues, Arc::clone(&store), clock.clone()).await
    };
    let app = start().await;
    let confirmed = async |time: &str| {
        let id = app.book(json!({"party_size": 2, "start_time": format!("2026-12-01T{time}")})).await;
        app.command(&id, "confirm", json!({})).await;
        id
    };
    let (missed, coming) = (confirmed("17:00").await, confirmed("18:15").await);
    drop(app);
    // No party could be checked in before 18:00.
    clock.advance(TimeDelta::minutes(120));
    let app = start().await;
    clock.advance(TimeDelta::minutes(29));
    app.book(json!({"party_size": 2, "start_time": "2026-12-24T17:00"})).await;
    assert_eq!(app.status(&missed).await, "CONFIRMED");
    clock.advance(TimeDelta::minutes(2));
    crate::holds::becomes(&app, &missed, "NO_SHOW").await;
    assert_eq!(app.status(&coming).await, "CONFIRMED");
    clock.advance(TimeDelta::minutes(15));
    crate::holds::becomes(&app, &coming, "NO_SHOW").await;
}

#[tokio::test]
async fn the_floor_of_a_business_day_names_all_parties_of_each_table() {
    let app = TestApp::with_houses().await;
    let lunch = app.book(json!({"start_time": "2026-12-24T12:00", "party_size": 12})).await;
    let dinner = app.book(json!({"start_time": "2026-12-24T19:00", "party_size": 12})).await;
    app.book(json!({"start_time": "2026-12-25T19:00", "party_size": 12})).await;
    let floor = app.get("/api/floor?date=2026-12-24").await.json();
    assert_eq!((&floor["date"], &floor["at"]), (&json!("2026-12-24"), &json!("2026-12-24T11:00:00+07:00")));
    let garden = floor["tables"].as_array().unwrap().iter().find(|table| table["table_id"] == "B1").unwrap();
    let parties: Vec<_> =
        garden["parties"].as_array().unwrap().iter().map(|party| party["reservation_id"].clone()).collect();
    assert_eq!(parties, [json!(lunch), json!(dinner)]);
    assert_eq!(garden["state"], json!("free"));
    // Today is shown as it is now.
    let today = app.get("/api/floor?date=2026-12-01").await.json();
    assert_eq!(today["at"], json!("2026-12-01T16:00:00+07:00"));
    let both = app.get("/api/floor?date=2026-12-24&at=2026-12-24T12:00").await;
    assert_eq!(both.faults(), ["query.date:value_error"]);
}
