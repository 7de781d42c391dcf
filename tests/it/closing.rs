//! A restaurant that closes: its bookings are cancelled together, and kill -9 does not stop that.

use chrono::{Duration, Utc};
use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};

use crate::services::{Pair, booking, until};
use crate::venues;

const DAYS: i64 = 12;
const TIMES: [&str; 5] = ["11:30", "13:15", "17:00", "18:45", "20:30"];
const PARTIES: usize = 4;

/// Books parties of two and, each evening, one of eight that pays a deposit, from `first` on.
async fn fill(pair: &Pair, first: chrono::NaiveDate) -> Vec<String> {
    let evening = (0..DAYS).map(|day| (day, "19:00", 8));
    let small = (0..DAYS).flat_map(|day| TIMES.map(|time| (day, time, 2)));
    let small = small.flat_map(|booking| std::iter::repeat_n(booking, PARTIES));
    let book = |(day, time, guests): (i64, &'static str, u8)| async move {
        let mut body = booking(guests);
        body["start_time"] = json!(format!("{}T{time}", first + Duration::days(day)));
        let (status, answer) = pair.post("/api/reservations", &body).await;
        assert_eq!(status, 200, "{answer}");
        answer["reservation_id"].as_str().unwrap().to_owned()
    };
    let bookings = futures::stream::iter(evening.chain(small)).map(book);
    bookings.buffer_unordered(16).map(Ok::<_, ()>).try_collect().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn bookings_under_a_closure_are_cancelled_once_each_although_the_service_is_killed() {
    let mut pair = Pair::prepared(&["--simulated-decide-after-ms", "0", "--sms", "off"]);
    pair.venues = venues::without_holidays(&pair);
    pair.start_reservation().await;
    pair.start_notifier().await;
    let first = chrono::DateTime::<Utc>::from(std::time::SystemTime::now()).date_naive() + Duration::days(20);
    let ids = fill(&pair, first).await;
    pair.settled().await;
    let last = first + Duration::days(DAYS - 1);
    let body = json!({"from": first.to_string(), "to": last.to_string(), "reason_code": "private_event"});
    let (status, closure) = pair.post("/api/venues/bandung-dago/closures", &body).await;
    assert_eq!((status, &closure["affected_count"]), (200, &json!(ids.len())), "{closure}");
    let path = format!("/api/venues/bandung-dago/closures/{}", closure["closure_id"].as_str().unwrap());
    let left = async |pair: &Pair| pair.get(&path).await["affected_count"].as_u64().unwrap();
    let (status, ordered) = pair.post(&format!("{path}/cancel-affected"), &json!({})).await;
    assert_eq!(status, 200, "{ordered}");
    pair.reservation.take().unwrap().kill_9();
    pair.start_reservation().await;
    until("all bookings under the closure to be cancelled", async || left(&pair).await == 0).await;
    let closure = pair.get(&path).await;
    assert_eq!(closure["cancelled_count"], json!(ids.len()));
    let cancelled = |event: &&Value| event["type"] == "meja.reservation.cancelled.v1";
    let events = pair.events().await;
    let mut subjects: Vec<_> =
        events.iter().filter(cancelled).map(|event| event["subject"].as_str().unwrap()).collect();
    assert!(
        events.iter().filter(cancelled).all(|event| event["data"]["closure_id"] == closure["closure_id"])
    );
    subjects.sort_unstable();
    subjects.dedup();
    assert_eq!(events.iter().filter(cancelled).count(), ids.len(), "each booking is cancelled once");
    assert_eq!(subjects.len(), ids.len());

    // Each guest gets one message with the reason, and every deposit goes back.
    pair.settled().await;
    let outbox = pair.dir.path().join("notifier/outbox");
    let read = |name: &String| {
        std::fs::read_to_string(outbox.join(name)).unwrap().replace("=\n", "").replace("=\r\n", "")
    };
    let mail: Vec<_> = pair.mail().iter().filter(|name| name.contains("cancelled")).map(read).collect();
    assert_eq!(mail.len(), ids.len());
    assert!(mail.iter().all(|mail| mail.contains("acara pribadi")), "{}", mail[0]);
    let report = pair.get(&format!("{}/api/reconciliation", pair.notifier_url)).await;
    assert_eq!(report["differences"], json!([]), "{report:#}");
    let payments = pair.get(&format!("{}/api/payments?limit=100", pair.notifier_url)).await;
    let refunded =
        payments["items"].as_array().unwrap().iter().filter(|payment| payment["status"] == "refunded");
    assert_eq!(refunded.count(), usize::try_from(DAYS).unwrap());
}
