//! Many concurrent clients of two applications that share one log, as two processes would.

use std::collections::HashMap;
use std::sync::Arc;

use axum::http::StatusCode;
use chassis::environment::ManualEnvironment;
use chrono::TimeDelta;
use events::query::{AppendCondition, Query};
use events::recorded::NewEvent;
use events::store::memory::MemoryStore;
use events::store::{AppendError, Appended, EventStore, Page, ReadError};
use events::{LogId, Position};
use futures::future::{BoxFuture, join_all};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::app::{Answer, TestApp, start_of_time};

/// A venue with ten tables of four, open all day, with at most `covers` guests per slot.
pub fn venue(covers: u32) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let tables: Vec<_> =
        (1..=10).map(|n| json!({"id": format!("t{n}"), "area": "Sala", "seats": 4})).collect();
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let venue = json!({
        "id": "ten", "name": "Ten Tables", "timezone": "Europe/Rome", "country": "IT", "currency": "EUR",
        "locale": "en", "tables": tables, "policy": {}, "pacing": {"covers_per_slot": covers},
        "services": [{"name": "All day", "days": days, "opens": "10:00", "closes": "23:00"}],
    });
    std::fs::write(dir.path().join("ten.json"), venue.to_string()).unwrap();
    dir
}

pub async fn two_applications(venues: &tempfile::TempDir, store: &Arc<dyn EventStore>) -> [TestApp; 2] {
    // Both applications share one environment, so that no id is generated twice.
    let environment = ManualEnvironment::at(start_of_time());
    let application = || TestApp::at(venues.path().to_str().unwrap(), Arc::clone(store), environment.clone());
    [application().await, application().await]
}

pub fn party(start_time: &str) -> Value {
    crate::app::booking(json!({"start_time": start_time, "venue_id": "ten"}))
}

/// Reads the whole feed and returns the violations in it: tables given to two parties at once, and slots with
/// more than `covers` guests.
pub async fn faults(app: &TestApp, covers: u64) -> Vec<String> {
    let (mut faults, mut after) = (Vec::new(), String::new());
    let mut tables: HashMap<String, Vec<(String, String, String)>> = HashMap::new();
    let mut parties: HashMap<String, (String, u64)> = HashMap::new();
    let mut waiting: HashMap<String, u64> = HashMap::new();
    loop {
        let page = app.get(&format!("/events?limit=1000{after}")).await.json();
        let Some(last) = page.as_array().unwrap().last() else { return faults };
        after = format!("&lastEventId={}", last["id"].as_str().unwrap());
        for event in page.as_array().unwrap() {
            let (id, data) = (event["subject"].as_str().unwrap().to_owned(), &event["data"]);
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let kind = event["type"].as_str().unwrap();
            match kind {
                "meja.table.assigned.v1" => {
                    let taken = tables.entry(text(&data["table_id"])).or_default();
                    let (start, end) = (text(&data["window"]["start"]), text(&data["window"]["end"]));
                    if let Some((other, ..)) = taken.iter().find(|(_, s, e)| *s < end && start < *e) {
                        faults.push(format!("{} is assigned to {id} while {other} has it", data["table_id"]));
                    }
                    taken.push((id.clone(), start, end));
                }
                "meja.table.released.v1" => {
                    let start = text(&data["window"]["start"]);
                    tables
                        .entry(text(&data["table_id"]))
                        .or_default()
                        .retain(|(by, s, _)| *by != id || *s != start);
                }
                "meja.reservation.created.v1" => {
                    let size = data["party_size"].as_u64().unwrap();
                    parties.insert(id.clone(), (text(&data["window"]["start"]), size));
                }
                "meja.reservation.rescheduled.v1" => {
                    parties.entry(id.clone()).and_modify(|party| party.0 = text(&data["to"]["start"]));
                }
                "meja.reservation.cancelled.v1" => drop(parties.remove(&id)),
                "meja.waitlist.joined.v1" => {
                    waiting.insert(id.clone(), data["party_size"].as_u64().unwrap());
                }
                // An offer holds its tables like a booking.
                "meja.waitlist.offered.v1" => {
                    let (start, end) = (text(&data["window"]["start"]), text(&data["window"]["end"]));
                    for table in data["tables"].as_array().unwrap() {
                        let taken = tables.entry(text(&table["table_id"])).or_default();
                        if let Some((other, ..)) = taken.iter().find(|(_, s, e)| *s < end && start < *e) {
                            let table = &table["table_id"];
                            faults.push(format!("{table} is offered to {id} while {other} has it"));
                        }
                        taken.push((id.clone(), start.clone(), end.clone()));
                    }
                    parties.insert(id.clone(), (start, waiting[&id]));
                }
                "meja.waitlist.accepted.v1" | "meja.waitlist.left.v1" => {
                    tables.values_mut().for_each(|taken| taken.retain(|(by, ..)| *by != id));
                    parties.remove(&id);
                }
                _ => {}
            }
            if let Some((start, _)) = parties.get(&id) {
                let arriving: u64 =
                    parties.values().filter(|(at, _)| at == start).map(|(_, size)| size).sum();
                if arriving > covers {
                    faults.push(format!("{arriving} guests arrive at {start}"));
                }
            }
        }
    }
}

