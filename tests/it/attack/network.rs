//! Attacks on the connections.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::{Outcome, booking, client_at, is_full, post, saturday};
use crate::services::Pair;

/// Sends `head` as it is. Returns the beginning of the response.
async fn raw(pair: &Pair, head: &str) -> String {
    let address: SocketAddr = pair.reservation_url.trim_start_matches("http://").parse().unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 64];
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut answer)).await;
    String::from_utf8_lossy(&answer[..read.unwrap().unwrap()]).into_owned()
}

pub(super) async fn sends_heavy_requests(pair: &Pair) -> Outcome {
    let filler = "a".repeat(40 << 10);
    let key = "0123456789abcdef0123456789";
    let mut wrong = Vec::new();
    for (head, expected) in [
        (format!("GET /api/venues HTTP/1.1\r\nhost: localhost\r\nx-filler: {filler}\r\n\r\n"), "HTTP/1.1 431"),
        ("GET /api/venues HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\n\r\n".into(), "HTTP/1.1 400"),
        (
            format!("POST /api/reservations HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 2\r\nidempotency-key: {key}\r\nidempotency-key: {key}x\r\n\r\n{{}}"),
            "HTTP/1.1 400",
        ),
        ("POST /api/reservations HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 99999999\r\n\r\n".into(), "HTTP/1.1 413"),
    ] {
        let answer = raw(pair, &head).await;
        if !answer.starts_with(expected) {
            wrong.push(answer);
        }
    }
    Outcome::new(
        "send heavy and ambiguous requests",
        "40 KiB of headers, two Host, two keys, 100 MB".into(),
        !wrong.is_empty(),
        format!("431, 400, 400, 413 {}", wrong.concat()),
    )
}

/// Connections that never become requests do not lock others out.
pub(super) async fn holds_connections(pair: &Pair) -> Outcome {
    let address: SocketAddr = pair.reservation_url.trim_start_matches("http://").parse().unwrap();
    let mut held = Vec::new();
    for _ in 0..300 {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 9, 0, 1], 0))).unwrap();
        let Ok(mut stream) = socket.connect(address).await else { continue };
        if stream.write_all(b"POST /api/reservations HTTP/1.1\r\nhost: localhost\r\n").await.is_ok() {
            held.push(stream);
        }
    }
    let (began, client) = (Instant::now(), client_at(20_000));
    let health = client.get(format!("{}/readyz", pair.reservation_url)).send().await.unwrap().status();
    let start = saturday() + TimeDelta::days(5) + TimeDelta::hours(9);
    let url = format!("{}/api/reservations", pair.reservation_url);
    let (status, _) = post(&client, url, &booking(700_000, "roma-trastevere", start, 2)).await;
    let took = began.elapsed();
    // Of 256 connections the attackers may have half each; the others are refused.
    let has_attacked = held.len() >= 100;
    let limit = Duration::from_secs(if is_full() { 1 } else { 5 });
    let has_succeeded = !has_attacked || !health.is_success() || status != 200 || took > limit;
    let result = format!("/readyz {} and a booking {status} in {:.2} s", health.as_u16(), took.as_secs_f32());
    Outcome::new(
        "hold connections",
        format!("{} connections from one address", held.len()),
        has_succeeded,
        result,
    )
}
