//! A venue with services: every offered time can be booked, and a booking takes its tables.

use axum::http::StatusCode;
use reservation::app::venues::VenueFiles;
use serde_json::{Value, json};

use crate::app::{TestApp, booking};

async fn slots(app: &TestApp, query: &str) -> Vec<Value> {
    let answer = app.get(&format!("/api/availability?{query}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()["slots"].as_array().unwrap().clone()
}

pub fn tables(reservation: &Value) -> Vec<&str> {
    reservation["tables"]
        .as_array()
        .unwrap()
        .iter()
        .map(|table| table["table_id"].as_str().unwrap())
        .collect()
}

fn at(slot: &Value) -> &str {
    &slot["start_time"].as_str().unwrap()[11..16]
}

#[tokio::test]
async fn an_offered_slot_can_be_booked_and_any_other_is_refused_with_its_reason() {
    let app = TestApp::with_houses().await;
    // A busy evening, in both areas that suit a small party.
    for (size, time) in [(4, "19:00"), (4, "19:30"), (2, "19:30"), (6, "20:00"), (8, "19:00"), (12, "18:00")]
    {
        for _ in 0..2 {
            let body = json!({"party_size": size, "start_time": format!("2026-12-24T{time}")});
            app.post("/api/reservations", &booking(body)).await;
        }
    }
    let (mut offered, mut refused) = (0, std::collections::BTreeSet::new());
    for size in [1, 2, 4, 5, 7, 9, 12, 16, 17] {
        for area in ["", "&area=Teras", "&area=Lesehan"] {
            for slot in slots(&app, &format!("date=2026-12-24&party_size={size}{area}")).await {
                let mut body = json!({"party_size": size, "start_time": slot["start_time"]});
                if let Some(area) = area.strip_prefix("&area=") {
                    body["area"] = area.into();
                }
                let answer = app.post("/api/reservations", &booking(body)).await;
                if slot["available"] == json!(true) {
                    assert_eq!(answer.status, StatusCode::OK, "{slot}: {}", answer.text());
                    let booked = answer.json();
                    let promised: Vec<_> = slot["tables"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .map(|t| t["table_id"].as_str().unwrap())
                        .collect();
                    assert_eq!(tables(&booked), promised, "{slot}");
                    assert_eq!(booked["end_time"], slot["end_time"]);
                    assert_eq!(booked["deposit"]["amount_minor"], slot["deposit"]["amount_minor"]);
                    let id = booked["reservation_id"].as_str().unwrap();
                    app.command(id, "cancel", json!({"reason_code": "other"})).await;
                    offered += 1;
                } else {
                    let reason = slot["reason"].as_str().unwrap().to_owned();
                    assert_eq!(answer.problem(), (409, reason.clone()), "{slot}");
                    refused.insert(reason);
                }
            }
        }
    }
    assert!(offered > 100, "{offered}");
    assert_eq!(refused.into_iter().collect::<Vec<_>>(), ["closed", "no_table", "pacing", "party_too_large"]);
}

#[tokio::test]
async fn a_party_gets_the_smallest_table_then_a_combination_then_alternatives() {
    let app = TestApp::with_houses().await;
    let book = async |size: u8, area: &str| {
        let body = json!({"party_size": size, "area": area, "start_time": "2026-12-24T19:00"});
        app.post("/api/reservations", &booking(body)).await
    };
    assert_eq!(tables(&book(2, "Teras").await.json()), ["T1"]);
    assert_eq!(tables(&book(3, "Teras").await.json()), ["T3"]);
    assert_eq!(tables(&book(4, "Dalam").await.json()), ["D2"]);
    assert_eq!(tables(&book(9, "Dalam").await.json()), ["D4", "D5"]);
    // T2 alone is too small, and T1, with which it can be combined, is taken.
    assert_eq!(tables(&book(3, "Teras").await.json()), ["T4"]);
    let refused = book(3, "Teras").await;
    assert_eq!(refused.problem(), (409, "no_table".into()));
    let alternatives = refused.json()["alternatives"].clone();
    let alternatives = alternatives.as_array().unwrap();
    assert_eq!(alternatives.len(), 3);
    // The same time in another area comes first, and every alternative can be booked.
    assert_eq!((alternatives[0]["area"].as_str(), at(&alternatives[0])), (Some("Dalam"), "19:00"));
    assert_eq!((alternatives[1]["area"].as_str(), at(&alternatives[1])), (Some("Teras"), "20:15"));
    for offer in alternatives {
        let body = json!({"party_size": 3, "start_time": offer["start_time"], "area": offer["area"]});
        let taken = app.post("/api/reservations", &booking(body)).await;
        assert_eq!(json!(tables(&taken.json())), offer["tables"]);
    }
}

#[tokio::test]
async fn a_party_that_leaves_frees_its_tables() {
    let app = TestApp::with_houses().await;
    let big = || booking(json!({"party_size": 12, "start_time": "2026-12-24T19:00", "area": "Kebun"}));
    let book = async || app.post("/api/reservations", &big()).await;
    let first = book().await.json()["reservation_id"].as_str().unwrap().to_owned();
    assert_eq!(book().await.problem().1, "no_table");
    // A cancellation releases the table.
    app.command(&first, "cancel", json!({"reason_code": "other"})).await;
    let second = book().await.json()["reservation_id"].as_str().unwrap().to_owned();
    assert_eq!(book().await.problem().1, "no_table");
    // Moving the reservation to another time releases the table.
    let moved = app.command(&second, "reschedule", json!({"start_time": "2026-12-24T11:00"})).await;
    assert_eq!(tables(&moved.json()), ["B1"]);
    let third = book().await;
    assert_eq!(tables(&third.json()), ["B1"]);
    // An unpaid hold that expires releases the table.
    app.clock.advance(chrono::TimeDelta::minutes(16));
    let id = third.json()["reservation_id"].as_str().unwrap().to_owned();
    crate::holds::becomes(&app, &id, "CANCELLED").await;
    assert_eq!(book().await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_party_that_grows_is_moved_if_it_must_be() {
    let app = TestApp::with_houses().await;
    let id = app.book(json!({"party_size": 2, "area": "Teras", "start_time": "2026-12-24T19:00"})).await;
    let grown = app.command(&id, "party-size", json!({"party_size": 4})).await.json();
    assert_eq!(
        (grown["party_size"].as_u64(), tables(&grown)),
        (Some(4), vec!["T3"]),
        "the area is unchanged"
    );
    let less = app.command(&id, "party-size", json!({"party_size": 3})).await.json();
    assert_eq!((less["party_size"].as_u64(), tables(&less)), (Some(3), vec!["T3"]));
    let elsewhere = app.command(&id, "party-size", json!({"party_size": 2, "area": "Dalam"})).await.json();
    assert_eq!(tables(&elsewhere), ["D1"]);
    // The requested area is kept.
    let later = json!({"start_time": "2026-12-24T20:00"});
    assert_eq!(tables(&app.command(&id, "reschedule", later).await.json()), ["D1"]);
    for time in ["19:30", "19:30", "19:45", "19:45"] {
        app.book(json!({"party_size": 4, "area": "Dalam", "start_time": format!("2026-12-24T{time}")})).await;
    }
    let refused = app.command(&id, "party-size", json!({"party_size": 4})).await;
    assert_eq!(refused.problem(), (409, "no_table".into()));
    // The command requests no other time, so none is offered.
    let offers = refused.json()["alternatives"].clone();
    assert_eq!(
        (offers.as_array().unwrap().len(), at(&offers[0]), &offers[0]["area"]),
        (1, "20:00", &json!("Teras"))
    );
    let grown = app.command(&id, "party-size", json!({"party_size": 4, "area": offers[0]["area"]})).await;
    assert_eq!(json!(tables(&grown.json())), offers[0]["tables"]);
}

#[tokio::test]
async fn some_tables_are_reserved_for_walk_ins() {
    let app = TestApp::with_houses().await;
    // Ten per cent of twelve tables, rounded down: one.
    let mut given = 0;
    for (n, size) in [2, 2, 2, 4, 4, 4, 4, 6, 6, 8, 9, 12].into_iter().enumerate() {
        // At different times, because of the pacing.
        let time = format!("2026-12-24T{}:{}", 19 + n / 8, ["00", "15", "30", "45"][n / 2 % 4]);
        let body = json!({"party_size": size, "start_time": time, "duration_minutes": 120});
        let answer = app.post("/api/reservations", &booking(body)).await;
        given += if answer.status == 200 { tables(&answer.json()).len() } else { 0 };
    }
    let free = slots(&app, "date=2026-12-24&party_size=12&duration_minutes=30").await;
    let slot = free.iter().find(|slot| at(slot) == "20:45").unwrap();
    assert_eq!((given, slot["reason"].as_str()), (11, Some("no_table")));
    // The last table is for walk-ins; staff can assign it.
    let early = app.book(json!({"party_size": 2, "start_time": "2026-12-24T12:00"})).await;
    let free = app.command(&early, "reschedule", json!({"start_time": "2026-12-24T20:45"})).await;
    assert_eq!(free.problem(), (409, "no_table".into()));
}

#[tokio::test]
async fn too_short_notice_and_impossible_times_get_different_errors() {
    let app = TestApp::with_houses().await;
    let refused = async |changes: Value| {
        let answer = app.post("/api/reservations", &booking(changes)).await;
        match answer.status {
            StatusCode::OK => "taken".to_owned(),
            StatusCode::UNPROCESSABLE_ENTITY => answer.faults().join(" "),
            _ => answer.problem().1,
        }
    };
    // It is 16:00 local time, and a party must book half an hour ahead.
    let soon = |time: &str| json!({"start_time": format!("2026-12-01T{time}")});
    assert_eq!(refused(soon("16:20")).await, "closed");
    app.clock.advance(chrono::TimeDelta::minutes(75));
    assert_eq!(refused(soon("17:30")).await, "too_late");
    assert_eq!(refused(soon("12:00")).await, "body.start_time:value_error", "in the past");
    assert_eq!(refused(json!({"start_time": "2027-03-31T19:00"})).await, "taken", "120 days ahead");
    assert_eq!(refused(json!({"start_time": "2027-04-01T19:00"})).await, "too_soon");
    assert_eq!(
        refused(json!({"start_time": "2027-03-10T19:00"})).await,
        "body.start_time:value_error",
        "the venue is closed on this holiday"
    );
    assert_eq!(refused(json!({"start_time": "2026-12-24T19:05"})).await, "closed", "not the start of a slot");
    assert_eq!(refused(json!({"area": "Atap"})).await, "body.area:value_error");
    let faults = |query: &'static str| app.get(query);
    assert_eq!(
        faults("/api/availability?date=2027-03-10&party_size=0&area=Atap&venue_id=bandung-dago")
            .await
            .faults(),
        ["query.area:value_error", "query.date:value_error", "query.party_size:greater_than_equal"]
    );
    assert_eq!(
        faults("/api/availability").await.faults(),
        ["query.date:missing", "query.party_size:missing"]
    );
    assert!(
        faults("/api/availability?date=2027-03-10&party_size=2")
            .await
            .text()
            .contains("the next service is on 2027-03-11")
    );
}

#[tokio::test]
async fn a_service_past_midnight_is_offered_on_the_day_it_opens() {
    let app = TestApp::with_houses().await;
    let late = slots(&app, "date=2026-12-31&party_size=2").await;
    assert_eq!((at(&late[0]), at(late.last().unwrap())), ("18:00", "01:45"));
    let taken = late.iter().filter(|slot| slot["available"] == json!(true)).map(at).collect::<Vec<_>>();
    assert_eq!((taken.first(), taken.last()), (Some(&"18:00"), Some(&"21:00")));
}

#[tokio::test]
async fn one_venue_confirms_automatically_and_another_keeps_its_book_by_hand() {
    let app = TestApp::with_houses().await;
    let body = json!({"venue_id": "roma-trastevere", "party_size": 2, "start_time": "2026-12-24T20:00"});
    let booked = app.post("/api/reservations", &booking(body)).await.json();
    assert_eq!((booked["status"].as_str(), tables(&booked)), (Some("CONFIRMED"), vec!["1"]));
    let managed_by_hand = TestApp::start().await;
    let answer = managed_by_hand.get("/api/availability?date=2026-12-24&party_size=2").await;
    assert_eq!(answer.problem(), (409, "kept_by_hand".into()));
    let answer = managed_by_hand.post("/api/reservations", &booking(json!({"area": "Teras"}))).await;
    assert_eq!(answer.faults(), ["body.area:value_error"]);
}

#[tokio::test]
async fn alternatives_after_midnight_belong_to_the_same_business_day() {
    let dir = tempfile::tempdir().unwrap();
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let venue = json!({
        "id": "night", "name": "Night", "timezone": "UTC", "country": "IT", "currency": "EUR", "locale": "en", "policy": {},
        "tables": [{"id": "1", "area": "Sala", "seats": 2}],
        "services": [
            {"name": "Lunch", "days": days, "opens": "11:00", "closes": "14:00"},
            {"name": "Night", "days": days, "opens": "19:00", "closes": "05:00", "last_arrival": "04:30"}],
    });
    std::fs::write(dir.path().join("night.json"), venue.to_string()).unwrap();
    let (store, clock) = (
        events::store::memory::MemoryStore::new("r"),
        chassis::environment::ManualEnvironment::at(crate::app::start_of_time()),
    );
    let app = TestApp::at(dir.path().to_str().unwrap(), std::sync::Arc::new(store), clock).await;
    let refused = app
        .post("/api/reservations", &booking(json!({"party_size": 2, "start_time": "2026-12-25T04:45"})))
        .await;
    assert_eq!((refused.problem().1.as_str(), at(&refused.json()["alternatives"][0])), ("closed", "04:30"));
    // A venue can be open at all times.
    let round = venue["services"][0].clone();
    let mut always = venue;
    always["services"] = json!([round]);
    always["services"][0]["opens"] = json!("00:00");
    always["services"][0]["closes"] = json!("00:00");
    std::fs::write(dir.path().join("night.json"), always.to_string()).unwrap();
    app.import(&VenueFiles::load(dir.path()).unwrap()).await;
    let slots = slots(&app, "date=2026-12-24&party_size=2").await;
    assert_eq!((slots.len(), at(&slots[0]), at(slots.last().unwrap())), (96, "00:00", "23:45"));
    // A start time may have an offset and no seconds. The bookings of a removed venue can still be read.
    let body = booking(json!({"party_size": 2, "start_time": "2026-12-25T04:45+00:00"}));
    assert_eq!(app.post("/api/reservations", &body).await.status, StatusCode::OK);
    std::fs::rename(dir.path().join("night.json"), dir.path().join("day.json")).unwrap();
    always["id"] = json!("day");
    std::fs::write(dir.path().join("day.json"), always.to_string()).unwrap();
    app.import(&VenueFiles::load(dir.path()).unwrap()).await;
    let gone = app.get("/api/reservations?venue_id=night").await.json();
    assert_eq!(gone["items"].as_array().unwrap().len(), 1);
    assert_eq!(app.get("/api/waitlist?venue_id=night").await.status, StatusCode::OK);
    assert_eq!(app.get("/api/reservations?venue_id=never").await.faults(), ["query.venue_id:value_error"]);
}
