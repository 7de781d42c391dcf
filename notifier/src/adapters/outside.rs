//! Calls to addresses outside the installation, such as those of webhooks.
//!
//! Such a URL must not make the service call the machines beside it (server-side request forgery). The check is on the
//! address that is then connected to: a name that resolves to another address later gets nowhere either.

use std::net::{IpAddr, SocketAddr};
use std::sync::LazyLock;

use chassis::network::{Networks, address_of};
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// The addresses that are not public: IANA's special-purpose address registries, and multicast.
static NOT_PUBLIC: LazyLock<Networks> = LazyLock::new(|| {
    let list = "0.0.0.0/8, 10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 169.254.0.0/16, 172.16.0.0/12, 192.0.0.0/24, \
        192.0.2.0/24, 192.168.0.0/16, 198.18.0.0/15, 198.51.100.0/24, 203.0.113.0/24, 224.0.0.0/3, \
        ::/128, ::1/128, 64:ff9b::/96, 64:ff9b:1::/48, 100::/64, 2001::/23, 2001:db8::/32, 2002::/16, fc00::/7, fe80::/10, \
        ff00::/8";
    list.parse().unwrap_or_default()
});

/// Which addresses may be called: public ones, and those of some networks.
#[derive(Debug, Clone, Default)]
pub struct Outside {
    allowed: Networks,
}

impl Outside {
    /// Public addresses, and those of `allowed`.
    #[must_use]
    pub fn new(allowed: Networks) -> Self {
        Self { allowed }
    }

    fn may_reach(&self, address: IpAddr) -> bool {
        self.allowed.contain(address) || !NOT_PUBLIC.contain(address)
    }

    /// Checks a URL before it is called. What a name resolves to is checked when it is.
    ///
    /// # Errors
    /// A description of the fault.
    pub fn check(&self, url: &str) -> Result<(), String> {
        let url = Url::parse(url).map_err(|error| error.to_string())?;
        let host = url.host_str().unwrap_or_default();
        let address =
            address_of(host).or_else(|| (host == "localhost").then_some(IpAddr::from([127, 0, 0, 1])));
        if let Some(address) = address.filter(|address| !self.may_reach(*address)) {
            return Err(format!(
                "{address} is not a public address: allow its network with NOTIFIER_CALLS_ALLOWED"
            ));
        }
        let is_allowed = address.is_some_and(|address| self.allowed.contain(address));
        match url.scheme() == "https" || is_allowed {
            true => Ok(()),
            false => Err("it is not encrypted: use https".to_owned()),
        }
    }
}

impl Resolve for Outside {
    fn resolve(&self, name: Name) -> Resolving {
        let outside = self.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let found: Vec<SocketAddr> = found.filter(|found| outside.may_reach(found.ip())).collect();
            match found.is_empty() {
                true => Err("the name has no public address".into()),
                false => Ok(Box::new(found.into_iter()) as Addrs),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_called_over_https() {
        let nowhere = Outside::default();
        for url in ["https://example.com/hook", "https://93.184.216.34/", "https://[2606:2800:220:1::1]/"] {
            assert_eq!(nowhere.check(url), Ok(()), "{url}");
        }
        for url in [
            "http://example.com/",
            "https://127.0.0.1/",
            "https://localhost/",
            "https://10.1.2.3/",
            "https://169.254.169.254/latest/meta-data",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://[fd00::1]/",
            "https://[64:ff9b::a00:1]/",
            "https://0x7f000001/",
            "https://2130706433/",
        ] {
            assert!(nowhere.check(url).is_err(), "{url}");
        }
        let here = Outside::new("127.0.0.0/8".parse().unwrap());
        for url in ["http://127.0.0.1:9000/hook", "http://localhost:9000/hook"] {
            assert_eq!(here.check(url), Ok(()), "{url}");
        }
        assert!(here.check("http://10.0.0.1/").is_err());
    }

    #[tokio::test]
    async fn a_name_that_resolves_to_this_machine_is_not_called() {
        let resolve = async |outside: &Outside| outside.resolve("localhost".parse().unwrap()).await.is_ok();
        assert!(!resolve(&Outside::default()).await);
        assert!(resolve(&Outside::new("127.0.0.0/8, ::1".parse().unwrap())).await);
    }
}
