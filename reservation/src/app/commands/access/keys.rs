//! Keys: creating the first ones, creating others, giving one a new secret, revoking, and recording their use.

use std::collections::BTreeSet;

use access::first::FirstKey;
use access::link::LinkSecret;
use access::registry::{HashedSecret, KEYS_MAX};
use access::token::KeyToken;
use access::{Denied, Key, Object, Venues};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use events::access::{KeyCreated, KeyKind, KeyRevoked, KeyRotated, KeyUsed, LinkKeyCreated};
use events::event::Event;
use events::recorded::NewEvent;
use events::values::Scopes;
use events::{KeyId, Position, Tag, VenueId};

use super::devices::revoked;
use super::staff::removed;
use super::{AccessEvent, Deciding};
use crate::app::confidential::{SealedPayload, seal};
use crate::app::event_builder::{EventSubject, new_events};
use crate::app::executor::{Attempt, CommandError, Decision, EarlierOutcome, Executor, Loaded, Operation};
use crate::app::outcome::KeyOutcome;
use crate::app::request_context::RequestContext;
use crate::domain::RecordedAt;

/// What changes a key.
#[derive(Debug, Clone)]
pub enum KeyCommand {
    /// Create it.
    Create {
        /// The new key.
        token: KeyToken,
        /// Its name for people.
        name: String,
        /// What it may do.
        scopes: Scopes,
        /// The venues it may act for; `None` for all.
        venues: Option<BTreeSet<VenueId>>,
        /// When it ends by itself.
        expires_at: Option<DateTime<Utc>>,
    },
    /// Give it a new secret.
    Rotate {
        /// The key with the new secret.
        token: KeyToken,
        /// For how long the previous secret is valid too.
        overlap: TimeDelta,
    },
    /// End it.
    Revoke {
        /// The key.
        id: KeyId,
        /// The reason as a stable code.
        reason_code: String,
    },
    /// Record that it was used.
    Use {
        /// The key.
        id: KeyId,
        /// The UTC date.
        on: NaiveDate,
    },
}

impl KeyCommand {
    /// The key with its new secret, as text, if the command gives it one.
    #[must_use]
    pub fn token(&self) -> Option<String> {
        match self {
            Self::Create { token, .. } | Self::Rotate { token, .. } => Some(token.reveal()),
            Self::Revoke { .. } | Self::Use { .. } => None,
        }
    }

    fn id(&self) -> &KeyId {
        match self {
            Self::Create { token, .. } | Self::Rotate { token, .. } => token.id(),
            Self::Revoke { id, .. } | Self::Use { id, .. } => id,
        }
    }
}

/// Creates or changes a key.
pub(in crate::app::commands) struct ChangeKey<'a> {
    pub(in crate::app::commands) command: &'a KeyCommand,
    pub(in crate::app::commands) context: &'a RequestContext,
}

/// The key that a command names, if it exists.
pub(in crate::app::commands) struct NamedKey(Option<Key>);

impl ChangeKey<'_> {
    /// A caller reaches only keys for its own venues; `elsewhere` is the answer to others. It grants no scope that it does
    /// not have there itself.
    fn authorize_for(
        &self,
        scopes: Scopes,
        venues: &Venues,
        elsewhere: CommandError,
    ) -> Result<(), CommandError> {
        match self.context.caller.may_grant(scopes, venues) {
            Err(Denied::Venue) => Err(elsewhere),
            other => Ok(other?),
        }
    }

    fn event(
        &self,
        executor: &Executor,
        key: Option<&Key>,
        now: DateTime<Utc>,
    ) -> Result<Option<(Event, Option<SealedPayload>)>, CommandError> {
        let unknown = || CommandError::UnknownKey(self.command.id().clone());
        let with_secret = |token: &KeyToken| seal(&HashedSecret::from(token), executor.env.as_ref());
        Ok(match self.command {
            KeyCommand::Create { token, name, scopes, venues, expires_at } => {
                self.authorize_for(*scopes, &venues.clone().into(), Denied::Venue.into())?;
                self.context.caller.may_grant_until(*expires_at)?;
                let valid =
                    executor.projections.access().keys().iter().filter(|key| key.is_valid_at(now)).count();
                if valid >= KEYS_MAX {
                    return Err(CommandError::TooManyKeys);
                }
                let sealed = with_secret(token)?;
                let created = KeyCreated {
                    key_id: token.id().clone(),
                    kind: KeyKind::Api,
                    name: name.clone(),
                    scopes: *scopes,
                    venues: venues.clone(),
                    expires_at: *expires_at,
                    secret_digest: sealed.digest.clone(),
                };
                Some((created.into(), Some(sealed)))
            }
            KeyCommand::Rotate { token, overlap } => {
                let key = key.ok_or_else(unknown)?;
                self.authorize_for(key.scopes, &key.venues, unknown())?;
                self.context.caller.may_grant_until(key.expires_at)?;
                if !key.is_valid_at(now) {
                    return Err(CommandError::KeyEnded(key.id.clone()));
                }
                let sealed = with_secret(token)?;
                let (key_id, previous_until) = (key.id.clone(), now + *overlap);
                let rotated = KeyRotated { key_id, previous_until, secret_digest: sealed.digest.clone() };
                Some((rotated.into(), Some(sealed)))
            }
            KeyCommand::Revoke { reason_code, .. } => {
                let key = key.ok_or_else(unknown)?;
                self.authorize_for(Scopes::NONE, &key.venues, unknown())?;
                let revoked = KeyRevoked { key_id: key.id.clone(), reason_code: reason_code.clone() };
                key.revoked_at.is_none().then(|| (revoked.into(), None))
            }
            KeyCommand::Use { on, .. } => {
                let key = key.ok_or_else(unknown)?;
                let used = KeyUsed { key_id: key.id.clone(), on: *on };
                let is_new = key.revoked_at.is_none() && key.last_used_on < Some(*on);
                is_new.then(|| (used.into(), None))
            }
        })
    }
}

