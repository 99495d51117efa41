//! What only reads. Each call sees the database of one moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::sync::Semaphore;

use super::attachments::{Held, Lost};
use super::backend::{Conn, Tx};
use super::error::StoreError;
use super::jobs::{Database, Job};
use super::page::{self, Walk};
use super::posted::Listener;
use super::webhooks::presence;
use super::{
    announced, attachments, channels, cluster_key, epoch, instructed, instructions, journal, messages, received,
    retention, revisions, revoked, search, sync, trail, users,
};
use crate::domain::announcement::Announcement;
use crate::domain::audit::Chain;
use crate::domain::change::{By, Denied};
use crate::domain::channel::{Channel, ChannelState, ChannelView, Listing, Title};
use crate::domain::cluster::ClusterKey;
use crate::domain::ids::{AttachmentId, ChannelId, ClientId, JournalId, MessageId, UserId};
use crate::domain::instruction;
use crate::domain::journal::Journal;
use crate::domain::message::{Message, Revisions, SendDigest, Stored};
use crate::domain::retention::{ErasedDetail, Retention};
use crate::domain::search::{Found, Search};
use crate::domain::sync::{Fill, HistoryFrom, PageLimits, SyncFrom, SyncPage};
use crate::domain::trail::{ChannelTrail, JournalTrail, MessageTrail, Recorded};
use crate::domain::user::{User, UserRef};

/// Reads the database, from anywhere.
#[derive(Debug, Clone)]
pub struct Reader {
    pub(super) db: Database,
    /// One for each search that may be under way.
    searches: Arc<Semaphore>,
}

/// Searches at a time, so that the other reads have connections whatever is searched for.
const SEARCHES: usize = 2;

/// The future that a read is: `read!(self, Tx, |conn| call)`.
macro_rules! read {
    ($self:ident, $tx:ident, |$conn:ident| $body:expr) => {
        $self.db.run(Tx::$tx, move |$conn: &mut Conn| Box::pin(async move { $body.await.map_err(StoreError::from) }))
    };
}

impl Reader {
    pub(super) fn new(db: Database) -> Self {
        Self { db, searches: Arc::new(Semaphore::new(SEARCHES)) }
    }

    pub fn user(&self, id: UserId) -> Job<Option<User>> {
        self.db.run(Tx::None, move |conn| Box::pin(async move { Ok(users::load(conn, &[id]).await?.pop()) }))
    }

    /// Ascending by id; the unknown are missing.
    pub fn users(&self, ids: Vec<UserId>) -> Job<Vec<User>> {
        read!(self, None, |conn| users::load(conn, &ids))
    }

    /// Who is meant by the host's id; `None` where nobody is, or where the id belongs to another sub.
    pub fn named(&self, who: UserRef) -> Job<Option<User>> {
        read!(self, None, |conn| users::named(conn, &who))
    }

    /// What was stored under a sender's clientId.
    pub fn find_stored(&self, sender: UserId, client_id: ClientId) -> Job<Option<(Stored, SendDigest)>> {
        read!(self, None, |conn| messages::find_stored(conn, sender, client_id))
    }

    /// By one query; nothing for who is not known.
    pub fn listing(&self, user: UserId) -> Job<Listing> {
        read!(self, None, |conn| channels::listing(conn, user))
    }

    /// [`Listing::memberships`] of each, ascending by id; the unknown are missing. One query by the primary key.
    pub fn memberships(&self, users: Vec<UserId>) -> Job<Vec<(UserId, i64)>> {
        read!(self, None, |conn| users::memberships(conn, &users))
    }

    /// Ascending by id; the unknown are missing.
    pub fn channels(&self, ids: Vec<ChannelId>) -> Job<Vec<Channel>> {
        read!(self, Snapshot, |conn| channels::load(conn, &ids))
    }

    /// What people call them. Ascending by id; the unknown are missing.
    pub fn titles(&self, ids: Vec<ChannelId>) -> Job<Vec<Title>> {
        read!(self, None, |conn| channels::titles(conn, &ids))
    }

    /// A page of all channels, ascending by id, and whether there are more.
    pub fn list_channels(&self, after: Option<ChannelId>, limit: usize) -> Job<(Vec<Channel>, bool)> {
        read!(self, Snapshot, |conn| channels::list(conn, after, limit))
    }

    /// Every channel of a user, by a constant number of queries.
    pub fn snapshot(&self, user: UserId) -> Job<Vec<ChannelView>> {
        read!(self, Snapshot, |conn| channels::snapshot(conn, user))
    }

    /// `None` where there is no such channel, or the user is not in it.
    pub fn view(&self, user: UserId, channel: ChannelId) -> Job<Option<ChannelView>> {
        read!(self, Snapshot, |conn| channels::view(conn, user, channel))
    }

