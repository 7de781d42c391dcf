//! Connections of a client.

use std::time::Duration;

use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::ClientConfig;
use tonic::transport::{Channel, Endpoint, Error};

/// Maximum time until a connection is there.
const CONNECT_MAX: Duration = Duration::from_secs(1);
/// How often an unused connection is checked, and how long the answer may take.
const PING_INTERVAL: Duration = Duration::from_secs(10);

/// Connections to the service at `url`, made when they are needed. Encrypted ones use `tls`.
///
/// # Errors
/// When the URL is not valid.
pub fn channel(url: &str, tls: &ClientConfig) -> Result<Channel, Error> {
    let mut connector = HttpConnector::new();
    connector.set_connect_timeout(Some(CONNECT_MAX));
    connector.set_nodelay(true);
    connector.enforce_http(false);
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls.clone())
        .https_or_http()
        .enable_http2()
        .wrap_connector(connector);
    let endpoint = Endpoint::from_shared(url.to_owned())?
        .http2_keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_INTERVAL)
        .keep_alive_while_idle(true);
    Ok(endpoint.connect_with_connector_lazy(connector))
}
