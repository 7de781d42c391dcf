//! Attacks on running services, each of which succeeded once. None succeeds now. `make attack` runs them in full length on the
//! release build and prints the table.
//!
//! All of them are on this machine: an attacker has many addresses of the network 127.0.0.0/8.

mod guests;
mod network;
mod strangers;

use std::net::IpAddr;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::services::Pair;

/// The result of an attack: what was sent, and what the services did.
struct Outcome {
    name: &'static str,
    tried: String,
    result: String,
    has_succeeded: bool,
}

impl Outcome {
    fn new(name: &'static str, tried: String, has_succeeded: bool, result: String) -> Self {
        Self { name, tried, result, has_succeeded }
    }
}

/// Whether the attacks run in full length.
fn is_full() -> bool {
    std::env::var_os("MEJA_ATTACK").is_some()
}

/// `slice` in the tests, `full` in full length.
fn count(slice: u32, full: u32) -> u32 {
    if is_full() { full } else { slice }
}

/// A client whose connections come from the address with the number `n`.
fn client_at(n: u32) -> reqwest::Client {
    let [_, high, middle, low] = (n + 2).to_be_bytes();
    let from = IpAddr::from([127, high, middle, low]);
    reqwest::Client::builder().local_address(from).timeout(Duration::from_secs(30)).build().unwrap()
}

/// The contact of guest `n`.
fn contact(n: u32) -> Value {
    json!({"name": "Budi", "phone": format!("+62 812 7{n:07}"), "email": format!("guest-{n}@example.com")})
}

/// A booking of guest `n` for `size` guests.
fn booking(n: u32, venue: &str, start: DateTime<Utc>, size: u32) -> Value {
    json!({"customer_id": format!("cust-{n}"), "venue_id": venue, "party_size": size,
        "start_time": start.to_rfc3339(), "contact_info": contact(n)})
}

/// The evening of the first Saturday that is more than two weeks away: 17:00 in Bandung.
fn saturday() -> DateTime<Utc> {
    use chrono::{Datelike as _, Weekday};
    let today = DateTime::<Utc>::from(std::time::SystemTime::now()).date_naive();
    let days = (14..21).map(|days| today + TimeDelta::days(days));
    let saturday = days.into_iter().find(|date| date.weekday() == Weekday::Sat).unwrap();
    saturday.and_hms_opt(10, 0, 0).unwrap().and_utc()
}

/// Sends `body`. Returns the status and the response.
async fn post(client: &reqwest::Client, url: String, body: &Value) -> (u16, Value) {
    let answer = client.post(url).json(body).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

/// Services with the limits that they have by default, and the sample venues.
async fn house(notifier_args: &[&str]) -> Pair {
    let mut pair = Pair::prepared(notifier_args);
    pair.venues = crate::venues::without_holidays(&pair);
    pair.env = vec![
        ("MEJA_CONNECTIONS_MAX", "256".into()),
        ("MEJA_CONNECTIONS_PER_ADDRESS_MAX", "256".into()),
        ("MEJA_ADDRESS_REQUESTS_PER_MINUTE_MAX", "600".into()),
        ("MEJA_ADDRESS_FAILURES_PER_MINUTE_MAX", "30".into()),
        ("RESERVATION_ADDRESS_BOOKINGS_PER_HOUR_MAX", "20".into()),
        ("RESERVATION_CONTACT_BOOKINGS_PER_DAY_MAX", "10".into()),
    ];
    pair.start_reservation().await;
    pair.start_notifier().await;
    pair
}

#[tokio::test(flavor = "multi_thread")]
async fn no_attack_succeeds() {
    let pair = house(&[]).await;
    let mut outcomes = vec![
        guests::fills_a_saturday(&pair).await,
        guests::fills_a_waitlist(&pair).await,
        guests::writes_to_a_stranger(&pair).await,
        guests::leaves_names_in_the_feed(&pair).await,
        strangers::forges_a_payment(&pair).await,
        strangers::reads_contacts_under_a_foreign_host(&pair).await,
        strangers::writes_from_another_site(&pair).await,
        strangers::guesses_links(&pair).await,
        strangers::guesses_credentials(&pair).await,
        strangers::guesses_a_code(&pair).await,
        network::sends_heavy_requests(&pair).await,
        network::holds_connections(&pair).await,
    ];
    outcomes.push(guests::delays_the_mail_of_others().await);
    println!("\n{:<46} {:<58} result", "attack", "tried");
    for Outcome { name, tried, result, has_succeeded } in &outcomes {
        let mark = if *has_succeeded { "SUCCEEDED: " } else { "" };
        println!("{name:<46} {tried:<58} {mark}{result}");
    }
    let succeeded: Vec<_> = outcomes.iter().filter(|o| o.has_succeeded).map(|o| o.name).collect();
    assert!(succeeded.is_empty(), "{succeeded:?}");
}

/// Attacks tell whether they succeed: without limits and proofs, and under a host that is allowed, these do. Most of the others
/// contain the request in the form that is accepted.
#[tokio::test(flavor = "multi_thread")]
async fn attacks_succeed_where_nothing_holds_them_back() {
    let mut pair = Pair::prepared(&[]);
    pair.venues = crate::venues::without_holidays(&pair);
    let file = pair.venues.join("bandung-dago.json");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace(r#""contact_proof":"link""#, r#""contact_proof":"none""#)).unwrap();
    pair.env = vec![("MEJA_HOSTS", "evil.example".into())];
    pair.start_reservation().await;
    pair.start_notifier().await;
    for outcome in [
        guests::fills_a_saturday(&pair).await,
        guests::fills_a_waitlist(&pair).await,
        strangers::reads_contacts_under_a_foreign_host(&pair).await,
        strangers::guesses_credentials(&pair).await,
    ] {
        assert!(outcome.has_succeeded, "{}: {}", outcome.name, outcome.result);
    }
}