    pub fn state(&self, channel: ChannelId) -> Job<Option<ChannelState>> {
        read!(self, Snapshot, |conn| channels::state(conn, channel))
    }

    /// `None` where the user is not in the channel.
    pub fn sync_page(
        &self,
        user: UserId,
        channel: ChannelId,
        from: SyncFrom,
        limits: PageLimits,
    ) -> Job<Option<SyncPage>> {
        read!(self, Snapshot, |conn| sync::page(conn, user, channel, from, limits))
    }

    /// The channel, version and time of a message; `None` where the user is not in its channel.
    pub fn position_of(&self, user: UserId, message: MessageId) -> Job<Option<(ChannelId, i64, DateTime<Utc>)>> {
        read!(self, Snapshot, |conn| messages::position_of(conn, user, message))
    }

    /// What happened to a channel after a version, for a room with a hole.
    pub fn fill(&self, channel: ChannelId, after: i64, limit: usize) -> Job<Fill> {
        read!(self, Snapshot, |conn| sync::fill(conn, channel, after, limit))
    }

    /// A page, and whether there is more in its direction.
    pub fn history(&self, channel: ChannelId, from: HistoryFrom, limits: PageLimits) -> Job<(Vec<Message>, bool)> {
        read!(self, Snapshot, |conn| page::read(conn, channel, Walk::BySeq(from), limits))
    }

    /// The same for a member of the channel, of one moment with the membership; `None` for anybody else.
    pub fn history_for(
        &self,
        user: UserId,
        channel: ChannelId,
        from: HistoryFrom,
        limits: PageLimits,
    ) -> Job<Option<(Vec<Message>, bool)>> {
        read!(self, Snapshot, |conn| messages::history_for(conn, user, channel, from, limits))
    }

    /// What `asker` may see of what is searched for, of one moment; a host's server, which is nobody, sees all. `None` where
    /// the one channel that is searched is none that they may see.
    pub fn search(&self, asker: Option<UserId>, search: Search) -> Job<Option<Found>> {
        let (db, searches) = (self.db.clone(), Arc::clone(&self.searches));
        self.db.spawn(async move {
            let _turn = db.patiently(searches.acquire_owned()).await?;
            db.run(Tx::Snapshot, move |conn| Box::pin(search::find(conn, asker, search))).await
        })
    }

    pub fn message(&self, id: MessageId) -> Job<Option<Message>> {
        let reader = self.clone();
        self.db.spawn(async move {
            let found = read!(reader, None, |conn| messages::find(conn, id)).await?;
            // What is read by several statements has to be of one moment, where that can differ.
            if found.as_ref().is_some_and(|message| message.touched || message.instruction.is_some()) {
                return read!(reader, Snapshot, |conn| messages::find(conn, id)).await;
            }
            Ok(found)
        })
    }

    /// Those of these that there are.
    pub fn known(&self, ids: Vec<MessageId>) -> Job<Vec<MessageId>> {
        let reader = self.clone();
        self.db.spawn(async move { read!(reader, None, |conn| messages::known(conn, ids)).await })
    }

    /// A page of messages that ask for an answer, newest first, and whether there are more; a host's server, which is nobody,
    /// sees all. `None` where the one channel that is asked for is none that the asker may see.
    pub fn instructions(&self, asker: Option<UserId>, of: instruction::Listing) -> Job<Option<(Vec<Message>, bool)>> {
        read!(self, Snapshot, |conn| instructed::list(conn, asker, of))
    }

    /// Some of those whose deadline has passed and that nobody has looked at since.
    pub fn due_instructions(&self, now: DateTime<Utc>) -> Job<Vec<MessageId>> {
        read!(self, None, |conn| instructions::due(conn, now))
    }

    /// All that a message has said; denied to who may not know.
    pub fn revisions(&self, by: By, id: MessageId) -> Job<Result<Revisions, Denied>> {
        self.db.judged(Tx::Snapshot, move |conn| Box::pin(revisions::of(conn, by, id)))
    }

    /// Of whom tokens are refused that were made before a moment, where that is this one or later.
    pub fn revoked_tokens(&self, since: DateTime<Utc>) -> Job<Vec<(UserId, DateTime<Utc>)>> {
        read!(self, None, |conn| revoked::since(conn, since))
    }

    /// The announcement that was made last to be told to who connects, whether it still holds or not.
    pub fn announcement(&self) -> Job<Option<Announcement>> {
        read!(self, None, |conn| announced::read(conn))
    }

    /// Every channel that there is or was, as far as the audit trail knows.
    pub fn audited_channels(&self) -> Job<Vec<ChannelId>> {
        read!(self, Snapshot, |conn| trail::channels(conn))
    }

    /// What the audit trail of each channel comes to.
    pub fn audit_heads(&self) -> Job<Vec<(ChannelId, Chain)>> {
        read!(self, None, |conn| trail::heads(conn))
    }

