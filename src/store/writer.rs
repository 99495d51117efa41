//! What changes the database.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::attachments::{NewUpload, Uploaded};
use super::backend::Tx;
use super::indexer::{Indexer, Pending};
use super::jobs::{Database, Job};
use super::webhooks::{News, Webhooks};
use super::{
    Reader, announced, append, attachments, channels, instructions, journal, members, messages, planted, reactions,
    received, retention, revoked, users,
};
use crate::domain;
use crate::domain::announcement::Announcement;
use crate::domain::attachment::Attachment;
use crate::domain::change::{By, Change, Denied, Mark, Marked};
use crate::domain::channel::{Audience, Channel, Role};
use crate::domain::content::Content;
use crate::domain::ids::{AttachmentId, ChannelId, MessageId, UserId, new_v7};
use crate::domain::instruction::AnswerKind;
use crate::domain::journal::Note;
use crate::domain::message::{Append, Appended};
use crate::domain::reaction::Reaction;
use crate::domain::receipt::Receipt;
use crate::domain::retention::{Erase, Erasure, Retention};
use crate::domain::user::{User, UserRef};
use crate::fault::{self, Sabotage};

/// The only way to change the database. One owner, who decides what follows what: calls that are under way at the
/// same time are in no order.
#[derive(Debug)]
pub struct Writer {
    db: Database,
    batches: usize,
    /// What search does not know yet.
    pending: Arc<Pending>,
    /// What webhooks may have to be told of.
    news: Arc<News>,
}

/// A group to be made.
#[derive(Debug, Clone)]
pub struct NewGroup {
    /// A user becomes its owner. The host's server is in it only if it names itself, and no member owns it then.
    pub by: By,
    pub name: String,
    pub members: Vec<UserRef>,
    /// Whether unknown users are made instead of refused.
    pub placeholders: bool,
    pub max_members: usize,
}

#[derive(Debug)]
pub(super) struct MembersToAdd {
    pub(super) by: By,
    pub(super) channel_id: ChannelId,
    pub(super) members: Vec<UserRef>,
    pub(super) placeholders: bool,
    pub(super) max_members: usize,
}

/// The answer of a write that may be denied.
type Outcome<T> = Job<Result<T, Denied>>;

impl Writer {
    pub(super) fn new(db: Database, batches: usize) -> Self {
        Self { db, batches, pending: Arc::default(), news: Arc::default() }
    }

    /// What takes into the index of search whatever this writer stores.
    pub fn indexer(&self, reader: &Reader) -> Indexer {
        Indexer::new(self.db.clone(), reader.db.clone(), Arc::clone(&self.pending))
    }

    /// What knows how far webhooks were told of what this writer stores.
    pub fn webhooks(&self, reader: &Reader) -> Webhooks {
        Webhooks::new(self.db.clone(), reader.db.clone(), Arc::clone(&self.news))
    }

    /// How many calls of [`Writer::append`] it pays to have under way at once.
    pub fn batches(&self) -> usize {
        self.batches
    }

    /// Stores a batch in one transaction; the outcomes are in the order given. On [`super::StoreError::Locked`] the
    /// batch may be split by channel, so that only the locked one waits.
    pub fn append(&self, batch: Vec<Append>) -> Job<Vec<Appended>> {
        let (db, pending, news) = (self.db.clone(), Arc::clone(&self.pending), Arc::clone(&self.news));
        self.db.spawn(async move {
            let channels: BTreeSet<ChannelId> = batch.iter().map(|item| item.message.channel_id).collect();
            let done = if fault::planted(Sabotage::DedupeInMemoryOnly) {
                planted::append_by_memory(&db, batch).await
            } else {
                append::append(&db, batch).await
            };
            // Of what failed a part may have been stored.
            news.changed(channels.iter().copied());
            pending.note(channels);
            done
        })
    }

    pub fn edit(&self, by: By, id: MessageId, content: Content, at: DateTime<Utc>) -> Outcome<Change> {
        self.noted(self.db.write(move |conn| Box::pin(messages::edit(conn, by, id, content, at))))
    }

    pub fn delete(&self, by: By, id: MessageId, at: DateTime<Utc>) -> Outcome<Change> {
        self.noted(self.db.write(move |conn| Box::pin(messages::delete(conn, by, id, at))))
    }

    /// `None` where it is so already.
    pub fn react(
        &self,
        by: By,
        id: MessageId,
        reaction: Reaction,
        set: bool,
        at: DateTime<Utc>,
    ) -> Outcome<Option<Change>> {
        self.told(self.db.write(move |conn| Box::pin(reactions::react(conn, by, id, reaction, set, at))))
    }

