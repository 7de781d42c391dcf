//! Finds out who sent a request.

use std::sync::Arc;

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue};
use chassis::environment::SharedEnvironment;
use chrono::{DateTime, TimeDelta, Utc};
use contract::reservation::access::{HashedKey, HashedSession};
use events::values::{ActorKind, Scopes};
use futures::future::BoxFuture;
use parking_lot::RwLock;

use crate::caller::{Caller, StandDevice};
use crate::cookies;
use crate::link::{LINK_PREFIX, LinkOf};
use crate::registry::Registry;
use crate::sign_in::{SignInError, SignIns};
use crate::token::{KEY_PREFIX, KeyToken, OpaqueKind, OpaqueToken, bearer};

/// Finds out who sent a request.
pub trait Door: Send + Sync + 'static {
    /// The caller that presents the credential in `headers`, or an anonymous one.
    ///
    /// # Errors
    /// [`Turned`] when the credential is not valid, or cannot be checked.
    fn caller(&self, headers: &HeaderMap) -> Result<Caller, Turned>;

    /// The caller of a request that carries the PIN of another person, instead of the `caller` who presents a device.
    ///
    /// # Errors
    /// [`Turned::NotApproved`], with the reason.
    fn approved<'a>(&'a self, _: Caller, _: &'a str) -> BoxFuture<'a, Result<Caller, Turned>> {
        Box::pin(async { Err(Turned::NotApproved(SignInError::Wrong)) })
    }

    /// Whether `headers` present the key of a service.
    fn is_service(&self, headers: &HeaderMap) -> bool {
        self.caller(headers).is_ok_and(|caller| caller.actor.kind == ActorKind::ServiceAccount)
    }

    /// What callers without a credential may do.
    fn anonymous(&self) -> Scopes;
}

/// Why a door turns a request away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Turned {
    /// The credential is not valid.
    #[error("the credential is not valid")]
    Invalid,
    /// The credential cannot be checked at the moment.
    #[error("the credential cannot be checked at the moment")]
    Unchecked,
    /// The PIN that shall approve the request does not.
    #[error("the PIN does not approve the request")]
    NotApproved(SignInError),
}

/// The header with which a person approves one request on the device of another: the id of the person, a space, and the
/// PIN.
pub const APPROVAL_HEADER: &str = "meja-approval";

/// The header with which the gateway presents its own key. `X-Forwarded-For` of such a request names the client.
pub const GATEWAY_HEADER: &str = "meja-gateway";

/// Whether the gateway sent a request: it presents the key of a service beside the credential of a person.
pub(crate) fn is_from_gateway(door: &dyn Door, headers: &HeaderMap) -> bool {
    let Some(key) = headers.get(GATEWAY_HEADER) else { return false };
    let Ok(value) = HeaderValue::from_bytes(&[b"Bearer ", key.as_bytes()].concat()) else { return false };
    door.is_service(&HeaderMap::from_iter([(AUTHORIZATION, value)]))
}

/// A door for the holders of recorded keys, sessions, devices and links.
pub struct KeyDoor {
    registry: Arc<Registry>,
    /// Checks PINs, if this service does.
    sign_ins: Option<Arc<SignIns>>,
    /// Whether the registry is known to contain every recent revocation.
    is_current: Box<dyn Fn() -> bool + Send + Sync>,
    anonymous: Scopes,
    env: SharedEnvironment,
}

impl KeyDoor {
    /// A door for the keys in `registry`. Callers without a credential have the scopes `anonymous`.
    #[must_use]
    pub fn new(registry: Arc<Registry>, anonymous: Scopes, env: SharedEnvironment) -> Self {
        Self { registry, sign_ins: None, is_current: Box::new(|| true), anonymous, env }
    }

    /// A door that checks no key, session or device while `is_current` says that the registry may lack revocations.
    #[must_use]
    pub fn while_current(self, is_current: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { is_current: Box::new(is_current), ..self }
    }

    /// A door that also checks the PINs of people.
    #[must_use]
    pub fn with_pins(self, sign_ins: Arc<SignIns>) -> Self {
        Self { sign_ins: Some(sign_ins), ..self }
    }

    /// The caller that presents cookies. A cookie that is not valid counts as none: browsers send them with every request,
    /// and people must be able to sign in again.
    fn caller_with_cookies(&self, headers: &HeaderMap) -> Caller {
        let token = |kind, name| {
            let text = cookies::value(headers, name)?;
            Some(OpaqueToken::parse(kind, &text)?.hash())
        };
        let device = token(OpaqueKind::Device, cookies::DEVICE);
        let device = device.and_then(|hash| self.registry.device_of(&hash));
        let device = device.map(|device| StandDevice { id: device.id, venue_id: device.venue_id });
        let session = token(OpaqueKind::Session, cookies::SESSION);
        let caller = session.and_then(|hash| self.registry.session_caller(&hash, self.env.now()));
        let caller = caller.unwrap_or_else(|| Caller::anonymous(self.anonymous));
        // The device where the person is now: a session that was started before the device was enrolled is on none.
        Caller { device: caller.device.clone().or(device), ..caller }
    }

