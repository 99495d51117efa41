//! The clients of a run: who there is, what they know in common, and in which phase the run is.
//!
//! Each client is a task with a random sequence of its own, so that a seed gives the same intentions again.

pub(crate) mod bare;
mod came;
mod connect;
pub(crate) mod cursors;
pub(crate) mod endings;
pub(crate) mod host;
pub(crate) mod kept;
mod more;
pub(crate) mod population;
pub(crate) mod rest;
pub(crate) mod samples;
mod scroll;
mod sends;
mod shelf;
mod touch;
pub(crate) mod translate;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use samples::{Said, Samples};

use crate::alarms::Alarms;
use crate::history::hash;
use crate::history::{ChannelNo, ClientNo, LineNo, OpNo, Scene, UserNo, What};
use crate::places::Places;
use crate::recorder::Recorder;

/// What the clients are to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Everything, while things break.
    Storm,
    /// Nothing is broken any more: finish what was begun, begin nothing.
    Settle,
    /// Bare clients open a connection once more, and everybody only listens.
    Rest,
    End,
}

/// What all clients share.
#[derive(Debug)]
pub(crate) struct World {
    pub recorder: Recorder,
    pub alarms: Alarms,
    pub places: Places,
    pub phase: watch::Receiver<Phase>,
    /// Each node's line.
    pub nodes: Vec<SocketAddr>,
    /// Each node itself, past its line.
    pub direct: Vec<SocketAddr>,
    pub front: SocketAddr,
    /// By user.
    pub tokens: Vec<String>,
    /// The host application's way in, which may also act for each user.
    pub rest: rest::Rest,
    pub samples: Samples,
    pub channel_ids: Vec<tenfour::domain::ids::ChannelId>,
    pub user_ids: Vec<tenfour::domain::ids::UserId>,
    /// By channel, when the run began.
    pub members: Vec<Vec<UserNo>>,
    /// Between two of one client's intentions, on average.
    pub pause: Duration,
    /// Sends that nobody knows the outcome of yet: at rest it has to come to nothing.
    pub owed: AtomicUsize,
    lines: AtomicU32,
    ops: AtomicU32,
}

impl World {
    #[expect(clippy::too_many_arguments, reason = "made in one place, and each is named by its field")]
    pub(crate) fn new(
        (recorder, alarms): (Recorder, Alarms),
        places: Places,
        phase: watch::Receiver<Phase>,
        addresses: (Vec<SocketAddr>, Vec<SocketAddr>, SocketAddr),
        tokens: Vec<String>,
        rest: rest::Rest,
        scene: &Scene,
        pause: Duration,
    ) -> Self {
        let (nodes, direct, front) = addresses;
        let (channel_ids, user_ids, members) = (scene.channels.clone(), scene.users.clone(), scene.members.clone());
        let (owed, lines, ops) = (AtomicUsize::new(0), AtomicU32::new(1), AtomicU32::new(1));
        Self {
            recorder,
            alarms,
            places,
            phase,
            nodes,
            direct,
            front,
            tokens,
            rest,
            samples: Samples::default(),
            channel_ids,
            user_ids,
            members,
            pause,
            owed,
            lines,
            ops,
        }
    }

    pub(crate) fn next_line(&self) -> LineNo {
        self.lines.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn next_op(&self) -> OpNo {
        self.ops.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }
}

/// One client's identity and dice.
#[derive(Debug)]
pub(crate) struct Person {
    pub world: Arc<World>,
    pub no: ClientNo,
    pub user: UserNo,
    /// Where the user was a member when the run began.
    pub channels: Vec<ChannelNo>,
    pub dice: fastrand::Rng,
}

impl Person {
    pub(crate) fn note(&self, line: LineNo, what: What) {
        self.world.recorder.note(self.no, line, what);
    }

    /// Until the next intention: none to twice the average.
    pub(crate) fn pause(&mut self) -> Duration {
        self.world.pause.mul_f64(self.dice.f64() * 2.0)
    }

    /// One of the user's channels; the first one of all is hot.
    pub(crate) fn some_channel(&mut self) -> Option<ChannelNo> {
        if self.channels.first() == Some(&0) && self.dice.u8(..4) == 0 {
            return Some(0);
        }
        self.dice.choice(&self.channels).copied()
    }

    /// A content to be said in this channel, some of which are looked for in the end.
    pub(crate) fn words_for(&mut self, channel: ChannelNo) -> String {
        let content = self.some_content();
        let word = content.split(':').nth(1).unwrap_or_default().to_owned();
        let said = Said { channel, user: self.user, word, content: hash(&content) };
        self.world.samples.said(&mut self.dice, said);
        content
    }

    /// A content that no other message has.
    pub(crate) fn some_content(&mut self) -> String {
        let length = if self.dice.u8(..50) == 0 { 4000 } else { self.dice.usize(..160) };
        let mut content = format!("{}:{:016x}:", self.no, self.dice.u64(..));
        content.extend(std::iter::repeat_with(|| self.dice.alphanumeric()).take(length));
        content
    }
}
