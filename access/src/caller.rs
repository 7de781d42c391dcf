//! The sender of a request.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use chassis::environment::Environment;
use chrono::{DateTime, TimeDelta, Utc};
use events::values::{Actor, ActorKind, Scope, Scopes};
use events::{DeviceId, SessionId, StaffId, Tag, VenueId};
use tokio_util::sync::CancellationToken;

use crate::link::Link;
use crate::role::Grant;
use crate::venues::Venues;

/// For how long a person who proved the identity may do what needs a fresh proof.
pub const FRESH_FOR: TimeDelta = TimeDelta::minutes(5);

/// The sender of a request, as far as its credential tells.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The actor of the events that follow from the request.
    pub actor: Actor,
    /// What the caller may do somewhere.
    pub(crate) scopes: Scopes,
    /// The venues where the caller has any scope; after admission, those where it has the scope of the operation.
    pub venues: Venues,
    /// What the caller may do where, if that differs between venues.
    pub(crate) grants: Option<Arc<[Grant]>>,
    /// The recorded credential that the request presents, if any.
    pub(crate) presented: Option<Presented>,
    /// The signed link that the request presents, if any.
    pub(crate) link: Option<Link>,
    /// The person, if the request presents a session.
    pub(crate) person: Option<Person>,
    /// The device at the stand that the request came from, if any.
    pub(crate) device: Option<StandDevice>,
    /// Whether the credential changes nothing, not even what needs none.
    pub(crate) is_read_only: bool,
}

/// The recorded credential that a request presents.
#[derive(Debug, Clone)]
pub(crate) struct Presented {
    /// The tags of the events that can end it.
    pub(crate) tags: Arc<[Tag]>,
    /// Cancelled when it is revoked, or when what it opens changes.
    pub(crate) revoked: CancellationToken,
    /// For an approval without a session: cancelled when the approving device is revoked.
    pub(crate) device_revoked: Option<CancellationToken>,
    /// When it ends by itself. For the previous secret of a key, when that ends.
    pub(crate) valid_until: Option<DateTime<Utc>>,
}

/// A signed-in member of staff.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Person {
    /// The person.
    pub staff_id: StaffId,
    /// The session.
    pub session_id: SessionId,
    /// Whether the person proved the identity within [`FRESH_FOR`].
    pub is_fresh: bool,
    /// Whether the last proof was a PIN, which is typed in public.
    pub by_pin: bool,
    /// The device at the stand, if the session is on one.
    pub device_id: Option<DeviceId>,
}

/// A device at the stand of a venue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandDevice {
    /// The device.
    pub id: DeviceId,
    /// The venue.
    pub venue_id: VenueId,
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
    pub link: Link,
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
    /// The person proved the identity longer ago than [`FRESH_FOR`].
    #[error("the identity was proved longer than five minutes ago")]
    Stale,
}

impl Caller {
    /// A caller without a credential; `scopes` are what such callers may do.
    #[must_use]
    pub fn anonymous(scopes: Scopes) -> Self {
        Self::with(Actor::unauthenticated(), scopes, Venues::All)
    }

    /// The component `name` of the system, which may do everything.
    #[must_use]
    pub fn system(name: &str) -> Self {
        Self::with(Actor::system(name), Scopes::all(), Venues::All)
    }

    /// A guest or a member of staff who presents `link`. The link grants no scope, but one object.
    #[must_use]
    pub fn linked(link: Link) -> Self {
        let (kind, word) = match link.of.staff_id() {
            Some(_) => (ActorKind::User, "staff"),
            None => (ActorKind::AppUser, "guest"),
        };
        let actor = Actor { kind, id: Some(format!("{word}:{}", link.of.id())) };
        Self { link: Some(link), ..Self::with(actor, Scopes::NONE, Venues::All) }
    }

    /// A member of staff after a valid proof of identity, before a session exists.
    #[must_use]
    pub fn proved(id: StaffId) -> Self {
        let actor = Actor { kind: ActorKind::User, id: Some(format!("staff:{id}")) };
        Self::with(actor, Scopes::NONE, Venues::none())
    }

    pub(crate) fn with(actor: Actor, scopes: Scopes, venues: Venues) -> Self {
        Self {
            actor,
            scopes,
            venues,
            grants: None,
            presented: None,
            link: None,
            person: None,
            device: None,
            is_read_only: false,
        }
    }

    /// This caller with different rights at different venues.
    #[must_use]
    pub(crate) fn granted(self, grants: Arc<[Grant]>) -> Self {
        let scopes = grants.iter().flat_map(|grant| grant.scopes.iter()).collect();
        let venues = grants.iter().fold(Venues::none(), |all, grant| all.or(&grant.venues));
        Self { scopes, venues, grants: Some(grants), ..self }
    }

    /// This caller, limited to the venues where it has `scope`: the sender of a request for an operation that needs it.
    #[must_use]
    pub(crate) fn admitted_with(self, scope: Scope) -> Self {
        let venues = self.venues_with(scope);
        Self { venues, ..self }
    }

    /// Where the caller has `scope`.
    fn venues_with(&self, scope: Scope) -> Venues {
        match &self.grants {
            Some(grants) => {
                let having = grants.iter().filter(|grant| grant.scopes.contains(scope));
                having.fold(Venues::none(), |all, grant| all.or(&grant.venues))
            }
            None if self.scopes.contains(scope) => self.venues.clone(),
            None => Venues::none(),
        }
    }

