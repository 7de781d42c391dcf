//! The sender of a request.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use chassis::environment::Environment;
use chrono::{DateTime, Utc};
use events::values::{Actor, ActorKind, Scope, Scopes};
use events::{KeyId, Tag, VenueId};
use tokio_util::sync::CancellationToken;

use crate::guest_link::GuestLink;

/// The sender of a request, as far as its credential tells.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The actor of the events that follow from the request.
    pub actor: Actor,
    /// What the caller may do.
    pub scopes: Scopes,
    /// Where the caller may do it.
    pub venues: Venues,
    /// The key that the request presents, if any.
    pub(crate) key: Option<PresentedKey>,
    /// The guest's link that the request presents, if any.
    pub(crate) guest: Option<GuestLink>,
}

/// The key that a request presents.
#[derive(Debug, Clone)]
pub(crate) struct PresentedKey {
    pub(crate) id: KeyId,
    /// Cancelled when the key is revoked.
    pub(crate) revoked: CancellationToken,
    /// When the key, or the presented secret, ends by itself.
    pub(crate) valid_until: Option<DateTime<Utc>>,
}

/// What a request reads or changes, as far as authorisation depends on it.
#[derive(Debug, Clone, Copy)]
pub struct Object<'a> {
    /// The venue it belongs to.
    pub venue_id: &'a VenueId,
    /// How a guest reaches it; `None` if no guest does.
    pub guest: Option<GuestSide>,
}

/// How a guest reaches an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuestSide {
    /// The link that is valid for it.
    pub link: GuestLink,
    /// Until when a guest can change it. Reading ends with the data.
    pub acts_until: DateTime<Utc>,
}

/// What a request does with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// It reads the object.
    Read,
    /// It changes the object.
    Change,
}

/// A set of venues.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Venues {
    /// Every venue, later ones included.
    #[default]
    All,
    /// These.
    Only(Arc<BTreeSet<VenueId>>),
}

impl Venues {
    /// Whether `venue` is among them.
    #[must_use]
    pub fn contain(&self, venue: &VenueId) -> bool {
        match self {
            Self::All => true,
            Self::Only(venues) => venues.contains(venue),
        }
    }

    /// Whether all of `other` are among them.
    #[must_use]
    pub fn contain_all(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, _) => true,
            (Self::Only(_), Self::All) => false,
            (Self::Only(ours), Self::Only(theirs)) => theirs.is_subset(ours),
        }
    }

    /// The venues in their order; `None` for all.
    #[must_use]
    pub fn list(&self) -> Option<Vec<VenueId>> {
        match self {
            Self::All => None,
            Self::Only(venues) => Some(venues.iter().cloned().collect()),
        }
    }
}

impl From<Option<BTreeSet<VenueId>>> for Venues {
    /// The venues as events name them: none stands for all.
    fn from(venues: Option<BTreeSet<VenueId>>) -> Self {
        venues.map_or(Self::All, |venues| Self::Only(Arc::new(venues)))
    }
}

/// Why a caller may not do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The credential was revoked or has expired since the request arrived.
    #[error("the credential is no longer valid")]
    Ended,
    /// The object belongs to another venue or to another guest: the caller must not learn that it exists.
    #[error("the object belongs to another venue or to another guest")]
    Hidden,
    /// The caller is limited to venues, and the request is about others.
    #[error("the credential is limited to other venues")]
    Venue,
    /// The credential ends at this time, and what it would grant ends later.
    #[error("the credential ends at {0}, before what it would grant")]
    Outlived(DateTime<Utc>),
    /// The caller does not have this scope.
    #[error("the credential does not have the scope {}", .0.word())]
    Scope(Scope),
}

impl Caller {
    /// A caller without a credential; `scopes` are what such callers may do.
    #[must_use]
    pub fn anonymous(scopes: Scopes) -> Self {
        Self { actor: Actor::unauthenticated(), scopes, venues: Venues::All, key: None, guest: None }
    }

    /// The component `name` of the system, which may do everything.
    #[must_use]
    pub fn system(name: &str) -> Self {
        let (actor, scopes) = (Actor::system(name), Scopes::all());
        Self { actor, scopes, venues: Venues::All, key: None, guest: None }
    }

    /// A guest who presents `link`. The link grants no scope, but one object.
    #[must_use]
    pub fn guest(link: GuestLink) -> Self {
        let id = Some(format!("guest:{}", link.of.id()));
        let actor = Actor { kind: ActorKind::AppUser, id };
        Self { actor, scopes: Scopes::NONE, venues: Venues::All, key: None, guest: Some(link) }
    }

