//! Visits that end at another time, tables that are exchanged, and rules that staff overrule.

use axum::http::StatusCode;
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp};
use crate::houses::tables;

/// The garden has one table, B1, for twelve.
async fn garden(app: &TestApp, start: &str) -> String {
    let id = app.book(json!({"party_size": 12, "area": "Kebun", "start_time": start})).await;
    app.command(&id, "confirm", json!({"waive_deposit": true})).await;
    id
}

async fn until(app: &TestApp, id: &str, end: &str) -> Answer {
    app.command(id, "extend", json!({"end_time": end})).await
}

async fn until_anyway(app: &TestApp, id: &str, end: &str) -> Answer {
    app.command(id, "extend", json!({"end_time": end, "override": {"reason_code": "celebration"}})).await
}

fn ids(parties: &Value) -> Vec<&str> {
    parties.as_array().unwrap().iter().map(|party| party["reservation_id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_party_stays_longer_until_the_next_one_is_due_unless_staff_overrule_it() {
    let app = TestApp::with_houses().await;
    let (first, next) = (garden(&app, "2026-12-01T17:00").await, garden(&app, "2026-12-01T19:30").await);
    assert_eq!(until(&app, &first, "2026-12-01T19:15").await.problem(), (409, "not_checked_in".into()));
    app.clock.advance(TimeDelta::minutes(65));
    app.command(&first, "check-in", json!({})).await;
    let longer = until(&app, &first, "2026-12-01T19:15").await.json();
    assert_eq!((&longer["end_time"], tables(&longer)), (&json!("2026-12-01T19:15:00+07:00"), vec!["B1"]));
    assert_eq!(until(&app, &first, "2026-12-01T19:15").await.json()["version"], longer["version"]);
    let due = until(&app, &first, "2026-12-01T20:00").await;
    assert_eq!(due.problem(), (409, "next_party_due".into()));
    let detail = due.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains(&next) && detail.contains("19:30"), "{detail}");
    assert_eq!(app.get(&format!("/api/reservations/{first}")).await.json(), longer);

    let overruled = until_anyway(&app, &first, "2026-12-01T20:00").await.json();
    assert_eq!(
        (&overruled["end_time"], tables(&overruled)),
        (&json!("2026-12-01T20:00:00+07:00"), vec!["B1"])
    );
    let displaced = app.get(&format!("/api/reservations/{next}")).await.json();
    assert_eq!((&displaced["needs_table"], tables(&displaced)), (&json!(true), vec![]));
    assert_eq!(ids(&app.get("/api/reservations?needs_table=true").await.json()["items"]), [next.as_str()]);
    assert_eq!(ids(&app.get("/api/floor").await.json()["needs_table"]), [next.as_str()]);
    let notes = |history: Value| {
        let entries = history["entries"].as_array().unwrap().clone();
        entries.iter().map(|entry| entry["note"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let of_first = notes(app.get(&format!("/api/reservations/{first}/history")).await.json());
    assert!(
        of_first.contains(&"Rules overruled by the restaurant: next_party (celebration)".into()),
        "{of_first:?}"
    );
    let of_next = notes(app.get(&format!("/api/reservations/{next}/history")).await.json());
    assert!(of_next.iter().any(|note| note.starts_with("Table B1 taken away")), "{of_next:?}");

    let indonesian = app.get(&format!("/api/reservations/{first}/history?lang=id")).await.json();
    let note = "Aturan dikesampingkan oleh restoran: meja tamu berikutnya (celebration)";
    assert!(notes(indonesian.clone()).contains(&note.into()), "{:?}", notes(indonesian));

    // Nothing changes with a restart, and the party needs a table until it gets one.
    let houses = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/venues");
    let restarted = TestApp::at(houses, app.app.store.clone(), app.clock.clone()).await;
    assert_eq!(restarted.get("/api/floor").await.bytes, app.get("/api/floor").await.bytes);
    let body = json!({"table_id": "X1", "capacity": 12, "area": "Trotoar"});
    assert_eq!(app.command(&next, "assign-table", body).await.json()["needs_table"], json!(false));
    assert!(ids(&app.get("/api/floor").await.json()["needs_table"]).is_empty());

    // A party that leaves earlier gives its table back.
    assert_eq!(until(&app, &first, "2026-12-01T18:00").await.status, StatusCode::OK);
    let garden = json!({"party_size": 12, "area": "Kebun", "start_time": "2026-12-01T18:00"});
    assert_eq!(app.post("/api/reservations", &crate::app::booking(garden)).await.status, StatusCode::OK);
    for wrong in ["2026-12-01T17:00", "2026-12-01T17:04", "soon"] {
        assert_eq!(until(&app, &first, wrong).await.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
    assert_eq!(until_anyway(&app, &first, "2026-12-02T05:01").await.problem().1, "visit_too_long");
}

#[tokio::test]
async fn a_waiting_party_loses_its_offer_and_keeps_its_place() {
    let app = TestApp::with_houses().await;
    let (first, next) = (garden(&app, "2026-12-01T17:00").await, garden(&app, "2026-12-01T19:30").await);
    let at = json!("2026-12-01T19:30");
    let joining = json!({"party_size": 12, "area": "Kebun", "earliest_time": at, "latest_time": at});
    let waits = crate::waitlist::join(&app, joining).await;
    app.clock.advance(TimeDelta::minutes(65));
    app.command(&first, "check-in", json!({})).await;
    app.command(&next, "cancel", json!({"reason_code": "other"})).await;
    crate::waitlist::becomes(&app, &waits, "OFFERED").await;
    let due = until(&app, &first, "2026-12-01T20:00").await;
    assert_eq!(due.problem(), (409, "next_party_due".into()));
    assert!(due.text().contains(&waits), "{}", due.text());
    assert_eq!(until_anyway(&app, &first, "2026-12-01T20:00").await.status, StatusCode::OK);
    crate::waitlist::becomes(&app, &waits, "WAITING").await;
}

#[tokio::test]
async fn two_parties_exchange_their_tables_in_one_append() {
    let app = TestApp::with_houses().await;
    let book = async |size: u8, area: &str, start: &str| {
        let id = app.book(json!({"party_size": size, "area": area, "start_time": start})).await;
        app.command(&id, "confirm", json!({})).await;
        id
    };
    let inside = book(2, "Dalam", "2026-12-01T17:00").await;
    let outside = book(2, "Teras", "2026-12-01T17:30").await;
    let large = book(4, "Teras", "2026-12-01T17:00").await;
    let swap = async |id: &str, with: &str| app.command(id, "swap", json!({"with": with})).await;
    let head = app.recorded();
    let swapped = swap(&inside, &outside).await.json();
    assert_eq!(tables(&swapped), ["T1"]);
    assert_eq!(tables(&app.get(&format!("/api/reservations/{outside}")).await.json()), ["D1"]);
    assert_eq!(app.recorded(), head + 4);
    // A party that sits exchanges too, and each keeps its own time.
    app.clock.advance(TimeDelta::minutes(65));
    app.command(&inside, "check-in", json!({})).await;
    let back = swap(&outside, &inside).await.json();
    assert_eq!((tables(&back), &back["start_time"]), (vec!["T1"], &json!("2026-12-01T17:30:00+07:00")));
    let floor = app.get("/api/floor").await.json();
    let seated = |id: &str| {
        let tables = floor["tables"].as_array().unwrap();
        tables.iter().find(|table| table["table_id"] == json!(id)).unwrap()["state"].clone()
    };
    assert_eq!((seated("D1"), seated("T1")), (json!("seated"), json!("free")));
    assert_eq!(swap(&large, &inside).await.problem(), (409, "table_too_small".into()));
    assert_eq!(swap(&large, &large).await.faults(), ["body.with:value_error"]);
    // Another party has the table at the time of the other one.
    let later = book(2, "Teras", "2026-12-01T19:00").await;
    assert_eq!(tables(&app.get(&format!("/api/reservations/{later}")).await.json()), ["T1"]);
    let inside_later = book(2, "Dalam", "2026-12-01T18:30").await;
    assert_eq!(tables(&app.get(&format!("/api/reservations/{inside_later}")).await.json()), ["D1"]);
    assert_eq!(swap(&outside, &inside_later).await.problem(), (409, "table_taken".into()));
    let elsewhere = json!({"venue_id": "roma-trastevere", "party_size": 2, "start_time": "2026-12-02T20:00"});
    let elsewhere = app.book(elsewhere).await;
    assert_eq!(swap(&outside, &elsewhere).await.status, StatusCode::NOT_FOUND);
    app.command(&large, "cancel", json!({"reason_code": "other"})).await;
    assert_eq!(swap(&large, &later).await.problem(), (409, "reservation_cancelled".into()));
}

/// A booking at the second venue, with a reason to overrule its rules.
fn anyway(rest: Value) -> Value {
    let mut body = crate::app::booking(
        json!({"venue_id": "roma-trastevere", "override": {"reason_code": "regular_guest"}}),
    );
    body.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    body
}

#[tokio::test]
async fn staff_overrule_rules_and_the_event_says_which() {
    let app = TestApp::with_houses().await;
    let overruled = async || {
        let events = app.get("/events?type=meja.reservation.rules_overruled.v1&limit=100").await.json();
        events.as_array().unwrap().last().map(|event| event["data"]["rules"].clone())
    };
    let book = async |rest: Value| app.post("/api/reservations", &anyway(rest)).await;
    // Nothing to overrule.
    assert_eq!(book(json!({"party_size": 2, "start_time": "2026-12-04T20:00"})).await.status, StatusCode::OK);
    assert_eq!(overruled().await, None);
    for size in [8, 8] {
        book(json!({"party_size": size, "start_time": "2026-12-04T21:00"})).await;
    }
    let paced = json!({"party_size": 6, "start_time": "2026-12-04T21:00"});
    let mut regular = anyway(paced.clone());
    regular.as_object_mut().unwrap().remove("override");
    assert_eq!(app.post("/api/reservations", &regular).await.problem().1, "pacing");
    assert_eq!(book(paced).await.status, StatusCode::OK);
    assert_eq!(overruled().await, Some(json!(["pacing"])));
    // 10:00 in Rome, 120 days ahead, and half an hour before the service.
    assert_eq!(book(json!({"party_size": 2, "start_time": "2027-04-02T20:00"})).await.status, StatusCode::OK);
    assert_eq!(overruled().await, Some(json!(["too_soon"])));
    app.clock.advance(TimeDelta::hours(8) + TimeDelta::minutes(30));
    assert_eq!(book(json!({"party_size": 2, "start_time": "2026-12-01T19:00"})).await.status, StatusCode::OK);
    assert_eq!(overruled().await, Some(json!(["too_late"])));
    // A party of two at the table for four to eight, and fourteen guests where twelve have a seat.
    let cellar = |size: u8| json!({"party_size": size, "area": "Cantina", "start_time": "2026-12-04T19:00"});
    let two = book(cellar(2)).await.json();
    assert_eq!((tables(&two), overruled().await), (vec!["21"], Some(json!(["min_party"]))));
    let many = book(cellar(14)).await.json();
    assert_eq!((tables(&many), overruled().await), (vec!["22"], Some(json!(["party_too_large"]))));
    // A table that is taken, and a closed day, count always.
    assert_eq!(book(cellar(6)).await.problem().1, "no_table");
    assert_eq!(book(json!({"party_size": 2, "start_time": "2026-12-04T16:00"})).await.problem().1, "closed");
    // The share for walk-ins of the first venue: one of twelve tables.
    let dago = |rest: Value| {
        let mut body = anyway(json!({"venue_id": "bandung-dago"}));
        body.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        body
    };
    for (size, count) in [(2, 3), (4, 4), (6, 2), (8, 1), (10, 1)] {
        for n in 0..count {
            let minute = [0, 15, 30][n % 3];
            let body = dago(json!({"party_size": size, "start_time": format!("2026-12-05T20:{minute:02}")}));
            assert_eq!(app.post("/api/reservations", &body).await.status, StatusCode::OK);
        }
    }
    let last = dago(json!({"party_size": 12, "start_time": "2026-12-05T20:45"}));
    assert_eq!(app.post("/api/reservations", &last).await.status, StatusCode::OK);
    assert_eq!(overruled().await, Some(json!(["walk_in_share"])));
}

#[tokio::test]
async fn a_walk_in_has_a_length_and_may_be_seated_against_the_rules() {
    let app = TestApp::with_houses().await;
    app.clock.advance(TimeDelta::minutes(90));
    let garden = json!({"party_size": 3, "area": "Kebun", "duration_minutes": 30, "name": "Budi"});
    assert_eq!(app.post("/api/walk-ins", &garden).await.problem().1, "no_table");
    let mut anyway = garden.clone();
    anyway["override"] = json!({"reason_code": "weather"});
    let seated = app.post("/api/walk-ins", &anyway).await.json();
    assert_eq!((tables(&seated), &seated["contact_name"]), (vec!["B1"], &json!("Budi")));
    assert_eq!(seated["end_time"], json!("2026-12-01T18:00:00+07:00"));
    let overruled = app.get("/events?type=meja.reservation.rules_overruled.v1").await.json();
    assert_eq!(overruled[0]["data"], json!({"rules": ["min_party"], "reason_code": "weather"}));
    // A wrong tap: the party never came. A walk-in becomes no no-show, and is cancelled without a message.
    let id = seated["reservation_id"].as_str().unwrap();
    app.command(id, "undo", json!({"change": "check_in", "reason_code": "other"})).await;
    app.clock.advance(TimeDelta::hours(3));
    assert_eq!(app.status(id).await, "CONFIRMED");
    assert_eq!(app.command(id, "cancel", json!({"reason_code": "other"})).await.status, StatusCode::OK);
}

#[tokio::test]
async fn only_staff_with_the_scope_overrule() {
    let app = TestApp::with_houses().await;
    let body = json!({"name": "host", "scopes": ["book", "floor", "manage", "read"]});
    let key = app.post("/api/access/keys", &body).await.json()["token"].as_str().unwrap().to_owned();
    let host = [("authorization", format!("Bearer {key}"))];
    let host = host.each_ref().map(|(name, value)| (*name, value.as_str()));
    let first = garden(&app, "2026-12-01T17:00").await;
    let link = format!("Bearer {}", app.guest_link(&first).await);
    let link = [("authorization", link.as_str())];
    let anyway = json!({"reason_code": "other"});
    let requests = [
        ("/api/reservations".to_owned(), self::anyway(json!({"start_time": "2026-12-04T20:00"}))),
        ("/api/walk-ins".to_owned(), json!({"party_size": 2, "override": anyway})),
        (
            format!("/api/reservations/{first}/extend"),
            json!({"end_time": "2026-12-01T20:00", "override": anyway}),
        ),
        (format!("/api/reservations/{first}/party-size"), json!({"party_size": 10, "override": anyway})),
        (
            format!("/api/reservations/{first}/reschedule"),
            json!({"start_time": "2026-12-02T20:00", "override": anyway}),
        ),
    ];
    for (path, body) in requests {
        let answer = app.anonymous_post(&path, &body, &host).await;
        assert_eq!(answer.problem(), (403, "scope_missing".into()), "{path}");
        let guest = app.anonymous_post(&path, &body, &link).await;
        assert_eq!(guest.status, StatusCode::FORBIDDEN, "{path}: {}", guest.text());
    }
}

#[tokio::test]
async fn a_repeated_request_changes_nothing_more() {
    let app = TestApp::with_houses().await;
    let (first, next) = (garden(&app, "2026-12-01T17:00").await, garden(&app, "2026-12-01T19:30").await);
    let one = app.book(json!({"party_size": 2, "area": "Dalam", "start_time": "2026-12-01T17:00"})).await;
    let other = app.book(json!({"party_size": 2, "area": "Teras", "start_time": "2026-12-01T17:00"})).await;
    app.clock.advance(TimeDelta::minutes(65));
    app.command(&first, "check-in", json!({})).await;
    let anyway = json!({"end_time": "2026-12-01T20:00", "override": {"reason_code": "celebration"}});
    let requests = [
        (format!("/api/reservations/{first}/extend"), anyway),
        (format!("/api/reservations/{one}/swap"), json!({"with": other})),
    ];
    for (path, body) in requests {
        let tap = format!("\"{}\"", path.rsplit('/').next().unwrap());
        let key = [("idempotency-key", tap.as_str()), ("if-match", "*")];
        let once = app.post_with(&path, &body, &key).await;
        assert_eq!(once.status, StatusCode::OK, "{}", once.text());
        let head = app.recorded();
        let again = app.post_with(&path, &body, &key).await;
        assert_eq!((again.json(), again.header("idempotent-replayed")), (once.json(), "true"));
        assert_eq!(app.recorded(), head);
        let stale = app.post_with(&path, &body, &[("if-match", "\"1\"")]).await;
        assert_eq!(stale.problem(), (412, "version_mismatch".into()));
    }
    assert_eq!(app.get(&format!("/api/reservations/{next}")).await.json()["needs_table"], json!(true));
    let nothing = app.command(&one, "swap", json!({"with": next})).await;
    assert_eq!(nothing.problem(), (409, "nothing_to_swap".into()));
}

/// An offer of combined tables is withdrawn once, and a booking loses both tables in one append.
#[tokio::test]
async fn a_party_with_two_tables_takes_both_from_the_next_one() {
    let app = TestApp::with_houses().await;
    let both = async |start: &str| {
        let id = app.book(json!({"party_size": 8, "area": "Teras", "start_time": start})).await;
        app.command(&id, "confirm", json!({"waive_deposit": true})).await;
        id
    };
    let (first, next) = (both("2026-12-01T17:00").await, both("2026-12-01T19:30").await);
    app.clock.advance(TimeDelta::minutes(65));
    assert_eq!(tables(&app.command(&first, "check-in", json!({})).await.json()), ["T3", "T4"]);
    let longer = until_anyway(&app, &first, "2026-12-01T20:00").await.json();
    assert_eq!(tables(&longer), ["T3", "T4"]);
    assert_eq!(tables(&app.get(&format!("/api/reservations/{next}")).await.json()), Vec::<&str>::new());
    // A wrong tap on "complete": both tables come back.
    app.command(&first, "complete", json!({})).await;
    let undone =
        app.command(&first, "undo", json!({"change": "completion", "reason_code": "other"})).await.json();
    assert_eq!((tables(&undone), &undone["end_time"]), (vec!["T3", "T4"], &longer["end_time"]));
    // The waiting party is offered the same two tables, and loses its offer once.
    let at = json!("2026-12-01T20:00");
    let joining = json!({"party_size": 8, "area": "Teras", "earliest_time": at, "latest_time": at});
    let waits = crate::waitlist::join(&app, joining).await;
    crate::waitlist::becomes(&app, &waits, "OFFERED").await;
    assert_eq!(until_anyway(&app, &first, "2026-12-01T21:00").await.status, StatusCode::OK);
    let withdrawn = app.get("/events?type=meja.waitlist.withdrawn.v1").await.json();
    assert_eq!(withdrawn.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_party_whose_table_was_given_away_is_no_no_show_and_stays_in_the_list_until_it_has_seats() {
    let app = TestApp::with_houses().await;
    let (first, next) = (garden(&app, "2026-12-01T17:00").await, garden(&app, "2026-12-01T19:30").await);
    app.clock.advance(TimeDelta::minutes(65));
    app.command(&first, "check-in", json!({})).await;
    until_anyway(&app, &first, "2026-12-01T21:00").await;
    let absent = app.book(json!({"party_size": 2, "start_time": "2026-12-01T19:30"})).await;
    app.command(&absent, "confirm", json!({})).await;
    // The grace period of thirty minutes passes.
    app.clock.advance(TimeDelta::minutes(180));
    crate::holds::becomes(&app, &absent, "NO_SHOW").await;
    assert_eq!(app.status(&next).await, "CONFIRMED");
    // At the door it still needs a table.
    app.command(&next, "check-in", json!({})).await;
    assert_eq!(ids(&app.get("/api/floor").await.json()["needs_table"]), [next.as_str()]);
    let body = json!({"table_id": "X1", "capacity": 12, "area": "Trotoar"});
    app.command(&next, "assign-table", body).await;
    assert!(ids(&app.get("/api/floor").await.json()["needs_table"]).is_empty());
}

/// The time of the first party is over, and staff have assigned its table to the next one, which sits there too.
#[tokio::test]
async fn a_party_that_sits_at_the_table_never_loses_it() {
    let app = TestApp::with_houses().await;
    app.clock.advance(TimeDelta::minutes(90));
    let walk_in = async || app.post("/api/walk-ins", &json!({"party_size": 12})).await.json();
    let overdue = walk_in().await;
    let overdue = overdue["reservation_id"].as_str().unwrap();
    assert_eq!(until(&app, overdue, "2026-12-01T17:31").await.status, StatusCode::OK);
    app.clock.advance(TimeDelta::minutes(2));
    let seated = walk_in().await;
    let seated = seated["reservation_id"].as_str().unwrap();
    let moved = app.command(seated, "assign-table", json!({"table_id": "B1"})).await;
    assert_eq!(moved.status, StatusCode::OK, "{}", moved.text());
    let refused = until_anyway(&app, overdue, "2026-12-01T18:30").await;
    assert_eq!(refused.problem(), (409, "table_taken".into()));
    assert_eq!(tables(&app.get(&format!("/api/reservations/{seated}")).await.json()), ["B1"]);
}
