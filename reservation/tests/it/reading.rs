//! Reading: past states, lists, the audit trail, statistics, and data that must not be readable.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use chassis::environment::ManualEnvironment;
use chrono::TimeDelta;
use events::store::memory::MemoryStore;
use reservation::app::projections::{Filter, Projections};
use serde_json::{Value, json};

use crate::app::{TestApp, booking, start_of_time};

#[tokio::test]
async fn the_past_is_read_by_time_and_by_position() {
    let app = TestApp::start().await;
    let id = app.book(json!({})).await;
    app.clock.advance(TimeDelta::minutes(10));
    app.command(&id, "confirm", json!({})).await;
    app.clock.advance(TimeDelta::minutes(10));
    app.command(&id, "cancel", json!({"reason_code": "guest_request"})).await;
    let status = |as_of: &'static str| {
        let (app, id) = (&app, id.clone());
        async move { app.get(&format!("/api/reservations/{id}?as_of={as_of}")).await }
    };
    for (as_of, expected) in [
        ("5", "PENDING"),
        ("6", "CONFIRMED"),
        ("7", "CANCELLED"),
        ("999", "CANCELLED"),
        ("2026-12-01T09:00:00Z", "PENDING"),
        ("2026-12-01T09:19:59.999Z", "CONFIRMED"),
        ("2026-12-01T16:20:00%2B07:00", "CANCELLED"),
    ] {
        assert_eq!(status(as_of).await.json()["status"], expected, "{as_of}");
    }
    assert_eq!(status("4").await.problem(), (404, "not_found".into()));
    assert_eq!(status("2026-12-01T08:59:59Z").await.problem(), (404, "not_found".into()));
    assert_eq!(status("yesterday").await.faults(), ["query.as_of:datetime_parsing"]);
    // The tag begins with the version, and also identifies the rest of the representation.
    let past = status("5").await;
    assert!(past.header("etag").starts_with("\"1."), "{}", past.header("etag"));
}

#[tokio::test]
async fn a_list_is_paged_without_gaps_or_repeats() {
    let app = TestApp::start().await;
    let mut booked = Vec::new();
    for n in 0..25 {
        let start = format!("2026-12-{:02}T19:{:02}", 10 + n % 5, n % 7);
        booked.push(app.book(json!({"start_time": start, "customer_id": format!("c-{}", n % 2)})).await);
    }
    let (mut path, mut seen, mut pages) =
        ("/api/reservations?limit=4&status=pending".to_owned(), Vec::new(), 0);
    loop {
        let page = app.get(&path).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.text());
        let body = page.json();
        seen.extend(body["items"].as_array().unwrap().iter().map(|r| {
            (r["start_time"].as_str().unwrap().to_owned(), r["reservation_id"].as_str().unwrap().to_owned())
        }));
        pages += 1;
        let link = page.header("link");
        assert_eq!(link.is_empty(), body["next_cursor"].is_null());
        match link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")) {
            Some(next) => path = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(pages, 7);
    assert!(seen.is_sorted());
    let mut ids: Vec<_> = seen.into_iter().map(|(_, id)| id).collect();
    ids.sort();
    booked.sort();
    assert_eq!(ids, booked);
    let count = |query: &'static str| {
        let app = &app;
        async move {
            app.get(&format!("/api/reservations?limit=200&{query}")).await.json()["items"]
                .as_array()
                .unwrap()
                .len()
        }
    };
    assert_eq!(count("date=2026-12-10").await, 5);
    assert_eq!(count("customer_id=c-1").await, 12);
    assert_eq!(count("customer_id=c-1&date=2026-12-11").await, 3);
    assert_eq!(count("from=2026-12-11T00:00&to=2026-12-13T00:00").await, 10);
    assert_eq!(count("status=CONFIRMED").await, 0);
    assert_eq!(count("venue_id=roma-trastevere").await, 0);
    let bad = app.get("/api/reservations?limit=0&status=LATE&date=24.12.&stauts=PENDING&cursor=abc").await;
    assert_eq!(
        bad.faults(),
        [
            "query.cursor:value_error",
            "query.date:date_parsing",
            "query.limit:greater_than_equal",
            "query.status:enum",
            "query.stauts:extra_forbidden"
        ]
    );
}

