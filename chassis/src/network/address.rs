//! The address that a request comes from.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use axum::http::{Extensions, HeaderMap, HeaderName};

use super::Networks;

/// What proxies add: the addresses that a request came from, the nearest one last.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The other end of a connection, among the extensions of its requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Its address.
    pub ip: IpAddr,
    /// Whether the connection is encrypted.
    pub is_encrypted: bool,
}

/// The address of the client of a request: that of the peer, unless a trusted proxy names another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// The client of a request with these `extensions` and `headers`; `None` without a connection, and if the gateway names
    /// no client. `X-Forwarded-For` counts as far as `proxies` wrote it, and its last address if `is_from_gateway`.
    #[must_use]
    pub fn of(
        extensions: &Extensions,
        headers: &HeaderMap,
        proxies: &Networks,
        is_from_gateway: bool,
    ) -> Option<Self> {
        let mut nearest = extensions.get::<Peer>()?.ip.to_canonical();
        let named = headers.get_all(FORWARDED_FOR).iter().rev();
        let named = named.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
        let mut is_trusted = is_from_gateway || proxies.contain(nearest);
        for text in named {
            // An address that a trusted proxy did not write correctly ends the way back.
            let Some(address) = is_trusted.then(|| text.trim().parse::<IpAddr>().ok()).flatten() else {
                break;
            };
            nearest = address.to_canonical();
            is_trusted = proxies.contain(nearest);
        }
        let is_named = headers.contains_key(FORWARDED_FOR) || !is_from_gateway;
        is_named.then_some(Self(nearest))
    }

    /// What limits count: an IPv4 address, or the /64 of an IPv6 address, which is what one household or one server gets.
    #[must_use]
    pub fn block(self) -> IpAddr {
        match self.0.to_canonical() {
            IpAddr::V6(address) => {
                let network = u128::from(address) >> 64 << 64;
                IpAddr::V6(Ipv6Addr::from(network))
            }
            v4 @ IpAddr::V4(_) => v4,
        }
    }
}

impl fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, lines: &[&'static str], is_from_gateway: bool) -> String {
        let mut extensions = Extensions::new();
        extensions.insert(Peer { ip: peer.parse().unwrap(), is_encrypted: false });
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        let proxies = "10.0.0.0/8".parse().unwrap();
        ClientAddress::of(&extensions, &headers, &proxies, is_from_gateway).unwrap().to_string()
    }

    #[test]
    fn a_forwarded_address_counts_as_far_as_trusted_proxies_wrote_it() {
        for (peer, lines, expected) in [
            ("203.0.113.9", &[][..], "203.0.113.9"),
            // Anyone can send the header.
            ("203.0.113.9", &["198.51.100.1"], "203.0.113.9"),
            ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            // The client claims another address before the proxy adds the real one.
            ("10.0.0.1", &["192.0.2.1, 198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["192.0.2.1", "198.51.100.1, 10.0.0.2"], "198.51.100.1"),
            ("::ffff:10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["unknown"], "10.0.0.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
        ] {
            assert_eq!(client(peer, lines, false), expected, "{peer} {lines:?}");
        }
        // The gateway has found out the client, and names it last.
        assert_eq!(client("203.0.113.9", &["192.0.2.1, 198.51.100.1"], true), "198.51.100.1");
    }

    #[test]
    fn limits_count_the_64_of_an_ipv6_address() {
        let block = |text: &str| ClientAddress(text.parse().unwrap()).block().to_string();
        assert_eq!(block("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(block("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(block("192.0.2.1"), "192.0.2.1");
    }
}
