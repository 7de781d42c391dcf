//! The rules of a venue through the interface, and the days on which something is free.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::app::{Answer, TOKEN, TestApp, booking};

pub const BANDUNG: &str = "/api/venues/bandung-dago/rules";

pub async fn read(app: &TestApp, path: &str) -> Answer {
    let request = Request::get(path).header("authorization", format!("Bearer {TOKEN}"));
    app.send(request.body(Body::empty()).unwrap()).await
}

pub async fn put(app: &TestApp, path: &str, document: &Value, if_match: Option<&str>) -> Answer {
    let request = Request::put(path)
        .header("authorization", format!("Bearer {TOKEN}"))
        .header("content-type", "application/json");
    let request = if_match.into_iter().fold(request, |request, version| request.header("if-match", version));
    app.send(request.body(Body::from(document.to_string())).unwrap()).await
}

#[tokio::test]
async fn rules_are_read_and_changed_with_the_bookings_that_they_affect() {
    let app = TestApp::with_houses().await;
    let lunch = app.book(json!({"start_time": "2026-12-24T12:00"})).await;
    let rules = read(&app, BANDUNG).await;
    assert_eq!((rules.status, rules.header("etag")), (StatusCode::OK, "\"1\""));
    let mut document = rules.json();
    document["services"].as_array_mut().unwrap().remove(0);
    document["address"] = json!("Jl. Ir. H. Juanda 101\nBandung");
    document["phone"] = json!("022 2500000");
    // A dry run answers, and changes nothing.
    let before = app.recorded();
    let dry = put(&app, &format!("{BANDUNG}?dry_run=true"), &document, None).await.json();
    let affected = json!([{"reservation_id": lunch, "reason": "closed", "party_size": 4,
        "start_time": "2026-12-24T12:00:00+07:00", "start_time_by_rules": "2026-12-24T12:00:00+07:00"}]);
    assert_eq!((&dry["version"], &dry["recorded"], &dry["affected"]), (&json!(1), &json!(false), &affected));
    assert_eq!(app.recorded(), before);
    app.clock.advance(TimeDelta::minutes(1));
    let changed = put(&app, BANDUNG, &document, Some("\"1\"")).await;
    assert_eq!(changed.header("etag"), "\"2\"");
    let answer = changed.json();
    assert_eq!((&answer["version"], &answer["recorded"]), (&json!(2), &json!(true)));
    assert_eq!((&answer["affected"], &answer["affected_count"]), (&affected, &json!(1)));
    let marked = app.get(&format!("/api/reservations/{lunch}")).await.json();
    assert_eq!(marked["affected_by_rules"], json!("closed"));
    // The same rules again are not recorded again, and an outdated version changes nothing.
    assert_eq!(put(&app, BANDUNG, &document, None).await.json()["recorded"], json!(false));
    assert_eq!(put(&app, BANDUNG, &document, Some("\"1\"")).await.problem().0, 412);
    // The past stays readable, and the public part shows the new contact.
    let earlier = read(&app, &format!("{BANDUNG}?as_of=2026-12-01T09:00:30Z")).await;
    assert_eq!(earlier.json(), rules.json());
    assert_eq!(read(&app, &format!("{BANDUNG}?as_of=0")).await.problem().0, 404);
    let public = app.get("/api/venues/bandung-dago").await.json();
    assert_eq!(public["profile"]["phone"], json!("+62222500000"));
    assert_eq!(public["areas"], json!(["Teras", "Dalam", "Lesehan", "Kebun"]));
    assert_eq!(public["policy"]["en"][1], json!("Free cancellation until 24 hours before the visit."));
    assert_eq!(app.get("/api/venues").await.json()["items"].as_array().unwrap().len(), 2);
    assert_eq!(app.get("/api/venues/nowhere").await.problem().0, 404);
}

