//! Keys: creating, limiting, rotating and revoking them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use chassis::environment::ManualEnvironment;
use chrono::TimeDelta;
use events::Position;
use events::Query;
use events::recorded::Recorded;
use events::store::EventStore;
use events::store::memory::MemoryStore;
use reservation::workers::keys::record_uses;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::app::{Answer, TOKEN, TestApp, booking, start_of_time};
use crate::browser::join;

/// Creates a key. Returns its token and its id.
pub async fn create(app: &TestApp, scopes: &[&str], venues: Value) -> (String, String) {
    let body = json!({"name": "till", "scopes": scopes, "venues": venues});
    let answer = app.post("/api/access/keys", &body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&answer.json()["token"]), text(&answer.json()["key"]["key_id"]))
}

async fn post_as(app: &TestApp, token: &str, path: &str, body: &Value) -> Answer {
    app.post_with(path, body, &[("authorization", &format!("Bearer {token}"))]).await
}

pub async fn get_as(app: &TestApp, token: &str, path: &str) -> Answer {
    let request = Request::get(path).header("authorization", format!("Bearer {token}"));
    app.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_key_is_created_listed_rotated_and_revoked_and_its_secret_is_shown_once() {
    let app = TestApp::with_houses().await;
    let body = json!({"name": "till", "scopes": ["floor", "read"], "venues": ["bandung-dago"],
        "expires_at": "2027-01-01T00:00:00Z"});
    let once = [("idempotency-key", "k1")];
    let created = app.post_with("/api/access/keys", &body, &once).await;
    let (token, key) = (created.json()["token"].as_str().unwrap().to_owned(), created.json()["key"].clone());
    let again = app.post_with("/api/access/keys", &body, &once).await.json();
    assert_eq!((&again["key"], &again["token"]), (&key, &Value::Null));
    let expected = json!({"key_id": key["key_id"], "kind": "api", "name": "till", "scopes": ["read", "floor"],
        "venues": ["bandung-dago"], "status": "valid", "created_at": "2026-12-01T09:00:00Z",
        "expires_at": "2027-01-01T00:00:00Z", "revoked_at": null, "previous_until": null, "last_used_on": null});
    assert_eq!(key, expected);
    assert_eq!(get_as(&app, &token, "/api/reservations").await.status, StatusCode::OK);
    let path = format!("/api/access/keys/{}", key["key_id"].as_str().unwrap());
    let rotated = app.post(&format!("{path}/rotate"), &json!({"overlap_hours": 1})).await.json();
    let second = rotated["token"].as_str().unwrap().to_owned();
    for token in [&token, &second] {
        assert_eq!(get_as(&app, token, "/api/reservations").await.status, StatusCode::OK);
    }
    app.clock.advance(TimeDelta::hours(1));
    assert_eq!(get_as(&app, &token, "/api/reservations").await.problem(), (401, "credential_invalid".into()));
    let revoked = app.post(&format!("{path}/revoke"), &json!({"reason_code": "leaked"})).await.json();
    assert_eq!(
        (&revoked["status"], &revoked["revoked_at"]),
        (&json!("revoked"), &json!("2026-12-01T10:00:00Z"))
    );
    assert_eq!(get_as(&app, &second, "/api/reservations").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(app.post(&format!("{path}/rotate"), &json!({})).await.problem(), (409, "key_ended".into()));
    let listed = app.get("/api/access/keys").await.json();
    assert_eq!(listed["items"].as_array().unwrap().last().unwrap(), &revoked);
    // No event contains a secret or its hash.
    let feed = app.get("/events").await.text();
    for secret in [&token, &second] {
        let secret = secret.rsplit_once(key["key_id"].as_str().unwrap()).unwrap().1;
        assert!(!feed.contains(&secret[1..]) && !feed.contains("secret_sha256"));
    }
}

#[tokio::test]
async fn a_key_grants_no_more_than_it_has() {
    let app = TestApp::with_houses().await;
    let (token, _) = create(&app, &["access", "read"], json!(["bandung-dago"])).await;
    let grant = async |scopes: Value, venues: Value| {
        let body = json!({"name": "more", "scopes": scopes, "venues": venues});
        post_as(&app, &token, "/api/access/keys", &body).await
    };
    assert_eq!(grant(json!(["read"]), json!(["bandung-dago"])).await.status, StatusCode::OK);
    assert_eq!(
        grant(json!(["refund"]), json!(["bandung-dago"])).await.problem(),
        (403, "scope_missing".into())
    );
    assert_eq!(
        grant(json!(["read"]), json!(["roma-trastevere"])).await.problem(),
        (403, "venue_missing".into())
    );
    assert_eq!(grant(json!(["read"]), Value::Null).await.problem(), (403, "venue_missing".into()));
    assert_eq!(grant(json!([]), json!(["nowhere"])).await.faults().len(), 2);
    // It sees and ends keys of its venue only.
    let (_, other) = create(&app, &["read"], json!(["roma-trastevere"])).await;
    let listed = get_as(&app, &token, "/api/access/keys").await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    for (action, body) in [("revoke", json!({})), ("rotate", json!({}))] {
        let refused =
            async |id: &str| post_as(&app, &token, &format!("/api/access/keys/{id}/{action}"), &body).await;
        assert_eq!(refused(&other).await.problem(), (404, "not_found".into()));
        // The answer does not tell which keys exist.
        let (known, unknown) = (refused(&other).await.text(), refused("nosuchkey").await.text());
        assert_eq!(known.replace(&other, ""), unknown.replace("nosuchkey", ""), "{action}");
    }
}

/// Neither a key that expires nor the previous secret of a rotated key can become a key that stays.
#[tokio::test]
async fn a_key_grants_nothing_that_outlives_it() {
    let app = TestApp::start().await;
    let create = async |token: &str, expires_at: Value| {
        let body = json!({"name": "next", "scopes": ["access"], "expires_at": expires_at});
        post_as(&app, token, "/api/access/keys", &body).await
    };
    let issued = |answer: Answer| {
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        let issued = answer.json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&issued["token"]), text(&issued["key"]["key_id"]))
    };
    let end = "2026-12-02T09:00:00Z";
    let outlived = (403, "credential_outlived".to_owned());
    let (ends, ends_id) = issued(create(TOKEN, json!(end)).await);
    assert_eq!(create(&ends, Value::Null).await.problem(), outlived);
    assert_eq!(create(&ends, json!("2026-12-02T09:00:01Z")).await.problem(), outlived);
    issued(create(&ends, json!(end)).await);
    let rotate = async |token: &str, id: &str| {
        post_as(&app, token, &format!("/api/access/keys/{id}/rotate"), &json!({})).await
    };
    issued(rotate(&ends, &ends_id).await);
    let (previous, id) = issued(create(TOKEN, Value::Null).await);
    assert_eq!(rotate(&ends, &id).await.problem(), outlived);
    let (current, _) = issued(rotate(&previous, &id).await);
    assert_eq!(rotate(&previous, &id).await.problem(), outlived);
    assert_eq!(create(&previous, Value::Null).await.problem(), outlived);
    issued(rotate(&current, &id).await);
}

