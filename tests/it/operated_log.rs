//! What an operator does with the log in a database as a whole: move, import, restore, compact.

use std::path::Path;

use test_database::Database;

use crate::instances::{init, instance, log, log_json};
use crate::services::{Pair, booking};

/// The feed from its start, byte for byte.
async fn feed_bytes(pair: &Pair) -> Vec<u8> {
    let response =
        pair.client.get(format!("{}/events?limit=1000", pair.reservation_url)).send().await.unwrap();
    response.bytes().await.unwrap().to_vec()
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

/// The same export or backup becomes the same log in a directory and in a database.
#[tokio::test(flavor = "multi_thread")]
async fn an_export_and_a_backup_become_a_log_in_a_database() {
    let mut pair = Pair::running(&[]).await;
    for _ in 0..3 {
        pair.book(2).await;
    }
    assert_eq!(pair.reservation.take().unwrap().terminate(), Some(0));
    let dir = pair.dir.path().join("reservation");
    let dir = dir.to_str().unwrap();
    let (export, backup) = (pair.dir.path().join("export"), pair.dir.path().join("backup"));
    let (export, backup) = (export.to_str().unwrap(), backup.to_str().unwrap());
    let original = log_json(&["verify", "--from", dir]);
    let exported = log(&["export", "--from", dir, "--with-confidential", "--to", export]);
    assert!(exported.status.success(), "{exported:?}");
    log_json(&["backup", "--from", dir, backup]);
    for command in [["import", export], ["restore", backup]] {
        let database = Database::start();
        let url = database.url();
        let place = if command[0] == "import" { ["--into", &url] } else { ["--store", &url] };
        let made = log_json(&[&command[..], &place].concat());
        assert_eq!((&made["events"], &made["hash"]), (&original["events"], &original["hash"]), "{command:?}");
        assert_eq!(log_json(&["verify", "--store", &url])["hash"], original["hash"]);
        // A repetition changes nothing, and an import says that services may use the log.
        let again = log(&[&command[..], &place].concat());
        assert_eq!(again.status.success(), command[0] == "restore", "{again:?}");
        assert_eq!(log_json(&["verify", "--store", &url])["hash"], original["hash"]);
        let instance = instance(&url).await;
        let list = instance.get("/api/reservations").await;
        assert_eq!(list["items"].as_array().unwrap().len(), 3, "{list}");
        assert_eq!(list["items"][0]["contact_name"], "Sari W.", "{list}");
        instance.book(2).await;
    }
}

/// Events that only the database has are not lost by mistake, and remain after a restore that was forced.
#[tokio::test(flavor = "multi_thread")]
async fn a_restore_into_a_database_sets_the_previous_log_aside() {
    let database = Database::start();
    let url = database.url();
    let _ = database.query("CREATE ROLE meja_service LOGIN");
    let made = log(&["init", "--store", &url, "--role", "meja_service"]);
    assert!(made.status.success(), "{made:?}");
    let mut instance = self::instance(&database.url_of("meja_service")).await;
    instance.book(2).await;
    let dir = tempfile::tempdir().unwrap();
    let backup = dir.path().join("backup");
    let backup = backup.to_str().unwrap();
    let kept = log_json(&["backup", "--store", &url, backup]);
    let lost = instance.book(2).await;
    let refused = log(&["restore", "--store", &url, backup]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(
        !refused.status.success() && said.contains("use --force to set the existing log aside"),
        "{said}"
    );
    // The service may not do it, and nothing is lost when it tries.
    let service = log(&["restore", "--store", &database.url_of("meja_service"), "--force", backup]);
    assert!(!service.status.success(), "{service:?}");
    assert_eq!(instance.get(&format!("/api/reservations/{lost}")).await["status"], "PENDING");
    let restored = log_json(&["restore", "--store", &url, "--force", backup]);
    assert_eq!((&restored["events"], &restored["hash"]), (&kept["events"], &kept["hash"]), "{restored}");
    let aside = restored["kept"].as_str().unwrap().strip_prefix("the schema ").unwrap().to_owned();
    let count = |schema: &str| database.query(&format!("SELECT max(last) FROM \"{schema}\".groups"));
    assert!(count(&aside).parse::<u64>().unwrap() > count("meja_reservation").parse().unwrap());
    // The running instance has read events that the log no longer holds.
    let url = format!("{}/api/reservations", instance.reservation_url);
    let sent = instance.client.post(url).json(&booking(2)).send().await;
    assert!(sent.is_err(), "{sent:?}");
    assert!(!instance.reservation.as_mut().unwrap().0.wait().unwrap().success());
    // One that has not read them works with the restored log and the same role.
    let other = self::instance(&database.url_of("meja_service")).await;
    other.book(2).await;
}

/// After the command, a contact that was erased is in no file of a table.
#[tokio::test(flavor = "multi_thread")]
async fn compaction_removes_forgotten_payloads_from_the_tables() {
    const CANARY: &str = "+62 812 9317 5528";
    let database = Database::start();
    let url = database.url();
    let _ = database.query("CREATE ROLE meja_service LOGIN");
    assert!(log(&["init", "--store", &url, "--role", "meja_service"]).status.success());
    let instance = instance(&database.url_of("meja_service")).await;
    let mut wanted = booking(2);
    wanted["contact_info"]["phone"] = CANARY.into();
    let (status, booked) = instance.post("/api/reservations", &wanted).await;
    assert_eq!(status, 200, "{booked}");
    let in_tables = || {
        let _ = database.query("CHECKPOINT");
        let found = database.files_with(&CANARY.replace(' ', ""));
        found.into_iter().filter(|path| path.to_string_lossy().contains("/base/")).count()
    };
    assert_eq!(in_tables(), 1, "the search finds what is there");
    let id = booked["reservation_id"].as_str().unwrap();
    let contact = format!("{}/api/reservations/{id}/contact", instance.reservation_url);
    let erased = instance.client.delete(contact).send().await.unwrap();
    assert!(erased.status().is_success(), "{}", erased.status());
    // The service may not do it, and does not pretend that it did.
    let refused = log(&["compact", "--store", &database.url_of("meja_service")]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("use the role that owns it"), "{said}");
    log_json(&["compact", "--store", &url]);
    assert_eq!(in_tables(), 0);
    // Appends go on.
    instance.book(2).await;
}

/// A log that was moved away can have grown elsewhere, and one that services use must not change under them.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_does_not_continue_a_log_that_is_in_use_or_was_moved_away() {
    let database = Database::start();
    let url = database.url();
    init(&url);
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let running = instance(&url).await;
    running.book(2).await;
    log_json(&["backup", "--store", &url, &at("backup")]);
    drop(running);
    log_json(&["move", "--store", &url, "--to", &at("moved")]);
    let restored = log(&["restore", "--store", &url, &at("backup")]);
    let said = String::from_utf8_lossy(&restored.stderr);
    assert!(!restored.status.success() && said.contains("was moved to another place"), "{said}");
    let refused = log(&["verify", "--store", &url]);
    assert!(!refused.status.success(), "no service opens it");
    assert!(log(&["restore", "--store", &url, "--force", &at("backup")]).status.success());
    // A longer backup of the same log, while services can use the shorter one.
    let longer = instance(&url).await;
    longer.book(2).await;
    log_json(&["backup", "--store", &url, &at("longer")]);
    drop(longer);
    assert!(log(&["restore", "--store", &url, "--force", &at("backup")]).status.success());
    let restored = log(&["restore", "--store", &url, &at("longer")]);
    let said = String::from_utf8_lossy(&restored.stderr);
    assert!(!restored.status.success() && said.contains("use --force"), "{said}");
}

/// A command that is refused changes nothing: an empty log stays one that a service can use.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_import_leaves_an_empty_log_as_it_was() {
    let mut pair = Pair::prepared(&[]);
    pair.start_reservation().await;
    assert_eq!(pair.reservation.take().unwrap().terminate(), Some(0));
    let dir = pair.dir.path().join("reservation");
    let export = pair.dir.path().join("export");
    let export = export.to_str().unwrap();
    let exported = log(&["export", "--from", dir.to_str().unwrap(), "--with-confidential", "--to", export]);
    assert!(exported.status.success(), "{exported:?}");
    // The first event alone, which claims that sixty more belong to its append.
    let text = std::fs::read_to_string(export).unwrap();
    let first = text.lines().next().unwrap().replace(r#"\"events\":"#, r#"\"events\":6"#);
    std::fs::write(export, first + "\n").unwrap();
    let database = Database::start();
    init(&database.url());
    let before = database.query("TABLE meja_reservation.log");
    let refused = log(&["import", export, "--into", &database.url()]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("ends within an append"), "{said}");
    assert_eq!(database.query("TABLE meja_reservation.log"), before);
    assert_eq!(log_json(&["verify", "--store", &database.url()])["ok"], true);
}

/// A role without a right would otherwise stop what happens by itself, long after the start.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_without_all_rights_starts_nothing() {
    let database = Database::start();
    let _ = database.query("CREATE ROLE meja_service LOGIN");
    assert!(log(&["init", "--store", &database.url(), "--role", "meja_service"]).status.success());
    let service = database.url_of("meja_service");
    assert!(log(&["verify", "--store", &service]).status.success());
    let _ = database.query("REVOKE INSERT ON meja_reservation.notes FROM meja_service");
    let refused = log(&["verify", "--store", &service]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(
        !refused.status.success() && said.contains("the table notes") && said.contains("log init"),
        "{said}"
    );
}
