//! Why a command appended nothing.

use access::Denied;
use access::registry::KEYS_MAX;
use events::store::AppendError;
use events::{ClosureId, KeyId, ReservationId, VenueId, WaitlistId};

use super::ATTEMPTS_MAX;
use super::refused::{Alternatives, RefusedRequest};
use crate::app::access_refusal::AccessRefusal;
use crate::app::repository::RepositoryError;
use crate::domain::Refusal;
use crate::domain::closure::ClosureRefusal;

/// Why a command appended nothing.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The reservation does not exist.
    #[error("there is no reservation {0}")]
    UnknownReservation(ReservationId),
    /// The waitlist entry does not exist.
    #[error("there is no waitlist entry {0}")]
    UnknownWaitlistEntry(WaitlistId),
    /// The venue was removed.
    #[error("the venue {0} does not exist any more")]
    UnknownVenue(VenueId),
    /// The venue does not exist, or the caller may not use it.
    #[error("there is no venue {0}")]
    HiddenVenue(VenueId),
    /// The closure does not exist.
    #[error("there is no closure {0}")]
    UnknownClosure(ClosureId),
    /// A command about a closure is refused.
    #[error(transparent)]
    Closure(#[from] ClosureRefusal),
    /// The key does not exist.
    #[error("there is no key {0}")]
    UnknownKey(KeyId),
    /// The key was revoked or has expired.
    #[error("the key {0} has ended")]
    KeyEnded(KeyId),
    /// There are as many keys as there can be.
    #[error("there are already {KEYS_MAX} keys")]
    TooManyKeys,
    /// A change of accounts, sessions or devices is refused.
    #[error(transparent)]
    Access(#[from] AccessRefusal),
    /// The caller may not do this.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// A business rule refused the command.
    #[error("{refusal}")]
    Refused {
        /// The rule.
        refusal: Refusal,
        /// The refused request.
        request: Box<RefusedRequest>,
        /// What is possible instead.
        alternatives: Alternatives,
    },
    /// `If-Match` names an outdated version.
    #[error("the current version is {current}")]
    Stale {
        /// The current version.
        current: u64,
    },
    /// The Idempotency-Key belongs to another request.
    #[error("the Idempotency-Key was used for another request")]
    KeyReused,
    /// Concurrent commands kept changing what the decision depends on.
    #[error("concurrent changes prevented the command {ATTEMPTS_MAX} times")]
    Contended,
    /// The log refused the append.
    #[error("could not append to the log")]
    Append(#[source] AppendError),
    /// The subject could not be loaded.
    #[error("could not load the subject of the command")]
    Load(#[from] RepositoryError),
    /// An event could not be serialised.
    #[error("could not serialise an event")]
    Encode(#[from] serde_json::Error),
}

impl CommandError {
    /// The refusal of `request`. Counted.
    pub(crate) fn refused(refusal: Refusal, request: RefusedRequest) -> Self {
        metrics::counter!("meja_conflicts_total", "reason" => refusal.code()).increment(1);
        Self::Refused { refusal, request: Box::new(request), alternatives: Alternatives::None }
    }
}
