//! A book that is right: any sequence of bookings, moves, sizes, payments, cancellations and changes of the rules, whose
//! feed is checked against rules that are written a second time.

mod acts;
mod checker;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use chassis::environment::{Environment as _, ManualEnvironment};
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use events::store::EventStore;
use events::store::memory::MemoryStore;
use proptest::prelude::*;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use self::acts::{Act, act};
use self::checker::broken_promises;
pub use self::checker::feed_of;
use crate::app::{Answer, TOKEN, TestApp, start_of_time};

const RULES: &str = "/api/venues/book/rules";
const CLOSURES: &str = "/api/venues/book/closures";

/// Number of documents that [`rules`] knows.
const CHANGES: usize = 8;

/// The rules of the venue: lunch and brunch overlap in different rooms, and the night belongs to the day before.
fn rules(change: usize) -> Value {
    let days = json!(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]);
    let mut document = json!({
        "id": "book", "name": "Book", "timezone": "Asia/Jakarta", "country": "ID", "currency": "IDR", "locale": "id",
        "tables": [
            {"id": "S1", "area": "Sala", "seats": 2}, {"id": "S2", "area": "Sala", "seats": 4},
            {"id": "S3", "area": "Sala", "seats": 6, "min_party": 3},
            {"id": "K1", "area": "Kebun", "seats": 4}, {"id": "K2", "area": "Kebun", "seats": 8},
        ],
        "services": [
            {"name": "Lunch", "days": days, "opens": "11:00", "closes": "15:00", "areas": ["Sala"]},
            {"name": "Brunch", "days": days, "opens": "10:00", "closes": "14:00", "areas": ["Kebun"]},
            {"name": "Night", "days": days, "opens": "20:00", "closes": "05:00"},
        ],
        "slot_minutes": 15,
        "turn_minutes": [{"up_to_party": 2, "minutes": 60}, {"up_to_party": 4, "minutes": 90},
            {"up_to_party": 50, "minutes": 120}],
        "booking_window": {"earliest_days": 120, "latest_minutes": 0},
        "policy": {"deposit": {"from_party_size": 4, "per": "guest", "amount_minor": 100_000},
            "auto_cancel_minutes": 1_440, "free_cancellation_minutes": 1_440},
    });
    match change {
        1 => document["exceptions"] = json!([{"date": "2026-12-04", "closed": true}]),
        2 => {
            document["exceptions"] =
                json!([{"from": "2026-12-03", "to": "2026-12-05", "closed_areas": ["Sala"]}]);
        }
        3 => {
            document["exceptions"] =
                json!([{"yearly": "12-05", "closed": true}, {"date": "2026-12-06", "closed_tables": ["K2"]}]);
        }
        4 => document["tables"].as_array_mut().unwrap().truncate(4),
        5 => document["turn_minutes"] = json!([{"up_to_party": 50, "minutes": 150}]),
        6 => document["services"][2]["closes"] = json!("00:30"),
        7 => document["policy"]["refund_on_shrink"] = json!(false),
        _ => {}
    }
    document
}

async fn change_rules(app: &TestApp, change: usize) {
    let status = put_rules(app.router.clone(), change).await;
    assert_eq!(status, StatusCode::OK, "change {change}");
}

async fn put_rules(router: Router, change: usize) -> StatusCode {
    let request = Request::put(RULES)
        .header("authorization", format!("Bearer {TOKEN}"))
        .header("content-type", "application/json");
    router.oneshot(request.body(Body::from(rules(change).to_string())).unwrap()).await.unwrap().status()
}

fn local_time(day: u64, slot: i64) -> String {
    let date = NaiveDate::from_ymd_opt(2026, 12, 3).unwrap() + chrono::Days::new(day);
    let time = date.and_time(NaiveTime::MIN) + TimeDelta::minutes(15 * slot);
    time.format("%Y-%m-%dT%H:%M").to_string()
}

fn contact(customer: usize) -> Value {
    let phone = format!("+62812{}", 34_560_000 + customer);
    json!({"name": "Sari", "phone": phone, "email": format!("guest{customer}@example.com")})
}