impl Operation for ChangeKey<'_> {
    type Subject = NamedKey;
    type Details = ();
    type Outcome = KeyOutcome;

    async fn load(&self, executor: &Executor) -> Result<Loaded<NamedKey>, CommandError> {
        let head = executor.store.known_head();
        executor.projections.wait_until(head).await;
        let key = executor.projections.access().key(self.command.id());
        Ok(Loaded { subject: NamedKey(key), read_position: Some(head) })
    }

    /// A key can belong to several venues, so that [`Self::authorize_for`] compares all of them.
    fn object<'s>(&'s self, _: &'s NamedKey) -> Option<Object<'s>> {
        None
    }

    async fn decide(
        &self,
        executor: &Executor,
        NamedKey(key): &NamedKey,
        attempt: Attempt,
    ) -> Result<Decision, CommandError> {
        let Some((event, sealed)) = self.event(executor, key.as_ref(), attempt.now)? else {
            return Ok(Decision::default());
        };
        let payloads = key.as_ref().map(|key| key.payloads.clone()).unwrap_or_default();
        let subject = EventSubject::key(self.command.id(), payloads);
        let context = RequestContext { payload: sealed.map(|sealed| sealed.bytes), ..self.context.clone() };
        let events = vec![event];
        let new_events = new_events(&events, &subject, &context, executor.env.as_ref(), attempt.now)?;
        // Creations are counted, so that they exclude each other.
        let all = matches!(self.command, KeyCommand::Create { .. }).then(Tag::access);
        let tags = std::iter::once(Tag::credential(self.command.id())).chain(all).collect();
        Ok(Decision { events, new_events, tags, read_position: None, details: () })
    }

    async fn outcome(
        &self,
        executor: &Executor,
        _: NamedKey,
        _: Decision,
        at: Option<RecordedAt>,
    ) -> Result<KeyOutcome, CommandError> {
        if let Some(at) = at {
            // A revocation counts once the projections contain it.
            executor.projections.wait_until(at.position).await;
        }
        let key = executor.projections.access().key(self.command.id());
        let key = key.ok_or_else(|| CommandError::UnknownKey(self.command.id().clone()))?;
        Ok(KeyOutcome { key, replayed: false })
    }

    fn replay(&self, earlier: EarlierOutcome) -> Result<KeyOutcome, CommandError> {
        match earlier {
            EarlierOutcome::Key(outcome) => Ok(*outcome),
            _ => Err(CommandError::KeyReused),
        }
    }
}

/// The reason code of what a recovery of access ends.
const RECOVERED: &str = "access_recovered";

/// Records first keys: at the first start of an installation, or to recover it.
pub(in crate::app::commands) struct IssueFirstKeys<'a> {
    pub(in crate::app::commands) keys: &'a [FirstKey],
    /// The new key for the links of guests, if there shall be one.
    pub(in crate::app::commands) link_key: Option<(&'a KeyId, &'a LinkSecret)>,
    pub(in crate::app::commands) mode: Issue,
    pub(in crate::app::commands) context: &'a RequestContext,
}

