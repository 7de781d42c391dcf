//! The same guest twice: by phone number or e-mail address.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::app::{Answer, TOKEN, TestApp, booking, post_to};
use crate::waitlist::joining;

fn by(phone: &str, email: &str, changes: Value) -> Value {
    let contact = json!({"name": "Sari", "phone": phone, "email": email});
    let mut body = booking(json!({"party_size": 2, "contact_info": contact, "allow_duplicate": null}));
    body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    body
}

async fn book(app: &TestApp, phone: &str, email: &str, changes: Value) -> Answer {
    app.post("/api/reservations", &by(phone, email, changes)).await
}

fn id(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()["reservation_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_guest_books_once_for_a_time() {
    for app in [TestApp::start().await, TestApp::with_houses().await] {
        let first = book(&app, "0812 3456 7890", "sari@example.com", json!({})).await;
        let first = id(&first);
        // The same number in another notation, and the same address in other capitals.
        for (phone, email) in
            [("+62 (0) 812-3456-7890", "budi@example.com"), ("0813 1111 2222", "SARI@example.com")]
        {
            let again = book(&app, phone, email, json!({"start_time": "2026-12-24T20:00"})).await;
            assert_eq!(again.problem(), (409, "duplicate_booking".into()));
        }
        // Another time, another venue, another guest, or staff.
        let (phone, email) = ("0812 3456 7890", "sari@example.com");
        let later = id(&book(&app, phone, email, json!({"start_time": "2026-12-25T19:30"})).await);
        id(&book(
            &app,
            phone,
            email,
            json!({"venue_id": "roma-trastevere", "start_time": "2026-12-24T20:00"}),
        )
        .await);
        id(&book(&app, "0813 1111 2222", "budi@example.com", json!({})).await);
        id(&book(&app, phone, email, json!({"allow_duplicate": true})).await);
        // A move to the time of the other booking is refused too, unless staff allow it.
        let body = json!({"start_time": "2026-12-24T20:15"});
        assert_eq!(app.command(&later, "reschedule", body.clone()).await.problem().1, "duplicate_booking");
        let own = app.command(&first, "reschedule", json!({"start_time": "2026-12-24T20:15"})).await;
        assert_eq!(own.problem().1, "duplicate_booking", "staff booked a second table for the guest");
        let mut allowed = body;
        allowed["allow_duplicate"] = json!(true);
        assert_eq!(app.command(&later, "reschedule", allowed).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_booking_that_ended_or_was_erased_is_no_duplicate() {
    let app = TestApp::start().await;
    let (phone, email) = ("0812 3456 7890", "sari@example.com");
    let first = id(&book(&app, phone, email, json!({})).await);
    app.command(&first, "cancel", json!({"reason_code": "other"})).await;
    let second = id(&book(&app, phone, email, json!({})).await);
    let request = axum::http::Request::delete(format!("/api/reservations/{second}/contact"))
        .header("authorization", format!("Bearer {TOKEN}"));
    app.send(request.body(axum::body::Body::empty()).unwrap()).await;
    let third = id(&book(&app, phone, email, json!({})).await);
    // A guest is recognised after a restart too.
    let venues = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/venues/by-hand");
    let app = TestApp::at(venues, app.app.store.clone(), app.clock.clone()).await;
    assert_eq!(book(&app, phone, email, json!({})).await.problem().1, "duplicate_booking");
    app.command(&third, "cancel", json!({"reason_code": "other"})).await;
    id(&book(&app, phone, email, json!({})).await);
}

/// Of concurrent requests of one guest one is booked, whatever else is booked meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn of_concurrent_bookings_of_a_guest_one_succeeds() {
    for app in [TestApp::start().await, TestApp::with_houses().await] {
        let request = |body: Value| {
            let router = app.router.clone();
            tokio::spawn(async move { post_to(router, "/api/reservations", &body).await.status.as_u16() })
        };
        let same: Vec<_> =
            (0..8).map(|n| request(by("0812 3456 7890", &format!("s{n}@example.com"), json!({})))).collect();
        let others: Vec<_> = (0..3)
            .map(|n| request(by(&format!("0813 1111 22{n}2"), &format!("o{n}@example.com"), json!({}))))
            .collect();
        let mut statuses = Vec::new();
        for answer in same {
            statuses.push(answer.await.unwrap());
        }
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409, 409, 409, 409, 409, 409, 409]);
        for answer in others {
            assert_eq!(answer.await.unwrap(), 200);
        }
    }
}

#[tokio::test]
async fn a_guest_waits_once_for_a_business_day() {
    let app = TestApp::with_houses().await;
    let contact = json!({"name": "Sari", "phone": "0812 3456 7890", "email": "sari@example.com"});
    let wait = async |day: &str| {
        let time = format!("2026-12-{day}T19:00");
        let body = joining(json!({"contact_info": contact, "earliest_time": time, "latest_time": time,
            "party_size": 12}));
        app.post("/api/waitlist", &body).await
    };
    // The garden is taken, so that nothing is offered.
    for day in ["24", "26"] {
        app.book(json!({"party_size": 12, "start_time": format!("2026-12-{day}T19:00")})).await;
    }
    let first = wait("24").await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.text());
    assert_eq!(wait("24").await.problem(), (409, "already_waiting".into()));
    assert_eq!(wait("26").await.status, StatusCode::OK);
    let id = first.json()["waitlist_id"].as_str().unwrap().to_owned();
    app.post(&format!("/api/waitlist/{id}/leave"), &json!({})).await;
    assert_eq!(wait("24").await.status, StatusCode::OK);
}

