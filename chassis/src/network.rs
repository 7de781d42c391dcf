//! How a service is reached from the network: names, proxies, certificates, and the limits of its clients.

mod address;
mod calls;
mod hosts;
mod limits;
mod networks;
mod rate;
mod settings;
mod tls;

pub use self::address::{ClientAddress, Peer};
pub use self::calls::{Authorities, encrypted_or_local};
pub(crate) use self::hosts::HEALTH_CHECKS;
pub use self::hosts::{Hosts, address_of};
pub use self::limits::Limits;
pub use self::networks::Networks;
pub use self::rate::{Exceeded, Rate};
pub use self::settings::{Network, NetworkArgs, RequestLimits};
pub use self::tls::{Tls, TlsError};