/// Does all of `acts`. Returns the number of requests that succeeded.
async fn run(app: &TestApp, acts: &[Act]) -> usize {
    change_rules(app, 0).await;
    let (mut bookings, mut done): (Vec<String>, usize) = (Vec::new(), 0);
    let mut closures: Vec<String> = Vec::new();
    for act in acts {
        if let Act::Advance { hours } = act {
            app.clock.advance(TimeDelta::hours(*hours));
            continue;
        }
        if let Act::ChangeRules { change } = act {
            change_rules(app, *change).await;
            continue;
        }
        let answer = match act {
            Act::Close { .. } | Act::Lift { .. } | Act::CancelAffected { .. } => {
                close(app, &mut closures, act).await
            }
            act => send(app, &bookings, act).await,
        };
        let Some(answer) = answer else { continue };
        // A guest can change nothing from a day after the visit on.
        let is_late = answer.status == 401
            && matches!(act, Act::Move { by: "guest", .. } | Act::Cancel { by: "guest", .. });
        assert!(is_late || [200, 409, 422].contains(&answer.status.as_u16()), "{act:?}: {}", answer.text());
        if answer.status != 200 {
            continue;
        }
        done += 1;
        if let Act::Book { .. } | Act::BookAnyway { .. } = act {
            bookings.push(answer.json()["reservation_id"].as_str().unwrap().to_owned());
        }
    }
    for closure in &closures {
        cancelled(app, closure).await;
    }
    done
}

/// Declares a closure, or does something with an earlier one.
async fn close(app: &TestApp, closures: &mut Vec<String>, act: &Act) -> Option<Answer> {
    let of = |closure: &usize| closures.get(closure % closures.len().max(1));
    match act {
        Act::Close { day, days, part } => {
            let date = |day: u64| NaiveDate::from_ymd_opt(2026, 12, 3).unwrap() + chrono::Days::new(day);
            let mut body = json!({"from": date(*day), "to": date(day + days), "reason_code": "other"});
            match part {
                0 => {}
                1 => body["service"] = json!("Night"),
                2 => body["areas"] = json!(["Sala"]),
                3 => body["tables"] = json!(["S2", "K1"]),
                _ => {
                    (body["service"], body["areas"]) = (json!("Brunch"), json!(["Kebun"]));
                }
            }
            let answer = app.post(CLOSURES, &body).await;
            if answer.status == StatusCode::OK {
                closures.push(answer.json()["closure_id"].as_str().unwrap().to_owned());
            }
            Some(answer)
        }
        Act::Lift { closure } => {
            Some(app.post(&format!("{CLOSURES}/{}/lift", of(closure)?), &json!({})).await)
        }
        Act::CancelAffected { closure } => {
            Some(app.post(&format!("{CLOSURES}/{}/cancel-affected", of(closure)?), &json!({})).await)
        }
        _ => None,
    }
}

/// Waits until the bookings under a closure are cancelled, if that was ordered.
async fn cancelled(app: &TestApp, closure: &str) {
    let waited = tokio::time::timeout(Duration::from_secs(10), async {
        let mut head = app.app.store.watch_head();
        loop {
            let closure = app.get(&format!("{CLOSURES}/{closure}")).await.json();
            let is_ordered = closure["cancelling_since"].is_string() && closure["lifted_at"].is_null();
            if !is_ordered || closure["affected_count"] == 0 {
                return;
            }
            head.changed().await.unwrap();
        }
    });
    waited.await.expect("bookings under the closure are left");
}

