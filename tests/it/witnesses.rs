//! What others keep of the log: a witness that cosigns checkpoints, copies in a directory, and a verifier in another language. And
//! what they find in a log that was changed as a whole.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::log::done;
use crate::mail_server::python;
use crate::ports::own_port;
use crate::receipts::{kept, proved, reservation_only, saved, text, verify};
use crate::services::{Pair, Running, binary, root, secrets, until};

fn script(name: &str, arguments: &[&str]) -> Command {
    let mut command = python();
    command.arg(root().join("tests/proof").join(name)).args(arguments);
    command
}

#[track_caller]
fn verified(arguments: &[&str]) -> String {
    let output = script("verify.py", arguments).output().unwrap();
    let (printed, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{printed}{said}");
    printed.into_owned()
}

/// A witness that knows the logs in a file of keys, and its public key.
struct Witness {
    url: String,
    key: String,
    keys: PathBuf,
    _process: Running,
}

impl Witness {
    fn start(folder: &Path) -> Self {
        let port = own_port();
        let keys = folder.join(format!("{port}.keys"));
        fs::write(&keys, "").unwrap();
        let mut command = script("witness.py", &[&port.to_string(), keys.to_str().unwrap()]);
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut key = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut key).unwrap();
        Self {
            url: format!("http://127.0.0.1:{port}"),
            key: key.trim().to_owned(),
            keys,
            _process: Running(process),
        }
    }

    fn knows(&self, keys: &str) {
        fs::write(&self.keys, keys).unwrap();
    }

    fn setting(&self) -> (&'static str, String) {
        ("RESERVATION_WITNESSES", format!("{} {}", self.url, self.key))
    }
}

async fn cosigned(pair: &Pair) -> bool {
    text(pair, "/log/checkpoint").await.1.contains("— witness.example ")
}

async fn keys(pair: &Pair) -> String {
    text(pair, "/.well-known/meja-log-keys").await.1
}

