//! Makes, changes and removes webhooks: in steps, since a webhook has a cursor in each lane that there is.

use chrono::{DateTime, Utc};

use super::start::{self, FIRST, What};
use super::waiting::Wish;
use super::{Answer, Webhooks, endpoints, presence};
use crate::domain::change::Denied;
use crate::domain::ids::WebhookId;
use crate::domain::now;
use crate::domain::webhook::{Events, SigningSecret, Webhook, WebhookChange};
use crate::store::error::StoreError;

impl Webhooks {
    /// Makes one that is told of what happens from now on.
    pub async fn create(&self, new: Webhook) -> Answer<Result<Webhook, Denied>> {
        let id = new.id;
        let others = self.list().await?;
        let made = match self.decide(move |conn| Box::pin(endpoints::insert(conn, new))).await? {
            Ok(made) => made,
            Err(denied) => return Ok(Err(denied)),
        };
        // One of the same id may have been removed, and not to the end.
        self.clear(id).await?;
        self.put(id, What::New, None).await?;
        if made.events.wants_presence() {
            self.put_users(id, &others).await?;
        }
        self.write(move |conn| Box::pin(endpoints::finish(conn, id))).await?;
        self.want_too(&made.events);
        self.0.news.webhooks();
        Ok(Ok(made))
    }

    /// From the moment in which whoever asked for it is answered, and not when the next look comes.
    fn want_too(&self, events: &Events) {
        self.0.news.want_too(events.wants_versions() || events.wants_reads(), events.wants_presence());
    }

    /// Puts all channels' cursors to where the channels are. `as_read`: only while this is what the webhook is told of, since
    /// another call may have it told already of what this one asks for.
    async fn put(&self, id: WebhookId, what: What, as_read: Option<&Events>) -> Answer<()> {
        let mut after = Some(FIRST);
        while let Some(from) = after {
            let as_read = as_read.map(Events::to_text);
            after = self
                .write(move |conn| {
                    Box::pin(async move {
                        if let Some(text) = as_read
                            && conn.hold_events(id).await? != Some(text)
                        {
                            return Err(StoreError::Busy);
                        }
                        start::present(conn, id, what, from).await
                    })
                })
                .await?;
        }
        Ok(())
    }

    /// The same of users. `others`: the webhooks that there are besides.
    async fn put_users(&self, id: WebhookId, others: &[Webhook]) -> Answer<()> {
        if !others.iter().any(|other| other.id != id && other.events.wants_presence()) {
            while self.write(|conn| Box::pin(async move { Ok(presence::put_away(conn).await?) })).await? {}
            self.write(|conn| Box::pin(async move { Ok(presence::begin_anew(conn, now()).await?) })).await?;
        }
        let mut after = Some(FIRST);
        while let Some(from) = after {
            after = self.write(move |conn| Box::pin(start::present_users(conn, id, from))).await?;
        }
        Ok(())
    }

    /// What it is told of from now on begins at the present, too. What failed is tried anew: whatever was wrong may be mended.
    pub async fn change(&self, id: WebhookId, change: WebhookChange) -> Answer<Result<Webhook, Denied>> {
        let others = self.list().await?;
        if let (Some(after), Some(before)) = (&change.events, others.iter().find(|it| it.id == id)) {
            let before = &before.events;
            if after.wants_versions() && !before.wants_versions() {
                self.put(id, What::Versions, Some(before)).await?;
            }
            if after.wants_reads() && !before.wants_reads() {
                self.put(id, What::Reads, Some(before)).await?;
            }
            if after.wants_presence() && !before.wants_presence() {
                self.put_users(id, &others).await?;
            }
        }
        let done = self.decide(move |conn| Box::pin(endpoints::change(conn, id, change))).await?;
        if let Ok(webhook) = &done {
            self.want_too(&webhook.events);
            // Those who are at it stop, so that nothing fails on account of what it was before.
            self.0.news.webhook_changed(id);
            self.all_waiting(id, Wish::Anew).await?;
            self.0.news.webhook_changed(id);
        }
        Ok(done)
    }

    /// Signs with this from now on, and until then with the one before as well.
    pub async fn rotate(
        &self,
        id: WebhookId,
        secret: SigningSecret,
        until: DateTime<Utc>,
    ) -> Answer<Result<Webhook, Denied>> {
        let done = self.decide(move |conn| Box::pin(endpoints::rotate(conn, id, secret, until))).await?;
        self.0.news.webhooks();
        Ok(done)
    }

    pub async fn remove(&self, id: WebhookId) -> Answer<Result<(), Denied>> {
        let done = self.decide(move |conn| Box::pin(endpoints::remove(conn, id))).await?;
        self.0.news.webhooks();
        if done.is_ok() {
            self.clear(id).await?;
        }
        Ok(done)
    }

    /// Lets go of all cursors and failures of one that is gone, or just made.
    pub(super) async fn clear(&self, id: WebhookId) -> Answer<()> {
        while self.write(move |conn| Box::pin(start::clear(conn, id))).await? {}
        Ok(())
    }
}