#[tokio::test]
async fn a_key_for_a_venue_reads_and_changes_that_venue_only() {
    let app = TestApp::with_houses().await;
    let here = app.book(json!({})).await;
    let evening = json!({"venue_id": "roma-trastevere", "party_size": 2, "start_time": "2026-12-24T20:00"});
    let there = app.book(evening).await;
    let scopes = ["read", "floor", "manage", "audit", "feed", "stats", "rules", "book"];
    let (token, id) = create(&app, &scopes, json!(["roma-trastevere"])).await;
    let items = get_as(&app, &token, "/api/reservations").await.json()["items"].clone();
    assert_eq!(items.as_array().unwrap().len(), 1);
    assert_eq!(items[0]["reservation_id"], json!(there));
    assert_eq!(get_as(&app, &token, "/api/stats").await.json()["reservations"], 1);
    assert_eq!(get_as(&app, &token, "/api/floor").await.json()["venue_id"], "roma-trastevere");
    for path in [
        format!("/api/reservations/{here}"),
        format!("/api/reservations/{here}?as_of=9"),
        format!("/api/reservations/{here}/history"),
        format!("/api/reservations/{here}/charges"),
        "/api/reservations?venue_id=bandung-dago".into(),
        "/api/stats?venue_id=bandung-dago".into(),
        "/api/floor?venue_id=bandung-dago".into(),
        "/api/waitlist?venue_id=bandung-dago".into(),
        "/api/reservations?venue_id=bandung-dago&date=2026-12-24&as_of=9".into(),
        "/api/floor?venue_id=bandung-dago&as_of=9".into(),
        "/api/waitlist?venue_id=bandung-dago&as_of=9".into(),
        "/api/availability?venue_id=bandung-dago&date=2026-12-24&party_size=2&as_of=9".into(),
        format!("/api/reservations/{here}/charges?as_of=9"),
        "/api/venues/bandung-dago/rules".into(),
    ] {
        assert_eq!(get_as(&app, &token, &path).await.problem(), (404, "not_found".into()), "{path}");
    }
    let cancel = json!({"reason_code": "other"});
    let hidden = post_as(&app, &token, &format!("/api/reservations/{here}/cancel"), &cancel).await;
    assert_eq!(hidden.problem(), (404, "not_found".into()));
    let elsewhere = booking(json!({"venue_id": "bandung-dago"}));
    let booked = post_as(&app, &token, "/api/reservations", &elsewhere).await;
    assert_eq!(booked.problem(), (404, "not_found".into()));
    let cancelled = post_as(&app, &token, &format!("/api/reservations/{there}/cancel"), &cancel).await.json();
    assert_eq!(cancelled["cancellation"]["cancelled_by"], "staff");
    // The feed leaves out other venues and what belongs to none.
    let feed = get_as(&app, &token, "/events?limit=1000").await;
    let text = feed.text();
    assert!(text.contains(&there) && !text.contains(&here) && !text.contains("meja.access."), "{text}");
    assert!(feed.header("cache-control").starts_with("private"));
    let last = feed.json().as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["authtype"], &last["authid"]), (&json!("api_key"), &json!(format!("key:{id}"))));
}

