//! Questions about the past get the answers that the service gave then.

use std::sync::Arc;

use axum::http::StatusCode;
use chassis::environment::ManualEnvironment;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use events::Position;
use events::store::memory::MemoryStore;
use serde_json::{Value, json};

use crate::app::{TestApp, booking, start_of_time};
use crate::closures::CLOSURES;
use crate::keys::{create, get_as};
use crate::venue_rules::{BANDUNG, put, read};
use crate::waitlist::joining;

/// Stories, each with other commands.
const STORIES: u64 = 4;
/// Commands of a story.
const COMMANDS: usize = 60;
/// After how many commands questions are asked.
const ASK_EVERY: usize = 4;

/// What the service answered at some time.
struct Answered {
    /// The last event, if it was recorded at that time.
    position: Option<u64>,
    at: DateTime<Utc>,
    answers: Vec<(String, Value)>,
}

/// A venue on some days, and what happens there.
struct Story {
    app: TestApp,
    random: fastrand::Rng,
    bookings: Vec<String>,
    waiting: Vec<String>,
    done: usize,
}

impl Story {
    async fn begin(seed: u64) -> Self {
        let (store, clock) =
            (Arc::new(MemoryStore::new("reservation")), ManualEnvironment::at(start_of_time()));
        let app = TestApp::idle(concat!(env!("CARGO_MANIFEST_DIR"), "/../data/venues"), store, clock).await;
        let random = fastrand::Rng::with_seed(seed);
        Self { app, random, bookings: vec![], waiting: vec![], done: 0 }
    }

    fn date(&mut self) -> NaiveDate {
        start_of_time().date_naive() + TimeDelta::days(self.random.i64(0..4))
    }

    fn time(&mut self) -> String {
        format!("{}T{:02}:{:02}", self.date(), self.random.u8(11..23), 15 * self.random.u8(0..4))
    }

    fn one_of(&mut self, ids: &[String]) -> String {
        self.random.choice(ids).cloned().unwrap_or_else(|| "01939f3e-0000-7000-8000-0000000000ff".to_owned())
    }

    /// Sends a command. Many are refused, as in every restaurant.
    async fn send(&mut self, path: &str, body: Value) -> Value {
        let answer = self.app.post(path, &body).await;
        self.done += usize::from(answer.status == StatusCode::OK);
        answer.json()
    }

    async fn step(&mut self) {
        self.app.clock.advance(TimeDelta::minutes(self.random.i64(1..90)));
        let (booked, waiting) = (self.one_of(&self.bookings.clone()), self.one_of(&self.waiting.clone()));
        let of = |command: &str| format!("/api/reservations/{booked}/{command}");
        let (time, size) = (self.time(), self.random.u8(1..9));
        match self.random.u8(0..20) {
            0..6 => {
                let asked =
                    booking(json!({"venue_id": "bandung-dago", "start_time": time, "party_size": size}));
                let made = self.send("/api/reservations", asked).await;
                self.bookings.extend(made["reservation_id"].as_str().map(str::to_owned));
            }
            6 => {
                let seated = json!({"venue_id": "bandung-dago", "party_size": size});
                let seated = self.send("/api/walk-ins", seated).await;
                self.bookings.extend(seated["reservation_id"].as_str().map(str::to_owned));
            }
            7 | 8 => {
                let times = json!({"venue_id": "bandung-dago", "party_size": size, "earliest_time": time, "latest_time": time});
                let joined = self.send("/api/waitlist", joining(times)).await;
                self.waiting.extend(joined["waitlist_id"].as_str().map(str::to_owned));
            }
            9 => drop(self.send(&format!("/api/waitlist/{waiting}/offer"), json!({})).await),
            10 => {
                let word = *self.random.choice(["accept", "leave", "decline"].iter()).unwrap();
                let accepted = self.send(&format!("/api/waitlist/{waiting}/{word}"), json!({})).await;
                self.bookings.extend(accepted["reservation_id"].as_str().map(str::to_owned));
            }
            11 => drop(self.send(&of("cancel"), json!({"reason_code": "guest_request"})).await),
            12 => drop(self.send(&of("reschedule"), json!({"start_time": time})).await),
            13 => drop(self.send(&of("party-size"), json!({"party_size": size})).await),
            14 | 15 => drop(self.send(&of("check-in"), json!({})).await),
            16 => drop(self.send(&of("complete"), json!({})).await),
            17 => drop(self.send(&of("confirm"), json!({"waive_deposit": true})).await),
            18 => self.change_rules(size).await,
            _ => {
                let (date, tables) = (self.date(), [["T1", "T2"], ["D3", "L1"]][usize::from(size % 2)]);
                let closed = json!({"from": date, "tables": tables, "reason_code": "private_event"});
                self.send(CLOSURES, closed).await;
            }
        }
    }

    async fn change_rules(&mut self, size: u8) {
        let mut rules = read(&self.app, BANDUNG).await.json();
        rules["pacing"]["covers_per_slot"] = json!(12 + size);
        rules["policy"]["deposit"]["from_party_size"] = json!(2 + size);
        self.done += usize::from(put(&self.app, BANDUNG, &rules, None).await.status == StatusCode::OK);
    }

