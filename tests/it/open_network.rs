//! The services on an open network: many connections, encryption, and what is refused at the start.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpSocket, TcpStream};

use crate::services::{Pair, Running, anonymous_client, binary, booking, until};

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

/// Writes a certificate for `localhost`, and returns it.
fn certificate(dir: &Path) -> reqwest::Certificate {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(dir.join("service.pem"), made.cert.pem()).unwrap();
    fs::write(dir.join("service.key"), made.signing_key.serialize_pem()).unwrap();
    fs::set_permissions(dir.join("service.key"), fs::Permissions::from_mode(0o600)).unwrap();
    reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).unwrap()
}

/// A client that trusts `certificate` alone.
fn trusting(certificate: reqwest::Certificate) -> reqwest::Client {
    reqwest::Client::builder().tls_certs_only([certificate]).timeout(Duration::from_secs(5)).build().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_encrypted_and_a_new_certificate_counts_after_a_hangup() {
    let _ = anonymous_client();
    let mut pair = Pair::prepared(&[]);
    let first = certificate(pair.dir.path());
    pair.env = [("MEJA_TLS_CERTIFICATE", "service.pem"), ("MEJA_TLS_KEY", "service.key")]
        .map(|(name, file)| (name, pair.dir.path().join(file).to_str().unwrap().to_owned()))
        .to_vec();
    pair.reservation = Some(Running(pair.reservation_command().spawn().unwrap()));
    pair.notifier = Some(Running(pair.notifier_command().spawn().unwrap()));
    for url in [pair.reservation_url.clone(), pair.notifier_url.clone()] {
        let url = format!("{}/livez", url.replace("http://127.0.0.1", "https://localhost"));
        let client = trusting(first.clone());
        until("the service to answer", async || client.get(&url).send().await.is_ok()).await;
        let answer = client.get(&url).send().await.unwrap();
        assert!(answer.headers()["strict-transport-security"].to_str().unwrap().starts_with("max-age="));
        // Without encryption there is no answer.
        assert!(anonymous_client().get(url.replace("https:", "http:")).send().await.is_err());
    }
    let second = trusting(certificate(pair.dir.path()));
    for (running, url) in [(&pair.reservation, &pair.reservation_url), (&pair.notifier, &pair.notifier_url)] {
        let url = format!("{}/livez", url.replace("http://127.0.0.1", "https://localhost"));
        assert!(second.get(&url).send().await.is_err());
        let pid = rustix::process::Pid::from_child(&running.as_ref().unwrap().0);
        rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
        until("the new certificate", async || second.get(&url).send().await.is_ok()).await;
    }
}

#[test]
fn an_open_network_needs_encryption() {
    let dir = tempfile::tempdir().unwrap();
    certificate(dir.path());
    for name in ["reservation", "notifier"] {
        let check = |listen: &str, arguments: &[&str]| {
            let mut command = Command::new(binary(name));
            command.current_dir(dir.path()).args(["check", "--listen", listen]).args(arguments);
            let output = command.output().unwrap();
            (output.status.code(), String::from_utf8(output.stderr).unwrap())
        };
        let (code, said) = check("0.0.0.0:0", &[]);
        assert!(code == Some(2) && said.contains("connections must be encrypted"), "{said}");
        let files = ["--tls-certificate", "service.pem", "--tls-key", "service.key"];
        fs::set_permissions(dir.path().join("service.key"), fs::Permissions::from_mode(0o644)).unwrap();
        let (code, said) = check("0.0.0.0:0", &files);
        assert!(code == Some(2) && said.contains("chmod 600"), "{said}");
        fs::set_permissions(dir.path().join("service.key"), fs::Permissions::from_mode(0o640)).unwrap();
        assert!(!check("0.0.0.0:0", &files).1.is_empty());
        let (_, said) = check("0.0.0.0:0", &[&files[..], &["--group-access"]].concat());
        assert!(!said.contains("MEJA_TLS"), "{said}");
        let (_, said) = check("0.0.0.0:0", &["--behind-proxy", "10.0.0.0/8, fd00::/8"]);
        assert!(!said.contains("MEJA_"), "{said}");
        let (code, said) = check("127.0.0.1:0", &["--behind-proxy", "proxy"]);
        assert!(code == Some(2) && said.contains("MEJA_BEHIND_PROXY"), "{said}");
    }
}
