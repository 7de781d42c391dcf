//! Measures latencies for `make bench`:
//!
//! - `latency follow <url> <bookings per second> <seconds> [<url of the feed>]`: from the response to a booking until a
//!   consumer with long polls has received its event, from the same instance or from another one;
//! - `latency read <url> <seconds>`: reading one reservation by its id, repeatedly;
//! - `latency fill <url> <first date> <days>`: books every table of the first venue for parties of four, slot by
//!   slot, until no table is free, and measures each booking;
//! - `latency search <url> <seconds>`: searches a log that `events/examples/fill.rs` wrote, after its index is complete.
//!
//! Prints the count, the median, the 99th percentile and the maximum, in microseconds.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

type Fallible<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Fallible<()> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    let http = client()?;
    let mut times = match words.as_slice() {
        ["follow", url, rate, seconds] => follow(&http, url, url, rate.parse()?, seconds.parse()?).await?,
        ["follow", url, rate, seconds, feed] => {
            follow(&http, url, feed, rate.parse()?, seconds.parse()?).await?
        }
        ["read", url, seconds] => read(&http, url, seconds.parse()?).await?,
        ["fill", url, date, days] => fill(&http, url, date.parse()?, days.parse()?).await?,
        ["search", url, seconds] => search(&http, url, seconds.parse()?).await?,
        _ => return Err("latency fill <url> <first date> <days> | follow <url> <bookings per second> <seconds> [<url of the feed>] | read <url> <seconds> | search <url> <seconds>".into()),
    };
    if times.is_empty() {
        print("0 0 0 0");
        return Ok(());
    }
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_micros();
    print(&format!("{} {} {} {}", times.len(), at(0.5), at(0.99), at(1.0)));
    Ok(())
}

/// A client that presents the key in `MEJA_KEY`, if it is set.
fn client() -> Fallible<reqwest::Client> {
    let mut headers = reqwest::header::HeaderMap::new();
    if let Ok(key) = std::env::var("MEJA_KEY") {
        headers.insert(reqwest::header::AUTHORIZATION, format!("Bearer {key}").parse()?);
    }
    Ok(reqwest::Client::builder().timeout(Duration::from_secs(40)).default_headers(headers).build()?)
}

fn booking() -> Value {
    let start = chrono::DateTime::from_timestamp(
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_secs() as i64)
            + 30 * 86_400,
        0,
    );
    json!({"customer_id": "cust-42", "venue_id": "bandung-dago", "party_size": 4, "start_time": start,
        "contact_info": {"name": "Sari Wulandari", "phone": "+62 812 3456 7890", "email": "sari@example.com"}})
}

async fn book(http: &reqwest::Client, url: &str) -> Fallible<String> {
    let answer = http.post(format!("{url}/api/reservations")).json(&booking()).send().await?;
    let answer: Value = answer.error_for_status()?.json().await?;
    Ok(answer["reservation_id"].as_str().ok_or("no id")?.to_owned())
}

/// Books at `url` at a constant rate, independent of the responses, and follows the feed at `feed`.
async fn follow(
    http: &reqwest::Client,
    url: &str,
    feed: &str,
    rate: u64,
    seconds: u64,
) -> Fallible<Vec<Duration>> {
    let first = http.get(format!("{feed}/events?limit=1")).send().await?;
    let head = first.headers().get("head-position").and_then(|v| v.to_str().ok()).unwrap_or("0").to_owned();
    let mut cursor = cursor_at(http, feed, head.parse()?).await?;
    let (answered, held): (Arc<Mutex<HashMap<String, Instant>>>, _) =
        (Arc::default(), Arc::new(Mutex::new(HashMap::new())));
    let consumer = tokio::spawn({
        let (http, feed, held) = (http.clone(), feed.to_owned(), Arc::clone(&held));
        async move {
            let wanted = rate * seconds;
            let deadline = Instant::now() + Duration::from_secs(seconds + 20);
            let mut seen = 0;
            while seen < wanted && Instant::now() < deadline {
                let after =
                    cursor.as_ref().map(|id: &String| format!("&lastEventId={id}")).unwrap_or_default();
                let page = http
                    .get(format!("{feed}/events?limit=1000&timeout=5000{after}"))
                    .send()
                    .await?
                    .bytes()
                    .await?;
                let now = Instant::now();
                let page: Vec<Value> = serde_json::from_slice(&page)?;
                cursor = page.last().and_then(|event| event["id"].as_str()).map(str::to_owned).or(cursor);
                seen += page.len() as u64;
                let ids =
                    page.iter().filter_map(|event| event["subject"].as_str()?.strip_prefix("reservation/"));
                held.lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner)
                    .extend(ids.map(|id| (id.to_owned(), now)));
            }
            Fallible::Ok(())
        }
    });
    let mut tick = tokio::time::interval(Duration::from_nanos(1_000_000_000 / rate));
    let mut bookings = Vec::new();
    for _ in 0..rate * seconds {
        tick.tick().await;
        let (http, url, answered) = (http.clone(), url.to_owned(), Arc::clone(&answered));
        bookings.push(tokio::spawn(async move {
            let id = book(&http, &url).await?;
            answered.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(id, Instant::now());
            Fallible::Ok(())
        }));
    }
    for booking in bookings {
        booking.await??;
    }
    consumer.await??;
    let answered = answered.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let held = held.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    // If the consumer had the event before the client had the response, the latency is zero.
    let wait = |(id, answered): (&String, &Instant)| Some(held.get(id)?.saturating_duration_since(*answered));
    let times: Vec<_> = answered.iter().filter_map(wait).collect();
    if times.len() < answered.len() { Err("some events never arrived".into()) } else { Ok(times) }
}

