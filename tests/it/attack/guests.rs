//! Attacks that look like guests.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{Outcome, booking, client_at, contact, count, post, saturday};
use crate::mail_server::MailServer;
use crate::services::{Pair, until};

/// The seats of the sample restaurant in Bandung.
const SEATS: u64 = 64;

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

/// From one address the limit of bookings an hour counts, from many addresses the share of unproved contacts.
pub(super) async fn fills_a_saturday(pair: &Pair) -> Outcome {
    let url = format!("{}/api/reservations", pair.reservation_url);
    let (mut n, mut held, mut tried) = (0, Vec::new(), 0);
    for address in 0..count(20, 200) {
        let client = client_at(address);
        for slot in 0..if address == 0 { 40 } else { 20 } {
            (n, tried) = (n + 1, tried + 1);
            let start = saturday() + TimeDelta::minutes(15 * i64::from(slot % 22));
            let (status, answer) =
                post(&client, url.clone(), &booking(n, "bandung-dago", start, 1 + n % 5)).await;
            if status == 200 {
                held.push(answer);
            }
        }
    }
    let most = most_seats(&held);
    let honest = client_at(60_000);
    let monday = saturday() + TimeDelta::days(2) + TimeDelta::hours(2);
    let (status, _) = post(&honest, url, &booking(90_000, "bandung-dago", monday, 2)).await;
    let result =
        format!("{} bookings, at most {most} of {SEATS} seats at a time; another day is free", held.len());
    let has_succeeded = most * 100 > SEATS * 30 || held.is_empty() || status != 200;
    let tried = format!("{tried} bookings with as many contacts, {} addresses", count(20, 200));
    Outcome::new("fill a Saturday", tried, has_succeeded, result)
}

pub(super) async fn fills_a_waitlist(pair: &Pair) -> Outcome {
    let url = format!("{}/api/waitlist", pair.reservation_url);
    let (mut joined, mut tried) = (0, 0);
    let (from, until) =
        (saturday() + TimeDelta::days(7), saturday() + TimeDelta::days(7) + TimeDelta::hours(3));
    for address in 1_000..1_000 + count(12, 40) {
        let client = client_at(address);
        for _ in 0..20 {
            tried += 1;
            let body = json!({"customer_id": "c", "contact_info": contact(100_000 + tried), "party_size": 2,
                "venue_id": "bandung-dago", "earliest_time": from.to_rfc3339(), "latest_time": until.to_rfc3339()});
            joined += u32::from(post(&client, url.clone(), &body).await.0 == 200);
        }
    }
    let tried = format!("{tried} entries for one day");
    Outcome::new("fill a waitlist", tried, !(1..=150).contains(&joined), format!("{joined} of 500 places"))
}

/// The words of a message are ours. An unproved address gets one mail, which asks for the proof.
pub(super) async fn writes_to_a_stranger(pair: &Pair) -> Outcome {
    let (client, url) = (client_at(2_000), format!("{}/api/reservations", pair.reservation_url));
    let mut body = booking(200_000, "roma-trastevere", saturday() + TimeDelta::hours(9), 2);
    let mut refused = 0;
    for name in ["Win at http://evil.example", "www.evil.example", "evil.example/win"] {
        body["contact_info"]["name"] = name.into();
        refused += u32::from(post(&client, url.clone(), &body).await.0 == 422);
    }
    body["contact_info"]["name"] = "You have won".into();
    body["special_requests"] = "call 0900 555 777 888 now".into();
    let (status, booked) = post(&client, url.clone(), &body).await;
    let outbox = pair.dir.path().join("notifier/outbox");
    let to_stranger = || {
        let files = std::fs::read_dir(&outbox).unwrap().map(|file| file.unwrap().path());
        let texts = files.filter_map(|path| std::fs::read_to_string(path).ok());
        texts.filter(|text| text.contains("guest-200000@example.com")).collect::<Vec<_>>()
    };
    until("the mail to the stranger", async || !to_stranger().is_empty()).await;
    let (id, link) =
        (booked["reservation_id"].as_str().unwrap(), booked["guest_link"]["token"].as_str().unwrap());
    let cancelled = client.post(format!("{url}/{id}/cancel")).bearer_auth(link);
    let cancelled = cancelled.json(&json!({"reason_code": "guest_request"})).send().await.unwrap();
    pair.settled().await;
    let mail = to_stranger();
    let body =
        |text: &String| text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default();
    let has_words =
        mail.iter().any(|text| body(text).contains("You have won") || text.contains("555 777 888"));
    let has_succeeded =
        refused < 3 || status != 200 || !cancelled.status().is_success() || mail.len() != 1 || has_words;
    let result = format!("names with addresses refused; {} mail, without the stranger's words", mail.len());
    Outcome::new(
        "write to a stranger from the house",
        "3 names, one booking, one cancellation".into(),
        has_succeeded,
        result,
    )
}