    /// Whether the request acts for a guest: with the guest's link, or without any credential.
    #[must_use]
    pub fn is_guest(&self) -> bool {
        matches!(self.actor.kind, ActorKind::AppUser | ActorKind::Unauthenticated)
    }

    /// Whether the request came without a credential.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        self.actor.kind == ActorKind::Unauthenticated
    }

    /// Checks that the caller has `scope`. For a part of an operation that needs more than the operation.
    ///
    /// # Errors
    /// [`Denied::Scope`].
    pub fn needs(&self, scope: Scope) -> Result<(), Denied> {
        if self.scopes.contains(scope) { Ok(()) } else { Err(Denied::Scope(scope)) }
    }

    /// Checks that the caller may read or change `object` at `now`.
    ///
    /// # Errors
    /// [`Denied::Hidden`] for an object of another venue or of another guest, and [`Denied::Ended`] for a link that was
    /// replaced, or that is no longer valid for changes.
    pub fn may(&self, intent: Intent, object: &Object<'_>, now: DateTime<Utc>) -> Result<(), Denied> {
        let Some(link) = &self.guest else {
            return if self.venues.contain(object.venue_id) { Ok(()) } else { Err(Denied::Hidden) };
        };
        match object.guest {
            Some(side) if side.link.of != link.of => Err(Denied::Hidden),
            Some(side) if side.link != *link => Err(Denied::Ended),
            Some(side) if intent == Intent::Change && side.acts_until <= now => Err(Denied::Ended),
            Some(_) => Ok(()),
            None => Err(Denied::Hidden),
        }
    }

    /// Checks that the caller may read what belongs to `venue` as a whole.
    ///
    /// # Errors
    /// [`Denied::Hidden`].
    pub fn may_use(&self, venue: &VenueId) -> Result<(), Denied> {
        if self.guest.is_none() && self.venues.contain(venue) { Ok(()) } else { Err(Denied::Hidden) }
    }

    /// Checks that what the caller grants until `end` (`None`: for ever) does not outlive its own credential, so that the
    /// previous secret of a rotated key cannot become a key that stays.
    ///
    /// # Errors
    /// [`Denied::Outlived`].
    pub fn may_grant_until(&self, end: Option<DateTime<Utc>>) -> Result<(), Denied> {
        match self.key.as_ref().and_then(|key| key.valid_until) {
            Some(own) if end.is_none_or(|end| end > own) => Err(Denied::Outlived(own)),
            _ => Ok(()),
        }
    }

    /// Checks that the credential is still valid.
    ///
    /// # Errors
    /// [`Denied::Ended`].
    pub fn is_valid_at(&self, now: DateTime<Utc>) -> Result<(), Denied> {
        let has_ended = |key: &PresentedKey| {
            key.revoked.is_cancelled() || key.valid_until.is_some_and(|until| until <= now)
        };
        if self.key.as_ref().is_some_and(has_ended) { Err(Denied::Ended) } else { Ok(()) }
    }

    /// Waits until the credential ends: it is revoked, or it expires. Never for a caller without one.
    pub async fn ended(&self, env: &dyn Environment) {
        let Some(key) = &self.key else { return std::future::pending().await };
        let expired = async {
            match key.valid_until {
                Some(until) => {
                    while env.now() < until {
                        env.wait_until(until).await;
                    }
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = key.revoked.cancelled() => {}
            () = expired => {}
        }
    }

    /// The tag of the events that can end the credential. An append condition on it guarantees that nothing is recorded
    /// for a credential after it was revoked.
    #[must_use]
    pub fn guard(&self) -> Option<Tag> {
        self.key.as_ref().map(|key| Tag::credential(&key.id))
    }

    /// The name of the caller in Idempotency-Keys. Two callers with different names never share one. A key keeps
    /// its name when it gets a new secret, and all keys of a service have the same.
    #[must_use]
    pub fn name(&self) -> &str {
        match (self.actor.kind, &self.actor.id) {
            (ActorKind::ApiKey | ActorKind::User | ActorKind::AppUser, Some(id)) => id,
            (kind, _) => kind.word(),
        }
    }
}

/// What the door found out about a request.
#[derive(Debug, Clone)]
pub(crate) struct Identified(pub(crate) Caller);

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    /// The caller. A route that stands before no door has an anonymous one without scopes.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let identified = parts.extensions.get::<Identified>().map(|Identified(caller)| caller.clone());
        Ok(identified.unwrap_or_else(|| Self::anonymous(Scopes::NONE)))
    }
}