    /// The caller according to the registry, which may lack recent revocations.
    fn registered(&self, headers: &HeaderMap) -> Result<Caller, Turned> {
        match bearer(headers) {
            Some(text) if text.starts_with(KEY_PREFIX) => {
                let token = KeyToken::parse(text).ok_or(Turned::Invalid)?;
                self.registry.caller(&token, self.env.now()).ok_or(Turned::Invalid)
            }
            Some(text) if text.starts_with(LINK_PREFIX) => {
                let link = self.registry.linked(text).ok_or(Turned::Invalid)?;
                // It recognises a browser, and opens nothing.
                let is_cookie = matches!(link.of, LinkOf::Browser(_));
                if is_cookie { Err(Turned::Invalid) } else { Ok(Caller::linked(link)) }
            }
            Some(text) if text.starts_with(OpaqueKind::Calendar.prefix()) => {
                let token = OpaqueToken::parse(OpaqueKind::Calendar, text).ok_or(Turned::Invalid)?;
                self.registry.calendar_caller(&token.hash()).ok_or(Turned::Invalid)
            }
            // Clients of other systems send a credential of their own along. It is none here.
            _ => Ok(self.caller_with_cookies(headers)),
        }
    }
}

impl Door for KeyDoor {
    fn caller(&self, headers: &HeaderMap) -> Result<Caller, Turned> {
        match presents_revocable(headers) && !(self.is_current)() {
            true => Err(Turned::Unchecked),
            false => self.registered(headers),
        }
    }

    /// Also while revocations may be missing: the clients of the gateway still count as several.
    fn is_service(&self, headers: &HeaderMap) -> bool {
        self.registered(headers).is_ok_and(|caller| caller.actor.kind == ActorKind::ServiceAccount)
    }

    fn approved<'a>(&'a self, caller: Caller, approval: &'a str) -> BoxFuture<'a, Result<Caller, Turned>> {
        Box::pin(async move {
            let wrong = Turned::NotApproved(SignInError::Wrong);
            let (sign_ins, device) =
                (self.sign_ins.as_ref().ok_or(wrong)?, caller.device.clone().ok_or(wrong)?);
            let (id, pin) = approval.split_once(' ').ok_or(wrong)?;
            let id = id.parse().map_err(|_| wrong)?;
            let proof = sign_ins.pin(&device, id, pin.trim()).await.map_err(Turned::NotApproved)?;
            sign_ins.approved(&proof);
            let account = self.registry.account(id).filter(|account| proof.holds_for(account));
            self.registry.approver(&account.ok_or(wrong)?, device).ok_or(wrong)
        })
    }

    fn anonymous(&self) -> Scopes {
        self.anonymous
    }
}

/// Whether `headers` present a credential that another instance may have revoked: a key, a session, a device or the link of a
/// calendar. A session also counts beside a credential of another system, which is none here.
fn presents_revocable(headers: &HeaderMap) -> bool {
    let bearer = bearer(headers);
    let is = |prefix| bearer.is_some_and(|text| text.starts_with(prefix));
    let cookie = |name| cookies::value(headers, name).is_some();
    match () {
        () if is(LINK_PREFIX) => false,
        () if is(KEY_PREFIX) || is(OpaqueKind::Calendar.prefix()) => true,
        () => cookie(cookies::SESSION) || cookie(cookies::DEVICE),
    }
}

/// Maximum age of a snapshot of keys, in seconds. A revoked key is refused everywhere after this time.
pub const SNAPSHOT_AGE_SECONDS_MAX: i64 = 30;

/// A door with a snapshot of the keys and sessions that another service records. It checks nothing with one that is too
/// old. Links are not credentials here: the pages of guests pass them on. Nor are PINs.
pub struct SnapshotDoor {
    keys: KeyDoor,
    /// When the keys were as the snapshot says.
    taken_at: RwLock<Option<DateTime<Utc>>>,
}

impl SnapshotDoor {
    /// A door without a snapshot. Callers without a credential have the scopes `anonymous`.
    #[must_use]
    pub fn new(anonymous: Scopes, env: SharedEnvironment) -> Self {
        Self { keys: KeyDoor::new(Arc::default(), anonymous, env), taken_at: RwLock::default() }
    }

    /// Replaces the snapshot by one that was taken at `taken_at`, or later.
    pub fn replace(&self, keys: Vec<HashedKey>, sessions: Vec<HashedSession>, taken_at: DateTime<Utc>) {
        self.keys.registry.replace(keys, sessions, taken_at);
        *self.taken_at.write() = Some(taken_at);
    }

    fn is_fresh(&self) -> bool {
        let age_max = TimeDelta::seconds(SNAPSHOT_AGE_SECONDS_MAX);
        self.taken_at.read().is_some_and(|taken_at| self.keys.env.now() - taken_at <= age_max)
    }
}

