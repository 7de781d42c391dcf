//! System calls: the database file is synced before every response, and under load there are fewer syncs than
//! responses.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use crate::services::{Pair, Running, booking};
use crate::torture::victim::Victim;

/// The times of the lines in a trace that contain one of `words`.
fn times(trace: &str, words: &[&str]) -> Vec<f64> {
    let lines = trace.lines().filter(|line| words.iter().any(|word| line.contains(word)));
    lines
        .filter_map(|line| {
            line.split_whitespace().find_map(|word| word.parse().ok().filter(|time: &f64| *time > 1e9))
        })
        .collect()
}

/// The times at which syncs of the database ended. The head witness is synced by another call.
fn syncs(trace: &str) -> Vec<f64> {
    assert!(trace.contains("/log/db>"), "the database file was never synced: {trace}");
    let ended: String = trace
        .lines()
        .filter(|line| line.contains("fdatasync") && line.ends_with("= 0"))
        .map(|l| l.to_owned() + "\n")
        .collect();
    times(&ended, &["fdatasync"])
}

#[tokio::test(flavor = "multi_thread")]
async fn responses_wait_for_a_shared_sync() {
    if Command::new("strace").arg("-V").stdout(Stdio::null()).status().is_err() {
        panic!("strace is missing: run the tests with make test, which installs it");
    }
    let mut pair = Pair::prepared(&[]);
    pair.start_reservation().await;
    // The first parsed number loads tables, which this test does not measure.
    pair.book(4).await;
    let trace = pair.dir.path().join("trace");
    let pid = pair.reservation.as_ref().unwrap().0.id().to_string();
    let mut strace = Command::new("strace");
    strace
        .args(["-f", "-y", "-ttt", "-e", "trace=fdatasync,writev", "-p", &pid])
        .arg("-o")
        .arg(&trace)
        .stderr(Stdio::piped());
    let mut strace = Running(strace.spawn().unwrap());
    let mut said = BufReader::new(strace.0.stderr.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    assert!(line.contains("attached"), "{line}");
    let read = || std::fs::read_to_string(&trace).unwrap();

    // Sequential requests: each response has its own sync before it.
    for _ in 0..5 {
        pair.book(4).await;
    }
    let one_by_one = read();
    let synced = syncs(&one_by_one);
    let answered = times(&one_by_one, &["reservation_id"]);
    assert_eq!(answered.len(), 5, "{one_by_one}");
    for (n, answer) in answered.iter().enumerate() {
        let before = synced.iter().filter(|sync| *sync < answer).count();
        assert_eq!(before, n + 1, "response {n} at {answer}, syncs at {synced:?}");
    }

    // Concurrent requests share syncs.
    let body = booking(4);
    futures::future::join_all((0..200).map(|_| pair.post("/api/reservations", &body)))
        .await
        .iter()
        .for_each(|(status, _)| assert_eq!(*status, 200));
    let shared = syncs(&read()).len() - 5;
    assert!(shared < 150, "{shared} syncs for 200 responses");
}

/// sled syncs neither files nor directories when it creates a database.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_log_syncs_its_files_and_directories() {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("trace");
    let mut victim = Victim::new(dir.path().join("data"));
    let words = ["strace", "-f", "-y", "-qq", "-e", "trace=fsync,fdatasync", "-o", trace.to_str().unwrap()];
    victim.under = words.map(str::to_owned).to_vec();
    victim.start(&Victim::client()).await;
    victim.kill_9();
    let trace = std::fs::read_to_string(trace).unwrap();
    let parent = dir.path().canonicalize().unwrap();
    for path in ["data/log/conf", "data/log/db", "data/log/blobs", "data/log", "data", ""] {
        let path = parent.join(path);
        let synced = format!("<{}>", path.display().to_string().trim_end_matches('/'));
        let found = trace
            .lines()
            .any(|line| line.contains("fsync(") && line.contains(&synced) && line.ends_with("= 0"));
        assert!(found, "{synced} was not synced: {trace}");
    }
}

/// A log whose directory was removed would be lost at the next start, so the process ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_removed_data_directory_ends_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut victim = Victim::new(data.clone());
    let http = Victim::client();
    victim.start(&http).await;
    std::fs::remove_dir_all(&data).unwrap();
    let _ = http.post(format!("{}/api/reservations", victim.url)).json(&booking(2)).send().await;
    let status = victim.end().await;
    assert!(!status.success(), "{status}");
    assert!(victim.said().contains("because the data directory was removed"), "{}", victim.said());
}

/// If the disk stops responding, the process ends instead of hanging.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_hangs_ends_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let mut victim = Victim::new(dir.path().join("data"));
    // The first start records the rules of the venues, so that the next one commits nothing.
    victim.start(&Victim::client()).await;
    assert_eq!(victim.running.take().unwrap().terminate(), Some(0));
    let words = [
        "strace",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        "trace=fdatasync",
        "-e",
        "inject=fdatasync:delay_enter=14000000",
    ];
    victim.under = words.map(str::to_owned).to_vec();
    let http = Victim::client();
    victim.start(&http).await;
    let (url, body) = (format!("{}/api/reservations", victim.url), booking(2));
    let never = tokio::spawn(http.post(url).json(&body).send());
    let status = victim.end().await;
    assert!(!status.success(), "{status}");
    assert!(never.await.unwrap().is_err(), "the booking must not be acknowledged");
    assert!(victim.said().contains("a commit has taken more than 10 s"), "{}", victim.said());
}
