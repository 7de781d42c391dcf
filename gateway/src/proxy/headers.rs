//! The headers of a request and of a response that are passed on.

use access::GATEWAY_HEADER;
use axum::http::header::{
    CONNECTION, HOST, HeaderName, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING,
    UPGRADE,
};
use axum::http::{HeaderMap, HeaderValue};
use chassis::network::ClientAddress;
use chassis::secret::Token;

/// Headers about one connection, RFC 9110 §7.6.1.
const HOP_BY_HOP: [HeaderName; 9] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// The address of the client.
pub(crate) const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Headers that only the gateway sends. Those of a client are removed.
const OWN: [HeaderName; 6] = [
    FORWARDED_FOR,
    FORWARDED_PROTO,
    FORWARDED_HOST,
    HeaderName::from_static("forwarded"),
    HeaderName::from_static("x-forwarded-port"),
    HeaderName::from_static(GATEWAY_HEADER),
];

/// Removes what is only about the connection on which `headers` arrived.
pub(super) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

/// Who sent a request, for the services.
#[derive(Debug)]
pub(crate) struct Origin<'a> {
    /// The client.
    pub(crate) client: Option<ClientAddress>,
    /// Whether its connection is encrypted.
    pub(crate) is_encrypted: bool,
    /// The key of the gateway, which makes the services believe the others.
    pub(crate) key: Option<&'a Token>,
}

impl Origin<'_> {
    /// Adds it to `headers`, and removes what a client claims about itself.
    pub(crate) fn add_to(&self, headers: &mut HeaderMap) {
        for name in OWN {
            headers.remove(name);
        }
        let host = headers.get(HOST).cloned();
        let proto = if self.is_encrypted { "https" } else { "http" };
        let client = self.client.and_then(|client| HeaderValue::try_from(client.to_string()).ok());
        let key = self.key.and_then(|key| HeaderValue::try_from(key.reveal()).ok()).map(|mut key| {
            key.set_sensitive(true);
            key
        });
        let all = [
            (FORWARDED_FOR, client),
            (FORWARDED_PROTO, Some(HeaderValue::from_static(proto))),
            (FORWARDED_HOST, host),
            (HeaderName::from_static(GATEWAY_HEADER), key),
        ];
        headers.extend(all.into_iter().filter_map(|(name, value)| Some((name, value?))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let line = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        lines.iter().map(line).collect()
    }

    #[test]
    fn headers_of_a_connection_stay_on_it() {
        let mut all = headers(&[
            ("connection", "close, x-secret"),
            ("x-secret", "1"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("te", "trailers"),
            ("accept", "*/*"),
        ]);
        remove_hop_by_hop(&mut all);
        assert_eq!(all, headers(&[("accept", "*/*")]));
    }

    #[test]
    fn a_client_cannot_claim_another_address_or_the_key() {
        let mut all = headers(&[
            ("host", "meja.example"),
            ("x-forwarded-for", "203.0.113.7"),
            ("forwarded", "for=203.0.113.7"),
            ("meja-gateway", "meja_x_y"),
        ]);
        let client = Some(ClientAddress("192.0.2.1".parse().unwrap()));
        Origin { client, is_encrypted: true, key: None }.add_to(&mut all);
        let expected = headers(&[
            ("host", "meja.example"),
            ("x-forwarded-for", "192.0.2.1"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "meja.example"),
        ]);
        assert_eq!(all, expected);
    }
}
