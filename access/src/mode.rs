//! Whether callers need credentials.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::Request;
use axum::http::header::HOST;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use chassis::problem::Problem;
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

/// The names of this machine in the header `Host`.
const LOOPBACK_HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

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

    /// `router` in this mode. Where callers need no credentials, a page of another site must not reach the service under a
    /// name of its own that resolves to this machine.
    pub fn guard(self, router: Router) -> Router {
        match self {
            Self::On => router,
            Self::Open => router.layer(middleware::from_fn(loopback_hosts_only)),
        }
    }
}

async fn loopback_hosts_only(request: Request, next: Next) -> Response {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    match host {
        Some(host) if is_loopback(host) => next.run(request).await,
        // Requests without it are HTTP/1.0, which no browser sends.
        None => next.run(request).await,
        Some(_) => Problem::foreign_host().into_response(),
    }
}

fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    LOOPBACK_HOSTS.iter().any(|loopback| name.eq_ignore_ascii_case(loopback))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_accepted() {
        for host in ["localhost", "LOCALHOST:8000", "127.0.0.1:8000", "[::1]", "[::1]:8000"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in
            ["", "example.com", "localhost.example.com", "127.0.0.1.example.com:8000", "::1", "10.0.0.1"]
        {
            assert!(!is_loopback(host), "{host}");
        }
    }

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
