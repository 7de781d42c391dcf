//! A log in a database: instances that share it, and logs that move there and back.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use test_database::Database;

use crate::services::{Pair, anonymous_client, binary, booking, root, secrets, until};

/// Creates the log of the reservation service in the database at `url`.
pub fn init(url: &str) {
    let made = log(&["init", "--store", url]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// The output of `reservation log …`.
fn log(arguments: &[&str]) -> Output {
    let mut command = Command::new(binary("reservation"));
    command.arg("log").args(arguments).arg("--secrets-dir").arg(secrets()).env("RUST_BACKTRACE", "0");
    command.output().unwrap()
}

/// What a command prints as JSON.
#[track_caller]
fn log_json(arguments: &[&str]) -> Value {
    let output = log(&[arguments, &["--json"]].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// An instance on the log at `url`, which is running.
pub async fn instance(url: &str) -> Pair {
    let mut pair = Pair::prepared(&[]);
    pair.env.push(("RESERVATION_STORE", url.to_owned()));
    pair.start_reservation().await;
    pair
}

/// The feed from its start, byte for byte.
async fn feed_bytes(pair: &Pair) -> Vec<u8> {
    let response =
        pair.client.get(format!("{}/events?limit=1000", pair.reservation_url)).send().await.unwrap();
    response.bytes().await.unwrap().to_vec()
}

/// The number of clients who want a table, and of tables.
const CLIENTS: usize = 1_000;
const TABLES: usize = 10;

/// A house that assigns its ten tables for two itself, in a directory of venue files.
fn house_with_ten_tables(dir: &Path) {
    let file = root().join("tests/venues/pages/kedai-kecil.json");
    let mut house: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    house["tables"] =
        (1..=TABLES).map(|number| json!({"id": number.to_string(), "area": "Dalam", "seats": 2})).collect();
    std::fs::write(dir.join("kedai-kecil.json"), house.to_string()).unwrap();
}

/// 1,000 clients want ten tables through three instances: ten of them get one.
#[tokio::test(flavor = "multi_thread")]
async fn no_table_is_sold_twice_through_three_instances() {
    let database = Database::start();
    init(&database.url());
    let venues = tempfile::tempdir().unwrap();
    house_with_ten_tables(venues.path());
    let mut instances = Vec::new();
    for _ in 0..3 {
        let mut pair = Pair { venues: venues.path().to_owned(), ..Pair::prepared(&[]) };
        pair.env.push(("RESERVATION_STORE", database.url()));
        pair.start_reservation().await;
        instances.push(pair);
    }
    let mut wanted = booking(2);
    wanted["venue_id"] = json!("kedai-kecil");
    // In the evening of that day there: 19:00.
    let day = &wanted["start_time"].as_str().unwrap()[..10];
    wanted["start_time"] = json!(format!("{day}T12:00:00Z"));
    let requests = (0..CLIENTS).map(|number| {
        let instance = &instances[number % instances.len()];
        let request = instance.client.post(format!("{}/api/reservations", instance.reservation_url));
        request.json(&wanted).send()
    });
    let mut booked = Vec::new();
    for response in futures::future::join_all(requests).await {
        let response = response.unwrap();
        let position = response.headers()["meja-position"].to_str().unwrap().to_owned();
        match response.status().as_u16() {
            200 => booked.push((response.json::<Value>().await.unwrap(), position)),
            409 => {}
            other => panic!("{other} {}", response.text().await.unwrap()),
        }
    }
    assert_eq!(booked.len(), TABLES);
    let mut tables = std::collections::BTreeSet::new();
    for (number, (reservation, position)) in booked.iter().enumerate() {
        // Another instance knows the reservation as soon as it has the position of the response.
        let other = &instances[number % instances.len()];
        let id = reservation["reservation_id"].as_str().unwrap();
        let url = format!("{}/api/reservations/{id}", other.reservation_url);
        let read = other.client.get(url).header("meja-position", position).send().await.unwrap();
        let read: Value = read.json().await.unwrap();
        for table in read["tables"].as_array().unwrap() {
            assert!(
                tables.insert(table["table_id"].as_str().unwrap().to_owned()),
                "a table was sold twice: {read}"
            );
        }
    }
    assert_eq!(tables.len(), TABLES);
    let verified = log_json(&["verify", "--store", &database.url()]);
    assert_eq!(verified["ok"], true, "{verified}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_that_is_not_reached_or_not_a_position_is_a_problem() {
    let pair = Pair::running(&[]).await;
    let get = |position: &'static str| {
        pair.client
            .get(format!("{}/api/venues", pair.reservation_url))
            .header("meja-position", position)
            .send()
    };
    for wrong in ["x", "-1", "1.5", "9999999999999"] {
        let response = get(wrong).await.unwrap();
        assert_eq!(response.status(), 422, "{wrong}");
        let problem: Value = response.json().await.unwrap();
        assert_eq!(problem["detail"][0]["loc"], json!(["header", "Meja-Position"]), "{problem}");
    }
    let response = get("1000000").await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(response.json::<Value>().await.unwrap()["code"], "position_not_reached");
    assert_eq!(get("1").await.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_moves_to_a_database_and_back_with_the_same_bytes() {
    let mut pair = Pair::running(&[]).await;
    for _ in 0..3 {
        pair.book(2).await;
    }
    let erased = pair.book(2).await;
    let url = format!("{}/api/reservations/{erased}/contact", pair.reservation_url);
    assert!(pair.client.delete(url).send().await.unwrap().status().is_success());
    let before = feed_bytes(&pair).await;
    pair.notifier.take();
    pair.reservation.take().unwrap().terminate();
    let database = Database::start();
    let data_dir = pair.dir.path().join("reservation");
    let dir = data_dir.to_str().unwrap();
    let there = log_json(&["verify", "--data-dir", dir]);
    let moved = log_json(&["move", "--data-dir", dir, "--to", &database.url()]);
    assert_eq!((&moved["log_id"], &moved["hash"]), (&there["log_id"], &there["hash"]), "{moved}");
    let in_database = log_json(&["verify", "--store", &database.url()]);
    for same in [
        "log_id",
        "events",
        "hash",
        "groups",
        "appends",
        "private_parts",
        "private_parts_proved",
        "private_parts_forgotten",
    ] {
        assert_eq!(in_database[same], there[same], "{same}: {in_database} {there}");
    }
    let same = log(&["move", "--store", &database.url(), "--to", &database.url()]);
    assert!(String::from_utf8_lossy(&same.stderr).contains("between a directory and a database"), "{same:?}");
    // The directory no longer has a log that a service could continue.
    let refused = log(&["verify", "--data-dir", dir]);
    assert!(!refused.status.success());
    let mut forked = Pair { venues: pair.venues.clone(), ..Pair::prepared(&[]) };
    forked.dir = std::mem::replace(&mut pair.dir, tempfile::tempdir().unwrap());
    let started = forked.reservation_command().output().unwrap();
    assert_eq!(started.status.code(), Some(2));
    assert!(
        forked.logged("reservation").contains("moved to another place"),
        "{}",
        forked.logged("reservation")
    );
    // An instance on the database continues it.
    let mut shared = instance(&database.url()).await;
    shared.book(2).await;
    let after = feed_bytes(&shared).await;
    assert_prefix(&before, &after);
    shared.reservation.take().unwrap().terminate();
    let back_dir = shared.dir.path().join("back");
    let back = back_dir.to_str().unwrap();
    log_json(&["move", "--store", &database.url(), "--to", back]);
    let refused = log(&["verify", "--store", &database.url()]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("is not in use"), "{refused:?}");
    shared.env.clear();
    std::fs::rename(&back_dir, replaced(shared.dir.path())).unwrap();
    shared.start_reservation().await;
    shared.book(2).await;
    assert_prefix(&after, &feed_bytes(&shared).await);
}

/// A stop and a start add events of their own, such as the use of keys.
#[track_caller]
fn assert_prefix(before: &[u8], after: &[u8]) {
    // Without the bracket that closes the list.
    let events = &before[..before.len() - 1];
    assert!(events.len() > 1_000 && after.starts_with(events), "the events of before are not the first ones");
}

/// The data directory of the service, without what an instance kept there.
fn replaced(dir: &Path) -> std::path::PathBuf {
    let data_dir = dir.join("reservation");
    std::fs::remove_dir_all(&data_dir).unwrap();
    data_dir
}

/// A move that was interrupted continues, and one into a place with other events is refused.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_move_continues_and_another_log_is_not_overwritten() {
    let mut pair = Pair::running(&[]).await;
    pair.book(2).await;
    pair.notifier.take();
    pair.reservation.take().unwrap().terminate();
    let data_dir = pair.dir.path().join("reservation");
    let dir = data_dir.to_str().unwrap();
    let database = Database::start();
    let there = log_json(&["verify", "--data-dir", dir]);
    // As a crash leaves it: a part of the log, which no service may open.
    let id = there["log_id"].as_str().unwrap();
    assert!(log(&["init", "--store", &database.url(), "--log-id", id]).status.success());
    let _ = database.query("UPDATE meja_reservation.log SET in_use = false");
    let refused = log(&["verify", "--store", &database.url()]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("is not in use"), "{refused:?}");
    let moved = log_json(&["move", "--data-dir", dir, "--to", &database.url()]);
    assert_eq!(moved["events"], there["events"]);
    // Another log is not mixed with it.
    let mut other = Pair::running(&[]).await;
    other.notifier.take();
    other.reservation.take().unwrap().terminate();
    let other_dir = other.dir.path().join("reservation");
    let mixed = log(&["move", "--data-dir", other_dir.to_str().unwrap(), "--to", &database.url()]);
    assert!(String::from_utf8_lossy(&mixed.stderr).contains("choose another place"), "{mixed:?}");
    assert_eq!(log_json(&["verify", "--store", &database.url()])["events"], there["events"]);
}

/// An older copy of the database was put in place, for example by promoting a standby that lacked the last commits.
#[tokio::test(flavor = "multi_thread")]
async fn an_instance_stops_when_the_database_no_longer_holds_what_it_has_read() {
    let database = Database::start();
    init(&database.url());
    let mut instance = instance(&database.url()).await;
    instance.book(2).await;
    let _ = database.query(
        "DELETE FROM meja_reservation.groups WHERE first = (SELECT max(first) FROM meja_reservation.groups)",
    );
    let url = format!("{}/api/reservations", instance.reservation_url);
    let sent = instance.client.post(url).json(&booking(2)).send().await;
    assert!(sent.is_err(), "a booking behind lost events must not be acknowledged: {sent:?}");
    let running = instance.reservation.as_mut().unwrap();
    let ended = running.0.wait().unwrap();
    assert!(!ended.success());
    let logged = instance.logged("reservation");
    assert!(logged.contains("no longer holds the group at position"), "{logged}");
    // A supervisor starts it again: it must not go on from the older copy.
    let data_dir = instance.dir.path().join("reservation");
    let serve = ["serve", "--store", &database.url(), "--data-dir", data_dir.to_str().unwrap()];
    let refused =
        Command::new(binary("reservation")).args(serve).args(["--listen", "127.0.0.1:0"]).output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(
        said.contains("does not hold the log that this service used before: it ends at position"),
        "{said}"
    );
}

/// A credential that is revoked on one instance is refused by the others, and an instance that cannot know refuses all.
#[tokio::test(flavor = "multi_thread")]
async fn no_instance_admits_a_credential_that_another_one_has_revoked() {
    let mut database = Database::start();
    init(&database.url());
    let (one, other) = (instance(&database.url()).await, instance(&database.url()).await);
    let wanted = json!({"name": "reports", "scopes": ["read"]});
    let (status, made) = one.post("/api/access/keys", &wanted).await;
    assert_eq!(status, 200, "{made}");
    let shown = anonymous_client();
    let read = async |key: &Value| {
        let request = shown.get(format!("{}/api/reservations", other.reservation_url));
        let response = request.bearer_auth(key.as_str().unwrap()).send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.json::<Value>().await.unwrap()["code"].clone())
    };
    until("the other instance to admit the key", async || read(&made["token"]).await.0 == 200).await;
    // Without its database, the instance cannot know.
    database.stop();
    until("the instance to refuse keys", async || {
        read(&made["token"]).await == (503, json!("credential_unchecked"))
    })
    .await;
    let guest = shown.get(format!("{}/api/venues", other.reservation_url)).send().await.unwrap();
    let guest: Value = guest.json().await.unwrap();
    assert_eq!(guest["code"], "log_unavailable", "guests need no credential");
    database.restart();
    until("the key to be admitted again", async || read(&made["token"]).await.0 == 200).await;
    let id = made["key"]["key_id"].as_str().unwrap();
    let url = format!("{}/api/access/keys/{id}/revoke", one.reservation_url);
    until("the key to be revoked", async || {
        one.client
            .post(&url)
            .json(&json!({}))
            .send()
            .await
            .is_ok_and(|response| response.status().is_success())
    })
    .await;
    until("the other instance to refuse the key", async || {
        read(&made["token"]).await == (401, json!("credential_invalid"))
    })
    .await;
}

/// The rules for the URL of the store.
#[test]
fn a_store_that_cannot_be_used_is_refused_before_anything_starts() {
    for (store, fault) in [
        ("mysql://a@b/c", "does not start with postgres://"),
        ("postgres://a:secret@localhost/c", "has a password"),
        ("postgres://a@db.example.com/c?sslmode=disable", "without TLS"),
        ("postgres://a@localhost:x/c", "is not valid"),
        ("postgres://a@localhost/c?hostaddr=10.0.0.5", "hostaddr"),
        ("", "does not start with postgres://"),
    ] {
        let refused = log(&["verify", "--store", store]);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(2), "{store}: {said}");
        assert!(said.contains("RESERVATION_STORE") && said.contains(fault), "{store}: {said}");
        assert!(!said.contains("secret"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_on_one_instance_becomes_known_to_another() {
    let database = Database::start();
    init(&database.url());
    let (one, other) = (instance(&database.url()).await, instance(&database.url()).await);
    let head = other.head().await;
    let id = one.book(2).await;
    let known = format!("{}/api/reservations/{id}", other.reservation_url);
    until("the other instance to know the booking", async || {
        other.client.get(&known).send().await.is_ok_and(|response| response.status() == 200)
    })
    .await;
    assert!(other.head().await > head);
}
