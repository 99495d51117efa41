//! News of what the host application's own SQL has stored: `post_message` tells whoever listens, when its transaction is
//! committed.
//!
//! Only a hint, on a connection of its own: what is not heard is found like anything else that was committed unseen, by comparing with
//! the database. Used by the daemon's task of that name; PostgreSQL only.

use std::str::FromStr;
use std::time::Duration;

use super::backend::Manager;
use super::backend::listen::Ear;
use super::error::OpenError;
use super::jobs::pause;
use crate::domain::ids::ChannelId;

/// Until another try to connect, at most.
const AFTER_ERROR: Duration = Duration::from_secs(2);

/// What was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posted {
    /// A channel has come to this version.
    Head(ChannelId, i64),
    /// From now on it is listened to: anything may have happened before.
    Listening,
}

/// What listens. Connects by itself, and again.
#[derive(Debug)]
pub struct Listener {
    manager: Manager,
    schema: String,
}

impl Listener {
    /// `None` where the database has nobody else to write into it.
    pub(super) fn of(manager: &Manager) -> Option<Self> {
        Some(Self { manager: manager.clone(), schema: manager.schema()?.to_owned() })
    }

    /// Tells what it hears, as long as the runtime runs.
    pub async fn run(&self, mut tell: impl FnMut(Posted)) {
        let mut failures = 0;
        loop {
            let Err(why) = self.listen(&mut tell, &mut failures).await;
            // Once for as long as it lasts.
            if failures == 0 {
                log::warn!("what is posted by SQL is told late for now: {why}");
            }
            failures += 1;
            if failures > 1 { tokio::time::sleep(AFTER_ERROR).await } else { pause(1).await }
        }
    }

    async fn listen(
        &self,
        tell: &mut impl FnMut(Posted),
        failures: &mut u32,
    ) -> Result<std::convert::Infallible, OpenError> {
        let mut ear = Ear::open(&self.manager).await?;
        if *failures > 0 {
            log::info!("what is posted by SQL is told at once again");
        }
        *failures = 0;
        tell(Posted::Listening);
        loop {
            let payload = ear.next().await?;
            if let Some(heard) = parse(&payload, &self.schema) {
                tell(heard);
            }
        }
    }
}

/// `CHANNEL VERSION SCHEMA`. A schema beside ours may have a daemon of its own, and anybody may notify.
fn parse(payload: &str, schema: &str) -> Option<Posted> {
    let mut parts = payload.splitn(3, ' ');
    let channel = ChannelId::from_str(parts.next()?).ok()?;
    let version = parts.next()?.parse().ok()?;
    (parts.next()? == schema).then_some(Posted::Head(channel, version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_ours_is_heard() {
        let id = "0190a7d4-0000-7000-8000-000000000001";
        let heard = parse(&format!("{id} 7 my chat"), "my chat");
        assert_eq!(heard, Some(Posted::Head(id.parse().unwrap(), 7)));
        for wrong in ["", "x", &format!("{id} 7 other"), &format!("{id} seven my chat"), &format!("{id} 7")] {
            assert_eq!(parse(wrong, "my chat"), None, "{wrong}");
        }
    }
}
