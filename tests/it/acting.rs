//! What several instances on one log do by themselves: it happens once, and each of them knows what another one has heard.

use std::collections::BTreeMap;

use chrono::{DateTime, FixedOffset, TimeDelta};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use test_database::{Database, Setup};

use crate::day::clock::Clock;
use crate::instances::init;
use crate::services::{Pair, anonymous_client, until};

/// A house, its database, and instances of the service. All of them have the same clock.
struct House {
    clock: Clock,
    database: Database,
    instances: Vec<Pair>,
}

/// A time of the day there.
fn at(clock: &str) -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339(&format!("2026-10-23T{clock}+07:00")).unwrap()
}

/// Six tables in the room and six in the hall. A party of six or more pays a deposit within a quarter of an hour.
fn rules() -> Value {
    let tables = |area: &'static str, seats: u8| {
        (1..=6).map(move |number| json!({"id": format!("{area}-{number}"), "area": area, "seats": seats}))
    };
    json!({
        "id": "rumah", "name": "Rumah Makan", "timezone": "Asia/Jakarta", "country": "ID", "currency": "IDR",
        "locale": "id", "tables": tables("Room", 6).chain(tables("Hall", 2)).collect::<Vec<_>>(),
        "policy": {"auto_confirm": true, "no_show_grace_minutes": 30, "auto_cancel_minutes": 15,
            "deposit": {"from_party_size": 6, "per": "guest", "amount_minor": 5_000_000}},
        "services": [{"name": "All day", "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "opens": "11:00",
            "closes": "23:00"}],
        "booking_window": {"earliest_days": 60, "latest_minutes": 0},
    })
}

impl House {
    async fn open(instances: usize, now: DateTime<FixedOffset>) -> Self {
        let clock = Clock::at(now);
        let database = Database::with(Setup { environment: clock.environment(), ..Setup::default() });
        init(&database.url());
        let mut house = Self { clock, database, instances: Vec::new() };
        for _ in 0..instances {
            let pair = house.instance(&house.clock);
            house.instances.push(pair);
            house.instances.last_mut().unwrap().start_reservation().await;
        }
        house
    }

    /// An instance with a clock, which is not started yet.
    fn instance(&self, clock: &Clock) -> Pair {
        let mut pair = Pair::prepared(&[]);
        pair.env.extend(clock.environment());
        pair.env.push(("RESERVATION_STORE", self.database.url()));
        pair.venues = pair.dir.path().join("venues");
        std::fs::create_dir(&pair.venues).unwrap();
        std::fs::write(pair.venues.join("rumah.json"), rules().to_string()).unwrap();
        pair
    }

    /// Books at an instance.
    async fn book(&self, instance: usize, guests: u8, start: DateTime<FixedOffset>) -> String {
        let body = json!({"venue_id": "rumah", "customer_id": "budi", "party_size": guests,
            "start_time": start.to_rfc3339(), "allow_duplicate": true,
            "contact_info": {"name": "Budi", "phone": "+62 812 3456 7890", "email": "budi@example.com"}});
        let (status, booked) = self.instances[instance].post("/api/reservations", &body).await;
        assert_eq!(status, 200, "{booked}");
        booked["reservation_id"].as_str().unwrap().to_owned()
    }

    async fn status(&self, instance: usize, id: &str) -> String {
        let booking = self.instances[instance].get(&format!("/api/reservations/{id}")).await;
        booking["status"].as_str().unwrap().to_owned()
    }

    async fn becomes(&self, instance: usize, id: &str, status: &str) {
        until(&format!("{id} to be {status}"), async || self.status(instance, id).await == status).await;
    }

    /// Moves the clock, and waits until an instance has noted that the service can be used at that time.
    async fn noted_at(&self, now: DateTime<FixedOffset>) {
        self.clock.set(now);
        let noted = "SELECT (value::json ->> 'last_at')::timestamptz FROM meja_reservation.notes WHERE name = 'uptime'";
        let now = now.to_utc().format("%Y-%m-%d %H:%M:%S").to_string();
        until("the uptime to be noted", async || {
            self.database.query(&format!("SET timezone = 'UTC'; {noted}")).starts_with(&now)
        })
        .await;
    }

