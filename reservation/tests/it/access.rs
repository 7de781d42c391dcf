//! Who may use which operation: every operation of the description with every kind of credential, and one table.

use std::collections::BTreeMap;

use access::link::{Link, LinkOf, LinkSecret};
use axum::body::Body;
use axum::http::Request;
use chrono::TimeDelta;
use contract::conformance::{Description, Operation};
use events::PaymentId;
use events::values::Scope;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::{TOKEN, TestApp};

/// What an operation needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    Nothing,
    /// A scope, for the venue of the object.
    Scope(&'static str),
    /// A scope, or the link of the guest.
    Own(&'static str),
    /// A scope for all venues.
    Everywhere(&'static str),
}

use Needs::{Everywhere, Nothing, Own, Scope as Needed};

/// What each operation needs, written by hand.
const NEEDS: [(&str, Needs); 45] = [
    ("acceptOffer", Own("manage")),
    ("assignTable", Needed("floor")),
    ("cancelReservation", Own("manage")),
    ("changePartySize", Own("manage")),
    ("checkIn", Needed("floor")),
    ("completeReservation", Needed("floor")),
    ("confirmReservation", Needed("floor")),
    ("createKey", Needed("access")),
    ("createReservation", Nothing),
    ("declineOffer", Own("manage")),
    ("eraseReservationContact", Needed("contact")),
    ("getAccessSnapshot", Everywhere("results")),
    ("getAsyncApi", Nothing),
    ("getAvailability", Nothing),
    ("getAvailableDays", Nothing),
    ("getFloor", Needed("floor")),
    ("getReadiness", Nothing),
    ("getReservation", Own("read")),
    ("getReservationContact", Needed("contact")),
    ("getReservationHistory", Needed("audit")),
    ("getSchema", Nothing),
    ("getStats", Needed("stats")),
    ("getVenue", Nothing),
    ("getVenueRules", Needed("rules")),
    ("getWaitlistContact", Needed("contact")),
    ("getWaitlistEntry", Own("read")),
    ("joinWaitlist", Nothing),
    ("leaveWaitlist", Own("manage")),
    ("listKeys", Needed("access")),
    ("listReservationCharges", Own("audit")),
    ("listReservations", Needed("read")),
    ("listVenues", Nothing),
    ("listWaitlist", Needed("floor")),
    ("putVenueRules", Needed("rules")),
    ("readEvents", Needed("feed")),
    ("recordNoShow", Needed("floor")),
    ("renewReservationLink", Own("manage")),
    ("renewWaitlistLink", Own("manage")),
    ("reportNotificationResult", Needed("results")),
    ("reportPaymentResult", Needed("results")),
    ("reportWaitlistNotificationResult", Needed("results")),
    ("rescheduleReservation", Own("manage")),
    ("revokeKey", Needed("access")),
    ("rotateKey", Needed("access")),
    ("seatWalkIn", Needed("floor")),
];

impl Needs {
    fn scope(self) -> &'static str {
        match self {
            Nothing => "",
            Needed(scope) | Own(scope) | Everywhere(scope) => scope,
        }
    }
}

/// A kind of credential, and what it may do.
struct Credential {
    name: String,
    /// The header; `None` for no credential.
    text: Option<String>,
    /// Whether it is one of Meja, and valid.
    is_valid: bool,
    scopes: Vec<&'static str>,
    /// Whether it is for the venue of the objects of the test.
    is_here: bool,
    is_everywhere: bool,
    /// Whether it is the link of a guest: to the objects of the test, or to others.
    guest: Option<bool>,
}

impl Credential {
    fn key(name: &str, token: &str, scopes: Vec<&'static str>) -> Self {
        let (name, text) = (name.to_owned(), Some(format!("Bearer {token}")));
        Self { name, text, is_valid: true, scopes, is_here: true, is_everywhere: true, guest: None }
    }

    fn without_rights(name: &str, text: Option<&str>, is_valid: bool) -> Self {
        let text = text.map(str::to_owned);
        Self { text, is_valid, ..Self::key(name, "", vec![]) }
    }

    /// The status that the table demands: 0 for any other than 401, 403 and 404.
    fn expected(&self, id: &str, needs: Needs) -> u16 {
        let (is_anonymous, scope) = (self.text.is_none() || self.name == "of another system", needs.scope());
        match needs {
            _ if !self.is_valid => 401,
            Nothing => 0,
            Own(_) if self.guest.is_some() => match self.guest {
                // A guest has either a booking or an entry.
                Some(true) if !id.contains("Waitlist") && !id.ends_with("Offer") => 0,
                _ => 404,
            },
            _ if !self.scopes.contains(&scope) && is_anonymous => 401,
            _ if !self.scopes.contains(&scope) => 403,
            Everywhere(_) if !self.is_everywhere => 403,
            _ if !self.is_here && !LISTS.contains(&id) => 404,
            _ => 0,
        }
    }
}

/// Operations that show what the caller may see, instead of one object.
const LISTS: [&str; 7] =
    ["createKey", "getFloor", "getStats", "listKeys", "listReservations", "listWaitlist", "readEvents"];

/// A valid body: a request with faults is refused before the object is loaded.
fn body_of(id: &str, rules: &Value) -> Value {
    match id {
        "assignTable" => json!({"table_id": "T1"}),
        "cancelReservation" => json!({"reason_code": "other"}),
        "changePartySize" => json!({"party_size": 2}),
        "rescheduleReservation" => json!({"start_time": "2026-12-24T20:30"}),
        "reportPaymentResult" => {
            json!({"payment_id": Uuid::from_u128(1), "outcome": "failed", "reason_code": "refused"})
        }
        "reportNotificationResult" | "reportWaitlistNotificationResult" => {
            json!({"notification_id": "n-1", "template": "received", "medium": "mail", "outcome": "sent"})
        }
        "seatWalkIn" => json!({"venue_id": "bandung-dago", "party_size": 2}),
        "putVenueRules" => rules.clone(),
        _ => json!({}),
    }
}

/// Creates a key and returns it.
async fn create_key(app: &TestApp, scopes: &[&str], venues: Value, expires_at: Value) -> (String, String) {
    let body = json!({"name": "test", "scopes": scopes, "venues": venues, "expires_at": expires_at});
    let answer = app.post("/api/access/keys", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let issued = answer.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&issued["token"]), text(&issued["key"]["key_id"]))
}

