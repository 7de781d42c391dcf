//! The restaurant of the day: its rules, its parties, and what its staff do all the time.

use std::collections::BTreeSet;

use chrono::{DateTime, FixedOffset, NaiveTime, TimeDelta};
use serde_json::{Value, json};

use super::clock::Clock;
use crate::services::{Pair, until};

/// The Friday.
pub const DATE: &str = "2026-10-23";

pub struct House {
    pub pair: Pair,
    pub clock: Clock,
}

/// A time of the day before the clocks go back, which is three hours ahead of UTC. Before noon it is the next date.
pub fn at(clock: &str) -> DateTime<FixedOffset> {
    let noon = DateTime::parse_from_rfc3339(&format!("{DATE}T12:00:00+03:00")).unwrap();
    let time: NaiveTime = clock.parse().unwrap_or_else(|_| format!("{clock}:00").parse().unwrap());
    let since = time - noon.time();
    noon + if since < TimeDelta::zero() { since + TimeDelta::days(1) } else { since }
}

pub fn id(party: &Value) -> String {
    party["reservation_id"].as_str().unwrap().to_owned()
}

pub fn name(party: &Value) -> String {
    party["contact_name"].as_str().unwrap().to_owned()
}

pub fn start(party: &Value) -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339(party["start_time"].as_str().unwrap()).unwrap()
}

pub fn end(party: &Value) -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339(party["end_time"].as_str().unwrap()).unwrap()
}

/// The ids of the tables of a party.
pub fn tables(party: &Value) -> Vec<String> {
    let tables = party["tables"].as_array().unwrap().iter();
    tables.map(|table| table["table_id"].as_str().unwrap().to_owned()).collect()
}

/// The tables: id, area, seats.
fn all_tables() -> Vec<(String, &'static str, u8)> {
    let several = |area, prefix: &str, count: u8, seats| {
        (1..=count).map(move |n| (format!("{prefix}{n}"), area, seats)).collect::<Vec<_>>()
    };
    [
        several("Terrace", "T", 6, 2),
        several("Room", "R", 5, 4),
        several("Hall", "H", 8, 4),
        several("Hall", "G", 3, 6),
        several("Hall", "L", 1, 10),
    ]
    .concat()
}

fn rules() -> Value {
    let tables: Vec<_> = all_tables()
        .into_iter()
        .map(|(id, area, seats)| json!({"id": id, "area": area, "seats": seats}))
        .collect();
    json!({
        "id": "gaza", "name": "Al Bahr", "timezone": "Asia/Gaza", "country": "PS", "currency": "EUR", "locale": "en",
        "tables": tables, "turn_minutes": [{"up_to_party": 4, "minutes": 90}, {"up_to_party": 50, "minutes": 120}],
        "policy": {"auto_confirm": true, "no_show_grace_minutes": 30,
            "deposit": {"from_party_size": 8, "per": "guest", "amount_minor": 5000}},
        "services": [{"name": "All day", "days": ["fri"], "opens": "12:00", "closes": "02:00", "last_arrival": "01:00"}],
        "booking_window": {"earliest_days": 60, "latest_minutes": 0},
    })
}

impl House {
    /// Starts the services on the morning of the day.
    pub async fn open() -> Self {
        let clock = Clock::at(at("12:00") - TimeDelta::hours(4));
        let mut pair = Pair::prepared(&[]);
        pair.env.extend(clock.environment());
        pair.venues = pair.dir.path().join("venues");
        std::fs::create_dir(&pair.venues).unwrap();
        std::fs::write(pair.venues.join("gaza.json"), rules().to_string()).unwrap();
        pair.start_reservation().await;
        pair.start_notifier().await;
        Self { pair, clock }
    }

