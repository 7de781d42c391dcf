//! The feed: pages, cursors, caching, waiting, streaming.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use events::recorded::Recorded;
use events::{Position, Query};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::app::{FIRST_EVENTS, TOKEN, TestApp};

async fn with_bookings(count: usize) -> TestApp {
    let app = TestApp::start().await;
    for _ in 0..count {
        app.book(json!({})).await;
    }
    app
}

fn ids(page: &Value) -> Vec<String> {
    page.as_array().unwrap().iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_page_is_the_stored_bytes_joined_by_commas() {
    let app = with_bookings(3).await;
    let stored = app.app.store.read(&Query::all(), Position::START, 10).await.unwrap();
    let joined: Vec<_> = stored.iter().map(|e| String::from_utf8(e.json.to_vec()).unwrap()).collect();
    let page = app.get("/events").await;
    assert_eq!(page.text(), format!("[{}]", joined.join(",")));
    assert_eq!(page.header("content-type"), "application/cloudevents-batch+json");
    assert_eq!(page.header("head-position"), (3 + FIRST_EVENTS).to_string());
    for event in stored.iter() {
        let recorded = Recorded::parse(event.json).unwrap();
        assert!(recorded.event().is_ok());
    }
}

#[tokio::test]
async fn following_the_links_sees_every_event_once() {
    let app = with_bookings(25).await;
    let (mut path, mut seen) = ("/events?limit=10".to_owned(), Vec::new());
    loop {
        let page = app.get(&path).await;
        let found = ids(&page.json());
        assert_eq!(
            page.header("cache-control"),
            if found.len() == 10 { "private, max-age=31536000, immutable" } else { "private, no-cache" }
        );
        if found.is_empty() {
            assert_eq!(page.text(), "[]");
            break;
        }
        seen.extend(found);
        path = page.header("link").trim_start_matches('<').trim_end_matches(">; rel=\"next\"").to_owned();
    }
    assert_eq!(seen.len() as u64, 25 + FIRST_EVENTS);
    assert!(seen.is_sorted());
}

#[tokio::test]
async fn a_page_that_is_still_the_last_one_is_not_sent_again() {
    let app = with_bookings(2).await;
    let first = app.get("/events").await;
    let again = |etag: String| {
        let request = Request::get("/events").header("if-none-match", etag).body(Body::empty()).unwrap();
        app.send(request)
    };
    let known = again(first.header("etag").to_owned()).await;
    assert_eq!((known.status, known.bytes.len()), (StatusCode::NOT_MODIFIED, 0));
    app.book(json!({})).await;
    assert_eq!(again(first.header("etag").to_owned()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn cursors_are_checked_and_never_silently_restarted() {
    let app = with_bookings(2).await;
    let other = TestApp::start().await;
    // All test logs get the same sequence of ids. Skipping one makes the ids of this log differ.
    chassis::environment::Environment::new_id(&other.clock);
    other.book(json!({})).await;
    other.book(json!({})).await;
    let foreign = ids(&other.get("/events").await.json()).pop().unwrap();
    let answer = app.get(&format!("/events?lastEventId={foreign}")).await;
    assert_eq!(answer.problem(), (409, "cursor_not_in_log".into()));
    let behind = "00000000000000000009-01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f";
    assert_eq!(
        app.get(&format!("/events?lastEventId={behind}")).await.problem(),
        (409, "cursor_not_in_log".into())
    );
    let zero = "00000000000000000000-01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f";
    assert_eq!(
        app.get(&format!("/events?lastEventId={zero}")).await.problem(),
        (409, "cursor_not_in_log".into())
    );
    for malformed in ["42", "x", "00000000000000000001-", "%F0%9F%8D%BD"] {
        assert_eq!(
            app.get(&format!("/events?lastEventId={malformed}")).await.problem(),
            (400, "malformed_cursor".into()),
            "{malformed}"
        );
    }
    let answer = app.get("/events?limit=1001&timeout=30001&type=meja.unknown.v1&subject=table/1").await;
    assert_eq!(
        answer.faults(),
        [
            "query.limit:less_than_equal",
            "query.subject:value_error",
            "query.timeout:less_than_equal",
            "query.type:enum"
        ]
    );
    assert_eq!(app.get("/events?limit=0").await.faults(), ["query.limit:greater_than_equal"]);
}

#[tokio::test]
async fn filters_select_and_their_cursor_moves_past_the_rest() {
    let app = with_bookings(1).await;
    let id = app.book(json!({})).await;
    app.command(&id, "confirm", json!({})).await;
    app.book(json!({})).await;
    let about = app.get(&format!("/events?subject=reservation/{id}")).await;
    assert_eq!(about.json().as_array().unwrap().len(), 2);
    let confirmed = app.get("/events?type=meja.reservation.confirmed.v1").await;
    assert_eq!(confirmed.json().as_array().unwrap().len(), 1);
    // The rules of the venue, and its bookings.
    assert_eq!(app.get("/events?subject=venue/bandung-dago").await.json().as_array().unwrap().len(), 5);
    // The next request starts at the end of the log, with the same filter.
    let link = confirmed.header("link");
    assert!(
        link.contains(&format!("lastEventId={:020}-", 4 + FIRST_EVENTS))
            && link.contains("&type=meja.reservation.confirmed.v1"),
        "{link}"
    );
    let next = link.trim_start_matches('<').trim_end_matches(">; rel=\"next\"").to_owned();
    assert_eq!(app.get(&next).await.text(), "[]");
}

#[tokio::test]
async fn a_poll_waits_for_the_commit_and_not_for_other_events() {
    let app = Arc::new(with_bookings(1).await);
    let id = app.book(json!({})).await;
    let last = ids(&app.get("/events").await.json()).pop().unwrap();
    let path = format!("/events?lastEventId={last}&timeout=20000&type=meja.reservation.confirmed.v1");
    let poll = tokio::spawn({
        let app = Arc::clone(&app);
        async move { app.get(&path).await }
    });
    app.book(json!({})).await;
    app.command(&id, "confirm", json!({})).await;
    let page = tokio::time::timeout(Duration::from_secs(5), poll).await.unwrap().unwrap();
    assert_eq!(page.json().as_array().unwrap().len(), 1);
    let began = Instant::now();
    assert_eq!(
        app.get(&format!("/events?lastEventId={}&timeout=50", ids(&page.json())[0])).await.text(),
        "[]"
    );
    assert!(began.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn shutdown_answers_parked_polls_and_ends_streams() {
    let app = Arc::new(with_bookings(1).await);
    let last = ids(&app.get("/events").await.json()).pop().unwrap();
    let poll = tokio::spawn({
        let (app, path) = (Arc::clone(&app), format!("/events?lastEventId={last}&timeout=30000"));
        async move { app.get(&path).await }
    });
    let stream = tokio::spawn({
        let (app, request) = (
            Arc::clone(&app),
            Request::get("/events").header("accept", "text/event-stream").body(Body::empty()).unwrap(),
        );
        async move { app.send(request).await }
    });
    tokio::task::yield_now().await;
    app.trigger.fire();
    let page = tokio::time::timeout(Duration::from_secs(5), poll).await.unwrap().unwrap();
    assert_eq!((page.status, page.text()), (StatusCode::OK, "[]".into()));
    tokio::time::timeout(Duration::from_secs(5), stream).await.unwrap().unwrap();
    assert_eq!(app.get("/readyz").await.problem(), (503, "stopping".into()));
}

#[tokio::test]
async fn a_stream_continues_after_the_last_received_event() {
    let app = with_bookings(2).await;
    let first = ids(&app.get("/events").await.json())[FIRST_EVENTS as usize].clone();
    let request =
        Request::get("/events").header("accept", "text/event-stream").header("last-event-id", &first);
    let request = request.header("authorization", format!("Bearer {TOKEN}"));
    let response = app.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    let mut next = async || {
        let frame =
            tokio::time::timeout(Duration::from_secs(5), body.frame()).await.unwrap().unwrap().unwrap();
        String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap()
    };
    let frame = next().await;
    assert!(frame.starts_with(&format!("id: {:020}-", 2 + FIRST_EVENTS)), "{frame}");
    assert!(
        frame.contains("\nevent: meja.reservation.created.v1\ndata: {\"specversion\"")
            && frame.ends_with("}\n\n")
    );
    app.book(json!({})).await;
    assert!(next().await.starts_with(&format!("id: {:020}-", 3 + FIRST_EVENTS)));
}

#[tokio::test]
async fn the_same_page_of_another_log_is_not_the_same_page() {
    let (one, other) = (with_bookings(1).await, TestApp::start().await);
    chassis::environment::Environment::new_id(&other.clock);
    other.book(json!({})).await;
    let etag = one.get("/events").await.header("etag").to_owned();
    let request = Request::get("/events").header("if-none-match", etag).body(Body::empty()).unwrap();
    assert_eq!(other.send(request).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_header_last_event_id_does_not_affect_pages() {
    let app = with_bookings(2).await;
    let first = ids(&app.get("/events").await.json())[0].clone();
    let request = Request::get("/events").header("last-event-id", first).body(Body::empty()).unwrap();
    assert_eq!(ids(&app.send(request).await.json()).len() as u64, 2 + FIRST_EVENTS);
}