#[tokio::test]
async fn the_side_that_acts_follows_from_the_credential() {
    let app = TestApp::start().await;
    let id = app.book(json!({})).await;
    let (cancel, moved) =
        (format!("/api/reservations/{id}/cancel"), format!("/api/reservations/{id}/reschedule"));
    let staff = app.post(&cancel, &json!({"reason_code": "other", "cancelled_by": "guest"})).await;
    assert_eq!(staff.faults(), ["body.cancelled_by:value_error"]);
    let guest =
        app.guest_command(&id, "cancel", json!({"reason_code": "other", "cancelled_by": "staff"})).await;
    assert_eq!(guest.faults(), ["body.cancelled_by:value_error"]);
    let to = json!({"start_time": "2026-12-24T20:00", "moved_by": "guest"});
    assert_eq!(app.post(&moved, &to).await.faults(), ["body.moved_by:value_error"]);
    let body = booking(json!({"allow_duplicate": true}));
    let anonymous = app.anonymous_post("/api/reservations", &body, &[]).await;
    assert_eq!(anonymous.problem(), (403, "scope_missing".into()));
    // To waive a deposit is to act against a rule.
    let deposit = app.book(json!({"party_size": 6})).await;
    let (token, _) = create(&app, &["floor"], Value::Null).await;
    let waive = json!({"waive_deposit": true});
    let refused = post_as(&app, &token, &format!("/api/reservations/{deposit}/confirm"), &waive).await;
    assert_eq!(refused.problem(), (403, "scope_missing".into()));
}