    /// How often an event of a type happened to each subject.
    async fn counts(&self, kind: &str) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for event in self.instances[0].events().await {
            if event["type"] == kind {
                *counts.entry(event["subject"].as_str().unwrap().to_owned()).or_default() += 1;
            }
        }
        counts
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deadlines_offers_and_closures_of_three_instances_happen_once() {
    let house = House::open(3, at("12:00:00")).await;
    let (mut holds, mut waiting) = (Vec::new(), Vec::new());
    for number in 0..6 {
        holds.push(house.book(number % 3, 6, at("19:00:00")).await);
        house.book(number % 3, 2, at("20:00:00")).await;
    }
    for number in 0..6 {
        let time = at("19:00:00").to_rfc3339();
        let body = json!({"venue_id": "rumah", "customer_id": format!("party-{number}"), "party_size": 6,
            "earliest_time": time, "latest_time": time, "contact_info": {"name": "Sari", "phone": format!("+62 812 0000 000{number}"), "email": format!("sari{number}@example.com")}});
        let (status, waits) = house.instances[number % 3].post("/api/waitlist", &body).await;
        assert_eq!(status, 200, "{waits}");
        waiting.push(waits["waitlist_id"].as_str().unwrap().to_owned());
    }
    // The holds end, and their tables are offered.
    house.clock.set(at("12:15:01"));
    let offered = async || {
        for id in &waiting {
            if house.instances[0].get(&format!("/api/waitlist/{id}")).await["status"] != "OFFERED" {
                return false;
            }
        }
        true
    };
    until("an offer to every party", offered).await;
    let closure =
        json!({"from": "2026-10-23", "to": "2026-10-23", "areas": ["Hall"], "reason_code": "maintenance"});
    let (status, closure) = house.instances[0].post("/api/venues/rumah/closures", &closure).await;
    assert_eq!(status, 200, "{closure}");
    let path = format!("/api/venues/rumah/closures/{}", closure["closure_id"].as_str().unwrap());
    assert_eq!(house.instances[0].post(&format!("{path}/cancel-affected"), &json!({})).await.0, 200);
    until("the cancellations", async || house.instances[0].get(&path).await["affected_count"] == 0).await;
    // Whatever another instance tried is behind this one in its queue.
    for instance in 0..3 {
        house.book(instance, 2, at("21:00:00") + TimeDelta::days(1)).await;
    }
    let cancelled = house.counts("meja.reservation.cancelled.v1").await;
    assert_eq!((cancelled.len(), cancelled.values().max()), (12, Some(&1)), "{cancelled:?}");
    assert!(holds.iter().all(|id| cancelled.keys().any(|subject| subject.ends_with(id))), "{cancelled:?}");
    let offered = house.counts("meja.waitlist.offered.v1").await;
    assert_eq!((offered.len(), offered.values().max()), (6, Some(&1)), "{offered:?}");
}

/// The device at the stand talks to one instance, and another one decides about the no-show.
#[tokio::test(flavor = "multi_thread")]
async fn no_instance_records_a_no_show_while_the_stand_is_silent() {
    let mut house = House::open(2, at("17:00:00")).await;
    let expected = house.book(0, 2, at("17:00:00")).await;
    let body = json!({"venue_id": "rumah", "name": "tablet"});
    let (_, added) = house.instances[0].post("/api/access/devices", &body).await;
    let tablet = anonymous_client();
    let enrolled = tablet
        .post(format!("{}/api/stand/enrol", house.instances[0].reservation_url))
        .json(&json!({"code": added["code"]}))
        .send()
        .await
        .unwrap();
    let cookie = enrolled.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    house.clock.set(at("17:15:05"));
    // Its cancellation shows that the instance has looked at all earlier deadlines.
    let held = house.book(1, 6, at("19:00:00")).await;
    house.clock.set(at("17:20:00"));
    let presence = format!("{}/api/stand/presence", house.instances[0].reservation_url);
    let said = tablet.post(presence).header("cookie", cookie).json(&json!({})).send().await.unwrap();
    assert_eq!(said.status(), 200, "{}", said.text().await.unwrap());
    house.instances[0].reservation.take().unwrap().kill_9();
    house.noted_at(at("17:29:55")).await;
    house.clock.set(at("17:30:08"));
    house.becomes(1, &held, "CANCELLED").await;
    assert_eq!(house.status(1, &expected).await, "CONFIRMED", "the stand has been silent since 17:20");
}

/// A grace period that ended while the service was unavailable starts again. The start of one more instance does not extend it.
#[tokio::test(flavor = "multi_thread")]
async fn a_grace_period_starts_again_only_if_no_instance_could_be_used() {
    let mut house = House::open(1, at("17:00:00")).await;
    let (first, second) = (house.book(0, 2, at("17:00:00")).await, house.book(0, 2, at("17:30:00")).await);
    house.noted_at(at("17:29:55")).await;
    // It can no longer act, a few seconds before the grace period of the first party ends.
    let pid = Pid::from_child(&house.instances[0].reservation.as_ref().unwrap().0);
    kill_process(pid, Signal::STOP).unwrap();
    house.clock.set(at("17:30:05"));
    let mut other = house.instance(&house.clock);
    other.start_reservation().await;
    house.instances.push(other);
    house.becomes(1, &first, "NO_SHOW").await;
    // The grace period of the second party ends while no instance runs. The end of the hold, later, shows that it was looked at.
    house.clock.set(at("17:50:00"));
    let held = house.book(1, 6, at("19:00:00")).await;
    house.instances.iter_mut().for_each(|pair| pair.reservation.take().unwrap().kill_9());
    house.clock.set(at("18:05:05"));
    house.instances[1].start_reservation().await;
    house.becomes(1, &held, "CANCELLED").await;
    assert_eq!(house.status(1, &second).await, "CONFIRMED", "the host could not check the party in before");
}

/// Its guests would be no-shows before their time.
#[tokio::test(flavor = "multi_thread")]
async fn an_instance_with_a_wrong_clock_executes_no_deadline() {
    let mut house = House::open(1, at("17:00:00")).await;
    let expected = house.book(0, 2, at("17:00:00")).await;
    house.noted_at(at("17:29:55")).await;
    let ahead = Clock::at(at("17:40:00"));
    let mut other = house.instance(&ahead);
    other.start_reservation().await;
    until("the wrong clock to be reported", async || {
        other.logged("reservation").contains("executes no deadlines: synchronise both clocks")
    })
    .await;
    let metrics = other.client.get(format!("{}/metrics", other.reservation_url)).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    let shown = metrics.lines().find_map(|line| line.strip_prefix("meja_clock_ahead_seconds ")).unwrap();
    assert!((600.0..610.0).contains(&shown.parse::<f64>().unwrap()), "{shown}");
    house.instances.push(other);
    // Each event makes it look at the deadlines again.
    house.book(1, 2, at("21:00:00")).await;
    assert_eq!(house.status(1, &expected).await, "CONFIRMED");
    house.clock.set(at("17:30:05"));
    house.becomes(1, &expected, "NO_SHOW").await;
    let history = house.instances[1].get(&format!("/api/reservations/{expected}/history")).await;
    assert!(history.to_string().contains("2026-10-23T10:30:05Z"), "{history}");
}
