//! Rooms are opened together: what is asked for while the last ones are being read is read in one go. When a node dies
//! thousands of sessions arrive at another, whole groups of them for the same rooms.

use std::collections::BTreeSet;
use std::time::Instant;

use actix::{Context, Handler, Message, ResponseFuture};
use tokio::sync::oneshot;

use super::rooms::load;
use super::{Registry, then};
use crate::domain::ids::ChannelId;
use crate::fault::{self, Part};
use crate::store::StoreError;

/// Channels of one read, unless one session alone has more.
const AT_ONCE: usize = 500;

/// Makes sure that these channels have rooms, those that exist.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), StoreError>")]
pub struct Open {
    pub channels: Vec<ChannelId>,
}

/// Who waits for rooms.
#[derive(Debug, Default)]
pub(super) struct Opening {
    waiting: Vec<Wish>,
    reading: bool,
}

#[derive(Debug)]
struct Wish {
    channels: Vec<ChannelId>,
    done: oneshot::Sender<Result<(), StoreError>>,
}

impl Handler<Open> for Registry {
    type Result = ResponseFuture<Result<(), StoreError>>;

    fn handle(&mut self, Open { channels }: Open, ctx: &mut Self::Context) -> Self::Result {
        fault::point(Part::Registry);
        let missing = self.missing(channels);
        if missing.is_empty() {
            return Box::pin(std::future::ready(Ok(())));
        }
        let (done, opened) = oneshot::channel();
        self.opening.waiting.push(Wish { channels: missing, done });
        self.open_next(ctx);
        Box::pin(async move {
            opened.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the daemon is stopping".to_owned())))
        })
    }
}

impl Registry {
    /// Those without a room. The others are not let go for a while.
    fn missing(&mut self, channels: Vec<ChannelId>) -> Vec<ChannelId> {
        let now = Instant::now();
        let missing = channels.into_iter().filter(|channel| match self.rooms.get_mut(channel) {
            Some(room) => {
                room.opened = now;
                false
            }
            None => true,
        });
        missing.collect()
    }

    fn open_next(&mut self, ctx: &mut Context<Self>) {
        if self.opening.reading || self.opening.waiting.is_empty() {
            return;
        }
        self.opening.reading = true;
        let mut count = 0;
        let mut fits = |wish: &Wish| {
            let first = count == 0;
            count += wish.channels.len();
            first || count <= AT_ONCE
        };
        let number = self.opening.waiting.iter().take_while(|wish| fits(wish)).count();
        let wishes: Vec<Wish> = self.opening.waiting.drain(..number).collect();
        let channels: BTreeSet<ChannelId> = wishes.iter().flat_map(|wish| wish.channels.iter().copied()).collect();
        let channels = self.missing(channels.into_iter().collect());
        let read = load(self.parts.reader.clone(), self.parts.online.clone(), channels);
        then(read, self, ctx, |channels, act, ctx| {
            act.opening.reading = false;
            let outcome = channels.map(|channels| channels.iter().for_each(|channel| act.start_room(channel, ctx)));
            for wish in wishes {
                // Who asked may be gone.
                let _ = wish.done.send(outcome.clone());
            }
            act.open_next(ctx);
        });
    }
}
