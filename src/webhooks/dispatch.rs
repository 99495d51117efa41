//! Decides which lanes are worked on: those that this node's own writes have noted, those whose next try is due, and those that a
//! comparison with the logs finds, which is how the events of a node that died are found.
//!
//! One task a daemon. It holds what it knows of webhooks, and asks for them anew every few seconds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::lane::{End, Shared, Work};
use super::queue::Queue;
use super::set_aside;
use super::target::Target;
use crate::domain::ids::{LaneId, WebhookId, WorkerId};
use crate::domain::now;
use crate::domain::webhook::{Claim, Lane, Webhook};
use crate::store::{Ask, Noted, StoreError};

/// How often it is looked what is due.
const LOOK: Duration = Duration::from_secs(1);
/// How often webhooks are asked for: another node may have changed them.
const REFRESH: Duration = Duration::from_secs(5);
/// How often all lanes are compared, where that is quick; it takes a twentieth of the time at most.
const SWEEP: Duration = Duration::from_secs(5);
const SWEEP_SHARE: u32 = 20;
/// With so many waiting of one webhook no more are looked for.
const ENOUGH: usize = 10_000;
/// With so many no more that are due.
const ENOUGH_DUE: usize = 500;
/// A lane that another node holds, or that could not be worked on, is looked at again after this.
const BUSY: Duration = Duration::from_millis(500);
/// A longer wait is for whoever looks what is due.
const SHORT: Duration = Duration::from_secs(2);
/// How often what nobody will ask for is let go of.
const TIDY: Duration = Duration::from_hours(1);
const PRESENCE_KEPT: TimeDelta = TimeDelta::days(7);
const FAILURES_KEPT: TimeDelta = TimeDelta::days(30);

/// See the module's text.
pub(super) struct Dispatcher {
    shared: Arc<Shared>,
    worker: WorkerId,
    targets: BTreeMap<WebhookId, Arc<Target>>,
    queue: Queue,
    ends: (mpsc::UnboundedSender<Ended>, mpsc::UnboundedReceiver<Ended>),
    /// Webhooks whose events that were set aside are being delivered.
    replaying: BTreeSet<WebhookId>,
    /// Those of which none is tried before then.
    resting: BTreeMap<WebhookId, Instant>,
    refreshed: Option<Instant>,
    swept: Option<Instant>,
    sweep_every: Duration,
    tidied: Option<Instant>,
    complained: bool,
}

#[derive(Clone, Copy)]
pub(super) enum Ended {
    Lane(WebhookId, Lane, End),
    /// And how long the webhook is to be left alone.
    SetAside(WebhookId, Option<Duration>),
}

impl Dispatcher {
    pub(super) fn new(shared: Arc<Shared>, worker: WorkerId) -> Self {
        Self {
            shared,
            worker,
            targets: BTreeMap::new(),
            queue: Queue::default(),
            ends: mpsc::unbounded_channel(),
            replaying: BTreeSet::new(),
            resting: BTreeMap::new(),
            refreshed: None,
            swept: None,
            sweep_every: SWEEP,
            tidied: None,
            complained: false,
        }
    }

