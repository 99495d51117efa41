//! Who is typing: which notice is passed on, and when it ends. Pure.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::domain::ids::UserId;

/// At most one notice every `debounce` a user is passed on; it ends `expiry` after the last one that was received.
#[derive(Debug)]
pub(super) struct Typing {
    debounce: Duration,
    expiry: Duration,
    users: HashMap<UserId, Typist>,
}

#[derive(Debug)]
struct Typist {
    passed_on: Instant,
    /// None when the others see no notice: it ended, and only the debounce goes on.
    ends: Option<Instant>,
}

impl Typing {
    pub(super) fn new(debounce: Duration, expiry: Duration) -> Self {
        Self { debounce, expiry, users: HashMap::new() }
    }

    /// A notice came: is it passed on?
    pub(super) fn typed(&mut self, user: UserId, now: Instant) -> bool {
        let ends = Some(now + self.expiry);
        let Some(typist) = self.users.get_mut(&user) else {
            self.users.insert(user, Typist { passed_on: now, ends });
            return true;
        };
        let due = now.duration_since(typist.passed_on) >= self.debounce;
        if due {
            typist.passed_on = now;
        }
        if due || typist.ends.is_some() {
            typist.ends = ends;
        }
        due
    }

    /// Another node passed a notice on: is it passed on here? That node keeps to the debounce, give or take the way, and
    /// says when the notice ends; if it never does, that is seen to here.
    pub(super) fn typed_elsewhere(&mut self, user: UserId, now: Instant) -> bool {
        let ends = Some(now + self.expiry + self.debounce);
        let typist = self.users.entry(user).or_insert(Typist { passed_on: now, ends: None });
        let due = typist.ends.is_none() || now.duration_since(typist.passed_on) >= self.debounce / 2;
        if due {
            typist.passed_on = now;
        }
        typist.ends = ends;
        due
    }

    /// The user's message came, or the user went: does a notice end by that?
    pub(super) fn stopped(&mut self, user: UserId) -> bool {
        self.users.get_mut(&user).is_some_and(|typist| typist.ends.take().is_some())
    }

    /// Whose notices end now. Forgets who is neither shown nor held back.
    pub(super) fn expired(&mut self, now: Instant) -> Vec<UserId> {
        let mut ended = Vec::new();
        let debounce = self.debounce;
        self.users.retain(|user, typist| {
            if typist.ends.is_some_and(|ends| ends <= now) {
                typist.ends = None;
                ended.push(*user);
            }
            typist.ends.is_some() || now.duration_since(typist.passed_on) < debounce
        });
        ended
    }

    /// When to look again: none while nobody types.
    pub(super) fn next_look(&self) -> Option<Instant> {
        self.users.values().map(|typist| typist.ends.unwrap_or(typist.passed_on + self.debounce)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    const ANA: UserId = UserId(Uuid::from_u128(1));

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_notice_is_passed_on_every_two_seconds_and_ends_three_after_the_last() {
        let (mut typing, start) = (Typing::new(ms(2000), ms(3000)), Instant::now());
        assert!(typing.typed(ANA, start));
        assert!(!typing.typed(ANA, start + ms(1900)));
        assert_eq!(typing.next_look(), Some(start + ms(4900)));
        assert!(typing.expired(start + ms(4899)).is_empty(), "three seconds after the last one received");
        assert_eq!(typing.expired(start + ms(4900)), [ANA]);
        assert!(typing.next_look().is_none());
    }

    #[test]
    fn a_message_ends_the_notice_once_and_the_debounce_goes_on() {
        let (mut typing, start) = (Typing::new(ms(2000), ms(3000)), Instant::now());
        typing.typed(ANA, start);
        assert!(typing.stopped(ANA));
        assert!(!typing.stopped(ANA));
        assert!(!typing.typed(ANA, start + ms(500)), "held back, so there is nothing to end");
        assert_eq!(typing.next_look(), Some(start + ms(2000)), "when it is forgotten that it was held back");
        assert!(typing.expired(start + ms(1999)).is_empty() && typing.next_look().is_some());
        assert!(typing.expired(start + ms(2000)).is_empty() && typing.next_look().is_none());
        assert!(typing.typed(ANA, start + ms(2001)));
    }

    #[test]
    fn a_notice_from_elsewhere_is_ended_there_or_late() {
        let (mut typing, start) = (Typing::new(ms(2000), ms(3000)), Instant::now());
        assert!(typing.typed_elsewhere(ANA, start) && typing.typed_elsewhere(ANA, start + ms(1980)));
        assert!(!typing.typed_elsewhere(ANA, start + ms(2000)), "twice at once");
        assert!(typing.expired(start + ms(6900)).is_empty());
        assert_eq!(typing.expired(start + ms(7000)), [ANA]);
        assert!(typing.typed_elsewhere(ANA, start + ms(7001)) && typing.stopped(ANA) && !typing.stopped(ANA));
    }

    proptest! {
        /// Every notice that is passed on is ended, and no two are closer than the debounce.
        #[test]
        fn notices_are_sparse_and_always_end(gaps in proptest::collection::vec((0_u64..1500, any::<bool>()), 1..50)) {
            let (mut typing, start) = (Typing::new(ms(2000), ms(3000)), Instant::now());
            let (mut now, mut shown, mut last) = (start, false, None::<Instant>);
            for (gap, message) in gaps {
                now += ms(gap);
                if !typing.expired(now).is_empty() {
                    prop_assert!(shown);
                    shown = false;
                }
                if message {
                    prop_assert_eq!(typing.stopped(ANA), shown);
                    shown = false;
                } else if typing.typed(ANA, now) {
                    prop_assert!(last.is_none_or(|last| now - last >= ms(2000)));
                    (shown, last) = (true, Some(now));
                }
            }
            prop_assert_eq!(typing.expired(now + ms(3000)).len(), usize::from(shown));
        }
    }
}
