//! Takes down who came and who went, for webhooks: in the database, so that it is told whatever becomes of this node.
//!
//! The presence actor notes, and never waits. A task writes what was noted, in order, and again where the database did not take
//! it. Nothing is noted while no webhook is told of presence. What nobody could note (their node died between
//! the end of a lease and the writing of it) is found by comparing whom the database has as online with who is there.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use actix::Addr;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

use super::{Gone, Presence, Seed};
use crate::domain::ids::UserId;
use crate::domain::now;
use crate::domain::webhook::Seen;
use crate::store::{StoreError, Webhooks};

/// Changes of one transaction.
const AT_ONCE: usize = 200;
/// Of one user as many as these may wait; of more, pairs that undo each other are left out.
const OF_ONE: usize = 8;
/// Until the next try after one that failed.
const AFTER_ERROR: Duration = Duration::from_secs(1);
/// How often it is looked whether presence is wanted.
const LOOK: Duration = Duration::from_secs(1);
/// How often those who are down as online are compared with those who are there.
const COMPARE: Duration = Duration::from_secs(300);
/// Users of one comparison.
const PAGE: i64 = 200;

/// See the module's text. Clones are the same.
#[derive(Debug, Clone)]
pub struct Recorder(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    store: Webhooks,
    noted: Mutex<Noted>,
    news: Notify,
    /// The last number that was given without Redis.
    number: AtomicI64,
    /// The beginning of presence since which it is noted. Who was there then is noted as such first.
    began: AtomicI64,
    closed: AtomicBool,
}

#[derive(Debug, Default)]
struct Noted {
    /// In the order in which their first one was noted.
    order: VecDeque<UserId>,
    of: HashMap<UserId, Vec<Seen>>,
    /// Being written.
    under_way: usize,
}

impl Noted {
    fn note(&mut self, seen: Seen) {
        let own = self.of.entry(seen.user).or_default();
        match own.last_mut() {
            // The same once more: only that it was so later.
            Some(last) if last.online == seen.online => last.number = last.number.max(seen.number),
            _ => own.push(seen),
        }
        if own.len() == 1 {
            self.order.push_back(seen.user);
        } else if own.len() > OF_ONE {
            own.drain(..2);
        }
    }

    fn take(&mut self) -> Vec<Seen> {
        let mut batch = Vec::new();
        while batch.len() < AT_ONCE
            && let Some(user) = self.order.pop_front()
        {
            batch.extend(self.of.remove(&user).unwrap_or_default());
        }
        self.under_way = batch.len();
        batch
    }

    /// All begins anew: of whom it is noted first that they went, those were there.
    fn begin_anew(&mut self) {
        for own in self.of.values_mut() {
            if let Some(first) = own.first().copied().filter(|first| !first.online) {
                own.insert(0, Seen { online: true, silent: true, ..first });
            }
        }
    }

    /// What was taken is written, but for this, which goes before what was noted since.
    fn written(&mut self, but: Option<Vec<Seen>>) {
        self.under_way = 0;
        let Some(batch) = but else { return };
        let later: Vec<Seen> = self.order.drain(..).filter_map(|user| self.of.remove(&user)).flatten().collect();
        batch.into_iter().chain(later).for_each(|seen| self.note(seen));
    }
}

impl Recorder {
    pub fn new(store: Webhooks) -> Self {
        Self(Arc::new(Shared {
            store,
            noted: Mutex::default(),
            news: Notify::new(),
            number: AtomicI64::new(0),
            began: AtomicI64::new(0),
            closed: AtomicBool::new(false),
        }))
    }

    fn is_off(&self) -> bool {
        self.0.closed.load(Ordering::Relaxed) || !self.0.store.wants_presence()
    }

    /// Whether it was noted.
    pub(super) fn note(&self, user: UserId, online: bool, number: i64) -> bool {
        self.put(Seen { user, online, number, at: now(), silent: false })
    }

    /// Somebody who was there before anybody was told of it. What is said of them with any number comes later.
    pub(super) fn seed(&self, user: UserId) -> bool {
        self.put(Seen { user, online: true, number: 0, at: now(), silent: true })
    }

    fn put(&self, seen: Seen) -> bool {
        if self.is_off() {
            return false;
        }
        self.0.noted.lock().note(seen);
        self.0.news.notify_one();
        true
    }

    /// The next number, where no other node gives any.
    pub(super) fn number(&self) -> i64 {
        let next = |last: i64| Some((last + 1).max(now().timestamp_micros()));
        let last = self.0.number.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        last.map_or(0, |last| next(last).unwrap_or_default())
    }

    /// Nothing more is noted: who goes because the daemon stops may be back in a moment.
    pub(super) fn close(&self) {
        self.0.closed.store(true, Ordering::Relaxed);
    }

