//! Finds out who sent a request.

use std::sync::Arc;

use axum::http::HeaderMap;
use chassis::environment::SharedEnvironment;
use chrono::{DateTime, TimeDelta, Utc};
use contract::reservation::access::HashedKey;
use events::values::Scopes;
use parking_lot::RwLock;

use crate::caller::Caller;
use crate::guest_link::LINK_PREFIX;
use crate::registry::Registry;
use crate::token::{KEY_PREFIX, KeyToken, bearer};

/// Finds out who sent a request.
pub trait Door: Send + Sync + 'static {
    /// The caller that presents the credential in `headers`, or an anonymous one.
    ///
    /// # Errors
    /// [`Turned`] when the credential is not valid, or cannot be checked.
    fn caller(&self, headers: &HeaderMap) -> Result<Caller, Turned>;

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
}

/// A door for the holders of recorded keys and of guests' links.
pub struct KeyDoor {
    registry: Arc<Registry>,
    anonymous: Scopes,
    env: SharedEnvironment,
}

impl KeyDoor {
    /// A door for the keys in `registry`. Callers without a credential have the scopes `anonymous`.
    #[must_use]
    pub fn new(registry: Arc<Registry>, anonymous: Scopes, env: SharedEnvironment) -> Self {
        Self { registry, anonymous, env }
    }
}

impl Door for KeyDoor {
    fn caller(&self, headers: &HeaderMap) -> Result<Caller, Turned> {
        match bearer(headers) {
            Some(text) if text.starts_with(KEY_PREFIX) => {
                let token = KeyToken::parse(text).ok_or(Turned::Invalid)?;
                self.registry.caller(&token, self.env.now()).ok_or(Turned::Invalid)
            }
            Some(text) if text.starts_with(LINK_PREFIX) => self.registry.guest(text).ok_or(Turned::Invalid),
            // Clients of other systems send a credential of their own along. It is none here.
            _ => Ok(Caller::anonymous(self.anonymous)),
        }
    }

    fn anonymous(&self) -> Scopes {
        self.anonymous
    }
}

/// Maximum age of a snapshot of keys, in seconds. A revoked key is refused everywhere after this time.
pub const SNAPSHOT_AGE_SECONDS_MAX: i64 = 30;

/// A door with a snapshot of the keys that another service records. It checks nothing with one that is too old. Links of
/// guests are not credentials here: the pages of guests pass them on.
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
    pub fn replace(&self, keys: Vec<HashedKey>, taken_at: DateTime<Utc>) {
        self.keys.registry.replace(keys, taken_at);
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
            _ => self.keys.caller(headers),
        }
    }

    fn anonymous(&self) -> Scopes {
        self.keys.anonymous
    }
}

impl Door for Arc<SnapshotDoor> {
    fn caller(&self, headers: &HeaderMap) -> Result<Caller, Turned> {
        self.as_ref().caller(headers)
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
        door.replace(vec![key.clone()], env.now());
        let admitted = caller(&token.reveal()).unwrap();
        assert!(admitted.needs(Scope::Payments).is_ok() && admitted.needs(Scope::Refund).is_err());
        env.advance(TimeDelta::seconds(SNAPSHOT_AGE_SECONDS_MAX));
        assert!(caller(&token.reveal()).is_ok());
        env.advance(TimeDelta::microseconds(1));
        assert_eq!(caller(&token.reveal()).err(), Some(Turned::Unchecked));
        assert!(door.caller(&HeaderMap::new()).unwrap().is_anonymous());
        // The same key in a new snapshot, and then no longer.
        door.replace(vec![key], env.now());
        let admitted = caller(&token.reveal()).unwrap();
        door.replace(vec![], env.now());
        assert_eq!(caller(&token.reveal()).err(), Some(Turned::Invalid));
        assert!(admitted.is_valid_at(env.now()).is_err());
        // The link of a guest is for the pages of guests.
        assert_eq!(caller("mejal_AQEB").err(), Some(Turned::Invalid));
    }
}
