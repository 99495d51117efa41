//! Delivers events that were set aside and are wanted again: one try each, in the order in which they happened, beside their
//! lanes.

use std::sync::atomic::Ordering;

use chrono::TimeDelta;

use super::lane::{Shared, Target, event_id, letter};
use super::post::Verdict;
use crate::domain::now;
use crate::domain::webhook::{EventKind, Failure};

/// Until none is left, or the webhook does not answer.
pub(super) async fn deliver(shared: &Shared, target: &Target) {
    let id = target.webhook.id;
    while !shared.stopping.load(Ordering::Relaxed) && target.is_current.load(Ordering::Relaxed) {
        let until = now() + TimeDelta::from_std(shared.lease).unwrap_or_default();
        match shared.store.take_failure(id, now(), until).await {
            Ok(Some(failure)) => {
                if !again(shared, target, failure).await {
                    return;
                }
            }
            Ok(None) => return,
            Err(error) => return log::debug!("webhook {id}: what was set aside cannot be read: {error}"),
        }
    }
}

/// Whether the next one may be tried.
async fn again(shared: &Shared, target: &Target, failure: Failure) -> bool {
    let id = target.webhook.id;
    let kind: Option<EventKind> = failure.event.parse().ok();
    let event = match kind {
        // A later release has set it aside.
        None => None,
        Some(kind) => match shared.store.event(failure.lane, failure.place, kind).await {
            Ok(event) => event,
            Err(error) => {
                log::debug!("webhook {id}: an event of {} cannot be read: {error}", failure.lane);
                return false;
            }
        },
    };
    // Under the name that it had: the receiver may have seen it.
    let Some(letter) = event.as_ref().and_then(|event| letter(event_id(&shared.epoch.read(), event), event)) else {
        log::info!("webhook {id}: {} of {} cannot be told any more", failure.event, failure.lane);
        return shared.store.forget_failure(id, failure.event_id).await.is_ok();
    };
    let posted = shared.poster.post(&target.webhook, &letter).await;
    shared.metrics.webhooks.posted(posted.verdict == Verdict::Delivered, posted.took);
    let trouble = match posted.verdict {
        Verdict::Delivered => return shared.store.forget_failure(id, failure.event_id).await.is_ok(),
        Verdict::Gone => "answered 410".to_owned(),
        Verdict::Failed { trouble, .. } => trouble.error,
    };
    log::info!("webhook {id}: {} of {} failed once more: {trouble}", failure.event, failure.lane);
    let attempts = failure.attempts.saturating_add(1);
    let kept = Failure { failed_at: now(), attempts, error: trouble, wanted: false, ..failure };
    shared.store.keep_failure(id, kept).await.is_ok()
}
