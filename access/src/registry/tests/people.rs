//! Accounts, sessions, devices and calendar links over their life.

use chrono::TimeDelta;
use events::VenueId;
use events::event::*;
use events::staff::{Role, RoleGrant, SignInMethod, UsedCode};
use serde_json::json;

use super::*;
use crate::caller::{Intent, Object};
use crate::code::OneTimeCode;
use crate::token::{OpaqueKind, OpaqueToken};
use crate::totp::TotpSecret;

const SARI: StaffId = StaffId(uuid::Uuid::from_u128(7));
const SESSION: SessionId = SessionId(uuid::Uuid::from_u128(8));
const OTHER_SESSION: SessionId = SessionId(uuid::Uuid::from_u128(9));
const TABLET: DeviceId = DeviceId(uuid::Uuid::from_u128(10));

fn digest() -> ConfidentialDigest {
    ConfidentialDigest::of(b"")
}

fn venue(id: &str) -> VenueId {
    id.parse().unwrap()
}

fn role(role: Role, venues: &[&str]) -> RoleGrant {
    RoleGrant { role, venues: Some(venues.iter().map(|id| venue(id)).collect()) }
}

struct House {
    registry: Registry,
    next: u64,
}

impl House {
    /// A house in which Sari has joined with these roles.
    fn with(roles: Vec<RoleGrant>) -> Self {
        let mut house = Self { registry: Registry::default(), next: 1 };
        let contact = json!({"name": "Sari", "email": "sari@example.com", "locale": "id"});
        let invited = StaffInvited {
            staff_id: SARI,
            roles,
            invitation: 1,
            expires_at: now() + TimeDelta::days(3),
            contact_digest: Some(digest()),
        };
        house.record(invited, contact.clone());
        house.record(StaffJoined { staff_id: SARI, contact_digest: digest() }, contact);
        house.password(None);
        house
    }

    fn record(&mut self, event: impl Into<Event>, payload: serde_json::Value) {
        let payload = serde_json::to_vec(&payload).unwrap();
        self.registry.apply(&event.into(), now(), Position(self.next), Some(&payload));
        self.next += 1;
    }

    fn password(&mut self, session_id: Option<SessionId>) {
        let changed = PasswordChanged { staff_id: SARI, session_id, secret_digest: digest() };
        self.record(changed, json!({"argon2": format!("hash {}", self.next)}));
    }

    fn start(&mut self, session_id: SessionId, device_id: Option<DeviceId>, used: UsedCode) -> OpaqueToken {
        let token = OpaqueToken::new(OpaqueKind::Session, &SystemEnvironment);
        let started = SessionStarted {
            session_id,
            staff_id: SARI,
            method: SignInMethod::Password,
            used,
            device_id,
            expires_at: now() + TimeDelta::hours(12),
            secret_digest: digest(),
        };
        self.record(started, json!(HashedSecret::from(&token)));
        token
    }

    fn sign_in(&mut self) -> OpaqueToken {
        self.start(SESSION, None, UsedCode::default())
    }

    fn caller(&self, token: &OpaqueToken, at: DateTime<Utc>) -> Option<Caller> {
        self.registry.session_caller(&token.hash(), at)
    }
}

#[test]
fn a_person_may_do_what_the_roles_allow_where_they_allow_it() {
    let mut house = House::with(vec![role(Role::Manager, &["dago"]), role(Role::Host, &["ubud"])]);
    let token = house.sign_in();
    let caller = house.caller(&token, now()).unwrap();
    assert_eq!(caller.actor.id, Some(format!("staff:{SARI}")));
    assert_eq!(caller.needs(Scope::Override, Some(&venue("dago"))), Ok(()));
    assert_eq!(caller.needs(Scope::Override, Some(&venue("ubud"))), Err(Denied::Scope(Scope::Override)));
    assert_eq!(caller.needs(Scope::Access, None), Err(Denied::Scope(Scope::Access)));
    // An operation that needs a scope reaches the venues where the person has it.
    let reaches = |scope, id| {
        let (venue_id, caller) = (venue(id), caller.clone().admitted_with(scope));
        caller.may(Intent::Change, &Object { venue_id: &venue_id, guest: None }, now())
    };
    assert_eq!((reaches(Scope::Floor, "dago"), reaches(Scope::Floor, "ubud")), (Ok(()), Ok(())));
    assert_eq!((reaches(Scope::Rules, "dago"), reaches(Scope::Rules, "ubud")), (Ok(()), Err(Denied::Hidden)));
    assert_eq!(reaches(Scope::Floor, "kuta"), Err(Denied::Hidden));
}

