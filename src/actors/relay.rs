//! Hands what other nodes say to the actors whom it concerns.
//!
//! Called by the bus, on its runtime; never waits. Only so many bytes of what came wait in mailboxes at a time: what is
//! beyond that is dropped, and the rooms compare themselves with the database.

use std::sync::Arc;
use std::time::Instant;

use actix::Addr;
use futures_util::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use super::directory::Directory;
use super::registry::{AddedMembers, Announced, CompareHeads, CompareSome, Registry, TokensRevoked};
use super::{room, tell};
use crate::bus::{Arrival, Bus, Committed, Event, Json, Listener, News, Topic};
use crate::cluster::NodeId;
use crate::domain::ids::ChannelId;
use crate::domain::message::Appended;
use crate::ephemeral::Online;
use crate::fault::{self, Part};

/// Bytes that may wait.
const MAX_WAITING: usize = 32 << 20;
/// Questions of other nodes that are answered at a time.
const MAX_ANSWERING: usize = 16;

/// Answers what another node asks: the admin surface's part. On the bus's runtime.
pub type Answerer = Arc<dyn Fn(Json) -> BoxFuture<'static, Json> + Send + Sync>;

/// See the module's text.
pub struct Relay {
    directory: Directory,
    registry: Addr<Registry>,
    online: Online,
    bus: Bus,
    answerer: Answerer,
    places: Arc<Semaphore>,
    answering: Arc<Semaphore>,
}

impl Relay {
    pub fn new(directory: Directory, registry: Addr<Registry>, online: Online, bus: Bus, answerer: Answerer) -> Self {
        let (places, answering) = (Semaphore::new(MAX_WAITING), Semaphore::new(MAX_ANSWERING));
        Self { directory, registry, online, bus, answerer, places: Arc::new(places), answering: Arc::new(answering) }
    }

    /// Whoever asks too much is not answered, and says so.
    fn answer(&self, from: NodeId, ask: Uuid, question: Json) {
        let Ok(place) = Arc::clone(&self.answering).try_acquire_owned() else { return };
        let (bus, answer) = (self.bus.clone(), (self.answerer)(question));
        tokio::spawn(async move {
            let answer = answer.await;
            bus.publish(Topic::Node(from), Event::Answer { ask, answer });
            drop(place);
        });
    }

    fn in_channel(&self, channel: ChannelId, news: News, size: usize) {
        let Some(room) = self.directory.room(channel) else { return };
        match news {
            News::Head(version) => tell(&room, room::HeadSeen { version }),
            News::Event(Event::Committed { changes }) => match self.place(size) {
                Some(place) => {
                    let items = changes.into_iter().map(item).collect();
                    tell(&room, room::Committed { items, place: Some(place) });
                }
                None => tell(&self.registry, CompareHeads),
            },
            News::Event(Event::MarkMoved { user_id, seq, at }) => {
                tell(&room, room::MarkMoved { user_id, seq, at, session: None });
            }
            News::Event(Event::Typed { user_id, name }) => {
                tell(&room, room::UserTyped { user: user_id, name, elsewhere: true });
            }
            News::Event(Event::TypingStopped { user_id }) => tell(&room, room::TypingStopped { user: user_id }),
            News::Event(Event::PresenceChanged { user_id, online, number, at }) => {
                self.online.heard(user_id, online, number, Some(at));
                tell(&room, room::PresenceChanged { user: user_id });
            }
            // Not of a channel.
            News::Event(
                Event::Added { .. }
                | Event::TokensRevoked { .. }
                | Event::Announced { .. }
                | Event::Ask { .. }
                | Event::Answer { .. },
            ) => {}
        }
    }

    fn place(&self, size: usize) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_many_owned(u32::try_from(size).ok()?).ok()
    }
}

impl Listener for Relay {
    fn arrived(&self, Arrival { topic, from, news, size }: Arrival) {
        fault::point(Part::Relay);
        match (topic, news) {
            (Topic::Channel(channel), news) => self.in_channel(channel, news, size),
            (Topic::User(user), News::Event(Event::Added { channel_id })) => {
                tell(&self.registry, AddedMembers { channel: channel_id, users: vec![user] });
            }
            (Topic::All, News::Event(Event::TokensRevoked { user_id, issued_before })) => {
                tell(&self.registry, TokensRevoked { user: user_id, issued_before });
            }
            (Topic::All, News::Event(Event::Announced { announcement })) => {
                tell(&self.registry, Announced { announcement });
            }
            (Topic::All, News::Event(Event::Ask { ask, question })) => self.answer(from, ask, question),
            (Topic::Node(_), News::Event(Event::Answer { ask, answer })) => self.bus.answered(ask, from, answer),
            // Said by a release that puts it elsewhere.
            (Topic::User(_) | Topic::Node(_) | Topic::All, _) => {}
        }
    }

    fn subscribed(&self, topics: Vec<Topic>) {
        let (mut channels, mut users) = (Vec::new(), Vec::new());
        for topic in topics {
            match topic {
                Topic::Channel(channel) => channels.push(channel),
                Topic::User(user) => users.push(user),
                Topic::Node(_) | Topic::All => {}
            }
        }
        if !channels.is_empty() || !users.is_empty() {
            tell(&self.registry, CompareSome { channels, users });
        }
    }
}

fn item(change: Committed) -> room::Item {
    match change {
        Committed::Message(message, stored) => {
            room::Item::Send { message, outcome: Appended::New(stored), origin: None, accepted: Instant::now() }
        }
        Committed::Change(change) => room::Item::Change(*change),
    }
}
