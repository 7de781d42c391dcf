//! Attacks without the credential that is needed.

use std::time::Instant;

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{Outcome, booking, client_at, count, post, saturday};
use crate::services::{Pair, until};

/// The first of the addresses from which bookings come.
const FIRST: u32 = 10_000;

/// Books as guest `n` from the address `address`, on a day of its own. Returns the response.
async fn booked(pair: &Pair, address: u32, n: u32, size: u32) -> Value {
    let url = format!("{}/api/reservations", pair.reservation_url);
    let start = saturday() + TimeDelta::days(4 + i64::from(address - FIRST)) + TimeDelta::hours(9);
    let (status, answer) = post(&client_at(address), url, &booking(n, "roma-trastevere", start, size)).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

/// A webhook of the simulated provider confirms a deposit only with its signature.
pub(super) async fn forges_a_payment(pair: &Pair) -> Outcome {
    let held = booked(pair, 10_000, 600_000, 8).await;
    let id = held["reservation_id"].as_str().unwrap().to_owned();
    let client = client_at(10_001);
    let mut accepted = 0;
    // The body is right, and the time is now: only the signature is missing.
    let payments = format!("{}/api/payments?reservation_id={id}", pair.notifier_url);
    until("the payment", async || pair.get(&payments).await["items"][0].is_object()).await;
    let reference = pair.get(&payments).await["items"][0]["provider_reference"].clone();
    assert!(reference.is_string(), "{reference}");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    for signature in ["", "v1,AAAA", "v1,bm90IGEgc2lnbmF0dXJl"] {
        let request = client.post(format!("{}/webhooks/simulated", pair.notifier_url));
        let request = request
            .header("webhook-id", "w-1")
            .header("webhook-timestamp", now)
            .header("webhook-signature", signature);
        let body = json!({"reference": reference, "outcome": "paid"});
        accepted += u32::from(request.json(&body).send().await.unwrap().status().is_success());
    }
    pair.settled().await;
    let status = pair.get(&format!("/api/reservations/{id}")).await["status"].clone();
    let has_succeeded = accepted > 0 || status != json!("PENDING");
    Outcome::new(
        "confirm a booking by a forged payment",
        "3 webhooks".into(),
        has_succeeded,
        "refused; the booking is PENDING".into(),
    )
}

/// A page that reaches the services under a name of its own (DNS rebinding) gets nothing.
pub(super) async fn reads_contacts_under_a_foreign_host(pair: &Pair) -> Outcome {
    let id = booked(pair, 10_010, 600_010, 2).await["reservation_id"].as_str().unwrap().to_owned();
    let mut answered = 0;
    for host in ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "evil.example:8000"] {
        for url in [
            format!("{}/api/reservations/{id}/contact", pair.reservation_url),
            format!("{}/api/venues", pair.reservation_url),
            format!("{}/api/payments", pair.notifier_url),
        ] {
            let answer = pair.client.get(url).header("host", host).send().await.unwrap();
            answered += u32::from(answer.status().as_u16() != 421);
        }
    }
    Outcome::new(
        "read under a foreign Host",
        "12 requests with the key of the owner".into(),
        answered > 0,
        "421".into(),
    )
}