    /// Until all that was noted is written, or the time is over.
    pub async fn flushed(&self, within: Duration) {
        const LOOK: Duration = Duration::from_millis(10);
        let deadline = Instant::now() + within;
        let is_empty = || {
            let noted = self.0.noted.lock();
            noted.order.is_empty() && noted.under_way == 0
        };
        while !is_empty() && Instant::now() < deadline {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Writes what is noted from now on, until the runtime ends. `grace`: how long everybody may take to come back.
    pub fn keep(&self, presence: &Addr<Presence>, grace: Duration, runtime: &Handle) {
        runtime.spawn(self.clone().run(presence.clone(), grace));
    }

    async fn run(self, presence: Addr<Presence>, grace: Duration) {
        // Nobody is there yet.
        self.0.began.store(self.0.store.began(), Ordering::Relaxed);
        let mut compare_at = Instant::now() + grace;
        loop {
            let _ = tokio::time::timeout(LOOK, self.0.news.notified()).await;
            if self.0.store.began() != self.0.began.load(Ordering::Relaxed) {
                self.begin_anew(&presence).await;
            }
            self.write(&presence).await;
            if self.0.store.wants_presence() && Instant::now() >= compare_at {
                self.compare(&presence).await;
                compare_at = Instant::now() + COMPARE;
            }
        }
    }

    /// Nobody was told of anything for a while: who is here is said before anything that happens since.
    async fn begin_anew(&self, presence: &Addr<Presence>) {
        self.0.began.store(self.0.store.began(), Ordering::Relaxed);
        self.0.noted.lock().begin_anew();
        // It may be gone, and then the daemon is at its end.
        let _ = presence.send(Seed).await;
    }

    async fn write(&self, presence: &Addr<Presence>) {
        loop {
            let batch = self.0.noted.lock().take();
            if batch.is_empty() {
                return;
            }
            let outcome = self.put_down(batch.clone()).await;
            let is_written = matches!(outcome, Ok(true));
            self.0.noted.lock().written((!is_written).then_some(batch));
            match outcome {
                Ok(true) => {}
                Ok(false) => self.begin_anew(presence).await,
                Err(error) => {
                    log::warn!("who came and who went is not written for now: {error}");
                    return tokio::time::sleep(AFTER_ERROR).await;
                }
            }
        }
    }

    /// False: all began anew, which is known from now on.
    async fn put_down(&self, batch: Vec<Seen>) -> Result<bool, StoreError> {
        let is_taken = self.0.store.seen(self.0.began.load(Ordering::Relaxed), batch).await?;
        if !is_taken {
            self.0.store.learn_beginning(self.0.store.beginning().await?);
        }
        Ok(is_taken)
    }

    async fn compare(&self, presence: &Addr<Presence>) {
        let mut after = UserId(Uuid::nil());
        loop {
            let page = match self.0.store.online(after, PAGE).await {
                Ok(page) => page,
                Err(error) => return log::debug!("whom the database has as online cannot be read: {error}"),
            };
            let Some(last) = page.last() else { return };
            after = *last;
            for (user, number) in presence.send(Gone { users: page }).await.unwrap_or_default() {
                log::info!("user {user} is gone, and nobody had said so");
                self.note(user, false, number);
            }
            self.write(presence).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(user: u128, online: bool, number: i64) -> Seen {
        Seen { user: UserId(Uuid::from_u128(user)), online, number, at: now(), silent: false }
    }

    fn order(batch: &[Seen]) -> Vec<(u128, bool, i64)> {
        batch.iter().map(|it| (it.user.0.as_u128(), it.online, it.number)).collect()
    }

    #[test]
    fn what_was_noted_of_a_user_stays_in_order_and_alternates() {
        let mut noted = Noted::default();
        for it in [seen(1, true, 1), seen(2, true, 2), seen(1, true, 3), seen(1, false, 4), seen(2, false, 5)] {
            noted.note(it);
        }
        let batch = noted.take();
        assert_eq!(order(&batch), [(1, true, 3), (1, false, 4), (2, true, 2), (2, false, 5)]);
        // Not written: it comes before what was noted meanwhile.
        noted.note(seen(2, true, 6));
        noted.written(Some(batch));
        assert_eq!(order(&noted.take()), [(1, true, 3), (1, false, 4), (2, true, 2), (2, false, 5), (2, true, 6)]);
        assert!(noted.take().is_empty());
    }

    #[test]
    fn who_went_since_all_began_anew_was_there_before() {
        let mut noted = Noted::default();
        for it in [seen(1, false, 4), seen(2, true, 5), seen(3, false, 6), seen(3, true, 7)] {
            noted.note(it);
        }
        noted.begin_anew();
        let batch = noted.take();
        let silent: Vec<u128> = batch.iter().filter(|it| it.silent).map(|it| it.user.0.as_u128()).collect();
        assert_eq!(
            order(&batch).iter().map(|it| (it.0, it.1)).collect::<Vec<_>>(),
            [(1, true), (1, false), (2, true), (3, true), (3, false), (3, true)]
        );
        assert_eq!(silent, [1, 3]);
    }

    #[test]
    fn of_a_user_who_comes_and_goes_without_end_little_is_kept() {
        let mut noted = Noted::default();
        for number in 0..1001 {
            noted.note(seen(1, number % 2 == 0, number));
        }
        let batch = noted.take();
        assert!(batch.len() <= OF_ONE, "{}", batch.len());
        assert!(batch.windows(2).all(|pair| pair[0].online != pair[1].online));
        assert_eq!(batch.last().map(|it| (it.online, it.number)), Some((true, 1000)));
    }
}
