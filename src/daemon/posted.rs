//! Hears what the host application's own SQL has posted, and has the rooms pass it on and webhooks told at once. Each node does so
//! for its own rooms; of webhooks whoever comes first.

use tokio::runtime::Handle;

use crate::actors::directory::Directory;
use crate::actors::{room, tell};
use crate::store::{Posted, Reader};
use crate::webhooks::Hooks;

/// From now on until the runtime ends; never on SQLite, whose file is the daemon's own.
pub(super) fn keep(reader: &Reader, directory: Directory, hooks: Hooks, runtime: &Handle) {
    let Some(listener) = reader.listener() else { return };
    runtime.spawn(async move {
        let pass_on = |posted| match posted {
            Posted::Head(channel, version) => {
                hooks.store().heard(channel);
                if let Some(room) = directory.room(channel) {
                    tell(&room, room::HeadSeen { version });
                }
            }
            Posted::Listening => directory.compare_heads(),
        };
        listener.run(pass_on).await;
    });
}
