//! Delivers events that were set aside and are wanted again: one try each, in the order in which they happened, beside their
//! lanes.

use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::TimeDelta;

use super::lane::{Shared, event_id, letter};
use super::post::Verdict;
use super::target::Target;
use crate::domain::now;
use crate::domain::webhook::{EventKind, Failure};

/// A receiver that does not answer is asked by one of them, and then again after this.
const REST: Duration = Duration::from_secs(60);

/// What came of one of them.
enum Outcome {
    Next,
    /// Later, with all that are left.
    Stop,
    /// The same, and not before that time is over.
    Rest,
}

/// Until none is left, or the webhook does not answer: then how long it is to be left alone.
pub(super) async fn deliver(shared: &Shared, target: &Target) -> Option<Duration> {
    let id = target.webhook.id;
    while !shared.stopping.load(Ordering::Relaxed) && target.may_be_told() {
        let until = now() + TimeDelta::from_std(shared.lease).unwrap_or_default();
        match shared.store.take_failure(id, now(), until).await {
            Ok(Some(failure)) => match again(shared, target, failure).await {
                Outcome::Next => {}
                Outcome::Stop => return None,
                Outcome::Rest => return Some(REST),
            },
            Ok(None) => return None,
            Err(error) => {
                log::debug!("webhook {id}: what was set aside cannot be read: {error}");
                return None;
            }
        }
    }
    None
}

async fn again(shared: &Shared, target: &Target, failure: Failure) -> Outcome {
    let id = target.webhook.id;
    let kind: Option<EventKind> = failure.event.parse().ok();
    let event = match kind {
        // A later release has set it aside.
        None => None,
        Some(kind) => match shared.store.event(failure.lane, failure.place, kind).await {
            Ok(event) => event,
            Err(error) => {
                log::debug!("webhook {id}: an event of {} cannot be read: {error}", failure.lane);
                return Outcome::Stop;
            }
        },
    };
    // Under the name that it had: the receiver may have seen it.
    let Some(letter) = event.as_ref().and_then(|event| letter(event_id(&shared.epoch.read(), event), event)) else {
        log::info!("webhook {id}: {} of {} cannot be told any more", failure.event, failure.lane);
        return done(shared.store.forget_failure(id, failure.event_id).await.is_ok());
    };
    let posted = shared.poster.post(&target.webhook, &letter).await;
    shared.metrics.webhooks.posted(posted.verdict == Verdict::Delivered, posted.took);
    match posted.verdict {
        Verdict::Delivered => {
            target.answered(shared).await;
            done(shared.store.forget_failure(id, failure.event_id).await.is_ok())
        }
        Verdict::Gone => {
            target.gone(shared).await;
            give_back(shared, target, failure).await;
            Outcome::Stop
        }
        Verdict::Failed { trouble, pause } if trouble.unreachable => {
            target.unreachable(shared, &trouble.error, pause).await;
            give_back(shared, target, failure).await;
            if pause.is_some() { Outcome::Stop } else { Outcome::Rest }
        }
        Verdict::Failed { trouble, .. } => {
            log::info!("webhook {id}: {} of {} failed once more: {}", failure.event, failure.lane, trouble.error);
            let attempts = failure.attempts.saturating_add(1);
            let kept = Failure { failed_at: now(), attempts, error: trouble.error, wanted: false, ..failure };
            done(shared.store.keep_failure(id, kept).await.is_ok())
        }
    }
}

fn done(is_written: bool) -> Outcome {
    if is_written { Outcome::Next } else { Outcome::Stop }
}

/// It was not for this event's sake: it is as if it had not been tried, and wanted as before.
async fn give_back(shared: &Shared, target: &Target, failure: Failure) {
    let id = target.webhook.id;
    if let Err(error) = shared.store.keep_failure(id, failure).await {
        log::debug!("webhook {id}: an event that was set aside is held for a while: {error}");
    }
}
