//! The gateway as a proxy: the real binary before real services, and before services that behave badly.

use std::net::{IpAddr, SocketAddr};
use std::process::Stdio;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Request;
use gateway::proxy::{Target, target};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::ports::own_port;
use crate::services::{
    DEADLINE, OWNER, Pair, Running, UNLIMITED, anonymous_client, booking, program, secrets, until,
};

/// A gateway before the services at two URLs.
pub struct Door {
    pub url: String,
    running: Running,
}

impl Door {
    pub async fn before(reservation_url: &str, notifier_url: &str, env: &[(&str, &str)]) -> Self {
        let listen = format!("127.0.0.1:{}", own_port());
        let mut command = program("gateway");
        command.args([
            "--listen",
            &listen,
            "--reservation-url",
            reservation_url,
            "--notifier-url",
            notifier_url,
        ]);
        command.arg("--secrets-dir").arg(secrets()).envs(UNLIMITED).envs(env.iter().copied());
        let running = Running(
            command.stdin(Stdio::null()).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap(),
        );
        let (url, client) = (format!("http://{listen}"), anonymous_client());
        until("the gateway to be alive", async || client.get(format!("{url}/livez")).send().await.is_ok())
            .await;
        Self { url, running }
    }

    async fn before_pair(pair: &Pair) -> Self {
        Self::before(&pair.reservation_url, &pair.notifier_url, &[]).await
    }
}

/// A service that responds with what it received.
async fn mirror() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mirror = async |request: Request| {
        let (head, body) = request.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let headers: Vec<_> = head
            .headers
            .iter()
            .map(|(name, value)| json!([name.as_str(), value.to_str().unwrap()]))
            .collect();
        axum::Json(json!({
            "method": head.method.as_str(), "path": head.uri.to_string(), "headers": headers, "body": body.to_vec(),
        }))
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(mirror)).await.unwrap() });
    url
}