#[test]
fn a_verifier_in_python_accepts_receipts_of_logs_of_all_sizes() {
    let file = root().join("proof/tests/it/golden/receipts.json");
    assert!(verified(&["vectors", file.to_str().unwrap()]).starts_with("24 receipts verified"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verifier_in_python_accepts_a_receipt_and_makes_the_same_tree_of_the_whole_log() {
    let mut pair = reservation_only().await;
    let id = pair.book(2).await;
    saved(&pair, &id, "").await;
    let (older, size) = kept(&pair).await;
    for _ in 0..30 {
        pair.book(2).await;
    }
    assert_eq!(
        pair.post(&format!("/api/reservations/{id}/cancel"), &serde_json::json!({"reason_code": "ill"}))
            .await
            .0,
        200
    );
    let file = saved(&pair, &id, &format!("?since={size}")).await;
    let key = keys(&pair).await;
    pair.reservation.take().unwrap().kill_9();
    let export = pair.dir.path().join("export");
    let data = pair.dir.path().join("reservation");
    done("reservation", &["export", "--to", export.to_str().unwrap(), "--data-dir", data.to_str().unwrap()]);
    let [file, older, export] = [&file, &older, &export].map(|path| path.to_str().unwrap());
    let printed = verified(&["receipt", file, key.trim(), older, export]);
    assert!(printed.starts_with("2 promises verified in a log of"), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_cosigns_what_continues_and_refuses_what_was_left_behind() {
    let mut pair = Pair::prepared(&[]);
    let witness = Witness::start(pair.dir.path());
    let copies = pair.dir.path().join("copies");
    fs::create_dir(&copies).unwrap();
    pair.env.push(witness.setting());
    pair.env.push(("RESERVATION_CHECKPOINTS_DIR", copies.to_str().unwrap().to_owned()));
    pair.start_reservation().await;
    until("the witness to be named", async || {
        pair.logged("reservation").contains("the witness does not know this log")
    })
    .await;
    witness.knows(&keys(&pair).await);
    let id = pair.book(2).await;
    // The next attempt is at the next start, so that the test does not wait for a minute.
    pair.reservation.take().unwrap().kill_9();
    let (data, old) = (pair.dir.path().join("reservation"), pair.dir.path().join("old"));
    let copied = Command::new("cp").arg("-r").args([&data, &old]).status().unwrap();
    assert!(copied.success());
    pair.start_reservation().await;
    until("a cosigned checkpoint", async || cosigned(&pair).await).await;

    // A receipt under that checkpoint shows the cosignature, to the command and to another program.
    let (file, key) = (saved(&pair, &id, "").await, keys(&pair).await);
    let printed = proved(&file, &["--key", key.trim(), "--witness", &witness.key]);
    assert!(printed.contains("The witness witness.example has cosigned the checkpoint at 20"), "{printed}");
    assert!(verified(&["cosigned", file.to_str().unwrap(), &witness.key]).starts_with("cosigned at "));
    let other = Witness::start(pair.dir.path());
    let (code, printed) = verify(&file, &["--key", key.trim(), "--witness", &other.key]);
    assert_eq!(code, Some(3), "{printed}");
    assert!(printed.contains("has not cosigned its checkpoint"), "{printed}");
    let metrics = text(&pair, "/metrics").await.1;
    assert!(metrics.contains(r#"meja_log_cosigned_events{witness="witness.example"}"#), "{metrics}");
    until("a copy of the checkpoint", async || copy_in(&copies).is_some()).await;
    let copy = copy_in(&copies).unwrap();
    proved(
        &saved(&pair, &id, &format!("?since={}", size_of(&copy))).await,
        &["--key", key.trim(), "--checkpoint", copy.to_str().unwrap()],
    );

    // A copy of the data directory that was left behind has the same key, and cannot know what the other one has signed since.
    pair.book(2).await;
    pair.reservation.take().unwrap().kill_9();
    pair.start_reservation().await;
    until("the longer log to be cosigned", async || cosigned(&pair).await).await;
    pair.reservation.take().unwrap().kill_9();
    fs::rename(&data, pair.dir.path().join("newer")).unwrap();
    fs::rename(&old, &data).unwrap();
    pair.start_reservation().await;
    until("the copy to be found", async || {
        let said = pair.logged("reservation");
        said.contains("it is a copy that was left behind") || said.contains("says that this log contradicts")
    })
    .await;
}

fn copy_in(folder: &Path) -> Option<PathBuf> {
    let mut files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.find(|file| file.extension().is_some_and(|extension| extension == "checkpoint"))
}

fn size_of(checkpoint: &Path) -> u64 {
    fs::read_to_string(checkpoint).unwrap().lines().nth(1).unwrap().parse().unwrap()
}

/// Runs `reservation signing-key …` on the keys of this test.
fn signing_key(arguments: &[&str]) -> String {
    let mut command = Command::new(binary("reservation"));
    let output =
        command.arg("signing-key").args(arguments).arg("--secrets-dir").arg(secrets()).output().unwrap();
    let printed = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert_eq!(
        output.status.success(),
        !printed.contains("reservation: no key") && !printed.contains("only key"),
        "{printed}"
    );
    printed
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_rotated_with_an_overlap_and_earlier_receipts_stay_valid() {
    let mut pair = reservation_only().await;
    let id = pair.book(2).await;
    let before = fs::read(saved(&pair, &id, "").await).unwrap();
    let ((older, size), first) = (kept(&pair).await, keys(&pair).await);
    let first = first.trim();

    assert!(signing_key(&["rotate"]).contains("Restart the service."));
    pair.reservation.take().unwrap().kill_9();
    pair.start_reservation().await;
    let both = keys(&pair).await;
    let second = both.lines().next().unwrap();
    assert_eq!(both.lines().nth(1), Some(first), "{both}");
    assert_eq!(first.split('+').next(), second.split('+').next(), "it is the same log");
    // Nothing happened since: the last checkpoint is signed again, with both keys.
    let file = saved(&pair, &id, &format!("?since={size}")).await;
    for key in [first, second] {
        proved(&file, &["--key", key]);
    }
    proved(&file, &["--key", second, "--key", first, "--checkpoint", older.to_str().unwrap()]);

    let hash = first.split('+').nth(1).unwrap();
    assert!(signing_key(&["retire", "00000000"]).contains("no key with the hash 00000000 signs"));
    assert!(signing_key(&["retire", hash]).contains("retired"));
    assert!(
        signing_key(&["retire", second.split('+').nth(1).unwrap()]).contains("is the only key that signs")
    );
    let secret = fs::read_to_string(secrets().join("log-signing.keys")).unwrap();
    assert_eq!(secret.matches("PRIVATE").count(), 1, "what is retired cannot sign");
    pair.reservation.take().unwrap().kill_9();
    pair.start_reservation().await;
    assert_eq!(keys(&pair).await, both, "both are published");
    pair.book(2).await;
    let after = saved(&pair, &pair.book(2).await, "").await;
    proved(&after, &["--key", second]);
    assert_eq!(verify(&after, &["--key", first]).0, Some(3));
    fs::write(&file, before).unwrap();
    proved(&file, &["--key", &both]);
}

/// A log of which a checkpoint was kept.
struct Signed {
    pair: Pair,
    checkpoint: PathBuf,
    size: u64,
    key: String,
    tree: PathBuf,
    /// The lines of its export.
    lines: Vec<String>,
}

impl Signed {
    /// A log with more events than a tile of its tree.
    async fn new() -> Self {
        let mut pair = reservation_only().await;
        for _ in 0..140 {
            let id = pair.book(2).await;
            let cancel = format!("/api/reservations/{id}/cancel");
            assert_eq!(pair.post(&cancel, &serde_json::json!({"reason_code": "ill"})).await.0, 200);
        }
        let id = pair.book(2).await;
        saved(&pair, &id, "").await;
        let ((checkpoint, size), key) = (kept(&pair).await, keys(&pair).await.trim().to_owned());
        pair.reservation.take().unwrap().kill_9();
        let (data, export) = (pair.dir.path().join("reservation"), pair.dir.path().join("export"));
        done(
            "reservation",
            &[
                "export",
                "--with-confidential",
                "--to",
                export.to_str().unwrap(),
                "--data-dir",
                data.to_str().unwrap(),
            ],
        );
        let tree = pair.dir.path().join("tree");
        fs::copy(data.join("log-tree"), &tree).unwrap();
        let lines = fs::read_to_string(&export).unwrap().lines().map(str::to_owned).collect();
        Self { pair, checkpoint, size, key, tree, lines }
    }

    /// Makes a log of these lines, with a chain of its own that is valid, and compares it with the checkpoint. Returns the exit code of
    /// `log verify` and what it prints.
    fn compared(&self, name: &str, lines: &[String], tree: &Path) -> (Option<i32>, String) {
        let (export, data) =
            (self.pair.dir.path().join(format!("{name}.export")), self.pair.dir.path().join(name));
        if !data.exists() {
            fs::write(&export, lines.join("\n") + "\n").unwrap();
            done("reservation", &["import", export.to_str().unwrap(), "--into", data.to_str().unwrap()]);
        }
        let data = data.to_str().unwrap();
        assert!(done("reservation", &["verify", "--data-dir", data]).contains("The log is valid."));
        let mut command = Command::new(binary("reservation"));
        command.args(["log", "verify", "--data-dir", data, "--key", &self.key, "--log", "warn"]);
        command.arg("--checkpoint").arg(&self.checkpoint).arg("--tree").arg(tree);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_changed_as_a_whole_is_found_with_an_older_checkpoint_at_its_first_bad_position() {
    let log = Signed::new().await;
    let whole = &log.lines;
    assert!(whole.len() as u64 >= log.size && log.size > 256, "{} {}", whole.len(), log.size);
    let (code, printed) = log.compared("same", whole, &log.tree);
    assert_eq!(code, Some(0), "{printed}");
    assert!(
        printed.contains(&format!("the log begins with the {} events that were signed", log.size)),
        "{printed}"
    );

    // One byte, in one event.
    let at = whole.iter().position(|line| line.contains("reservation.cancelled")).unwrap();
    let mut changed = whole.clone();
    changed[at] = changed[at].replacen(r#""reason_code":"ill""#, r#""reason_code":"all""#, 1);
    let (code, printed) = log.compared("byte", &changed, &log.tree);
    assert_eq!(code, Some(3), "{printed}");
    assert!(
        printed.contains(&format!(
            "the event at {} is not the one in the stored tree, which is the tree that was signed",
            at + 1
        )),
        "{printed}"
    );
    // With another tree it is found, but not where.
    let other = log.pair.dir.path().join("other-tree");
    let mut bytes = fs::read(&log.tree).unwrap();
    bytes.fill(7);
    fs::write(&other, bytes).unwrap();
    let (code, printed) = log.compared("byte", &changed, &other);
    assert_eq!(code, Some(3), "{printed}");
    assert!(printed.contains("that tree is not the one that was signed either"), "{printed}");
    let none = log.pair.dir.path().join("empty");
    fs::write(&none, "").unwrap();
    let (code, printed) = log.compared("byte", &changed, &none);
    assert_eq!((code, printed.contains("contains no tree of a log")), (Some(1), true), "{printed}");

    // An event in place of another one: a party of nine that was never booked.
    let at = whole
        .iter()
        .rposition(|line| line.contains(r#""party_size":2"#) && line.contains("created"))
        .unwrap()
        .min(250);
    let at = (0..=at).rev().find(|at| whole[*at].contains(r#""party_size":2"#)).unwrap();
    let mut replaced = whole.clone();
    replaced[at] = replaced[at].replacen(r#""party_size":2"#, r#""party_size":9"#, 1);
    let (code, printed) = log.compared("event", &replaced, &log.tree);
    assert_eq!(code, Some(3), "{printed}");
    assert!(printed.contains(&format!("the event at {} is not the one", at + 1)), "{printed}");

    // The tail is missing.
    let (code, printed) = log.compared("tail", &whole[..100], &log.tree);
    assert_eq!(code, Some(3), "{printed}");
    assert!(printed.contains("the event at 101 and everything behind it is missing"), "{printed}");
}

/// Nothing is said about events that were not read.
#[tokio::test(flavor = "multi_thread")]
async fn a_broken_chain_is_one_fault_and_not_a_missing_tail_as_well() {
    let log = Signed::new().await;
    let (data, file) = (log.pair.dir.path().join("reservation"), log.pair.dir.path().join("backup"));
    done("reservation", &["backup", file.to_str().unwrap(), "--data-dir", data.to_str().unwrap()]);
    let bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    // A changed byte of packed data can unpack to the same events. Then only the digest of the file differs.
    let breaks_the_chain = (middle..middle + 100).any(|at| {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        fs::write(&file, changed).unwrap();
        let mut command = Command::new(binary("reservation"));
        command.args(["log", "verify", "--json", "--key", &log.key, "--log", "warn"]);
        command
            .arg("--from")
            .arg(&file)
            .arg("--checkpoint")
            .arg(&log.checkpoint)
            .arg("--tree")
            .arg(&log.tree);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(3));
        let verdict: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let faults = verdict["faults"].as_array().unwrap();
        assert_eq!((faults.len(), &verdict["faults_count"]), (1, &serde_json::json!(1)), "{verdict}");
        assert!(!faults[0].as_str().unwrap().contains("were signed"), "{verdict}");
        verdict["events"].as_u64().unwrap() < log.size
    });
    assert!(breaks_the_chain);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_on_a_changed_log_keeps_the_tree_that_names_the_change() {
    let mut log = Signed::new().await;
    let at = log.lines.iter().position(|line| line.contains(r#""party_size":2"#)).unwrap();
    let mut lines = log.lines.clone();
    lines[at] = lines[at].replacen(r#""party_size":2"#, r#""party_size":9"#, 1);
    log.compared("changed", &lines, &log.tree);
    let (data, changed) = (log.pair.dir.path().join("reservation"), log.pair.dir.path().join("changed"));
    for file in fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().path()) {
        let name = file.file_name().unwrap().to_str().unwrap();
        if name == "log-tree" || name.starts_with("checkpoint-") {
            fs::copy(&file, changed.join(name)).unwrap();
        }
    }
    fs::remove_dir_all(&data).unwrap();
    fs::rename(&changed, &data).unwrap();
    log.pair.start_reservation().await;
    assert_eq!(text(&log.pair, "/log/checkpoint").await.0, 503, "a changed log is not signed");
    assert!(log.pair.logged("reservation").contains("the stored tree is not that of the log"));
    log.pair.reservation.take().unwrap().kill_9();
    fs::rename(&data, &changed).unwrap();
    let (code, printed) = log.compared("changed", &lines, &changed.join("log-tree.differs-1"));
    assert_eq!(code, Some(3), "{printed}");
    assert!(printed.contains(&format!("the event at {} is not the one", at + 1)), "{printed}");
}
