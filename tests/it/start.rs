//! Conditions that prevent a start, and the ways a service stops.

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::ports::own_port;
use crate::services::{Pair, Running, program, root, secrets, until};

fn run(command: &mut Command) -> Output {
    command.stderr(Stdio::piped()).stdout(Stdio::piped()).output().unwrap()
}

fn refused(command: &mut Command) -> String {
    let output = run(command);
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn all_faulty_settings_are_reported_at_once() {
    let faults = refused(program("reservation").args([
        "--listen",
        "here",
        "--notifier-url",
        "ftp://x",
        "--cache-mib",
        "0",
        "--log",
        "=what=",
    ]));
    for setting in ["RESERVATION_LISTEN", "NOTIFIER_URL", "RESERVATION_CACHE_MIB", "RESERVATION_LOG"] {
        assert!(faults.contains(setting), "{setting} in {faults}");
    }
    let faults = refused(program("notifier").args([
        "--listen",
        "here",
        "--mail",
        "pigeon",
        "--mail-from",
        "nobody",
        "--checkpoint-mail",
        "nobody",
        "--templates",
        "/nowhere",
        "--sms",
        "twilio",
        "--concurrency",
        "0",
    ]));
    for setting in [
        "NOTIFIER_LISTEN",
        "NOTIFIER_MAIL",
        "NOTIFIER_MAIL_FROM",
        "NOTIFIER_CHECKPOINT_MAIL",
        "NOTIFIER_SMS_TOKEN",
        "NOTIFIER_TEMPLATES",
        "NOTIFIER_CONCURRENCY",
    ] {
        assert!(faults.contains(setting), "{setting} in {faults}");
    }
}

#[test]
fn open_access_is_for_loopback_only_and_the_service_token_is_gone() {
    for name in ["reservation", "notifier"] {
        let said = refused(program(name).args(["--listen", "0.0.0.0:0", "--access", "open"]));
        assert!(said.contains("_ACCESS: open is for development on one machine"), "{said}");
        let said = refused(program(name).env("RESERVATION_SERVICE_TOKEN", "x".repeat(32)));
        assert!(said.contains("RESERVATION_SERVICE_TOKEN: keys have replaced the service token"), "{said}");
    }
}

#[test]
fn a_fault_of_a_venue_file_is_reported_with_file_and_field() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("x.json"), r#"{"id": "x", "timezone": "Mars/Olympus"}"#).unwrap();
    let said = refused(program("reservation").arg("--venues").arg(dir.path()));
    assert!(said.contains("x.json: $.timezone: \"Mars/Olympus\" is not an IANA time zone"), "{said}");
    let said = refused(program("reservation").arg("--venues").arg(dir.path().join("nowhere")));
    assert!(said.contains("could not read"), "{said}");
}

#[test]
fn settings_can_be_checked_without_starting() {
    let output = run(program("reservation").arg("check").arg("--venues").arg(root().join("data/venues")));
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "reservation: the settings and 2 venue(s) are valid\n"
    );
    assert!(run(program("notifier").arg("check")).status.success());
    let venues =
        |dir: std::path::PathBuf| run(program("reservation").args(["venues", "check", "--venues"]).arg(dir));
    let fine = venues(root().join("data/venues"));
    let said = String::from_utf8(fine.stdout).unwrap();
    assert!(
        fine.status.success() && said.contains("bandung-dago: 12 tables with 64 seats, 16 possible seatings"),
        "{said}"
    );
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("x.json"), r#"{"id": "y", "services": [], "pacing": 5}"#).unwrap();
    let faulty = venues(dir.path().to_owned());
    let said = String::from_utf8(faulty.stderr).unwrap();
    assert!(faulty.status.code() == Some(2) && said.contains("x.json: $.pacing:"), "{said}");
}

