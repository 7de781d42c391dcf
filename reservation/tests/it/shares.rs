//! The share of the seats and of the waitlist that bookings with an unproved contact hold.

use std::sync::Arc;

use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::app::{TestApp, booking};
use crate::holds::becomes;
use crate::proofs::{book, contact, id_of, prove, saturday};

#[tokio::test]
async fn an_outsider_holds_a_share_of_the_seats_for_ten_minutes() {
    let app = TestApp::with_houses().await;
    let (seats, evening) = (64, saturday());
    let (mut n, mut held, mut refusals) = (0, Vec::new(), 0);
    for size in 1..=5 {
        for start in &evening {
            for _ in 0..3 {
                n += 1;
                let answer = book(&app, n, *start, size).await;
                match answer.status {
                    StatusCode::OK => held.push(answer.json()),
                    _ => refusals += u32::from(answer.json()["code"] == "unproven_share"),
                }
            }
        }
    }
    assert!(held.len() > 3 && refusals > 50, "{} {refusals}", held.len());
    for at in &evening {
        let is_there = |booking: &&Value| {
            let time = |name: &str| booking[name].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
            time("start_time") <= *at && *at < time("end_time")
        };
        let capacity = |booking: &Value| {
            booking["tables"].as_array().unwrap().iter().map(|t| t["capacity"].as_u64().unwrap()).sum::<u64>()
        };
        let taken: u64 = held.iter().filter(is_there).map(capacity).sum();
        assert!(taken * 100 <= seats * 30, "{taken} of {seats} seats at {at}");
    }
    // A guest for whom staff vouch still gets a table.
    let at = evening[8].to_rfc3339();
    app.book(json!({"contact_info": contact(5_000), "start_time": at, "party_size": 2})).await;
    app.clock.advance(TimeDelta::minutes(10));
    for booking in &held {
        becomes(&app, booking["reservation_id"].as_str().unwrap(), "CANCELLED").await;
    }
    let ended = app.get(&format!("/api/reservations/{}", held[0]["reservation_id"].as_str().unwrap())).await;
    assert_eq!(ended.json()["cancellation"]["reason_code"], "contact_unproved");
    assert_eq!(book(&app, 6_000, evening[8], 4).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_honest_saturday_fills_completely() {
    let proving = TestApp::with_houses().await;
    let vouched = TestApp::with_houses().await;
    let mut n = 0;
    let mut booked = [0, 0];
    for start in saturday() {
        for size in [2, 4, 2, 3, 5, 2, 4] {
            n += 1;
            let answer = book(&proving, n, start, size).await;
            if answer.status == StatusCode::OK {
                booked[0] += 1;
                assert_eq!(prove(&proving, &id_of(&answer)).await.status, StatusCode::OK);
            } else {
                assert_ne!(answer.json()["code"], "unproven_share", "{start} {size}");
            }
            let body =
                json!({"contact_info": contact(n), "start_time": start.to_rfc3339(), "party_size": size});
            let answer = vouched.post("/api/reservations", &booking(body)).await;
            booked[1] += u32::from(answer.status == StatusCode::OK);
        }
    }
    assert!(booked[0] > 40 && booked[0] == booked[1], "{booked:?}");
}

#[tokio::test]
async fn an_outsider_fills_a_share_of_the_waitlist_for_ten_minutes() {
    let app = TestApp::with_houses().await;
    let join = |n: usize| {
        json!({"customer_id": "cust-1", "contact_info": contact(n), "party_size": 2,
            "earliest_time": "2026-12-05T17:00", "latest_time": "2026-12-05T20:00", "venue_id": "bandung-dago"})
    };
    let mut last = String::new();
    for n in 0..150 {
        let answer = app.anonymous_post("/api/waitlist", &join(n), &[]).await;
        assert_eq!(answer.status, StatusCode::OK, "{n}: {}", answer.text());
        last = answer.json()["waitlist_id"].as_str().unwrap().to_owned();
    }
    let refused = app.anonymous_post("/api/waitlist", &join(150), &[]).await;
    assert_eq!(refused.problem(), (409, "unproven_share".into()));
    assert_eq!(app.post("/api/waitlist", &join(151)).await.status, StatusCode::OK);
    app.clock.advance(TimeDelta::minutes(10));
    crate::waitlist::becomes(&app, &last, "LEFT").await;
    let left = app.get(&format!("/api/waitlist/{last}")).await.json();
    assert_eq!(left["left_because"], "contact_unproved");
    assert_eq!(app.anonymous_post("/api/waitlist", &join(152), &[]).await.status, StatusCode::OK);
}

/// The largest number of seats that `bookings` hold at the same time.
fn most_seats(bookings: &[Value]) -> u64 {
    let time =
        |booking: &Value, name: &str| booking[name].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
    let seats = |booking: &Value| {
        booking["tables"].as_array().unwrap().iter().map(|t| t["capacity"].as_u64().unwrap()).sum::<u64>()
    };
    let at = |at: DateTime<Utc>| {
        let there = bookings.iter().filter(|b| time(b, "start_time") <= at && at < time(b, "end_time"));
        there.map(seats).sum::<u64>()
    };
    bookings.iter().map(|booking| at(time(booking, "start_time"))).max().unwrap_or(0)
}

#[tokio::test]
async fn a_party_that_grows_and_stays_longer_keeps_the_share() {
    let app = TestApp::with_houses().await;
    let early: DateTime<Utc> = "2026-12-05T11:00:00Z".parse().unwrap();
    let (mut n, mut held) = (0, Vec::new());
    // Couples stay for 75 minutes, parties of four for 90.
    for start in [early, early + TimeDelta::minutes(75)] {
        loop {
            n += 1;
            let answer = book(&app, n, start, 2).await;
            if answer.status != StatusCode::OK {
                assert!(["unproven_share", "pacing"].contains(&&*answer.problem().1));
                break;
            }
            held.push(id_of(&answer));
        }
    }
    let mut refused = 0;
    for id in &held {
        let answer = app.guest_command(id, "party-size", json!({"party_size": 4})).await;
        refused += u32::from(answer.json()["code"] == "unproven_share");
    }
    assert!(refused > 0);
    let mut views = Vec::new();
    for id in &held {
        views.push(app.get(&format!("/api/reservations/{id}")).await.json());
    }
    assert!(most_seats(&views) <= 19, "{} seats", most_seats(&views));
    // Staff are not limited.
    let by_staff = app.command(&held[0], "party-size", json!({"party_size": 4})).await;
    assert_eq!(by_staff.status, StatusCode::OK, "{}", by_staff.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_requests_fill_no_more_than_the_share_of_the_waitlist() {
    let app = Arc::new(TestApp::with_houses().await);
    let join = |n: usize| {
        let body = json!({"customer_id": "cust-1", "contact_info": contact(n), "party_size": 2,
            "earliest_time": "2026-12-05T17:00", "latest_time": "2026-12-05T20:00", "venue_id": "bandung-dago"});
        let app = Arc::clone(&app);
        tokio::spawn(async move { app.anonymous_post("/api/waitlist", &body, &[]).await.status })
    };
    let tasks: Vec<_> = (0..260).map(join).collect();
    let mut joined = 0;
    for task in tasks {
        joined += u32::from(task.await.unwrap() == StatusCode::OK);
    }
    assert!((1..=150).contains(&joined), "{joined}");
}
