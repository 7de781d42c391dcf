//! Searching for visits by words.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use chrono::TimeDelta;
use events::values::ReservationCode;
use serde_json::{Value, json};

use crate::app::{TestApp, booking};
use crate::corrections::patch;
use crate::keys::{create, get_as};

/// Books as a guest with this name. Returns the id.
async fn booked(app: &TestApp, name: &str, phone: &str, start: &str) -> String {
    let email = format!("{}@example.com", name.to_lowercase().replace(' ', "."));
    let contact = json!({"name": name, "phone": phone, "email": email});
    app.book(json!({"contact_info": contact, "start_time": start, "party_size": 2})).await
}

async fn found(app: &TestApp, query: &str) -> Value {
    app.get(&format!("/api/reservations?{query}")).await.json()
}

/// The names that a search finds, in their order.
async fn names(app: &TestApp, query: &str) -> Vec<String> {
    let page = found(app, query).await;
    assert_eq!((&page["next_cursor"], &page["complete"]), (&Value::Null, &json!(true)));
    let name = |item: &Value| item["contact_name"].as_str().unwrap_or("–").to_owned();
    page["items"].as_array().unwrap().iter().map(name).collect()
}

/// Waits until the first visits are in the index.
pub async fn complete(app: &TestApp) {
    let filled = async {
        while found(app, "q=x").await["complete"] != true {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), filled).await.unwrap();
}

#[tokio::test]
async fn next_visits_come_first_then_the_others_from_the_last() {
    let app = TestApp::start().await;
    complete(&app).await;
    booked(&app, "Sari Late", "0812 3456 7001", "2026-12-24T20:00").await;
    booked(&app, "Sari Early", "0812 3456 7002", "2026-12-24T18:00").await;
    let cancelled = booked(&app, "Sari Gone", "0812 3456 7003", "2026-12-24T19:00").await;
    booked(&app, "Budi", "0812 3456 7004", "2026-12-24T19:00").await;
    app.command(&cancelled, "cancel", json!({"reason_code": "guest_request"})).await;
    assert_eq!(names(&app, "q=sari").await, ["Sari E.", "Sari L.", "Sari G."]);
    assert_eq!(names(&app, "q=sari&limit=1").await, ["Sari E."]);
    assert_eq!(names(&app, "q=sari&status=CANCELLED").await, ["Sari G."]);
    assert_eq!(names(&app, "q=sari&from=2026-12-24T19:30").await, ["Sari L."]);
    assert_eq!(names(&app, "q=sari+late").await, ["Sari L."]);
    assert_eq!(names(&app, "q=0812+3456+7004").await, ["Budi"]);
    assert_eq!(names(&app, "q=7004").await, ["Budi"]);
    assert_eq!(names(&app, "q=budi@exam").await, ["Budi"]);
    // After the visits the last one comes first.
    app.clock.advance(TimeDelta::days(60));
    assert_eq!(names(&app, "q=sari").await, ["Sari L.", "Sari G.", "Sari E."]);
    let csv = Request::get("/api/reservations?q=budi").header("accept", "text/csv").body(Body::empty());
    let csv = app.send(csv.unwrap()).await.text();
    assert!(csv.lines().count() == 2 && csv.contains("Budi"), "{csv}");
}

#[tokio::test]
async fn a_table_and_a_code_are_found_and_a_walk_in_by_its_name() {
    let app = TestApp::start().await;
    let id = booked(&app, "Sari", "0812 3456 7001", "2026-12-24T20:00").await;
    complete(&app).await;
    let table = json!({"table_id": "T1"});
    app.command(&id, "confirm", json!({})).await;
    let assigned = app.command(&id, "assign-table", table).await;
    assert!(assigned.status.is_success(), "{}", assigned.text());
    assert_eq!(names(&app, "q=t1").await, ["Sari"]);
    assert_eq!(names(&app, "q=sari+T1").await, ["Sari"]);
    assert!(names(&app, "q=sari+t2").await.is_empty());
    let houses = TestApp::with_houses().await;
    houses.clock.set("2026-12-24T12:00:00Z".parse().unwrap());
    let walk_in = json!({"party_size": 2, "name": "Ibu Ratna"});
    let seated = houses.post("/api/walk-ins", &walk_in).await;
    assert!(seated.status.is_success(), "{}", seated.text());
    complete(&houses).await;
    assert_eq!(names(&houses, "q=ratna").await, ["Ibu Ratna"]);
    let code = found(&app, "q=sari").await["items"][0]["code"].as_str().unwrap().to_owned();
    for code in [code.clone(), code.to_lowercase(), format!("{}-{}", &code[..3], &code[3..])] {
        assert_eq!(names(&app, &format!("q={code}")).await, ["Sari"], "{code}");
    }
}