#[test]
fn help_explains_every_setting() {
    for (name, prefix) in [("reservation", "RESERVATION_"), ("notifier", "NOTIFIER_")] {
        let help = String::from_utf8(run(program(name).arg("--help")).stdout).unwrap();
        let settings: Vec<_> = help.lines().filter(|line| line.trim_start().starts_with("--")).collect();
        assert!(settings.len() > 8);
        assert!(help.matches("[env: ").count() >= settings.len() - 2, "{help}");
        assert!(help.contains(prefix));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_directory_in_use_is_refused_and_its_service_keeps_running() {
    let pair = Pair::running(&[]).await;
    for (name, mut second) in
        [("reservation", pair.reservation_command()), ("notifier", pair.notifier_command())]
    {
        let said = refused(&mut second);
        assert!(said.contains("is in use by another process"), "{name}: {said}");
    }
    pair.book(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_answers_parked_polls_and_ends_within_its_limit() {
    let mut pair = Pair::running(&[]).await;
    let id = pair.book(2).await;
    pair.settled().await;
    let events = pair.events().await;
    let last = events.last().unwrap()["id"].as_str().unwrap();
    let url = format!("{}/events?lastEventId={last}&timeout=30000", pair.reservation_url);
    let poll = tokio::spawn(pair.client.get(url).send());
    let waiting = async || {
        pair.client
            .get(format!("{}/metrics", pair.reservation_url))
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
            .contains("meja_feed_waiters 2")
    };
    crate::services::until("both polls to be parked", waiting).await;
    let began = Instant::now();
    assert_eq!(pair.reservation.take().unwrap().terminate(), Some(0));
    assert_eq!(pair.notifier.take().unwrap().terminate(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(poll.await.unwrap().unwrap().text().await.unwrap(), "[]");
    pair.start_reservation().await;
    assert_eq!(pair.get(&format!("/api/reservations/{id}")).await["status"], "PENDING");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_is_closed() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let pair = Pair::running(&[]).await;
    let address = pair.reservation_url.trim_start_matches("http://").to_owned();
    let said: [&[u8]; 4] = [b"", b"P", b"PRI * HTTP/2.0\r\n", b"GET / HTTP/1.1\r\nhost:"];
    let closed = said.map(|said| {
        let address = address.clone();
        async move {
            let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
            stream.write_all(said).await.unwrap();
            let mut rest = Vec::new();
            // The connection is closed with or without a response. An open one would be a timeout.
            tokio::time::timeout(Duration::from_secs(25), stream.read_to_end(&mut rest)).await.is_ok()
        }
    });
    assert_eq!(futures::future::join_all(closed).await, [true; 4]);
}

/// SIGHUP makes the service read its files again. A faulty file changes nothing, and the service continues.
#[tokio::test(flavor = "multi_thread")]
async fn venue_files_are_read_again_at_sighup() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("venues/bandung-dago.json");
    std::fs::create_dir(dir.path().join("venues")).unwrap();
    let sample = std::fs::read_to_string(root().join("data/venues/bandung-dago.json")).unwrap();
    std::fs::write(&file, &sample).unwrap();
    let url = format!("http://127.0.0.1:{}", own_port());
    let log = std::fs::File::create(dir.path().join("log")).unwrap();
    let mut command = program("reservation");
    command.args(["--listen", url.trim_start_matches("http://")]).arg("--secrets-dir").arg(secrets());
    command.arg("--venues").arg(dir.path().join("venues")).arg("--data-dir").arg(dir.path().join("data"));
    let service = Running(command.stderr(log).spawn().unwrap());
    let hang_up = || {
        let pid = rustix::process::Pid::from_child(&service.0);
        rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    };
    let http = crate::torture::victim::Victim::client();
    let get = async |path: &str| http.get(format!("{url}{path}")).send().await.ok()?.text().await.ok();
    let said = || std::fs::read_to_string(dir.path().join("log")).unwrap();
    until("the service to start", async || get("/readyz").await.is_some_and(|text| text.contains("ready")))
        .await;
    std::fs::write(&file, sample.replace("\"opens\": \"11:00\"", "\"opens\": \"25:00\"")).unwrap();
    hang_up();
    until("the fault to be logged", async || {
        said().contains("the rules did not change") && said().contains("$.services[0].opens")
    })
    .await;
    let noted = async || get("/events?type=meja.venue.changed.v2").await.unwrap();
    assert!(!noted().await.contains("\"version\":2"));
    std::fs::write(&file, sample.replace("\"opens\": \"11:00\"", "\"opens\": \"12:00\"")).unwrap();
    hang_up();
    until("the change to be recorded", async || noted().await.contains("\"version\":2")).await;
    let day = get("/api/availability?date=2027-01-15&party_size=2").await.unwrap();
    assert!(day.contains("T12:00:00+07:00") && !day.contains("T11:00:00+07:00"), "{day}");
    assert_eq!(service.terminate(), Some(0));
}
