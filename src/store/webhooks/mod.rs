//! What webhooks need of the database: where they are, how far each has come in each channel, and what is next there.
//!
//! Used by `crate::webhooks`, which delivers, and by the calls that manage them. Nothing is written when a message is sent: events
//! are read from the logs that there are. It writes beside the DB actor, one call at a time, and never anything of chat.

mod cursors;
mod endpoints;
mod failures;
mod log;
mod manage;
mod news;
pub(super) mod presence;
mod start;
mod tell;
mod waiting;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::sync::Semaphore;
use uuid::Uuid;

pub use cursors::Ask;
pub(super) use cursors::CursorRow;
pub use log::Page;
pub(super) use news::News;
pub use news::Noted;
pub(super) use presence::PresenceRow;

use super::backend::Tx;
use super::error::StoreError;
use super::jobs::{Body, Database};
use crate::domain::change::Denied;
use crate::domain::ids::{ChannelId, EventId, LaneId, UserId, WebhookId, WorkerId};
use crate::domain::webhook::{
    Claim, Cursor, EventKind, Events, Failing, Failure, Happened, Lane, Place, Rewind, Seen, Settled, Webhook,
};
use start::FIRST;
use waiting::Wish;

/// Pages that are read at a time: the others leave connections to who reads messages.
const READS: usize = 2;

/// See the module's text. All clones are the same.
#[derive(Debug, Clone)]
pub struct Webhooks(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    writes: Database,
    reads: Database,
    news: Arc<News>,
    writing: Semaphore,
    reading: Semaphore,
}

/// What fails, and since when the first of it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    pub failing: i64,
    pub since: Option<DateTime<Utc>>,
}

type Answer<T> = Result<T, StoreError>;

impl Webhooks {
    pub(super) fn new(writes: Database, reads: Database, news: Arc<News>) -> Self {
        let (writing, reading) = (Semaphore::new(1), Semaphore::new(READS));
        Self(Arc::new(Shared { writes, reads, news, writing, reading }))
    }

