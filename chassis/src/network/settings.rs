//! Settings of the network.

use std::net::{IpAddr, SocketAddr};
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;

use clap::Args;

use super::{Authorities, Hosts, Limits, Networks, Tls};
use crate::config::Faults;

/// The settings of the network that all services have.
#[derive(Debug, Args)]
pub struct NetworkArgs {
    /// Further names under which the service answers, separated by commas, beside localhost, IP addresses and the name in
    /// the public URL
    #[arg(long, env = "MEJA_HOSTS", value_delimiter = ',', global = true)]
    hosts: Vec<String>,
    /// Networks of proxies in front of the service, such as 10.0.0.0/8, separated by commas. They encrypt the connections
    /// of clients, and their X-Forwarded-For counts
    #[arg(long, env = "MEJA_BEHIND_PROXY", default_value = "", hide_default_value = true, global = true)]
    behind_proxy: String,
    /// File with the certificate of the service and those that signed it, in PEM; read again at SIGHUP
    #[arg(long, env = "MEJA_TLS_CERTIFICATE", requires = "tls_key", global = true)]
    tls_certificate: Option<PathBuf>,
    /// File with the key of the certificate, in PEM; only this user can read it
    #[arg(long, env = "MEJA_TLS_KEY", requires = "tls_certificate", global = true)]
    tls_key: Option<PathBuf>,
    /// File with the certificates of the authorities that our services trust among themselves, in PEM, such as ca.pem of
    /// `reservation access ca`; beside those of the system
    #[arg(long, env = "MEJA_TLS_CA", global = true)]
    tls_ca: Option<PathBuf>,
    /// Accept files and directories that the group of this process can read, for volumes of containers
    #[arg(long, env = "MEJA_GROUP_ACCESS", global = true)]
    group_access: bool,
    /// Maximum number of open connections. Beyond it only health checks and services are admitted
    #[arg(long, env = "MEJA_CONNECTIONS_MAX", default_value = "4096", global = true)]
    connections_max: NonZeroUsize,
    /// Maximum number of open connections of one address, at most half of all; no limit while access is open
    #[arg(long, env = "MEJA_CONNECTIONS_PER_ADDRESS_MAX", default_value = "256", global = true)]
    connections_per_address_max: NonZeroUsize,
    /// Maximum number of requests per minute without a credential from one address; no limit while access is open
    #[arg(long, env = "MEJA_ADDRESS_REQUESTS_PER_MINUTE_MAX", default_value = "600", global = true)]
    address_requests_per_minute_max: NonZeroU32,
    /// Maximum number of requests per minute with one credential
    #[arg(long, env = "MEJA_CREDENTIAL_REQUESTS_PER_MINUTE_MAX", default_value = "60000", global = true)]
    credential_requests_per_minute_max: NonZeroU32,
    /// Maximum number of requests per minute with a credential that is not valid from one address; no limit while access
    /// is open
    #[arg(long, env = "MEJA_ADDRESS_FAILURES_PER_MINUTE_MAX", default_value = "30", global = true)]
    address_failures_per_minute_max: NonZeroU32,
}

/// How a service is reached.
#[derive(Debug, Clone)]
pub struct Network {
    /// The names under which it answers.
    pub hosts: Hosts,
    /// The networks of the proxies in front of it.
    pub proxies: Networks,
    /// Its certificate; `None` if connections are not encrypted.
    pub tls: Option<Tls>,
    /// What it trusts when it calls our other services.
    pub authorities: Authorities,
    /// The limits of the listener.
    pub limits: Limits,
    /// The limits of requests.
    pub requests: RequestLimits,
    /// Whether the group of this process may read files.
    pub group_access: bool,
}

/// Maximum numbers of requests per minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestLimits {
    /// Without a credential from one address; `None`: no limit.
    pub address: Option<NonZeroU32>,
    /// With one credential.
    pub credential: NonZeroU32,
    /// With a credential that is not valid from one address; `None`: no limit.
    pub failures: Option<NonZeroU32>,
}

impl Network {
    /// The URL of this service for commands on the same machine.
    #[must_use]
    pub fn url_at(&self, listen: SocketAddr) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        // 0.0.0.0 and [::] are addresses to listen on, and no client can rely on connecting to them.
        let host = if listen.ip().is_unspecified() { "localhost".to_owned() } else { host_of(listen) };
        format!("{scheme}://{host}:{}", listen.port())
    }

    /// The network of a service on this machine, without limits per address: for development and for tests.
    #[must_use]
    pub fn local() -> Self {
        Self {
            hosts: Hosts::loopback(),
            proxies: Networks::default(),
            tls: None,
            authorities: Authorities::default(),
            limits: Limits::default(),
            requests: RequestLimits { address: None, credential: NonZeroU32::MAX, failures: None },
            group_access: false,
        }
    }
}

impl NetworkArgs {
    /// The settings of a service that listens on `listen`, also on `further`, and is reached under `public_url`. `is_open`:
    /// callers need no credential.
    pub fn check(
        self,
        listen: Option<SocketAddr>,
        further: Option<SocketAddr>,
        public_url: Option<&str>,
        is_open: bool,
        faults: &mut Faults,
    ) -> Option<Network> {
        let proxies: Option<Networks> = faults.take("MEJA_BEHIND_PROXY", self.behind_proxy.parse());
        let tls = match self.tls_certificate.zip(self.tls_key) {
            Some((certificate, key)) => {
                let loaded = Tls::load(certificate, key, self.group_access);
                Some(faults.take("MEJA_TLS_CERTIFICATE", loaded)?)
            }
            None => None,
        };
        let authorities = match &self.tls_ca {
            Some(path) => faults.take("MEJA_TLS_CA", Authorities::load(path))?,
            None => Authorities::default(),
        };
        let (listen, proxies) = (listen?, proxies?);
        let reachable = [Some(listen), further].into_iter().flatten().find(|at| !at.ip().is_loopback());
        if let Some(at) = reachable.filter(|_| tls.is_none() && proxies.is_empty()) {
            faults.add(
                "MEJA_TLS_CERTIFICATE",
                format_args!(
                    "{at} can be reached from other machines, so connections must be encrypted: set MEJA_TLS_CERTIFICATE and MEJA_TLS_KEY, name the networks of the proxies that encrypt them in MEJA_BEHIND_PROXY, or listen on 127.0.0.1"
                ),
            );
        }
        let connections_max = self.connections_max.get();
        let limits = Limits {
            connections_max,
            connections_per_address_max: (!is_open)
                .then(|| self.connections_per_address_max.get().min(connections_max.div_ceil(2))),
            ..Limits::default()
        };
        let requests = RequestLimits {
            address: (!is_open).then_some(self.address_requests_per_minute_max),
            credential: self.credential_requests_per_minute_max,
            failures: (!is_open).then_some(self.address_failures_per_minute_max),
        };
        let hosts = match is_open {
            true => Hosts::loopback(),
            false => super::hosts::names(listen, public_url, &self.hosts),
        };
        Some(Network { hosts, proxies, tls, authorities, limits, requests, group_access: self.group_access })
    }
}

/// The address in a URL.
fn host_of(listen: SocketAddr) -> String {
    match listen.ip() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}