async fn send(app: &TestApp, bookings: &[String], act: &Act) -> Option<Answer> {
    let of = |booking: &usize| bookings.get(booking % bookings.len().max(1));
    Some(match act {
        Act::Book { day, slot, guests, customer } | Act::BookAnyway { day, slot, guests, customer } => {
            let overrule = matches!(act, Act::BookAnyway { .. }).then(|| json!({"reason_code": "other"}));
            let body = json!({"override": overrule, "venue_id": "book", "customer_id": format!("guest-{customer}"), "party_size": guests,
                "start_time": local_time(*day, *slot), "allow_duplicate": null,
                "contact_info": contact(usize::from(*customer))});
            app.post("/api/reservations", &crate::app::booking(body)).await
        }
        Act::Move { booking, day, slot, by } => {
            let body = json!({"start_time": local_time(*day, *slot)});
            by_side(app, of(booking)?, "reschedule", body, by).await
        }
        Act::Resize { booking, guests, reseat } => {
            app.command(of(booking)?, "party-size", json!({"party_size": guests, "reseat": reseat})).await
        }
        Act::Cancel { booking, by } => {
            by_side(app, of(booking)?, "cancel", json!({"reason_code": "other"}), by).await
        }
        Act::Pay { booking } => pay(app, of(booking)?).await?,
        Act::CheckIn { booking } => app.command(of(booking)?, "check-in", json!({})).await,
        Act::Complete { booking } => app.command(of(booking)?, "complete", json!({})).await,
        Act::NoShow { booking } => app.command(of(booking)?, "no-show", json!({})).await,
        Act::Undo { booking, change } => {
            app.command(of(booking)?, "undo", json!({"change": change.word(), "reason_code": "other"})).await
        }
        Act::Extend { booking, minutes, anyway } => {
            let end = app.clock.now() + TimeDelta::minutes(*minutes);
            let overrule = anyway.then(|| json!({"reason_code": "other"}));
            app.command(of(booking)?, "extend", json!({"end_time": end, "override": overrule})).await
        }
        Act::Swap { booking, with } => app.command(of(booking)?, "swap", json!({"with": of(with)?})).await,
        Act::Close { .. }
        | Act::Lift { .. }
        | Act::CancelAffected { .. }
        | Act::ChangeRules { .. }
        | Act::Advance { .. } => return None,
    })
}

/// Runs a command as the guest, or as the restaurant.
async fn by_side(app: &TestApp, id: &str, command: &str, body: Value, by: &str) -> Answer {
    match by {
        "guest" => app.guest_command(id, command, body).await,
        _ => app.command(id, command, body).await,
    }
}

