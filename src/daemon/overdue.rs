//! Finds instructions whose deadline has passed. Looked for by an index that holds nothing else, so that it costs next to nothing
//! while none is due; marked by an order like any other change.
//!
//! Each node does so. Whoever comes first marks, and the others find it done.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::MissedTickBehavior;

use crate::actors::db::{DbHandle, Order};
use crate::domain::now;
use crate::store::Reader;

/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// From now on until the runtime ends.
pub(super) fn keep(db: DbHandle, reader: Reader, runtime: &Handle) {
    runtime.spawn(async move {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut complained = false;
        loop {
            looks.tick().await;
            let outcome = round(&db, &reader).await;
            // Once for as long as it lasts.
            if let Err(why) = &outcome
                && !complained
            {
                log::info!("deadlines are not looked at for now: {why}");
            }
            complained = outcome.is_err();
        }
    });
}

async fn round(db: &DbHandle, reader: &Reader) -> Result<(), String> {
    let due = reader.due_instructions(now()).await.map_err(|error| error.to_string())?;
    let mut outcome = Ok(());
    for message_id in due {
        // One that cannot be marked is in nobody's way.
        if let Err(refusal) = db.order(Order::MarkOverdue { message_id }).await {
            outcome = Err(refusal.to_string());
            if refusal.code.retryable() {
                break;
            }
        }
    }
    outcome
}
