//! Answers to `sync`: one at a time, one page a channel, each read when the last one is on its way.

use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use chrono::TimeDelta;
use tokio::time::timeout;

use super::{MAX_SYNCS, Session, SessionParts, arrivals};
use crate::actors::feed::Subscriber;
use crate::domain::ids::{ChannelId, MessageId};
use crate::domain::sync::{PageLimits, SyncFrom};
use crate::fault::{self, Sabotage};
use crate::protocol::client::{Ref, SyncRequest};
use crate::protocol::error::Refusal;
use crate::protocol::server::ServerFrame;
use crate::protocol::{SYNC_PAGE_BYTES, SYNC_PAGE_MESSAGES};
use crate::socket::frame;
use crate::store::StoreError;

/// Clocks of two nodes differ by less: from so long before the last message the other channels are caught up.
const SLACK: TimeDelta = TimeDelta::minutes(2);
/// A sync whose turn does not come is refused; the client asks again.
const TURN_WITHIN: Duration = Duration::from_secs(4);

impl Session {
    pub(super) fn sync(&mut self, reference: Option<Ref>, request: SyncRequest, ctx: &mut Context<Self>) {
        if self.syncs.len() >= MAX_SYNCS {
            let text = format!("more than {MAX_SYNCS} syncs wait; one is answered at a time");
            return self.refuse(&Refusal::unavailable(text), reference.as_ref());
        }
        self.syncs.push_back((reference, request));
        self.next_sync(ctx);
    }

    fn next_sync(&mut self, ctx: &mut Context<Self>) {
        if self.syncing {
            return;
        }
        let Some((reference, request)) = self.syncs.pop_front() else { return };
        self.syncing = true;
        self.parts.metrics.syncs.inc();
        let (parts, handle) = (self.parts.clone(), self.handle.clone());
        let answer = async move {
            let outcome = answer(&parts, &handle, reference.as_ref(), request).await;
            (reference, outcome)
        };
        ctx.spawn(answer.into_actor(self).map(|(reference, outcome), act, ctx| {
            act.syncing = false;
            if let Err(error) = outcome {
                log::error!("a sync of session {} failed: {error}", act.handle.id);
                act.refuse(&Refusal::unavailable("the database does not answer; try again"), reference.as_ref());
            }
            act.next_sync(ctx);
        }));
    }
}

async fn answer(
    parts: &SessionParts,
    handle: &Subscriber,
    reference: Option<&Ref>,
    request: SyncRequest,
) -> Result<(), StoreError> {
    let cursors = in_turn(parts, || cursors(parts, handle, request)).await?;
    for (channel, from) in cursors {
        let limits = PageLimits { messages: SYNC_PAGE_MESSAGES, bytes: SYNC_PAGE_BYTES };
        // Only while it reads: how fast the page is written is for the peer to say.
        let page = in_turn(parts, || parts.reader.sync_page(handle.user, channel, from, limits)).await?;
        let brought = page.as_ref().and_then(|page| arrivals::came_with(parts, handle, channel, from, page));
        let answer = match page {
            Some(page) => ServerFrame::sync(channel, page, reference).encode(),
            None => ServerFrame::ChannelRemoved { channel_id: channel }.encode(),
        };
        if !handle.feed.outbox().write_through(frame::text(&answer)).await {
            // The socket is gone.
            return Ok(());
        }
        if let Some(page) = brought {
            handle.feed.gave_page(page);
        }
    }
    handle.feed.outbox().push(frame::text(&ServerFrame::SyncComplete { reference }.encode()));
    Ok(())
}

/// Reads when the session's turn has come.
async fn in_turn<T, F>(parts: &SessionParts, read: impl FnOnce() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    match timeout(TURN_WITHIN, parts.turns.acquire()).await {
        Ok(_turn) => read().await,
        Err(_) => Err(StoreError::Unavailable("too many others catch up".to_owned())),
    }
}

/// Which channels are asked for, each from where.
async fn cursors(
    parts: &SessionParts,
    handle: &Subscriber,
    request: SyncRequest,
) -> Result<Vec<(ChannelId, SyncFrom)>, StoreError> {
    match request {
        SyncRequest::Versions { channels, epoch } => {
            // Asked of the database itself: after a failover the actors hear of the new history some seconds later.
            let current = parts.reader.epoch().await?;
            let ignored = fault::planted(Sabotage::EpochIgnored);
            let foreign = !ignored && epoch.unwrap_or_else(|| parts.epoch.read().clone()) != current;
            let from = |version| if foreign { SyncFrom::Reset } else { SyncFrom::Version(version) };
            Ok(channels.into_iter().map(|(channel, version)| (channel, from(version))).collect())
        }
        SyncRequest::LastMessage(message) => since_message(parts, handle, message).await,
    }
}

/// A message that is not known, or is of a channel that the user is not in, is of another history.
async fn since_message(
    parts: &SessionParts,
    handle: &Subscriber,
    message: MessageId,
) -> Result<Vec<(ChannelId, SyncFrom)>, StoreError> {
    let position = parts.reader.position_of(handle.user, message).await?;
    let channels = parts.reader.listing(handle.user).await?.channels;
    Ok(channels
        .into_iter()
        .map(|channel| {
            let from = match position {
                None => SyncFrom::Reset,
                Some((own, version, _)) if own == channel => SyncFrom::Version(version),
                Some((_, _, created_at)) => SyncFrom::Time(created_at - SLACK),
            };
            (channel, from)
        })
        .collect())
}
