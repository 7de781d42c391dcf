//! Receipts and checkpoints of real services: after a crash, a damaged tree and a restored backup, and verified by the command.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::log::done;
use crate::services::{Pair, anonymous_client, binary, secrets, until};

/// Runs `reservation receipt verify` with these arguments. Returns its exit code and what it prints.
pub fn verify(file: &Path, more: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(binary("reservation"));
    // Without a service, a data directory or secrets.
    command.args(["receipt", "verify"]).arg(file).args(more).env_clear();
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code(), String::from_utf8([stdout, stderr].concat()).unwrap())
}

#[track_caller]
pub fn proved(file: &Path, more: &[&str]) -> String {
    let (code, printed) = verify(file, more);
    assert_eq!(code, Some(0), "{printed}");
    printed
}

/// A public text of the service.
pub async fn text(pair: &Pair, path: &str) -> (u16, String) {
    let answer = anonymous_client().get(format!("{}{path}", pair.reservation_url)).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// Saves the receipt of a booking.
pub async fn saved(pair: &Pair, id: &str, query: &str) -> PathBuf {
    let url = format!("{}/api/reservations/{id}/receipt{query}", pair.reservation_url);
    let answer = pair.client.get(url).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let file = pair.dir.path().join("receipt.json");
    fs::write(&file, answer.bytes().await.unwrap()).unwrap();
    file
}

/// Saves the checkpoint, and returns the file with its number of events.
pub async fn kept(pair: &Pair) -> (PathBuf, u64) {
    let (status, checkpoint) = text(pair, "/log/checkpoint").await;
    assert_eq!(status, 200, "{checkpoint}");
    let file = pair.dir.path().join("older.checkpoint");
    fs::write(&file, &checkpoint).unwrap();
    (file, checkpoint.lines().nth(1).unwrap().parse().unwrap())
}

pub async fn reservation_only() -> Pair {
    let mut pair = Pair::prepared(&[]);
    pair.start_reservation().await;
    pair
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_is_verified_without_the_service_and_one_changed_character_is_found() {
    let mut pair = reservation_only().await;
    let id = pair.book(2).await;
    let file = saved(&pair, &id, "").await;
    let key = text(&pair, "/.well-known/meja-log-keys").await.1;
    pair.reservation.take().unwrap().kill_9();
    let printed = proved(&file, &["--key", key.trim()]);
    assert!(printed.contains("meja.reservation.created.v1") && printed.contains(&id), "{printed}");
    assert_eq!(verify(&file, &[]).0, Some(2), "without a key nothing is proved");
    let content = fs::read_to_string(&file).unwrap();
    fs::write(&file, content.replacen(r#"\"party_size\":2"#, r#"\"party_size\":3"#, 1)).unwrap();
    assert_ne!(fs::read_to_string(&file).unwrap(), content);
    let (code, printed) = verify(&file, &["--key", key.trim()]);
    assert_eq!(code, Some(3), "{printed}");
    assert!(printed.contains("promise 1 of 1 is not proved"), "{printed}");
    let (code, printed) = verify(&file, &["--key", "nonsense"]);
    assert_eq!(code, Some(1), "{printed}");
    assert_eq!(verify(&pair.dir.path().join("none"), &["--key", key.trim()]).0, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn checkpoints_continue_after_a_crash_and_with_a_damaged_tree() {
    let mut pair = reservation_only().await;
    for _ in 0..150 {
        let id = pair.book(2).await;
        assert_eq!(
            pair.post(&format!("/api/reservations/{id}/cancel"), &serde_json::json!({"reason_code": "ill"}))
                .await
                .0,
            200
        );
    }
    let id = pair.book(2).await;
    saved(&pair, &id, "").await;
    let (older, size) = kept(&pair).await;
    assert!(size > 256, "{size}");
    let (key, tree) =
        (text(&pair, "/.well-known/meja-log-keys").await, pair.dir.path().join("reservation/log-tree"));
    for damage in [false, true] {
        pair.reservation.take().unwrap().kill_9();
        if damage {
            let mut content = fs::read(&tree).unwrap();
            content[1_000] ^= 1;
            fs::write(&tree, content).unwrap();
        }
        pair.start_reservation().await;
        assert_eq!(text(&pair, "/.well-known/meja-log-keys").await, key);
        pair.book(2).await;
        let file = saved(&pair, &id, &format!("?since={size}")).await;
        let printed = proved(&file, &["--key", key.1.trim(), "--checkpoint", older.to_str().unwrap()]);
        assert!(
            printed.contains(&format!("The log begins with the {size} events of the older checkpoint.")),
            "{printed}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_replaced_is_not_signed_until_there_is_a_new_key() {
    let mut pair = reservation_only().await;
    pair.book(2).await;
    let backup = pair.dir.path().join("backup").to_str().unwrap().to_owned();
    let data = pair.dir.path().join("reservation").to_str().unwrap().to_owned();
    done(
        "reservation",
        &[
            "backup",
            &backup,
            "--from",
            &pair.reservation_url,
            "--credential-file",
            crate::services::owner_file(),
        ],
    );
    let id = pair.book(2).await;
    let lost = saved(&pair, &id, "").await;
    let (key, receipt) = (text(&pair, "/.well-known/meja-log-keys").await.1, fs::read(&lost).unwrap());
    pair.reservation.take().unwrap().kill_9();
    done("reservation", &["restore", &backup, "--force", "--data-dir", &data]);
    pair.start_reservation().await;
    let other = pair.book(2).await;
    let url = format!("{}/api/reservations/{other}/receipt", pair.reservation_url);
    let refused = pair.client.get(&url).send().await.unwrap();
    assert_eq!(refused.status(), 503);
    assert!(refused.text().await.unwrap().contains("no_checkpoint"));
    // Nothing of the lost log is published.
    assert_eq!(text(&pair, "/log/checkpoint").await.0, 503);
    assert_eq!(text(&pair, "/log/tile/0/000.p/1").await.0, 503);
    let logged = async || {
        pair.logged("reservation").contains("move log-signing.keys away from the directory of secrets")
    };
    until("the operator to be told", logged).await;
    // What the guest of the lost booking holds still proves that the log contained it.
    fs::write(&lost, receipt).unwrap();
    proved(&lost, &["--key", key.trim()]);
    pair.reservation.take().unwrap().kill_9();
    fs::remove_file(secrets().join("log-signing.keys")).unwrap();
    pair.start_reservation().await;
    let file = saved(&pair, &other, "").await;
    let new_key = text(&pair, "/.well-known/meja-log-keys").await.1;
    assert_ne!(new_key.split('+').next(), key.split('+').next(), "the new key is for a new log");
    proved(&file, &["--key", new_key.trim()]);
    assert_eq!(verify(&file, &["--key", key.trim()]).0, Some(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_restored_elsewhere_is_not_signed_with_the_old_key() {
    let mut pair = reservation_only().await;
    let id = pair.book(2).await;
    saved(&pair, &id, "").await;
    let backup = pair.dir.path().join("backup").to_str().unwrap().to_owned();
    let from = pair.reservation_url.clone();
    done(
        "reservation",
        &["backup", &backup, "--from", &from, "--credential-file", crate::services::owner_file()],
    );
    pair.reservation.take().unwrap().kill_9();
    let data = pair.dir.path().join("reservation");
    fs::rename(&data, pair.dir.path().join("lost")).unwrap();
    done("reservation", &["restore", &backup, "--data-dir", data.to_str().unwrap()]);
    pair.start_reservation().await;
    assert_eq!(text(&pair, "/log/checkpoint").await.0, 503);
    let url = format!("{}/api/reservations/{id}/receipt", pair.reservation_url);
    assert_eq!(pair.client.get(&url).send().await.unwrap().status(), 503);
}
