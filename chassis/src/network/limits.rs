//! Limits of the listener.

use std::time::Duration;

/// Limits of the listener.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Maximum number of open connections. Beyond it, a few are kept for health checks and services.
    pub connections_max: usize,
    /// Maximum number of open connections of one address; `None`: no limit.
    pub connections_per_address_max: Option<usize>,
    /// Maximum time for the headers of a request, and for an idle connection.
    pub header_timeout: Duration,
    /// Maximum time that a client takes no part of a response.
    pub write_timeout: Duration,
    /// Maximum time for requests in progress at shutdown.
    pub drain_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 4_096,
            connections_per_address_max: None,
            header_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(10),
        }
    }
}