#[tokio::test]
async fn rules_are_checked_like_a_file_and_need_a_credential() {
    let app = TestApp::with_houses().await;
    let mut document = read(&app, BANDUNG).await.json();
    document["tables"][0]["seats"] = json!(0);
    document["tables"][1]["x"] = json!(-1);
    document["phone"] = json!("12");
    document["accent_colour"] = json!("red");
    document["open_on_moon"] = json!(true);
    let faults = put(&app, BANDUNG, &document, None).await.faults();
    assert_eq!(
        faults,
        [
            "body.accent_colour:value_error",
            "body.open_on_moon:extra_forbidden",
            "body.phone:value_error",
            "body.tables.0.seats:greater_than_equal",
            "body.tables.1.x:greater_than_equal",
        ]
    );
    let other = read(&app, BANDUNG).await.json();
    assert_eq!(
        put(&app, "/api/venues/elsewhere/rules", &other, None).await.faults(),
        ["body.id:value_error"]
    );
    let request = Request::put(BANDUNG).header("content-type", "application/json");
    let refused = app.send_as_is(request.body(Body::from(other.to_string())).unwrap()).await;
    assert_eq!(refused.problem().0, 401);
    assert_eq!(app.anonymous_get(BANDUNG).await.problem().0, 401);
    assert_eq!(app.recorded(), 0, "nothing was recorded");
}

/// 200 tables fit into the rules, and more than 48 KiB do not.
#[tokio::test]
async fn large_rules_fit_and_larger_ones_are_refused() {
    let app = TestApp::with_houses().await;
    let mut document = read(&app, BANDUNG).await.json();
    document["id"] = json!("large");
    let table = |number: usize| {
        json!({"id": format!("Table {number}"), "area": format!("Room {}", number / 20), "seats": 4,
            "min_party": 2, "x": number * 100, "y": number * 50, "shape": "round"})
    };
    document["tables"] = (0..200).map(table).collect();
    let answer = put(&app, "/api/venues/large/rules", &document, None).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let id = app.book(json!({"venue_id": "large", "area": "Room 9"})).await;
    assert_eq!(app.status(&id).await, "PENDING");
    document["tables"] = (0..499).map(table).collect();
    let note = |day: u32| json!({"date": format!("2027-01-{:02}", day + 1), "closed": true, "note": "n".repeat(190)});
    document["exceptions"] = (0..28).map(note).collect();
    let refused = put(&app, "/api/venues/large/rules", &document, None).await;
    assert_eq!(refused.faults(), ["body:value_error"]);
}

#[tokio::test]
async fn a_change_through_the_interface_survives_a_restart_with_the_same_files() {
    let app = TestApp::with_houses().await;
    let mut document = read(&app, BANDUNG).await.json();
    document["name"] = json!("Warung Bulan");
    assert_eq!(put(&app, BANDUNG, &document, None).await.status, StatusCode::OK);
    let files = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/venues");
    let app = TestApp::at(files, app.app.store.clone(), app.clock.clone()).await;
    assert_eq!(app.get("/api/venues/bandung-dago").await.json()["name"], json!("Warung Bulan"));
    // The file is imported again once it differs from what was last imported.
    let dir = tempfile::tempdir().unwrap();
    for id in ["bandung-dago", "roma-trastevere"] {
        std::fs::copy(format!("{files}/{id}.json"), dir.path().join(format!("{id}.json"))).unwrap();
    }
    document["name"] = json!("Warung Matahari");
    std::fs::write(dir.path().join("bandung-dago.json"), document.to_string()).unwrap();
    let app = TestApp::at(dir.path().to_str().unwrap(), app.app.store.clone(), app.clock.clone()).await;
    assert_eq!(app.get("/api/venues/bandung-dago").await.json()["name"], json!("Warung Matahari"));
}

