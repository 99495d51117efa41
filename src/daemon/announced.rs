//! The announcement that who connects is told: read at the start, and looked for all the time, since what another node tells over
//! Redis may be lost. One row, by its key.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::MissedTickBehavior;

use crate::actors::announcements::Announcements;
use crate::actors::registry::Announced;
use crate::actors::session::SessionParts;
use crate::actors::tell;
use crate::domain::announcement::Announcement;
use crate::domain::now;
use crate::store::{Reader, StoreError};

const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What holds at the start.
pub(super) async fn read(reader: &Reader) -> Result<Arc<Announcements>, StoreError> {
    let announcements = Announcements::default();
    announcements.set(reader.announcement().await?);
    Ok(Arc::new(announcements))
}

/// From now on until the runtime ends.
pub(super) fn keep(parts: &SessionParts, runtime: &Handle) {
    let SessionParts { reader, registry, announcements, .. } = parts.clone();
    runtime.spawn(async move {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stored = announcements.current();
        loop {
            looks.tick().await;
            // Where the database is away it is looked at later.
            let Ok(found) = reader.announcement().await else { continue };
            let found = found.filter(|it| it.holds(now()));
            // By what the database said before, not by what is known: another node's word may be ahead of it.
            if id(found.as_ref()) == id(stored.as_ref()) {
                continue;
            }
            if id(found.as_ref()) != id(announcements.current().as_ref()) {
                tell(&registry, Announced { announcement: found.clone() });
            }
            stored = found;
        }
    });
}

fn id(announcement: Option<&Announcement>) -> Option<uuid::Uuid> {
    announcement.map(|it| it.id)
}
