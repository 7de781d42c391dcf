//! The headers of a request and of a response that are passed on.

use access::GATEWAY_HEADER;
use axum::http::header::{
    CONNECTION, COOKIE, HOST, HeaderName, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use axum::http::{HeaderMap, HeaderValue};
use chassis::network::ClientAddress;
use chassis::secret::Token;

/// The cookie with the links of a guest, which is for the pages of the gateway only.
pub(crate) const GUEST_COOKIE: &str = "__Host-meja_guest";

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
/// The protocol of its connection.
pub(crate) const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
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

/// Removes the headers of the connection on which `headers` arrived.
pub(super) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        // Not about a connection, whatever a client says.
        .filter(|name| *name != HOST)
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

/// The sender of a request, as forwarded headers name it.
#[derive(Debug)]
pub(crate) struct Origin<'a> {
    /// The client.
    pub(crate) client: Option<ClientAddress>,
    /// The protocol of its connection.
    pub(crate) proto: &'static str,
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
        let client = self.client.and_then(|client| HeaderValue::try_from(client.to_string()).ok());
        let key = self.key.and_then(|key| HeaderValue::try_from(key.reveal()).ok()).map(|mut key| {
            key.set_sensitive(true);
            key
        });
        let all = [
            (FORWARDED_FOR, client),
            (FORWARDED_PROTO, Some(HeaderValue::from_static(self.proto))),
            (FORWARDED_HOST, host),
            (HeaderName::from_static(GATEWAY_HEADER), key),
        ];
        headers.extend(all.into_iter().filter_map(|(name, value)| Some((name, value?))));
        without_guest_cookie(headers);
    }
}

/// Removes the cookie with the links of a guest.
fn without_guest_cookie(headers: &mut HeaderMap) {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let cookies = lines.flat_map(|line| line.split(';')).map(str::trim);
    let is_other = |cookie: &&str| cookie.split('=').next().is_none_or(|name| name != GUEST_COOKIE);
    let others = cookies.filter(is_other).collect::<Vec<_>>().join("; ");
    headers.remove(COOKIE);
    if let Some(others) =
        Some(others).filter(|all| !all.is_empty()).and_then(|all| HeaderValue::try_from(all).ok())
    {
        headers.insert(COOKIE, others);
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
            ("cookie", "a=1; __Host-meja_guest=mejal_x; b=2"),
        ]);
        let client = Some(ClientAddress("192.0.2.1".parse().unwrap()));
        Origin { client, proto: "https", key: None }.add_to(&mut all);
        let expected = headers(&[
            ("host", "meja.example"),
            ("x-forwarded-for", "192.0.2.1"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "meja.example"),
            ("cookie", "a=1; b=2"),
        ]);
        assert_eq!(all, expected);
    }
}