/// A deposit is not taken for a day that is closed, and money that arrives late goes back.
#[tokio::test]
async fn a_day_that_closes_stops_the_payment_of_its_bookings_until_staff_move_them() {
    let app = TestApp::with_houses().await;
    let id = app.book(json!({"party_size": 6, "start_time": "2026-12-24T12:00"})).await;
    let path = format!("/api/reservations/{id}");
    let mut document = read(&app, BANDUNG).await.json();
    document["services"].as_array_mut().unwrap().remove(0);
    put(&app, BANDUNG, &document, None).await;
    // The hold does not expire: staff decide.
    app.clock.advance(TimeDelta::minutes(60));
    let waits = app.get(&path).await.json();
    assert_eq!((&waits["status"], &waits["deposit"]["expires_at"]), (&json!("PENDING"), &Value::Null));
    let payment_id = waits["payment"]["payment_id"].clone();
    let moved = json!({"start_time": "2026-12-24T19:00", "moved_by": "staff"});
    let moved = app.command(&id, "reschedule", moved).await.json();
    assert_eq!((&moved["status"], &moved["affected_by_rules"]), (&json!("PENDING"), &Value::Null));
    assert_ne!(moved["payment"]["payment_id"], payment_id, "the deposit is requested again");
    assert_eq!(moved["deposit"]["expires_at"], json!("2026-12-02T10:00:00Z"));
    // Of another booking the money arrives although the day is closed.
    let late = app
        .post("/api/reservations", &booking(json!({"party_size": 6, "start_time": "2026-12-24T19:00"})))
        .await;
    let late = late.json();
    document["services"] = json!([{"name": "Pagi", "days": ["thu"], "opens": "07:00", "closes": "10:00"}]);
    put(&app, BANDUNG, &document, None).await;
    let id = late["reservation_id"].as_str().unwrap();
    let paid = json!({"payment_id": late["payment"]["payment_id"], "outcome": "completed", "amount_minor": 30_000_000,
        "currency": "IDR", "channel": "qris", "provider_reference": "sim_1"});
    let answer = app.service_post(&format!("/api/reservations/{id}/payment-results"), &paid).await;
    assert_eq!(answer.json()["status"], json!("PENDING"), "{}", answer.text());
    let completed = app.get("/events?type=meja.payment.completed.v1").await.json();
    assert_eq!(completed[0]["data"]["refund"]["amount"]["amount_minor"], json!(30_000_000));
}

#[tokio::test]
async fn a_new_time_zone_lists_the_bookings_with_both_local_times() {
    let app = TestApp::with_houses().await;
    let id = app.book(json!({"start_time": "2026-12-24T19:00"})).await;
    let mut document = read(&app, BANDUNG).await.json();
    document["timezone"] = json!("Asia/Makassar");
    let answer = put(&app, BANDUNG, &document, None).await.json();
    let affected = &answer["affected"][0];
    assert_eq!((&affected["reservation_id"], &affected["reason"]), (&json!(id), &json!("zone_changed")));
    assert_eq!(affected["start_time"], json!("2026-12-24T19:00:00+07:00"));
    assert_eq!(affected["start_time_by_rules"], json!("2026-12-24T20:00:00+08:00"));
    // The mark stays when other rules change, and goes when the visit is moved.
    document["name"] = json!("Warung Timur");
    put(&app, BANDUNG, &document, None).await;
    let path = format!("/api/reservations/{id}");
    assert_eq!(app.get(&path).await.json()["affected_by_rules"], json!("zone_changed"));
    let moved = app.command(&id, "reschedule", json!({"start_time": "2026-12-24T19:00:00+08:00"})).await;
    assert_eq!(moved.json()["affected_by_rules"], Value::Null, "{}", moved.text());
}

