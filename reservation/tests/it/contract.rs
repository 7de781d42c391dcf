//! The description of the API agrees with the service.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::app::{TOKEN, TestApp};
use crate::browser::{Browser, enrol, join, open_link};

async fn openapi(app: &TestApp) -> Value {
    app.get("/openapi.json").await.json()
}

#[tokio::test]
async fn every_route_of_the_design_is_described() {
    let app = TestApp::start().await;
    let api = openapi(&app).await;
    assert_eq!(api["openapi"], "3.1.0");
    let described: BTreeSet<_> = api["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().unwrap().keys().map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    let one = "/api/reservations/{reservation_id}";
    for route in [
        "POST /api/reservations".to_owned(),
        "GET /api/reservations".into(),
        "GET /api/stats".into(),
        "GET /events".into(),
        "GET /readyz".into(),
    ]
    .into_iter()
    .chain([
        format!("GET {one}"),
        format!("GET {one}/history"),
        format!("GET {one}/contact"),
        format!("DELETE {one}/contact"),
    ])
    .chain(
        [
            "confirm",
            "assign-table",
            "cancel",
            "check-in",
            "complete",
            "no-show",
            "reschedule",
            "party-size",
            "payment-results",
            "notification-results",
        ]
        .map(|command| format!("POST {one}/{command}")),
    ) {
        assert!(described.contains(&route), "{route} is missing from {described:#?}");
    }
    for path in ["/docs/", "/livez", "/readyz"] {
        assert_eq!(app.get(path).await.status, StatusCode::OK, "{path}");
    }
}

/// Every example body is accepted, and every described field exists.
#[tokio::test]
async fn the_described_fields_are_the_accepted_fields() {
    let app = TestApp::with_houses().await;
    let id = app.book(json!({"party_size": 6})).await;
    let waits = crate::waitlist::join(&app, json!({})).await;
    let api = openapi(&app).await;
    let mut owner = join(&app, "owner", json!({"owner": ["*"]})).await;
    owner.browser.post(&app, "/api/password-resets", &json!({"email": owner.email})).await;
    crate::sign_in::asked(&app, 1).await;
    let reset = open_link(&app, &owner.id, "password_reset").await;
    let invited = app.post("/api/access/staff", &json!({"roles": {"host": ["bandung-dago"]}})).await.json();
    let invitation = invited["invitation"]["token"].as_str().unwrap();
    let another = app.post("/api/access/staff", &json!({"roles": {"host": ["bandung-dago"]}})).await.json();
    let person = another["staff"]["staff_id"].as_str().unwrap();
    let (device, _) = enrol(&app, "bandung-dago").await;
    let program = |token: &str| Browser { bearer: Some(token.to_owned()), ..Browser::default() };
    // A request is sent by a caller of a kind that its operation admits.
    let sender_of = |security: &Value, path: &str| match security.as_array().unwrap().last().unwrap() {
        need if need.get("staff_link").is_none()
            && security[0].get("bearer").is_none()
            && *need != json!({}) =>
        {
            owner.browser.clone()
        }
        need if need.get("staff_link").is_some() => {
            program(if path.contains("invitation") { invitation } else { &reset })
        }
        _ => program(TOKEN),
    };
    let mut bodies = 0;
    for (path, item) in api["paths"].as_object().unwrap() {
        let content = &item["post"]["requestBody"]["content"]["application/json"];
        if content.is_null() {
            continue;
        }
        bodies += 1;
        let path = path.replace("{reservation_id}", &id).replace("{waitlist_id}", &waits);
        // The test uses the only key.
        let path = path.replace("{key_id}", "unknown").replace("{venue_id}", "bandung-dago");
        let path = path.replace("{staff_id}", person).replace("{device_id}", &device);
        let mut sender = sender_of(&item["post"]["security"], &path);
        let answer = sender.post(&app, &path, &content["example"]).await;
        assert!(!matches!(answer.status.as_u16(), 400 | 422), "{path}: {}", answer.text());
        // The example of a booking is about a day that can be booked now.
        let is_booking = path == "/api/reservations";
        assert!(!is_booking || answer.status == StatusCode::OK, "{path}: {}", answer.text());
        for properties in forms(&api, &content["schema"]) {
            // With a wrong type, so that each known field has exactly one fault. A field with one possible value tells
            // the forms of a body apart.
            let wrong: Value = properties
                .iter()
                .map(|(field, schema)| match schema["enum"].as_array().map(Vec::as_slice) {
                    Some([word]) => (field.clone(), word.clone()),
                    _ => (field.clone(), json!([])),
                })
                .collect::<serde_json::Map<_, _>>()
                .into();
            let answer = sender.post(&app, &path, &wrong).await;
            let faults = answer.text();
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
            assert!(!faults.contains("extra_forbidden"), "{path}: {faults}");
            for (field, value) in wrong.as_object().unwrap() {
                let known = value.is_string() || faults.contains(&format!("\"{field}\"]"));
                assert!(known, "{path} {field}: {faults}");
            }
        }
    }
    assert_eq!(bodies, 40);
}

/// The properties of each form of a body.
fn forms(api: &Value, schema: &Value) -> Vec<serde_json::Map<String, Value>> {
    if let Some(reference) = schema["$ref"].as_str() {
        return forms(api, api.pointer(reference.trim_start_matches('#')).unwrap());
    }
    if let Some(options) = schema["oneOf"].as_array() {
        return options.iter().flat_map(|option| forms(api, option)).collect();
    }
    schema["properties"].as_object().cloned().into_iter().collect()
}

#[tokio::test]
async fn answers_have_exactly_the_fields_that_are_described() {
    let app = TestApp::with_houses().await;
    let id = app.book(json!({"party_size": 6})).await;
    let notes = json!({"staff_notes": "x", "tags": ["vip"]});
    assert_eq!(crate::corrections::patch(&app, &id, notes, &[]).await.status, StatusCode::OK);
    let booked = app.command(&id, "link/renew", json!({})).await.json();
    let waits = crate::waitlist::join(&app, json!({})).await;
    let waits = crate::waitlist::becomes(&app, &waits, "OFFERED").await;
    let api = openapi(&app).await;
    let fields = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    for (name, answered) in
        [("ReservationView", &booked), ("WaitlistView", &waits), ("OfferView", &waits["offer"])]
    {
        let mut described = fields(&api["components"]["schemas"][name]["properties"]);
        // Only the response that creates it contains the link of the guest.
        if name == "WaitlistView" {
            assert!(described.remove("guest_link"));
        }
        assert_eq!(fields(answered), described, "{name}");
    }
}

#[tokio::test]
async fn every_event_type_has_its_schema_served() {
    let app = TestApp::start().await;
    for event_type in events::Event::TYPES {
        let answer = app.get(&format!("/schemas/{event_type}.json")).await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (StatusCode::OK, "application/schema+json")
        );
        assert_eq!(answer.json()["$id"], format!("urn:meja:schema:{event_type}"));
    }
    assert_eq!(app.get("/schemas/meja.unknown.v1.json").await.problem(), (404, "not_found".into()));
}

#[tokio::test]
async fn every_command_is_described_with_all_its_refusals() {
    let api = openapi(&TestApp::start().await).await;
    let mut commands = 0;
    for (path, item) in api["paths"].as_object().unwrap() {
        let post = &item["post"];
        let waits = path.starts_with("/api/waitlist/") && post["tags"][0] == "waitlist";
        if post["tags"][0] != "commands" && !waits {
            continue;
        }
        commands += 1;
        for status in ["200", "400", "404", "409", "412", "413", "415", "422"] {
            assert!(post["responses"][status].is_object(), "{path} {status}");
        }
    }
    assert_eq!(commands, 24);
}
