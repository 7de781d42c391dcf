//! Clients that book, confirm, assign tables and cancel, and record their requests and responses;
//! consumers that follow the feed and record what they read.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::checker::{Act, Consumer, Event, Op, Outcome, check};
use crate::services::{DEADLINE, booking};

/// Few tables for many clients.
const TABLES: [&str; 3] = ["D1", "D2", "D3"];

/// The header with the position that a client has seen.
const POSITION: &str = "meja-position";

/// All requests and everything read from the feed, across restarts of the service.
pub struct Campaign {
    began: Instant,
    pub ops: Mutex<Vec<Op>>,
    stop: AtomicBool,
    /// Responses after this time are ignored.
    silent_from: AtomicU64,
    /// A pause between two requests of one client.
    pub pause: Duration,
}

/// `body` with white space that no other request has, so that the digest of the request tells which one it is.
fn distinct(body: &Value) -> String {
    let number = Uuid::new_v4().as_u128();
    let space = (0..128).map(|bit| if number >> bit & 1 == 0 { ' ' } else { '\n' });
    body.to_string().chars().chain(space).collect()
}

/// The digest of a request, as its events contain it.
fn digest(key: &str, path: &str, body: &str) -> String {
    let parts = [key, "\0", "POST", "\0", path, "\0", body];
    let fingerprint = parts.into_iter().fold(Sha256::new(), |hash, part| hash.chain_update(part)).finalize();
    hex::encode(&fingerprint[..16])
}