#[tokio::test]
async fn the_days_on_which_something_is_free_are_listed_with_the_reason_of_the_others() {
    let app = TestApp::with_houses().await;
    let query = "/api/availability/days?venue_id=roma-trastevere&party_size=12&from=2026-12-23&to=2026-12-26";
    app.book(json!({"venue_id": "roma-trastevere", "party_size": 12, "start_time": "2026-12-26T12:30"}))
        .await;
    let days = app.get(query).await.json();
    let of = |index: usize, name: &str| days["days"][index][name].clone();
    assert_eq!(days["days"].as_array().unwrap().len(), 4);
    assert_eq!((of(0, "date"), of(0, "available")), (json!("2026-12-23"), json!(true)));
    assert_eq!(of(0, "first_time"), json!("2026-12-23T12:30:00+01:00"));
    assert_eq!(of(0, "last_time"), json!("2026-12-23T21:30:00+01:00"));
    assert_eq!((of(2, "available"), of(2, "reason")), (json!(false), json!("closed")));
    assert_eq!(of(3, "first_time"), json!("2026-12-26T19:00:00+01:00"));
    let far = app.get("/api/availability/days?party_size=2&from=2027-06-01&to=2027-06-01").await.json();
    assert_eq!(far["days"][0]["reason"], json!("too_soon"));
    let large = app.get("/api/availability/days?party_size=40&from=2026-12-23&to=2026-12-23").await.json();
    assert_eq!(large["days"][0]["reason"], json!("party_too_large"));
    // Twelve guests fit into the garden, and not on the terrace.
    for (area, available) in [("Kebun", true), ("Teras", false)] {
        let query = format!("/api/availability/days?party_size=12&area={area}&from=2026-12-23&to=2026-12-23");
        assert_eq!(app.get(&query).await.json()["days"][0]["available"], json!(available), "{area}");
    }
    for (from, to) in [("2026-12-23", "2026-12-22"), ("2026-12-01", "2027-02-01")] {
        let refused = app.get(&format!("/api/availability/days?party_size=2&from={from}&to={to}")).await;
        assert_eq!(refused.faults(), ["query.to:value_error"]);
    }
    let full = app.get("/api/availability/days?party_size=2&from=2026-12-01&to=2027-01-31").await.json();
    assert_eq!(full["days"].as_array().unwrap().len(), 62);
}

/// A brunch inside and a lunch on the terrace overlap; each takes only the tables of its areas.
#[tokio::test]
async fn services_in_different_areas_may_overlap() {
    let app = TestApp::with_houses().await;
    let mut document = read(&app, BANDUNG).await.json();
    let days = document["services"][0]["days"].clone();
    document["services"] = json!([
        {"name": "Brunch", "days": days, "opens": "10:00", "closes": "14:00", "areas": ["Dalam"]},
        {"name": "Makan siang", "days": days, "opens": "12:00", "closes": "15:00", "areas": ["Teras"]},
    ]);
    let answer = put(&app, BANDUNG, &document, None).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let at = |time: &str, area: &str| {
        booking(json!({"party_size": 2, "start_time": format!("2026-12-24T{time}"), "area": area}))
    };
    let booked = async |time: &str, area: &str| {
        let answer = app.post("/api/reservations", &at(time, area)).await;
        match answer.status {
            StatusCode::OK => answer.json()["table_area"].as_str().unwrap().to_owned(),
            _ => answer.problem().1,
        }
    };
    for (time, area, expected) in [
        ("10:00", "Dalam", "Dalam"),
        ("10:00", "Teras", "closed"),
        ("12:00", "Teras", "Teras"),
        ("13:30", "Teras", "Teras"),
        ("13:30", "Dalam", "closed"),
    ] {
        assert_eq!(booked(time, area).await, expected, "{time} {area}");
    }
    // Without an area a party gets a table of a service that is open.
    for (time, area) in [("10:30", "Dalam"), ("13:45", "Teras")] {
        let body = booking(json!({"party_size": 2, "start_time": format!("2026-12-24T{time}")}));
        assert_eq!(app.post("/api/reservations", &body).await.json()["table_area"], json!(area));
    }
    // A party waits for the area whose service opens later.
    let waiting = crate::waitlist::joining(json!({"party_size": 2, "area": "Teras",
        "earliest_time": "2026-12-24T10:00", "latest_time": "2026-12-24T15:00"}));
    assert_eq!(app.post("/api/waitlist", &waiting).await.status, StatusCode::OK);
    let day = app.get("/api/availability?date=2026-12-24&party_size=2").await.json();
    let slots = day["slots"].as_array().unwrap();
    let starts: Vec<_> = slots.iter().map(|slot| slot["start_time"].as_str().unwrap()).collect();
    assert!(starts.is_sorted() && starts.windows(2).all(|pair| pair[0] != pair[1]), "{starts:?}");
    assert_eq!((starts.len(), &starts[0][11..16], &starts[19][11..16]), (20, "10:00", "14:45"));
}