#[tokio::test]
async fn each_date_of_use_is_recorded_once() {
    let app = TestApp::start().await;
    let (token, id) = create(&app, &["read"], Value::Null).await;
    let last_used = async || {
        let keys = app.get("/api/access/keys").await.json()["items"].clone();
        keys.as_array().unwrap().iter().find(|key| key["key_id"] == json!(id)).unwrap()["last_used_on"]
            .clone()
    };
    record_uses(&app.app).await;
    let recorded = app.recorded();
    assert_eq!(last_used().await, Value::Null);
    for day in ["2026-12-01", "2026-12-02"] {
        for _ in 0..3 {
            get_as(&app, &token, "/api/reservations").await;
            record_uses(&app.app).await;
        }
        assert_eq!(last_used().await, json!(day));
        app.clock.advance(TimeDelta::days(1));
    }
    // The key of the test was used on the second day too.
    assert!((2..=4).contains(&(app.recorded() - recorded)), "{}", app.recorded() - recorded);
}

/// Requests that were admitted before the revocation, and requests at another instance, record nothing after it either.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_recorded_for_a_key_after_it_was_revoked() {
    for round in 0..20 {
        end_under_load(round, async |app| {
            let (token, id) = create(app, &["book", "manage"], Value::Null).await;
            Ending {
                header: ("authorization", format!("Bearer {token}")),
                path: format!("/api/access/keys/{id}/revoke"),
                event_type: "meja.access.key_revoked.v1",
                actor: format!("key:{id}"),
            }
        })
        .await;
    }
}

