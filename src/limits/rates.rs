//! How fast one user may send, over all of the user's sessions on this node.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use parking_lot::RwLock;

use crate::domain::ids::UserId;

/// A burst is this many seconds' worth.
const BURST: u32 = 3;
/// Frames that are no messages (edits, reads, syncs …) are cheaper, so there may be more of them.
const OTHERS: u32 = 5;

type Buckets<C> = RateLimiter<UserId, DashMapStateStore<UserId>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// Buckets by user: one for messages, one for everything else, one for uploads, as many as messages. Shared by all sessions.
pub struct Rates<C: Clock = DefaultClock> {
    current: RwLock<Limit<C>>,
    clock: C,
}

struct Limit<C: Clock> {
    messages: Option<NonZeroU32>,
    buckets: Option<[Buckets<C>; 3]>,
}

impl Rates {
    /// `messages` a second; None: no limit at all.
    pub fn new(messages: Option<NonZeroU32>) -> Self {
        Self::with_clock(messages, DefaultClock::default())
    }
}

impl<C: Clock + Clone> Rates<C> {
    pub fn with_clock(messages: Option<NonZeroU32>, clock: C) -> Self {
        Self { current: RwLock::new(limit(messages, &clock)), clock }
    }

    /// Another rate from now on, with full buckets. The same one changes nothing.
    pub fn set(&self, messages: Option<NonZeroU32>) {
        let mut current = self.current.write();
        if current.messages != messages {
            *current = limit(messages, &self.clock);
        }
    }

    /// Takes one message of the user's; Err: milliseconds until the next one may come.
    pub fn check_message(&self, user: UserId) -> Result<(), u64> {
        self.current.read().buckets.as_ref().map_or(Ok(()), |[messages, ..]| self.take(messages, user))
    }

    /// The same for any other frame.
    pub fn check_other(&self, user: UserId) -> Result<(), u64> {
        self.current.read().buckets.as_ref().map_or(Ok(()), |[_, others, _]| self.take(others, user))
    }

    /// The same for an upload.
    pub fn check_upload(&self, user: UserId) -> Result<(), u64> {
        self.current.read().buckets.as_ref().map_or(Ok(()), |[.., uploads]| self.take(uploads, user))
    }

    /// Forgets users whose buckets are full again. To be called now and then, or memory grows with every user seen.
    pub fn forget_idle(&self) {
        for bucket in self.current.read().buckets.iter().flatten() {
            bucket.retain_recent();
            bucket.shrink_to_fit();
        }
    }

    /// How many buckets are kept.
    pub fn len(&self) -> usize {
        self.current.read().buckets.iter().flatten().map(RateLimiter::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn take(&self, bucket: &Buckets<C>, user: UserId) -> Result<(), u64> {
        bucket.check_key(&user).map(drop).map_err(|until| millis(until.wait_time_from(self.clock.now())))
    }
}

fn limit<C: Clock + Clone>(messages: Option<NonZeroU32>, clock: &C) -> Limit<C> {
    let bucket = |rate: NonZeroU32| {
        let burst = rate.saturating_mul(NonZeroU32::MIN.saturating_add(BURST - 1));
        RateLimiter::new(Quota::per_second(rate).allow_burst(burst), DashMapStateStore::default(), clock.clone())
    };
    let others = NonZeroU32::MIN.saturating_add(OTHERS - 1);
    let buckets = messages.map(|rate| [bucket(rate), bucket(rate.saturating_mul(others)), bucket(rate)]);
    Limit { messages, buckets }
}

impl<C: Clock> std::fmt::Debug for Rates<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rates").field("messages", &self.current.read().messages).finish_non_exhaustive()
    }
}

/// Rounded up, so that who waits as told is not told again.
fn millis(wait: Duration) -> u64 {
    u64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;
    use uuid::Uuid;

    use super::*;

    fn user(number: u128) -> UserId {
        UserId(Uuid::from_u128(number))
    }

    fn rates(rate: u32) -> (Rates<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        (Rates::with_clock(NonZeroU32::new(rate), clock.clone()), clock)
    }

    #[test]
    fn a_burst_of_three_seconds_passes_and_then_one_at_a_time() {
        let (rates, clock) = rates(10);
        assert!((0..30).all(|_| rates.check_message(user(1)).is_ok()));
        assert_eq!(rates.check_message(user(1)), Err(100));
        clock.advance(Duration::from_millis(99));
        assert_eq!(rates.check_message(user(1)), Err(1));
        clock.advance(Duration::from_millis(1));
        assert_eq!(rates.check_message(user(1)), Ok(()));
        assert!(rates.check_message(user(1)).is_err());
    }

    #[test]
    fn users_and_kinds_of_frames_do_not_share_a_bucket() {
        let (rates, _) = rates(1);
        while rates.check_message(user(1)).is_ok() {}
        assert_eq!(rates.check_message(user(2)), Ok(()));
        assert_eq!((0..100).take_while(|_| rates.check_other(user(1)).is_ok()).count(), 15);
    }

    #[test]
    fn who_waits_as_told_gets_through() {
        let (rates, clock) = rates(7);
        let mut passed = 0;
        for _ in 0..1000 {
            match rates.check_message(user(1)) {
                Ok(()) => passed += 1,
                Err(wait) => {
                    clock.advance(Duration::from_millis(wait));
                    assert_eq!(rates.check_message(user(1)), Ok(()));
                }
            }
        }
        assert!(passed >= 21);
    }

    #[test]
    fn another_rate_holds_at_once_and_the_same_one_gives_nothing_back() {
        let (rates, _) = rates(1);
        let passed = || (0..1000).take_while(|_| rates.check_message(user(1)).is_ok()).count();
        assert_eq!(passed(), 3);
        rates.set(NonZeroU32::new(1));
        assert_eq!(passed(), 0);
        rates.set(NonZeroU32::new(5));
        assert_eq!(passed(), 15);
        rates.set(None);
        assert_eq!(passed(), 1000);
        assert!(rates.is_empty());
    }

    #[test]
    fn off_is_off() {
        let rates = Rates::new(None);
        assert!((0..10_000).all(|_| rates.check_message(user(1)).is_ok() && rates.check_other(user(1)).is_ok()));
        assert!(rates.is_empty());
    }

    #[test]
    fn who_is_idle_is_forgotten() {
        let (rates, clock) = rates(10);
        for number in 0..100 {
            rates.check_message(user(number)).unwrap();
        }
        assert_eq!(rates.len(), 100);
        clock.advance(Duration::from_mins(1));
        rates.forget_idle();
        assert!(rates.is_empty());
    }
}