#[test]
fn a_session_ends_with_its_time_its_person_and_its_password() {
    let ends = |end: &dyn Fn(&mut House)| {
        let mut house = House::with(vec![role(Role::Host, &["dago"])]);
        let token = house.sign_in();
        let caller = house.caller(&token, now()).unwrap();
        end(&mut house);
        assert_eq!(caller.is_valid_at(now()).is_err(), house.caller(&token, now()).is_none());
        house.caller(&token, now()).is_none()
    };
    let reason_code = || "left".to_owned();
    assert!(!ends(&|_| {}));
    assert!(ends(&|house| {
        let ended = SessionEnded { session_id: SESSION, staff_id: SARI, reason_code: reason_code() };
        house.record(ended, json!({}));
    }));
    assert!(ends(
        &|house| house.record(StaffRemoved { staff_id: SARI, reason_code: reason_code() }, json!({}))
    ));
    assert!(ends(&|house| house.password(None)));
    assert!(ends(&|house| house.password(Some(OTHER_SESSION))));
    assert!(!ends(&|house| house.password(Some(SESSION))));
    let mut house = House::with(vec![role(Role::Host, &["dago"])]);
    let token = house.sign_in();
    assert!(house.caller(&token, now() + TimeDelta::hours(12) - TimeDelta::seconds(1)).is_some());
    assert!(house.caller(&token, now() + TimeDelta::hours(12)).is_none());
}

#[test]
fn changed_roles_count_at_once_and_end_requests_in_progress() {
    let mut house = House::with(vec![role(Role::Manager, &["dago"])]);
    let token = house.sign_in();
    let before = house.caller(&token, now()).unwrap();
    let roles = vec![role(Role::Host, &["dago"])];
    house.record(StaffRolesChanged { staff_id: SARI, roles }, json!({}));
    assert_eq!(before.is_valid_at(now()), Err(Denied::Ended));
    let after = house.caller(&token, now()).unwrap();
    assert_eq!(after.is_valid_at(now()), Ok(()));
    assert_eq!(after.needs(Scope::Rules, None), Err(Denied::Scope(Scope::Rules)));
}

#[test]
fn a_proof_is_fresh_for_five_minutes() {
    let mut house = House::with(vec![role(Role::Owner, &["dago"])]);
    let token = house.sign_in();
    let at = |minutes| now() + TimeDelta::minutes(minutes);
    assert_eq!(house.caller(&token, at(5)).unwrap().is_fresh(), Ok(()));
    assert_eq!(house.caller(&token, at(6)).unwrap().is_fresh(), Err(Denied::Stale));
    let proved = SessionReauthenticated {
        session_id: SESSION,
        staff_id: SARI,
        method: SignInMethod::Password,
        used: UsedCode::default(),
    };
    house.registry.apply(&proved.into(), at(6), Position(house.next), None);
    assert_eq!(house.caller(&token, at(11)).unwrap().is_fresh(), Ok(()));
}

#[test]
fn a_device_gives_its_venue_to_the_people_on_it_and_ends_with_them() {
    let mut house = House::with(vec![role(Role::Owner, &["dago", "ubud"])]);
    let (code, cookie) =
        (OneTimeCode::new(&SystemEnvironment), OpaqueToken::new(OpaqueKind::Device, &SystemEnvironment));
    let added = DeviceAdded {
        device_id: TABLET,
        venue_id: venue("dago"),
        name: "tablet".into(),
        code_expires_at: now() + TimeDelta::minutes(10),
        secret_digest: digest(),
    };
    house.record(added, json!(HashedSecret::from(&code)));
    assert_eq!(house.registry.device_of(&code.hash()).unwrap().id, TABLET);
    let enrolled = DeviceEnrolled { device_id: TABLET, secret_digest: digest() };
    house.record(enrolled, json!(HashedSecret::from(&cookie)));
    // The code is used up.
    assert!(house.registry.device_of(&code.hash()).is_none());
    assert_eq!(house.registry.device_of(&cookie.hash()).unwrap().venue_id, venue("dago"));
    let token = house.start(SESSION, Some(TABLET), UsedCode::default());
    let caller = house.caller(&token, now()).unwrap();
    assert_eq!(caller.needs(Scope::Override, Some(&venue("dago"))), Ok(()));
    assert_eq!(caller.needs(Scope::Floor, Some(&venue("ubud"))), Err(Denied::Scope(Scope::Floor)));
    assert_eq!(caller.needs(Scope::Access, None), Err(Denied::Scope(Scope::Access)));
    house.record(DeviceRevoked { device_id: TABLET, reason_code: "lost".into() }, json!({}));
    assert!(house.caller(&token, now()).is_none() && caller.is_valid_at(now()).is_err());
    assert!(house.registry.device_of(&cookie.hash()).is_none());
}

