//! Accidental damage that the commands for a log must prevent.

use std::process::Stdio;

use serde_json::{Value, json};

use super::{done, log, text, verdict, worked};
use crate::services::{OWNER, owner_file, program};

/// A restored log with later events of its own is not replaced by the log that it came from.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_diverged_from_the_backup_is_not_replaced() {
    let (mut pair, _) = worked().await;
    let dir = pair.dir.path().to_owned();
    let (early, late, data) =
        (text(&dir.join("early")), text(&dir.join("late")), text(&dir.join("reservation")));
    let live = ["--from", &pair.reservation_url.clone(), "--credential-file", owner_file()];
    done("reservation", &[&["backup", &early][..], &live].concat());
    for _ in 0..3 {
        pair.book(2).await;
    }
    done("reservation", &[&["backup", &late][..], &live].concat());
    assert_eq!(pair.reservation.take().unwrap().terminate(), Some(0));
    done("reservation", &["restore", &early, "--data-dir", &data, "--force"]);
    pair.start_reservation().await;
    pair.book(2).await;
    assert_eq!(pair.reservation.take().unwrap().terminate(), Some(0));
    let (code, _, said) = log("reservation", &["restore", &late, "--data-dir", &data]);
    assert!(code == Some(1) && said.contains("contain different events"), "{said}");
    // A backup that only has more events replaces the log without `--force`.
    done("reservation", &["restore", &early, "--data-dir", &data, "--force"]);
    done("reservation", &["restore", &late, "--data-dir", &data]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_has_all_confidential_payloads_or_none_and_a_partial_import_is_not_a_log() {
    let (mut pair, paid) = worked().await;
    pair.book(2).await;
    assert_eq!(pair.reservation.take().unwrap().terminate(), Some(0));
    let dir = pair.dir.path().to_owned();
    let data = text(&dir.join("reservation"));
    let (public, private, mixed) = (dir.join("public"), dir.join("private"), dir.join("mixed"));
    done("reservation", &["export", "--data-dir", &data, "--to", &text(&public)]);
    done("reservation", &["export", "--data-dir", &data, "--to", &text(&private), "--with-private"]);
    let export = ["export", "--data-dir", &data, "--to", &text(&public), "--with-private"];
    let (code, _, said) = log("reservation", &export);
    assert!(code == Some(1) && said.contains("started without confidential payloads"), "{said}");
    // One contact from each log.
    let lines = |path| std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect::<Vec<_>>();
    let (open, closed) = (lines(&private), lines(&public));
    let left_out = |line: &&String| line.contains(r#"\"private_left_out\":true"#);
    let last = closed.iter().rposition(|line| left_out(&line)).unwrap();
    assert!(closed[..last].iter().any(|line| left_out(&line)), "the export omits at least two contacts");
    let halves = [&open[..last], &closed[last..]].concat();
    std::fs::write(&mixed, halves.join("\n") + "\n").unwrap();
    let into = text(&dir.join("into"));
    let (code, _, said) = log("reservation", &["import", &text(&mixed), "--into", &into]);
    assert!(code == Some(1) && said.contains("import an export with all or none of them"), "{code:?} {said}");
    // An interrupted import cannot be used as a log.
    let cut = dir.join("cut");
    std::fs::write(&cut, open[..open.len() - 1].join("\n") + "\n{\"id\"").unwrap();
    let half = text(&dir.join("half"));
    let (code, _, _) = log("reservation", &["import", &text(&cut), "--into", &half]);
    assert_eq!(code, Some(1));
    let (code, _, said) = log("reservation", &["verify", "--data-dir", &half]);
    assert!(code == Some(1) && said.contains("is incomplete"), "{said}");
    // An import continues only in its own directory, not in one into which another log was restored.
    let (other, kept) = (text(&dir.join("other")), text(&dir.join("kept")));
    assert_eq!(log("reservation", &["import", &text(&cut), "--into", &other]).0, Some(1));
    done("reservation", &["backup", &kept, "--from", &data]);
    done("reservation", &["restore", &kept, "--data-dir", &other, "--force"]);
    done("reservation", &["import", &text(&private), "--into", &half]);
    let hash = |dir: &str| verdict("reservation", &["--data-dir", dir])["hash"].clone();
    assert_eq!((hash(&half), hash(&other)), (hash(&data), hash(&data)));
    // A log for which an import was refused is unchanged.
    let (code, _, said) = log("reservation", &["import", &text(&private), "--into", &data, "--new-log-id"]);
    assert_eq!(code, Some(1), "{said}");
    assert_eq!(hash(&half), hash(&data));
    // Compared with position 0 every event is new, also as JSON. Four first keys and the rules of two venues come first.
    let diff = done("reservation", &["diff", &paid, "0", "7", "--json", "--data-dir", &data]);
    let diff: Value = serde_json::from_str(&diff).unwrap();
    assert!(diff.as_array().unwrap().iter().any(|change| change["field"] == json!("status")), "{diff}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_without_a_log_of_this_service_is_reported() {
    let (pair, _) = worked().await;
    let (url, other) = (&pair.reservation_url, &pair.notifier_url);
    let said_no = |service: &str, args: &[&str], words: &str| {
        let (code, _, said) = log(service, args);
        assert!(code == Some(1) && said.contains(words), "{args:?}: {code:?} {said}");
    };
    let file = text(&pair.dir.path().join("backup"));
    done("reservation", &["backup", &file, "--from", url, "--credential-file", owner_file()]);
    said_no(
        "reservation",
        &["verify", "--from", other, "--credential-file", owner_file()],
        "this is a log of notifier",
    );
    said_no("notifier", &["verify", "--from", &file], "this is a log of reservation");
    said_no("notifier", &["stats", "--from", &file], "this is a log of reservation");
    said_no(
        "reservation",
        &["verify", "--from", &format!("{url}/api"), "--credential-file", owner_file()],
        "base URL",
    );
    said_no("reservation", &["show", "--position", "0", "--from", &file], "the first position is 1");
    said_no("reservation", &["show", "--follow", "--from", &file], "requires a running service");
    // A follower whose credential is no longer valid ends with an error.
    let old = pair.dir.path().join("old.key");
    std::fs::write(&old, OWNER.replace("owner", "former")).unwrap();
    std::fs::set_permissions(&old, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let old = ["show", "--follow", "--from", url, "--credential-file", &text(&old)];
    said_no("reservation", &old, "401");
    // A file that contains two backups is refused.
    let mut bytes = std::fs::read(&file).unwrap();
    bytes.push(b'x');
    let longer = pair.dir.path().join("longer");
    std::fs::write(&longer, bytes).unwrap();
    let (code, printed, _) = log("reservation", &["verify", "--from", &text(&longer)]);
    assert!(code == Some(3) && printed.contains("there are bytes after the end record"), "{printed}");
    // If the verdict cannot be printed, the command fails.
    let mut child = program("reservation")
        .args(["log", "verify", "--from", &text(&longer), "--log", "warn"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_ne!(child.wait().unwrap().code(), Some(0));
}