#[tokio::test]
async fn a_range_or_a_day_of_every_year_closes_a_part_of_the_venue() {
    let app = TestApp::with_houses().await;
    let garden = app.book(json!({"party_size": 12, "start_time": "2026-12-28T19:00"})).await;
    let inside = app.book(json!({"party_size": 2, "start_time": "2026-12-28T19:00", "area": "Dalam"})).await;
    let mut document = read(&app, BANDUNG).await.json();
    document["exceptions"] = json!([
        {"from": "2026-12-24", "to": "2027-01-02", "closed_areas": ["Kebun"], "closed_tables": ["T1"]},
        {"yearly": "12-26", "closed": true},
        {"date": "2026-12-25", "services": [{"name": "Natal", "opens": "18:00", "closes": "22:00"}]},
    ]);
    let answer = put(&app, BANDUNG, &document, None).await.json();
    assert_eq!(answer["affected_count"], json!(1));
    assert_eq!(answer["affected"][0]["reservation_id"], json!(garden));
    let marked = app.get(&format!("/api/reservations/{inside}")).await.json();
    assert_eq!(marked["affected_by_rules"], Value::Null);
    let book = async |date: &str, changes: Value| {
        let mut body = booking(json!({"start_time": format!("{date}T19:00")}));
        body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        app.post("/api/reservations", &body).await
    };
    let terrace = book("2026-12-29", json!({"party_size": 2, "area": "Teras"})).await.json();
    assert_eq!(terrace["tables"][0]["table_id"], json!("T2"), "T1 is closed");
    assert_eq!(book("2026-12-29", json!({"party_size": 12, "area": "Kebun"})).await.problem().1, "closed");
    // A range that closes an area does not open a day that is closed; a date with services replaces the range.
    assert_eq!(book("2026-12-26", json!({"party_size": 2})).await.faults(), ["body.start_time:value_error"]);
    assert_eq!(book("2026-12-25", json!({"party_size": 12, "area": "Kebun"})).await.status, StatusCode::OK);
    assert_eq!(book("2027-01-03", json!({"party_size": 12, "area": "Kebun"})).await.status, StatusCode::OK);
    // Faults name what the venue does not have.
    document["exceptions"] = json!([
        {"from": "2026-12-24", "to": "2026-12-20", "closed": true},
        {"date": "2026-12-24", "yearly": "12-24", "closed": true},
        {"yearly": "13-01", "closed": true},
        {"date": "2026-12-24", "closed_areas": ["Atap"]},
        {"date": "2026-12-27"},
    ]);
    let faults = put(&app, BANDUNG, &document, None).await.faults();
    assert_eq!(
        faults,
        [
            "body.exceptions.0.to:value_error",
            "body.exceptions.1.date:value_error",
            "body.exceptions.2.yearly:value_error",
            "body.exceptions.3.closed_areas.0:value_error",
            "body.exceptions.4.services:missing",
        ]
    );
    document["exceptions"] =
        json!([{"date": "2026-12-24", "closed_areas": ["Atap"], "closed_tables": ["T99"]}]);
    document["services"][0]["areas"] = json!(["Atap"]);
    let faults = put(&app, BANDUNG, &document, None).await.faults();
    assert_eq!(
        faults,
        [
            "body.exceptions.0.closed_areas.0:value_error",
            "body.exceptions.0.closed_tables.0:value_error",
            "body.services.0.areas.0:value_error",
        ]
    );
}

