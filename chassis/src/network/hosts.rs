//! The names under which a service answers.
//!
//! A page of another site can reach a service on this machine or in this network under a name of its own that resolves
//! to the address of the service (DNS rebinding). The browser then treats both as one site. The service therefore
//! answers to its own names only.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};

use crate::problem::Problem;

/// The paths of health checks. They answer under every name, because a health check often knows only an address.
pub(crate) const HEALTH_CHECKS: [&str; 2] = ["/livez", "/readyz"];

/// The headers that count only once. Two lines with different values would mean something else to another program.
const ONCE: [&str; 2] = ["host", "idempotency-key"];

/// The names under which a service answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosts {
    names: Arc<[String]>,
    /// Whether an address of any machine is accepted as a name. No page can claim one that is not its own.
    addresses: bool,
}

impl Hosts {
    /// The names of this machine only.
    #[must_use]
    pub fn loopback() -> Self {
        let names = ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned);
        Self { names: names.into(), addresses: false }
    }

    /// `localhost`, every IP address, and `names`.
    #[must_use]
    pub fn named(names: impl IntoIterator<Item = String>) -> Self {
        let names = names.into_iter().map(|name| name.to_ascii_lowercase());
        Self { names: names.chain(["localhost".to_owned()]).collect(), addresses: true }
    }

    /// Whether the value `host` of the header is one of them. The port does not matter.
    #[must_use]
    pub fn contain(&self, host: &str) -> bool {
        let Ok(authority) = host.parse::<Authority>() else { return false };
        // The name of a user would make it look like another host.
        if host.contains('@') {
            return false;
        }
        let name = authority.host().to_ascii_lowercase();
        self.names.contains(&name) || (self.addresses && address_of(&name).is_some())
    }

    /// `router`, which answers under these names only, and to requests without repeated headers.
    pub fn guard(self, router: Router) -> Router {
        router.layer(middleware::from_fn_with_state(self, check))
    }

    fn problem(&self, host: &str) -> Problem {
        let detail = match self.addresses {
            true => format!(
                "The service does not answer under the name {host:?}. Use its own name in the URL, or name it in MEJA_HOSTS."
            ),
            false => "Access is open, so the service answers only to localhost, 127.0.0.1 and [::1]. Use one of them in the URL, or start the service with --access on.".to_owned(),
        };
        Problem::new(StatusCode::MISDIRECTED_REQUEST, "foreign_host", detail)
    }
}

/// The address that a host of a URL is, if it is one.
#[must_use]
pub fn address_of(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    bare.unwrap_or(host).parse().ok()
}

/// The names of a service that listens on `listen` and is reached under `public_url`.
pub(super) fn names(listen: SocketAddr, public_url: Option<&str>, more: &[String]) -> Hosts {
    let public = public_url.and_then(|url| url.parse::<axum::http::Uri>().ok());
    let public = public.and_then(|url| url.host().map(str::to_owned));
    Hosts::named(public.into_iter().chain([listen.ip().to_string()]).chain(more.iter().cloned()))
}

async fn check(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    if let Some(name) = ONCE.into_iter().find(|name| is_repeated(request.headers(), name)) {
        let detail = format!("The request has several lines {name}. Send one.");
        return Problem::new(StatusCode::BAD_REQUEST, "repeated_header", detail).into_response();
    }
    if HEALTH_CHECKS.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    let named = request.headers().get(HOST).map(|host| host.to_str().unwrap_or("?").to_owned());
    // RFC 9112 §3.2.2: the authority of an absolute URI counts more than the header.
    let target = request.uri().authority().map(ToString::to_string);
    match [target, named].into_iter().flatten().find(|host| !hosts.contain(host)) {
        // Requests without a name are HTTP/1.0, which no browser sends.
        None => next.run(request).await,
        Some(foreign) => hosts.problem(&foreign).into_response(),
    }
}

fn is_repeated(headers: &HeaderMap, name: &str) -> bool {
    headers.get_all(name).iter().nth(1).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_access_answers_to_names_of_this_machine_only() {
        let hosts = Hosts::loopback();
        for host in ["localhost", "LOCALHOST:8000", "127.0.0.1:8000", "[::1]", "[::1]:8000"] {
            assert!(hosts.contain(host), "{host}");
        }
        for host in
            ["", "example.com", "localhost.example.com", "127.0.0.1.example.com:8000", "::1", "10.0.0.1"]
        {
            assert!(!hosts.contain(host), "{host}");
        }
    }

    #[test]
    fn a_service_answers_to_its_own_names_and_to_addresses() {
        let hosts = names(
            "10.0.0.5:8000".parse().unwrap(),
            Some("https://Meja.example/a"),
            &["meja.internal".into()],
        );
        for host in ["meja.example", "MEJA.example:443", "meja.internal:8000", "localhost", "10.0.0.5:8000"] {
            assert!(hosts.contain(host), "{host}");
        }
        for host in ["192.0.2.1", "[2001:db8::1]:8000"] {
            assert!(hosts.contain(host), "{host}");
        }
        for host in ["evil.example", "meja.example.evil.example", "meja.example@evil.example", "a b"] {
            assert!(!hosts.contain(host), "{host}");
        }
    }
}
