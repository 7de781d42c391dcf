//! `reservation log …` and `notifier log …`: real binaries on the logs of real services.

mod careful;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::services::{Pair, Running, binary, owner_file, program};

/// Runs `<service> log <args>`. Returns its exit code, its standard output and its standard error.
fn log(service: &str, args: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } =
        Command::new(binary(service)).arg("log").args(args).args(["--log", "warn"]).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

#[track_caller]
pub fn done(service: &str, args: &[&str]) -> String {
    let (code, printed, said) = log(service, args);
    assert_eq!(code, Some(0), "{args:?}: {printed} {said}");
    printed
}

#[track_caller]
fn verdict(service: &str, args: &[&str]) -> Value {
    serde_json::from_str(&done(service, &[&["verify", "--json"], args].concat())).unwrap()
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// A pair with a few bookings: one paid and seated, one cancelled and erased.
async fn worked() -> (Pair, String) {
    let pair =
        Pair::running(&["--simulated-decide-after-ms", "0", "--sms", "off", "--reminder-hours", "500"]).await;
    let paid = pair.book(6).await;
    let (_, cancelled) = pair.post("/api/reservations", &crate::services::booking(2)).await;
    let cancelled = cancelled["reservation_id"].as_str().unwrap().to_owned();
    let confirmed =
        async || pair.get(&format!("/api/reservations/{paid}")).await["status"] == json!("CONFIRMED");
    crate::services::until("the deposit to be paid", confirmed).await;
    let post = async |path: String, body: Value| assert_eq!(pair.post(&path, &body).await.0, 200, "{path}");
    post(format!("/api/reservations/{paid}/assign-table"), json!({"table_id": "D4"})).await;
    post(
        format!("/api/reservations/{cancelled}/cancel"),
        json!({"reason_code": "ill", "description": "flu"}),
    )
    .await;
    let url = format!("{}/api/reservations/{cancelled}/contact", pair.reservation_url);
    assert!(pair.client.delete(url).send().await.unwrap().status().is_success());
    pair.settled().await;
    (pair, paid)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_backed_up_while_it_is_served_and_restored() {
    let (mut pair, _) = worked().await;
    for service in ["reservation", "notifier"] {
        let url = if service == "reservation" { &pair.reservation_url } else { &pair.notifier_url };
        let live = ["--from", url, "--credential-file", owner_file()];
        let right = verdict(service, &live);
        assert_eq!((&right["ok"], &right["faults"]), (&json!(true), &json!([])));
        // Without a credential the service does not send the log, so no verdict is possible.
        let (code, _, said) = log(service, &["verify", "--from", url]);
        assert!(code == Some(1) && said.contains("--credential-file"), "{code:?} {said}");

        let file = text(&pair.dir.path().join(format!("{service}.backup")));
        done(service, &[&["backup", &file][..], &live].concat());
        let (code, _, said) = log(service, &[&["backup", &file][..], &live].concat());
        assert!(code == Some(1) && said.contains("already exists"), "{said}");
        assert_eq!(verdict(service, &["--from", &file])["hash"], right["hash"]);

        let into = text(&pair.dir.path().join(format!("{service}-restored")));
        done(service, &["restore", &file, "--data-dir", &into]);
        assert_eq!(verdict(service, &["--data-dir", &into])["hash"], right["hash"]);
    }
    let right = verdict("reservation", &["--from", &pair.reservation_url, "--credential-file", owner_file()]);
    assert_eq!(right["private_parts_forgotten"], 2, "contact and description");
    assert_eq!(right["private_parts_proved"], 5, "three keys, the key for links, and a contact");

    // The running service has locked the directory.
    let data = text(&pair.dir.path().join("reservation"));
    let file = text(&pair.dir.path().join("reservation.backup"));
    let (code, _, said) = log("reservation", &["verify", "--data-dir", &data]);
    assert!(code == Some(1) && said.contains("for a running service use --from"), "{said}");
    let (code, _, said) = log("reservation", &["compact", "--data-dir", &data]);
    assert!(code == Some(1) && said.contains("stop it first"), "{said}");
    // Events after the backup are not discarded by accident.
    pair.book(2).await;
    assert_eq!(pair.reservation.take().unwrap().terminate(), Some(0));
    let (code, _, said) = log("reservation", &["restore", &file, "--data-dir", &data]);
    assert!(code == Some(1) && said.contains("discard the later events"), "{said}");
    // The service does not start with an unreadable witness, and the remedy in its message works.
    std::fs::write(pair.dir.path().join("reservation/head-witness.json"), "{").unwrap();
    let (code, printed, _) = log("reservation", &["verify", "--data-dir", &data]);
    assert!(
        code == Some(3) && printed.contains("its head witness (head-witness.json or head-mark) is invalid"),
        "{printed}"
    );
    let (code, _, said) = log("reservation", &["restore", &file, "--data-dir", &data]);
    assert!(code == Some(1) && said.contains("--force"), "{said}");
    done("reservation", &["restore", &file, "--data-dir", &data, "--force"]);
    pair.start_reservation().await;
    assert_eq!(pair.events().await.len() as u64, right["events"].as_u64().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_or_truncated_backup_is_not_restored() {
    let (pair, _) = worked().await;
    let file = pair.dir.path().join("whole");
    let live = ["--from", &pair.reservation_url, "--credential-file", owner_file()];
    done("reservation", &[&["backup", &text(&file)][..], &live].concat());
    let whole = std::fs::read(&file).unwrap();
    let (broken, into) = (pair.dir.path().join("broken"), text(&pair.dir.path().join("into")));
    for at in (0..whole.len()).step_by(whole.len() / 40) {
        let mut changed = whole.clone();
        changed[at] ^= 4;
        for bytes in [&whole[..at], &changed] {
            std::fs::write(&broken, bytes).unwrap();
            let (verified, printed, said) = log("reservation", &["verify", "--from", &text(&broken)]);
            let (restored, _, _) = log("reservation", &["restore", &text(&broken), "--data-dir", &into]);
            assert!(verified != Some(0) && restored != Some(0), "{at}: {printed} {said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupted_exports_and_imports_resume_and_yield_the_same_log() {
    let (mut pair, paid) = worked().await;
    let data = text(&pair.dir.path().join("reservation"));
    pair.reservation.take().unwrap().terminate();
    pair.notifier.take().unwrap().terminate();
    let right = verdict("reservation", &["--data-dir", &data]);
    let (file, copy) = (pair.dir.path().join("export.ndjson"), pair.dir.path().join("copy"));
    let export = ["export", "--data-dir", &data, "--to", &text(&file), "--with-private"];
    done("reservation", &export);
    let whole = std::fs::read(&file).unwrap();
    // Interrupted in the middle of a line.
    std::fs::write(&file, &whole[..whole.len() * 2 / 3]).unwrap();
    done("reservation", &export);
    assert_eq!(std::fs::read(&file).unwrap(), whole);
    for line in String::from_utf8(whole.clone()).unwrap().lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        assert_eq!((&event["specversion"], event["mejalog"].is_string()), (&json!("1.0"), true));
    }

    // A file that is not an export is not changed.
    let token = pair.dir.path().join("token");
    std::fs::write(&token, "precious").unwrap();
    let (code, _, said) = log("reservation", &["export", "--data-dir", &data, "--to", &text(&token)]);
    assert!(code == Some(1) && said.contains("it is not an export"), "{said}");
    assert_eq!(std::fs::read_to_string(&token).unwrap(), "precious");
    let (code, _, said) = log("reservation", &["export", "--data-dir", &data, "--to", &text(&file)]);
    assert!(code == Some(1) && said.contains("--with-confidential"), "{said}");

    // Interrupted between two appends, then continued.
    let lines: Vec<_> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    let part = pair.dir.path().join("part.ndjson");
    // The first append records the four first keys.
    std::fs::write(&part, lines[..5].concat()).unwrap();
    done("reservation", &["import", &text(&part), "--into", &text(&copy)]);
    done("reservation", &["import", &text(&file), "--into", &text(&copy)]);
    let again = verdict("reservation", &["--data-dir", &text(&copy)]);
    for what in ["hash", "events", "log_id", "appends", "private_parts", "private_parts_proved"] {
        assert_eq!(again[what], right[what], "{what}");
    }
    // A copy with its own id is another log with the same events.
    let other = text(&pair.dir.path().join("other"));
    done("reservation", &["import", &text(&file), "--into", &other, "--new-log-id"]);
    let other_verdict = verdict("reservation", &["--data-dir", &other]);
    assert!(other_verdict["log_id"] != right["log_id"] && other_verdict["hash"] != right["hash"]);
    let states = |dir: &str| done("reservation", &["replay", "--json", "--data-dir", dir]);
    assert_eq!(states(&other), states(&data));
    assert!(states(&data).contains(&paid));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_compacted_shown_counted_replayed_and_compared() {
    let (mut pair, paid) = worked().await;
    let live = ["--from", &pair.reservation_url.clone(), "--credential-file", owner_file()];
    let shown =
        done("reservation", &[&["show", "--type", "payment.completed", "--json"][..], &live].concat());
    assert_eq!(shown.lines().count(), 1);
    let event: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(event["subject"], format!("reservation/{paid}"));
    let at = event["sequence"].as_str().unwrap().parse::<u64>().unwrap();
    let alone =
        done("reservation", &[&["show", "--position", &at.to_string(), "--json"][..], &live].concat());
    assert_eq!(alone, shown, "exactly the stored bytes");

    let before = done(
        "reservation",
        &[&["diff", &paid, &(at - 1).to_string(), &at.to_string(), "--json"][..], &live].concat(),
    );
    assert!(before.contains(r#""field":"deposit.status","from":"due","to":"paid""#), "{before}");
    let then =
        done("reservation", &[&["replay", "--until", &(at - 1).to_string(), "--json"][..], &live].concat());
    let then: Value = serde_json::from_str(then.lines().find(|line| line.contains(&paid)).unwrap()).unwrap();
    assert_eq!((&then["status"], &then["deposit"]["status"]), (&json!("PENDING"), &json!("due")));

    let history =
        pair.client.get(format!("{}/api/reservations/{paid}/history?format=text", pair.reservation_url));
    let history = history.send().await.unwrap().text().await.unwrap();
    for words in [
        "changed  deposit.status: due → paid",
        "effect   IDR 300000.00 received via",
        "why      Follows from",
    ] {
        assert!(history.contains(words), "{words:?} is not in {history}");
    }

    let data = text(&pair.dir.path().join("reservation"));
    pair.reservation.take().unwrap().terminate();
    let right = verdict("reservation", &["--data-dir", &data]);
    assert_eq!(right["witness"], right["events"]);
    let stats: Value =
        serde_json::from_str(&done("reservation", &["stats", "--json", "--data-dir", &data])).unwrap();
    assert_eq!(stats["events"], right["events"]);
    let by_type: u64 = stats["by_type"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
    assert_eq!(by_type, right["events"].as_u64().unwrap());
    let compacted: Value =
        serde_json::from_str(&done("reservation", &["compact", "--json", "--data-dir", &data])).unwrap();
    assert!(compacted["bytes_after"].as_u64() < compacted["bytes_before"].as_u64(), "{compacted}");
    assert_eq!(verdict("reservation", &["--data-dir", &data]), right);
    pair.start_reservation().await;
    pair.book(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_log_is_followed() {
    let mut pair = Pair::prepared(&[]);
    pair.start_reservation().await;
    pair.book(2).await;
    let mut follower = program("reservation");
    follower.args([
        "log",
        "show",
        "--follow",
        "--json",
        "--from",
        &pair.reservation_url,
        "--credential-file",
        owner_file(),
    ]);
    let mut follower = Running(follower.stdout(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(follower.0.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    // The first keys and the rules of the two sample venues come first.
    assert!(next()["id"].as_str().unwrap().starts_with("00000000000000000001-"));
    let kinds: Vec<_> = (0..5).map(|_| next()["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds.last().unwrap(), "meja.venue.changed.v2");
    next();
    for place in 8..11 {
        let id = pair.book(2).await;
        let event = next();
        assert_eq!(event["subject"], format!("reservation/{id}"), "place {place}");
    }
}

/// A service without any booking has a log too.
#[test]
fn an_empty_log_is_backed_up_restored_and_compacted() {
    use events::store::sled::{self, Options};
    let dir = tempfile::tempdir().unwrap();
    let (data, file, into) =
        (dir.path().join("data"), text(&dir.path().join("empty")), text(&dir.path().join("into")));
    drop(sled::open(&Options::new(&data, "reservation")).unwrap());
    done("reservation", &["backup", &file, "--data-dir", &text(&data)]);
    done("reservation", &["restore", &file, "--data-dir", &into]);
    done("reservation", &["compact", "--data-dir", &into]);
    assert_eq!(
        verdict("reservation", &["--data-dir", &into])["log_id"],
        verdict("reservation", &["--from", &file])["log_id"]
    );
}

/// A positive control: an append that violates its condition is found.
#[test]
fn a_planted_append_against_its_condition_is_found() {
    use events::store::AppendCondition;
    use events::store::groups::GroupDraft;
    use events::store::place::{Place, Settings};
    use events::{Position, Query, Tag};
    let root = tempfile::tempdir().unwrap();
    // The store makes it, for this user alone.
    let dir = root.path().join("data");
    let mut loader = Place::Directory(dir.clone()).loader(&Settings::new("reservation"), None).unwrap();
    let log_id = loader.log_id();
    let table = || Tag::new("table", "bandung-dago/T1/2026-12-24");
    let mut plant = |after: u64| {
        let mut draft = GroupDraft::after(loader.chain().clone());
        let position = loader.chain().last().next().0;
        let json = format!(
            r#"{{"specversion":"1.0","id":"{position:020}-01939f3e-7b2a-7c3d-9e4f-{position:012}","sequence":"{position:020}","source":"/reservation/{log_id}","type":"meja.reservation.checked_in.v1","subject":"reservation/01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f","time":"2026-12-24T12:00:00Z","correlationid":"c","authtype":"system","data":{{}}}}"#
        );
        draft.push(json.as_bytes(), "meja.reservation.checked_in.v1", &[table()], &[], None);
        draft.close_append(&AppendCondition::unchanged(Query::any_tag([table()]), Position(after)));
        loader.push(&draft.finish().unwrap()).unwrap();
    };
    plant(0);
    plant(1);
    // This append was decided before the second event was read.
    plant(1);
    loader.finish().unwrap();
    let (code, printed, _) = log("reservation", &["verify", "--json", "--data-dir", dir.to_str().unwrap()]);
    let found: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(code, Some(3), "{printed}");
    assert_eq!(found["faults"], json!(["the condition of the append at 3 is violated by the event at 2"]));
}
