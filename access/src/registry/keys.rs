//! Keys. Part of [`super`].

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicI32;

use chrono::{DateTime, NaiveDate, Utc};
use contract::reservation::access::HashedKey;
use events::access::{KeyCreated, KeyKind};
use events::values::{Actor, ActorKind, Scopes};
use events::{KeyId, Position, Tag};
use subtle::ConstantTimeEq as _;
use tokio_util::sync::CancellationToken;

use crate::caller::{Caller, Presented};
use crate::token::SecretHash;
use crate::venues::Venues;

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

/// A key with its secrets.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: Key,
    /// The current secret; `None` if its payload is missing.
    secret: Option<SecretHash>,
    /// The secret before the last rotation.
    previous: Option<SecretHash>,
    pub(super) revoked: CancellationToken,
    /// The last date on which it was used, as a day number; 0 for never.
    pub(super) used_on: AtomicI32,
    /// The tags of the events that can end it.
    tags: Arc<[Tag]>,
}

impl Entry {
    pub(super) fn new(
        created: &KeyCreated,
        at: DateTime<Utc>,
        position: Position,
        secret: Option<SecretHash>,
    ) -> Self {
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
        Self::with(key, (secret, None), CancellationToken::new())
    }

    pub(super) fn of_snapshot(hashed: HashedKey, revoked: CancellationToken, now: DateTime<Utc>) -> Self {
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
        Self::with(key, (secret, previous), revoked)
    }

    fn with(
        key: Key,
        (secret, previous): (Option<SecretHash>, Option<SecretHash>),
        revoked: CancellationToken,
    ) -> Self {
        let tags = Arc::new([Tag::credential(&key.id)]);
        Self { key, secret, previous, revoked, used_on: AtomicI32::new(0), tags }
    }

    /// `None` for a key whose secret is not known.
    pub(super) fn hashed(&self) -> Option<HashedKey> {
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

    pub(super) fn rotate(
        &mut self,
        secret: Option<SecretHash>,
        previous_until: DateTime<Utc>,
        position: Position,
    ) {
        self.previous = std::mem::replace(&mut self.secret, secret);
        self.key.previous_until = Some(previous_until);
        self.key.payloads.push(position);
    }

    pub(super) fn revoke(&mut self, at: DateTime<Utc>) {
        self.key.revoked_at = Some(at);
        (self.secret, self.previous) = (None, None);
        self.revoked.cancel();
    }

    /// When the secret with this hash ends, if it is valid at `now`. Compares in constant time.
    pub(super) fn accepts(&self, hash: &SecretHash, now: DateTime<Utc>) -> Option<Option<DateTime<Utc>>> {
        let is = |secret: &Option<SecretHash>| secret.is_some_and(|secret| bool::from(secret.ct_eq(hash)));
        if is(&self.secret) {
            return Some(self.key.expires_at);
        }
        let until = self.key.previous_until.filter(|until| now < *until)?;
        is(&self.previous).then(|| Some(self.key.expires_at.map_or(until, |end| end.min(until))))
    }

    pub(super) fn caller(&self, valid_until: Option<DateTime<Utc>>) -> Caller {
        let kind = match self.key.kind {
            KeyKind::Api => ActorKind::ApiKey,
            KeyKind::Service => ActorKind::ServiceAccount,
        };
        let actor = Actor { kind, id: Some(format!("key:{}", self.key.id)) };
        let presented = Presented {
            tags: Arc::clone(&self.tags),
            revoked: self.revoked.clone(),
            device_revoked: None,
            valid_until,
        };
        Caller { presented: Some(presented), ..Caller::with(actor, self.key.scopes, self.key.venues.clone()) }
    }
}
