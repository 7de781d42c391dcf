//! Who may use which operation: every operation of the description with every kind of credential, and one table.

mod credentials;
pub mod table;

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::Request;
use contract::conformance::{Description, Operation};
use serde_json::{Value, json};
use uuid::Uuid;

use self::credentials::{Credential, create_key, credentials};
use self::table::NEEDS;
use crate::app::TestApp;

/// A valid body: a request with faults is refused before the object is loaded.
fn body_of(id: &str, rules: &Value) -> Value {
    match id {
        "assignTable" => json!({"table_id": "T1"}),
        "cancelReservation" => json!({"reason_code": "other"}),
        "answerQuestion" | "answerWaitlistQuestion" => json!({"answer": "coming"}),
        "changePartySize" => json!({"party_size": 2}),
        "rescheduleReservation" => json!({"start_time": "2026-12-24T20:30"}),
        "reportPaymentResult" => {
            json!({"payment_id": Uuid::from_u128(1), "outcome": "failed", "reason_code": "refused"})
        }
        "reportNotificationResult" | "reportWaitlistNotificationResult" => {
            json!({"notification_id": "n-1", "template": "received", "medium": "mail", "outcome": "sent"})
        }
        "seatWalkIn" => json!({"venue_id": "bandung-dago", "party_size": 2}),
        "addDevice" => json!({"venue_id": "bandung-dago", "name": "tablet"}),
        "changeRoles" => json!({"roles": {"host": ["bandung-dago"]}}),
        "putVenueRules" => rules.clone(),
        _ => json!({}),
    }
}

/// A person or a device for a request that ends it; `None` for other requests.
async fn target(app: &TestApp, id: &str) -> Option<(&'static str, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    match id {
        "removeStaff" => {
            let roles = json!({"roles": {"host": ["bandung-dago"]}});
            let invited = app.post("/api/access/staff", &roles).await.json();
            Some(("{staff_id}", text(&invited["staff"]["staff_id"])))
        }
        "revokeDevice" => {
            let device = json!({"venue_id": "bandung-dago", "name": "tablet"});
            let added = app.post("/api/access/devices", &device).await.json();
            Some(("{device_id}", text(&added["device"]["device_id"])))
        }
        _ => None,
    }
}

/// Every operation of the description with every kind of credential. Nothing outside the table answers.
#[tokio::test]
async fn every_operation_admits_exactly_those_who_may_use_it() {
    let app = TestApp::with_houses().await;
    let description = Description::new(app.get("/openapi.json").await.json());
    let (mine, other) = (app.book(json!({})).await, app.book(json!({"customer_id": "other"})).await);
    let waits = crate::waitlist::join(&app, json!({})).await;
    // A key that the test does not use: the operations on it must not end the others.
    let (_, key_id) = create_key(&app, &["access"], json!(["bandung-dago"]), Value::Null).await;
    let person =
        json!({"email": "komang@warung-sinar.co.id", "name": "Komang", "roles": {"host": ["bandung-dago"]}});
    let person = app.post("/api/access/staff", &person).await.json();
    let closed = json!({"from": "2026-12-30", "tables": ["B1"], "reason_code": "holiday"});
    let closed = app.post("/api/venues/bandung-dago/closures", &closed).await.json();
    let examples = [
        ("venue_id", "bandung-dago"),
        ("name", "venue.json"),
        ("reservation_id", &mine[..]),
        ("waitlist_id", &waits),
        ("key_id", &key_id),
        ("staff_id", person["staff"]["staff_id"].as_str().unwrap()),
        ("closure_id", closed["closure_id"].as_str().unwrap()),
    ];
    let operations = description.operations(&examples);
    let needs = BTreeMap::from(NEEDS);
    let described: BTreeMap<_, _> =
        operations.iter().map(|operation| (&operation.id[..], operation)).collect();
    assert_eq!(described.keys().copied().collect::<Vec<_>>(), needs.keys().copied().collect::<Vec<_>>());
    let credentials = credentials(&app, &mine, &other).await;
    let rules = app.get("/api/venues/bandung-dago/rules").await.json();
    let mut faults = Vec::new();
    // A link to a calendar is revoked before it is created. A renewed link and a sign-out end what the test presents.
    let place = |id: &str| match id {
        "createCalendarLink" => 1,
        id if id.starts_with("renew") => 2,
        "signOut" => 3,
        _ => 0,
    };
    let mut ordered: Vec<_> = described.into_iter().collect();
    ordered.sort_by_key(|(id, _)| place(id));
    for (id, operation) in ordered {
        let Operation { method, path, template, scope, schemes, needs_proof, .. } = operation;
        let (needed, body) = (needs[id], body_of(id, &rules));
        assert_eq!((&scope[..], *needs_proof), (needed.scope(), needed.needs_proof()), "{id}");
        assert_eq!(schemes, needed.schemes(), "{id}");
        for credential in &credentials {
            let target = target(&app, id).await;
            let path = target.map_or_else(|| path.clone(), |(name, id)| template.replace(name, &id));
            let request = Request::builder().method(&method[..]).uri(path);
            let request = request.header("content-type", "application/json");
            let headers = credential.headers.iter();
            let request = headers.fold(request, |request, (name, text)| request.header(*name, text));
            let answer = app.send_as_is(request.body(Body::from(body.to_string())).unwrap()).await;
            let expected = credential.expected(id, needed);
            let status = match answer.status.as_u16() {
                status @ (401 | 403 | 404) => status,
                _ => 0,
            };
            if status != expected {
                let Credential { name, .. } = credential;
                faults.push(format!(
                    "{id} with {name}: {} instead of {expected}: {}",
                    answer.status,
                    answer.text()
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}