#[tokio::test]
async fn corrected_and_erased_contacts_are_found_as_they_are() {
    let app = TestApp::start().await;
    complete(&app).await;
    let id = booked(&app, "Sari Wulandari", "0812 3456 7001", "2026-12-24T20:00").await;
    assert_eq!(names(&app, "q=wulandari").await.len(), 1);
    patch(
        &app,
        &id,
        json!({"contact_info": {"name": "Sri Wahyuni", "phone": "0813 1111 2222", "email": "w@example.com"}}),
        &[],
    )
    .await;
    assert!(names(&app, "q=wulandari").await.is_empty() && names(&app, "q=081234567001").await.is_empty());
    assert_eq!(names(&app, "q=wahyuni+0813+1111").await, ["Sri W."]);
    // A correction of other details changes no key.
    app.app.search_index.tidy(true);
    let pairs = app.app.search_index.pairs();
    patch(&app, &id, json!({"tags": ["vip"], "staff_notes": "window"}), &[]).await;
    assert_eq!(names(&app, "q=wahyuni").await, ["Sri W."]);
    assert_eq!(app.app.search_index.pairs(), pairs);
    let request = Request::delete(format!("/api/reservations/{id}/contact"));
    let erased = app.send(request.body(Body::empty()).unwrap()).await;
    assert!(erased.status.is_success(), "{}", erased.text());
    assert!(names(&app, "q=wahyuni").await.is_empty());
    // The keys of both contacts are removed, and only those of the code stay.
    app.app.search_index.tidy(true);
    let left = app.app.search_index.pairs();
    assert!(left <= 5 && pairs > 20, "{left} of {pairs}");
    let code = ReservationCode::of(id.parse().unwrap());
    assert_eq!(names(&app, &format!("q={code}")).await, ["–"]);
}

#[tokio::test]
async fn after_a_restart_all_visits_are_found_again_also_those_that_ended() {
    let app = TestApp::start().await;
    for n in 0..30 {
        let id =
            booked(&app, &format!("Guest{n} Sari"), &format!("0812 3456 70{n:02}"), "2026-12-24T20:00").await;
        if n % 2 == 0 {
            app.command(&id, "cancel", json!({"reason_code": "guest_request"})).await;
        }
    }
    app.clock.advance(TimeDelta::days(90));
    let venues = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/venues/by-hand");
    let restarted = TestApp::at(venues, app.app.store.clone(), app.clock.clone()).await;
    complete(&restarted).await;
    assert_eq!(names(&restarted, "q=sari").await.len(), 30);
    assert_eq!(names(&restarted, "q=guest14+0812345670").await, ["Guest14 S."]);
}

#[tokio::test]
async fn a_search_finds_at_most_fifty_and_says_what_is_wrong_with_it() {
    let app = TestApp::start().await;
    complete(&app).await;
    for n in 0..60 {
        let body = booking(json!({"start_time": format!("2027-01-{:02}T12:00", 1 + n % 28)}));
        assert!(app.post("/api/reservations", &body).await.status.is_success());
    }
    assert_eq!(names(&app, "q=sari").await.len(), 50);
    assert_eq!(app.get("/api/reservations?q=-").await.faults(), ["query.q:value_error"]);
    assert_eq!(app.get("/api/reservations?q=sari&limit=51").await.faults(), ["query.limit:value_error"]);
    let page = found(&app, "limit=1").await;
    let cursor = page["next_cursor"].as_str().unwrap();
    let both = app.get(&format!("/api/reservations?q=sari&cursor={cursor}")).await;
    assert_eq!(both.faults(), ["query.cursor:value_error"]);
    assert_eq!(page["complete"], Value::Null);
}

#[tokio::test]
async fn without_the_scope_contact_nobody_guesses_a_number_digit_by_digit() {
    let app = TestApp::start().await;
    complete(&app).await;
    booked(&app, "Sari", "0812 3456 7001", "2026-12-24T20:00").await;
    let (key, _) = create(&app, &["read"], Value::Null).await;
    for (query, count) in [
        ("sari", 1),
        ("0812+3456+7001", 1),
        ("sari@example.com", 1),
        ("0812+3456+700", 0),
        ("7001", 0),
        ("sari@example", 0),
    ] {
        let answer = get_as(&app, &key, &format!("/api/reservations?q={query}")).await;
        assert_eq!(answer.json()["items"].as_array().unwrap().len(), count, "{query}: {}", answer.text());
    }
}
