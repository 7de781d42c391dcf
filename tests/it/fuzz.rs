//! Requests that a fuzzer derives from the descriptions of both services, also sequences along their links.

use std::process::{Command, Stdio};

use crate::services::{NOTIFIER, OWNER, Pair, root};

/// How long each service is fuzzed, in seconds, unless `MEJA_FUZZ_SECONDS` says otherwise.
const SECONDS_DEFAULT: u32 = 60;

fn schemathesis() -> Command {
    let tool = root().join("target/tools/python/bin/schemathesis");
    assert!(tool.exists(), "{} is missing: run the tests with make test, which installs it", tool.display());
    let mut command = Command::new(tool);
    command
        .stdin(Stdio::null())
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("PYTHONPATH", root().join("tests/fuzz"));
    command
}

/// Fuzzes the service at `url`.
async fn fuzz(pair: &Pair, url: &str, more: &[&str]) {
    let seconds = std::env::var("MEJA_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    let seconds: u32 = seconds.unwrap_or(SECONDS_DEFAULT);
    let mut command = schemathesis();
    command.arg("--config-file").arg(root().join("tests/fuzz/schemathesis.toml"));
    command.args(["run", &format!("{url}/openapi.json"), "--checks", "all", "--workers", "1", "--no-color"]);
    command.args(["--max-time", &seconds.to_string()]);
    command.env("MEJA_OWNER_KEY", OWNER).env("MEJA_NOTIFIER_KEY", NOTIFIER);
    command.args(more).current_dir(pair.dir.path());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    // A run that tested nothing is a failure too.
    let cases = said.lines().find_map(|line| line.trim().split_once(" generated")?.0.parse::<u32>().ok());
    assert!(cases > Some(5 * seconds) && said.contains("Stateful"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_that_a_fuzzer_derives_from_the_description_of_reservation_is_answered_wrongly() {
    let mut pair = Pair::prepared(&[]);
    pair.venues = root().join("data/venues");
    pair.start_reservation().await;
    // It would end the keys that it presents.
    let keys = ["--exclude-operation-id", "revokeKey", "--exclude-operation-id", "rotateKey"];
    fuzz(&pair, &pair.reservation_url, &[&["--exclude-path", "/api/log"][..], &keys].concat()).await;
    let stats = pair.get("/api/stats").await;
    assert!(stats["reservations"].as_u64() > Some(3), "too few bookings succeeded: {stats}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_that_a_fuzzer_derives_from_the_description_of_notifier_is_answered_wrongly() {
    let pair = Pair::running(&["--simulated-decide-after-ms", "0"]).await;
    for _ in 0..5 {
        pair.book(6).await;
    }
    pair.settled().await;
    fuzz(&pair, &pair.notifier_url, &["--exclude-path", "/api/log"]).await;
}