/// When first keys are recorded, and what happens to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Issue {
    /// Only if the log has no events of keys.
    First,
    /// In addition to the others.
    Additional,
    /// Instead of all others: every other key and device is revoked, and every account ends.
    Instead,
}

impl IssueFirstKeys<'_> {
    fn new_events(&self, executor: &Executor, now: DateTime<Utc>) -> Result<Vec<NewEvent>, CommandError> {
        let env = executor.env.as_ref();
        let mut all = Vec::new();
        let mut add = |event: Event, id: &KeyId, payloads: Vec<Position>, sealed: Option<SealedPayload>| {
            let payload = sealed.map(|sealed| sealed.bytes);
            let context = RequestContext { payload, ..self.context.clone() };
            let subject = EventSubject::key(id, payloads);
            new_events(&[event], &subject, &context, env, now).map(|new| all.extend(new))
        };
        for key in self.replaced(executor) {
            let reason_code = RECOVERED.to_owned();
            add(KeyRevoked { key_id: key.id.clone(), reason_code }.into(), &key.id, key.payloads, None)?;
        }
        let ended = self.ended(executor, now);
        for key in self.keys {
            let sealed = seal(&HashedSecret::from(&key.token), env)?;
            let created = KeyCreated {
                key_id: key.token.id().clone(),
                kind: key.kind,
                name: key.name.to_owned(),
                scopes: key.scopes,
                venues: None,
                expires_at: None,
                secret_digest: sealed.digest.clone(),
            };
            add(created.into(), key.token.id(), vec![], Some(sealed))?;
        }
        if let Some((id, secret)) = self.link_key {
            let sealed = seal(secret, env)?;
            let created = LinkKeyCreated { key_id: id.clone(), secret_digest: sealed.digest.clone() };
            add(created.into(), id, vec![], Some(sealed))?;
        }
        for event in ended {
            all.extend(event.into_new(self.context, env, now)?);
        }
        Ok(all)
    }

    /// The ends of accounts and devices that the new keys replace.
    fn ended(&self, executor: &Executor, now: DateTime<Utc>) -> Vec<AccessEvent> {
        if self.mode != Issue::Instead {
            return Vec::new();
        }
        let registry = executor.projections.access();
        let from = Deciding {
            registry,
            venues: &executor.venues,
            caller: &self.context.caller,
            env: executor.env.as_ref(),
            now,
        };
        let accounts = registry.accounts();
        let accounts = accounts.iter().map(|account| removed(&from, account, RECOVERED));
        let devices = registry.devices().into_iter().map(|device| revoked(&from, &device, RECOVERED));
        accounts.chain(devices).collect()
    }

    /// The keys that the new ones replace.
    fn replaced(&self, executor: &Executor) -> Vec<Key> {
        match self.mode {
            Issue::First | Issue::Additional => Vec::new(),
            Issue::Instead => {
                let keys = executor.projections.access().keys();
                keys.into_iter().filter(|key| key.revoked_at.is_none()).collect()
            }
        }
    }
}

impl Operation for IssueFirstKeys<'_> {
    type Subject = ();
    type Details = ();
    /// Whether the keys were recorded.
    type Outcome = bool;

    async fn load(&self, executor: &Executor) -> Result<Loaded<()>, CommandError> {
        let head = executor.store.known_head();
        executor.projections.wait_until(head).await;
        Ok(Loaded { subject: (), read_position: Some(head) })
    }

    fn object<'s>(&'s self, (): &'s ()) -> Option<Object<'s>> {
        None
    }

    async fn decide(&self, executor: &Executor, (): &(), attempt: Attempt) -> Result<Decision, CommandError> {
        if self.mode == Issue::First && executor.projections.access().is_begun() {
            return Ok(Decision::default());
        }
        let new_events = self.new_events(executor, attempt.now)?;
        let tags = vec![Tag::access()];
        Ok(Decision { events: vec![], new_events, tags, read_position: None, details: () })
    }

    async fn outcome(
        &self,
        executor: &Executor,
        (): (),
        _: Decision,
        at: Option<RecordedAt>,
    ) -> Result<bool, CommandError> {
        if let Some(at) = at {
            executor.projections.wait_until(at.position).await;
        }
        Ok(at.is_some())
    }

    fn replay(&self, _: EarlierOutcome) -> Result<bool, CommandError> {
        Err(CommandError::KeyReused)
    }
}