fn all_scopes() -> Vec<&'static str> {
    Scope::ALL.iter().map(|scope| scope.word()).collect()
}

async fn credentials(app: &TestApp, mine: &str, other: &str) -> Vec<Credential> {
    let all = all_scopes();
    let (here, _) = create_key(app, &all, json!(["bandung-dago"]), Value::Null).await;
    let (elsewhere, _) = create_key(app, &all, json!(["roma-trastevere"]), Value::Null).await;
    let (expired, _) = create_key(app, &all, Value::Null, json!("2026-12-01T09:00:01Z")).await;
    let (revoked, revoked_id) = create_key(app, &all, Value::Null, Value::Null).await;
    app.post(&format!("/api/access/keys/{revoked_id}/revoke"), &json!({})).await;
    let (rotated, rotated_id) = create_key(app, &all, Value::Null, Value::Null).await;
    app.post(&format!("/api/access/keys/{rotated_id}/rotate"), &json!({"overlap_hours": 0})).await;
    app.clock.advance(TimeDelta::seconds(1));
    let link_key = LinkSecret::new([7; 32]).key().unwrap();
    let pay = link_key.sign(Link { of: LinkOf::Payment(PaymentId(Uuid::from_u128(1))), generation: 0 });
    let forged = LinkSecret::new([8; 32]).key().unwrap();
    let forged = forged.sign(Link { of: LinkOf::Reservation(mine.parse().unwrap()), generation: 0 });
    let bearer = |token: &str| format!("Bearer {token}");
    let wrong = |name: &str, token: &str| Credential::without_rights(name, Some(&bearer(token)), false);
    let guest = |name: &str, token: &str, is_theirs| Credential {
        guest: Some(is_theirs),
        ..Credential::key(name, token, vec![])
    };
    let mut credentials = vec![
        Credential::without_rights("none", None, true),
        Credential::without_rights("of another system", Some("Bearer eyJhbGciOiJIUzI1NiJ9.e30.x"), true),
        wrong("unknown key", "meja_unknown_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"),
        wrong("wrong secret", "meja_test_AAAAAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"),
        wrong("damaged key", &TOKEN[..TOKEN.len() - 1]),
        wrong("expired key", &expired),
        wrong("revoked key", &revoked),
        wrong("previous secret", &rotated),
        wrong("forged link", &forged),
        wrong("truncated link", &app.guest_link(mine).await[..40]),
        guest("link of the guest", &app.guest_link(mine).await, true),
        guest("link of another guest", &app.guest_link(other).await, false),
        guest("link to pay", &pay, false),
        Credential::key("everything", TOKEN, all.clone()),
        Credential { is_everywhere: false, ..Credential::key("this venue", &here, all.clone()) },
        Credential {
            is_here: false,
            is_everywhere: false,
            ..Credential::key("another venue", &elsewhere, all.clone())
        },
    ];
    for scope in all {
        let (token, _) = create_key(app, &[scope], Value::Null, Value::Null).await;
        credentials.push(Credential::key(scope, &token, vec![scope]));
    }
    credentials
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
    let examples = [
        ("venue_id", "bandung-dago"),
        ("name", "venue.json"),
        ("reservation_id", &mine[..]),
        ("waitlist_id", &waits),
        ("key_id", &key_id),
    ];
    let operations = description.operations(&examples);
    let needs = BTreeMap::from(NEEDS);
    let described: BTreeMap<_, _> =
        operations.iter().map(|operation| (&operation.id[..], operation)).collect();
    assert_eq!(described.keys().copied().collect::<Vec<_>>(), needs.keys().copied().collect::<Vec<_>>());
    let credentials = credentials(&app, &mine, &other).await;
    let rules = app.get("/api/venues/bandung-dago/rules").await.json();
    let mut faults = Vec::new();
    // A renewed link ends the one that the test presents.
    let (renewals, others): (Vec<_>, Vec<_>) =
        described.into_iter().partition(|(id, _)| id.starts_with("renew"));
    for (id, operation) in others.into_iter().chain(renewals) {
        let Operation { method, path, scope, is_open, is_for_guests, .. } = operation;
        let (needed, body) = (needs[id], body_of(id, &rules));
        assert_eq!(scope, needed.scope(), "{id}");
        assert_eq!((*is_open, *is_for_guests), (needed == Nothing, matches!(needed, Own(_))), "{id}");
        for credential in &credentials {
            let request = Request::builder().method(&method[..]).uri(path);
            let request = request.header("content-type", "application/json");
            let text = credential.text.iter();
            let request = text.fold(request, |request, text| request.header("authorization", text));
            let answer = app.send_as_is(request.body(Body::from(body.to_string())).unwrap()).await;
            let expected = credential.expected(id, needed);
            let status = match answer.status.as_u16() {
                status @ (401 | 403 | 404) => status,
                _ => 0,
            };
            if status != expected {
                faults
                    .push(format!("{id} with {}: {} instead of {expected}", credential.name, answer.status));
            }
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}
