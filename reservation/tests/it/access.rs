//! Who may use which operation: every operation of the description with every kind of credential.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::Request;
use contract::conformance::{Description, Operation};

use crate::app::{TOKEN, TestApp};

/// What each operation needs, written by hand; an empty scope admits everybody.
const NEEDS: [(&str, &str); 38] = [
    ("acceptOffer", "manage"),
    ("assignTable", "floor"),
    ("cancelReservation", "manage"),
    ("changePartySize", "manage"),
    ("checkIn", "floor"),
    ("completeReservation", "floor"),
    ("confirmReservation", "floor"),
    ("createReservation", ""),
    ("declineOffer", "manage"),
    ("eraseReservationContact", "contact"),
    ("getAsyncApi", ""),
    ("getAvailability", ""),
    ("getAvailableDays", ""),
    ("getFloor", "floor"),
    ("getReadiness", ""),
    ("getReservation", "read"),
    ("getReservationContact", "contact"),
    ("getReservationHistory", "audit"),
    ("getSchema", ""),
    ("getStats", "stats"),
    ("getVenue", ""),
    ("getVenueRules", "rules"),
    ("getWaitlistContact", "contact"),
    ("getWaitlistEntry", "read"),
    ("joinWaitlist", ""),
    ("leaveWaitlist", "manage"),
    ("listReservationCharges", "audit"),
    ("listReservations", "read"),
    ("listVenues", ""),
    ("listWaitlist", "floor"),
    ("putVenueRules", "rules"),
    ("readEvents", "feed"),
    ("recordNoShow", "floor"),
    ("reportNotificationResult", "results"),
    ("reportPaymentResult", "results"),
    ("reportWaitlistNotificationResult", "results"),
    ("rescheduleReservation", "manage"),
    ("seatWalkIn", "floor"),
];

/// What callers without a credential may do while there are no credentials for guests and staff.
const EVERYDAY: [&str; 7] = ["read", "manage", "floor", "stats", "feed", "audit", "payments"];

#[tokio::test]
async fn every_operation_admits_exactly_those_who_may_use_it() {
    let app = TestApp::with_houses().await;
    let description = Description::new(app.get("/openapi.json").await.json());
    let examples = [("venue_id", "bandung-dago"), ("event_type", "meja.table.assigned.v1.json")];
    let operations = description.operations(&examples);
    let described: BTreeMap<_, _> =
        operations.iter().map(|operation| (&operation.id[..], &operation.scope[..])).collect();
    assert_eq!(described, NEEDS.into_iter().collect());
    for Operation { id, method, path, scope, is_open, .. } in &operations {
        let everybody = scope.is_empty() || EVERYDAY.contains(&&scope[..]);
        assert_eq!(*is_open, everybody, "{id}");
        for (credential, is_admitted) in [
            (None, everybody),
            (Some("Bearer wrong-wrong-wrong-wrong"), everybody),
            (Some("Basic bWVqYTptZWph"), everybody),
            (Some(&format!("Bearer {TOKEN}")[..]), true),
        ] {
            let request = Request::builder().method(&method[..]).uri(path);
            let request = request.header("content-type", "application/json");
            let request = credential.into_iter().fold(request, |r, value| r.header("authorization", value));
            let answer = app.send(request.body(Body::from("{}")).unwrap()).await;
            let is_refused = answer.status == 401 || answer.status == 403;
            assert_eq!(!is_refused, is_admitted, "{id} with {credential:?}: {}", answer.text());
        }
    }
}
