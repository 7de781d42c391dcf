//! Whether callers need credentials.

use std::net::SocketAddr;

use events::values::{Scope, Scopes};

/// Whether callers need credentials.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum AccessMode {
    /// They do
    #[default]
    On,
    /// For development on one machine: callers without a credential may do almost everything
    Open,
}

/// What callers without a credential may not even do in [`AccessMode::Open`]: it opens neither contacts nor the stored
/// log, orders no refunds, reports no results, and creates no keys.
const NEVER_OPEN: [Scope; 5] = [Scope::Contact, Scope::Operate, Scope::Refund, Scope::Results, Scope::Access];

impl AccessMode {
    /// What callers without a credential may do, in addition to what needs none.
    #[must_use]
    pub fn anonymous(self) -> Scopes {
        match self {
            Self::On => Scopes::NONE,
            Self::Open => Scopes::all().without(NEVER_OPEN.into_iter().collect()),
        }
    }

    /// Checks that a service in this mode may listen on `listen`.
    ///
    /// # Errors
    /// A description of the fault.
    pub fn check(self, listen: SocketAddr) -> Result<Self, String> {
        match self {
            Self::Open if !listen.ip().is_loopback() => Err(format!(
                "open is for development on one machine, but {listen} can be reached from others: listen on 127.0.0.1, or use on"
            )),
            mode => Ok(mode),
        }
    }

    /// Says in the process log that callers need no credentials.
    pub fn log(self) {
        if self == Self::Open {
            tracing::warn!(
                "access is open: callers on this machine need no credential. Use --access on for everything but development"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_access_is_for_loopback_and_never_for_contacts_money_and_keys() {
        assert!(AccessMode::Open.check("127.0.0.1:8000".parse().unwrap()).is_ok());
        assert!(AccessMode::Open.check("0.0.0.0:8000".parse().unwrap()).is_err());
        assert!(AccessMode::On.check("0.0.0.0:8000".parse().unwrap()).is_ok());
        assert_eq!(AccessMode::On.anonymous(), Scopes::NONE);
        let open = AccessMode::Open.anonymous();
        assert!(NEVER_OPEN.iter().all(|scope| !open.contains(*scope)) && open.contains(Scope::Floor));
    }
}
