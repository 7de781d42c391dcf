//! The services on an open network: many connections, encryption, and what is refused at the start.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::services::{Pair, Running, anonymous_client, booking, program, until};

/// Opens a connection from `from`, another address of this machine, and sends a part of the head of a request.
async fn hold(from: &str, to: &str) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().ok()?;
    socket.bind(SocketAddr::new(from.parse().ok()?, 0)).ok()?;
    let mut stream = socket.connect(to.trim_start_matches("http://").parse().ok()?).await.ok()?;
    stream.write_all(b"POST /api/reservations HTTP/1.1\r\nhost: localhost\r\n").await.ok()?;
    Some(stream)
}

/// A client whose connections come from `from`.
fn client_at(from: &str) -> reqwest::Client {
    let from: IpAddr = from.parse().unwrap();
    reqwest::Client::builder().local_address(from).timeout(Duration::from_secs(5)).build().unwrap()
}

/// The booking of a guest with a contact of its own.
fn booking_of(guest: u32) -> Value {
    let mut body = booking(2);
    body.as_object_mut().unwrap().remove("allow_duplicate");
    body["contact_info"] = json!({"name": "Budi", "phone": format!("+62 812 9999 {guest:04}"),
        "email": format!("guest-{guest}@example.com")});
    body
}

/// The status of a booking that comes from `from`.
async fn book(pair: &Pair, from: &str, guest: u32, forwarded_for: Option<&str>) -> u16 {
    let request = client_at(from).post(format!("{}/api/reservations", pair.reservation_url));
    let request = forwarded_for.into_iter().fold(request, |r, name| r.header("x-forwarded-for", name));
    let answer = request.json(&booking_of(guest)).send().await;
    answer.map_or(0, |answer| answer.status().as_u16())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attacker_with_many_connections_locks_nobody_out() {
    let mut pair = Pair::prepared(&[]);
    pair.env =
        vec![("MEJA_CONNECTIONS_MAX", "32".into()), ("MEJA_CONNECTIONS_PER_ADDRESS_MAX", "256".into())];
    pair.start_reservation().await;
    let _ = anonymous_client();
    let mut held = Vec::new();
    for _ in 0..100 {
        held.extend(hold("127.0.0.2", &pair.reservation_url).await);
    }
    let began = Instant::now();
    let health = client_at("127.0.0.4").get(format!("{}/readyz", pair.reservation_url)).send().await.unwrap();
    assert_eq!((health.status().as_u16(), book(&pair, "127.0.0.4", 1, None).await), (200, 200));
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    // With a second attacker all ordinary connections are in use: health checks and services still get in.
    let _clients = (client_at("127.0.0.4"), hold("127.0.0.4", &pair.reservation_url).await);
    for _ in 0..100 {
        held.extend(hold("127.0.0.3", &pair.reservation_url).await);
    }
    let began = Instant::now();
    let health = client_at("127.0.0.5").get(format!("{}/readyz", pair.reservation_url)).send().await.unwrap();
    assert_eq!((health.status().as_u16(), book(&pair, "127.0.0.5", 2, None).await), (200, 503));
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    let owner = pair.client.post(format!("{}/api/reservations", pair.reservation_url)).json(&booking_of(3));
    assert_eq!(owner.send().await.unwrap().status(), 200);
    // What never becomes a request is closed.
    until("the places to be free again", async || book(&pair, "127.0.0.5", 4, None).await == 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_count_the_clients_behind_a_proxy() {
    let mut pair = Pair::prepared(&[]);
    pair.env = vec![
        ("MEJA_BEHIND_PROXY", "127.0.0.9".into()),
        ("RESERVATION_ADDRESS_BOOKINGS_PER_HOUR_MAX", "2".into()),
    ];
    pair.start_reservation().await;
    let _ = anonymous_client();
    for (guest, client) in ["192.0.2.1", "192.0.2.1", "192.0.2.2"].into_iter().enumerate() {
        assert_eq!(book(&pair, "127.0.0.9", u32::try_from(guest).unwrap(), Some(client)).await, 200);
    }
    assert_eq!(book(&pair, "127.0.0.9", 3, Some("192.0.2.1")).await, 429);
    // The header of anybody else does not count.
    for guest in 4..6 {
        assert_eq!(book(&pair, "127.0.0.8", guest, Some(&format!("192.0.2.{guest}"))).await, 200);
    }
    assert_eq!(book(&pair, "127.0.0.8", 6, Some("192.0.2.6")).await, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_of_an_address_are_logged_and_limited() {
    let mut pair = Pair::prepared(&[]);
    pair.env = vec![("MEJA_ADDRESS_FAILURES_PER_MINUTE_MAX", "3".into())];
    pair.start_reservation().await;
    let status = async |from: &str, key: &str| {
        let request = client_at(from).get(format!("{}/api/reservations", pair.reservation_url));
        request.bearer_auth(key).send().await.unwrap().status().as_u16()
    };
    let wrong = crate::services::OWNER.replace("owner", "guess");
    for expected in [401, 401, 401, 429, 429] {
        assert_eq!(status("127.0.0.6", &wrong).await, expected);
    }
    assert_eq!(status("127.0.0.7", &wrong).await, 401, "another address has failures of its own");
    assert_eq!(status("127.0.0.6", crate::services::OWNER).await, 200, "a right credential counts");
    let logged = pair.logged("reservation");
    assert_eq!(logged.matches("127.0.0.6").count(), 3, "{logged}");
    assert!(!logged.contains(&wrong));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_makes_a_limited_number_of_requests_from_all_addresses_together() {
    let mut pair = Pair::prepared(&[]);
    pair.env = vec![("MEJA_CREDENTIAL_REQUESTS_PER_MINUTE_MAX", "20".into())];
    pair.start_reservation().await;
    let body = json!({"name": "till", "scopes": ["read"]});
    let created = pair.client.post(format!("{}/api/access/keys", pair.reservation_url)).json(&body);
    let created: Value = created.send().await.unwrap().json().await.unwrap();
    let till = created["token"].as_str().unwrap();
    let ask = async |from: &str, key: &str| {
        let request = client_at(from).get(format!("{}/api/reservations", pair.reservation_url));
        request.bearer_auth(key).send().await.unwrap()
    };
    for request in 0..20 {
        let from = format!("127.0.0.{}", 6 + request % 2);
        assert_eq!(ask(&from, till).await.status(), 200, "request {request}");
    }
    let refused = ask("127.0.0.8", till).await;
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "3");
    assert_eq!(refused.headers()["ratelimit-policy"], "\"requests_per_credential\";q=20;w=60");
    let owner = ask("127.0.0.8", crate::services::OWNER).await;
    assert_eq!(owner.status(), 200, "another credential has requests of its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_arrive_ends_its_request() {
    let mut pair = Pair::prepared(&[]);
    pair.start_reservation().await;
    let mut stream = hold("127.0.0.2", &pair.reservation_url).await.unwrap();
    let rest = b"content-type: application/json\r\ncontent-length: 100\r\n\r\n{";
    stream.write_all(rest).await.unwrap();
    let mut response = [0; 512];
    // The deadline is ten seconds.
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read(&mut response));
    let length = read.await.expect("a response").unwrap();
    let text = String::from_utf8_lossy(&response[..length]);
    assert!(text.starts_with("HTTP/1.1 408 "), "{text}");
}

/// The modes of a directory and of everything below it.
fn modes(path: &Path) -> Vec<(std::path::PathBuf, u32)> {
    let mode = fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777;
    let below = path.is_dir().then(|| fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
    let below = below.into_iter().flatten().flat_map(|path| modes(&path));
    std::iter::once((path.to_owned(), mode)).chain(below).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_for_their_user_whatever_the_shell_says() {
    let mut pair = Pair::prepared(&[]);
    let with_open_mask = |command: Command| {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", "umask 0000; exec \"$0\" \"$@\""])
            .arg(command.get_program())
            .args(command.get_args());
        shell.stderr(std::process::Stdio::null());
        Running(shell.spawn().unwrap())
    };
    pair.reservation = Some(with_open_mask(pair.reservation_command()));
    pair.notifier = Some(with_open_mask(pair.notifier_command()));
    let ready = async |url: &str| pair.client.get(format!("{url}/readyz")).send().await.is_ok();
    until("reservation", async || ready(&pair.reservation_url).await).await;
    pair.book(2).await;
    until("a mail", async || {
        pair.dir.path().join("notifier/outbox").read_dir().is_ok_and(|mut d| d.next().is_some())
    })
    .await;
    for name in ["reservation", "notifier"] {
        let all = modes(&pair.dir.path().join(name));
        assert!(all.len() > 4, "{all:?}");
        for (path, mode) in all {
            assert_eq!(mode & 0o077, 0, "{} is {mode:o}", path.display());
        }
    }
}

#[test]
fn a_directory_that_others_can_use_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    fs::create_dir(&data).unwrap();
    for name in ["reservation", "notifier"] {
        let check = |mode: u32, arguments: &[&str]| {
            fs::set_permissions(&data, fs::Permissions::from_mode(mode)).unwrap();
            let mut command = program(name);
            command.current_dir(dir.path()).args(["check", "--data-dir", "data"]).args(arguments);
            String::from_utf8(command.output().unwrap().stderr).unwrap()
        };
        assert!(check(0o755, &[]).contains("other users can use data; run: chmod 700 data"));
        assert!(check(0o750, &[]).contains("--group-access"));
        assert!(check(0o751, &["--group-access"]).contains("chmod 770 data"));
        assert!(!check(0o750, &["--group-access"]).contains("_DATA_DIR"));
        assert!(!check(0o700, &[]).contains("_DATA_DIR"));
    }
}
