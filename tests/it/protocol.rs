//! The rules of HTTP that both services follow in the same way.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, header};
use serde_json::{Value, json};

use crate::services::{Pair, booking};

/// An operation of a service.
struct Operation {
    method: Method,
    url: String,
    path: String,
    described: Value,
}

/// All described operations of both services. Parameters of paths get values that do not exist.
async fn operations(pair: &Pair) -> Vec<Operation> {
    let mut all = Vec::new();
    for base in [&pair.reservation_url, &pair.notifier_url] {
        let api = pair.get(&format!("{base}/openapi.json")).await;
        for (path, item) in api["paths"].as_object().unwrap() {
            for (method, described) in item.as_object().unwrap() {
                let concrete = path
                    .replace("{reservation_id}", "01939f3e-0000-7000-8000-000000000001")
                    .replace("{waitlist_id}", "01939f3e-0000-7000-8000-000000000001")
                    .replace("{payment_id}", "01939f3e-0000-7000-8000-000000000001")
                    .replace("{venue_id}", "bandung-dago")
                    .replace("{id}", "none")
                    .replace("{name}", "venue.json")
                    .replace("{provider}", "simulated");
                all.push(Operation {
                    method: method.to_uppercase().parse().unwrap(),
                    url: format!("{base}{concrete}"),
                    path: path.clone(),
                    described: described.clone(),
                });
            }
        }
    }
    assert!(all.len() > 40, "{} operations", all.len());
    all
}

fn request(pair: &Pair, operation: &Operation, url: &str) -> RequestBuilder {
    pair.client.request(operation.method.clone(), url)
}