/// The values of a header that a mirror received.
fn received<'a>(seen: &'a Value, name: &str) -> Vec<&'a str> {
    let headers = seen["headers"].as_array().unwrap().iter();
    headers.filter(|header| header[0] == name).map(|header| header[1].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_is_passed_to_its_service_or_is_for_services_only() {
    let pair = Pair::running(&[]).await;
    let door = Door::before_pair(&pair).await;
    let mut refused = Vec::new();
    for (name, of, url) in [
        ("reservation", Target::Reservation, &pair.reservation_url),
        ("notifier", Target::Notifier, &pair.notifier_url),
    ] {
        let direct: Value =
            pair.client.get(format!("{url}/openapi.json")).send().await.unwrap().json().await.unwrap();
        let through = pair.client.get(format!("{}/openapi/{name}.json", door.url)).send().await.unwrap();
        assert_eq!(through.json::<Value>().await.unwrap()["paths"], direct["paths"], "{name}");
        for path in direct["paths"].as_object().unwrap().keys() {
            match target(&path.replace(['{', '}'], "")) {
                Some(found) => assert_eq!(found, of, "{path}"),
                None => refused.push(format!("{name} {path}")),
            }
        }
        let page = pair.client.get(format!("{}/docs/{name}/", door.url)).send().await.unwrap();
        assert_eq!(page.status(), 200, "/docs/{name}/");
    }
    refused.sort();
    let expected = [
        "notifier /api/log",
        "notifier /readyz",
        "reservation /api/access/snapshot",
        "reservation /api/log",
        "reservation /api/reservations/{reservation_id}/notification-results",
        "reservation /api/reservations/{reservation_id}/payment-results",
        "reservation /api/waitlist/{waitlist_id}/notification-results",
        "reservation /readyz",
    ];
    assert_eq!(refused, expected);
    // Also with the credential of the owner.
    for path in ["/api/log", "/api/access/snapshot", "/metrics"] {
        assert_eq!(
            pair.client.get(format!("{}{path}", door.url)).send().await.unwrap().status(),
            404,
            "{path}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_through_the_gateway_is_the_same_as_at_the_service() {
    let pair = Pair::running(&[]).await;
    let door = Door::before_pair(&pair).await;
    let url = format!("{}/api/reservations", door.url);
    let key = "0c5f1e6e-5f63-4d0e-a3a4-3f7a1a4a0d55";
    let request = || pair.client.post(&url).header("idempotency-key", key).header("x-request-id", "mine");
    let body = booking(2);
    let first = request().json(&body).send().await.unwrap();
    assert_eq!(
        (first.status(), &first.headers()["x-request-id"]),
        (reqwest::StatusCode::OK, &"mine".parse().unwrap())
    );
    let booked: Value = first.json().await.unwrap();
    let again = request().json(&body).send().await.unwrap();
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    assert_eq!(again.json::<Value>().await.unwrap()["reservation_id"], booked["reservation_id"]);

    let path = format!("/api/reservations/{}", booked["reservation_id"].as_str().unwrap());
    let direct = pair.client.get(format!("{}{path}", pair.reservation_url)).send().await.unwrap();
    let through = pair.client.get(format!("{}{path}", door.url)).send().await.unwrap();
    for name in ["etag", "content-type", "cache-control", "content-security-policy"] {
        assert_eq!(through.headers()[name], direct.headers()[name], "{name}");
    }
    let tag = direct.headers()["etag"].clone();
    assert_eq!(through.bytes().await.unwrap(), direct.bytes().await.unwrap());
    let known =
        pair.client.get(format!("{}{path}", door.url)).header("if-none-match", tag).send().await.unwrap();
    assert_eq!(known.status(), 304);
    let problem = pair.client.get(format!("{}/api/reservations/1", door.url)).send().await.unwrap();
    assert_eq!(
        (problem.status(), &problem.headers()["content-type"]),
        (reqwest::StatusCode::UNPROCESSABLE_ENTITY, &"application/problem+json".parse().unwrap())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_arrive_unchanged_and_a_client_cannot_pretend_to_be_the_gateway() {
    let mirror = mirror().await;
    let door = Door::before(&mirror, &mirror, &[]).await;
    // A webhook is signed byte by byte.
    let bytes: Vec<u8> = (0..=255).cycle().take(60_000).collect();
    let request = anonymous_client()
        .post(format!("{}/webhooks/stripe?x=1&y=%20", door.url))
        .header("stripe-signature", "t=1,v1=2")
        .header("content-type", "application/json; charset=utf-8")
        .header("x-forwarded-for", "203.0.113.9")
        .header("forwarded", "for=203.0.113.9")
        .header("meja-gateway", format!("Bearer {OWNER}"))
        .header("connection", "keep-alive, x-private")
        .header("x-private", "1")
        .body(bytes.clone());
    let seen: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!((&seen["method"], &seen["path"]), (&json!("POST"), &json!("/webhooks/stripe?x=1&y=%20")));
    assert_eq!(seen["body"], json!(bytes));
    assert_eq!(received(&seen, "stripe-signature"), ["t=1,v1=2"]);
    assert_eq!(received(&seen, "content-type"), ["application/json; charset=utf-8"]);
    assert_eq!(received(&seen, "x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(received(&seen, "x-forwarded-proto"), ["http"]);
    assert_eq!(received(&seen, "x-forwarded-host"), [door.url.strip_prefix("http://").unwrap()]);
    assert_eq!(received(&seen, "host"), [door.url.strip_prefix("http://").unwrap()]);
    for gone in ["forwarded", "x-private", "keep-alive"] {
        assert_eq!(received(&seen, gone), Vec::<&str>::new(), "{gone}");
    }
    let keys = received(&seen, "meja-gateway");
    assert!(keys.len() == 1 && keys[0].starts_with("meja_gateway_"), "{keys:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn services_count_each_client_of_the_gateway() {
    let mut pair = Pair::prepared(&[]);
    pair.env = vec![("MEJA_ADDRESS_REQUESTS_PER_MINUTE_MAX", "10".to_owned())];
    pair.start_reservation().await;
    pair.start_notifier().await;
    let door = Door::before_pair(&pair).await;
    let from = |address: &str| {
        let address: IpAddr = address.parse().unwrap();
        Client::builder().local_address(address).build().unwrap()
    };
    let statuses = async |client: Client, path: &str| {
        let mut statuses = Vec::new();
        for _ in 0..12 {
            let request = client.get(format!("{}{path}", door.url)).header("x-forwarded-for", "192.0.2.1");
            statuses.push(request.send().await.unwrap().status().as_u16());
        }
        statuses
    };
    // An operation, and a page of the notifier.
    for path in ["/api/venues", "/checkout.css"] {
        let one = statuses(from("127.0.0.2"), path).await;
        assert!(one.contains(&429), "{path}: {one:?}");
        let other = statuses(from("127.0.0.3"), path).await;
        assert_eq!(other[..8], [200; 8], "{path}: another client has its own share");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_arrives_as_it_is_sent() {
    let pair = Pair::running(&[]).await;
    let door = Door::before(&pair.reservation_url, &pair.notifier_url, &[("GATEWAY_STREAMS_MAX", "2")]).await;
    // A stream that was left gives its place back.
    for _ in 0..5 {
        let request = pair.client.get(format!("{}/events", door.url)).header("accept", "text/event-stream");
        let mut stream = request.send().await.unwrap();
        assert_eq!(stream.status(), 200);
        let booked = pair
            .client
            .post(format!("{}/api/reservations", door.url))
            .json(&booking(2))
            .send()
            .await
            .unwrap();
        let booked: Value = booked.json().await.unwrap();
        let id = booked["reservation_id"].as_str().unwrap().to_owned();
        let arrived = async {
            let mut text = String::new();
            while !text.contains(&id) {
                text.push_str(&String::from_utf8_lossy(&stream.chunk().await.unwrap().unwrap()));
            }
        };
        tokio::time::timeout(Duration::from_secs(10), arrived).await.expect("the event of the booking");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_when_the_gateway_stops() {
    let pair = Pair::running(&[]).await;
    let door = Door::before(&pair.reservation_url, &pair.notifier_url, &[]).await;
    let request = pair.client.get(format!("{}/events", door.url)).header("accept", "text/event-stream");
    let stream = request.send().await.unwrap();
    assert_eq!(
        (stream.status().as_u16(), &stream.headers()["content-type"]),
        (200, &"text/event-stream".parse().unwrap())
    );
    let stopped = tokio::task::spawn_blocking(move || door.running.terminate());
    // The end of the stream is a proper one, and not a broken connection.
    tokio::time::timeout(DEADLINE, stream.bytes()).await.unwrap().unwrap();
    assert_eq!(stopped.await.unwrap(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_down_or_silent_is_named_and_nothing_is_sent_twice() {
    let (down, client) = (format!("http://127.0.0.1:{}", own_port()), anonymous_client());
    // A service that accepts requests, counts them, and closes the connection.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent_url = format!("http://{}", silent.local_addr().unwrap());
    let (sender, mut accepted) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = silent.accept().await.unwrap();
            let sender = sender.clone();
            tokio::spawn(async move {
                let mut head = [0; 4_096];
                let read = tokio::io::AsyncReadExt::read(&mut stream, &mut head).await.unwrap();
                sender.send(read).unwrap();
            });
        }
    });
    let door = Door::before(&down, &silent_url, &[]).await;
    let code = async |request: reqwest::RequestBuilder| {
        let response = request.send().await.unwrap();
        (
            response.status().as_u16(),
            response.json::<Value>().await.unwrap()["code"].as_str().unwrap().to_owned(),
        )
    };
    let body = json!({});
    assert_eq!(
        code(client.post(format!("{}/api/reservations", door.url)).json(&body)).await,
        (503, "service_down".into())
    );
    assert_eq!(code(client.get(format!("{}/api/venues", door.url))).await, (503, "service_down".into()));
    assert_eq!(
        code(client.post(format!("{}/webhooks/stripe", door.url)).json(&body)).await,
        (502, "unanswered".into())
    );
    assert!(accepted.recv().await.unwrap() > 0);
    assert!(accepted.try_recv().is_err(), "a request that reached the service is not sent again");

    let ready: Value = client.get(format!("{}/readyz", door.url)).send().await.unwrap().json().await.unwrap();
    assert_eq!(ready["services"]["reservation"], "cannot be reached");
    assert_eq!(ready["status"], "degraded");

    // A request that changes nothing waits for a service that is being restarted.
    let address: SocketAddr = down.strip_prefix("http://").unwrap().parse().unwrap();
    let waiting = tokio::spawn(client.get(format!("{}/api/venues", door.url)).send());
    let late = TcpListener::bind(address).await.unwrap();
    tokio::spawn(async move { axum::serve(late, Router::new().fallback(async || "late")).await.unwrap() });
    assert_eq!(waiting.await.unwrap().unwrap().text().await.unwrap(), "late");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_beyond_the_limit_wait_and_are_then_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let slow = async move |_: Bytes| {
        arrived.send(()).unwrap();
        std::future::pending::<()>().await;
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(slow)).await.unwrap() });
    let door = Door::before(&url, &url, &[("GATEWAY_REQUESTS_MAX", "1")]).await;
    let client = anonymous_client();
    let held = tokio::spawn(client.get(format!("{}/api/venues", door.url)).send());
    // The held request has the place, so that the next one is refused.
    tokio::time::timeout(DEADLINE, arrivals.recv()).await.unwrap().unwrap();
    let refused = client.get(format!("{}/api/venues", door.url)).timeout(DEADLINE).send().await.unwrap();
    assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (503, &"1".parse().unwrap()));
    assert_eq!(refused.json::<Value>().await.unwrap()["code"], "gateway_busy");
    // A page of the gateway itself has no place to wait for.
    assert_eq!(client.get(format!("{}/livez", door.url)).send().await.unwrap().status(), 200);
    held.abort();
}
