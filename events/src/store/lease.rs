//! The right of one process to act on a log that several processes can open, while the others stand by.
//!
//! The lease only decides which process tries. One that was paused may believe that it still holds the lease, so a process that
//! acts on the log also needs a condition in the log that excludes its predecessors.

use std::time::Duration;

use super::place::Place;
use super::postgres;
pub use super::postgres::ServerError as LeaseError;

/// The lease of a log.
#[derive(Debug)]
pub enum Lease {
    /// Only one process can open the log, so that it always holds the lease.
    Exclusive,
    /// Several processes can open the log.
    Shared(Box<postgres::Lease>),
}

impl Lease {
    /// The lease of the log of the service `source` at `place`.
    #[must_use]
    pub fn of(place: &Place, source: &'static str) -> Self {
        match place {
            Place::Directory(_) => Self::Exclusive,
            Place::Database(server) => Self::Shared(Box::new(postgres::Lease::new(server.clone(), source))),
        }
    }

    /// Whether other processes can open the log.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(self, Self::Shared(_))
    }

    /// Takes the lease for `duration`, unless another process holds it. Returns whether this process now holds it.
    ///
    /// # Errors
    /// [`LeaseError`]; whether the lease was taken is unknown.
    pub async fn acquire(&self, duration: Duration) -> Result<bool, LeaseError> {
        match self {
            Self::Exclusive => Ok(true),
            Self::Shared(lease) => lease.acquire(duration).await,
        }
    }

    /// Prolongs the lease to `duration` from now. `false` if another process has taken it since.
    ///
    /// # Errors
    /// [`LeaseError`]; whether the lease was prolonged is unknown.
    pub async fn renew(&self, duration: Duration) -> Result<bool, LeaseError> {
        match self {
            Self::Exclusive => Ok(true),
            Self::Shared(lease) => lease.renew(duration).await,
        }
    }

    /// Ends the lease, so that another process need not wait until it expires.
    ///
    /// # Errors
    /// [`LeaseError`]; the lease then ends when it expires.
    pub async fn release(&self) -> Result<(), LeaseError> {
        match self {
            Self::Exclusive => Ok(()),
            Self::Shared(lease) => lease.release().await,
        }
    }
}
