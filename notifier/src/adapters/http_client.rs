//! The HTTP client that all adapters with HTTP requests share: one connection pool, one connect timeout, no
//! redirects.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use chassis::network::Authorities;

use super::outside::Outside;

/// Maximum time to establish a connection.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// How the service names itself to providers and to the subscribers of webhooks.
const USER_AGENT: &str = concat!("meja-notifier/", env!("CARGO_PKG_VERSION"));

/// A client that follows no redirects, because requests carry credentials and go only to configured URLs. Each
/// request must set its own timeout, because the client has only a connect timeout. Cloning is cheap: clones
/// share the connection pool.
#[derive(Debug, Clone)]
pub struct HttpClient(reqwest::Client);

impl HttpClient {
    /// A new client for calls to providers and subscribers, which reaches only the addresses of `outside`.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn outside(outside: &Outside) -> Result<Self, reqwest::Error> {
        let builder = Authorities::default().client().dns_resolver(Arc::new(outside.clone()));
        Ok(Self(builder.connect_timeout(CONNECT_MAX).user_agent(USER_AGENT).build()?))
    }

    /// A new client for our other services, which also trusts `authorities`.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn trusting(authorities: &Authorities) -> Result<Self, reqwest::Error> {
        let client = authorities.client().connect_timeout(CONNECT_MAX).user_agent(USER_AGENT).build()?;
        Ok(Self(client))
    }
}

impl Deref for HttpClient {
    type Target = reqwest::Client;

    fn deref(&self) -> &reqwest::Client {
        &self.0
    }
}
