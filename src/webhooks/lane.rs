//! Delivers what is next in one lane to one webhook, one event after the other, until there is no more or one fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::RwLock;
use uuid::Uuid;

use super::post::{Letter, Posted, Poster, Verdict};
use super::retry::{Next, Retries};
use super::settle::Settler;
use super::target::Target;
use crate::domain::ids::EventId;
use crate::domain::now;
use crate::domain::webhook::{Cursor, Failing, Failure, Happened, Item, Lane, Place, Settled, Trouble};
use crate::live::{Live, What};
use crate::metrics::Metrics;
use crate::protocol::event;
use crate::protocol::webhook::name_of;
use crate::store::{StoreError, Webhooks};

/// Events that are read at once.
const PAGE: usize = 16;
/// How long one lane is worked on before others have their turn.
const TURN: Duration = Duration::from_secs(10);
/// How far the cursor may be behind what was delivered: so much is delivered again after a crash.
const WRITE_EVERY: Duration = Duration::from_secs(1);
/// What was read longer ago is read again before it is posted: it may have been deleted meanwhile.
const FRESH: Duration = Duration::from_secs(1);
/// What cannot be read is read again after this.
const UNREADABLE: TimeDelta = TimeDelta::minutes(5);
/// In which the names of events are made.
const NAMESPACE: Uuid = Uuid::from_u128(0x7e4f_0a10_0000_5000_8000_0000_0000_0011);

/// What all who deliver share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) store: Webhooks,
    pub(super) poster: Poster,
    pub(super) settler: Settler,
    pub(super) retries: Retries,
    /// For how long a lane is held.
    pub(super) lease: Duration,
    pub(super) timeout: Duration,
    pub(super) metrics: Arc<Metrics>,
    pub(super) live: Live,
    pub(super) epoch: Arc<RwLock<String>>,
    pub(super) stopping: AtomicBool,
}

/// How the work on a lane ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// There is no more, or no such lane.
    Done,
    /// There is more.
    More,
    /// Its next event failed, and is tried again after that.
    Failed(Duration),
    /// Something else was in the way.
    Hindered,
}

/// What an event is called: the same for each try, each webhook, each node, and another one in another history.
pub(super) fn event_id(epoch: &str, event: &Happened) -> EventId {
    let place = match event.place {
        Place::Version(number) => format!("version {number}"),
        Place::Record(number) => format!("record {number}"),
    };
    let name = format!("{epoch} {} {place}", event.lane);
    EventId(Uuid::new_v5(&NAMESPACE, name.as_bytes()))
}

/// One lane, held by this node.
pub(super) struct Work {
    pub(super) shared: Arc<Shared>,
    pub(super) target: Arc<Target>,
    pub(super) lane: Lane,
    /// As it is written, and how often it was put back.
    pub(super) known: Cursor,
    pub(super) rewinds: i64,
    /// Up to where all is delivered.
    pub(super) at: Cursor,
    pub(super) failing: Option<Failing>,
    /// When it was claimed.
    pub(super) started: Instant,
    /// When it was written last that the lane is held.
    pub(super) held: Instant,
}

impl Work {
    /// To its end; the lane is let go of then.
    pub(super) async fn run(mut self) -> End {
        let end = loop {
            if !self.may_go_on() {
                break End::More;
            }
            let (wanted, read) = (self.target.webhook.events.clone(), Instant::now());
            match self.shared.store.page(self.lane, self.at, wanted, PAGE).await {
                Err(error) if error.is_retryable() => {
                    log::debug!("webhook {}: {} cannot be read: {error}", self.target.webhook.id, self.lane);
                    break End::Hindered;
                }
                Err(error) => break self.unreadable(&error),
                // With its channel its cursor is gone, or will be by the next claim.
                Ok(None) => return End::Done,
                Ok(Some(page)) => match self.deliver(page.items, read).await {
                    Err(end) => break end,
                    Ok(is_told) => {
                        if let Some(end) = page.end.filter(|_| is_told) {
                            self.pass(end);
                            break End::Done;
                        }
                    }
                },
            }
        };
        match self.write(None, None).await {
            Ok(true) => end,
            // Whoever moved the cursor has put more before it.
            Ok(false) => End::More,
            Err(error) => {
                log::debug!("webhook {}: {} cannot be written down: {error}", self.target.webhook.id, self.lane);
                End::Hindered
            }
        }
    }

