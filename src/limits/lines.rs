//! How many TCP connections may be open, whoever they are: each holds descriptors before anybody says who they are. A place
//! is held until the connection's last descriptor is closed.
//!
//! Asked when a connection is accepted. Never looks at a request.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use parking_lot::Mutex;

use super::address::is_proxy;
use super::caps::{free, network};

/// The most that a connection takes: its own and the duplicate that can end it, until it is a socket. That takes one, but
/// whatever is let in may ask for something else.
const DESCRIPTORS: usize = 2;
/// The least that is left for the database, files and the admin address.
const SPARED: usize = 64;

/// Why a connection is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    #[error("its address has {limit} connections open, which is the limit")]
    OfAddress { limit: usize },
    #[error("{limit} connections are open, which is the limit")]
    InAll { limit: usize },
}

/// The counters of one listening address. Cheap to clone; all clones count together.
#[derive(Debug, Clone)]
pub struct Lines {
    per_address: usize,
    in_all: usize,
    /// Proxies, each of which speaks for many.
    proxies: Arc<[IpNet]>,
    open: Arc<Mutex<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    count: usize,
    addresses: HashMap<IpAddr, usize>,
}

/// A connection that is counted; dropping it frees its place.
#[derive(Debug)]
pub struct Place {
    address: Option<IpAddr>,
    open: Arc<Mutex<Open>>,
}

impl Lines {
    pub fn new(per_address: usize, in_all: usize, proxies: &[IpNet]) -> Self {
        Self { per_address, in_all, proxies: proxies.into(), open: Arc::default() }
    }

    /// Takes a place for a connection from there. Loopback, which may be a proxy, and proxies are counted in all only.
    pub fn take(&self, peer: IpAddr) -> Result<Place, Full> {
        let peer = peer.to_canonical();
        let address = (!is_proxy(peer, &self.proxies)).then(|| network(peer));
        let mut open = self.open.lock();
        if open.count >= self.in_all {
            return Err(Full::InAll { limit: self.in_all });
        }
        if let Some(address) = address {
            let count = open.addresses.entry(address).or_default();
            if *count >= self.per_address {
                return Err(Full::OfAddress { limit: self.per_address });
            }
            *count += 1;
        }
        open.count += 1;
        Ok(Place { address, open: Arc::clone(&self.open) })
    }

    /// How many are open.
    pub fn count(&self) -> usize {
        self.open.lock().count
    }

    pub fn limit(&self) -> usize {
        self.in_all
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.open.lock();
        open.count -= 1;
        if let Some(address) = &self.address {
            free(&mut open.addresses, address);
        }
    }
}

/// Connections of one address: its sockets, and some for what asks and goes.
pub fn per_address(sessions: usize) -> usize {
    sessions.saturating_add(sessions / 10).saturating_add(SPARED)
}

/// Connections in all on the public and on the admin address, where the process may have `max` descriptors and has
/// `open` of them already. A tenth is left alone, a quarter of which the admin address may use.
pub fn in_all(max: usize, open: usize) -> (usize, usize) {
    let spared = SPARED.max(max / 10);
    (max.saturating_sub(open + spared) / DESCRIPTORS, spared / 4 / DESCRIPTORS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_its_share_and_loopback_only_that_of_all() {
        let lines = Lines::new(2, 5, &["10.0.0.0/8".parse().unwrap()]);
        let mut open: Vec<_> = (0..2).map(|_| lines.take(ip("192.0.2.1")).unwrap()).collect();
        assert_eq!(lines.take(ip("::ffff:192.0.2.1")).unwrap_err(), Full::OfAddress { limit: 2 });
        for from in ["127.0.0.1", "10.0.0.1", "::ffff:10.0.0.1"] {
            open.push(lines.take(ip(from)).unwrap());
        }
        for from in ["127.0.0.1", "192.0.2.2"] {
            assert_eq!(lines.take(ip(from)).unwrap_err(), Full::InAll { limit: 5 }, "{from}");
        }
        assert_eq!(lines.count(), 5);
        open.remove(0);
        open.push(lines.take(ip("192.0.2.1")).unwrap());
        drop(open);
        assert_eq!((lines.count(), lines.open.lock().addresses.len()), (0, 0));
    }

    #[test]
    fn a_refused_connection_leaves_no_trace() {
        let lines = Lines::new(1, 1, &[]);
        let place = lines.take(ip("2001:db8::1")).unwrap();
        assert!((0..100_u16).all(|n| lines.take(ip(&format!("2001:db8:{n:x}::1"))).is_err()));
        drop(place);
        assert!(lines.open.lock().addresses.is_empty());
    }

    #[test]
    fn descriptors_are_left_for_everything_else() {
        assert_eq!(in_all(65_536, 36), (29_473, 819));
        assert_eq!(in_all(1024, 30), (446, 12));
        assert_eq!(in_all(256, 42), (75, 8));
        assert_eq!(in_all(64, 30), (0, 8));
        assert_eq!(per_address(1000), 1164);
        assert_eq!(per_address(usize::MAX), usize::MAX);
    }
}