#[test]
fn codes_that_were_used_are_used_up() {
    let mut house = House::with(vec![role(Role::Owner, &["dago"])]);
    let codes = [0; 2].map(|_| OneTimeCode::new(&SystemEnvironment));
    let payload = TotpPayload::new(&TotpSecret::new(&SystemEnvironment), &codes);
    let enrolled =
        TotpEnrolled { staff_id: SARI, session_id: SESSION, totp_step: 5, secret_digest: digest() };
    house.record(enrolled, json!(payload));
    house.start(SESSION, None, UsedCode { totp_step: Some(7), recovery_code: None });
    house.start(OTHER_SESSION, None, UsedCode { totp_step: None, recovery_code: Some(1) });
    let totp = house.registry.account(SARI).unwrap().totp.unwrap();
    assert_eq!((totp.last_step, totp.recovery_codes), (7, vec![Some(codes[0].hash()), None]));
}

#[test]
fn a_calendar_link_is_for_one_person_and_one_venue_and_is_replaced_or_revoked() {
    let mut house = House::with(vec![role(Role::Host, &["dago"])]);
    let create = |house: &mut House, id: &str| {
        let token = OpaqueToken::new(OpaqueKind::Calendar, &SystemEnvironment);
        let created = CalendarLinkCreated { staff_id: SARI, venue_id: venue(id), secret_digest: digest() };
        house.record(created, json!(HashedSecret::from(&token)));
        token
    };
    let (first, ubud, second) =
        (create(&mut house, "dago"), create(&mut house, "ubud"), create(&mut house, "dago"));
    let reader = |house: &House, link: &OpaqueToken| house.registry.calendar_caller(&link.hash());
    assert!(reader(&house, &first).is_none());
    let caller = reader(&house, &second).unwrap();
    assert_eq!(caller.needs(Scope::Read, Some(&venue("dago"))), Ok(()));
    for (scope, id) in [(Scope::Read, "ubud"), (Scope::Floor, "dago"), (Scope::Manage, "dago")] {
        assert_eq!(caller.needs(scope, Some(&venue(id))), Err(Denied::Scope(scope)));
    }
    let object = Object { venue_id: &venue("dago"), guest: None };
    assert_eq!(caller.may(Intent::Read, &object, now()), Ok(()));
    assert_eq!(caller.may(Intent::Change, &object, now()), Err(Denied::Scope(Scope::Manage)));
    // Sari has no role in Ubud, so that the link is not valid.
    assert!(reader(&house, &ubud).is_none());
    house.record(CalendarLinkRevoked { staff_id: SARI, venue_id: venue("dago") }, json!({}));
    assert!(reader(&house, &second).is_none());
    house.record(StaffRemoved { staff_id: SARI, reason_code: "left".into() }, json!({}));
    assert!(reader(&house, &ubud).is_none());
    assert!(house.registry.account_of_email("sari@example.com").is_none());
}

#[test]
fn ten_thousand_random_cookies_and_codes_fit_nothing() {
    let mut house = House::with(vec![role(Role::Owner, &["dago"])]);
    house.sign_in();
    let code = OneTimeCode::new(&SystemEnvironment);
    let added = DeviceAdded {
        device_id: TABLET,
        venue_id: venue("dago"),
        name: "tablet".into(),
        code_expires_at: now() + TimeDelta::minutes(10),
        secret_digest: digest(),
    };
    house.record(added, json!(HashedSecret::from(&code)));
    for _ in 0..10_000 {
        let token = OpaqueToken::new(OpaqueKind::Session, &SystemEnvironment);
        assert!(house.caller(&token, now()).is_none());
        assert!(house.registry.device_of(&OneTimeCode::new(&SystemEnvironment).hash()).is_none());
    }
    assert!(house.registry.device_of(&code.hash()).is_some());
}