fn count(answers: &[Answer]) -> (usize, usize) {
    let taken = answers.iter().filter(|answer| answer.status == StatusCode::OK).count();
    let refused = answers.iter().filter(|answer| {
        answer.status == StatusCode::CONFLICT && !answer.json()["alternatives"].as_array().unwrap().is_empty()
    });
    (taken, refused.count())
}

pub async fn all_at_once(applications: &[TestApp; 2], posts: Vec<(String, Value)>) -> Vec<Answer> {
    let posts = posts.into_iter().enumerate().map(|(n, (path, body))| {
        let router = applications[n % 2].router.clone();
        tokio::spawn(async move { crate::app::post_to(router, &path, &body).await })
    });
    join_all(posts.collect::<Vec<_>>()).await.into_iter().map(Result::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_clients_and_ten_tables_ten_succeed() {
    let venues = venue(1_000);
    let store: Arc<dyn EventStore> = Arc::new(MemoryStore::new("reservation"));
    let applications = two_applications(&venues, &store).await;
    let posts = (0..1_000).map(|_| ("/api/reservations".to_owned(), party("2026-12-24T20:00")));
    let answers = all_at_once(&applications, posts.collect()).await;
    assert_eq!(count(&answers), (10, 990));
    assert_eq!(faults(&applications[0], 1_000).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_slot_exceeds_its_pacing_limit() {
    let venues = venue(22);
    let store: Arc<dyn EventStore> = Arc::new(MemoryStore::new("reservation"));
    let applications = two_applications(&venues, &store).await;
    let posts = (0..300).map(|_| ("/api/reservations".to_owned(), party("2026-12-24T20:00")));
    let answers = all_at_once(&applications, posts.collect()).await;
    assert_eq!(count(&answers), (5, 295));
    assert_eq!(answers.iter().filter(|a| a.status == 409 && a.problem().1 == "pacing").count(), 295);
    assert_eq!(faults(&applications[0], 22).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_forty_reservations_rescheduled_to_one_time_ten_succeed() {
    let venues = venue(1_000);
    let store: Arc<dyn EventStore> = Arc::new(MemoryStore::new("reservation"));
    let applications = two_applications(&venues, &store).await;
    let mut ids = Vec::new();
    for hour in [10, 12, 14, 16] {
        for _ in 0..10 {
            let body = json!({"start_time": format!("2026-12-24T{hour}:00"), "venue_id": "ten"});
            ids.push(applications[0].book(body).await);
        }
    }
    let posts = ids.iter().map(|id| {
        (
            format!("/api/reservations/{id}/reschedule"),
            json!({"start_time": "2026-12-24T20:00", "allow_duplicate": true}),
        )
    });
    let answers = all_at_once(&applications, posts.collect()).await;
    assert_eq!(count(&answers), (10, 30));
    assert_eq!(faults(&applications[0], 1_000).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_confirmed_by_many_clients_is_confirmed_once() {
    let venues = venue(1_000);
    let store: Arc<dyn EventStore> = Arc::new(MemoryStore::new("reservation"));
    let applications = two_applications(&venues, &store).await;
    let posts = (0..1_000).map(|_| ("/api/reservations".to_owned(), party("2026-12-24T20:00")));
    let booked = all_at_once(&applications, posts.collect()).await;
    let ids: Vec<_> = booked
        .iter()
        .filter(|answer| answer.status == StatusCode::OK)
        .map(|answer| answer.json()["reservation_id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), 10);
    let posts =
        ids.iter().cycle().take(1_000).map(|id| (format!("/api/reservations/{id}/confirm"), json!({})));
    let answers = all_at_once(&applications, posts.collect()).await;
    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK));
    let confirmed = applications[0].get("/events?type=meja.reservation.confirmed.v1&limit=1000").await.json();
    assert_eq!(confirmed.as_array().unwrap().len(), 10);
    assert_eq!(faults(&applications[0], 1_000).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_accepting_clients_the_ten_with_an_offer_succeed() {
    let venues = venue(1_000);
    let store: Arc<dyn EventStore> = Arc::new(MemoryStore::new("reservation"));
    let applications = two_applications(&venues, &store).await;
    let mut booked = Vec::new();
    for _ in 0..10 {
        booked.push(applications[0].book(json!({"start_time": "2026-12-24T20:00", "venue_id": "ten"})).await);
    }
    let mut line = Vec::new();
    for _ in 0..50 {
        let at = json!("2026-12-24T20:00");
        let joining = json!({"venue_id": "ten", "party_size": 4, "earliest_time": at, "latest_time": at});
        line.push(crate::waitlist::join(&applications[0], joining).await);
    }
    let cancel = |id: &String| (format!("/api/reservations/{id}/cancel"), json!({"reason_code": "other"}));
    // While ten parties cancel, many clients request their tables.
    let others = (0..200).map(|_| ("/api/reservations".to_owned(), party("2026-12-24T20:00")));
    let answers = all_at_once(&applications, booked.iter().map(cancel).chain(others).collect()).await;
    assert_eq!(count(&answers).0, 10, "only the cancellations succeed: the waitlist has priority");
    for id in &line[..10] {
        crate::waitlist::becomes(&applications[1], id, "OFFERED").await;
    }
    let posts = line.iter().cycle().take(1_000).map(|id| (format!("/api/waitlist/{id}/accept"), json!({})));
    let answers = all_at_once(&applications, posts.collect()).await;
    let got: std::collections::BTreeSet<_> = answers
        .iter()
        .filter(|answer| answer.status == StatusCode::OK)
        .map(|answer| answer.json()["reservation_id"].to_string())
        .collect();
    assert_eq!(got.len(), 10);
    let nothing = answers.iter().filter(|answer| answer.status == StatusCode::CONFLICT);
    assert_eq!(nothing.filter(|answer| answer.problem().1 == "nothing_offered").count(), 800);
    assert_eq!(faults(&applications[0], 1_000).await, Vec::<String>::new());
}

/// Hosts change tables at the same moment: parties stay longer, exchange tables, are cancelled and reinstated, and others
/// book.
#[tokio::test(flavor = "multi_thread")]
async fn no_table_is_held_twice_while_hosts_extend_swap_and_undo() {
    let mut succeeded = std::collections::BTreeMap::<String, usize>::new();
    for round in 0..super::cases(5, 500) {
        let venues = venue(1_000);
        let store: Arc<dyn EventStore> = Arc::new(MemoryStore::new("reservation"));
        let applications = two_applications(&venues, &store).await;
        let app = &applications[0];
        let (mut seated, mut next) = (Vec::new(), Vec::new());
        for _ in 0..10 {
            let at = |hour: u32| json!({"start_time": format!("2026-12-01T{hour}:00"), "venue_id": "ten"});
            seated.push(app.book(at(18)).await);
            next.push(app.book(at(21)).await);
        }
        app.clock.advance(TimeDelta::hours(8));
        for id in &seated {
            app.command(id, "confirm", json!({})).await;
            app.command(id, "check-in", json!({})).await;
        }
        let command =
            |id: &String, command: &str, body: Value| (format!("/api/reservations/{id}/{command}"), body);
        let anyway = json!({"end_time": "2026-12-01T22:00", "override": {"reason_code": "other"}});
        let undo = json!({"change": "cancellation", "reason_code": "other"});
        let mut posts = Vec::new();
        for n in 0..10 {
            let (other, later) = (&seated[(n + 3) % 10], &next[(n + 5) % 10]);
            posts.extend([
                command(&seated[n], "extend", anyway.clone()),
                command(&seated[n], "swap", json!({"with": other})),
                command(&next[n], "swap", json!({"with": later})),
                command(&next[n], "cancel", json!({"reason_code": "other"})),
                command(later, "undo", undo.clone()),
                ("/api/reservations".to_owned(), party("2026-12-01T21:00")),
            ]);
        }
        let paths: Vec<_> = posts.iter().map(|(path, _)| path.clone()).collect();
        let answers = all_at_once(&applications, posts).await;
        for (path, answer) in paths.iter().zip(&answers) {
            let command = path.rsplit('/').next().unwrap().to_owned();
            match answer.status {
                StatusCode::OK => *succeeded.entry(command).or_default() += 1,
                _ => assert_ne!(answer.problem(), (409, "contended".into()), "{path}"),
            }
            assert!(matches!(answer.status.as_u16(), 200 | 409), "{path}: {}", answer.text());
        }
        assert_eq!(faults(app, 1_000).await, Vec::<String>::new(), "round {round}");
    }
    for command in ["extend", "swap", "cancel", "undo"] {
        assert!(succeeded.contains_key(command), "no {command} succeeded: {succeeded:?}");
    }
}

/// A positive control: a store that ignores append conditions, used to check that [`faults`] finds double
/// bookings.
struct Unconditional(MemoryStore);

impl EventStore for Unconditional {
    fn log_id(&self) -> LogId {
        self.0.log_id()
    }

    fn append(
        &self,
        events: Vec<NewEvent>,
        _: AppendCondition,
    ) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move {
            // Lets concurrent commands decide before this append.
            tokio::task::yield_now().await;
            self.0.append(events, AppendCondition::unchanged(Query::default(), Position::START)).await
        })
    }

    fn read<'a>(
        &'a self,
        query: &'a Query,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'a, Result<Page, ReadError>> {
        self.0.read(query, after, limit)
    }

    fn watch_head(&self) -> watch::Receiver<Position> {
        self.0.watch_head()
    }

    fn confidential(
        &self,
        positions: Vec<Position>,
    ) -> BoxFuture<'_, Result<Vec<Option<bytes::Bytes>>, ReadError>> {
        self.0.confidential(positions)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_append_condition_a_double_booking_occurs_and_is_found() {
    for _ in 0..20 {
        let venues = venue(1_000);
        let store: Arc<dyn EventStore> = Arc::new(Unconditional(MemoryStore::new("reservation")));
        let applications = two_applications(&venues, &store).await;
        let posts = (0..100).map(|_| ("/api/reservations".to_owned(), party("2026-12-24T20:00")));
        all_at_once(&applications, posts.collect()).await;
        if !faults(&applications[0], 1_000).await.is_empty() {
            return;
        }
    }
    panic!("the checker found no fault in a log that ignores append conditions");
}
