//! The HTTP client shared by all adapters: one pool of connections, and the same rules for all requests.

use std::ops::Deref;
use std::time::Duration;

/// Maximum duration of connecting.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// A client that follows no redirects, because requests carry credentials and go only to configured URLs. Each request
/// sets its own maximum duration. Cheap to clone.
#[derive(Debug, Clone)]
pub struct HttpClient(reqwest::Client);

impl HttpClient {
    /// A new client.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new() -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_MAX)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self(client))
    }
}

impl Deref for HttpClient {
    type Target = reqwest::Client;

    fn deref(&self) -> &reqwest::Client {
        &self.0
    }
}