impl Door for SnapshotDoor {
    fn caller(&self, headers: &HeaderMap) -> Result<Caller, Turned> {
        match bearer(headers) {
            Some(text) if text.starts_with(LINK_PREFIX) => Err(Turned::Invalid),
            Some(text) if text.starts_with(KEY_PREFIX) && !self.is_fresh() => Err(Turned::Unchecked),
            // Also beside a credential of another system, which counts as none.
            _ if cookies::value(headers, cookies::SESSION).is_some() && !self.is_fresh() => {
                Err(Turned::Unchecked)
            }
            _ => self.keys.caller(headers),
        }
    }

    /// Also with an old snapshot: while the other service does not respond, the clients of the gateway still count as several.
    fn is_service(&self, headers: &HeaderMap) -> bool {
        self.keys.is_service(headers)
    }

    fn anonymous(&self) -> Scopes {
        self.keys.anonymous
    }
}

impl Door for Arc<SnapshotDoor> {
    fn caller(&self, headers: &HeaderMap) -> Result<Caller, Turned> {
        self.as_ref().caller(headers)
    }

    fn is_service(&self, headers: &HeaderMap) -> bool {
        self.as_ref().is_service(headers)
    }

    fn anonymous(&self) -> Scopes {
        self.as_ref().anonymous()
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header::AUTHORIZATION;
    use chassis::environment::{Environment as _, ManualEnvironment};
    use events::access::KeyKind;
    use events::values::Scope;

    use super::*;

    /// While revocations may be missing, only what cannot be revoked is admitted.
    #[test]
    fn a_registry_that_may_lack_revocations_checks_nothing() {
        let env = ManualEnvironment::at("2026-12-01T09:00:00Z".parse().unwrap());
        let door = |is_current: bool| {
            let door = KeyDoor::new(Arc::default(), Scopes::NONE, Arc::new(env.clone()));
            door.while_current(move || is_current)
        };
        let bearer = |text: &str| (AUTHORIZATION, format!("Bearer {text}").parse().unwrap());
        let cookie = |name: &str| (axum::http::header::COOKIE, format!("{name}=meja").parse().unwrap());
        let key = KeyToken::new(&env).reveal();
        let calendar = format!("{}x", OpaqueKind::Calendar.prefix());
        for shown in [
            vec![bearer(&key)],
            vec![bearer(&calendar)],
            vec![cookie(cookies::SESSION)],
            vec![cookie(cookies::DEVICE)],
            vec![bearer("of another system"), cookie(cookies::SESSION)],
        ] {
            let headers = HeaderMap::from_iter(shown);
            assert_eq!(door(false).caller(&headers).err(), Some(Turned::Unchecked), "{headers:?}");
            assert_ne!(door(true).caller(&headers).err(), Some(Turned::Unchecked), "{headers:?}");
        }
        for shown in [vec![], vec![bearer("mejal_AQEB")], vec![bearer("of another system")]] {
            let headers = HeaderMap::from_iter(shown);
            assert_eq!(door(false).caller(&headers).err(), door(true).caller(&headers).err(), "{headers:?}");
        }
    }

    #[test]
    fn a_snapshot_that_is_too_old_checks_nothing() {
        let env = ManualEnvironment::at("2026-12-01T09:00:00Z".parse().unwrap());
        let door = SnapshotDoor::new(Scopes::NONE, Arc::new(env.clone()));
        let token = KeyToken::new(&env);
        let shown =
            |text: &str| HeaderMap::from_iter([(AUTHORIZATION, format!("Bearer {text}").parse().unwrap())]);
        let caller = |text: &str| door.caller(&shown(text));
        assert_eq!(caller(&token.reveal()).err(), Some(Turned::Unchecked));
        let key = HashedKey {
            key_id: token.id().clone(),
            kind: KeyKind::Api,
            scopes: [Scope::Payments].into_iter().collect(),
            venues: None,
            expires_at: None,
            secret_sha256: hex::encode(token.hash()),
            previous_sha256: None,
            previous_until: None,
        };
        door.replace(vec![key.clone()], vec![], env.now());
        let admitted = caller(&token.reveal()).unwrap();
        assert!(
            admitted.needs(Scope::Payments, None).is_ok() && admitted.needs(Scope::Refund, None).is_err()
        );
        env.advance(TimeDelta::seconds(SNAPSHOT_AGE_SECONDS_MAX));
        assert!(caller(&token.reveal()).is_ok());
        env.advance(TimeDelta::microseconds(1));
        assert_eq!(caller(&token.reveal()).err(), Some(Turned::Unchecked));
        assert!(door.caller(&HeaderMap::new()).unwrap().is_anonymous());
        // The same key in a new snapshot, and then no longer.
        door.replace(vec![key], vec![], env.now());
        let admitted = caller(&token.reveal()).unwrap();
        door.replace(vec![], vec![], env.now());
        assert_eq!(caller(&token.reveal()).err(), Some(Turned::Invalid));
        assert!(admitted.is_valid_at(env.now()).is_err());
        // The link of a guest is for the pages of guests.
        assert_eq!(caller("mejal_AQEB").err(), Some(Turned::Invalid));
    }
}
