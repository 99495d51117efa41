//! When an event that failed is tried again, and when it is given up. Pure but for a little chance, so that what failed together
//! does not come back together.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::ids::EventId;
use crate::domain::webhook::{Failing, Trouble};

/// See the module's text.
#[derive(Debug, Clone)]
pub(super) struct Retries {
    delays: Vec<Duration>,
    /// How long an event is tried.
    horizon: TimeDelta,
}

/// A delay is longer than said by up to a tenth.
const JITTER: f64 = 0.1;

/// What is to be done about an event that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    Again(Failing),
    GiveUp(Failing),
}

impl Retries {
    pub(super) fn new(delays: &[Duration]) -> Self {
        let horizon = TimeDelta::from_std(delays.iter().sum()).unwrap_or(TimeDelta::MAX);
        Self { delays: delays.to_vec(), horizon }
    }

    /// `before`: the tries so far. `pause`: not earlier than after that.
    pub(super) fn next(
        &self,
        (event_id, event): (EventId, &str),
        before: Option<&Failing>,
        trouble: Trouble,
        pause: Option<Duration>,
        now: DateTime<Utc>,
    ) -> Next {
        let before = before.filter(|failing| failing.event_id == event_id);
        let attempts = before.map_or(0, |failing| failing.attempts).saturating_add(1);
        let first_at = before.map_or(now, |failing| failing.first_at);
        let end = first_at + self.horizon;
        let index = usize::try_from(attempts - 1).unwrap_or(usize::MAX);
        let delay = self.delays.get(index).or(self.delays.last()).copied().unwrap_or_default();
        let delay = delay.mul_f64(1.0 + JITTER * fastrand::f64()).max(pause.unwrap_or_default());
        // The last one is at the end.
        let next_at = (now + TimeDelta::from_std(delay).unwrap_or(self.horizon)).min(end.max(now));
        let failing = Failing { event_id, event: event.to_owned(), attempts, first_at, next_at, trouble };
        if now >= end { Next::GiveUp(failing) } else { Next::Again(failing) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::WebhookSettings;
    use proptest::prelude::*;
    use uuid::Uuid;

    const EVENT: EventId = EventId(Uuid::from_u128(1));

    fn trouble() -> Trouble {
        Trouble { error: "answered 500".to_owned(), unreachable: false }
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn an_event_is_tried_ten_times_over_three_days_and_given_up() {
        let retries = Retries::new(&WebhookSettings::default().retries);
        let (mut now, mut failing, mut tries) = (at(0), None, 0);
        let last = loop {
            tries += 1;
            match retries.next((EVENT, "message.sent"), failing.as_ref(), trouble(), None, now) {
                Next::Again(next) => {
                    assert!(next.next_at > now, "{next:?}");
                    now = next.next_at;
                    failing = Some(next);
                }
                Next::GiveUp(last) => break last,
            }
        };
        assert_eq!((tries, last.attempts, last.first_at), (10, 10, at(0)));
        let took = now - at(0);
        assert!(took >= TimeDelta::hours(72) && took <= TimeDelta::hours(80), "{took}");
    }

    #[test]
    fn another_event_begins_anew_and_who_asks_for_time_gets_it() {
        let retries = Retries::new(&[Duration::from_secs(5), Duration::from_secs(60)]);
        let Next::Again(first) = retries.next((EVENT, "a"), None, trouble(), None, at(0)) else { panic!() };
        let other = EventId(Uuid::from_u128(2));
        let Next::Again(next) = retries.next((other, "b"), Some(&first), trouble(), None, at(9)) else { panic!() };
        assert_eq!((next.attempts, next.first_at, next.event.as_str()), (1, at(9), "b"));
        let pause = Some(Duration::from_secs(30));
        let Next::Again(next) = retries.next((EVENT, "a"), None, trouble(), pause, at(0)) else { panic!() };
        assert_eq!(next.next_at, at(30));
    }

    proptest! {
        /// Whatever happens in between, an event is tried again until its time is over and not after it.
        #[test]
        fn no_event_is_given_up_before_its_time(delays in prop::collection::vec(1_u64..100, 1..6), early in prop::collection::vec(0_i64..100, 0..40)) {
            let delays: Vec<Duration> = delays.into_iter().map(Duration::from_secs).collect();
            let total: Duration = delays.iter().sum();
            let end = at(0) + TimeDelta::from_std(total).unwrap();
            let retries = Retries::new(&delays);
            let (mut now, mut failing) = (at(0), None);
            // Some tries come earlier than they would, since the receiver was heard of.
            for early in early.into_iter().map(Some).chain(std::iter::repeat(None)) {
                match retries.next((EVENT, "a"), failing.as_ref(), trouble(), None, now) {
                    Next::Again(next) => {
                        prop_assert!(now < end && next.next_at <= end && next.next_at >= now);
                        now = early.map_or(next.next_at, |early| next.next_at.min(now + TimeDelta::seconds(early)));
                        failing = Some(next);
                    }
                    Next::GiveUp(_) => {
                        prop_assert!(now >= end);
                        return Ok(());
                    }
                }
            }
        }
    }
}
