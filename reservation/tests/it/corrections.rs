//! Corrections of the contact, the wishes, the notes and the tags, by merge patch.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use events::Position;
use serde_json::{Value, json};

use crate::app::{Answer, TOKEN, TestApp, booking};

pub async fn patch(app: &TestApp, id: &str, body: Value, headers: &[(&str, &str)]) -> Answer {
    let request = Request::patch(format!("/api/reservations/{id}"))
        .header("content-type", "application/merge-patch+json");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    app.send(request.body(Body::from(body.to_string())).unwrap()).await
}

async fn get(app: &TestApp, id: &str) -> Value {
    app.get(&format!("/api/reservations/{id}")).await.json()
}

/// The booking of a guest with this contact, by the guest.
async fn booked(app: &TestApp, phone: &str, email: &str) -> Answer {
    let contact = json!({"name": "Sari", "phone": phone, "email": email});
    let body = booking(json!({"party_size": 2, "contact_info": contact, "allow_duplicate": null}));
    app.post("/api/reservations", &body).await
}

fn id(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()["reservation_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_wrong_number_is_corrected_and_the_previous_contact_is_forgotten() {
    let app = TestApp::start().await;
    let id = id(&booked(&app, "0812 3456 7890", "sari@example.com").await);
    let before = get(&app, &id).await;
    let created = app.get("/events?type=meja.reservation.created.v1").await.json();
    let position = created[0]["sequence"].as_str().unwrap().parse().map(Position).unwrap();
    let link = app.guest_link(&id).await;
    let corrected = patch(&app, &id, json!({"contact_info": {"phone": "0813 1111 2222"}}), &[]).await;
    assert_eq!(corrected.status, StatusCode::OK, "{}", corrected.text());
    assert_eq!(corrected.json()["contact_name"], before["contact_name"]);
    let contact = app.get(&format!("/api/reservations/{id}/contact")).await.json();
    assert_eq!(
        (&contact["phone"], &contact["email"]),
        (&json!("+6281311112222"), &json!("sari@example.com"))
    );
    assert_eq!(app.app.store.confidential(vec![position]).await.unwrap(), [None]);
    let changed = app.get("/events?type=meja.reservation.details_changed.v1").await.json();
    assert_eq!(changed[0]["data"]["changed"], json!(["phone"]));
    assert!(!changed.to_string().contains("8131111"), "{changed}");
    assert_eq!(app.guest_link(&id).await, link, "the link did not reach anybody else");
    // The guest is known by the new number, before and after a restart, and by the old one no more.
    let venues = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/venues/by-hand");
    let restarted = TestApp::at(venues, app.app.store.clone(), app.clock.clone()).await;
    for app in [&app, &restarted] {
        let again = booked(app, "0813 1111 2222", "budi@example.com").await;
        assert_eq!(again.problem(), (409, "duplicate_booking".into()));
    }
    assert_eq!(booked(&app, "0812 3456 7890", "citra@example.com").await.status, StatusCode::OK);
    let history = app.get(&format!("/api/reservations/{id}/history?lang=id")).await.text();
    assert!(history.contains("Diperbaiki: nomor telepon"), "{history}");
    // Erased with the rest.
    let erase = Request::delete(format!("/api/reservations/{id}/contact"))
        .header("authorization", format!("Bearer {TOKEN}"));
    app.send(erase.body(Body::empty()).unwrap()).await;
    assert_eq!(app.get(&format!("/api/reservations/{id}/contact")).await.status, StatusCode::GONE);
    let refused = patch(&app, &id, json!({"staff_notes": "x"}), &[]).await;
    assert_eq!(refused.problem(), (410, "contact_erased".into()));
}

#[tokio::test]
async fn another_address_gets_new_links_because_a_stranger_may_have_the_first_ones() {
    let app = TestApp::start().await;
    let id = id(&booked(&app, "0812 3456 7890", "sari@example.com").await);
    let link = app.guest_link(&id).await;
    patch(&app, &id, json!({"contact_info": {"email": "sari@example.org"}}), &[]).await;
    let request =
        Request::get(format!("/api/reservations/{id}")).header("authorization", format!("Bearer {link}"));
    let stranger = app.send_as_is(request.body(Body::empty()).unwrap()).await;
    assert_eq!(stranger.status, StatusCode::UNAUTHORIZED);
    assert_ne!(app.guest_link(&id).await, link);
}

#[tokio::test]
async fn notes_of_the_staff_are_never_shown_to_guests() {
    let app = TestApp::start().await;
    let id = app.book(json!({"party_size": 2, "allergies": "kacang", "high_chairs": 1})).await;
    let notes =
        json!({"staff_notes": "suka meja jendela", "tags": ["vip", "vip", "press"], "high_chairs": 2});
    let staff = patch(&app, &id, notes, &[]).await.json();
    assert_eq!(
        (&staff["staff_notes"], &staff["tags"]),
        (&json!("suka meja jendela"), &json!(["press", "vip"]))
    );
    assert_eq!((&staff["allergies"], &staff["high_chairs"]), (&json!("kacang"), &json!(2)));
    assert_eq!(app.get("/api/reservations").await.json()["items"][0]["tags"], json!(["press", "vip"]));
    let link = format!("Bearer {}", app.guest_link(&id).await);
    let read = Request::get(format!("/api/reservations/{id}")).header("authorization", &link);
    let read = app.send_as_is(read.body(Body::empty()).unwrap()).await.json();
    let change = app.guest_command(&id, "party-size", json!({"party_size": 3})).await.json();
    for view in [read, change] {
        assert_eq!((&view["staff_notes"], &view["tags"]), (&Value::Null, &Value::Null), "{view}");
        assert_eq!(view["allergies"], "kacang");
    }
    // A guest does not change what the staff write.
    for (body, field) in [(json!({"tags": []}), "tags"), (json!({"staff_notes": null}), "staff_notes")] {
        let refused = patch(&app, &id, body, &[("authorization", &link)]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}");
        assert!(refused.text().contains(field));
    }
    let body = json!({"contact_info": {"name": "Sari W. Kusuma"}, "allergies": "kacang"});
    let corrected = patch(&app, &id, body, &[("authorization", &link)]).await;
    assert_eq!(
        (corrected.status, &corrected.json()["contact_name"]),
        (StatusCode::OK, &json!("Sari W. Kusuma"))
    );
    // No event contains a note or a wish.
    let feed = app.get("/events?limit=1000").await.text();
    assert!(!feed.contains("jendela") && !feed.contains("kacang") && feed.contains("vip"));
}

#[tokio::test]
async fn null_removes_a_member_and_a_member_that_is_left_out_stays() {
    let app = TestApp::start().await;
    let id =
        app.book(json!({"party_size": 2, "special_requests": "dekat jendela", "allergies": "kacang"})).await;
    let patched = patch(&app, &id, json!({"allergies": null, "tags": ["vip"]}), &[]).await.json();
    assert_eq!(
        (&patched["allergies"], &patched["special_requests"]),
        (&Value::Null, &json!("dekat jendela"))
    );
    // Nothing to change.
    for nothing in [json!({}), json!({"tags": ["vip"], "allergies": null}), json!({"contact_info": {}})] {
        assert_eq!(patch(&app, &id, nothing, &[]).await.json()["version"], patched["version"]);
    }
    let version = patched["version"].as_u64().unwrap();
    let stale = patch(&app, &id, json!({"tags": []}), &[("if-match", &format!("\"{}\"", version - 1))]).await;
    assert_eq!(stale.problem(), (412, "version_mismatch".into()));
    let key = [("idempotency-key", "\"once\"")];
    let once = patch(&app, &id, json!({"tags": []}), &key).await.json();
    let again = patch(&app, &id, json!({"tags": []}), &key).await;
    assert_eq!((again.json(), again.header("idempotent-replayed")), (once, "true"));
    let wrong = json!({
        "contact_info": {"phone": "12", "email": null, "name": ""}, "high_chairs": 21, "tags": ["very important"],
        "staff_notes": 5, "status": "CONFIRMED"
    });
    assert_eq!(
        patch(&app, &id, wrong, &[]).await.faults(),
        [
            "body.contact_info.email:value_error",
            "body.contact_info.name:string_too_short",
            "body.contact_info.phone:value_error",
            "body.high_chairs:less_than_equal",
            "body.staff_notes:string_type",
            "body.status:extra_forbidden",
            "body.tags.0:value_error"
        ]
    );
    assert_eq!(
        patch(&app, &id, json!({"contact_info": null}), &[]).await.faults(),
        ["body.contact_info:value_error"]
    );
}

/// A reader that knows the reservation as it was before a correction gets the contact of now: nothing was erased.
#[tokio::test(flavor = "multi_thread")]
async fn a_correction_never_looks_like_an_erasure() {
    let app = TestApp::start().await;
    let id = id(&booked(&app, "0812 3456 7890", "sari@example.com").await);
    app.app.catch_up().await.unwrap();
    let (before, _) = app.app.projections.get(id.parse().unwrap()).unwrap();
    let posts = (0..20).map(|n| {
        let (router, path) = (app.router.clone(), format!("/api/reservations/{id}"));
        tokio::spawn(async move {
            let request = Request::patch(path)
                .header("content-type", "application/json")
                .header("authorization", format!("Bearer {TOKEN}"));
            let body = json!({"staff_notes": format!("note {n}")}).to_string();
            tower::ServiceExt::oneshot(router, request.body(Body::from(body)).unwrap())
                .await
                .unwrap()
                .status()
        })
    });
    for post in futures::future::join_all(posts.collect::<Vec<_>>()).await {
        assert_eq!(post.unwrap(), StatusCode::OK);
    }
    let view = app.app.view(&before).await.unwrap();
    assert_eq!((view.contact_name.as_deref(), view.staff_notes.is_some()), (Some("Sari"), true));
}
