//! Sessions of staff. Part of [`super`].

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use contract::reservation::access::{HashedSession, SessionGrant};
use events::staff::{SessionStarted, SignInMethod};
use events::{DeviceId, Position, SessionId, StaffId, Tag};
use tokio_util::sync::CancellationToken;

use crate::caller::{Caller, FRESH_FOR, Person, Presented, StandDevice};
use crate::role::Grant;
use crate::token::SecretHash;
use crate::venues::Venues;

/// A session of a member of staff.
#[derive(Debug, Clone)]
pub struct Session {
    /// The session.
    pub id: SessionId,
    /// The person.
    pub staff_id: StaffId,
    /// The device at the stand, if it is on one.
    pub device: Option<StandDevice>,
    /// How the person proved the identity last.
    pub method: SignInMethod,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// When the person proved the identity last.
    pub authenticated_at: DateTime<Utc>,
    /// When it ends by itself.
    pub expires_at: DateTime<Utc>,
    /// Where the payload with its secret is.
    pub at: Position,
    pub(super) grants: Arc<[Grant]>,
    secret: SecretHash,
    ended: CancellationToken,
}

impl Session {
    pub(super) fn new(
        started: &SessionStarted,
        device: Option<StandDevice>,
        grants: Arc<[Grant]>,
        secret: SecretHash,
        (at, position): (DateTime<Utc>, Position),
    ) -> Self {
        Self {
            id: started.session_id,
            staff_id: started.staff_id,
            device,
            method: started.method,
            started_at: at,
            authenticated_at: at,
            expires_at: started.expires_at,
            at: position,
            grants,
            secret,
            ended: CancellationToken::new(),
        }
    }

    /// The session as another service checks it.
    pub(super) fn hashed(&self) -> HashedSession {
        let grant = |grant: &Grant| SessionGrant { scopes: grant.scopes, venues: grant.venues.list() };
        HashedSession {
            session_id: self.id,
            staff_id: self.staff_id,
            grants: self.grants.iter().map(grant).collect(),
            authenticated_at: self.authenticated_at,
            expires_at: self.expires_at,
            secret_sha256: hex::encode(self.secret),
        }
    }

    /// The session that another service has recorded. The method and the device are not known here.
    fn of_snapshot(hashed: HashedSession, ended: CancellationToken) -> Option<Self> {
        let grant = |grant: SessionGrant| {
            let venues = grant.venues.map(|venues| venues.into_iter().collect());
            Grant { scopes: grant.scopes, venues: Venues::from(venues) }
        };
        Some(Self {
            id: hashed.session_id,
            staff_id: hashed.staff_id,
            device: None,
            method: SignInMethod::Password,
            started_at: hashed.authenticated_at,
            authenticated_at: hashed.authenticated_at,
            expires_at: hashed.expires_at,
            at: Position::START,
            grants: hashed.grants.into_iter().map(grant).collect(),
            secret: hex::decode(hashed.secret_sha256).ok()?.try_into().ok()?,
            ended,
        })
    }

    fn caller(&self, now: DateTime<Utc>) -> Caller {
        let device = self.device.as_ref().map(|device| Tag::credential(device.id));
        let presented = Presented {
            tags: std::iter::once(Tag::credential(self.staff_id)).chain(device).collect(),
            revoked: self.ended.clone(),
            device_revoked: None,
            valid_until: Some(self.expires_at),
        };
        let is_fresh = now - self.authenticated_at <= FRESH_FOR;
        let person = Person {
            staff_id: self.staff_id,
            session_id: self.id,
            is_fresh,
            by_pin: self.method == SignInMethod::Pin,
            device_id: self.device.as_ref().map(|device| device.id),
        };
        let caller = Caller::proved(self.staff_id).granted(Arc::clone(&self.grants));
        Caller { presented: Some(presented), person: Some(person), device: self.device.clone(), ..caller }
    }
}

/// All sessions that have not ended.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    by_id: BTreeMap<SessionId, Session>,
    by_secret: HashMap<SecretHash, SessionId>,
}

impl Sessions {
    /// Adds a session. Those whose time is over are removed, so that memory does not grow with them.
    pub(super) fn start(&mut self, session: Session) {
        let now = session.started_at;
        self.end_where(|other| other.expires_at <= now);
        self.by_secret.insert(session.secret, session.id);
        self.by_id.insert(session.id, session);
    }

    /// Ends the sessions that `is_over` selects: their open streams end too.
    pub(super) fn end_where(&mut self, is_over: impl Fn(&Session) -> bool) {
        self.by_id.retain(|_, session| {
            let is_over = is_over(session);
            if is_over {
                session.ended.cancel();
                self.by_secret.remove(&session.secret);
            }
            !is_over
        });
    }

    pub(super) fn reauthenticate(&mut self, id: SessionId, method: SignInMethod, at: DateTime<Utc>) {
        if let Some(session) = self.by_id.get_mut(&id) {
            (session.authenticated_at, session.method) = (at, method);
        }
    }

    /// Changes what the sessions of a person open. Requests in progress end: they were admitted by the earlier roles.
    pub(super) fn regrant(&mut self, staff_id: StaffId, grants: impl Fn(&Session) -> Arc<[Grant]>) {
        for session in self.by_id.values_mut().filter(|session| session.staff_id == staff_id) {
            session.grants = grants(session);
            std::mem::take(&mut session.ended).cancel();
        }
    }

    /// The sender of a request that presents the session with this secret, if it is valid at `now`.
    pub(super) fn caller(&self, secret: &SecretHash, now: DateTime<Utc>) -> Option<Caller> {
        let session = self.by_id.get(self.by_secret.get(secret)?)?;
        (now < session.expires_at).then(|| session.caller(now))
    }

    /// The sessions of a person that are valid at `now`, the oldest first.
    pub(super) fn of(&self, staff_id: StaffId, now: DateTime<Utc>) -> Vec<Session> {
        let valid = |session: &&Session| session.staff_id == staff_id && now < session.expires_at;
        let mut sessions: Vec<_> = self.by_id.values().filter(valid).cloned().collect();
        sessions.sort_by_key(|session| session.at);
        sessions
    }

    pub(super) fn get(&self, id: SessionId) -> Option<&Session> {
        self.by_id.get(&id)
    }

    pub(super) fn on_device(&self, id: DeviceId) -> impl Iterator<Item = &Session> {
        self.by_id
            .values()
            .filter(move |session| session.device.as_ref().is_some_and(|device| device.id == id))
    }

    pub(super) fn valid_at(&self, now: DateTime<Utc>) -> impl Iterator<Item = &Session> {
        self.by_id.values().filter(move |session| now < session.expires_at)
    }

    /// Replaces all sessions by those in a snapshot of another service. Requests in progress by other sessions end.
    pub(super) fn replace(&mut self, sessions: Vec<HashedSession>) {
        let mut before = std::mem::take(self);
        for hashed in sessions {
            let earlier = before.by_id.remove(&hashed.session_id);
            let Some(mut session) = Session::of_snapshot(hashed, CancellationToken::new()) else { continue };
            match earlier {
                Some(earlier) if earlier.grants == session.grants => session.ended = earlier.ended,
                // Requests in progress were admitted by other roles.
                Some(earlier) => earlier.ended.cancel(),
                None => {}
            }
            self.by_secret.insert(session.secret, session.id);
            self.by_id.insert(session.id, session);
        }
        before.by_id.values().for_each(|session| session.ended.cancel());
    }
}
