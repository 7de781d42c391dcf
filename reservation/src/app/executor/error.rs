//! Why a command appended nothing.

use events::store::AppendError;
use events::{ReservationId, VenueId, WaitlistId};

use super::ATTEMPTS_MAX;
use super::refused::{Alternatives, RefusedRequest};
use crate::app::repository::RepositoryError;
use crate::domain::Refusal;

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
    pub(in crate::app) fn refused(refusal: Refusal, request: RefusedRequest) -> Self {
        metrics::counter!("meja_conflicts_total", "reason" => refusal.code()).increment(1);
        Self::Refused { refusal, request: Box::new(request), alternatives: Alternatives::None }
    }
}