#[tokio::test]
async fn the_audit_trail_names_actor_change_and_reason() {
    let app = TestApp::start().await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let headers = [("x-request-id", "req-7"), ("traceparent", trace)];
    let body = booking(json!({"allow_duplicate": null}));
    let created = app.anonymous_post("/api/reservations", &body, &headers).await;
    assert_eq!(created.header("x-request-id"), "req-7");
    let id = created.json()["reservation_id"].as_str().unwrap().to_owned();
    let result =
        json!({"notification_id": "n-1", "template": "received", "medium": "mail", "outcome": "sent"});
    let path = format!("/api/reservations/{id}/notification-results");
    assert_eq!(app.service_post(&path, &result).await.status, StatusCode::OK);
    let history = app.get(&format!("/api/reservations/{id}/history")).await.json();
    let entries = history["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0]["action"], "reservation.created");
    assert_eq!(entries[0]["note"], "Booking requested for 4 guests at 2026-12-24T19:30:00+07:00");
    assert_eq!(entries[0]["who"], json!({"kind": "unauthenticated", "id": null}));
    assert_eq!(entries[1]["who"], json!({"kind": "service_account", "id": "key:test"}));
    assert_eq!(entries[1]["note"], "Message sent to the guest by mail: received");
    let feed = app.get("/events").await.text();
    // The id that a client sends stays out of the log, because it can contain anything.
    assert!(feed.contains(trace) && !feed.contains("req-7"));
}

#[tokio::test]
async fn personal_data_is_in_no_event_and_can_be_erased() {
    let app = TestApp::start().await;
    let id = app.book(json!({"special_requests": "gluten-free", "table_preference": "by the window"})).await;
    let reason = json!({"reason_code": "guest_request", "description": "my knee"});
    app.guest_command(&id, "cancel", reason).await;
    let feed = app.get("/events").await.text();
    for secret in ["Sari", "8123", "sari@", "gluten", "by the", "knee"] {
        assert!(!feed.contains(secret), "{secret} in {feed}");
    }
    let view = app.get(&format!("/api/reservations/{id}")).await.json();
    assert_eq!(view["cancellation"]["description"], "my knee");
    assert_eq!(view["table_preference"], "by the window");
    let contact = format!("/api/reservations/{id}/contact");
    let erase = |token: &str| {
        Request::delete(&contact)
            .header("authorization", format!("Bearer {token}"))
            .body(Body::empty())
            .unwrap()
    };
    assert_eq!(
        app.send(erase("wrong-token-wrong-token")).await.problem(),
        (401, "credential_required".into())
    );
    assert_eq!(app.send(erase(crate::app::TOKEN)).await.status, StatusCode::OK);
    let view = app.get(&format!("/api/reservations/{id}")).await.json();
    for gone in ["contact_name", "special_requests", "table_preference"] {
        assert_eq!(view[gone], Value::Null, "{gone}");
    }
    assert_eq!(
        view["cancellation"],
        json!({"cancelled_by": "guest", "reason_code": "guest_request", "description": null, "by_closure": false})
    );
    let request = Request::get(&contact)
        .header("authorization", format!("Bearer {}", crate::app::TOKEN))
        .body(Body::empty())
        .unwrap();
    assert_eq!(app.send(request).await.problem(), (410, "contact_erased".into()));
    assert_eq!(app.get(&format!("/api/reservations/{id}/history")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn results_and_contacts_require_a_credential() {
    let app = TestApp::start().await;
    let id = app.book(json!({})).await;
    assert_eq!(
        app.anonymous_get(&format!("/api/reservations/{id}/contact")).await.problem(),
        (401, "credential_required".into())
    );
    for path in ["payment-results", "notification-results"] {
        let path = format!("/api/reservations/{id}/{path}");
        let answer = app.anonymous_post(&path, &json!({}), &[]).await;
        assert_eq!(answer.problem(), (401, "credential_required".into()));
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
}

#[tokio::test]
async fn counts_are_for_a_day_or_a_range() {
    let app = TestApp::start().await;
    let confirmed = app.book(json!({})).await;
    app.command(&confirmed, "confirm", json!({})).await;
    let cancelled = app.book(json!({})).await;
    app.command(&cancelled, "cancel", json!({"reason_code": "other"})).await;
    let paid = app.book(json!({"party_size": 6, "start_time": "2026-12-25T12:00"})).await;
    crate::holds::pay(&app, &paid).await;
    let stats = app.get("/api/stats?date=2026-12-24").await.json();
    assert_eq!(stats["reservations"], 2);
    assert_eq!(stats["covers"], 4);
    assert_eq!(stats["by_status"]["CONFIRMED"], 1);
    assert_eq!(stats["by_status"]["CANCELLED"], 1);
    assert_eq!(stats["by_status"]["NO_SHOW"], 0);
    assert_eq!(stats["revenue_minor"], json!({}));
    let stats = app.get("/api/stats?from=2026-12-24T00:00&to=2026-12-26T00:00").await.json();
    assert_eq!((stats["reservations"].as_u64(), stats["covers"].as_u64()), (Some(3), Some(10)));
    assert_eq!(stats["revenue_minor"], json!({"IDR": 30_000_000}));
}

#[tokio::test]
async fn a_mistyped_query_parameter_is_an_error_not_an_empty_list() {
    let app = TestApp::start().await;
    for path in ["/api/reservations?venue_id=nope", "/api/stats?venue_id=nope"] {
        assert_eq!(app.get(path).await.faults(), ["query.venue_id:value_error"]);
    }
    let twice = app.get("/api/reservations?status=PENDING&status=CONFIRMED").await;
    assert_eq!(twice.faults(), ["query.status:value_error"]);
}

/// The events of one command are appended together, so readers see all of them or none.
#[tokio::test(flavor = "multi_thread")]
async fn readers_never_see_part_of_an_append() {
    let app = TestApp::start().await;
    for _ in 0..200 {
        // With a deposit: ReservationCreated and PaymentRequested.
        app.book(json!({"party_size": 6})).await;
    }
    let head = app.app.store.known_head();
    for _ in 0..20 {
        let projections = Arc::new(Projections::default());
        let reader = tokio::task::spawn_blocking({
            let projections = Arc::clone(&projections);
            move || {
                let mut reads = 0_u64;
                while projections.position() < head {
                    projections.each(&Filter::default(), |reservation| {
                        assert_eq!(
                            reservation.version, 2,
                            "half of an append is visible after {reads} reads"
                        );
                    });
                    reads += 1;
                }
            }
        });
        projections.catch_up(app.app.store.as_ref()).await.unwrap();
        reader.await.unwrap();
    }
}

/// With a service until 05:00, a visit at 00:30 on Sunday belongs to Saturday.
#[tokio::test]
async fn a_date_means_the_business_day() {
    let dir = tempfile::tempdir().unwrap();
    let file =
        std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../data/venues/bandung-dago.json")).unwrap();
    let mut venue: Value = serde_json::from_slice(&file).unwrap();
    venue["services"] = json!([
        {"name": "Malam", "days": ["sat"], "opens": "22:00", "closes": "05:00"},
        {"name": "Siang", "days": ["sun"], "opens": "11:00", "closes": "15:00"},
    ]);
    venue.as_object_mut().unwrap().remove("exceptions");
    std::fs::write(dir.path().join("bandung-dago.json"), venue.to_string()).unwrap();
    let store = Arc::new(MemoryStore::new("reservation"));
    let clock = ManualEnvironment::at(start_of_time());
    let app = TestApp::at(dir.path().to_str().unwrap(), store, clock).await;
    let late = app.book(json!({"start_time": "2026-12-27T00:30", "party_size": 2})).await;
    let lunch = app.book(json!({"start_time": "2026-12-27T11:00", "party_size": 2})).await;
    for (date, expected) in
        [("2026-12-26", vec![&late]), ("2026-12-27", vec![&lunch]), ("2026-12-28", vec![])]
    {
        let list = app.get(&format!("/api/reservations?date={date}")).await.json();
        let ids: Vec<_> =
            list["items"].as_array().unwrap().iter().map(|item| &item["reservation_id"]).collect();
        assert_eq!(ids, expected, "{date}");
        let stats = app.get(&format!("/api/stats?date={date}")).await.json();
        assert_eq!(stats["reservations"], expected.len(), "{date}");
    }
    let backwards = "from=2026-12-28T00:00&to=2026-12-27T00:00";
    for list in ["reservations", "stats"] {
        assert_eq!(app.get(&format!("/api/{list}?{backwards}")).await.faults(), ["query.to:value_error"]);
    }
    // The party of the night arrives on Saturday, not on Friday evening.
    app.command(&late, "confirm", json!({})).await;
    app.clock.set("2026-12-25T12:00:00Z".parse().unwrap());
    assert_eq!(app.command(&late, "check-in", json!({})).await.problem(), (409, "too_early".into()));
    app.clock.set("2026-12-26T16:00:00Z".parse().unwrap());
    assert_eq!(app.command(&late, "check-in", json!({})).await.json()["status"], json!("CHECKED_IN"));
}

#[tokio::test]
async fn a_history_is_read_in_pages_and_each_entry_has_its_later_effects() {
    let app = TestApp::start().await;
    let id = app.book(json!({"party_size": 6})).await;
    crate::holds::pay(&app, &id).await;
    let path = format!("/api/reservations/{id}/history");
    let all = app.get(&path).await.json();
    assert_eq!(all["next_after"], Value::Null);
    let (mut after, mut entries) = (0, Vec::new());
    loop {
        let page = app.get(&format!("{path}?limit=2&after={after}")).await.json();
        let items = page["entries"].as_array().unwrap();
        assert!(items.len() <= 2);
        entries.extend(items.iter().cloned());
        match page["next_after"].as_u64() {
            Some(next) => after = next,
            None => break,
        }
    }
    assert_eq!(Value::from(entries), all["entries"]);
    // The payment was reported after the first page.
    let first = app.get(&format!("{path}?limit=2")).await.json();
    assert_eq!(first["entries"][1]["effects"][0]["kind"], "payment");
    let text = app.get(&format!("{path}?limit=2&format=text")).await.text();
    assert!(text.ends_with(&format!("The next page: after={}\n", first["next_after"])), "{text}");
}