/// Reports the payment of the deposit as it was requested last, if one was.
async fn pay(app: &TestApp, id: &str) -> Option<Answer> {
    let view = app.get(&format!("/api/reservations/{id}")).await.json();
    let payment = view["payment"].as_object()?;
    let result = json!({"payment_id": payment["payment_id"], "outcome": "completed",
        "amount_minor": view["deposit"]["amount_minor"], "currency": "IDR", "channel": "qris",
        "provider_reference": "sim_1"});
    Some(app.service_post(&format!("/api/reservations/{id}/payment-results"), &result).await)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: super::cases(60, 5_000), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_promised_is_kept_whatever_changes(acts in proptest::collection::vec(act(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let faults = runtime.block_on(async {
            let app = TestApp::with_houses().await;
            run(&app, &acts).await;
            broken_promises(&feed_of(&app).await, app.clock.now())
        });
        prop_assert_eq!(faults, Vec::<String>::new());
    }
}

/// A paid visit of five on 4 December, which the guest moved too late and cancelled; another one that was closed.
async fn story() -> (Vec<Value>, DateTime<Utc>) {
    let app = TestApp::with_houses().await;
    let acts = [
        Act::Book { day: 1, slot: 48, guests: 5, customer: 1 },
        Act::Pay { booking: 0 },
        Act::Resize { booking: 0, guests: 4, reseat: true },
        Act::Book { day: 2, slot: 84, guests: 2, customer: 2 },
        Act::Book { day: 1, slot: 80, guests: 2, customer: 3 },
        Act::Advance { hours: 48 },
        Act::Move { booking: 0, day: 2, slot: 80, by: "guest" },
        Act::Cancel { booking: 0, by: "guest" },
        Act::CheckIn { booking: 2 },
        Act::Advance { hours: 26 },
        Act::CheckIn { booking: 2 },
        Act::ChangeRules { change: 3 },
    ];
    assert_eq!(run(&app, &acts).await, 7, "only the early check-in is refused");
    (feed_of(&app).await, app.clock.now())
}

/// A positive control: each rule is broken in the feed, and the checker notices it.
#[tokio::test]
async fn the_checker_notices_every_broken_promise() {
    let (feed, now) = story().await;
    assert_eq!(broken_promises(&feed, now), Vec::<String>::new());
    let everything = json!({"payment_id": "p", "amount": {"amount_minor": 400_000, "currency": "IDR"}});
    let broken: [(&str, &str, Value, &str); 9] = [
        ("reservation.cancelled", "/refund", everything, "cancelled, and 0 is due"),
        ("reservation.cancelled", "/cancelled_by", json!("staff"), "cancelled, and 400000 is due"),
        (
            "reservation.party_size_changed",
            "/refund",
            Value::Null,
            "100000 of the deposit is not owed any more",
        ),
        ("reservation.created", "/window/end", json!("2026-12-04T06:00:00Z"), "as long as the turn time"),
        ("reservation.created", "/window/start", json!("2026-12-04T02:00:00Z"), "outside the services"),
        ("reservation.rescheduled", "/to/start", json!("2026-12-05T12:30:00Z"), "outside the services"),
        ("table.assigned", "/table_id", json!("T9"), "the table is closed then"),
        ("reservation.rescheduled", "/moved_by", json!("staff"), "cancelled, and 400000 is due"),
        ("reservation.affected", "/reason", Value::Null, "is closed: true"),
    ];
    for (kind, member, value, notices) in broken {
        let mut feed = feed.clone();
        let of_kind = |event: &&mut Value| event["type"] == format!("meja.{kind}.v1");
        let event = feed.iter_mut().find(of_kind).unwrap_or_else(|| panic!("no {kind}"));
        set(&mut event["data"], member, value);
        let faults = broken_promises(&feed, now);
        assert!(
            faults.iter().any(|fault| fault.contains(notices)) || notices.is_empty(),
            "{kind}{member}: {faults:?}"
        );
    }
}

fn set(data: &mut Value, member: &str, value: Value) {
    let (parent, name) = member.rsplit_once('/').unwrap();
    data.pointer_mut(parent).unwrap()[name] = value;
}

/// Two applications with one log take bookings while the rules change. Returns what the feed shows in the end.
async fn rules_change_during_bookings(store: Arc<dyn EventStore>) -> Vec<String> {
    let environment = ManualEnvironment::at(start_of_time());
    let venues = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/venues");
    let application = || TestApp::at(venues, Arc::clone(&store), environment.clone());
    let applications = [application().await, application().await];
    change_rules(&applications[0], 0).await;
    applications[1].app.catch_up().await.unwrap();
    let tasks: Vec<_> = (0..240_usize)
        .map(|n| {
            let router = applications[n % 2].router.clone();
            tokio::spawn(async move {
                if n % 12 == 0 {
                    return put_rules(router, n / 12 % CHANGES).await;
                }
                let start_time = local_time(n as u64 % 5, [44, 48, 80, 84, 88][n % 5]);
                let body = json!({"venue_id": "book", "customer_id": format!("guest-{n}"), "party_size": n % 8 + 1,
                    "start_time": start_time, "allow_duplicate": null, "contact_info": contact(n)});
                crate::app::post_to(router, "/api/reservations", &crate::app::booking(body)).await.status
            })
        })
        .collect();
    let mut statuses = Vec::new();
    for task in tasks {
        statuses.push(task.await.unwrap());
    }
    assert!(statuses.iter().all(|status| matches!(status.as_u16(), 200 | 409)), "{statuses:?}");
    assert!(statuses.iter().filter(|status| **status == StatusCode::OK).count() > 30, "{statuses:?}");
    // The bookings that the last change affects are marked in the background.
    let settled = tokio::time::timeout(Duration::from_secs(10), async {
        let mut head = store.watch_head();
        while !broken_promises(&feed_of(&applications[0]).await, environment.now()).is_empty() {
            head.changed().await.unwrap();
        }
    });
    match settled.await {
        Ok(()) => vec![],
        Err(_) => broken_promises(&feed_of(&applications[0]).await, environment.now()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_booking_complies_only_with_rules_that_were_replaced_before_it() {
    let faults = rules_change_during_bookings(Arc::new(MemoryStore::new("reservation"))).await;
    assert_eq!(faults, Vec::<String>::new());
}
