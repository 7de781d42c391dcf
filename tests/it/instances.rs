//! Instances that share a log in a database.

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
pub fn log(arguments: &[&str]) -> Output {
    let mut command = Command::new(binary("reservation"));
    command.arg("log").args(arguments).arg("--secrets-dir").arg(secrets()).env("RUST_BACKTRACE", "0");
    command.output().unwrap()
}

/// What a command prints as JSON.
#[track_caller]
pub fn log_json(arguments: &[&str]) -> Value {
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
