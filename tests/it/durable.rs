//! What the kernel sees: a sync of the database file before every answer, and fewer syncs than
//! answers under load.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use crate::services::{Pair, Running, booking};

/// When the lines of a trace that hold one of `words` were written.
fn times(trace: &str, words: &[&str]) -> Vec<f64> {
    let lines = trace.lines().filter(|line| words.iter().any(|word| line.contains(word)));
    lines
        .filter_map(|line| {
            line.split_whitespace().find_map(|word| word.parse().ok().filter(|time: &f64| *time > 1e9))
        })
        .collect()
}

/// When syncs of the database had ended. The head witness is synced by another call.
fn syncs(trace: &str) -> Vec<f64> {
    assert!(trace.contains("/log/db>"), "nothing was synced, or not the database: {trace}");
    let ended: String = trace
        .lines()
        .filter(|line| line.contains("fdatasync") && line.ends_with("= 0"))
        .map(|l| l.to_owned() + "\n")
        .collect();
    times(&ended, &["fdatasync"])
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_wait_for_a_sync_and_share_it() {
    if Command::new("strace").arg("-V").stdout(Stdio::null()).status().is_err() {
        panic!("strace is missing: run the tests with make test, which installs it");
    }
    let mut pair = Pair::prepared(&[]);
    pair.start_reservation().await;
    // The first number that is parsed loads tables; that is not what is looked at here.
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

    // One after the other: each answer has a sync of its own before it.
    for _ in 0..5 {
        pair.book(4).await;
    }
    let one_by_one = read();
    let synced = syncs(&one_by_one);
    let answered = times(&one_by_one, &["reservation_id"]);
    assert_eq!(answered.len(), 5, "{one_by_one}");
    for (n, answer) in answered.iter().enumerate() {
        let before = synced.iter().filter(|sync| *sync < answer).count();
        assert_eq!(before, n + 1, "answer {n} at {answer}, syncs at {synced:?}");
    }

    // Many at once: they share.
    let body = booking(4);
    futures::future::join_all((0..200).map(|_| pair.post("/api/reservations", &body)))
        .await
        .iter()
        .for_each(|(status, _)| assert_eq!(*status, 200));
    let shared = syncs(&read()).len() - 5;
    assert!(shared < 150, "{shared} syncs for 200 answers");
}
