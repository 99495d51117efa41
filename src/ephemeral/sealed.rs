//! One lease as it stands in Redis: sealed, so that nobody is online because somebody wrote it there.

use uuid::Uuid;

use crate::cluster::{Key, NodeId};
use crate::domain::ids::{SessionId, UserId};

/// A session of a node, until a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    pub node: NodeId,
    pub session: SessionId,
    /// By Redis's clock, in milliseconds.
    pub ends_ms: i64,
}

impl Lease {
    /// The field and the value of the user's hash.
    pub fn seal(self, key: &Key, user: UserId) -> (String, String) {
        let field = format!("{}/{}", self.node, self.session.0.as_simple());
        let ends = self.ends_ms.to_string();
        let tag = key.short_tag(&parts(&user, &field, &ends));
        (field, format!("{ends}:{tag}"))
    }

    /// None for what no node of the cluster wrote for this user.
    pub fn open(key: &Key, user: UserId, field: &str, value: &str) -> Option<Self> {
        let (ends, tag) = value.split_once(':')?;
        if !key.verify_short(&parts(&user, field, ends), tag) {
            return None;
        }
        let (node, session) = field.split_once('/')?;
        Some(Self {
            node: node.parse().ok()?,
            session: SessionId(Uuid::try_parse(session).ok()?),
            ends_ms: ends.parse().ok()?,
        })
    }
}

/// The prefix of the fields of a node.
pub(super) fn prefix(node: NodeId) -> String {
    format!("{node}/")
}

fn parts<'a>(user: &'a UserId, field: &'a str, ends: &'a str) -> [&'a [u8]; 4] {
    [b"lease", user.0.as_bytes(), field.as_bytes(), ends.as_bytes()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_of_one_user_and_one_end() {
        let (key, ana, ben) = (Key::new(&[1; 32]), UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
        let lease =
            Lease { node: NodeId::random(), session: SessionId(Uuid::from_u128(3)), ends_ms: 1_700_000_000_000 };
        let (field, value) = lease.seal(&key, ana);
        assert!(field.starts_with(&prefix(lease.node)));
        assert_eq!(Lease::open(&key, ana, &field, &value), Some(lease));
        assert_eq!(Lease::open(&key, ben, &field, &value), None);
        assert_eq!(Lease::open(&Key::new(&[2; 32]), ana, &field, &value), None);
        assert_eq!(Lease::open(&key, ana, &field, &value.replacen('1', "2", 1)), None);
        let other = format!("{}/{}", NodeId::random(), lease.session.0.as_simple());
        assert_eq!(Lease::open(&key, ana, &other, &value), None);
        assert_eq!(Lease::open(&key, ana, &field, "1700000000000"), None);
    }
}
