//! Faults on purpose: points where an actor can be made to panic, and bugs that can be planted, so that whoever checks the
//! daemon's promises can show that they notice when one is broken.
//!
//! Named from where a guarantee is given, told by whoever tests over a socket. It names nobody. Without the feature
//! `faults` nothing of it is built: [`point`] does nothing and [`planted`] is `false` when the compiler looks.

#[cfg(feature = "faults")]
mod armed;
#[cfg(feature = "faults")]
mod control;
#[cfg(feature = "faults")]
mod early;
#[cfg(not(feature = "faults"))]
mod none;

#[cfg(feature = "faults")]
pub use armed::{heal, plant, planted, point};
#[cfg(feature = "faults")]
pub use control::listen;
#[cfg(feature = "faults")]
pub use early::{hear, say};
#[cfg(not(feature = "faults"))]
pub use none::{hear, listen, planted, point, say};

/// How long what is done too early or too late is so, where the true time would be too short to be found by chance.
pub const WINDOW: std::time::Duration = std::time::Duration::from_millis(30);

/// What is asked by a name that there is none of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no {what} called {name:?}")]
pub struct Unknown {
    what: &'static str,
    name: String,
}

/// An enum whose variants have names.
macro_rules! named {
    ($(#[$about:meta])* $type:ident, $what:literal, { $($(#[$doc:meta])* $variant:ident = $name:literal,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $type {
            $($(#[$doc])* $variant,)+
        }

        impl $type {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $type {
            type Err = Unknown;

            fn from_str(name: &str) -> Result<Self, Unknown> {
                let found = Self::ALL.iter().find(|it| it.as_str() == name);
                found.copied().ok_or_else(|| Unknown { what: $what, name: name.to_owned() })
            }
        }
    };
}

named! {
    /// A kind of actor that can be made to panic, at the top of what it does most.
    Part, "part", {
        Session = "session",
        Room = "room",
        Registry = "registry",
        Db = "db",
        Presence = "presence",
        Relay = "relay",
    }
}

named! {
    /// A bug that can be planted: each breaks one promise, at the place that keeps it.
    Sabotage, "sabotage", {
        /// The sender is told that a message is stored before it is.
        AckBeforeCommit = "ack_before_commit",
        /// The others get a message before it is stored, also one that never will be.
        PublishBeforeCommit = "publish_before_commit",
        /// Numbers are taken without the channel's row: what is rolled back leaves a hole.
        SequenceInsteadOfLock = "sequence_instead_of_lock",
        /// What was stored under a clientId is known to the process that stored it only.
        DedupeInMemoryOnly = "dedupe_in_memory_only",
        /// The retry of a stored message is refused like any other send.
        DedupeAfterAuthz = "dedupe_after_authz",
        /// A session looks first and listens then.
        SubscribeAfterSnapshot = "subscribe_after_snapshot",
        /// The rooms are not compared with the database.
        NoHeadPoll = "no_head_poll",
        /// They are not when Redis is back, and seldom otherwise.
        NoResubscribeCheck = "no_resubscribe_check",
        /// A full outbox drops its oldest frames, and the socket stays.
        DropOldestOnOverflow = "drop_oldest_on_overflow",
        /// A commit whose answer was lost is told as failed for good.
        FailAfterUnknownCommit = "fail_after_unknown_commit",
        /// Who was removed goes on as a member while their socket is open.
        MembershipCached = "membership_cached",
        /// An edit takes no version.
        EditWithoutVersion = "edit_without_version",
        /// A deleted message is served as it was.
        TombstoneLost = "tombstone_lost",
        /// A cursor of another history is taken as one of this.
        EpochIgnored = "epoch_ignored",
        /// What the client holds already comes again.
        CursorInclusive = "cursor_inclusive",
        /// Two sends of one session may overtake each other.
        SenderUnordered = "sender_unordered",
        /// The first session that closes takes its user offline.
        PresenceBySet = "presence_by_set",
        /// What Redis has lost of who is there is not written anew.
        LeaseNotReasserted = "lease_not_reasserted",
        /// SQLite does not wait for the disk.
        SqliteNormal = "sqlite_normal",
        /// PostgreSQL does not wait for the disk.
        PgAsyncCommit = "pg_async_commit",
        /// Sends that wait are dropped with the session that sent them.
        TxDroppedOnDisconnect = "tx_dropped_on_disconnect",
        /// A room that panicked stays dead.
        RoomNotRespawned = "room_not_respawned",
        /// Unread is counted by times in place of numbers.
        UnreadByTimestamp = "unread_by_timestamp",
        /// The ack of a retry has other numbers than the first one.
        AckWrongDuplicate = "ack_wrong_duplicate",
        /// The audit trail of sends goes on in a transaction of its own, after theirs. PostgreSQL only.
        AuditOutsideTransaction = "audit_outside_transaction",
        /// A reaction is acknowledged and not stored.
        ReactionUnstored = "reaction_unstored",
        /// A deadline that passes is looked at, and never marked.
        DeadlineUnmarked = "deadline_unmarked",
        /// What an erased message said before stays.
        ErasureLeavesRevisions = "erasure_leaves_revisions",
        /// A file of a message is given to everybody.
        FileOfAnybody = "file_of_anybody",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_that_of_one_fault() {
        for (at, sabotage) in Sabotage::ALL.iter().enumerate() {
            assert_eq!((sabotage.to_string().parse(), *sabotage as usize), (Ok(*sabotage), at));
        }
        for (at, part) in Part::ALL.iter().enumerate() {
            assert_eq!((part.to_string().parse(), *part as usize), (Ok(*part), at));
        }
        assert!("Room".parse::<Part>().is_err() && "room".parse::<Sabotage>().is_err());
    }

    #[test]
    fn nothing_is_planted_that_nobody_planted() {
        // Not one that another test of this process plants.
        assert!(!planted(Sabotage::AckBeforeCommit));
        point(Part::Db);
    }
}
