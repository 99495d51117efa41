//! The webhook of the settings: sees to it that it is what they say.
//!
//! Called at the start, before the first message, and looked after until it is made. Never changes another webhook.

use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::TimeDelta;
use uuid::Uuid;

use super::Hooks;
use super::dispatch::learn;
use crate::config::OwnWebhook;
use crate::domain::ids::WebhookId;
use crate::domain::now;
use crate::domain::webhook::{Origin, UNFINISHED, Webhook, WebhookChange};
use crate::store::StoreError;

/// Its id, the same everywhere.
const OWN: WebhookId = WebhookId(Uuid::from_u128(0x7e4f_0a10_0000_5000_8000_0000_0000_0012));
/// How long the settings' secret of before signs too.
const OVERLAP: TimeDelta = TimeDelta::days(1);
/// How long it may take to make one: another node may be at it.
const MAKING: TimeDelta = TimeDelta::minutes(10);
/// How often it is looked at until it is made.
const LOOK: Duration = Duration::from_secs(5);

impl Hooks {
    /// Sees to it that the settings' webhook is what they say, and that what is to be noted is noted from the first message on.
    pub async fn begin(&self, own: Option<&OwnWebhook>) -> Result<(), StoreError> {
        if let Some(own) = own {
            if !self.settle_own(own).await? {
                self.watch(own.clone());
            }
        } else if self.store().find(OWN).await?.is_some() {
            drop(self.store().remove(OWN).await?);
        }
        drop(learn(&self.shared).await?);
        Ok(())
    }

    /// Whether it is what the settings say; false: another node may be making it just now.
    async fn settle_own(&self, own: &OwnWebhook) -> Result<bool, StoreError> {
        match self.store().find(OWN).await? {
            None => self.make(own).await,
            Some(there) if there.disabled.as_deref() == Some(UNFINISHED) => {
                if self.store().is_shared().await? && now() - there.created_at < MAKING {
                    return Ok(false);
                }
                drop(self.store().remove(OWN).await?);
                self.make(own).await
            }
            Some(there) => self.keep(own, there).await.map(|()| true),
        }
    }

    /// Looks again until it is made, by whomever.
    fn watch(&self, own: OwnWebhook) {
        log::warn!(
            "the webhook of the settings is not made yet: either another node is making it, or one died of that"
        );
        let hooks = self.clone();
        self.runtime.spawn(async move {
            while !hooks.shared.stopping.load(Ordering::Relaxed) {
                tokio::time::sleep(LOOK).await;
                match hooks.settle_own(&own).await {
                    Ok(true) => return log::info!("the webhook of the settings is made"),
                    Ok(false) => {}
                    Err(error) => log::debug!("the webhook of the settings cannot be looked at: {error}"),
                }
            }
        });
    }

    /// False: another node was quicker, and may not have come to the end yet.
    async fn make(&self, own: &OwnWebhook) -> Result<bool, StoreError> {
        let new = Webhook {
            id: OWN,
            url: own.url.expose().to_owned(),
            events: own.events.clone(),
            secret: own.secret.clone(),
            previous: None,
            disabled: None,
            origin: Origin::Settings,
            created_at: now(),
            paused_until: None,
            failing_since: None,
        };
        match self.store().create(new).await {
            Ok(made) => {
                if let Err(denied) = made {
                    log::warn!("the webhook of the settings could not be made: {denied}");
                }
                Ok(true)
            }
            Err(StoreError::Busy) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn keep(&self, own: &OwnWebhook, there: Webhook) -> Result<(), StoreError> {
        let is_new = there.url != own.url.expose();
        if is_new || there.events != own.events {
            let url = is_new.then(|| own.url.expose().to_owned());
            // What the old address wanted is nothing to the new one.
            let change = WebhookChange { url, events: Some(own.events.clone()), active: is_new.then_some(true) };
            drop(self.store().change(OWN, change).await?);
        } else if let Some(why) = &there.disabled {
            log::warn!(
                "the webhook of the settings is disabled: {why}; PATCH its state to active to have it told again"
            );
        }
        if there.secret != own.secret {
            drop(self.store().rotate(OWN, own.secret.clone(), now() + OVERLAP).await?);
        }
        Ok(())
    }
}
