//! 500 guests whose names, numbers, addresses and words occur nowhere else. After a day of traffic none of them is in the feed, the
//! process logs, the metrics, the spans or the bodies of errors. After they are erased and the logs are compacted, none is in
//! any file of the services.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use futures::StreamExt as _;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::log::done;
use crate::services::{Pair, anonymous_client, booking};

const GUESTS: u32 = 500;

/// What is only in the data of guests, in lower case: a name, an address, a number, and words in free text.
const CANARIES: [&str; 4] = ["kenari", "canary-", "62811777777", "0811777777"];

fn contact(n: u32) -> Value {
    json!({"name": format!("Kenari Burung{n}"), "phone": format!("0811777777{n:03}"),
        "email": format!("canary-{n}@example.net")})
}

/// The canaries in `text`.
fn found(text: &[u8]) -> Vec<&'static str> {
    let text = text.to_ascii_lowercase();
    let has = |canary: &&str| text.windows(canary.len()).any(|window| window == canary.as_bytes());
    CANARIES.into_iter().filter(|canary| has(canary)).collect()
}

/// Every file below `dir` with a canary. Running services write there: a file that they delete after it was listed has nothing left to
/// find.
fn files_with_canaries(dir: &Path) -> Vec<String> {
    let mut found_in = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            found_in.extend(files_with_canaries(&path));
            continue;
        }
        match std::fs::read(&path) {
            Ok(content) if !found(&content).is_empty() => found_in.push(path.display().to_string()),
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound, "{}: {error}", path.display()),
        }
    }
    found_in
}

/// A collector of traces that keeps what it gets as it is.
async fn collector() -> (Arc<Mutex<Vec<u8>>>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let spans = Arc::new(Mutex::new(Vec::new()));
    let take =
        |State(spans): State<Arc<Mutex<Vec<u8>>>>, body: Bytes| async move { spans.lock().extend(body) };
    let app = axum::Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&spans));
    tokio::spawn(async move { axum::serve(listener, app).await });
    (spans, url)
}

/// What a guest, and the staff about that guest, do on a day. Returns the bodies of all errors.
async fn day_of(pair: &Pair, n: u32) -> Vec<String> {
    let mut errors = Vec::new();
    let (words, contact) = (format!("canary-{n} tanpa kacang"), contact(n));
    let mut body = booking(if n.is_multiple_of(9) { 6 } else { 2 });
    body["contact_info"] = contact.clone();
    body["special_requests"] = words.clone().into();
    body["allergies"] = words.clone().into();
    let mut send = async |path: String, body: &Value| {
        let (status, answer) = pair.post(&path, body).await;
        if status >= 400 {
            errors.push(answer.to_string());
        }
        answer
    };
    // What a client does wrong.
    let mut wrong = body.clone();
    wrong["party_size"] = 0.into();
    wrong["contact_info"]["email"] = format!("canary-{n}").into();
    wrong["special_requests"] = "canary-".repeat(100).into();
    send("/api/reservations".into(), &wrong).await;
    let booked = send("/api/reservations".into(), &body).await;
    let path = format!("/api/reservations/{}", booked["reservation_id"].as_str().unwrap());
    match n % 4 {
        0 => drop(
            send(format!("{path}/cancel"), &json!({"reason_code": "guest_request", "description": words}))
                .await,
        ),
        1 => drop(send(format!("{path}/confirm"), &json!({})).await),
        2 => drop(send(format!("{path}/check-in"), &json!({})).await),
        _ => {
            let corrected =
                json!({"staff_notes": words, "contact_info": {"name": format!("Kenari Lain{n}")}});
            let url = format!("{}{path}", pair.reservation_url);
            let request = pair.client.patch(url).header("content-type", "application/merge-patch+json");
            assert!(request.body(corrected.to_string()).send().await.unwrap().status().is_success());
        }
    }
    for query in [format!("canary-{n}@example.net"), format!("0811777777{n:03}")] {
        let url = format!("{}/api/reservations", pair.reservation_url);
        let found = pair.client.get(url).query(&[("q", &query)]).send().await.unwrap();
        assert_eq!(found.status(), 200);
    }
    let url = format!("{}{path}/personal-data", pair.reservation_url);
    let link = booked["guest_link"]["token"].as_str().unwrap();
    let held = anonymous_client().get(url).bearer_auth(link).send().await.unwrap().bytes().await.unwrap();
    assert!(found(&held).len() >= 3, "the guest reads what is held");
    errors
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_500_guests_is_published_and_nothing_is_left_after_they_are_erased() {
    let (spans, url) = collector().await;
    let mut pair = Pair::prepared(&["--sms", "off", "--simulated-decide-after-ms", "0"]);
    pair.env = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", url), ("OTEL_BSP_SCHEDULE_DELAY", "50".into())];
    pair.start_reservation().await;
    pair.start_notifier().await;
    let days = futures::stream::iter(0..GUESTS).map(|n| day_of(&pair, n)).buffer_unordered(8);
    let errors: Vec<String> = days.concat().await;
    pair.settled().await;

    assert!(errors.len() > GUESTS as usize, "{}", errors.len());
    assert_eq!(found(errors.concat().as_bytes()), [""; 0], "in the bodies of errors");
    let events = pair.events().await;
    assert!(events.len() > 3 * GUESTS as usize);
    assert_eq!(found(Value::from(events).to_string().as_bytes()), [""; 0], "in the feed");
    for (name, url) in [("reservation", &pair.reservation_url), ("notifier", &pair.notifier_url)] {
        let metrics = pair.client.get(format!("{url}/metrics")).send().await.unwrap().text().await.unwrap();
        assert!(metrics.contains("meja_"), "{metrics}");
        assert_eq!(found(metrics.as_bytes()), [""; 0], "in the metrics of {name}");
        assert_eq!(found(pair.logged(name).as_bytes()), [""; 0], "in the log of {name}");
    }
    assert!(spans.lock().len() > 100_000);
    assert_eq!(found(&spans.lock()), [""; 0], "in the spans");

    // The scan finds what is there: the log has the contacts, the outbox the mails.
    let before = files_with_canaries(pair.dir.path());
    let has = |part: &str| before.iter().any(|file| file.contains(part));
    assert!(has("/reservation/") && has("/outbox/"), "{before:?}");
    for n in 0..GUESTS {
        let guest = json!({"phone": format!("0811777777{n:03}"), "email": format!("canary-{n}@example.net")});
        let (status, erased) = pair.post("/api/erasures", &guest).await;
        assert!(status == 200 && erased["complete"] == json!(true), "{status} {erased}");
        assert_eq!(erased["reservation_ids"].as_array().unwrap().len(), 1, "{n}: {erased}");
    }
    pair.settled().await;
    for service in ["reservation", "notifier"] {
        let running = if service == "reservation" { pair.reservation.take() } else { pair.notifier.take() };
        assert_eq!(running.unwrap().terminate(), Some(0));
        let data = pair.dir.path().join(service);
        done(service, &["compact", "--data-dir", data.to_str().unwrap()]);
    }
    assert_eq!(files_with_canaries(pair.dir.path()), [""; 0]);
}
