//! How many sockets one user and one client address may hold open on this node.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use parking_lot::Mutex;

use super::address::Client;
use crate::domain::ids::UserId;

/// Why no further socket is taken. The wording is for the person who opens it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooMany {
    #[error("this user has {limit} open connections, which is the limit; close one first")]
    OfUser { limit: usize },
    #[error("this address has {limit} open connections, which is the limit; close one first")]
    OfAddress { limit: usize },
}

/// The counters. Cheap to clone; all clones count together.
#[derive(Debug, Clone)]
pub struct Caps {
    per_user: usize,
    per_address: usize,
    open: Arc<Mutex<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    users: HashMap<UserId, usize>,
    addresses: HashMap<IpAddr, usize>,
}

/// A place taken; dropping it frees it.
#[derive(Debug)]
pub struct Place {
    user: UserId,
    address: Option<IpAddr>,
    open: Arc<Mutex<Open>>,
}

impl Caps {
    pub fn new(per_user: usize, per_address: usize) -> Self {
        Self { per_user, per_address, open: Arc::default() }
    }

    /// Takes a place for one more socket of the user from there.
    pub fn take(&self, user: UserId, client: Client) -> Result<Place, TooMany> {
        let address = client.is_counted().then(|| network(client.ip));
        let mut open = self.open.lock();
        if open.users.get(&user).is_some_and(|count| *count >= self.per_user) {
            return Err(TooMany::OfUser { limit: self.per_user });
        }
        if let Some(address) = address {
            let count = open.addresses.entry(address).or_default();
            if *count >= self.per_address {
                return Err(TooMany::OfAddress { limit: self.per_address });
            }
            *count += 1;
        }
        *open.users.entry(user).or_default() += 1;
        Ok(Place { user, address, open: Arc::clone(&self.open) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.open.lock();
        free(&mut open.users, &self.user);
        if let Some(address) = &self.address {
            free(&mut open.addresses, address);
        }
    }
}

/// Takes one off, and the whole entry at zero, so that the maps hold only who is there.
pub(super) fn free<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

/// One subscriber has a whole /64 of IPv6: counted one by one, its addresses would have no limit.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn user(number: u128) -> UserId {
        UserId(Uuid::from_u128(number))
    }

    fn from(address: &str) -> Client {
        Client { ip: address.parse().unwrap(), forwarded: false }
    }

    #[test]
    fn a_user_holds_so_many_and_gets_a_place_back_when_one_closes() {
        let caps = Caps::new(2, 100);
        let first = caps.take(user(1), from("192.0.2.1")).unwrap();
        let _second = caps.take(user(1), from("192.0.2.2")).unwrap();
        assert_eq!(caps.take(user(1), from("192.0.2.3")).unwrap_err(), TooMany::OfUser { limit: 2 });
        assert!(caps.take(user(2), from("192.0.2.1")).is_ok());
        drop(first);
        assert!(caps.clone().take(user(1), from("192.0.2.1")).is_ok());
    }

    #[test]
    fn an_address_holds_so_many_over_all_users() {
        let caps = Caps::new(100, 2);
        let places: Vec<_> = (0..2).map(|number| caps.take(user(number), from("192.0.2.1")).unwrap()).collect();
        assert_eq!(caps.take(user(9), from("192.0.2.1")).unwrap_err(), TooMany::OfAddress { limit: 2 });
        assert!(caps.take(user(9), from("192.0.2.2")).is_ok());
        drop(places);
        assert!(caps.open.lock().users.is_empty() && caps.open.lock().addresses.is_empty());
    }

    #[test]
    fn loopback_is_exempt_unless_it_forwards() {
        let caps = Caps::new(100, 1);
        let _local: Vec<_> = (0..5).map(|number| caps.take(user(number), from("127.0.0.1")).unwrap()).collect();
        let forwarded = Client { ip: "127.0.0.1".parse().unwrap(), forwarded: true };
        let _first = caps.take(user(8), forwarded).unwrap();
        assert!(caps.take(user(9), forwarded).is_err());
    }

    #[test]
    fn a_refusal_for_the_address_takes_no_place_of_the_user() {
        let caps = Caps::new(1, 1);
        let _place = caps.take(user(1), from("192.0.2.1")).unwrap();
        assert!(caps.take(user(2), from("192.0.2.1")).is_err());
        assert!(caps.take(user(2), from("192.0.2.2")).is_ok());
    }

    #[test]
    fn neighbours_in_one_ipv6_network_count_together() {
        let caps = Caps::new(100, 1);
        let _place = caps.take(user(1), from("2001:db8:0:1::1")).unwrap();
        assert!(caps.take(user(2), from("2001:db8:0:1:ffff::2")).is_err());
        assert!(caps.take(user(2), from("2001:db8:0:2::1")).is_ok());
    }
}
