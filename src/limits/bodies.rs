//! How many bytes of request bodies may be on their way at a time: nothing else counts a body before it has been read.
//!
//! Asked before a body is read. Never looks at one.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::domain::ids::UserId;

const OF_USER: usize = 16 * 1024 * 1024;
const IN_ALL: usize = 128 * 1024 * 1024;
/// The largest body where no setting asks for a larger one.
const BODY: usize = 256 * 1024;
/// Of a body that names members: one of them, its quotes and its comma, and everything else.
const MEMBER: usize = 300;
const AROUND: usize = 1024;

/// No further body may be read now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many bodies are on their way; try again")]
pub struct Full;

/// The counters. Cheap to clone; all clones count together.
#[derive(Debug, Clone)]
pub struct Bodies {
    largest: usize,
    held: Arc<Mutex<Held>>,
}

#[derive(Debug, Default)]
struct Held {
    in_all: usize,
    users: HashMap<UserId, usize>,
}

/// Room for one body; dropping it frees it.
#[derive(Debug)]
pub struct Room {
    user: Option<UserId>,
    bytes: usize,
    held: Arc<Mutex<Held>>,
}

impl Bodies {
    /// Everything that the other limits allow has to fit into a body.
    pub fn new(max_frame_bytes: usize, max_group_members: usize) -> Self {
        let members = max_group_members.saturating_mul(MEMBER).saturating_add(AROUND);
        Self { largest: BODY.max(max_frame_bytes).max(members), held: Arc::default() }
    }

    /// The largest body, in bytes.
    pub fn largest(&self) -> usize {
        self.largest
    }

    /// Takes room for a body of so many bytes; None: the length is not said. The host's own server has no share, only
    /// that of all.
    pub fn take(&self, user: Option<UserId>, bytes: Option<usize>) -> Result<Room, Full> {
        // What is longer is refused when it has come so far.
        let bytes = bytes.map_or(self.largest, |bytes| bytes.min(self.largest));
        let mut held = self.held.lock();
        if held.in_all + bytes > IN_ALL.max(self.largest) {
            return Err(Full);
        }
        if let Some(user) = user {
            let own = held.users.get(&user).copied().unwrap_or_default() + bytes;
            if own > OF_USER.max(self.largest) {
                return Err(Full);
            }
            held.users.insert(user, own);
        }
        held.in_all += bytes;
        Ok(Room { user, bytes, held: Arc::clone(&self.held) })
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut held = self.held.lock();
        held.in_all -= self.bytes;
        let Some(user) = self.user else { return };
        let left = held.users.get(&user).map_or(0, |own| own.saturating_sub(self.bytes));
        if left == 0 {
            held.users.remove(&user);
        } else {
            held.users.insert(user, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn user(number: u128) -> UserId {
        UserId(Uuid::from_u128(number))
    }

    #[test]
    fn a_user_has_a_share_and_all_together_have_one() {
        let bodies = Bodies::new(65_536, 50);
        let mut rooms: Vec<_> = (0..64).map(|_| bodies.take(Some(user(1)), None).unwrap()).collect();
        assert_eq!(bodies.take(Some(user(1)), Some(1)).unwrap_err(), Full);
        for number in 2..=8 {
            // What says that it is longer than any may be takes no more.
            rooms.extend((0..64).map(|_| bodies.take(Some(user(number)), Some(1 << 40)).unwrap()));
        }
        for other in [Some(user(9)), None] {
            assert_eq!(bodies.take(other, Some(1)).unwrap_err(), Full);
        }
        rooms.pop();
        drop(bodies.take(None, Some(256 * 1024)).unwrap());
        drop(bodies.take(Some(user(9)), Some(1000)).unwrap());
        drop(rooms);
        let held = bodies.held.lock();
        assert_eq!((held.in_all, held.users.len()), (0, 0));
    }

    #[test]
    fn a_body_may_be_as_large_as_the_other_limits_need() {
        assert_eq!(Bodies::new(65_536, 50).largest(), 256 * 1024);
        assert_eq!(Bodies::new(1 << 20, 50).largest(), 1 << 20);
        assert_eq!(Bodies::new(65_536, 100_000).largest(), 30_001_024);
        drop(Bodies::new(1 << 30, 50).take(Some(user(1)), None).unwrap());
    }
}