    /// Ends both services and verifies their logs.
    pub async fn close(mut self) {
        let report = self.pair.get(&format!("{}/api/reconciliation", self.pair.notifier_url)).await;
        assert_eq!(report["differences"], json!([]), "{report:#}");
        for (name, running) in
            [("notifier", self.pair.notifier.take()), ("reservation", self.pair.reservation.take())]
        {
            assert_eq!(running.unwrap().terminate(), Some(0), "{name}");
            let mut verify = crate::services::program(name);
            verify.args(["log", "verify", "--data-dir"]).arg(self.pair.dir.path().join(name));
            let output = verify.output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    }

    /// A service that is killed in the middle of the evening.
    pub async fn crash(&mut self) {
        let before = self.list().await;
        self.pair.reservation.take().unwrap().kill_9();
        self.pair.start_reservation().await;
        assert_eq!(self.list().await, before);
    }

    /// Three parties in each half hour from noon to half past midnight, one of ten, and one with a deposit.
    pub async fn book_ahead(&self) {
        const SIZES: [u8; 9] = [2, 4, 2, 3, 2, 4, 2, 6, 2];
        for n in 0..75_u8 {
            let start = at("12:00") + TimeDelta::minutes(30) * i32::from(n / 3);
            self.book(&format!("Guest-{n}"), SIZES[usize::from(n) % 9], start).await;
        }
        for (guest, size, time) in [("Large-1", 10, "20:00"), ("Large-2", 8, "14:00")] {
            let booked = self.book(guest, size, at(time)).await;
            self.pay(&id(&booked)).await;
        }
        let names: BTreeSet<_> = self.list().await.iter().map(name).collect();
        assert_eq!(names.len(), 77);
    }

    async fn book(&self, guest: &str, size: u8, start: DateTime<FixedOffset>) -> Value {
        let mut body = json!({"customer_id": guest.replace(' ', "-"), "party_size": size,
            "start_time": start.to_rfc3339(), "venue_id": "gaza", "contact_info": contact(guest)});
        if size == 4 {
            body["area"] = json!("Room");
        }
        let (status, booked) = self.pair.post("/api/reservations", &body).await;
        assert_eq!(status, 200, "{guest} at {start}: {booked}");
        booked
    }

    /// Waits until the notifier has read the keys again: by its clock, the last time is long ago.
    pub async fn notifier_is_back(&self) {
        let url = format!("{}/api/cursor", self.pair.notifier_url);
        let knows =
            async || self.pair.client.get(&url).send().await.is_ok_and(|answer| answer.status() == 200);
        until("the notifier to read the keys", knows).await;
    }

    /// Pays the open deposit, on the page of the guest.
    pub async fn pay(&self, id: &str) {
        self.notifier_is_back().await;
        let page = self.pair.checkout(id).await;
        let paid = crate::services::anonymous_client().post(format!("{page}/pay")).send().await.unwrap();
        assert!(paid.status().is_success(), "{}", paid.status());
        until("the deposit to be paid", async || self.get(id).await["status"] == "CONFIRMED").await;
    }

    pub async fn wait(&self, guest: &str, size: u8, time: &str) -> String {
        let time = at(time).to_rfc3339();
        let body = json!({"customer_id": guest.replace(' ', "-"), "party_size": size, "venue_id": "gaza",
            "earliest_time": time, "latest_time": time, "contact_info": contact(guest)});
        let (status, waits) = self.pair.post("/api/waitlist", &body).await;
        assert_eq!(status, 200, "{waits}");
        waits["waitlist_id"].as_str().unwrap().to_owned()
    }

    pub async fn walk_in(&self, guest: &str) {
        let body = json!({"party_size": 2, "venue_id": "gaza", "name": guest, "duration_minutes": 45});
        let (status, seated) = self.pair.post("/api/walk-ins", &body).await;
        assert_eq!(status, 200, "{guest}: {seated}");
    }

    /// All reservations of the business day, by start.
    pub async fn list(&self) -> Vec<Value> {
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let page =
                self.pair.get(&format!("/api/reservations?venue_id=gaza&date={DATE}&limit=40{cursor}")).await;
            items.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }

    /// The first reservation with a status.
    pub async fn some(&self, status: &str) -> Value {
        self.list().await.into_iter().find(|party| party["status"] == status).unwrap()
    }

    pub async fn get(&self, id: &str) -> Value {
        self.pair.get(&format!("/api/reservations/{id}")).await
    }

    pub async fn command(&self, id: &str, command: &str, body: Value) -> (u16, Value) {
        self.pair.post(&format!("/api/reservations/{id}/{command}"), &body).await
    }

    pub async fn patch(&self, id: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}/api/reservations/{id}", self.pair.reservation_url);
        let request = self.pair.client.patch(url).header("content-type", "application/merge-patch+json");
        let answer = request.body(body.to_string()).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// Gives a party a table outside the room.
    pub async fn find_table(&self, party: &Value) {
        for (table, area, seats) in all_tables() {
            let is_large_enough = u64::from(seats) >= party["party_size"].as_u64().unwrap();
            if area == "Room" || !is_large_enough {
                continue;
            }
            let body = json!({"table_id": table, "area": area, "capacity": seats});
            let (status, answer) = self.command(&id(party), "assign-table", body).await;
            if status == 200 {
                assert_eq!((&answer["needs_table"], tables(&answer)), (&json!(false), vec![table]));
                return;
            }
            assert_eq!((status, &answer["code"]), (409, &json!("table_taken")), "{answer}");
        }
        panic!("there is no table for {party}");
    }

    pub async fn guests_arrive(&self, now: DateTime<FixedOffset>, never: &[&str]) {
        let late = |party: &Value| party["attendance"]["late_minutes"].as_i64().unwrap_or(0);
        for party in self.list().await {
            let arrives = start(&party) + TimeDelta::minutes(late(&party));
            if party["status"] == "CONFIRMED" && arrives <= now && !never.contains(&name(&party).as_str()) {
                let (status, answer) = self.command(&id(&party), "check-in", json!({})).await;
                assert_eq!(status, 200, "{now} {party}: {answer}");
            }
        }
    }

    pub async fn guests_leave(&self, now: DateTime<FixedOffset>) {
        for party in self.list().await {
            if party["status"] == "CHECKED_IN" && end(&party) <= now {
                let (status, answer) = self.command(&id(&party), "complete", json!({})).await;
                assert_eq!(status, 200, "{answer}");
            }
        }
    }
}

fn contact(guest: &str) -> Value {
    let number = guest.bytes().fold(0_u64, |number, byte| (number * 31 + u64::from(byte)) % 100_000_000);
    let email = format!("{}@example.com", guest.to_lowercase().replace(' ', "."));
    json!({"name": guest, "phone": format!("+62812{number:08}"), "email": email})
}