    /// Until the runtime ends, or it is to stop and nothing is under way any more.
    pub(super) async fn run(mut self) {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let stops = self.shared.stopping.load(Ordering::Acquire);
            // Nothing ripens any more when it is to stop.
            let next = self.queue.next().filter(|_| !stops).map(tokio::time::Instant::from_std);
            let ripe = async {
                match next {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            let mut looks = false;
            tokio::select! {
                () = self.shared.store.news() => {}
                Some(ended) = self.ends.1.recv() => self.ended(ended),
                () = ripe => {}
                _ = look.tick() => looks = true,
            }
            while let Ok(ended) = self.ends.1.try_recv() {
                self.ended(ended);
            }
            if self.shared.stopping.load(Ordering::Acquire) {
                if self.queue.running() == 0 && self.replaying.is_empty() {
                    return;
                }
                continue;
            }
            let outcome = self.round(looks).await;
            // Once for as long as it lasts.
            if let Err(error) = &outcome
                && !self.complained
            {
                log::warn!("webhooks are not told of anything for now: {error}");
            }
            self.complained = outcome.is_err();
            self.shared.metrics.webhooks.depth.set(i64::try_from(self.queue.depth()).unwrap_or(i64::MAX));
        }
    }

    async fn round(&mut self, looks: bool) -> Result<(), StoreError> {
        let noted = self.shared.store.noted();
        if noted.webhooks || (looks && self.refreshed.is_none_or(|at| at.elapsed() >= REFRESH)) {
            self.refresh(&noted.changed).await?;
        }
        if noted.webhooks {
            // One may be told of what it was told of before.
            self.swept = None;
            self.resting.clear();
        }
        self.take_note(&noted);
        self.queue.ripen(Instant::now());
        if looks && !self.targets.is_empty() {
            self.look().await?;
        }
        for webhook in self.queue.webhooks() {
            self.start(webhook).await?;
        }
        if looks && self.tidied.is_none_or(|at| at.elapsed() >= TIDY) {
            self.tidied = Some(Instant::now());
            let store = self.shared.store.clone();
            // In nobody's way, however much there is.
            tokio::spawn(async move {
                if let Err(error) = store.tidy(now() - PRESENCE_KEPT, now() - FAILURES_KEPT).await {
                    log::warn!("what webhooks have left is not tidied up for now: {error}");
                }
            });
        }
        Ok(())
    }

    fn take_note(&mut self, noted: &Noted) {
        if noted.overflowed {
            self.swept = None;
        }
        for target in self.targets.values() {
            let (id, events) = (target.webhook.id, &target.webhook.events);
            let (versions, reads) = (events.wants_versions(), events.wants_reads());
            // In a channel that changed marks may have moved as well.
            let told = |changed: bool| reads || (changed && versions);
            for (channel, _) in noted.channels.iter().filter(|(_, changed)| told(**changed)) {
                self.queue.note(id, Lane::Channel(*channel));
            }
            for user in noted.users.iter().filter(|_| events.wants_presence()) {
                self.queue.note(id, Lane::User(*user));
            }
        }
    }

    /// Asks which webhooks there are. Of what was `changed` by a call nothing is known that was found before.
    async fn refresh(&mut self, changed: &BTreeSet<WebhookId>) -> Result<(), StoreError> {
        let found = learn(&self.shared).await?;
        self.refreshed = Some(Instant::now());
        let disabled = found.iter().filter(|webhook| webhook.disabled.is_some()).count();
        self.shared.metrics.webhooks.disabled.set(i64::try_from(disabled).unwrap_or(i64::MAX));
        let mut targets = BTreeMap::new();
        for webhook in found.into_iter().filter(|webhook| webhook.disabled.is_none()) {
            let known = self.targets.remove(&webhook.id);
            let target = match known {
                Some(known)
                    if is_same(&known.webhook, &webhook) && known.is_current() && !changed.contains(&webhook.id) =>
                {
                    known.hear(&webhook);
                    known
                }
                other => {
                    if let Some(known) = other {
                        known.retire();
                    }
                    // What it is told of now may have been nothing to it before.
                    self.swept = None;
                    Arc::new(Target::new(webhook))
                }
            };
            targets.insert(target.webhook.id, target);
        }
        for (id, gone) in std::mem::replace(&mut self.targets, targets) {
            gone.retire();
            self.queue.forget(id);
        }
        Ok(())
    }

    /// What is due, and what nobody has noted.
    async fn look(&mut self) -> Result<(), StoreError> {
        // Of those that have enough to do, or are to be left alone, the others need not hear.
        let free = self.targets.iter().filter(|(id, it)| !it.is_paused() && self.queue.waiting_of(**id) < ENOUGH_DUE);
        let free: Vec<WebhookId> = free.map(|(id, _)| *id).collect();
        for (webhook, lane) in self.shared.store.due(now(), free).await? {
            self.queue.note(webhook, lane);
        }
        for webhook in self.shared.store.wanted().await? {
            let rests = self.resting.get(&webhook).is_some_and(|until| *until > Instant::now());
            if let Some(target) = self.targets.get(&webhook).filter(|target| !target.is_paused() && !rests)
                && self.replaying.insert(webhook)
            {
                let (shared, target, ends) = (Arc::clone(&self.shared), Arc::clone(target), self.ends.0.clone());
                tokio::spawn(async move {
                    let rest = set_aside::deliver(&shared, &target).await;
                    // The dispatcher may have ended.
                    let _ = ends.send(Ended::SetAside(webhook, rest));
                });
            }
        }
        if self.swept.is_none_or(|at| at.elapsed() >= self.sweep_every) {
            let started = Instant::now();
            self.sweep().await?;
            self.swept = Some(Instant::now());
            self.sweep_every = SWEEP.max(started.elapsed() * SWEEP_SHARE);
            let extent = self.shared.store.extent().await?;
            let metrics = &self.shared.metrics.webhooks;
            metrics.failing.set(extent.failing);
            metrics.oldest.set(extent.since.map_or(0, |since| (now() - since).num_seconds().max(0)));
        }
        Ok(())
    }

    async fn sweep(&mut self) -> Result<(), StoreError> {
        let targets: Vec<Arc<Target>> = self.targets.values().map(Arc::clone).collect();
        for target in targets {
            let (id, events) = (target.webhook.id, &target.webhook.events);
            let channels = events.wants_versions() || events.wants_reads();
            let kinds = [(Lane::CHANNEL, channels), (Lane::USER, events.wants_presence())];
            for (word, _) in kinds.into_iter().filter(|(_, wanted)| *wanted) {
                let mut after = LaneId(Uuid::nil());
                while self.queue.waiting_of(id) < ENOUGH {
                    let ask = self.ask(&target.webhook, Vec::new());
                    let Some((last, behind)) = self.shared.store.compare(ask, word, after).await? else { break };
                    after = last;
                    for lane in behind {
                        self.queue.note(id, lane);
                    }
                }
            }
        }
        Ok(())
    }

    fn ask(&self, webhook: &Webhook, lanes: Vec<Lane>) -> Ask {
        let at = now();
        Ask {
            webhook: webhook.id,
            lanes,
            versions: webhook.events.wants_versions(),
            reads: webhook.events.wants_reads(),
            worker: self.worker,
            now: at,
            until: at + TimeDelta::from_std(self.shared.lease).unwrap_or_default(),
        }
    }

    /// Works on as many of a webhook's lanes as may be.
    async fn start(&mut self, id: WebhookId) -> Result<(), StoreError> {
        let Some(target) = self.targets.get(&id).map(Arc::clone) else {
            self.queue.forget(id);
            return Ok(());
        };
        if target.is_paused() {
            return Ok(());
        }
        let lanes = self.queue.take(id, target.is_silent());
        if lanes.is_empty() {
            return Ok(());
        }
        let held = Instant::now();
        let claims = match self.shared.store.claim(self.ask(&target.webhook, lanes.clone())).await {
            Ok(claims) => claims,
            Err(error) => {
                for lane in lanes {
                    self.queue.done(id, lane);
                    self.queue.note_after(id, lane, BUSY);
                }
                return Err(error);
            }
        };
        let mut claims: BTreeMap<Lane, Claim> = claims.into_iter().collect();
        for lane in lanes {
            match claims.remove(&lane) {
                // There is no such lane any more, or nothing to do there.
                None | Some(Claim::Idle) => self.queue.done(id, lane),
                Some(Claim::Later(at)) => {
                    self.queue.done(id, lane);
                    self.wait(id, lane, (at - now()).to_std().unwrap_or_default());
                }
                Some(Claim::Busy) => {
                    self.queue.done(id, lane);
                    self.queue.note_after(id, lane, BUSY);
                }
                Some(Claim::Held { cursor, rewinds, failing }) => {
                    let (shared, target) = (Arc::clone(&self.shared), Arc::clone(&target));
                    let started = Instant::now();
                    let work =
                        Work { shared, target, lane, known: cursor, rewinds, at: cursor, failing, started, held };
                    let ends = self.ends.0.clone();
                    tokio::spawn(async move {
                        let end = work.run().await;
                        // The dispatcher may have ended.
                        let _ = ends.send(Ended::Lane(id, lane, end));
                    });
                }
            }
        }
        Ok(())
    }

    fn wait(&mut self, id: WebhookId, lane: Lane, wait: Duration) {
        if wait < SHORT {
            self.queue.note_after(id, lane, wait);
        }
    }

    fn ended(&mut self, ended: Ended) {
        match ended {
            Ended::SetAside(webhook, rest) => {
                self.replaying.remove(&webhook);
                match rest {
                    Some(rest) => drop(self.resting.insert(webhook, Instant::now() + rest)),
                    None => drop(self.resting.remove(&webhook)),
                }
            }
            Ended::Lane(webhook, lane, end) => {
                self.queue.done(webhook, lane);
                match end {
                    End::Done => {}
                    End::More => self.queue.note(webhook, lane),
                    End::Failed(wait) => self.wait(webhook, lane, wait),
                    End::Hindered => self.queue.note_after(webhook, lane, BUSY),
                }
            }
        }
    }
}

/// Which webhooks there are, and with that what this node is to note.
pub(super) async fn learn(shared: &Shared) -> Result<Vec<Webhook>, StoreError> {
    // Read before and known after the rest: who is there is said only where presence is wanted.
    let began = shared.store.beginning().await?;
    let found = shared.store.list().await?;
    wish(shared, &found);
    shared.store.learn_beginning(began);
    Ok(found)
}

/// What the store is to note, by what all webhooks want.
fn wish(shared: &Shared, found: &[Webhook]) {
    let told = || found.iter().filter(|webhook| webhook.disabled.is_none());
    let channels = told().any(|webhook| webhook.events.wants_versions() || webhook.events.wants_reads());
    // Of a disabled one as well: it may be told again.
    let presence = found.iter().any(|webhook| webhook.events.wants_presence());
    shared.store.want(channels, presence);
}

/// Whether what is delivered, and how, is the same.
fn is_same(one: &Webhook, other: &Webhook) -> bool {
    let key = |of: &Webhook| (of.url.clone(), of.events.clone(), of.secret.clone(), of.previous.clone(), of.origin);
    key(one) == key(other)
}
