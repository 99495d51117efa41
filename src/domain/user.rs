//! Who talks. The host application owns its users; a user here is what its token said last.

use super::ids::UserId;

/// A user as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    /// The host's own id, where it is not the UUID itself.
    pub external_id: Option<String>,
    pub name: String,
}

/// A user whom somebody named, before the store has seen them: the id, and the host's text where it is another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UserRef {
    pub id: UserId,
    pub external: String,
}

impl UserRef {
    pub fn new(external: &str) -> Self {
        Self { id: UserId::from_external(external), external: external.to_owned() }
    }

    /// The host's text where it is not the UUID itself.
    pub fn external_id(&self) -> Option<&str> {
        (self.id.to_string() != self.external).then_some(self.external.as_str())
    }
}