impl Campaign {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            ops: Mutex::default(),
            stop: AtomicBool::new(false),
            silent_from: AtomicU64::new(u64::MAX),
            pause: Duration::from_millis(1),
        })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap()
    }

    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    pub fn resume(&self) {
        self.stop.store(false, Ordering::Relaxed);
        self.silent_from.store(u64::MAX, Ordering::SeqCst);
    }

    /// Discards all later responses, as if the client never got them.
    pub fn nobody_answers_any_more(&self) {
        self.silent_from.store(self.now(), Ordering::SeqCst);
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// The number of successful responses so far.
    pub fn acknowledged(&self) -> usize {
        let ops = self.ops.lock().unwrap();
        ops.iter().filter(|op| matches!(op.outcome, Outcome::Acked)).count()
    }

    /// Runs `clients` clients until the campaign is stopped.
    pub async fn run(self: &Arc<Self>, url: &str, http: &reqwest::Client, clients: usize) {
        self.run_through(&[url.to_owned()], http, clients).await;
    }

    /// Runs `clients` clients until the campaign is stopped. Each sends its requests, and repetitions of a request, to the
    /// instances at `urls` at random.
    pub async fn run_through(self: &Arc<Self>, urls: &[String], http: &reqwest::Client, clients: usize) {
        let all = (0..clients).map(|client| {
            let (campaign, urls, http) = (Arc::clone(self), urls.to_owned(), http.clone());
            tokio::spawn(async move { campaign.client(client, &urls, &http).await })
        });
        for client in all.collect::<Vec<_>>() {
            client.await.unwrap();
        }
    }

    async fn client(&self, client: usize, urls: &[String], http: &reqwest::Client) {
        // What the client has seen last, so that every instance knows its reservations.
        let mut position = None;
        // The reservations of this client. No other client changes them.
        let mut mine: Vec<String> = Vec::new();
        while !self.stopped() {
            let (act, path, body) = self.choose(&mine);
            let key = Uuid::new_v4().to_string();
            let body = distinct(&body);
            let mut op = Op {
                client,
                digest: digest(&key, &path, &body),
                act,
                reservation: None,
                invoked: self.now(),
                answered: None,
                outcome: Outcome::Unknown,
            };
            // A request without a response is repeated with the same key, until the campaign stops.
            for attempt in 0..3 {
                let url = &urls[fastrand::usize(..urls.len())];
                let request = http.post(format!("{url}{path}")).body(body.clone());
                let request = request.header("content-type", "application/json");
                let mut request = request.header("idempotency-key", &key);
                if let Some(position) = &position {
                    request = request.header(POSITION, position);
                }
                if let Ok(answer) = request.send().await {
                    let status = answer.status().as_u16();
                    position = answer.headers().get(POSITION).cloned().or(position);
                    let body: Option<Value> = answer.json().await.ok();
                    op.outcome = match outcome(status, body.as_ref()) {
                        // It says nothing about an earlier attempt, which another instance may still carry out.
                        Outcome::NotDone(_) if attempt > 0 => Outcome::Unknown,
                        outcome => outcome,
                    };
                    let now = self.now();
                    if now >= self.silent_from.load(Ordering::SeqCst) {
                        op.outcome = Outcome::Unknown;
                        break;
                    }
                    if !matches!(op.outcome, Outcome::Unknown) {
                        op.answered = Some(now);
                        op.reservation =
                            body.and_then(|body| body["reservation_id"].as_str().map(str::to_owned));
                        break;
                    }
                }
                if self.stopped() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            if let (Act::Book, Some(id)) = (&op.act, &op.reservation) {
                mine.push(id.clone());
            }
            if mine.len() > 8 {
                mine.remove(0);
            }
            self.ops.lock().unwrap().push(op);
            tokio::time::sleep(self.pause).await;
        }
    }

    fn choose(&self, mine: &[String]) -> (Act, String, Value) {
        let slot = fastrand::u8(0..4);
        let Some(id) = fastrand::choice(mine).filter(|_| fastrand::u8(..10) > 4).cloned() else {
            let mut body = booking(2);
            let start =
                body["start_time"].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap();
            body["start_time"] = json!((start + chrono::TimeDelta::hours(i64::from(slot) * 3)).to_rfc3339());
            return (Act::Book, "/api/reservations".into(), body);
        };
        let path = |command: &str| format!("/api/reservations/{id}/{command}");
        match fastrand::u8(..10) {
            0..6 => {
                let table = TABLES[fastrand::usize(..TABLES.len())];
                (
                    Act::Assign { reservation: id.clone(), table: table.into() },
                    path("assign-table"),
                    json!({"table_id": table}),
                )
            }
            6 => {
                let body = json!({"change": "cancellation", "reason_code": "wrong_booking", "allow_duplicate": true});
                (Act::Undo { reservation: id.clone() }, path("undo"), body)
            }
            7 => (Act::Confirm { reservation: id.clone() }, path("confirm"), json!({})),
            _ => {
                let body = json!({"reason_code": "guest_request", "description": "torture"});
                (Act::Cancel { reservation: id.clone() }, path("cancel"), body)
            }
        }
    }

    /// Follows the feed until the campaign is stopped, then to its end.
    pub async fn consume(self: Arc<Self>, url: String, http: reqwest::Client) -> Consumer {
        let mut consumer = Consumer::default();
        let mut give_up = None;
        loop {
            let cursor =
                consumer.seen.last().map(|event| format!("&lastEventId={}", event.id)).unwrap_or_default();
            let last_try = self.stopped();
            give_up = give_up.filter(|_| last_try);
            match http.get(format!("{url}/events?limit=200&timeout=100{cursor}")).send().await {
                Ok(answer) if answer.status().is_success() => {
                    let Ok(page) = answer.bytes().await else { continue };
                    let events = Event::parse_page(&page);
                    if events.is_empty() && last_try {
                        consumer.finished = true;
                        return consumer;
                    }
                    consumer.seen.extend(events);
                }
                Ok(answer) if answer.status() == 409 => {
                    consumer.refused = Some(answer.text().await.unwrap_or_default());
                    return consumer;
                }
                failed => {
                    let deadline = *give_up.get_or_insert_with(|| Instant::now() + DEADLINE);
                    if last_try && Instant::now() > deadline {
                        consumer.refused = Some(format!("{failed:?}"));
                        return consumer;
                    }
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        }
    }
}

/// The consumers of a campaign, which run until it is stopped.
pub struct Consumers(Vec<JoinHandle<Consumer>>);

impl Consumers {
    /// Starts one consumer of the feed at each of `urls`.
    pub fn follow(campaign: &Arc<Campaign>, urls: &[String], http: &reqwest::Client) -> Self {
        let consume = |url: &String| tokio::spawn(Arc::clone(campaign).consume(url.clone(), http.clone()));
        Self(urls.iter().map(consume).collect())
    }

    /// Waits until each has read to the end, and compares everything with the feed at `url`. Returns the requests, and the number
    /// of events.
    pub async fn check(self, campaign: &Campaign, url: &str, http: &reqwest::Client) -> (Vec<Op>, usize) {
        let mut seen = Vec::new();
        for consumer in self.0 {
            seen.push(consumer.await.unwrap());
        }
        for consumer in &seen {
            assert!(consumer.finished, "a consumer did not read to the end: {:?}", consumer.refused);
        }
        let feed = feed(url, http).await;
        let ops = std::mem::take(&mut *campaign.ops.lock().unwrap());
        assert_eq!(check(&ops, &seen, &feed), Vec::<String>::new());
        (ops, feed.len())
    }
}

fn outcome(status: u16, body: Option<&Value>) -> Outcome {
    let code = body.and_then(|body| body["code"].as_str()).unwrap_or_default().to_owned();
    match status {
        200 => Outcome::Acked,
        409 => Outcome::Refused(code),
        // The response says that nothing was done.
        503 if matches!(code.as_str(), "overloaded" | "disk_full" | "log_unavailable") => {
            Outcome::NotDone(code)
        }
        503 | 504 => Outcome::Unknown,
        // The connection ended in the middle of a response.
        _ if body.is_none() => Outcome::Unknown,
        other => Outcome::Wrong(format!("{other} {code}")),
    }
}

/// The complete feed at this time.
pub async fn feed(url: &str, http: &reqwest::Client) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    loop {
        let cursor = events.last().map(|event| format!("&lastEventId={}", event.id)).unwrap_or_default();
        let answer = http.get(format!("{url}/events?limit=1000{cursor}")).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
        let page = Event::parse_page(&answer.bytes().await.unwrap());
        if page.is_empty() {
            return events;
        }
        events.extend(page);
    }
}