    /// `None` where it is the same answer as before.
    pub fn answer(
        &self,
        by: By,
        id: MessageId,
        kind: AnswerKind,
        note: Option<String>,
        at: DateTime<Utc>,
    ) -> Outcome<Option<Change>> {
        self.told(self.db.write(move |conn| Box::pin(instructions::answer(conn, by, id, kind, note, at))))
    }

    /// `None` where nothing is overdue, or was marked before.
    pub fn mark_overdue(&self, id: MessageId, at: DateTime<Utc>) -> Outcome<Option<Change>> {
        self.told(self.db.write(move |conn| Box::pin(instructions::mark_overdue(conn, id, at))))
    }

    /// The same change, and then search is to look at it.
    fn noted(&self, change: Outcome<Change>) -> Outcome<Change> {
        let pending = Arc::clone(&self.pending);
        let change = self.told(change);
        self.db.spawn(async move {
            let done = change.await?;
            pending.note(done.iter().map(|change| change.channel_id));
            Ok(done)
        })
    }

    /// The same change, and then webhooks are to be told of it. Of what is lost here a comparison finds out.
    fn told<T: InChannel + Send + 'static>(&self, change: Outcome<T>) -> Outcome<T> {
        let news = Arc::clone(&self.news);
        self.db.spawn(async move {
            let done = change.await?;
            news.changed(done.iter().filter_map(InChannel::channel));
            Ok(done)
        })
    }

    pub fn create_group(&self, new: NewGroup, at: DateTime<Utc>) -> Outcome<Channel> {
        self.create_group_as(ChannelId(new_v7()), new, at)
    }

    /// The same with an id that is given, and is nobody's yet.
    pub fn create_group_as(&self, id: ChannelId, new: NewGroup, at: DateTime<Utc>) -> Outcome<Channel> {
        self.told(self.db.write(move |conn| Box::pin(channels::create_group(conn, id, new, at))))
    }

    /// The channel of the two, and whether it is new.
    pub fn create_direct(
        &self,
        by: By,
        a: UserRef,
        b: UserRef,
        placeholders: bool,
        at: DateTime<Utc>,
    ) -> Outcome<(Channel, bool)> {
        self.told(self.db.write(move |conn| Box::pin(channels::create_direct(conn, by, [a, b], placeholders, at))))
    }

    /// `None` where nothing changed.
    pub fn add_members(
        &self,
        by: By,
        channel_id: ChannelId,
        members: Vec<UserRef>,
        placeholders: bool,
        max_members: usize,
        at: DateTime<Utc>,
    ) -> Outcome<Option<Change>> {
        let add = MembersToAdd { by, channel_id, members, placeholders, max_members };
        self.told(self.db.write(move |conn| Box::pin(members::add(conn, add, at))))
    }

    /// Somebody who removes themselves leaves.
    pub fn remove_member(&self, by: By, channel: ChannelId, user: UserRef, at: DateTime<Utc>) -> Outcome<Change> {
        let remove =
            self.db.write(move |conn| Box::pin(async move { members::remove(conn, by, channel, &user, at).await }));
        self.told(remove)
    }

    /// `None` where nothing changed.
    pub fn set_role(
        &self,
        by: By,
        channel: ChannelId,
        user: UserRef,
        role: Role,
        at: DateTime<Utc>,
    ) -> Outcome<Option<Change>> {
        let set = self
            .db
            .write(move |conn| Box::pin(async move { members::set_role(conn, by, channel, &user, role, at).await }));
        self.told(set)
    }

    /// `None` where nothing changed.
    pub fn rename(&self, by: By, channel: ChannelId, name: String, at: DateTime<Utc>) -> Outcome<Option<Change>> {
        self.told(self.db.write(move |conn| Box::pin(channels::rename(conn, by, channel, name, at))))
    }

    /// `None` where it is so already.
    pub fn show_revisions(
        &self,
        by: By,
        channel: ChannelId,
        to: Audience,
        at: DateTime<Utc>,
    ) -> Outcome<Option<Change>> {
        self.told(self.db.write(move |conn| Box::pin(channels::show_revisions(conn, by, channel, to, at))))
    }

    /// One transaction for all; one answer a wish, in their order.
    pub fn mark_read(&self, marks: Vec<Mark>, at: DateTime<Utc>) -> Job<Vec<Result<Marked, Denied>>> {
        let channels: BTreeSet<ChannelId> = marks.iter().map(|mark| mark.channel_id).collect();
        let (news, marked) =
            (Arc::clone(&self.news), self.db.run(Tx::Write, move |conn| Box::pin(members::mark_read(conn, marks, at))));
        self.db.spawn(async move {
            let done = marked.await;
            news.read(channels);
            done
        })
    }

    /// One transaction for all. Returned are those of whose members another node took note at the same moment.
    pub fn note_received(&self, receipts: Vec<Receipt>) -> Job<Vec<Receipt>> {
        self.db.run(Tx::Write, move |conn| Box::pin(received::note(conn, receipts)))
    }

    /// The user as a token says, made or renamed where that is news.
    pub fn upsert_user(&self, who: UserRef, name: String) -> Outcome<User> {
        self.db.write(move |conn| Box::pin(async move { users::upsert(conn, &who, &name, domain::now()).await }))
    }

    /// Takes note of an upload before its first byte is stored.
    pub fn begin_upload(&self, new: NewUpload, at: DateTime<Utc>) -> Outcome<()> {
        self.db.write(move |conn| Box::pin(attachments::begin(conn, new, at)))
    }

    pub fn finish_upload(&self, id: AttachmentId, what: Uploaded) -> Outcome<Attachment> {
        self.db.write(move |conn| Box::pin(attachments::finish(conn, id, what)))
    }

    /// Lets go of an attachment that is in no message.
    pub fn discard_attachment(&self, user: UserId, id: AttachmentId) -> Outcome<()> {
        self.db.write(move |conn| Box::pin(attachments::discard(conn, user, id)))
    }

    /// Lets go of what was uploaded before then and is in no message.
    pub fn expire_attachments(&self, before: DateTime<Utc>) -> Job<()> {
        self.db.run(Tx::Write, move |conn| Box::pin(attachments::expire(conn, before)))
    }

    /// Of those that were let go of, after their objects were deleted.
    pub fn forget_attachments(&self, ids: Vec<AttachmentId>) -> Job<()> {
        self.db.run(Tx::Write, move |conn| Box::pin(attachments::forget(conn, ids)))
    }

    /// `None` where it is so already.
    pub fn set_retention(
        &self,
        by: By,
        channel: ChannelId,
        to: Retention,
        at: DateTime<Utc>,
    ) -> Outcome<Option<Change>> {
        self.told(self.db.write(move |conn| Box::pin(retention::set(conn, by, channel, to, at))))
    }

    /// A part of a run that erases messages.
    pub fn erase(&self, wish: Erase, at: DateTime<Utc>) -> Outcome<Erasure> {
        let (pending, news, channel) = (Arc::clone(&self.pending), Arc::clone(&self.news), wish.channel);
        let done = self.db.write(move |conn| Box::pin(retention::erase(conn, wish, at)));
        self.db.spawn(async move {
            let done = done.await?;
            pending.note([channel]);
            news.changed([channel]);
            Ok(done)
        })
    }

    /// What is kept of a user besides what they sent: their name, and from where they signed in.
    pub fn forget_user(&self, user: UserId) -> Job<()> {
        self.db.run(Tx::Write, move |conn| Box::pin(users::forget(conn, user)))
    }

    /// The user's tokens of before this moment are not taken any more; with the record of who asked for it.
    pub fn revoke_tokens(&self, user: UserId, issued_before: DateTime<Utc>, note: Note) -> Job<()> {
        self.db.run(Tx::Write, move |conn| Box::pin(revoked::revoke(conn, user, issued_before, note)))
    }

    /// What who connects is told from now on; `None`: nothing.
    pub fn announce(&self, announcement: Option<Announcement>) -> Job<()> {
        self.db.run(Tx::Write, move |conn| Box::pin(async move { announced::set(conn, announcement.as_ref()).await }))
    }

    /// Writes into the journals of the audit trail what has no other transaction.
    pub fn record(&self, notes: Vec<Note>) -> Job<()> {
        self.db.run(Tx::Write, move |conn| Box::pin(journal::write(conn, notes)))
    }

    /// To be awaited before the process ends. Without it a restored backup of the last second may pass unnoticed.
    pub fn close(&self) -> Job<()> {
        let db = self.db.clone();
        self.db.spawn(async move {
            if let Some(note) = db.note()
                && let Err(error) = note.write_now(&db).await
            {
                log::warn!("{error}");
            }
            Ok(())
        })
    }
}

/// What tells in which channel something was done, if anything was.
trait InChannel {
    fn channel(&self) -> Option<ChannelId>;
}

impl InChannel for Change {
    fn channel(&self) -> Option<ChannelId> {
        Some(self.channel_id)
    }
}

impl InChannel for Option<Change> {
    fn channel(&self) -> Option<ChannelId> {
        self.as_ref().map(|change| change.channel_id)
    }
}

impl InChannel for Channel {
    fn channel(&self) -> Option<ChannelId> {
        Some(self.id)
    }
}

impl InChannel for (Channel, bool) {
    fn channel(&self) -> Option<ChannelId> {
        self.1.then_some(self.0.id)
    }
}