    async fn write<T: Send + 'static>(&self, body: impl Body<T, StoreError>) -> Answer<T> {
        let _turn = self.0.writes.patiently(self.0.writing.acquire()).await?;
        self.0.writes.run(Tx::Write, body).await
    }

    async fn decide<T: Send + 'static>(&self, body: impl Body<T, super::error::Failure>) -> Answer<Result<T, Denied>> {
        let _turn = self.0.writes.patiently(self.0.writing.acquire()).await?;
        self.0.writes.write(body).await
    }

    async fn read<T: Send + 'static>(&self, tx: Tx, body: impl Body<T, StoreError>) -> Answer<T> {
        let _turn = self.0.reads.patiently(self.0.reading.acquire()).await?;
        self.0.reads.run(tx, body).await
    }

    /// All there are, the oldest first.
    pub async fn list(&self) -> Answer<Vec<Webhook>> {
        self.read(Tx::None, |conn| Box::pin(endpoints::list(conn))).await
    }

    /// Whether other nodes may be at it, too.
    pub async fn is_shared(&self) -> Answer<bool> {
        self.read(Tx::None, |conn| Box::pin(async move { Ok(conn.is_shared()) })).await
    }

    pub async fn find(&self, id: WebhookId) -> Answer<Option<Webhook>> {
        self.read(Tx::None, move |conn| Box::pin(endpoints::find(conn, id))).await
    }

    /// It wants nothing more, for the reason given.
    pub async fn disable(&self, id: WebhookId, reason: String) -> Answer<()> {
        self.write(move |conn| Box::pin(async move { endpoints::disable(conn, id, &reason).await })).await?;
        self.0.news.webhooks();
        Ok(())
    }

    /// It does not answer since then, or asked to be left alone until then.
    pub async fn pause(&self, id: WebhookId, since: DateTime<Utc>, until: Option<DateTime<Utc>>) -> Answer<()> {
        self.write(move |conn| Box::pin(endpoints::pause(conn, id, since, until))).await
    }

    /// It answers again: what waited for that is tried soon. Whether it was news.
    pub async fn answers(&self, id: WebhookId, soon: DateTime<Utc>) -> Answer<bool> {
        let news = self.write(move |conn| Box::pin(endpoints::answers(conn, id))).await?;
        if news {
            self.all_waiting(id, Wish::Before(soon)).await?;
        }
        Ok(news)
    }

    /// Has a wish granted to all lanes of a webhook that wait for another try.
    async fn all_waiting(&self, id: WebhookId, wish: Wish) -> Answer<()> {
        for word in [Lane::CHANNEL, Lane::USER] {
            let mut after = Some(FIRST);
            while let Some(from) = after {
                after = self
                    .write(move |conn| Box::pin(async move { Ok(waiting::page(conn, id, wish, word, from).await?) }))
                    .await?;
            }
        }
        Ok(())
    }

    /// Tells again. How many lanes, or events that were set aside, that are.
    pub async fn rewind(&self, id: WebhookId, what: Rewind) -> Answer<Result<usize, Denied>> {
        if self.find(id).await?.is_none() {
            return Ok(Err(Denied::NoWebhook));
        }
        let done = match what {
            Rewind::From { channel, version } => {
                self.decide(move |conn| Box::pin(start::from_version(conn, id, channel, version))).await?.map(|()| 1)
            }
            Rewind::Since(at) => {
                let mut count = 0;
                for word in [Lane::CHANNEL, Lane::USER] {
                    let mut after = FIRST;
                    while let Some((last, some)) =
                        self.write(move |conn| Box::pin(start::since(conn, id, word, at, after))).await?
                    {
                        (after, count) = (last, count + some);
                    }
                }
                Ok(count)
            }
            Rewind::Failed => {
                let (mut after, mut count) = (EventId(Uuid::nil()), 0);
                while let Some((last, some)) =
                    self.write(move |conn| Box::pin(async move { Ok(failures::want(conn, id, after).await?) })).await?
                {
                    (after, count) = (last, count + some);
                }
                Ok(count)
            }
        };
        self.0.news.webhooks();
        Ok(done)
    }

    /// What fails now, the next to be tried first, and what was set aside, the latest first.
    pub async fn troubles(&self, id: WebhookId, limit: i64) -> Answer<(Vec<(Lane, Failing)>, Vec<Failure>)> {
        self.read(Tx::Snapshot, move |conn| {
            Box::pin(
                async move { Ok((waiting::failing(conn, id, limit).await?, failures::list(conn, id, limit).await?)) },
            )
        })
        .await
    }

    pub async fn extent(&self) -> Answer<Extent> {
        self.read(Tx::None, |conn| {
            Box::pin(async move {
                let (failing, since) = waiting::extent(conn).await?;
                Ok(Extent { failing, since })
            })
        })
        .await
    }

    /// Takes lanes to deliver what is next there.
    pub async fn claim(&self, ask: Ask) -> Answer<Vec<(Lane, Claim)>> {
        self.write(move |conn| Box::pin(cursors::claim(conn, ask))).await
    }

    /// Writes down how far those have come. Whether each was still its holder's.
    pub async fn settle(&self, worker: WorkerId, all: Vec<Settled>) -> Answer<Vec<(WebhookId, Lane, bool)>> {
        self.write(move |conn| Box::pin(cursors::settle(conn, worker, all))).await
    }

    /// Lanes of these webhooks whose next event is to be tried again by now.
    pub async fn due(&self, now: DateTime<Utc>, of: Vec<WebhookId>) -> Answer<Vec<(WebhookId, Lane)>> {
        self.read(Tx::None, move |conn| Box::pin(async move { Ok(waiting::due(conn, now, of).await?) })).await
    }

    /// A page of lanes of one kind: its last one, and those of them in which there is something to deliver. None: there are
    /// no more.
    pub async fn compare(&self, ask: Ask, word: &'static str, after: LaneId) -> Answer<Option<(LaneId, Vec<Lane>)>> {
        self.read(Tx::None, move |conn| Box::pin(async move { Ok(cursors::compare(conn, &ask, word, after).await?) }))
            .await
    }

    /// What comes next in a lane; `None` where it is gone.
    pub async fn page(&self, lane: Lane, from: Cursor, wanted: Events, limit: usize) -> Answer<Option<Page>> {
        self.read(Tx::Snapshot, move |conn| Box::pin(async move { log::page(conn, lane, from, &wanted, limit).await }))
            .await
    }

    /// One event; `None` where it cannot be told any more.
    pub async fn event(&self, lane: Lane, place: Place, kind: EventKind) -> Answer<Option<Happened>> {
        self.read(Tx::Snapshot, move |conn| Box::pin(log::one(conn, lane, place, kind))).await
    }

    /// Webhooks that want events again which were set aside.
    pub async fn wanted(&self) -> Answer<Vec<WebhookId>> {
        self.read(Tx::None, |conn| Box::pin(async move { Ok(failures::wanted(conn).await?) })).await
    }

    /// One of the events that were set aside and are wanted again, for whoever asks alone until then.
    pub async fn take_failure(
        &self,
        id: WebhookId,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Answer<Option<Failure>> {
        self.write(move |conn| Box::pin(failures::take(conn, id, now, until))).await
    }

    /// It failed once more.
    pub async fn keep_failure(&self, id: WebhookId, failure: Failure) -> Answer<()> {
        self.write(move |conn| Box::pin(async move { failures::keep(conn, id, &failure).await })).await
    }

    /// It is delivered, or cannot be told any more.
    pub async fn forget_failure(&self, id: WebhookId, event: EventId) -> Answer<()> {
        self.write(move |conn| Box::pin(async move { Ok(failures::forget(conn, id, event).await?) })).await
    }

    /// Takes down how users were seen since that beginning, in this order. False: there was another one, and nothing is taken
    /// down before it is said who was there then.
    pub async fn seen(&self, began: i64, seen: Vec<Seen>) -> Answer<bool> {
        let told = self.write(move |conn| Box::pin(presence::record(conn, began, seen))).await?;
        let is_taken = told.is_some();
        self.0.news.seen(told.into_iter().flatten());
        Ok(is_taken)
    }

    /// The last beginning of presence, as the database has it.
    pub async fn beginning(&self) -> Answer<i64> {
        self.read(Tx::None, |conn| Box::pin(async move { Ok(presence::began(conn).await?) })).await
    }

    /// From now on this node knows of it.
    pub fn learn_beginning(&self, number: i64) {
        self.0.news.learn_beginning(number);
    }

    /// The one that this node knows of.
    pub fn began(&self) -> i64 {
        self.0.news.presence_began()
    }

    /// Users who are down as online after this one, ascending.
    pub async fn online(&self, after: UserId, limit: i64) -> Answer<Vec<UserId>> {
        self.read(Tx::None, move |conn| Box::pin(async move { Ok(presence::online(conn, after, limit).await?) })).await
    }

    /// Lets go of what nobody will ask for: changes of presence and failures of before these times, and what removed webhooks
    /// have left.
    pub async fn tidy(&self, presence_before: DateTime<Utc>, failures_before: DateTime<Utc>) -> Answer<()> {
        while self
            .write(move |conn| Box::pin(async move { Ok(presence::expire(conn, presence_before).await?) }))
            .await?
        {}
        while self
            .write(move |conn| Box::pin(async move { Ok(failures::expire(conn, failures_before).await?) }))
            .await?
        {}
        let orphans = self.read(Tx::None, |conn| Box::pin(async move { Ok(start::orphans(conn).await?) })).await?;
        for id in orphans {
            self.clear(id).await?;
        }
        Ok(())
    }

    /// What is to be noted of what this node stores.
    pub fn want(&self, channels: bool, presence: bool) {
        self.0.news.want(channels, presence);
    }

    pub fn wants_presence(&self) -> bool {
        self.0.news.presence_wanted()
    }

    /// What was noted since it was asked last.
    pub fn noted(&self) -> Noted {
        self.0.news.take()
    }

    /// Somebody but the daemon has stored something in this channel.
    pub fn heard(&self, channel: ChannelId) {
        self.0.news.changed([channel]);
    }

    /// Has whoever waits for news look at what else there is.
    pub fn wake(&self) {
        self.0.news.webhooks();
    }

    /// Until something is noted.
    pub async fn news(&self) {
        self.0.news.come().await;
    }
}

/// Who delivers, in this process.
pub fn new_worker() -> WorkerId {
    WorkerId(Uuid::new_v4())
}
