//! Of whom tokens are taken no more: read at the start, before anybody is let in, and looked for all the time, since what
//! another node tells over Redis may be lost. Costs an index that holds nothing new next to nothing.

use std::time::Duration;

use actix::Addr;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::runtime::Handle;
use tokio::time::MissedTickBehavior;

use crate::actors::registry::{Registry, TokensRevoked};
use crate::actors::session::SessionParts;
use crate::actors::tell;
use crate::auth::Verifier;
use crate::domain::now;
use crate::store::{Reader, StoreError};

/// How often it is looked: what is missed is in effect within 5 s.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How far back: further than the clocks of two nodes are apart, and than a transaction takes.
const BACK: TimeDelta = TimeDelta::minutes(10);

/// All of them.
pub(super) async fn read(reader: &Reader, verifier: &Verifier) -> Result<(), StoreError> {
    for (user, issued_before) in reader.revoked_tokens(DateTime::UNIX_EPOCH).await? {
        verifier.revoked().note(user, issued_before);
    }
    Ok(())
}

/// From now on until the runtime ends.
pub(super) fn keep(parts: &SessionParts, runtime: &Handle) {
    let SessionParts { reader, registry, verifier, .. } = parts.clone();
    runtime.spawn(async move {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // While the database is away nothing is looked at: then all since the last time that it was.
        let mut looked = now();
        loop {
            looks.tick().await;
            let began = now();
            match round(&reader, &verifier, &registry, looked - BACK).await {
                Ok(()) => looked = began,
                Err(error) => log::debug!("revoked tokens are not looked for: {error}"),
            }
        }
    });
}

async fn round(
    reader: &Reader,
    verifier: &Verifier,
    registry: &Addr<Registry>,
    since: DateTime<Utc>,
) -> Result<(), StoreError> {
    for (user, issued_before) in reader.revoked_tokens(since).await? {
        if !verifier.revoked().knows(user, issued_before) {
            tell(registry, TokensRevoked { user, issued_before });
        }
    }
    Ok(())
}
