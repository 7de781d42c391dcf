//! A closure that is declared while many clients of two applications book, and whose bookings both applications cancel.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use events::store::EventStore;
use events::store::memory::MemoryStore;
use serde_json::{Value, json};

use super::book::feed_of;
use super::crowd::{all_at_once, party, two_applications, venue};

const CLOSURES: &str = "/api/venues/ten/closures";
const CLOSED: [&str; 4] = ["t1", "t2", "t3", "t4"];

/// What the feed breaks: a closed table that is given after the closure, a booking that is cancelled twice, and one under the
/// closure that stays.
fn faults(feed: &[Value]) -> Vec<String> {
    let (mut faults, mut closed_at) = (Vec::new(), None);
    let mut under: BTreeMap<String, usize> = BTreeMap::new();
    for (place, event) in feed.iter().enumerate() {
        let (id, data) = (event["subject"].as_str().unwrap(), &event["data"]);
        match event["type"].as_str().unwrap() {
            "meja.venue.closed.v1" => closed_at = Some(place),
            "meja.table.assigned.v1" if CLOSED.contains(&data["table_id"].as_str().unwrap()) => {
                if closed_at.is_some() {
                    faults.push(format!("{} is given to {id} after the closure", data["table_id"]));
                }
                under.insert(id.to_owned(), 0);
            }
            "meja.reservation.cancelled.v1" => match under.get_mut(id) {
                Some(times) => *times += 1,
                None => faults.push(format!("{id} is cancelled and was not under the closure")),
            },
            _ => {}
        }
    }
    let wrong = under.into_iter().filter(|(_, times)| *times != 1);
    faults.extend(wrong.map(|(id, times)| format!("{id} was cancelled {times} times")));
    faults
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_books_under_a_closure_and_each_booking_under_it_is_cancelled_once() {
    for round in 0..super::cases(3, 200) {
        let venues = venue(1_000);
        let store: Arc<dyn EventStore> = Arc::new(MemoryStore::new("reservation"));
        let applications = two_applications(&venues, &store).await;
        let mut posts: Vec<_> = (0..120)
            .map(|n| {
                (
                    "/api/reservations".to_owned(),
                    party(["2026-12-24T12:00", "2026-12-24T18:00", "2026-12-24T21:00"][n % 3]),
                )
            })
            .collect();
        let body = json!({"from": "2026-12-24", "tables": CLOSED, "reason_code": "other"});
        posts.insert(40, (CLOSURES.to_owned(), body));
        let answers = all_at_once(&applications, posts).await;
        assert!(answers.iter().all(|answer| matches!(answer.status.as_u16(), 200 | 409)));
        assert_eq!(answers[40].status, StatusCode::OK, "{}", answers[40].text());
        let closure = answers[40].json()["closure_id"].as_str().unwrap().to_owned();
        let order = (format!("{CLOSURES}/{closure}/cancel-affected"), json!({}));
        let ordered = all_at_once(&applications, vec![order.clone(), order]).await;
        assert!(ordered.iter().all(|answer| answer.status == StatusCode::OK));
        let done = tokio::time::timeout(Duration::from_secs(10), async {
            let mut head = store.watch_head();
            while applications[1].get(&format!("{CLOSURES}/{closure}")).await.json()["affected_count"] != 0 {
                head.changed().await.unwrap();
            }
        });
        done.await.expect("bookings under the closure are left");
        let feed = feed_of(&applications[0]).await;
        assert_eq!(faults(&feed), Vec::<String>::new(), "round {round}");
        let orders = feed.iter().filter(|event| event["type"] == "meja.venue.cancellations_ordered.v1");
        assert_eq!(orders.count(), 1);
    }
}

/// A positive control.
#[test]
fn the_faults_of_a_feed_are_found() {
    let event = |kind: &str, id: &str, data: Value| json!({"type": format!("meja.{kind}.v1"), "subject": id, "data": data});
    let given = |id: &str| event("table.assigned", id, json!({"table_id": "t1"}));
    let ended = |id: &str| event("reservation.cancelled", id, json!({}));
    let closed = || event("venue.closed", "venue/ten", json!({}));
    assert_eq!(faults(&[given("a"), closed(), ended("a")]), Vec::<String>::new());
    for broken in [
        vec![closed(), given("a"), ended("a")],
        vec![given("a"), closed()],
        vec![given("a"), closed(), ended("a"), ended("a")],
        vec![closed(), ended("a")],
    ] {
        assert_eq!(faults(&broken).len(), 1, "{broken:?}");
    }
}