    /// The answers of now.
    async fn ask(&mut self, before: Position) -> Answered {
        let (date, id) = (self.date(), self.one_of(&self.bookings.clone()));
        let paths = [
            "/api/floor?venue_id=bandung-dago".to_owned(),
            format!("/api/floor?venue_id=bandung-dago&date={date}"),
            format!("/api/floor?venue_id=bandung-dago&at={date}T20:00"),
            format!("/api/reservations?venue_id=bandung-dago&date={date}"),
            "/api/reservations?venue_id=bandung-dago&from_date=2026-12-01&to_date=2026-12-20&limit=200"
                .to_owned(),
            "/api/waitlist?venue_id=bandung-dago".to_owned(),
            format!("/api/availability?venue_id=bandung-dago&date={date}&party_size=4"),
            format!("/api/reservations/{id}/charges"),
            BANDUNG.to_owned(),
        ];
        let mut answers = Vec::new();
        for path in paths {
            let answer = without_names(self.app.get(&path).await.json());
            answers.push((path, answer));
        }
        let head = self.app.app.store.known_head();
        Answered { position: (head > before).then_some(head.0), at: self.app.app.env.now(), answers }
    }
}

/// A name that was forgotten since is not in the answers of the past either.
fn without_names(mut answer: Value) -> Value {
    for item in answer["items"].as_array_mut().into_iter().flatten() {
        item["contact_name"] = Value::Null;
    }
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_of_the_past_is_the_one_that_was_given_then() {
    let (mut done, mut asked) = (0, 0);
    for seed in 0..STORIES {
        let mut story = Story::begin(seed).await;
        let mut then = Vec::new();
        for number in 0..COMMANDS {
            let before = story.app.app.store.known_head();
            story.step().await;
            if number % ASK_EVERY == 0 {
                then.push(story.ask(before).await);
            }
        }
        done += story.done;
        // Time goes on, and nothing of it may be seen.
        story.app.clock.advance(TimeDelta::days(2));
        for Answered { position, at, answers } in &then {
            let at = at.to_rfc3339().replace('+', "%2B");
            for (path, expected) in answers {
                let more = if path.contains('?') { '&' } else { '?' };
                for as_of in position.map(|position| position.to_string()).into_iter().chain([at.clone()]) {
                    let path = format!("{path}{more}as_of={as_of}");
                    let now = without_names(story.app.get(&path).await.json());
                    assert!(now == *expected, "seed {seed}: {path}\nwas {expected:#}\nis {now:#}");
                    asked += 1;
                }
            }
        }
    }
    // A story in which everything is refused would prove nothing.
    assert!(done > STORIES as usize * COMMANDS / 3, "only {done} commands were accepted");
    assert!(asked > 700, "only {asked} questions");
}

#[tokio::test]
async fn a_question_about_the_past_needs_the_scope_audit_and_a_limited_range() {
    let app = TestApp::with_houses().await;
    app.book(json!({"venue_id": "bandung-dago", "party_size": 2})).await;
    let list = |query: &str| format!("/api/reservations?as_of=6&{query}");
    for (query, is_accepted) in [
        ("venue_id=bandung-dago&date=2026-12-24", true),
        ("venue_id=bandung-dago&from_date=2026-12-01&to_date=2026-12-31", true),
        ("venue_id=bandung-dago&from_date=2026-12-01&to_date=2027-01-01", false),
        ("venue_id=bandung-dago", false),
        ("from=2026-12-01T00:00:00Z&to=2026-12-03T00:00:00Z", false),
        ("venue_id=bandung-dago&date=2026-12-24&q=sari", false),
    ] {
        let answer = app.get(&list(query)).await;
        let expected = if is_accepted { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
        assert_eq!(answer.status, expected, "{query}: {}", answer.text());
    }
    let (token, _) = create(&app, &["read", "floor"], json!(["bandung-dago"])).await;
    for path in
        ["/api/floor?as_of=6", &list("venue_id=bandung-dago&date=2026-12-24"), "/api/waitlist?as_of=6"]
    {
        assert_eq!(get_as(&app, &token, path).await.status, StatusCode::FORBIDDEN, "{path}");
    }
    // The next page is of the past too.
    app.book(json!({"venue_id": "bandung-dago", "party_size": 2, "start_time": "2026-12-24T20:00"})).await;
    let head = app.app.store.known_head().0;
    app.book(json!({"venue_id": "bandung-dago", "party_size": 2, "start_time": "2026-12-24T21:00"})).await;
    let first = format!("/api/reservations?venue_id=bandung-dago&date=2026-12-24&as_of={head}&limit=1");
    let answer = app.get(&first).await;
    let next = answer.header("link").split(['<', '>']).nth(1).unwrap().to_owned();
    let answer = app.get(&next).await;
    assert_eq!(answer.json()["items"].as_array().unwrap().len(), 1, "{next}");
    assert!(!answer.headers.contains_key("link"), "the third booking was made later: {}", answer.text());
    let day = "/api/availability?venue_id=bandung-dago&date=2026-12-24&party_size=2";
    assert_eq!(app.anonymous_get(day).await.status, StatusCode::OK);
    assert_eq!(app.anonymous_get(&format!("{day}&as_of=6")).await.status, StatusCode::FORBIDDEN);
    // Before the rules of the venue were recorded.
    let before = app.get("/api/floor?venue_id=bandung-dago&as_of=0").await;
    assert_eq!(before.faults(), ["query.as_of:value_error"]);
    assert!(
        before.text().contains("the venue bandung-dago had no rules in the log then"),
        "{}",
        before.text()
    );
    let wrong = app.get("/api/floor?venue_id=bandung-dago&as_of=yesterday").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    // Behind the end of the log is its end.
    let end = app.get("/api/floor?venue_id=bandung-dago&as_of=999999").await.json();
    assert_eq!(end["position"], json!(app.app.store.known_head().0));
    let unknown = app.get("/api/reservations/01939f3e-0000-7000-8000-0000000000ff/charges?as_of=6").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}