/// The id of the last event. The consumer follows the feed from there.
async fn cursor_at(http: &reqwest::Client, url: &str, head: u64) -> Fallible<Option<String>> {
    if head == 0 {
        return Ok(None);
    }
    let id = book(http, url).await?;
    let page = http.get(format!("{url}/events?subject=reservation/{id}")).send().await?.bytes().await?;
    let page: Vec<Value> = serde_json::from_slice(&page)?;
    Ok(page.last().and_then(|event| event["id"].as_str()).map(str::to_owned))
}

async fn read(http: &reqwest::Client, url: &str, seconds: u64) -> Fallible<Vec<Duration>> {
    let id = book(http, url).await?;
    let (mut times, deadline) = (Vec::new(), Instant::now() + Duration::from_secs(seconds));
    while Instant::now() < deadline {
        let began = Instant::now();
        let answer = http.get(format!("{url}/api/reservations/{id}")).send().await?;
        answer.error_for_status()?.bytes().await?;
        times.push(began.elapsed());
    }
    Ok(times)
}

/// What people type: from one letter, which a tenth of all visits has, to a whole phone number, which one guest has; and words
/// that lead to nothing.
const QUERIES: [&str; 12] = [
    "s",
    "sar",
    "sari%20wul",
    "budi%20sant",
    "0812345",
    "081234567890",
    "7890",
    "T4",
    "sari%20T7",
    "putri12@exa",
    "zzz",
    "dewi%20zz",
];

async fn search(http: &reqwest::Client, url: &str, seconds: u64) -> Fallible<Vec<Duration>> {
    let find = async |words: &str| {
        let answer = http.get(format!("{url}/api/reservations?q={words}")).send().await?;
        Fallible::Ok(answer.error_for_status()?.json::<Value>().await?)
    };
    let deadline = Instant::now() + Duration::from_secs(300);
    while find("zzz").await?["complete"] != true {
        if Instant::now() > deadline {
            return Err("the search index is not complete after five minutes".into());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (mut times, deadline) = (Vec::new(), Instant::now() + Duration::from_secs(seconds));
    for query in QUERIES.iter().cycle() {
        if Instant::now() >= deadline {
            break;
        }
        let began = Instant::now();
        find(query).await?;
        times.push(began.elapsed());
    }
    Ok(times)
}

/// All days concurrently, the slots of each day in order.
async fn fill(
    http: &reqwest::Client,
    url: &str,
    first: chrono::NaiveDate,
    days: usize,
) -> Fallible<Vec<Duration>> {
    let fill_day = |date: chrono::NaiveDate| {
        let (http, url) = (http.clone(), url.to_owned());
        async move {
            let day = http.get(format!("{url}/api/availability?date={date}&party_size=4")).send().await?;
            let day: Value = day.error_for_status()?.json().await?;
            let mut times = Vec::new();
            for slot in day["slots"].as_array().ok_or("no slots")? {
                loop {
                    let mut body = booking();
                    body["party_size"] = json!(4);
                    body["start_time"] = slot["start_time"].clone();
                    if let Some(members) = body.as_object_mut() {
                        members.remove("venue_id");
                    }
                    let began = Instant::now();
                    let answer = http.post(format!("{url}/api/reservations")).json(&body).send().await?;
                    match answer.status().as_u16() {
                        200 => times.push(began.elapsed()),
                        409 => break,
                        other => return Err(format!("a booking got the response {other}").into()),
                    }
                }
            }
            Fallible::Ok(times)
        }
    };
    let filling: Vec<_> = first.iter_days().take(days).map(|date| tokio::spawn(fill_day(date))).collect();
    let mut times = Vec::new();
    for day in filling {
        times.extend(day.await??);
    }
    Ok(times)
}

#[expect(clippy::print_stdout, reason = "this is the requested output")]
fn print(line: &str) {
    println!("{line}");
}
