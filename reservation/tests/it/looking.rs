//! Looking into the log: events from any position, with filters, for callers who may audit.

use serde_json::{Value, json};

use crate::app::TestApp;
use crate::keys::{create, get_as};

/// The positions of the events in an answer.
fn positions(answer: &Value) -> Vec<u64> {
    let items = answer["items"].as_array().unwrap();
    items.iter().map(|event| event["sequence"].as_str().unwrap().parse().unwrap()).collect()
}

#[tokio::test]
async fn the_log_is_read_from_its_end_and_from_any_position_with_the_stored_bytes() {
    let app = TestApp::start().await;
    for _ in 0..5 {
        app.book(json!({})).await;
    }
    let head = app.app.store.known_head().0;
    let last = app.get("/api/audit/events?limit=3").await;
    assert_eq!(positions(&last.json()), [head - 2, head - 1, head]);
    let is = |answer: &Value, member: &str| answer[member].as_bool().unwrap();
    assert!(is(&last.json(), "has_earlier") && !is(&last.json(), "has_later"));
    // Byte for byte what the feed has.
    let feed = app.get("/events?limit=1000").await.text();
    let items = last.text();
    let items =
        items.strip_prefix("{\"items\":[").and_then(|rest| rest.split_once("],\"examined_from\"")).unwrap().0;
    assert!(feed.contains(items), "{items}");
    let first = app.get("/api/audit/events?after=0&limit=2").await.json();
    assert_eq!(positions(&first), [1, 2]);
    assert!(!is(&first, "has_earlier") && is(&first, "has_later"));
    let before = app.get("/api/audit/events?before=4&limit=2").await.json();
    assert_eq!(positions(&before), [2, 3]);
    // Nothing is behind the end, and nothing before the beginning.
    assert_eq!(positions(&app.get("/api/audit/events?after=100000").await.json()), [0; 0]);
    assert_eq!(positions(&app.get("/api/audit/events?before=1").await.json()), [0; 0]);
    assert_eq!(positions(&app.get("/api/audit/events?before=100000&limit=1").await.json()), [head]);
}

#[tokio::test]
async fn events_are_found_by_type_subject_actor_request_and_time() {
    let app = TestApp::start().await;
    let earlier = app.book(json!({})).await;
    app.clock.advance(chrono::TimeDelta::hours(2));
    let (later, early) = (app.book(json!({})).await, &earlier);
    let all = app.get("/api/audit/events?limit=500").await.json()["items"].clone();
    let all = all.as_array().unwrap();
    let created: Vec<_> =
        all.iter().filter(|event| event["type"] == "meja.reservation.created.v1").cloned().collect();
    let found =
        async |filter: String| app.get(&format!("/api/audit/events?{filter}")).await.json()["items"].clone();
    assert_eq!(found("type=meja.reservation.created.v1".into()).await, json!(created));
    let of = |id: &str| -> Vec<Value> {
        all.iter().filter(|event| event["subject"] == format!("reservation/{id}")).cloned().collect()
    };
    assert_eq!(found(format!("subject=reservation/{later}")).await, json!(of(&later)));
    let request = created[1]["correlationid"].as_str().unwrap();
    assert_eq!(found(format!("correlation_id={request}")).await, json!(of(&later)));
    // The bookings came without a credential, so that only other events name an actor.
    let actor = all.iter().find_map(|event| event["authid"].as_str()).unwrap();
    let by: Vec<_> = all.iter().filter(|event| event["authid"] == actor).cloned().collect();
    assert!(!by.is_empty() && by.len() < all.len());
    assert_eq!(found(format!("actor={actor}")).await, json!(by));
    // The time of the later booking: everything before it, or from it on.
    let at = created[1]["time"].as_str().unwrap();
    assert_eq!(found(format!("subject=reservation/{early}&to={at}")).await, json!(of(early)));
    assert_eq!(found(format!("subject=reservation/{early}&from={at}")).await, json!([]));
    assert_eq!(found(format!("from={at}")).await, json!(of(&later)));
}

#[tokio::test]
async fn a_faulty_look_names_each_fault() {
    let app = TestApp::start().await;
    let asked = "/api/audit/events?after=1&before=2&limit=501&type=x&subject=y&from=yesterday";
    let faults = app.get(asked).await.faults();
    for field in ["before", "limit", "type", "subject", "from"] {
        assert!(faults.iter().any(|fault| fault.contains(field)), "{field}: {faults:?}");
    }
}

#[tokio::test]
async fn a_caller_of_one_venue_finds_nothing_of_another_and_nothing_that_belongs_to_none() {
    let app = TestApp::with_houses().await;
    let (mine, other) = ("bandung-dago", "roma-trastevere");
    app.book(json!({"venue_id": mine})).await;
    let elsewhere = app.book(json!({"venue_id": other})).await;
    let (token, _) = create(&app, &["audit"], json!([mine])).await;
    let found = get_as(&app, &token, "/api/audit/events?limit=500").await.json();
    let venues: Vec<_> =
        found["items"].as_array().unwrap().iter().map(|event| event["venueid"].clone()).collect();
    assert!(!venues.is_empty() && venues.iter().all(|venue| *venue == mine), "{venues:?}");
    let hidden = get_as(&app, &token, &format!("/api/audit/events?subject=reservation/{elsewhere}")).await;
    assert_eq!(positions(&hidden.json()), [0; 0]);
    let keys = get_as(&app, &token, "/api/audit/events?type=meja.access.key_created.v1").await;
    assert_eq!(positions(&keys.json()), [0; 0]);
}
