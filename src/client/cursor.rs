//! What this client holds of each channel, and what it has to ask for.
//!
//! Pure: frames and pages in, events out. A channel's cursor is the highest version up to which everything is held; only
//! what continues it moves it. A frame beyond it is kept while `sync` is asked from the cursor, so that a busy channel
//! cannot outrun its own recovery.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use crate::domain::ids::ChannelId;

use super::event::Event;
use super::frames::{Ack, ChannelInfo, Hello, SyncPage};
use super::held::{Held, Live, LiveFrame};

/// The most channels of one `sync`: its frame stays far below the server's limit of 64 KiB.
const ASK_CHANNELS: usize = 500;
/// How long to wait after a `sync` that brought nothing new.
const FRUITLESS_PAUSE: Duration = Duration::from_secs(1);

/// A `sync` to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    pub channels: BTreeMap<ChannelId, i64>,
    /// The history that these versions belong to.
    pub epoch: String,
}

/// The cursors of all channels.
#[derive(Debug, Default)]
pub struct Cursors {
    /// Of the current connection.
    epoch: String,
    channels: HashMap<ChannelId, Held>,
    /// The `sync` that is being answered: what it was asked from, less what came.
    asked: Option<HashMap<ChannelId, i64>>,
    progressed: bool,
    not_before: Option<Instant>,
}

impl Cursors {
    /// A new connection. What is held stays; what is behind will be asked for.
    pub fn hello(&mut self, hello: &Hello) -> Vec<Event> {
        self.epoch.clone_from(&hello.epoch);
        self.asked = None;
        self.not_before = None;
        let mut events = Vec::new();
        let listed: std::collections::HashSet<_> = hello.channels.iter().map(|channel| channel.id).collect();
        self.channels.retain(|id, _| {
            let stays = listed.contains(id);
            if !stays {
                events.push(Event::ChannelRemoved(*id));
            }
            stays
        });
        for channel in &hello.channels {
            match self.channels.get_mut(&channel.id) {
                Some(held) => held.reconnected(channel.version, &self.epoch),
                None => self.add(channel),
            }
        }
        events
    }

    /// A frame that has its place in the channel's sequence.
    pub fn live(&mut self, channel: ChannelId, frame: LiveFrame) -> Vec<Event> {
        match (self.channels.get_mut(&channel), frame.what) {
            (Some(held), what) => held.live(LiveFrame { what, ..frame }, &self.epoch),
            (None, Live::Channel(info)) => {
                self.add(&info);
                vec![Event::Channel(info)]
            }
            // Not ours any more.
            (None, _) => Vec::new(),
        }
    }

    /// An own message is known to be stored: by its ack, or by the message itself. It is not handed out again.
    pub fn stored(&mut self, ack: &Ack) -> Vec<Event> {
        match self.channels.get_mut(&ack.channel_id) {
            Some(held) => held.stored(ack, &self.epoch),
            None => Vec::new(),
        }
    }

    /// An own message was handed out as sent, in some older state than a frame that follows.
    pub fn known(&mut self, channel: ChannelId, seq: i64) {
        if let Some(held) = self.channels.get_mut(&channel) {
            held.known(seq);
        }
    }

    pub fn removed(&mut self, channel: ChannelId) -> Vec<Event> {
        if let Some(asked) = &mut self.asked {
            asked.remove(&channel);
        }
        self.channels.remove(&channel).map(|_| Event::ChannelRemoved(channel)).into_iter().collect()
    }

    pub fn page(&mut self, page: SyncPage) -> Vec<Event> {
        let asked = self.asked.as_mut().and_then(|asked| asked.remove(&page.channel_id));
        let (Some(from), Some(held)) = (asked, self.channels.get_mut(&page.channel_id)) else { return Vec::new() };
        let before = held.version();
        let events = held.page(page, from, &self.epoch);
        self.progressed |= held.version() != before || !events.is_empty();
        events
    }

    /// All of the answer has come.
    pub fn completed(&mut self, now: Instant) {
        self.asked = None;
        if !self.progressed {
            self.not_before = Some(now + FRUITLESS_PAUSE);
        }
    }

    /// The `sync` was refused.
    pub fn refused(&mut self, again_at: Instant) {
        self.asked = None;
        self.not_before = Some(again_at);
    }

    /// What to ask for now. One at a time, as one history at a time.
    pub fn next_ask(&mut self, now: Instant) -> Option<Ask> {
        if self.asked.is_some() || self.not_before.is_some_and(|at| now < at) {
            return None;
        }
        let mut behind: Vec<_> = self.channels.iter().filter(|(_, held)| held.behind(&self.epoch)).collect();
        let epoch = behind.first()?.1.epoch().to_owned();
        behind.retain(|(_, held)| held.epoch() == epoch);
        let channels: BTreeMap<_, _> =
            behind.into_iter().take(ASK_CHANNELS).map(|(id, held)| (*id, held.version())).collect();
        self.asked = Some(channels.iter().map(|(id, version)| (*id, *version)).collect());
        self.progressed = false;
        self.not_before = None;
        Some(Ask { channels, epoch })
    }

    /// When [`Self::next_ask`] is worth a call though nothing has come.
    pub fn next_due(&self) -> Option<Instant> {
        if self.asked.is_some() { None } else { self.not_before }
    }

    /// Takes back the last `versions` changes of a channel, so that they are asked for and handed out again.
    pub fn replay(&mut self, channel: ChannelId, versions: u32) -> Vec<Event> {
        let Some(held) = self.channels.get_mut(&channel) else { return Vec::new() };
        held.rewind(versions);
        vec![Event::Reset(channel)]
    }

    /// Whether everything that is known to exist is held.
    pub fn is_complete(&self) -> bool {
        !self.channels.values().any(|held| held.behind(&self.epoch))
    }

    fn add(&mut self, channel: &ChannelInfo) {
        self.channels.insert(channel.id, Held::new(&self.epoch, channel));
    }
}