    fn may_go_on(&self) -> bool {
        let is_over = self.started.elapsed() > TURN;
        !is_over && !self.shared.stopping.load(Ordering::Relaxed) && self.target.may_be_told()
    }

    /// All up to there is delivered, or nothing that is told: so nothing before it fails.
    fn pass(&mut self, to: Cursor) {
        self.at = to;
        self.failing = None;
    }

    /// True: that was all of the page; false: the rest is to be read again. Err: that was all for now.
    async fn deliver(&mut self, items: Vec<Item>, read: Instant) -> Result<bool, End> {
        // The first one is posted however long its reading took.
        let mut is_first = true;
        for Item { after, event } in items {
            let Some(event) = event else {
                self.pass(after);
                continue;
            };
            if !self.may_go_on() {
                return Err(End::More);
            }
            self.hold().await?;
            if !std::mem::take(&mut is_first) && read.elapsed() > FRESH {
                return Ok(false);
            }
            let id = event_id(&self.shared.epoch.read(), &event);
            let posted = match letter(id, &event) {
                Some(letter) => self.shared.poster.post(&self.target.webhook, &letter).await,
                None => untold(&event),
            };
            self.count(&posted);
            match posted.verdict {
                Verdict::Delivered => {
                    self.pass(after);
                    self.target.answered(&self.shared).await;
                }
                Verdict::Gone => {
                    self.target.gone(&self.shared).await;
                    return Err(End::More);
                }
                // It was changed meanwhile: that says nothing of what it is now.
                Verdict::Failed { .. } if !self.target.is_current() => return Err(End::More),
                Verdict::Failed { trouble, pause } => self.failed(id, &event, after, trouble, pause).await?,
            }
        }
        Ok(true)
    }

    /// A defect here, or in what is stored: it counts as failing until somebody has seen to it.
    fn unreadable(&mut self, error: &StoreError) -> End {
        let (at, webhook) = (now(), self.target.webhook.id);
        // Nothing else has this name: lanes are numbered apart from events.
        let event_id = EventId(self.lane.id().0);
        let before = self.failing.take().filter(|failing| failing.event_id == event_id);
        if before.is_none() {
            log::error!("webhook {webhook}: {} cannot be read: {error}", self.lane);
        }
        self.failing = Some(Failing {
            event_id,
            event: "unreadable".to_owned(),
            attempts: before.as_ref().map_or(0, |failing| failing.attempts).saturating_add(1),
            first_at: before.map_or(at, |failing| failing.first_at),
            next_at: at + UNREADABLE,
            trouble: Trouble { error: "the events could not be read: see the log".to_owned(), unreachable: false },
        });
        End::Failed(UNREADABLE.to_std().unwrap_or_default())
    }

    /// Sees to it that the lane is held for as long as the next try may take, and that not too much is delivered again after a
    /// crash.
    async fn hold(&mut self) -> Result<(), End> {
        let left = self.shared.lease.saturating_sub(self.held.elapsed());
        let is_over = left < self.shared.timeout + self.shared.timeout / 2;
        if !is_over && (self.at == self.known || self.held.elapsed() < WRITE_EVERY) {
            return Ok(());
        }
        let asked = Instant::now();
        let until = now() + TimeDelta::from_std(self.shared.lease).unwrap_or_default();
        match self.write(Some(until), None).await {
            Ok(true) => {
                self.held = asked;
                Ok(())
            }
            Ok(false) => Err(End::More),
            Err(_) if !is_over => Ok(()),
            Err(_) => Err(End::Hindered),
        }
    }

    async fn write(&mut self, until: Option<DateTime<Utc>>, aside: Option<Failure>) -> Result<bool, StoreError> {
        let settled = Settled {
            webhook: self.target.webhook.id,
            lane: self.lane,
            from: self.known,
            rewinds: self.rewinds,
            cursor: self.at,
            failing: self.failing.clone(),
            aside,
            until,
        };
        let ours = self.shared.settler.settle(settled).await?;
        if ours {
            self.known = self.at;
        }
        Ok(ours)
    }

