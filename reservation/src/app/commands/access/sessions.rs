//! Sessions: starting, proving the identity again, and ending.

use access::registry::{Account, HashedSecret, Session};
use access::sign_in::Proof;
use access::token::OpaqueToken;
use chrono::TimeDelta;
use events::event::{SessionEnded, SessionReauthenticated, SessionStarted};
use events::staff::{SignInMethod, UsedCode};
use events::{DeviceId, SessionId, StaffId, Tag};

use super::{About, AccessCommand, AccessEvent, AccessRefusal, Deciding};
use crate::app::executor::CommandError;

/// Maximum number of sessions of a person. A further one ends the oldest.
const SESSIONS_PER_PERSON_MAX: usize = 20;
/// How long a session lasts, in hours: a long working day.
const SESSION_HOURS: i64 = 12;

/// A session to be started.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Its id.
    pub id: SessionId,
    /// Its cookie.
    pub token: OpaqueToken,
}

/// What changes sessions.
#[derive(Debug, Clone)]
pub enum SessionCommand {
    /// Start one for a person who proved the identity.
    Start {
        /// The proof.
        proof: Proof,
        /// The session.
        new: NewSession,
        /// The device at the stand, if it is on one.
        device: Option<DeviceId>,
    },
    /// Record that a signed-in person proved the identity again.
    Prove {
        /// The proof.
        proof: Proof,
        /// The session.
        id: SessionId,
    },
    /// End one.
    End {
        /// The person.
        staff_id: StaffId,
        /// The session.
        id: SessionId,
        /// The reason as a stable code.
        reason_code: &'static str,
    },
}

/// The account of a person, after the invitation was accepted.
pub(super) fn joined(from: &Deciding<'_>, id: StaffId) -> Result<Account, CommandError> {
    let account = from.registry.account(id).ok_or(AccessRefusal::UnknownPerson(id))?;
    if account.is_joined() { Ok(account) } else { Err(AccessRefusal::NotJoined.into()) }
}

/// The account for which a proof still holds.
pub(super) fn proved(from: &Deciding<'_>, proof: &Proof) -> Result<Account, CommandError> {
    let account = joined(from, proof.staff_id)?;
    if proof.holds_for(&account) { Ok(account) } else { Err(AccessRefusal::ProofOver.into()) }
}

impl NewSession {
    /// The events that start it, and end the oldest if there are too many.
    pub(super) fn events(
        &self,
        from: &Deciding<'_>,
        staff_id: StaffId,
        method: SignInMethod,
        used: UsedCode,
        device_id: Option<DeviceId>,
    ) -> Result<Vec<AccessEvent>, CommandError> {
        let sealed = from.seal(&HashedSecret::from(&self.token))?;
        let started = SessionStarted {
            session_id: self.id,
            staff_id,
            method,
            used,
            device_id,
            expires_at: from.now + TimeDelta::hours(SESSION_HOURS),
            secret_digest: sealed.digest.clone(),
        };
        let started = AccessEvent::of_person(staff_id, started).with(sealed);
        let started = AccessEvent { about: About::Person(staff_id, device_id), ..started };
        let sessions = from.registry.sessions_of(staff_id, from.now);
        let surplus = (sessions.len() + 1).saturating_sub(SESSIONS_PER_PERSON_MAX);
        let ended = sessions.iter().take(surplus).map(|session| end(session, "too_many"));
        Ok(ended.chain([started]).collect())
    }
}

/// The event that ends a session.
fn end(session: &Session, reason_code: &str) -> AccessEvent {
    let (session_id, staff_id, reason_code) = (session.id, session.staff_id, reason_code.to_owned());
    AccessEvent::of_person(staff_id, SessionEnded { session_id, staff_id, reason_code })
        .forgetting([session.at])
}

impl AccessCommand for SessionCommand {
    fn decide(&self, from: &Deciding<'_>) -> Result<Vec<AccessEvent>, CommandError> {
        match self {
            Self::Start { proof, new, device } => {
                proved(from, proof)?;
                if let Some(id) = device
                    && from.registry.device(*id).is_none()
                {
                    return Err(AccessRefusal::UnknownDevice(*id).into());
                }
                new.events(from, proof.staff_id, proof.method, proof.used, *device)
            }
            Self::Prove { proof, id } => {
                proved(from, proof)?;
                let (session_id, staff_id) = (*id, proof.staff_id);
                let (method, used) = (proof.method, proof.used);
                let proved = SessionReauthenticated { session_id, staff_id, method, used };
                Ok(vec![AccessEvent::of_person(staff_id, proved)])
            }
            Self::End { staff_id, id, reason_code } => {
                let session = from.registry.session(*id).filter(|session| session.staff_id == *staff_id);
                let session = session.ok_or(AccessRefusal::UnknownSession(*id))?;
                Ok(vec![end(&session, reason_code)])
            }
        }
    }

    fn tags(&self) -> Vec<Tag> {
        match self {
            Self::Start { proof, device, .. } => {
                let device = device.map(Tag::credential);
                std::iter::once(Tag::credential(proof.staff_id)).chain(device).collect()
            }
            Self::Prove { proof, .. } => vec![Tag::credential(proof.staff_id)],
            Self::End { staff_id, .. } => vec![Tag::credential(staff_id)],
        }
    }
}
