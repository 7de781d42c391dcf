//! A day in the life of a restaurant, with real binaries and a moved clock: a Friday from noon to two in the morning, in a
//! zone whose clocks go back that night, with what goes wrong on such a day. At the end the books agree.

mod books;
pub mod clock;
mod house;

use chrono::{DateTime, FixedOffset, TimeDelta};
use serde_json::{Value, json};

use self::house::{DATE, House, at, id};
use crate::services::until;

/// Parties that never arrive.
const NEVER: [&str; 3] = ["Guest-11", "Guest-32", "Guest-56"];
/// The step of the day.
const STEP: TimeDelta = TimeDelta::minutes(15);

#[tokio::test(flavor = "multi_thread")]
async fn a_friday_with_everything_that_goes_wrong_and_the_books_agree() {
    let mut house = House::open().await;
    house.book_ahead().await;
    let mut now = at("12:00");
    // Two o'clock, after the hour from one to two has passed twice.
    let end = at("12:00") + TimeDelta::hours(15);
    while now <= end {
        house.clock.set(now);
        house.guests_leave(now).await;
        incidents(&mut house, now).await;
        house.guests_arrive(now, &NEVER).await;
        now += STEP;
    }
    house.clock.set(end + TimeDelta::hours(2));
    house.guests_leave(end + TimeDelta::hours(2)).await;
    house.notifier_is_back().await;
    house.pair.settled().await;
    books::agree(&house).await;
    books::no_table_was_held_twice(&house.pair.events().await);
    house.close().await;
}

/// What happens at a time of the day besides arrivals and departures.
async fn incidents(house: &mut House, now: DateTime<FixedOffset>) {
    let clock = now.format("%H:%M").to_string();
    match clock.as_str() {
        "12:30" => wrong_taps(house).await,
        "13:30" => a_wrong_number_is_corrected(house).await,
        "12:45" | "14:15" | "15:45" | "17:15" | "18:45" | "20:15" | "21:45" | "23:15" => {
            house.walk_in(&format!("Walk-in {clock}")).await;
        }
        // At one o'clock, and an hour later at one o'clock again.
        "01:00" => house.walk_in("Before the clocks go back").await,
        "02:00" => house.walk_in("After the clocks went back").await,
        "16:00" => a_waiting_party_gets_the_large_table(house).await,
        "17:30" => the_room_is_closed(house, now).await,
        "19:00" => two_parties_swap(house).await,
        "20:00" => a_party_stays_longer(house, now).await,
        "21:00" => a_guest_says_late(house).await,
        "22:00" => house.crash().await,
        _ => {}
    }
}

/// Check-in, completion, cancellation and no-show of the wrong row, each undone.
async fn wrong_taps(house: &House) {
    let seated = house.some("CHECKED_IN").await;
    let expected = house.some("CONFIRMED").await;
    for (party, command, body, change, back) in [
        (&expected, "check-in", json!({}), "check_in", "CONFIRMED"),
        (&expected, "no-show", json!({}), "no_show", "CONFIRMED"),
        (&expected, "cancel", json!({"reason_code": "guest_request"}), "cancellation", "CONFIRMED"),
        (&seated, "complete", json!({}), "completion", "CHECKED_IN"),
    ] {
        let (status, done) = house.command(&id(party), command, body).await;
        assert_eq!(status, 200, "{command}: {done}");
        let undo = json!({"change": change, "reason_code": "wrong_booking"});
        let (status, undone) = house.command(&id(party), "undo", undo).await;
        assert_eq!((status, &undone["status"]), (200, &json!(back)), "{undone}");
        assert_eq!(house::tables(&undone), house::tables(party), "{undone}");
    }
}

async fn a_wrong_number_is_corrected(house: &House) {
    let party = house.some("CONFIRMED").await;
    let body = json!({"contact_info": {"phone": "+62 813 9999 0000"}, "tags": ["vip"]});
    let (status, corrected) = house.patch(&id(&party), &body).await;
    assert_eq!(status, 200, "{corrected}");
    let found = house.pair.get("/api/reservations?q=0813+9999+0000").await;
    assert_eq!(found["items"].as_array().unwrap().len(), 1, "{found}");
    assert_eq!(found["items"][0]["reservation_id"], party["reservation_id"]);
}

