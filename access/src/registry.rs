//! The credentials that are recorded in the log, in memory and in step with it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI32, Ordering};

use chrono::{DateTime, Datelike as _, NaiveDate, Utc};
use contract::reservation::access::HashedKey;
use events::access::{KeyCreated, KeyKind, KeyRevoked, KeyRotated, KeyUsed};
use events::values::{Actor, ActorKind, Scopes};
use events::{Event, KeyId, Position};
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use tokio_util::sync::CancellationToken;

use crate::caller::{Caller, PresentedKey, Venues};
use crate::guest_link::{GuestLink, LinkKey, LinkSecret};
use crate::token::{KeyToken, SecretHash};

/// Maximum number of keys that are not revoked.
pub const KEYS_MAX: usize = 1_000;

/// The confidential payload of an event that gives a key a secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HashedSecret {
    /// SHA-256 of the secret, hexadecimal.
    pub secret_sha256: String,
}

impl From<&KeyToken> for HashedSecret {
    fn from(token: &KeyToken) -> Self {
        Self { secret_sha256: hex::encode(token.hash()) }
    }
}

impl HashedSecret {
    fn hash(&self) -> Option<SecretHash> {
        hex::decode(&self.secret_sha256).ok()?.try_into().ok()
    }
}

/// A key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its id.
    pub id: KeyId,
    /// What uses it.
    pub kind: KeyKind,
    /// Its name for people.
    pub name: String,
    /// What it may do.
    pub scopes: Scopes,
    /// Where it may do it.
    pub venues: Venues,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// Until when the secret before the last rotation is valid too.
    pub previous_until: Option<DateTime<Utc>>,
    /// The last UTC date on which it was used.
    pub last_used_on: Option<NaiveDate>,
    /// Positions of the confidential payloads with its secrets.
    pub payloads: Vec<Position>,
}

impl Key {
    /// Whether it can be used at `now`.
    #[must_use]
    pub fn is_valid_at(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|at| now < at)
    }
}

#[derive(Debug)]
struct Entry {
    key: Key,
    /// The current secret; `None` if its payload is missing.
    secret: Option<SecretHash>,
    /// The secret before the last rotation.
    previous: Option<SecretHash>,
    revoked: CancellationToken,
    /// The last date on which it was used, as a day number; 0 for never.
    used_on: AtomicI32,
}

/// The recorded credentials.
#[derive(Debug, Default)]
pub struct Registry(RwLock<State>);

#[derive(Debug, Default)]
struct State {
    keys: BTreeMap<KeyId, Entry>,
    link_key: Option<LinkKey>,
    /// Whether any access event was recorded.
    is_begun: bool,
}

impl Registry {
    /// Applies an event that was recorded at `position`, with its confidential payload. Other events than those of
    /// credentials change nothing.
    pub fn apply(&self, event: &Event, at: DateTime<Utc>, position: Position, payload: Option<&[u8]>) {
        let secret = || serde_json::from_slice::<HashedSecret>(payload?).ok()?.hash();
        let mut state = self.0.write();
        match event {
            Event::KeyCreated(created) => {
                let entry = Entry::new(created, at, position, secret());
                state.keys.insert(created.key_id.clone(), entry);
            }
            Event::KeyRotated(KeyRotated { key_id, previous_until, .. }) => {
                if let Some(entry) = state.keys.get_mut(key_id) {
                    entry.rotate(secret(), *previous_until, position);
                }
            }
            Event::KeyRevoked(KeyRevoked { key_id, .. }) => {
                if let Some(entry) = state.keys.get_mut(key_id) {
                    entry.revoke(at);
                }
            }
            Event::KeyUsed(KeyUsed { key_id, on }) => {
                if let Some(entry) = state.keys.get_mut(key_id) {
                    entry.key.last_used_on = entry.key.last_used_on.max(Some(*on));
                }
            }
            Event::LinkKeyCreated(_) => {
                let secret = payload.and_then(|json| serde_json::from_slice::<LinkSecret>(json).ok());
                state.link_key = secret.and_then(|secret| secret.key());
            }
            _ => return,
        }
        state.is_begun = true;
    }

    /// Whether any event of credentials was recorded.
    #[must_use]
    pub fn is_begun(&self) -> bool {
        self.0.read().is_begun
    }

    /// The sender of a request that presents `token`; `None` if the token is not valid at `now`. Notes the use.
    #[must_use]
    pub fn caller(&self, token: &KeyToken, now: DateTime<Utc>) -> Option<Caller> {
        let state = self.0.read();
        let entry = state.keys.get(token.id()).filter(|entry| entry.key.is_valid_at(now))?;
        let valid_until = entry.accepts(&token.hash(), now)?;
        entry.used_on.store(now.date_naive().num_days_from_ce(), Ordering::Relaxed);
        Some(entry.caller(valid_until))
    }

    /// The guest who presents the link `text`; `None` if the link is not valid. The object that it is for decides whether it
    /// was replaced.
    #[must_use]
    pub fn guest(&self, text: &str) -> Option<Caller> {
        self.0.read().link_key.as_ref()?.verify(text).map(Caller::guest)
    }

    /// The text of a link; `None` if the log has no key for links.
    #[must_use]
    pub fn sign(&self, link: GuestLink) -> Option<String> {
        self.0.read().link_key.as_ref().map(|key| key.sign(link))
    }

    /// All keys, the first one first.
    #[must_use]
    pub fn keys(&self) -> Vec<Key> {
        let mut keys: Vec<_> = self.0.read().keys.values().map(|entry| entry.key.clone()).collect();
        keys.sort_by_key(|key| key.payloads.first().copied());
        keys
    }