    async fn failed(
        &mut self,
        id: EventId,
        event: &Happened,
        after: Cursor,
        trouble: Trouble,
        pause: Option<Duration>,
    ) -> Result<(), End> {
        let webhook = self.target.webhook.id;
        let known = trouble.unreachable;
        if trouble.unreachable {
            self.target.unreachable(&self.shared, &trouble.error, pause).await;
        }
        let kind = event.kind.as_str();
        match self.shared.retries.next((id, kind), self.failing.as_ref(), trouble, pause, now()) {
            Next::Again(failing) => {
                let (tries, error) = (failing.attempts, &failing.trouble.error);
                self.show(kind, tries, error, false);
                // Once an event; of a webhook that does not answer, once in all.
                let level = if tries > 1 || known { log::Level::Debug } else { log::Level::Warn };
                log::log!(level, "webhook {webhook}: {kind} of {} failed, {tries} times so far: {error}", self.lane);
                let wait = (failing.next_at - now()).to_std().unwrap_or_default();
                self.failing = Some(failing);
                Err(End::Failed(wait))
            }
            Next::GiveUp(last) => {
                let (tries, error) = (last.attempts, &last.trouble.error);
                self.show(kind, tries, error, true);
                let said = format!("{kind} of {} is set aside after {tries} tries: {error}", self.lane);
                let aside = Failure {
                    event_id: id,
                    event: kind.to_owned(),
                    lane: self.lane,
                    place: event.place,
                    at: event.at,
                    first_at: last.first_at,
                    failed_at: now(),
                    attempts: last.attempts,
                    error: last.trouble.error,
                    wanted: false,
                };
                self.pass(after);
                let until = now() + TimeDelta::from_std(self.shared.lease).unwrap_or_default();
                match self.write(Some(until), Some(aside)).await {
                    Ok(true) => {
                        log::warn!("webhook {webhook}: {said}");
                        self.shared.metrics.webhooks.set_aside();
                        Ok(())
                    }
                    Ok(false) => Err(End::More),
                    Err(_) => Err(End::Hindered),
                }
            }
        }
    }

    fn show(&self, event: &'static str, attempts: u32, error: &str, given_up: bool) {
        let webhook = self.target.webhook.id;
        self.shared.live.tell(|| What::WebhookFailed { webhook, event, attempts, error: error.to_owned(), given_up });
    }

    fn count(&self, posted: &Posted) {
        self.shared.metrics.webhooks.posted(posted.verdict == Verdict::Delivered, posted.took);
    }
}

/// None: it has no form, which no release writes.
pub(super) fn letter(id: EventId, event: &Happened) -> Option<Letter> {
    Some(Letter { id: name_of(id), body: Bytes::from(event::encode(event)?) })
}

/// What has no form is passed over: nobody could ever be told of it.
fn untold(event: &Happened) -> Posted {
    log::error!("{} of {} has no form and is left out", event.kind, event.lane);
    Posted { status: None, verdict: Verdict::Delivered, took: Duration::ZERO }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{ChannelId, UserId};
    use crate::domain::webhook::{About, EventKind};

    fn event(lane: Lane, place: Place) -> Happened {
        let at = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        Happened { kind: EventKind::UserOnline, lane, place, at, by: None, about: About::Presence, users: Vec::new() }
    }

    #[test]
    fn each_event_has_a_name_of_its_own_and_keeps_it() {
        let (channel, user) = (Lane::Channel(ChannelId(Uuid::from_u128(1))), Lane::User(UserId(Uuid::from_u128(1))));
        let ids = [
            event_id("a", &event(channel, Place::Version(1))),
            event_id("a", &event(channel, Place::Version(2))),
            event_id("a", &event(channel, Place::Record(1))),
            event_id("a", &event(user, Place::Version(1))),
            event_id("b", &event(channel, Place::Version(1))),
        ];
        let distinct: std::collections::HashSet<EventId> = ids.into_iter().collect();
        assert_eq!(distinct.len(), ids.len());
        assert_eq!(event_id("a", &event(channel, Place::Version(1))), ids[0]);
        assert_eq!(ids[0].to_string(), "9336e25a-09ac-58c1-b4c4-5343dcc9b8bb");
    }
}
