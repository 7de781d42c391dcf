//! The waitlist during many cancellations, checked with the feed alone: the order is kept, no party is skipped, no
//! offer outlives its hold, and a replay has the same result, byte for byte.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use axum::http::StatusCode;
use chassis::environment::ManualEnvironment;
use chrono::{DateTime, TimeDelta, Utc};
use events::store::EventStore;
use events::store::memory::MemoryStore;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::app::{TestApp, start_of_time};

/// Six tables, all requested for eight o'clock.
const SEATS: [u64; 6] = [2, 2, 4, 4, 6, 8];
const AT: &str = "2026-12-24T20:00";

#[derive(Debug, Clone)]
enum Step {
    Join(u64),
    Book(u64),
    /// The nth of the parties with a table cancels.
    Cancel(usize),
    /// The cancellation of the nth of them was a mistake.
    Undo(usize),
    /// The nth of the parties that ever joined the waitlist accepts.
    Accept(usize),
    Decline(usize),
    Leave(usize),
    Minutes(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..9_u64).prop_map(Step::Join),
        3 => (1..9_u64).prop_map(Step::Book),
        4 => any::<usize>().prop_map(Step::Cancel),
        2 => any::<usize>().prop_map(Step::Undo),
        3 => any::<usize>().prop_map(Step::Accept),
        1 => any::<usize>().prop_map(Step::Decline),
        1 => any::<usize>().prop_map(Step::Leave),
        2 => (1..20_i64).prop_map(Step::Minutes),
    ]
}

fn venue() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let table = |(n, seats): (usize, &u64)| json!({"id": format!("t{n}"), "area": "Sala", "seats": seats});
    let tables: Vec<_> = SEATS.iter().enumerate().map(table).collect();
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let venue = json!({
        "id": "six", "name": "Six Tables", "timezone": "Europe/Rome", "country": "IT", "currency": "EUR",
        "locale": "en", "tables": tables, "policy": {"offer_minutes": 15},
        "services": [{"name": "Dinner", "days": days, "opens": "18:00", "closes": "23:00"}],
    });
    std::fs::write(dir.path().join("six.json"), venue.to_string()).unwrap();
    dir
}

