//! Keys over their life.

mod people;

use chassis::environment::SystemEnvironment;
use chrono::TimeDelta;
use events::access::{KeyCreated, KeyKind};
use events::values::{ConfidentialDigest, Scope};

use super::*;
use crate::caller::Denied;

fn now() -> DateTime<Utc> {
    "2026-12-01T09:00:00Z".parse().unwrap()
}

fn payload(token: &KeyToken) -> Vec<u8> {
    serde_json::to_vec(&HashedSecret::from(token)).unwrap()
}

struct Fixture {
    registry: Registry,
    next: u64,
}

impl Fixture {
    fn new() -> Self {
        Self { registry: Registry::default(), next: 1 }
    }

    fn record(&mut self, event: impl Into<Event>, token: Option<&KeyToken>) {
        let payload = token.map(payload);
        self.registry.apply(&event.into(), now(), Position(self.next), payload.as_deref());
        self.next += 1;
    }

    fn create(&mut self, expires_at: Option<DateTime<Utc>>) -> KeyToken {
        let token = KeyToken::new(&SystemEnvironment);
        let created = KeyCreated {
            key_id: token.id().clone(),
            kind: KeyKind::Api,
            name: "till".into(),
            scopes: [Scope::Floor].into_iter().collect(),
            venues: Some(["bandung-dago".parse().unwrap()].into()),
            expires_at,
            secret_digest: ConfidentialDigest::of(b""),
        };
        self.record(created, Some(&token));
        token
    }

    fn caller(&self, token: &KeyToken, at: DateTime<Utc>) -> Option<Caller> {
        self.registry.caller(token, at)
    }
}

#[test]
fn a_key_has_the_scopes_and_the_venues_of_its_event() {
    let mut fixture = Fixture::new();
    assert!(!fixture.registry.is_begun());
    let token = fixture.create(None);
    let caller = fixture.caller(&token, now()).unwrap();
    assert_eq!(caller.actor.id, Some(format!("key:{}", token.id())));
    assert_eq!(caller.needs(Scope::Floor, None), Ok(()));
    assert_eq!(caller.needs(Scope::Rules, None), Err(Denied::Scope(Scope::Rules)));
    assert_eq!(caller.may_use(&"bandung-dago".parse().unwrap()), Ok(()));
    assert_eq!(caller.may_use(&"roma-trastevere".parse().unwrap()), Err(Denied::Hidden));
    // Another secret for the same id, and another id.
    let forged = KeyToken::for_id(token.id().clone(), &SystemEnvironment);
    assert!(fixture.caller(&forged, now()).is_none());
    assert!(fixture.caller(&KeyToken::new(&SystemEnvironment), now()).is_none());
    assert!(fixture.registry.is_begun());
}

#[test]
fn ten_thousand_random_keys_fit_nothing() {
    let mut fixture = Fixture::new();
    let token = fixture.create(None);
    for _ in 0..10_000 {
        let forged = KeyToken::for_id(token.id().clone(), &SystemEnvironment);
        assert!(fixture.caller(&forged, now()).is_none());
    }
}

#[test]
fn an_expired_key_is_not_valid() {
    let mut fixture = Fixture::new();
    let token = fixture.create(Some(now() + TimeDelta::hours(1)));
    let caller = fixture.caller(&token, now()).unwrap();
    assert!(fixture.caller(&token, now() + TimeDelta::hours(1)).is_none());
    assert_eq!(caller.is_valid_at(now()), Ok(()));
    assert_eq!(caller.is_valid_at(now() + TimeDelta::hours(1)), Err(Denied::Ended));
}

#[test]
fn a_revoked_key_is_not_valid_from_then_on_also_for_requests_in_progress() {
    let mut fixture = Fixture::new();
    let token = fixture.create(None);
    let caller = fixture.caller(&token, now()).unwrap();
    fixture.record(KeyRevoked { key_id: token.id().clone(), reason_code: "leaked".into() }, None);
    assert!(fixture.caller(&token, now()).is_none());
    assert_eq!(caller.is_valid_at(now()), Err(Denied::Ended));
    assert!(fixture.registry.key(token.id()).unwrap().revoked_at.is_some());
}

#[test]
fn after_a_rotation_the_previous_secret_is_valid_for_the_overlap() {
    let mut fixture = Fixture::new();
    let first = fixture.create(None);
    let rotated = |fixture: &mut Fixture, hours| {
        let token = KeyToken::for_id(first.id().clone(), &SystemEnvironment);
        let previous_until = now() + TimeDelta::hours(hours);
        let secret_digest = ConfidentialDigest::of(b"");
        let event = KeyRotated { key_id: first.id().clone(), previous_until, secret_digest };
        fixture.record(event, Some(&token));
        token
    };
    let second = rotated(&mut fixture, 24);
    let at = |hours| now() + TimeDelta::hours(hours);
    assert!(fixture.caller(&first, at(23)).is_some() && fixture.caller(&second, at(23)).is_some());
    assert!(fixture.caller(&first, at(24)).is_none() && fixture.caller(&second, at(24)).is_some());
    // A request by the previous secret ends with it.
    assert_eq!(fixture.caller(&first, at(1)).unwrap().is_valid_at(at(24)), Err(Denied::Ended));
    // Only the last two secrets count.
    let third = rotated(&mut fixture, 24);
    assert!(fixture.caller(&first, at(1)).is_none() && fixture.caller(&second, at(1)).is_some());
    assert!(fixture.caller(&third, at(25)).is_some());
}

#[test]
fn each_day_of_use_is_to_be_recorded_once() {
    let mut fixture = Fixture::new();
    let token = fixture.create(None);
    assert_eq!(fixture.registry.unrecorded_uses(), []);
    let _ = fixture.caller(&token, now());
    let used = (token.id().clone(), now().date_naive());
    assert_eq!(fixture.registry.unrecorded_uses(), [used]);
    fixture.record(KeyUsed { key_id: token.id().clone(), on: now().date_naive() }, None);
    assert_eq!(fixture.registry.unrecorded_uses(), []);
    let _ = fixture.caller(&token, now() + TimeDelta::days(1));
    assert_eq!(fixture.registry.unrecorded_uses().len(), 1);
}
