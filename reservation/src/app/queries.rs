//! Queries: what readers of the service can ask, for every door (HTTP, command line).
//!
//! A query that reads the projections first waits until they contain everything that was durable when it was
//! asked.

pub mod availability;
pub mod changes;
pub mod charges;
mod closures;
pub mod days;
mod feed;
pub mod find_events;
pub mod floor;
pub mod guest_links;
pub mod history;
pub mod keys;
pub mod notes;
mod personal_data;
mod reading;
pub mod receipt;
pub mod reservation_view;
pub mod search;
pub mod staff;
pub mod stats;
mod subjects;
pub mod venues;
pub mod waitlist_view;

pub use self::feed::FeedError;
pub use self::staff::session_view;
pub use self::subjects::local;
use super::repository::RepositoryError;
use access::Denied;
use events::ReservationId;

/// Maximum number of events that are read for a question about the past.
pub const PAST_EVENTS_MAX: usize = 300_000;

/// Why a query has no result.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The log could not be read.
    #[error("could not read the log")]
    Read(#[from] RepositoryError),
    /// A confidential payload could not be decoded.
    #[error("a confidential payload cannot be decoded")]
    Payload(#[from] serde_json::Error),
    /// The caller may not read this.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// A question about the past would read too much.
    #[error("more than {PAST_EVENTS_MAX} events would be read")]
    PastTooLong,
    /// The reservation does not exist.
    #[error("there is no reservation {0}")]
    UnknownReservation(ReservationId),
}

impl From<events::store::ReadError> for QueryError {
    fn from(error: events::store::ReadError) -> Self {
        Self::Read(error.into())
    }
}