    /// All of a channel's past but its messages, of one moment.
    pub fn trail(&self, channel: ChannelId) -> Job<ChannelTrail> {
        read!(self, Snapshot, |conn| trail::channel(conn, channel))
    }

    /// A channel's messages after `seq` with all that is kept of them, ascending; `limit` at most.
    pub fn message_trails(&self, channel: ChannelId, seq: i64, limit: i64) -> Job<Vec<MessageTrail>> {
        read!(self, Snapshot, |conn| trail::messages(conn, channel, seq, limit))
    }

    /// The journals of the audit trail, and where each stands; ascending by id.
    pub fn journals(&self) -> Job<Vec<Journal>> {
        read!(self, None, |conn| journal::journals(conn))
    }

    /// What was erased of a channel, and when.
    pub fn erasures(&self, channel: ChannelId) -> Job<Vec<(DateTime<Utc>, ErasedDetail)>> {
        read!(self, Snapshot, |conn| journal::erasures(conn, channel))
    }

    /// Up to which version each member of a channel has received, and since when that is known. Who has received nothing
    /// is missing.
    pub fn received(&self, channel: ChannelId) -> Job<BTreeMap<UserId, (i64, DateTime<Utc>)>> {
        read!(self, None, |conn| received::of_channel(conn, channel))
    }

    /// A journal but its records, of one moment.
    pub fn journal_trail(&self, id: JournalId) -> Job<JournalTrail> {
        read!(self, Snapshot, |conn| journal::trail(conn, id))
    }

    /// A journal's records after `number`, ascending; `limit` at most.
    pub fn records(&self, id: JournalId, number: i64, limit: i64) -> Job<Vec<Recorded>> {
        read!(self, None, |conn| journal::records(conn, id, number, limit))
    }

    /// When a user came (true) and went, as far as that is kept for webhooks, after the change of that number; `limit` at most.
    pub fn presence_changes(&self, user: UserId, after: i64, limit: i64) -> Job<Vec<(i64, bool, DateTime<Utc>)>> {
        read!(self, None, |conn| presence::of(conn, user, after, limit))
    }

    /// How long a channel keeps its messages. None: there is no such channel.
    pub fn retention(&self, channel: ChannelId) -> Job<Option<Retention>> {
        read!(self, Snapshot, |conn| retention::of(conn, channel))
    }

    /// The same of all channels after this one, ascending, and up to which message each is erased; `limit` at most.
    pub fn retentions(&self, after: ChannelId, limit: i64) -> Job<Vec<(ChannelId, Retention, i64)>> {
        read!(self, None, |conn| retention::page(conn, after, limit))
    }

    /// Whether any of the next messages after this one is older than that.
    pub fn is_due(&self, channel: ChannelId, after: i64, before: DateTime<Utc>) -> Job<bool> {
        read!(self, None, |conn| retention::is_due(conn, channel, after, before))
    }

    /// The channels in which a user has sent what is not erased.
    pub fn spoken_in(&self, user: UserId) -> Job<Vec<ChannelId>> {
        read!(self, None, |conn| retention::spoken_in(conn, user))
    }

    /// An attachment, for whom it may be downloaded by in this moment.
    pub fn attachment_for(&self, by: By, id: AttachmentId) -> Job<Option<Held>> {
        read!(self, Snapshot, |conn| attachments::find_for(conn, by, id))
    }

    /// Whether there are attachments that are in no message since `before`.
    pub fn has_old_attachments(&self, before: DateTime<Utc>) -> Job<bool> {
        read!(self, None, |conn| attachments::has_old(conn, before))
    }

    /// Some of the attachments that were let go of, the oldest first: those behind `after`.
    pub fn lost_attachments(&self, after: Option<Lost>) -> Job<Vec<Lost>> {
        read!(self, None, |conn| attachments::lost(conn, after))
    }

    /// The newest version of each channel.
    pub fn heads(&self, channels: Vec<ChannelId>) -> Job<Vec<(ChannelId, i64)>> {
        read!(self, None, |conn| channels::heads(conn, &channels))
    }

    /// Whether the database answers.
    /// What hears of what others store by SQL; `None` where nobody can.
    pub fn listener(&self) -> Option<Listener> {
        Listener::of(self.db.manager())
    }

    pub fn ping(&self) -> Job<()> {
        read!(self, None, |conn| conn.ping())
    }

    /// The name of this history; another one means that a part of the old may be lost.
    pub fn epoch(&self) -> Job<String> {
        read!(self, None, |conn| epoch::read(conn))
    }

    /// The same for every node of this database, and for ever.
    pub fn cluster_key(&self) -> Job<ClusterKey> {
        read!(self, None, |conn| cluster_key::read(conn))
    }
}