/// Returns when all consequences have happened.
async fn settled(app: &TestApp) {
    let settle = async {
        let mut head = app.app.store.watch_head();
        loop {
            let seen = *head.borrow_and_update();
            app.app.projections.wait_until(seen).await;
            let now = chassis::environment::Environment::now(&app.clock);
            if app.app.projections.passed_deadlines(now, None, 1).is_empty() {
                app.app.executor.waitlist_progress.wait_for_all(seen).await;
                if *head.borrow() == seen {
                    return;
                }
            } else {
                head.changed().await.unwrap();
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), settle)
        .await
        .expect("the service never settled");
}

/// The state according to the feed so far.
#[derive(Default)]
struct Feed {
    after: String,
    /// The waiting parties with their sizes, by the position at which they joined.
    line: BTreeMap<u64, (String, u64)>,
    offers: HashMap<String, DateTime<Utc>>,
    held: HashMap<String, Vec<usize>>,
    faults: Vec<String>,
}

impl Feed {
    fn is_free(&self, table: usize) -> bool {
        self.held.values().all(|tables| !tables.contains(&table))
    }

    fn best(&self, size: u64) -> Option<usize> {
        let fits = |table: &usize| SEATS[*table] >= size && self.is_free(*table);
        (0..SEATS.len()).filter(fits).min_by_key(|table| (SEATS[*table], *table))
    }

    /// Reads further events and checks each against the rules.
    async fn read(&mut self, app: &TestApp) {
        loop {
            let page = app.get(&format!("/events?limit=1000{}", self.after)).await.json();
            let Some(last) = page.as_array().unwrap().last() else { return };
            self.after = format!("&lastEventId={}", last["id"].as_str().unwrap());
            let mut taken_by_offer = false;
            for event in page.as_array().unwrap() {
                self.event(event, &mut taken_by_offer);
            }
        }
    }

    fn event(&mut self, event: &Value, accepted: &mut bool) {
        let (id, data) = (event["subject"].as_str().unwrap().to_owned(), &event["data"]);
        let time: DateTime<Utc> = event["time"].as_str().unwrap().parse().unwrap();
        let table = |value: &Value| value["table_id"].as_str().unwrap()[1..].parse::<usize>().unwrap();
        match event["type"].as_str().unwrap() {
            "meja.waitlist.joined.v1" => {
                let position = event["sequence"].as_str().unwrap().parse().unwrap();
                self.line.insert(position, (id, data["party_size"].as_u64().unwrap()));
            }
            "meja.waitlist.offered.v1" => {
                let first = self.line.iter().find(|(_, (_, size))| self.best(*size).is_some());
                let Some((place, (who, size))) = first.map(|(place, who)| (*place, who.clone())) else {
                    return self.faults.push(format!("{id} is offered a table that is not free"));
                };
                if who != id || self.best(size) != Some(table(data)) {
                    self.faults.push(format!("{} is offered to {id}, but {who} is first", data["table_id"]));
                }
                self.line.remove(&place);
                self.held.insert(id.clone(), vec![table(data)]);
                self.offers.insert(id, data["expires_at"].as_str().unwrap().parse().unwrap());
            }
            "meja.waitlist.accepted.v1" => {
                self.held.remove(&id);
                if self.offers.remove(&id).is_none_or(|ends| time >= ends) {
                    self.faults.push(format!("{id} accepts an offer that has ended"));
                }
                *accepted = true;
            }
            "meja.waitlist.left.v1" => {
                self.line.retain(|_, (who, _)| *who != id);
                self.held.remove(&id);
                let (ends, why) = (self.offers.remove(&id), data["reason_code"].as_str().unwrap());
                if why == "offer_expired" && ends.is_none_or(|ends| time < ends) {
                    self.faults.push(format!("the offer to {id} ended early"));
                }
            }
            "meja.table.assigned.v1" => {
                let (table, accepted) = (table(data), std::mem::take(accepted));
                if !self.is_free(table) {
                    self.faults.push(format!("table {table} is assigned to {id} but is not free"));
                }
                let skipped = self.line.values().find(|(_, size)| *size <= SEATS[table]);
                if let (false, Some((who, _))) = (accepted, skipped) {
                    self.faults.push(format!("table {table} is assigned to {id}, but {who} waits for it"));
                }
                self.held.entry(id).or_default().push(table);
            }
            "meja.table.released.v1" => drop(self.held.remove(&id)),
            _ => {}
        }
    }

    fn at_rest(&mut self, now: DateTime<Utc>) {
        let skipped = self.line.values().find(|(_, size)| self.best(*size).is_some());
        self.faults.extend(skipped.map(|(who, _)| format!("{who} waits for a table that is free")));
        let outlived = self.offers.iter().find(|(_, ends)| **ends <= now);
        self.faults.extend(outlived.map(|(who, _)| format!("the offer to {who} outlives its hold")));
    }
}

async fn run(steps: &[Step]) -> Vec<String> {
    let (venues, store) = (venue(), Arc::new(MemoryStore::new("reservation")) as Arc<dyn EventStore>);
    let clock = ManualEnvironment::at(start_of_time());
    let start =
        async || TestApp::at(venues.path().to_str().unwrap(), Arc::clone(&store), clock.clone()).await;
    let (app, mut feed) = (start().await, Feed::default());
    let (mut booked, mut line): (Vec<String>, Vec<String>) = Default::default();
    for step in steps {
        let nth = |of: &[String], n: usize| (!of.is_empty()).then(|| of[n % of.len()].clone());
        let wait = async |id: Option<String>, what: &str| match id {
            Some(id) => Some(app.post(&format!("/api/waitlist/{id}/{what}"), &json!({})).await),
            None => None,
        };
        let answer = match step {
            Step::Join(size) => {
                let joining =
                    json!({"venue_id": "six", "party_size": size, "earliest_time": AT, "latest_time": AT});
                line.push(crate::waitlist::join(&app, joining).await);
                None
            }
            Step::Book(size) => {
                let body = json!({"venue_id": "six", "party_size": size, "start_time": AT});
                Some(app.post("/api/reservations", &crate::app::booking(body)).await)
            }
            Step::Cancel(n) => match nth(&booked, *n) {
                Some(id) => Some(app.command(&id, "cancel", json!({"reason_code": "other"})).await),
                None => None,
            },
            Step::Undo(n) => match nth(&booked, *n) {
                Some(id) => {
                    let undo = json!({"change": "cancellation", "reason_code": "other"});
                    Some(app.command(&id, "undo", undo).await)
                }
                None => None,
            },
            Step::Accept(n) => wait(nth(&line, *n), "accept").await,
            Step::Decline(n) => wait(nth(&line, *n), "decline").await,
            Step::Leave(n) => wait(nth(&line, *n), "leave").await,
            Step::Minutes(minutes) => {
                clock.advance(TimeDelta::minutes(*minutes));
                None
            }
        };
        if let Some(answer) = answer {
            assert!(matches!(answer.status, StatusCode::OK | StatusCode::CONFLICT), "{}", answer.text());
            if answer.status == StatusCode::OK && matches!(step, Step::Book(_) | Step::Accept(_)) {
                booked.push(answer.json()["reservation_id"].as_str().unwrap().to_owned());
            }
        }
        settled(&app).await;
        feed.read(&app).await;
        feed.at_rest(chassis::environment::Environment::now(&clock));
    }
    let again = start().await;
    let paths = line.iter().map(|id| format!("/api/waitlist/{id}"));
    for path in paths.chain([
        "/api/waitlist".to_owned(),
        format!("/api/floor?at={AT}"),
        "/api/reservations".to_owned(),
    ]) {
        if app.get(&path).await.bytes != again.get(&path).await.bytes {
            feed.faults.push(format!("{path} differs after a replay"));
        }
    }
    feed.faults
}

#[test]
fn the_waitlist_order_is_kept_and_no_entry_is_skipped() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = ProptestConfig {
        cases: super::cases(20, 1_000),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let steps = proptest::collection::vec(step(), 10..60);
    let outcome = TestRunner::new(config).run(&steps, |steps| {
        prop_assert_eq!(runtime.block_on(run(&steps)), Vec::<String>::new());
        Ok(())
    });
    outcome.unwrap();
}

/// While one party cancels, ten clients book concurrently, and other venues change the log. The waiting party must get
/// the table.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_booking_overtakes_a_waiting_party() {
    let venues = venue();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/venues/by-hand/bandung-dago.json");
    std::fs::copy(path, venues.path().join("bandung-dago.json")).unwrap();
    for _ in 0..super::cases(100, 10_000) {
        let store = Arc::new(MemoryStore::new("reservation"));
        let app =
            TestApp::at(venues.path().to_str().unwrap(), store, ManualEnvironment::at(start_of_time())).await;
        // The only table for eight guests.
        let wanted = json!({"venue_id": "six", "party_size": 8, "start_time": AT});
        let taken = app.book(wanted.clone()).await;
        let joining = json!({"venue_id": "six", "party_size": 8, "earliest_time": AT, "latest_time": AT});
        let waits = crate::waitlist::join(&app, joining).await;
        let wanted = ("/api/reservations".to_owned(), crate::app::booking(wanted));
        let elsewhere = json!({"venue_id": "bandung-dago", "start_time": AT});
        let elsewhere = ("/api/reservations".to_owned(), crate::app::booking(elsewhere));
        let cancel = (format!("/api/reservations/{taken}/cancel"), json!({"reason_code": "other"}));
        let mut posts = vec![&elsewhere; 30];
        posts.extend(vec![&wanted; 10]);
        posts.insert(12, &cancel);
        let answers = posts.into_iter().enumerate().map(|(n, (path, body))| {
            let (router, path, body) = (app.router.clone(), path.clone(), body.clone());
            tokio::spawn(async move { (n > 30, crate::app::post_to(router, &path, &body).await.status) })
        });
        for answer in futures::future::join_all(answers.collect::<Vec<_>>()).await {
            let (wants, status) = answer.unwrap();
            assert!(
                !wants || status == StatusCode::CONFLICT,
                "a booking took the table of the waiting party"
            );
        }
        crate::waitlist::becomes(&app, &waits, "OFFERED").await;
    }
}