    /// The signed-in person, if the request presents a session.
    #[must_use]
    pub fn person(&self) -> Option<Person> {
        self.person
    }

    /// The device at the stand that the request came from, if any.
    #[must_use]
    pub fn device(&self) -> Option<&StandDevice> {
        self.device.as_ref()
    }

    /// The signed link that the request presents, if any.
    #[must_use]
    pub fn link(&self) -> Option<Link> {
        self.link
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

    /// Checks that the caller has `scope` at `venue`, or anywhere; to act against a rule, a person must also have proved the
    /// identity just now. For a part of an operation that needs more than the operation.
    ///
    /// # Errors
    /// [`Denied::Scope`] or [`Denied::Stale`].
    pub fn needs(&self, scope: Scope, venue: Option<&VenueId>) -> Result<(), Denied> {
        let has = match venue {
            Some(venue) => self.venues_with(scope).contain(venue),
            None => self.scopes.contains(scope),
        };
        if has { Ok(()) } else { Err(Denied::Scope(scope)) }
    }

    /// Checks that a person has proved the identity just now. Other callers prove theirs with every request.
    ///
    /// # Errors
    /// [`Denied::Stale`].
    pub fn is_fresh(&self) -> Result<(), Denied> {
        if self.person.is_none_or(|person| person.is_fresh) { Ok(()) } else { Err(Denied::Stale) }
    }

    /// Checks that a person has proved the identity just now with the password: a PIN decides nothing about the account.
    ///
    /// # Errors
    /// [`Denied::Stale`].
    pub fn is_fresh_by_password(&self) -> Result<(), Denied> {
        if self.person.is_some_and(|person| person.by_pin) { Err(Denied::Stale) } else { self.is_fresh() }
    }

    /// Checks that the caller may grant `scopes` at `venues`: it has them there itself.
    ///
    /// # Errors
    /// [`Denied::Venue`] if the operation that it was admitted to is not open to it there, and [`Denied::Scope`].
    pub fn may_grant(&self, scopes: Scopes, venues: &Venues) -> Result<(), Denied> {
        if !self.venues.contain_all(venues) {
            return Err(Denied::Venue);
        }
        let missing = scopes.iter().find(|scope| !self.venues_with(*scope).contain_all(venues));
        missing.map_or(Ok(()), |scope| Err(Denied::Scope(scope)))
    }

    /// Checks that the caller may read or change `object` at `now`.
    ///
    /// # Errors
    /// [`Denied::Hidden`] for an object of another venue or of another guest, and [`Denied::Ended`] for a link that was
    /// replaced, or that is no longer valid for changes.
    pub fn may(&self, intent: Intent, object: &Object<'_>, now: DateTime<Utc>) -> Result<(), Denied> {
        if self.is_read_only && intent == Intent::Change {
            return Err(Denied::Scope(Scope::Manage));
        }
        let Some(link) = &self.link else {
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
        if self.link.is_none() && self.venues.contain(venue) { Ok(()) } else { Err(Denied::Hidden) }
    }

    /// Checks that a grant until `end` (`None`: without end) does not outlive the credential of the caller, so that the
    /// previous secret of a rotated key cannot become a key that stays.
    ///
    /// # Errors
    /// [`Denied::Outlived`].
    pub fn may_grant_until(&self, end: Option<DateTime<Utc>>) -> Result<(), Denied> {
        match self.presented.as_ref().filter(|_| self.person.is_none()).and_then(|key| key.valid_until) {
            Some(own) if end.is_none_or(|end| end > own) => Err(Denied::Outlived(own)),
            _ => Ok(()),
        }
    }

    /// Checks that the credential is still valid.
    ///
    /// # Errors
    /// [`Denied::Ended`].
    pub fn is_valid_at(&self, now: DateTime<Utc>) -> Result<(), Denied> {
        let has_ended = |presented: &Presented| {
            let device = presented.device_revoked.as_ref();
            presented.revoked.is_cancelled()
                || device.is_some_and(CancellationToken::is_cancelled)
                || presented.valid_until.is_some_and(|until| until <= now)
        };
        if self.presented.as_ref().is_some_and(has_ended) { Err(Denied::Ended) } else { Ok(()) }
    }

    /// Waits until the credential ends: it is revoked, or it expires. Never for a caller without one.
    pub async fn ended(&self, env: &dyn Environment) {
        let Some(presented) = &self.presented else { return std::future::pending().await };
        let expired = async {
            match presented.valid_until {
                Some(until) => {
                    while env.now() < until {
                        env.wait_until(until).await;
                    }
                }
                None => std::future::pending().await,
            }
        };
        let device_revoked = async {
            match &presented.device_revoked {
                Some(revoked) => revoked.cancelled().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = presented.revoked.cancelled() => {}
            () = device_revoked => {}
            () = expired => {}
        }
    }

    /// The tags of the events that can end the credential. An append condition on them guarantees that nothing is recorded
    /// for a credential after it was revoked.
    pub fn guards(&self) -> impl Iterator<Item = Tag> + '_ {
        self.presented.iter().flat_map(|presented| presented.tags.iter().cloned())
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