/// The status and the code of a problem. Every problem has the media type of RFC 9457 and a type that resolves.
pub async fn problem(pair: &Pair, response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let url = response.url().clone();
    let media_type =
        response.headers().get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(media_type.as_deref(), Some("application/problem+json"), "{status} {url}");
    let body: Value = response.json().await.unwrap();
    let kind = url.join(body["type"].as_str().unwrap()).unwrap();
    let kind: Value = pair.client.get(kind).send().await.unwrap().json().await.unwrap();
    assert_eq!((&kind["code"], &kind["status"]), (&body["code"], &json!(status)), "{url}");
    (status, body["code"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_misspelt_query_parameter_is_a_fault_on_every_route_of_both_services() {
    let pair = Pair::running(&[]).await;
    let mut checked = 0;
    for operation in operations(&pair).await {
        let is_api = operation.path.starts_with("/api/") || operation.path == "/events";
        let response =
            request(&pair, &operation, &format!("{}?utm_source=x", operation.url)).send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        if is_api {
            checked += 1;
            assert_eq!(status, 422, "{} {}: {text}", operation.method, operation.path);
            assert!(text.contains(r#"["query","utm_source"]"#), "{} {text}", operation.path);
        } else {
            assert!(!text.contains("utm_source"), "{} {text}", operation.path);
        }
    }
    assert!(checked > 35, "{checked} routes");
    // Mail programs add parameters to links, and providers to their calls.
    let checkout = format!("{}/checkout/none?utm_source=x", pair.notifier_url);
    assert_eq!(pair.client.get(checkout).send().await.unwrap().status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_accepts_nothing_on_offer_is_refused_before_anything_is_done() {
    let pair = Pair::running(&[]).await;
    for operation in operations(&pair).await.iter().filter(|operation| operation.path.starts_with("/api/")) {
        let offers = operation.described["responses"].as_object().unwrap().iter();
        let mut offers = offers.filter(|(status, _)| status.starts_with('2'));
        if !offers.any(|(_, response)| response["content"].is_object()) {
            continue;
        }
        let send = |accept: &'static str| {
            request(&pair, operation, &operation.url).header(header::ACCEPT, accept).send()
        };
        let refused = send("image/png, */*;q=0").await.unwrap();
        assert_eq!(problem(&pair, refused).await, (406, "not_acceptable".into()), "{}", operation.path);
        let ok = send("image/png, */*;q=0.1").await.unwrap();
        assert_ne!(ok.status(), 406, "{}", operation.path);
    }
    let head = pair.head().await;
    let booked = pair.client.post(format!("{}/api/reservations", pair.reservation_url)).json(&booking(2));
    assert_eq!(booked.header(header::ACCEPT, "text/html").send().await.unwrap().status(), 406);
    assert_eq!(pair.head().await, head, "nothing was booked");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_answers_head_and_options_and_refuses_other_methods() {
    let pair = Pair::running(&[]).await;
    for operation in operations(&pair).await {
        let options = pair.client.request(Method::OPTIONS, &operation.url).send().await.unwrap();
        assert_eq!(options.status(), 204, "{}", operation.path);
        let allow = options.headers()[header::ALLOW].to_str().unwrap().to_owned();
        assert!(allow.contains(operation.method.as_str()), "{} allows {allow}", operation.path);
        let unknown = Method::from_bytes(b"PROPFIND").unwrap();
        let other = pair.client.request(unknown, &operation.url).send().await.unwrap();
        assert_eq!(other.headers()[header::ALLOW], allow, "{}", operation.path);
        assert_eq!(problem(&pair, other).await, (405, "method_not_allowed".into()), "{}", operation.path);
        // A stream of the log has no length.
        if operation.method == Method::GET && !operation.path.ends_with("/log") {
            let get = request(&pair, &operation, &operation.url).send().await.unwrap();
            let head = pair.client.head(&operation.url).send().await.unwrap();
            assert_eq!(head.status(), get.status(), "{}", operation.path);
            assert_eq!(head.headers().get(header::CONTENT_TYPE), get.headers().get(header::CONTENT_TYPE));
            assert!(head.bytes().await.unwrap().is_empty());
        }
    }
    // A path that is not UTF-8 belongs to no resource.
    for url in [
        format!("{}/schemas/%FF", pair.reservation_url),
        format!("{}/problems/%FF", pair.notifier_url),
        format!("{}/api/reservations/%FF", pair.reservation_url),
        format!("{}/api/payments/%FF", pair.notifier_url),
    ] {
        let nowhere = pair.client.get(&url).send().await.unwrap();
        assert_eq!(problem(&pair, nowhere).await, (404, "not_found".into()), "{url}");
    }
    for base in [&pair.reservation_url, &pair.notifier_url] {
        let nowhere = pair.client.get(format!("{base}/nowhere")).send().await.unwrap();
        assert_eq!(problem(&pair, nowhere).await, (404, "not_found".into()));
    }
}

/// Sends bytes that are not a valid request, and returns the response.
fn raw(base: &str, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(base.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(request).unwrap();
    let mut response = Vec::new();
    // The service closes the connection.
    let _ = stream.read_to_end(&mut response);
    String::from_utf8(response).unwrap()
}

/// A connection that the service closes while the body still arrives is reset, and the response is lost with it.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_sends_too_much_still_reads_the_response() {
    let pair = Pair::running(&[]).await;
    let body = vec![b' '; 4 << 20];
    let announced = format!("content-length: {}\r\n\r\n", body.len()).into_bytes();
    let chunked = format!("transfer-encoding: chunked\r\n\r\n{:x}\r\n", body.len()).into_bytes();
    for head in [announced, chunked] {
        let mut request = b"POST /api/reservations HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n".to_vec();
        request.extend([&head[..], &body, b"\r\n0\r\n\r\n"].concat());
        let address = pair.reservation_url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(&request).unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        assert!(response.starts_with("HTTP/1.1 413 "), "{response}");
        assert!(response.contains("body_too_large"), "{response}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn even_a_request_that_is_not_http_gets_a_problem() {
    let pair = Pair::running(&[]).await;
    let long = |before: &str, count: usize| format!("{before}{}", "x".repeat(count)).into_bytes();
    let many: String = (0..200).map(|n| format!("x-{n}: 1\r\n")).collect();
    for base in [&pair.reservation_url, &pair.notifier_url] {
        for (request, status, code) in [
            (b"GARBAGE\r\n\r\n".to_vec(), 400, "malformed_request"),
            (
                [long("GET /", 66_000), b" HTTP/1.1\r\nhost: x\r\n\r\n".to_vec()].concat(),
                431,
                "headers_too_large",
            ),
            (format!("GET / HTTP/1.1\r\nhost: x\r\n{many}\r\n").into_bytes(), 431, "headers_too_large"),
            // It arrives at once, and is larger than 32 KiB.
            (
                [long("GET / HTTP/1.1\r\nconnection: close\r\nx: ", 34_000), b"\r\n\r\n".to_vec()].concat(),
                431,
                "headers_too_large",
            ),
        ] {
            let response = tokio::task::block_in_place(|| raw(base, &request));
            assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{response}");
            let (head, body) = response.split_once("\r\n\r\n").unwrap();
            assert!(head.contains("content-type: application/problem+json"), "{head}");
            assert!(head.contains("x-content-type-options: nosniff"), "{head}");
            assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
            let body: Value = serde_json::from_str(body).unwrap();
            assert_eq!((&body["code"], &body["status"]), (&json!(code), &json!(status)));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_in_another_form_is_refused_by_both_services() {
    let pair = Pair::running(&[]).await;
    let urls = [
        format!("{}/api/reservations", pair.reservation_url),
        format!("{}/api/payments/{}/refund", pair.notifier_url, uuid::Uuid::nil()),
    ];
    for url in urls {
        let send = |content_type: &'static str, body: &'static str| {
            pair.client.post(&url).header(header::CONTENT_TYPE, content_type).body(body)
        };
        for request in [
            send("text/plain", "{}"),
            send("application/json; charset=iso-8859-1", "{}"),
            send("application/json", "{}").header(header::CONTENT_ENCODING, "gzip"),
        ] {
            let response = request.send().await.unwrap();
            assert_eq!(problem(&pair, response).await, (415, "unsupported_media_type".into()), "{url}");
        }
        for body in ["{", r#"{"a": 1, "a": 1}"#, r#"{"a": {"b": 1, "b": 2}}"#] {
            let response = send("application/json", body).send().await.unwrap();
            assert_eq!(problem(&pair, response).await, (400, "malformed_json".into()), "{url} {body}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_means_the_same_to_both_services() {
    let pair = Pair::running(&["--simulated-decide-after-ms", "0"]).await;
    // One body, because the time of a booking is relative to now.
    let body = booking(6);
    let book = |keys: &[&'static str]| {
        let request = pair.client.post(format!("{}/api/reservations", pair.reservation_url)).json(&body);
        keys.iter().fold(request, |request, key| request.header("idempotency-key", *key)).send()
    };
    let replayed = |response: &Response| response.headers().contains_key("idempotent-replayed");
    let first = book(&["k 1"]).await.unwrap();
    assert_eq!(problem(&pair, first).await, (422, "invalid_request".into()));
    let first = book(&["k1"]).await.unwrap();
    assert!(first.status().is_success() && !replayed(&first));
    let id = first.json::<Value>().await.unwrap()["reservation_id"].as_str().unwrap().to_owned();
    let again = book(&["\"k1\""]).await.unwrap();
    assert!(replayed(&again));
    assert_eq!(again.json::<Value>().await.unwrap()["reservation_id"], id.as_str());
    assert_eq!(problem(&pair, book(&["k1", "k2"]).await.unwrap()).await, (400, "repeated_header".into()));

    let payments = format!("{}/api/payments?status=paid&reservation_id={id}", pair.notifier_url);
    crate::services::until("the payment", async || pair.get(&payments).await["items"][0].is_object()).await;
    let payment = pair.get(&payments).await["items"][0]["payment_id"].as_str().unwrap().to_owned();
    let refund = |keys: &[&'static str]| {
        let url = format!("{}/api/payments/{payment}/refund", pair.notifier_url);
        let request = pair.client.post(url).json(&json!({"amount_minor": 1_000}));
        keys.iter().fold(request, |request, key| request.header("idempotency-key", *key)).send()
    };
    // Keys that are not part of an effect's key as they are, too.
    for (key, quoted) in [("r1", "\"r1\""), ("käse:/?&", "\"käse:/?&\""), ("r:/?&=1", "\"r:/?&=1\"")] {
        // A refund that is under way changes the payment.
        pair.settled().await;
        let first = refund(&[key]).await.unwrap();
        if !key.is_ascii() {
            assert_eq!(problem(&pair, first).await, (422, "invalid_request".into()));
            continue;
        }
        assert!(first.status() == 202 && !replayed(&first), "{key}");
        let effect = first.json::<Value>().await.unwrap();
        let again = refund(&[quoted]).await.unwrap();
        assert!(again.status() == 202 && replayed(&again), "{key}");
        assert_eq!(again.json::<Value>().await.unwrap(), effect);
    }
    assert_eq!(problem(&pair, refund(&["r1", "r1"]).await.unwrap()).await, (400, "repeated_header".into()));
}