/// A waiting guest who has a booking at the offered time must cancel it before accepting the offer.
#[tokio::test]
async fn an_offer_is_not_accepted_for_a_time_at_which_the_guest_is_booked() {
    let app = TestApp::with_houses().await;
    let contact = json!({"name": "Budi", "phone": "0813 1111 2222", "email": "budi@example.com"});
    let garden = app.book(json!({"party_size": 12, "start_time": "2026-12-24T19:00"})).await;
    let time = json!("2026-12-24T19:00");
    let waiting = joining(json!({"contact_info": contact, "earliest_time": time, "latest_time": time,
        "party_size": 12}));
    let waiting = app.post("/api/waitlist", &waiting).await.json();
    let entry = waiting["waitlist_id"].as_str().unwrap();
    let small = booking(json!({"contact_info": contact, "start_time": "2026-12-24T20:00", "party_size": 2,
        "allow_duplicate": null}));
    let small = id(&app.post("/api/reservations", &small).await);
    app.command(&garden, "cancel", json!({"reason_code": "other"})).await;
    crate::waitlist::becomes(&app, entry, "OFFERED").await;
    let accept = async |body: Value| app.post(&format!("/api/waitlist/{entry}/accept"), &body).await;
    assert_eq!(accept(json!({})).await.problem(), (409, "duplicate_booking".into()));
    assert_eq!(accept(json!({"allow": true})).await.faults(), ["body.allow:extra_forbidden"]);
    app.command(&small, "cancel", json!({"reason_code": "other"})).await;
    assert_eq!(accept(json!({})).await.json()["status"], json!("PENDING"));
}

#[tokio::test]
async fn the_place_in_line_counts_the_parties_of_the_same_business_day() {
    let app = TestApp::with_houses().await;
    let wait = async |day: &str| {
        let time = format!("2026-12-{day}T19:00");
        let body = joining(json!({"earliest_time": time, "latest_time": time, "party_size": 12}));
        app.post("/api/waitlist", &body).await.json()["place_in_line"].clone()
    };
    for day in ["24", "26"] {
        app.book(json!({"party_size": 12, "start_time": format!("2026-12-{day}T19:00")})).await;
    }
    assert_eq!([wait("24").await, wait("26").await, wait("24").await], [1, 1, 2]);
    let list = app.get("/api/waitlist").await.json();
    let places: Vec<_> =
        list["items"].as_array().unwrap().iter().map(|entry| entry["place_in_line"].clone()).collect();
    assert_eq!(places, [1, 1, 2]);
}
