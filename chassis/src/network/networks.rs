//! Networks of proxies.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use ipnet::IpNet;

/// Networks, such as those of the proxies in front of a service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(Arc<[IpNet]>);

impl Networks {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `address` is in one of them.
    #[must_use]
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl FromStr for Networks {
    type Err = String;

    /// Reads a list such as `10.0.0.0/8, 192.0.2.7, fd00::/8`.
    fn from_str(text: &str) -> Result<Self, String> {
        let network = |part: &str| {
            let address = part.parse::<IpAddr>().map(IpNet::from);
            address.or_else(|_| part.parse::<IpNet>()).map_err(|_| {
                format!("{part:?} is not a network such as 10.0.0.0/8, nor an IP address such as 192.0.2.7")
            })
        };
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        Ok(Self(parts.map(network).collect::<Result<Vec<_>, _>>()?.into()))
    }
}

impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_and_contain_their_addresses() {
        let networks: Networks = "10.0.0.0/8, 192.0.2.7,fd00::/8".parse().unwrap();
        for inside in ["10.1.2.3", "192.0.2.7", "fd00::1", "::ffff:10.1.2.3"] {
            assert!(networks.contain(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["11.0.0.1", "192.0.2.8", "fe80::1"] {
            assert!(!networks.contain(outside.parse().unwrap()), "{outside}");
        }
        assert!("10.0.0.0/33".parse::<Networks>().is_err() && "proxy".parse::<Networks>().is_err());
        assert!("".parse::<Networks>().unwrap().is_empty());
    }
}