async fn mark(app: &TestApp, id: &str) -> Value {
    app.get(&format!("/api/reservations/{id}")).await.json()["affected_by_rules"].clone()
}

/// Rules that change again in another respect do not make a removed or smaller table fit.
#[tokio::test]
async fn a_mark_stays_until_its_reason_is_gone() {
    let app = TestApp::with_houses().await;
    let gone = app.book(json!({"party_size": 2, "area": "Teras"})).await;
    let small = app.book(json!({"party_size": 4, "area": "Dalam"})).await;
    let mut document = read(&app, BANDUNG).await.json();
    let whole = document.clone();
    document["tables"].as_array_mut().unwrap().retain(|table| table["id"] != json!("T1"));
    for table in document["tables"].as_array_mut().unwrap() {
        if table["id"] == json!("D2") {
            table["seats"] = json!(2);
        }
    }
    for name in ["Warung Satu", "Warung Dua", "Warung Tiga"] {
        document["name"] = json!(name);
        let answer = put(&app, BANDUNG, &document, None).await.json();
        assert_eq!(answer["affected_count"], json!(2), "{name}");
        assert_eq!(
            (mark(&app, &gone).await, mark(&app, &small).await),
            (json!("table_gone"), json!("table_smaller"))
        );
    }
    // Another table is the answer of the staff to a removed one.
    assert_eq!(app.command(&gone, "assign-table", json!({"table_id": "T2"})).await.status, StatusCode::OK);
    assert_eq!(mark(&app, &gone).await, Value::Null);
    put(&app, BANDUNG, &whole, None).await;
    assert_eq!((mark(&app, &gone).await, mark(&app, &small).await), (Value::Null, Value::Null));
}

/// A day that opens again does not cancel the holds whose payments were closed meanwhile.
#[tokio::test]
async fn a_day_that_opens_again_requests_the_deposits_again() {
    let app = TestApp::with_houses().await;
    let id = app.book(json!({"party_size": 6, "start_time": "2026-12-24T12:00"})).await;
    let path = format!("/api/reservations/{id}");
    let before = app.get(&path).await.json();
    let open = read(&app, BANDUNG).await.json();
    let mut closed = open.clone();
    closed["services"].as_array_mut().unwrap().remove(0);
    put(&app, BANDUNG, &closed, None).await;
    app.clock.advance(TimeDelta::hours(3));
    put(&app, BANDUNG, &open, None).await;
    let after = app.get(&path).await.json();
    assert_eq!((&after["status"], &after["affected_by_rules"]), (&json!("PENDING"), &Value::Null));
    assert_ne!(after["payment"]["payment_id"], before["payment"]["payment_id"]);
    assert_eq!(after["deposit"]["expires_at"], json!("2026-12-02T12:00:00Z"));
    // Money that arrives for the closed payment goes back, and money for the new one confirms.
    let paid = |payment: &Value| {
        json!({"payment_id": payment, "outcome": "completed", "amount_minor": 30_000_000,
        "currency": "IDR", "channel": "qris", "provider_reference": "sim_1"})
    };
    let results = format!("{path}/payment-results");
    let late = app.service_post(&results, &paid(&before["payment"]["payment_id"])).await;
    assert_eq!(late.json()["status"], json!("PENDING"), "{}", late.text());
    let completed = app.get("/events?type=meja.payment.completed.v1").await.json();
    assert_eq!(completed[0]["data"]["refund"]["amount"]["amount_minor"], json!(30_000_000));
    let confirmed = app.service_post(&results, &paid(&after["payment"]["payment_id"])).await;
    assert_eq!(confirmed.json()["status"], json!("CONFIRMED"), "{}", confirmed.text());
}