pub(super) async fn leaves_names_in_the_feed(pair: &Pair) -> Outcome {
    const CANARY: &str = "kenari-biru";
    let (client, url) = (client_at(3_000), format!("{}/api/reservations", pair.reservation_url));
    let start = saturday() + TimeDelta::days(3);
    let mut tried = 0;
    for change in [
        json!({"customer_id": format!("{CANARY}@example.com")}),
        json!({"customer_id": "+62811223344"}),
        json!({"area": CANARY}),
        json!({"payment_channel": CANARY}),
    ] {
        let mut body = booking(300_000 + tried, "bandung-dago", start, 2);
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let request = client
            .post(&url)
            .header("x-request-id", CANARY)
            .header("idempotency-key", "kenari-biru-0000000000000");
        let _ = request.json(&body).send().await.unwrap();
        tried += 1;
    }
    let body = booking(300_009, "bandung-dago", start, 2);
    let booked: Value = client
        .post(&url)
        .header("x-request-id", CANARY)
        .json(&body)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let (id, link) =
        (booked["reservation_id"].as_str().unwrap(), booked["guest_link"]["token"].as_str().unwrap());
    let cancel = client.post(format!("{url}/{id}/cancel")).bearer_auth(link).header("x-request-id", CANARY);
    let _ = cancel.json(&json!({"reason_code": "kenari_biru"})).send().await.unwrap();
    let feed = Value::from(pair.events().await).to_string();
    let has_words = feed.contains(CANARY) || feed.contains("kenari_biru") || feed.contains("811223344");
    let has_succeeded = has_words || !feed.contains(id);
    let result = "none is in the feed".to_owned();
    Outcome::new("leave names in the feed", format!("{} requests", tried + 2), has_succeeded, result)
}

/// A slow mail server, many bookings from one address, and one guest from another. Without limits, so that the queue is long.
pub(super) async fn delays_the_mail_of_others() -> Outcome {
    let (junk, server) = (count(300, 1_300), MailServer::start().await);
    server.behave(&json!({"late": 100}));
    let url = server.url();
    let mut pair = Pair::prepared(&["--mail", &url, "--sms", "off", "--concurrency", "4"]);
    pair.start_reservation().await;
    pair.start_notifier().await;
    let (url, attacker) = (format!("{}/api/reservations", pair.reservation_url), client_at(4_000));
    for n in 0..junk {
        let start = saturday() + TimeDelta::minutes(i64::from(n % 200));
        let (status, answer) =
            post(&attacker, url.clone(), &booking(400_000 + n, "bandung-dago", start, 2)).await;
        assert_eq!(status, 200, "{answer}");
    }
    let (status, answer) =
        post(&client_at(5_000), url, &booking(500_000, "bandung-dago", saturday(), 2)).await;
    assert_eq!(status, 200, "{answer}");
    let began = Instant::now();
    until("the mail of the honest guest", async || server.has_mail_to("guest-500000@example.com")).await;
    let (took, sent) = (began.elapsed(), server.count());
    let result = format!("{:.1} s, while {} others wait", took.as_secs_f32(), junk as usize + 1 - sent);
    let was_queued = sent < junk as usize / 2;
    let has_succeeded = took > Duration::from_secs(5) || !was_queued;
    Outcome::new(
        "delay the mail of another guest",
        format!("{junk} bookings, 0.3 s for each mail"),
        has_succeeded,
        result,
    )
}
