//! Logs that earlier builds wrote: they open, they verify, and they give the answers of the build that wrote them.
//!
//! A folder below `tests/logs` contains the backups of the logs of both services, and the answers of the last day in
//! `answers.json`. The folder never changes: stored events keep their meaning in all later versions.

use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::log::done;
use crate::services::{Pair, booking, root, secrets};

fn folders() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join("tests/logs")).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// A pair on the logs in `folder`, which are restored and verified.
fn restored(folder: &Path) -> Pair {
    let mut pair = Pair::prepared(&[]);
    pair.venues = root().join("data/venues");
    for service in ["reservation", "notifier"] {
        let backup = folder.join(format!("{service}.backup")).display().to_string();
        let data = pair.dir.path().join(service).display().to_string();
        done(service, &["restore", &backup, "--data-dir", &data]);
        done(service, &["verify", "--data-dir", &data]);
    }
    pair
}

/// Fails unless `now` contains everything in `then`. Later builds add members to answers, and never change or remove one.
fn contains(now: &Value, then: &Value, place: &str) {
    match (now, then) {
        (Value::Object(now), Value::Object(then)) => {
            for (name, then) in then {
                let now = now.get(name).unwrap_or_else(|| panic!("{place}.{name} is missing"));
                contains(now, then, &format!("{place}.{name}"));
            }
        }
        // Later builds say more about what an event changed.
        (Value::Array(now), Value::Array(then)) if place.ends_with(".changed") => {
            for then in then {
                let now = now.iter().find(|now| now["field"] == then["field"]);
                contains(now.unwrap_or(&Value::Null), then, &format!("{place}[{}]", then["field"]));
            }
        }
        (Value::Array(now), Value::Array(then)) => {
            assert_eq!(now.len(), then.len(), "{place}: {now:?}");
            for (index, (now, then)) in now.iter().zip(then).enumerate() {
                contains(now, then, &format!("{place}[{index}]"));
            }
        }
        _ => assert_eq!(now, then, "{place}"),
    }
}

/// The entries of a history up to `head`, without later effects: time goes on for the opened log.
fn up_to(head: u64, mut history: Value) -> Value {
    let is_earlier = |entry: &Value| entry["position"].as_u64() <= Some(head);
    let entries = history["entries"].as_array_mut().unwrap();
    entries.retain(is_earlier);
    for entry in entries {
        entry["effects"].as_array_mut().unwrap().retain(is_earlier);
    }
    history
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_of_earlier_builds_give_the_same_answers() {
    assert!(!folders().is_empty());
    for folder in folders() {
        let mut pair = restored(&folder);
        pair.start_reservation().await;
        pair.start_notifier().await;
        let answers = std::fs::read(folder.join("answers.json")).unwrap();
        let answers: Value = serde_json::from_slice(&answers).unwrap();
        let head = answers["head"].as_u64().unwrap();
        for (id, then) in answers["reservations"].as_object().unwrap() {
            let path = format!("/api/reservations/{id}");
            contains(&pair.get(&format!("{path}?as_of={head}")).await, &then["view"], id);
            let history = up_to(head, pair.get(&format!("{path}/history")).await);
            contains(&history, &up_to(head, then["history"].clone()), &format!("{id} history"));
        }
        for (id, then) in answers["waitlist"].as_object().unwrap() {
            contains(&pair.get(&format!("/api/waitlist/{id}")).await, then, id);
        }
    }
}

/// The digest of a request as builds made it before receipts.
fn former_digest(path: &str, body: &str) -> String {
    let digest = Sha256::new().chain_update("POST").chain_update([0]).chain_update(path).chain_update([0]);
    hex::encode(&digest.chain_update(body).finalize()[..16])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_an_earlier_build_recorded_is_recognised() {
    const KEY: &str = "5f0c9e0e-4b43-4c6b-8d0e-6a3b7a9f1c11";
    let mut pair = Pair::prepared(&[]);
    pair.start_reservation().await;
    let (path, body) = ("/api/reservations", booking(2).to_string());
    let send = async |pair: &Pair, body: &str| {
        let request =
            pair.client.post(format!("{}{path}", pair.reservation_url)).header("idempotency-key", KEY);
        let answer =
            request.header("content-type", "application/json").body(body.to_owned()).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let (status, booked) = send(&pair, &body).await;
    assert_eq!(status, 200, "{booked}");
    pair.reservation.take().unwrap().kill_9();
    let [data, export, moved] = ["reservation", "export", "moved"].map(|name| pair.dir.path().join(name));
    let [data_text, export_text] = [&data, &export].map(|path| path.to_str().unwrap());
    done("reservation", &["export", "--with-confidential", "--to", export_text, "--data-dir", data_text]);
    let events = std::fs::read_to_string(&export).unwrap();
    let (_, rest) = events.split_once(r#""requestdigest":""#).expect("the booking has a digest");
    let (digest, former) = (&rest[..32], former_digest(path, &body));
    assert_ne!(digest, former, "the key is part of the digest");
    std::fs::write(&export, events.replace(digest, &former)).unwrap();
    std::fs::rename(&data, moved).unwrap();
    done("reservation", &["import", export_text, "--into", data_text]);
    // The other log has no checkpoint.
    std::fs::remove_file(secrets().join("log-signing.keys")).unwrap();
    pair.start_reservation().await;
    let (status, again) = send(&pair, &body).await;
    assert_eq!((status, &again["reservation_id"]), (200, &booked["reservation_id"]), "{again}");
    let (status, refused) = send(&pair, &booking(3).to_string()).await;
    assert_eq!((status, &refused["code"]), (422, &Value::from("idempotency_key_reused")), "{refused}");
}