    /// The key `id`.
    #[must_use]
    pub fn key(&self, id: &KeyId) -> Option<Key> {
        self.0.read().keys.get(id).map(|entry| entry.key.clone())
    }

    /// What another service needs to check the keys that can be used at `now`.
    #[must_use]
    pub fn hashed_keys(&self, now: DateTime<Utc>) -> Vec<HashedKey> {
        let state = self.0.read();
        state.keys.values().filter(|entry| entry.key.is_valid_at(now)).filter_map(Entry::hashed).collect()
    }

    /// Replaces all keys by those in a snapshot of another service. Requests in progress by keys that are not among them
    /// end.
    pub fn replace(&self, keys: Vec<HashedKey>, now: DateTime<Utc>) {
        let mut state = self.0.write();
        let mut before = std::mem::take(&mut state.keys);
        for hashed in keys {
            let revoked = before.remove(&hashed.key_id).map(|entry| entry.revoked).unwrap_or_default();
            state.keys.insert(hashed.key_id.clone(), Entry::of_snapshot(hashed, revoked, now));
        }
        before.values().for_each(|entry| entry.revoked.cancel());
        state.is_begun = true;
    }

    /// Keys that were used on a date that is not recorded yet, with the date.
    #[must_use]
    pub fn unrecorded_uses(&self) -> Vec<(KeyId, NaiveDate)> {
        let state = self.0.read();
        let unrecorded = |entry: &Entry| {
            let used = NaiveDate::from_num_days_from_ce_opt(entry.used_on.load(Ordering::Relaxed))?;
            let is_new = used.num_days_from_ce() > 0 && entry.key.last_used_on < Some(used);
            (is_new && entry.key.revoked_at.is_none()).then(|| (entry.key.id.clone(), used))
        };
        state.keys.values().filter_map(unrecorded).collect()
    }
}

impl Entry {
    fn new(created: &KeyCreated, at: DateTime<Utc>, position: Position, secret: Option<SecretHash>) -> Self {
        let KeyCreated { key_id, kind, name, scopes, venues, expires_at, .. } = created.clone();
        let key = Key {
            id: key_id,
            kind,
            name,
            scopes,
            venues: venues.into(),
            created_at: at,
            expires_at,
            revoked_at: None,
            previous_until: None,
            last_used_on: None,
            payloads: vec![position],
        };
        Self { key, secret, previous: None, revoked: CancellationToken::new(), used_on: AtomicI32::new(0) }
    }

    fn of_snapshot(hashed: HashedKey, revoked: CancellationToken, now: DateTime<Utc>) -> Self {
        let hash = |hex: &str| hex::decode(hex).ok()?.try_into().ok();
        let key = Key {
            id: hashed.key_id,
            kind: hashed.kind,
            name: String::new(),
            scopes: hashed.scopes,
            venues: hashed.venues.map(BTreeSet::from_iter).into(),
            created_at: now,
            expires_at: hashed.expires_at,
            revoked_at: None,
            previous_until: hashed.previous_until,
            last_used_on: None,
            payloads: Vec::new(),
        };
        let (secret, previous) =
            (hash(&hashed.secret_sha256), hashed.previous_sha256.as_deref().and_then(hash));
        Self { key, secret, previous, revoked, used_on: AtomicI32::new(0) }
    }

    /// `None` for a key whose secret is not known.
    fn hashed(&self) -> Option<HashedKey> {
        Some(HashedKey {
            key_id: self.key.id.clone(),
            kind: self.key.kind,
            scopes: self.key.scopes,
            venues: self.key.venues.list(),
            expires_at: self.key.expires_at,
            secret_sha256: hex::encode(self.secret?),
            previous_sha256: self.previous.map(hex::encode),
            previous_until: self.key.previous_until,
        })
    }

    fn rotate(&mut self, secret: Option<SecretHash>, previous_until: DateTime<Utc>, position: Position) {
        self.previous = std::mem::replace(&mut self.secret, secret);
        self.key.previous_until = Some(previous_until);
        self.key.payloads.push(position);
    }

    fn revoke(&mut self, at: DateTime<Utc>) {
        self.key.revoked_at = Some(at);
        (self.secret, self.previous) = (None, None);
        self.revoked.cancel();
    }

    /// When the secret with this hash ends, if it is valid at `now`. Compares in constant time.
    fn accepts(&self, hash: &SecretHash, now: DateTime<Utc>) -> Option<Option<DateTime<Utc>>> {
        let is = |secret: &Option<SecretHash>| secret.is_some_and(|secret| bool::from(secret.ct_eq(hash)));
        if is(&self.secret) {
            return Some(self.key.expires_at);
        }
        let until = self.key.previous_until.filter(|until| now < *until)?;
        is(&self.previous).then(|| Some(self.key.expires_at.map_or(until, |end| end.min(until))))
    }

    fn caller(&self, valid_until: Option<DateTime<Utc>>) -> Caller {
        let kind = match self.key.kind {
            KeyKind::Api => ActorKind::ApiKey,
            KeyKind::Service => ActorKind::ServiceAccount,
        };
        Caller {
            actor: Actor { kind, id: Some(format!("key:{}", self.key.id)) },
            scopes: self.key.scopes,
            venues: self.key.venues.clone(),
            key: Some(PresentedKey { id: self.key.id.clone(), revoked: self.revoked.clone(), valid_until }),
            guest: None,
        }
    }
}

#[cfg(test)]
mod tests;
