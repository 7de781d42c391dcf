//! One service is down for a minute while guests book: the other one responds, and all work is caught up exactly once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use serde_json::json;

use super::{cycles, report};
use crate::pair::exactly_once;
use crate::services::{Pair, until};

const CLIENTS: usize = 8;

fn away() -> Duration {
    Duration::from_secs(cycles(4, 60) as u64)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reservation_service_is_down_while_guests_pay() {
    let mut pair = Pair::running(&["--sms", "off", "--reminder-hours", ""]).await;
    let mut ids = Vec::new();
    for _ in 0..cycles(60, 600) {
        ids.push(pair.book(6).await);
    }
    let payments = format!("{}/api/payments?status=pending&limit=1000", pair.notifier_url);
    until("all payments to be open", async || {
        pair.get(&payments).await["items"].as_array().unwrap().len() == ids.len()
    })
    .await;
    let mut open = Vec::new();
    for id in &ids {
        open.push(pair.checkout(id).await);
    }
    pair.reservation.take().unwrap().kill_9();
    let back = Instant::now() + away();
    // Guests pay meanwhile, and every request gets a response.
    let pause = away() / u32::try_from(open.len()).unwrap();
    let (mut asked, mut slowest) = (0, Duration::ZERO);
    for page in &open {
        let began = Instant::now();
        assert!(pair.client.post(format!("{page}/pay")).send().await.unwrap().status().is_success());
        pair.get(&format!("{}/api/payment-channels", pair.notifier_url)).await;
        (asked, slowest) = (asked + 2, slowest.max(began.elapsed()));
        tokio::time::sleep(pause).await;
    }
    assert!(slowest < Duration::from_secs(5), "the notifier did not respond for {slowest:?}");
    tokio::time::sleep(back.saturating_duration_since(Instant::now())).await;
    pair.start_reservation().await;
    pair.settled().await;
    exactly_once(&mut pair, &ids).await;
    report(&format!(
        "outage: the reservation service down for {} s, {} guests paid meanwhile, {asked} requests answered, nothing lost or duplicated",
        away().as_secs(),
        ids.len()
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_notifier_is_down_while_guests_book() {
    let args = ["--sms", "off", "--reminder-hours", "", "--simulated-decide-after-ms", "0"];
    let mut pair = Pair::running(&args).await;
    pair.notifier.take().unwrap().kill_9();
    let (stop, booked) = (AtomicBool::new(false), AtomicUsize::new(0));
    // A rate that the services can keep up with: guests arrive steadily, not as fast as possible.
    let most = cycles(200, 3_000);
    let pause = away() * u32::try_from(CLIENTS).unwrap() / u32::try_from(most).unwrap();
    let clients = futures::stream::iter(0..CLIENTS).map(|_| async {
        let mut ids = Vec::new();
        while !stop.load(Ordering::SeqCst) && booked.fetch_add(1, Ordering::SeqCst) < most {
            ids.push(pair.book(6).await);
            tokio::time::sleep(pause).await;
        }
        ids
    });
    let timer = async {
        tokio::time::sleep(away()).await;
        stop.store(true, Ordering::SeqCst);
    };
    let (ids, ()) = futures::join!(clients.buffer_unordered(CLIENTS).collect::<Vec<_>>(), timer);
    let ids = ids.concat();
    pair.start_notifier().await;
    let began = Instant::now();
    pair.settled().await;
    let cursor = pair.get(&format!("{}/api/cursor", pair.notifier_url)).await;
    assert_eq!(cursor["lag_events"], json!(0));
    exactly_once(&mut pair, &ids).await;
    report(&format!(
        "outage: the notifier down for {} s, {} bookings made meanwhile and caught up in {} ms, nothing lost or duplicated",
        away().as_secs(),
        ids.len(),
        began.elapsed().as_millis()
    ));
}
