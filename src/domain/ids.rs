//! The ids of the domain, each a type of its own, so that a mixed-up one does not compile.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::{Uuid, Version};

/// Host ids that are no UUID are mapped into this namespace (wire contract, "Identity").
const USER_NAMESPACE: Uuid = Uuid::from_u128(0x7e4f_0a10_0000_5000_8000_0000_0000_0010);

/// And what an import calls its channels, into this one.
const CHANNEL_NAMESPACE: Uuid = Uuid::from_u128(0x7e4f_0a10_0000_5000_8000_0000_0000_0013);

/// The longest host id of a user, in bytes of the text.
pub const MAX_EXTERNAL_ID: usize = 255;

/// A text that is no id: what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be a UUID in hyphenated form, such as 0198c0de-0000-7000-8000-000000000001")]
pub struct InvalidId;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse_hyphenated(text).map(Self)
            }
        }
    };
}

id!(
    /// A user. Made from the host application's id by [`UserId::from_external`].
    UserId
);
id!(
    /// A direct or group channel.
    ChannelId
);
id!(
    /// A message, as the server named it.
    MessageId
);
id!(
    /// The idempotency key that the sender chose for a message.
    ClientId
);
id!(
    /// A file that was uploaded.
    AttachmentId
);
id!(
    /// A journal of the audit trail: a channel's is named like the channel.
    JournalId
);
id!(
    /// One open socket.
    SessionId
);
id!(
    /// An address of the host application that is told of what happens.
    WebhookId
);
id!(
    /// What delivers to webhooks, one in each daemon that runs.
    WorkerId
);
id!(
    /// A channel or a user, as what has an order of its own.
    LaneId
);
id!(
    /// One thing that happened, to whoever is told of it: the same for each try and for each webhook.
    EventId
);

impl ChannelId {
    /// The id of a channel that an import calls `external`: the text itself where it is a UUID in lower-case hyphenated form,
    /// else its UUIDv5.
    pub fn from_external(external: &str) -> Self {
        Self(uuid_of(external, &CHANNEL_NAMESPACE))
    }
}

impl MessageId {
    /// Of a message that an import brings, by what it was called where it comes from: the UUIDv5 of that in its channel.
    /// Messages that were sent have an id that is made from the time.
    pub fn imported(channel: ChannelId, external: &str) -> Self {
        Self(Uuid::new_v5(&channel.0, external.as_bytes()))
    }

    /// Whether it was imported, and not sent here. The audit trail hashes the id, so that nobody takes the mark off.
    pub fn is_imported(self) -> bool {
        self.0.get_version() == Some(Version::Sha1)
    }
}

impl JournalId {
    /// Of what is of no channel.
    pub const DAEMON: Self = Self(Uuid::nil());

    pub fn of(channel: ChannelId) -> Self {
        Self(channel.0)
    }
}

impl UserId {
    /// The id of the user whom the host application calls `external`: the text itself where it is a UUID in
    /// lower-case hyphenated form, else its UUIDv5.
    pub fn from_external(external: &str) -> Self {
        Self(uuid_of(external, &USER_NAMESPACE))
    }
}

/// A map by ids that the daemon made itself, which are random already. Not for what others name: they could choose ids
/// that fall together.
pub type OwnIdMap<K, V> = HashMap<K, V, BuildHasherDefault<IdHasher>>;

/// See [`OwnIdMap`].
#[derive(Debug, Default, Clone, Copy)]
pub struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (halves, _) = bytes.as_chunks::<8>();
        for half in halves {
            // The last bytes, which differ most, become the lowest bits.
            self.write_u64(u64::from_be_bytes(*half));
        }
    }

    fn write_u64(&mut self, half: u64) {
        // An odd constant spreads the bits that are the same in all ids.
        self.0 = (self.0.rotate_left(26) ^ half).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn write_usize(&mut self, _: usize) {
        // The length, which is that of every id.
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// A new id whose order is that of its making.
pub fn new_v7() -> Uuid {
    Uuid::now_v7()
}

/// The text itself where it is a UUID in lower-case hyphenated form, else its UUIDv5.
fn uuid_of(external: &str, namespace: &Uuid) -> Uuid {
    match Uuid::try_parse(external) {
        Ok(uuid) if uuid.as_hyphenated().to_string() == external => uuid,
        _ => Uuid::new_v5(namespace, external.as_bytes()),
    }
}

/// Hyphenated in any case: some platforms print UUIDs in capitals. Answers are always lower-case.
fn parse_hyphenated(text: &str) -> Result<Uuid, InvalidId> {
    if text.len() != 36 {
        return Err(InvalidId);
    }
    Uuid::try_parse(text).map_err(|_| InvalidId)
}

#[cfg(test)]
mod tests {
    use std::hash::BuildHasher;

    use super::*;

    #[test]
    fn a_lower_case_uuid_is_the_user_id_itself() {
        let text = "0198c0de-0000-7000-8000-000000000001";
        assert_eq!(UserId::from_external(text).to_string(), text);
    }

    #[test]
    fn any_other_host_id_becomes_its_v5_uuid() {
        let upper = "0198C0DE-0000-7000-8000-000000000001";
        assert_ne!(UserId::from_external(upper).to_string(), upper.to_lowercase());
        assert_eq!(UserId::from_external("42").0.get_version_num(), 5);
        assert_eq!(UserId::from_external("42"), UserId::from_external("42"));
    }

    #[test]
    fn what_was_imported_is_told_by_its_id() {
        let channel = ChannelId::from_external("tour 7");
        assert_eq!(channel, ChannelId::from_external("tour 7"));
        assert!(MessageId::imported(channel, "42").is_imported() && !MessageId(new_v7()).is_imported());
        assert_ne!(MessageId::imported(channel, "42"), MessageId::imported(ChannelId::from_external("tour 8"), "42"));
    }

    #[test]
    fn ids_of_our_own_spread_over_a_map() {
        let ids: OwnIdMap<MessageId, usize> = (0..1000).map(|number| (MessageId(new_v7()), number)).collect();
        assert_eq!(ids.len(), 1000, "each is another one");
        let mut buckets = [0; 128];
        for id in ids.keys() {
            let hash = ids.hasher().hash_one(id);
            // A map takes the lowest bits for the place and the highest for a quick comparison.
            buckets[usize::try_from(hash & 63).unwrap()] += 1;
            buckets[64 + usize::try_from(hash >> 58).unwrap()] += 1;
        }
        assert!(buckets.iter().all(|count| *count < 50), "{buckets:?}");
    }

    #[test]
    fn only_the_hyphenated_form_is_an_id() {
        assert!("0198C0DE-0000-7000-8000-000000000001".parse::<ChannelId>().is_ok());
        for bad in ["", "42", "0198c0de00007000800000000000000001", "{0198c0de-0000-7000-8000-00000000001}"] {
            assert_eq!(bad.parse::<ChannelId>(), Err(InvalidId), "{bad}");
        }
    }
}
