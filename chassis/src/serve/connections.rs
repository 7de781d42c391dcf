//! The open connections, and which further ones are admitted.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::network::{ClientAddress, Limits, Networks};

/// Number of connections beyond the limit, for health checks and services.
const RESERVED_MAX: usize = 32;
/// Maximum number of those from one address.
const RESERVED_PER_ADDRESS_MAX: usize = 8;

/// The open connections of a listener.
#[derive(Debug)]
pub(super) struct Connections {
    limits: Limits,
    /// The proxies, behind which there are many clients.
    proxies: Networks,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    ordinary: usize,
    reserved: usize,
    /// Both kinds, by the part of the address that limits count.
    by_address: HashMap<IpAddr, [usize; 2]>,
}

/// The place of an open connection. It is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    connections: Arc<Connections>,
    block: IpAddr,
    /// Whether it is one of those for health checks and services.
    pub(super) is_reserved: bool,
}

impl Connections {
    pub(super) fn new(limits: Limits, proxies: Networks) -> Arc<Self> {
        Arc::new(Self { limits, proxies, counts: Mutex::default() })
    }

    /// A place for a connection from `peer`; `None` if there is none.
    pub(super) fn admit(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let block = ClientAddress(peer).block();
        let per_address_max = self.limits.connections_per_address_max.filter(|_| !self.proxies.contain(peer));
        let mut counts = self.counts.lock();
        let [ordinary, reserved] = counts.by_address.get(&block).copied().unwrap_or_default();
        let is_ordinary =
            counts.ordinary < self.limits.connections_max && per_address_max.is_none_or(|max| ordinary < max);
        if is_ordinary {
            counts.ordinary += 1;
        } else if counts.reserved < RESERVED_MAX && reserved < RESERVED_PER_ADDRESS_MAX {
            counts.reserved += 1;
        } else {
            return None;
        }
        counts.by_address.entry(block).or_default()[usize::from(!is_ordinary)] += 1;
        Some(Place { connections: Arc::clone(self), block, is_reserved: !is_ordinary })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.connections.counts.lock();
        match self.is_reserved {
            true => counts.reserved -= 1,
            false => counts.ordinary -= 1,
        }
        if let Some(of_address) = counts.by_address.get_mut(&self.block) {
            of_address[usize::from(self.is_reserved)] -= 1;
            if *of_address == [0, 0] {
                counts.by_address.remove(&self.block);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(connections_max: usize, per_address: Option<usize>) -> Arc<Connections> {
        let limits =
            Limits { connections_max, connections_per_address_max: per_address, ..Limits::default() };
        Connections::new(limits, "10.0.0.0/8".parse().unwrap())
    }

    fn open(all: &Arc<Connections>, peer: &str, count: usize) -> Vec<Place> {
        (0..count).map_while(|_| all.admit(peer.parse().unwrap())).collect()
    }

    #[test]
    fn one_address_leaves_room_for_others() {
        let all = connections(32, Some(16));
        let attacker = open(&all, "192.0.2.1", 100);
        assert_eq!(attacker.len(), 16 + RESERVED_PER_ADDRESS_MAX);
        let honest = open(&all, "192.0.2.2", 1);
        assert!(!honest[0].is_reserved);
        drop((attacker, honest));
        assert_eq!(all.counts.lock().by_address.len(), 0);
        assert_eq!(open(&all, "192.0.2.1", 16).len(), 16);
    }

    #[test]
    fn many_addresses_leave_the_reserve_to_others() {
        let all = connections(32, Some(16));
        let full: Vec<_> = (1..=3).map(|n| open(&all, &format!("192.0.2.{n}"), 16)).collect();
        assert_eq!(full.iter().map(Vec::len).sum::<usize>(), 32 + RESERVED_PER_ADDRESS_MAX);
        assert!(open(&all, "192.0.2.9", 1)[0].is_reserved);
    }

    #[test]
    fn the_clients_of_a_proxy_are_not_one_client() {
        let all = connections(32, Some(4));
        assert_eq!(open(&all, "10.0.0.1", 32).iter().filter(|place| !place.is_reserved).count(), 32);
    }
}
