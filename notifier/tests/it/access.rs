//! Who may use which operation: every operation of the description with every kind of credential, and one table.

use std::collections::BTreeMap;

use access::token::{OpaqueKind, OpaqueToken};
use axum::Router;
use axum::http::Request;
use chassis::environment::{Environment as _, ManualEnvironment};
use chrono::{DateTime, TimeDelta, Utc};
use contract::conformance::{Description, Operation};
use contract::reservation::access::{HashedKey, HashedSession, SessionGrant};
use events::staff::Role;
use events::values::{Scope, Scopes};
use events::{SessionId, StaffId};
use serde_json::json;

use crate::router::{get, router, send_as_is};
use crate::support::*;

/// What an operation needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    Nothing,
    /// A scope. A key that is limited to venues gets their part of a list.
    List(&'static str),
    /// A scope, for the venue of the payment.
    Payment(&'static str),
    /// A scope for all venues.
    Everywhere(&'static str),
}

use Needs::{Everywhere, List, Nothing, Payment};

/// What each operation needs, written by hand.
const NEEDS: [(&str, Needs); 18] = [
    ("discardEffect", Everywhere("operate")),
    ("enableWebhookSubscription", Everywhere("operate")),
    ("getCursor", Everywhere("audit")),
    ("getEffect", Everywhere("audit")),
    ("getPayment", Payment("payments")),
    ("getReadiness", Nothing),
    ("listEffects", Everywhere("audit")),
    ("listNotifications", Everywhere("audit")),
    ("listPaymentChannels", Nothing),
    ("listPayments", List("payments")),
    ("listProviders", Everywhere("audit")),
    ("listWebhookSubscriptions", Everywhere("audit")),
    ("receiveSimulatedWebhook", Nothing),
    ("receiveStripeWebhook", Nothing),
    ("reconcile", Everywhere("operate")),
    ("refundPayment", Payment("refund")),
    ("retryEffect", Everywhere("operate")),
    ("retryNotification", Everywhere("operate")),
];

impl Needs {
    fn scope(self) -> &'static str {
        match self {
            Nothing => "",
            List(scope) | Payment(scope) | Everywhere(scope) => scope,
        }
    }

    /// The status that the table demands of a key: 0 for any other than 401, 403 and 404.
    fn of_key(self, scopes: Scopes, venue: Option<&str>) -> u16 {
        match self {
            Nothing => 0,
            _ if !scopes.iter().any(|scope| scope.word() == self.scope()) => 403,
            Everywhere(_) if venue.is_some() => 403,
            Payment(_) if venue.is_some_and(|venue| venue != VENUE) => 404,
            _ => 0,
        }
    }
}

/// Every operation of the description with every kind of credential.
#[tokio::test]
async fn every_operation_admits_exactly_those_who_may_use_it() {
    let fixture = Fixture::new().await;
    fixture.opened().await;
    let router = router(&fixture);
    let description = Description::new(get(&router, "/openapi.json").await.1);
    let payment = PAYMENT.to_string();
    let operations = description.operations(&[("payment_id", &payment)]);
    let needs = BTreeMap::from(NEEDS);
    let described: BTreeMap<_, _> =
        operations.iter().map(|operation| (&operation.id[..], &operation.scope[..])).collect();
    assert_eq!(described, NEEDS.map(|(id, needs)| (id, needs.scope())).into());
    let status = async |operation: &Operation, credential: Option<&str>| {
        let request = Request::builder().method(&operation.method[..]).uri(&operation.path);
        let request = credential.into_iter().fold(request, |r, text| r.header("authorization", text));
        // A request with faults is refused before the object is looked for.
        let body = if operation.id == "discardEffect" { json!({"reason": "called"}) } else { json!({}) };
        match send_as_is(&router, request, body).await.0.as_u16() {
            status @ (401 | 403 | 404) => status,
            _ => 0,
        }
    };
    let single = Scope::ALL.iter().map(|scope| Scopes::from(vec![*scope]));
    let scopes: Vec<_> = [Scopes::NONE, Scopes::all()].into_iter().chain(single).collect();
    let key = format!("Bearer {TOKEN}");
    // Providers sign their webhooks, and present no credential.
    for operation in operations.iter().filter(|operation| !operation.path.starts_with("/webhooks/")) {
        let (id, needed) = (&operation.id[..], needs[&operation.id[..]]);
        assert_eq!(operation.is_open, needed == Nothing, "{id}");
        for scopes in &scopes {
            for venue in [None, Some(VENUE), Some("roma-trastevere")] {
                let expected = match needed.of_key(*scopes, venue) {
                    // There is no effect and no subscription with the id.
                    0 if operation.path.contains("beef") => 404,
                    status => status,
                };
                let shown = format!("{id} with {scopes:?} for {venue:?}");
                let venues = venue.map(|venue| vec![venue.parse().unwrap()]);
                fixture.door.replace(vec![hashed(*scopes, venues)], vec![], fixture.env.now());
                assert_eq!(status(operation, Some(&key)).await, expected, "{shown}");
            }
        }
        let anonymous = if needed == Nothing { 0 } else { 401 };
        for text in [None, Some("Bearer eyJhbGciOiJIUzI1NiJ9.e30.x"), Some("Basic bWVqYTptZWph")] {
            assert_eq!(status(operation, text).await, anonymous, "{id} with {text:?}");
        }
        check_sessions(&fixture, &router, operation, needed).await;
        // Links of guests are for pages, not for the interface.
        for text in
            [&key[..key.len() - 1], "Bearer mejal_AQEBoiJDyqRyurn5eJxOrCRUAAAAAH1klG0R3UsQKqbtKlaqIpU"]
        {
            assert_eq!(status(operation, Some(text)).await, 401, "{id} with {text}");
        }
        let expired = HashedKey { expires_at: Some(fixture.env.now()), ..hashed(Scopes::all(), None) };
        for keys in [vec![], vec![expired]] {
            fixture.door.replace(keys, vec![], fixture.env.now());
            assert_eq!(status(operation, Some(&key)).await, 401, "{id}");
        }
    }
    fixture.door.replace(vec![hashed(Scopes::all(), None)], vec![], fixture.env.now());
    fixture.env.advance(TimeDelta::seconds(31));
    let request = Request::get("/api/payments").header("authorization", key);
    assert_eq!(send_as_is(&router, request, json!({})).await.0.as_u16(), 503);
    let request = Request::get("/api/payments").header("cookie", format!("__Host-meja_session={SESSION}"));
    assert_eq!(send_as_is(&router, request, json!({})).await.0.as_u16(), 503);
    // A credential of another system beside the cookie does not hide it.
    let request = Request::get("/api/payments").header("cookie", format!("__Host-meja_session={SESSION}"));
    let request = request.header("authorization", "Bearer x");
    assert_eq!(send_as_is(&router, request, json!({})).await.0.as_u16(), 503);
    let request = Request::get("/api/payment-channels");
    assert_eq!(send_as_is(&router, request, json!({})).await.0.as_u16(), 200);
}

/// One operation with the session of each role.
async fn check_sessions(fixture: &Fixture, router: &Router, operation: &Operation, needed: Needs) {
    let id = &operation.id[..];
    for (role, venue, is_fresh) in sessions() {
        let grant = role_grant(role, venue);
        let proved_before = TimeDelta::minutes(if is_fresh { 5 } else { 6 });
        let session = hashed_session(&grant, fixture.env.now() - proved_before, &fixture.env);
        fixture.door.replace(vec![], vec![session], fixture.env.now());
        let expected = match needed.of_key(grant.scopes, venue) {
            // The proof is asked for before the payment is looked for.
            0 | 404 if id == "refundPayment" && !is_fresh => 401,
            0 if operation.path.contains("beef") => 404,
            status => status,
        };
        let request = Request::builder().method(&operation.method[..]).uri(&operation.path);
        let request = request.header("cookie", format!("__Host-meja_session={SESSION}"));
        let body = if id == "discardEffect" { json!({"reason": "called"}) } else { json!({}) };
        let answer = match send_as_is(router, request, body).await.0.as_u16() {
            status @ (401 | 403 | 404) => status,
            _ => 0,
        };
        assert_eq!(answer, expected, "{id} as {role:?} of {venue:?}, fresh: {is_fresh}");
    }
}

/// The cookie of a session.
const SESSION: &str = "mejas_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/// Every role, for all venues, for that of the payment and for another one, with a proof that is fresh or not.
fn sessions() -> impl Iterator<Item = (Role, Option<&'static str>, bool)> {
    let venues = [None, Some(VENUE), Some("roma-trastevere")];
    let of_role =
        move |role| venues.into_iter().flat_map(move |venue| [true, false].map(|is| (role, venue, is)));
    Role::ALL.into_iter().flat_map(of_role)
}

fn role_grant(role: Role, venue: Option<&str>) -> SessionGrant {
    let venues = venue.map(|venue| vec![venue.parse().unwrap()]);
    SessionGrant { scopes: access::role::scopes_of(role), venues }
}

fn hashed_session(grant: &SessionGrant, proved: DateTime<Utc>, env: &ManualEnvironment) -> HashedSession {
    let token = OpaqueToken::parse(OpaqueKind::Session, SESSION).unwrap();
    HashedSession {
        session_id: SessionId(uuid::Uuid::from_u128(1)),
        staff_id: StaffId(uuid::Uuid::from_u128(2)),
        grants: vec![grant.clone()],
        authenticated_at: proved,
        expires_at: env.now() + TimeDelta::hours(1),
        secret_sha256: hex::encode(token.hash()),
    }
}
