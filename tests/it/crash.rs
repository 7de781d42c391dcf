//! kill -9 during bookings: no acknowledged booking is lost, and nothing happens twice.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::StreamExt as _;
use serde_json::Value;
use uuid::Uuid;

use crate::pair::exactly_once;
use crate::services::{Feed, Pair, booking, until};

const BOOKINGS: usize = 2_000;
const CLIENTS: usize = 16;
const KILLS: usize = 10;

/// Books until the booking is acknowledged. A request without a response is repeated with the same key.
async fn book(client: &reqwest::Client, url: &str) -> String {
    let (key, body) = (Uuid::new_v4().to_string(), booking(6));
    for _ in 0..2_000 {
        let sent = client
            .post(format!("{url}/api/reservations"))
            .header("idempotency-key", &key)
            .json(&body)
            .send()
            .await;
        if let Ok(answer) = sent {
            let status = answer.status();
            if let (true, Ok(body)) = (status.is_success(), answer.json::<Value>().await) {
                return body["reservation_id"].as_str().unwrap().to_owned();
            }
            assert!(status.is_success() || status.as_u16() == 503, "{status}");
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("a booking was never acknowledged");
}

/// Kills one service `KILLS` times, spread evenly over the bookings, and restarts it each time.
async fn killed_while_booking(feed: Feed, service: &str) {
    let mut pair = Pair::running_over(
        feed,
        &["--simulated-decide-after-ms", "0", "--sms", "off", "--reminder-hours", "500"],
    )
    .await;
    let (client, url) = (pair.client.clone(), pair.reservation_url.clone());
    let done = AtomicUsize::new(0);
    let killer = async {
        for kill in 1..=KILLS {
            until("the next kill", async || done.load(Ordering::Relaxed) >= kill * BOOKINGS / (KILLS + 1))
                .await;
            match service {
                "reservation" => {
                    pair.reservation.take().unwrap().kill_9();
                    pair.start_reservation().await;
                }
                _ => {
                    pair.notifier.take().unwrap().kill_9();
                    pair.start_notifier().await;
                }
            }
        }
    };
    let bookings = futures::stream::iter(0..BOOKINGS).map(|_| async {
        let id = book(&client, &url).await;
        done.fetch_add(1, Ordering::Relaxed);
        id
    });
    let ((), ids): ((), Vec<String>) = futures::join!(killer, bookings.buffer_unordered(CLIENTS).collect());
    pair.settled().await;
    let mut distinct = ids.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), BOOKINGS, "every key has a reservation of its own");
    let created =
        pair.counts().await.values().filter(|counts| counts.contains_key("reservation.created")).count();
    assert_eq!(created, BOOKINGS, "each acknowledged booking was created exactly once");
    let events = pair.events().await;
    for (place, event) in events.iter().enumerate() {
        assert_eq!(
            event["sequence"].as_str().unwrap().parse::<usize>().unwrap(),
            place + 1,
            "positions have no gaps and no duplicates"
        );
    }
    exactly_once(&mut pair, &ids).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reservation_service_is_killed_ten_times_during_two_thousand_bookings() {
    killed_while_booking(Feed::Http, "reservation").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_notifier_is_killed_ten_times_during_two_thousand_bookings() {
    killed_while_booking(Feed::Http, "notifier").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reservation_service_is_killed_ten_times_while_the_notifier_follows_its_stream() {
    killed_while_booking(Feed::Grpc, "reservation").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_notifier_is_killed_ten_times_while_it_follows_the_stream() {
    killed_while_booking(Feed::Grpc, "notifier").await;
}