pub(super) async fn writes_from_another_site(pair: &Pair) -> Outcome {
    let url = format!("{}/api/reservations", pair.reservation_url);
    let (client, start) = (client_at(10_020), saturday() + TimeDelta::days(4) + TimeDelta::hours(10));
    let mut accepted = 0;
    for (name, value) in
        [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example"), ("origin", "null")]
    {
        let request =
            client.post(&url).header(name, value).json(&booking(600_020, "roma-trastevere", start, 2));
        accepted += u32::from(request.send().await.unwrap().status() != 403);
    }
    // Without the header the request is a booking.
    let (status, _) = post(&client, url, &booking(600_020, "roma-trastevere", start, 2)).await;
    let has_succeeded = accepted > 0 || status != 200;
    Outcome::new("write from a page of another site", "3 requests".into(), has_succeeded, "403".into())
}

/// Neither the id of a booking nor a guessed link opens it.
pub(super) async fn guesses_links(pair: &Pair) -> Outcome {
    let first = booked(pair, 10_030, 600_030, 2).await;
    let (id, link) =
        (first["reservation_id"].as_str().unwrap(), first["guest_link"]["token"].as_str().unwrap());
    let other = booked(pair, 10_031, 600_031, 2).await;
    let (url, mut opened, mut tried) = (format!("{}/api/reservations/{id}", pair.reservation_url), 0, 0);
    for n in 0..count(100, 2_000) {
        // Another character of the signature, from another address each time, so that no limit counts.
        let mut forged = link.as_bytes().to_vec();
        let place = forged.len() - 1 - (n as usize % 20);
        forged[place] = if forged[place] == b'A' { b'B' } else { b'A' };
        // The last character has bits that are not a part of the signature.
        if place == forged.len() - 1 {
            continue;
        }
        tried += 1;
        let client = client_at(11_000 + n / 25);
        let answer = client.get(&url).bearer_auth(String::from_utf8(forged).unwrap()).send().await.unwrap();
        opened += u32::from(answer.status().is_success());
    }
    let client = client_at(10_032);
    opened += u32::from(client.get(&url).send().await.unwrap().status().is_success());
    let of_other = other["guest_link"]["token"].as_str().unwrap();
    opened += u32::from(client.get(&url).bearer_auth(of_other).send().await.unwrap().status().is_success());
    // The right link opens it.
    let opens = client.get(&url).bearer_auth(link).send().await.unwrap().status().is_success();
    Outcome::new(
        "open a booking of another guest",
        format!("{} links", tried + 2),
        opened > 0 || !opens,
        "401 and 404".into(),
    )
}

pub(super) async fn guesses_credentials(pair: &Pair) -> Outcome {
    let (client, url) = (client_at(10_040), format!("{}/api/reservations", pair.reservation_url));
    let (began, mut statuses) = (Instant::now(), [0; 3]);
    for n in 0..count(100, 1_000) {
        let key = format!("meja_{n:012x}_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        let status = client.get(&url).bearer_auth(key).send().await.unwrap().status().as_u16();
        statuses[match status {
            401 => 0,
            429 => 1,
            _ => 2,
        }] += 1;
    }
    let [refused, limited, other] = statuses;
    // 30 at once, and one more every two seconds.
    let has_succeeded = other > 0 || refused > 32 + began.elapsed().as_secs() / 2 || limited == 0;
    let result = format!("{refused} refused, then {limited} limited");
    Outcome::new("guess keys", format!("{} keys from one address", count(100, 1_000)), has_succeeded, result)
}

pub(super) async fn guesses_a_code(pair: &Pair) -> Outcome {
    let held = booked(pair, 10_050, 600_050, 2).await;
    let (id, link) =
        (held["reservation_id"].as_str().unwrap(), held["guest_link"]["token"].as_str().unwrap());
    let (client, url) =
        (client_at(10_050), format!("{}/api/reservations/{id}/prove-contact", pair.reservation_url));
    let (mut refused, mut limited) = (0, 0);
    for n in 0..50 {
        let proof = if n == 0 { link.to_owned() } else { format!("{n:06}") };
        let request = client.post(&url).bearer_auth(link).json(&json!({"proof": proof}));
        match request.send().await.unwrap().status().as_u16() {
            422 => refused += 1,
            429 => limited += 1,
            _ => {}
        }
    }
    let proof = pair.get(&format!("/api/reservations/{id}")).await["contact_proof"].clone();
    let has_succeeded = proof.is_null() || refused > 6 || refused + limited != 50;
    Outcome::new(
        "prove a contact without its mail",
        "50 proofs".into(),
        has_succeeded,
        format!("{refused} refused, {limited} limited"),
    )
}