async fn a_waiting_party_gets_the_large_table(house: &House) {
    let large = house.list().await.into_iter().find(|party| party["party_size"] == 10).unwrap();
    let mut line = Vec::new();
    for waits in ["Waiting 1", "Waiting 2"] {
        line.push(house.wait(waits, 10, "20:00").await);
    }
    let (status, _) = house.command(&id(&large), "cancel", json!({"reason_code": "guest_request"})).await;
    assert_eq!(status, 200);
    let path = format!("/api/waitlist/{}", line[0]);
    until("an offer", async || house.pair.get(&path).await["status"] == "OFFERED").await;
    let (status, accepted) = house.pair.post(&format!("{path}/accept"), &json!({})).await;
    assert_eq!(status, 200, "{accepted}");
    house.pay(&id(&accepted)).await;
    let (status, left) = house.pair.post(&format!("/api/waitlist/{}/leave", line[1]), &json!({})).await;
    assert_eq!(status, 200, "{left}");
}

/// The parties that can sit elsewhere do; the others are cancelled by the house.
async fn the_room_is_closed(house: &House, now: DateTime<FixedOffset>) {
    let closure = json!({"from": DATE, "to": DATE, "areas": ["Room"], "reason_code": "maintenance"});
    let (status, closure) = house.pair.post("/api/venues/gaza/closures", &closure).await;
    assert_eq!(status, 200, "{closure}");
    let path = format!("/api/venues/gaza/closures/{}", closure["closure_id"].as_str().unwrap());
    let affected: Vec<_> =
        house.list().await.into_iter().filter(|party| !party["closure_id"].is_null()).collect();
    assert!(affected.len() >= 4, "{} parties are affected", affected.len());
    assert!(affected.iter().all(|party| house::start(party) > now && party["needs_table"] == true));
    for party in affected.iter().take(affected.len() / 2) {
        house.find_table(party).await;
    }
    let left = affected.len() - affected.len() / 2;
    let (status, ordered) = house.pair.post(&format!("{path}/cancel-affected"), &json!({})).await;
    assert_eq!(status, 200, "{ordered}");
    let count = async || house.pair.get(&path).await;
    until("the cancellations", async || count().await["affected_count"] == 0).await;
    assert_eq!(count().await["cancelled_count"], json!(left));
}

async fn two_parties_swap(house: &House) {
    let parties = house.list().await;
    let expected = |party: &&Value| party["status"] == "CONFIRMED" && !house::tables(party).is_empty();
    let one = parties.iter().filter(expected).find(|party| party["party_size"] == 2).unwrap();
    let like = |other: &&Value| {
        other["party_size"] == 2 && other["start_time"] == one["start_time"] && id(other) != id(one)
    };
    let other = parties.iter().filter(expected).find(like).unwrap();
    let (status, swapped) = house.command(&id(one), "swap", json!({"with": id(other)})).await;
    assert_eq!((status, house::tables(&swapped)), (200, house::tables(other)), "{swapped}");
    assert_eq!(house::tables(&house.get(&id(other)).await), house::tables(one));
}

/// Its table is due to another party, which gets another one.
async fn a_party_stays_longer(house: &House, now: DateTime<FixedOffset>) {
    let parties = house.list().await;
    let next_of = |seated: &Value| {
        let same = |other: &&Value| {
            other["status"] == "CONFIRMED"
                && house::tables(other) == house::tables(seated)
                && house::start(other) >= house::end(seated)
        };
        parties.iter().filter(same).min_by_key(|party| house::start(party)).cloned()
    };
    let seated = parties.iter().filter(|party| party["status"] == "CHECKED_IN" && house::end(party) > now);
    let (seated, next) = seated.filter_map(|party| Some((party, next_of(party)?))).next().unwrap();
    let until_after = (house::start(&next) + TimeDelta::minutes(30)).to_rfc3339();
    let (status, due) = house.command(&id(seated), "extend", json!({"end_time": until_after})).await;
    assert_eq!((status, &due["code"]), (409, &json!("next_party_due")), "{due}");
    let anyway = json!({"end_time": until_after, "override": {"reason_code": "celebration"}});
    let (status, extended) = house.command(&id(seated), "extend", anyway).await;
    assert_eq!(status, 200, "{extended}");
    let next = house.get(&id(&next)).await;
    assert_eq!(next["needs_table"], true, "{next}");
    house.find_table(&next).await;
}

async fn a_guest_says_late(house: &House) {
    let parties = house.list().await;
    let due = |party: &&Value| party["status"] == "CONFIRMED" && party["source"] == "booking";
    let party = parties.iter().rfind(due).unwrap();
    assert_eq!(house.command(&id(party), "ask", json!({})).await.0, 200);
    let answer = json!({"answer": "late", "late_minutes": 15});
    let (status, answered) = house.command(&id(party), "answer", answer).await;
    assert_eq!((status, &answered["attendance"]["answer"]), (200, &json!("late")), "{answered}");
}