#[tokio::test]
async fn a_key_that_ends_grants_no_account() {
    let app = TestApp::with_houses().await;
    let scopes: Vec<_> =
        access::role::scopes_of(events::staff::Role::Owner).iter().map(|s| s.word()).collect();
    let body = json!({"name": "soon over", "scopes": scopes, "expires_at": "2026-12-02T09:00:00Z"});
    let token = app.post("/api/access/keys", &body).await.json()["token"].as_str().unwrap().to_owned();
    let invite = json!({"roles": {"owner": ["*"]}});
    let refused = post_as(&app, &token, "/api/access/staff", &invite).await;
    assert_eq!(refused.problem(), (403, "credential_outlived".into()));
    let device = json!({"venue_id": "bandung-dago", "name": "tablet"});
    let refused = post_as(&app, &token, "/api/access/devices", &device).await;
    assert_eq!(refused.problem(), (403, "credential_outlived".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_recorded_for_a_person_after_the_account_ended() {
    for round in 0..10 {
        end_under_load(round, async |app| {
            let staff = join(app, "sari", json!({"host": ["*"]})).await;
            Ending {
                header: ("cookie", staff.browser.cookies_line()),
                path: format!("/api/access/staff/{}/remove", staff.id),
                event_type: "meja.staff.removed.v1",
                actor: format!("staff:{}", staff.id),
            }
        })
        .await;
    }
}

/// A credential and how it ends.
struct Ending {
    header: (&'static str, String),
    path: String,
    event_type: &'static str,
    actor: String,
}

/// Books by a credential at two instances of one log while it ends at one of them.
async fn end_under_load(round: u64, of: impl AsyncFn(&TestApp) -> Ending) {
    let store = Arc::new(MemoryStore::new("reservation")) as Arc<dyn EventStore>;
    let clock = ManualEnvironment::at(start_of_time());
    let venues = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/venues/by-hand");
    let app = TestApp::at(venues, Arc::clone(&store), clock.clone()).await;
    let other = TestApp::at(venues, Arc::clone(&store), clock.clone()).await;
    let ending = of(&app).await;
    other.app.catch_up().await.unwrap();
    let acknowledged = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..8)
        .map(|n| {
            let (router, header) = ([&app, &other][n % 2].router.clone(), ending.header.clone());
            // The other instance hears of the revocation a moment later.
            let (acknowledged, is_here) = (Arc::clone(&acknowledged), n % 2 == 0);
            tokio::spawn(async move {
                let mut late = 0;
                loop {
                    let is_late = acknowledged.load(Ordering::SeqCst);
                    let request = Request::post("/api/reservations")
                        .header("content-type", "application/json")
                        .header(header.0, &header.1);
                    let request = request.body(Body::from(booking(json!({})).to_string())).unwrap();
                    let response = router.clone().oneshot(request).await.unwrap();
                    let status = response.status();
                    let text = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
                    late += usize::from(is_late && is_here && status == StatusCode::OK);
                    // An invalid cookie counts as none, and a second booking at the same time needs a credential.
                    if [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status) {
                        return late;
                    }
                    assert_eq!(status, StatusCode::OK, "{text:?}");
                }
            })
        })
        .collect();
    let mut head = store.watch_head();
    let busy = head.wait_for(|head| head.0 > 30 + round * 7);
    tokio::time::timeout(Duration::from_secs(20), busy).await.unwrap().unwrap();
    let ended = app.post(&ending.path, &json!({})).await;
    assert!(ended.status.is_success(), "{}", ended.text());
    acknowledged.store(true, Ordering::SeqCst);
    for client in clients {
        let late = tokio::time::timeout(Duration::from_secs(20), client).await.unwrap().unwrap();
        assert_eq!(late, 0, "requests after the acknowledgement succeeded");
    }
    let page = store.read(&Query::all(), Position::START, usize::MAX).await.unwrap();
    let by: Vec<_> = page
        .iter()
        .map(|event| {
            let recorded = Recorded::parse(event.json).unwrap();
            (recorded.event_type.to_string(), recorded.metadata().actor.id.unwrap_or_default())
        })
        .collect();
    let revoked = by.iter().position(|(kind, _)| kind == ending.event_type).unwrap();
    let (before, after) = by.split_at(revoked);
    let by_it = |part: &[(String, String)]| part.iter().filter(|(_, by)| *by == ending.actor).count();
    assert!(by_it(before) > 0, "the credential was used");
    assert_eq!(by_it(after), 0, "events by the credential behind its end");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_stream_ends_with_its_key() {
    let app = TestApp::start().await;
    let (token, id) = create(&app, &["feed"], Value::Null).await;
    let last = app.get("/events?limit=1000").await.json().as_array().unwrap().last().unwrap()["id"].clone();
    let request = |path: String, accept: &str| {
        let request = Request::get(path).header("accept", accept);
        let request = request.header("authorization", format!("Bearer {token}"));
        app.router.clone().oneshot(request.body(Body::empty()).unwrap())
    };
    let stream = request("/events".into(), "text/event-stream").await.unwrap();
    assert_eq!(stream.status(), StatusCode::OK);
    let poll = request(format!("/events?timeout=30000&lastEventId={}", last.as_str().unwrap()), "*/*");
    let poll = tokio::spawn(poll);
    app.post(&format!("/api/access/keys/{id}/revoke"), &json!({})).await;
    let within = Duration::from_secs(5);
    let whole = axum::body::to_bytes(stream.into_body(), usize::MAX);
    let sent = tokio::time::timeout(within, whole).await.unwrap().unwrap();
    assert!(!String::from_utf8(sent.to_vec()).unwrap().contains("key_revoked"));
    // A poll that waits ends without the revocation, which is an event too.
    let answer = tokio::time::timeout(within, poll).await.unwrap().unwrap().unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_repeated_request_about_a_key_has_a_response_of_the_same_form() {
    let app = TestApp::start().await;
    let (_, id) = create(&app, &["book"], Value::Null).await;
    for (command, key) in [("rotate", "k-1"), ("revoke", "k-2")] {
        let path = format!("/api/access/keys/{id}/{command}");
        let once = async || app.post_with(&path, &json!({}), &[("idempotency-key", key)]).await;
        let (first, again) = (once().await.json(), once().await);
        assert_eq!(again.header("idempotent-replayed"), "true", "{command}");
        let again = again.json();
        let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&again), names(&first), "{command}");
    }
}
