//! Of whom tokens of before a moment are taken no more. In memory, since every token is looked at by it; told by the
//! registry, by the call that revokes, and at the start by the composition root. Never reads the database.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use parking_lot::RwLock;

use super::Identity;
use crate::domain::ids::UserId;

/// Those of whom tokens were ever revoked: some 50 bytes each, and nobody is forgotten, since a token may live for years.
#[derive(Debug, Default)]
pub struct Revoked(RwLock<HashMap<UserId, DateTime<Utc>>>);

impl Revoked {
    /// The user's tokens count from this moment on. Of two the later one holds.
    pub fn note(&self, user: UserId, issued_before: DateTime<Utc>) {
        let mut all = self.0.write();
        let known = all.entry(user).or_insert(issued_before);
        *known = issued_before.max(*known);
    }

    pub fn knows(&self, user: UserId, issued_before: DateTime<Utc>) -> bool {
        self.0.read().get(&user).is_some_and(|known| *known >= issued_before)
    }

    /// Whether the token of this identity is one of them. One that does not say when it was made counts as old.
    pub fn refuses(&self, identity: &Identity) -> bool {
        let all = self.0.read();
        let before = all.get(&identity.user.id);
        before.is_some_and(|before| identity.issued_at.is_none_or(|issued_at| issued_at < *before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::user::UserRef;

    #[test]
    fn of_two_moments_the_later_one_holds_and_nobody_else_is_touched() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let of = |sub: &str, issued_at: Option<i64>| Identity {
            user: UserRef::new(sub),
            name: "Ana".to_owned(),
            admin: false,
            issued_at: issued_at.map(at),
            expires_at: at(1_000),
        };
        let (revoked, ana) = (Revoked::default(), UserRef::new("ana").id);
        assert!(!revoked.refuses(&of("ana", None)));
        for before in [at(50), at(70), at(60)] {
            revoked.note(ana, before);
            assert!(revoked.knows(ana, before));
        }
        assert!(!revoked.knows(ana, at(71)));
        let refused = |issued_at| revoked.refuses(&of("ana", issued_at));
        assert_eq!([None, Some(69), Some(70), Some(71)].map(refused), [true, true, false, false]);
        assert!(!revoked.refuses(&of("bo", Some(1))) && !revoked.refuses(&of("bo", None)));
    }
}
