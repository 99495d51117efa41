//! What happened in a run: everything that each client asked for, was answered and was sent, with the time.
//!
//! Written by the crowd while a run goes on, read by the checker when it is over. Plain values: it decides nothing. What is
//! long or repeated is made short: users and channels are their places in the [`Scene`], contents are hashes.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Serialize;
use tenfour::domain::ids::{ChannelId, UserId};
use uuid::Uuid;

use crate::endings::{Endings, FinalLog, Trail};
use crate::extras::{Extra, ExtraNo, Reply, Sign};

/// Microseconds since the run began, on this machine's one monotonic clock.
pub(crate) type Micros = u64;
/// A user's place in [`Scene::users`].
pub(crate) type UserNo = u16;
/// A channel's place in [`Scene::channels`].
pub(crate) type ChannelNo = u16;
/// A client's place in [`Scene::clients`].
pub(crate) type ClientNo = u16;
/// One connection of one client. Unique in a run, never 0; 0 stands for "over REST, on no connection".
pub(crate) type LineNo = u32;
/// One request. Unique in a run.
pub(crate) type OpNo = u32;

/// Who and what there is.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Scene {
    pub users: Vec<UserId>,
    pub channels: Vec<ChannelId>,
    pub clients: Vec<ClientInfo>,
    /// The members of each channel when the run began, before any version that a record tells.
    pub members: Vec<Vec<UserNo>>,
    /// Users whose membership of a channel changes in the run.
    pub floating: Vec<(ChannelNo, UserNo)>,
    /// Channels in which nothing is erased.
    pub held: Vec<ChannelNo>,
    /// A user is to be seen offline so long after their last connection was lost without a goodbye.
    pub offline_within: Micros,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct ClientInfo {
    pub user: UserNo,
    pub kind: Kind,
}

/// How a client behaves, and so what may be expected of what it saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// The project's own client. It hands out events ([`What::Handed`]) and shows nothing of its connections.
    Kept,
    /// Speaks the protocol itself, without repair: each frame is on record as it came ([`What::Came`]).
    Bare,
    /// The host application's server: REST with the admin scope. Changes memberships, erases, reads everything in the end.
    Host,
    /// A bare one that stops reading now and then; it is to be closed, not to cost memory.
    Deaf,
}

/// One thing that one client saw or did.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Record {
    pub at: Micros,
    pub client: ClientNo,
    pub line: LineNo,
    #[serde(flatten)]
    pub what: What,
}

#[derive(Debug, Clone, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub(crate) enum What {
    /// `hello` came over a new connection.
    Opened { node: u8, epoch: u64, channels: Vec<Held> },
    /// The connection is over. `code`: the server's close code. `own`: the client ended it itself.
    Closed { code: Option<u16>, own: bool },
    /// A request goes out. Only bare clients and the host repeat one, as another request with the same `client_id`.
    Asked { op: OpNo, ask: Ask },
    /// The answer to it, at most one; several `sync` or history pages ([`Answer::Page`]) may come before.
    Answered { op: OpNo, answer: Answer },
    /// A frame over a connection of a bare client.
    Came { frame: Frame },
    /// An event that the project's own client handed to its application.
    Handed { event: Handed },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub(crate) enum Ask {
    /// `node`: the one that is asked over REST.
    Send {
        channel: ChannelNo,
        client_id: Uuid,
        content: u64,
        /// What it asks for and the files that it names.
        extra: ExtraNo,
        node: Option<u8>,
    },
    Edit {
        channel: ChannelNo,
        message: Uuid,
        content: u64,
    },
    Delete {
        channel: ChannelNo,
        message: Uuid,
    },
    /// Of the host only.
    Add {
        channel: ChannelNo,
        user: UserNo,
    },
    Remove {
        channel: ChannelNo,
        user: UserNo,
    },
    /// From these versions. `forged`: these are not what the client holds; with `reset` expected where they lie ahead
    /// or the epoch is another.
    Sync {
        cursors: Vec<(ChannelNo, i64)>,
        epoch: u64,
        forged: bool,
    },
    /// Newest first below `before`, or oldest first above `after`.
    History {
        channel: ChannelNo,
        before: Option<i64>,
        after: Option<i64>,
        node: u8,
    },
    Read {
        channel: ChannelNo,
        seq: i64,
    },
    /// `set`: to have it there, or no longer.
    React {
        channel: ChannelNo,
        message: Uuid,
        sign: Sign,
        set: bool,
    },
    /// A file, by the hash of its bytes.
    Upload {
        bytes: u64,
    },
    /// Of the host only: everything that they said.
    Erase {
        user: UserNo,
    },
    /// What a message asks for.
    Reply {
        channel: ChannelNo,
        message: Uuid,
        reply: Reply,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub(crate) enum Answer {
    /// `ack` of a send. Over REST `version` is 0, not told, and `duplicate` says nothing.
    Acked { message: Uuid, seq: i64, version: i64, duplicate: bool },
    /// A file is stored.
    Uploaded { file: Uuid },
    /// Done. With the version that the change took, where the answer says it (REST does, `ok` does not).
    Done { version: Option<i64> },
    /// An error. Definite unless `retryable`: it never took and never takes effect.
    Refused { code: String, retryable: bool },
    /// The connection or the patience ended first: it may or may not have taken effect.
    Unknown,
    /// A page of `sync`, or of history (`version` 0 then).
    Page {
        channel: ChannelNo,
        messages: Vec<Copy>,
        version: i64,
        has_more: bool,
        reset: bool,
        members: Option<Vec<UserNo>>,
    },
    /// `sync_complete`, or the end of a history call.
    Complete,
    /// A page says that the channel is gone for this user.
    #[cfg_attr(not(test), expect(dead_code, reason = "a real client cannot tell it from a removal that comes then"))]
    NotThere { channel: ChannelNo },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "frame", rename_all = "snake_case")]
pub(crate) enum Frame {
    /// `since`: the first version that it covers, its own if it says nothing.
    Message {
        copy: Copy,
        since: i64,
    },
    Updated {
        copy: Copy,
        since: i64,
    },
    Deleted {
        copy: Copy,
        since: i64,
    },
    Members {
        channel: ChannelNo,
        version: i64,
        since: i64,
        members: Vec<UserNo>,
        added: Vec<UserNo>,
        removed: Vec<UserNo>,
    },
    /// The user was added to it, or its name or roles changed.
    Channel {
        held: Held,
        since: i64,
    },
    ChannelRemoved {
        channel: ChannelNo,
    },
    Presence {
        channel: ChannelNo,
        user: UserNo,
        online: bool,
    },
    Read {
        channel: ChannelNo,
        user: UserNo,
        seq: i64,
    },
    Typing {
        channel: ChannelNo,
        user: UserNo,
    },
}

/// What the project's own client hands out; see its `Event`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Handed {
    /// Connected: everything held of these channels is to be taken over.
    Connected {
        epoch: u64,
        channels: Vec<Held>,
    },
    Disconnected,
    Message {
        copy: Copy,
    },
    Updated {
        copy: Copy,
    },
    Deleted {
        copy: Copy,
    },
    Sent {
        client_id: Uuid,
        channel: ChannelNo,
        message: Uuid,
        seq: i64,
        version: i64,
    },
    Failed {
        client_id: Uuid,
        refused: bool,
        code: String,
    },
    Members {
        channel: ChannelNo,
        version: i64,
        members: Vec<UserNo>,
    },
    Channel {
        held: Held,
    },
    ChannelRemoved {
        channel: ChannelNo,
    },
    Reset {
        channel: ChannelNo,
    },
    Presence {
        channel: ChannelNo,
        user: UserNo,
        online: bool,
    },
    Read {
        channel: ChannelNo,
        user: UserNo,
        seq: i64,
    },
}

/// A message as it was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Copy {
    pub id: Uuid,
    pub client_id: Uuid,
    pub channel: ChannelNo,
    pub sender: UserNo,
    pub seq: i64,
    pub version: i64,
    /// Hash of the content; of the empty one where it is deleted.
    pub content: u64,
    pub edited: bool,
    pub deleted: bool,
    pub extra: ExtraNo,
}

/// A channel as `hello`, `channel` or REST shows it to one user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Held {
    pub channel: ChannelNo,
    pub version: i64,
    pub last_seq: i64,
    pub last_read_seq: i64,
    pub unread: i64,
    pub members: Vec<UserNo>,
    pub online: Vec<UserNo>,
}

/// Something that was broken, from when to when.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Broken {
    pub from: Micros,
    pub until: Micros,
    /// As in the list of faults, such as `node_kill`.
    pub fault: String,
    /// Whom or what it hit.
    pub target: String,
    /// Which node, if it hit one: clients of the others have nothing of it on their way.
    pub node: Option<u8>,
    /// Anything worth telling, such as what a power cut's copy held.
    pub note: String,
    /// Answers to clients may come late meanwhile, or never on their connection: their line or the node was held up.
    pub slow: bool,
    /// The node was started anew: while it starts, what asks it over REST waits.
    pub restarts: bool,
}

/// A message that was acknowledged and is not in the copy that a power cut leaves.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LostAtPowerCut {
    pub at: Micros,
    pub channel: ChannelNo,
    pub client_id: Uuid,
}

/// All of a run.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub scene: Scene,
    /// In the order of their times.
    pub records: Vec<Record>,
    /// By their numbers.
    pub extras: Vec<Extra>,
    pub broken: Vec<Broken>,
    /// Since when all is healed and nothing more was asked for; what was still on its way then is not yet told.
    pub healed: Micros,
    /// Since when everything has to have been told: each client is looked at from here on as one at rest. Each bare
    /// client opens one more connection after it.
    pub rest: Micros,
    /// What the clock on the wall said then, in milliseconds since 1970.
    pub wall_at_rest: i64,
    pub finals: Vec<FinalLog>,
    pub endings: Endings,
    pub power_cuts: usize,
    pub lost_at_power_cut: Vec<LostAtPowerCut>,
    /// The largest resident memory of a node in bytes, with the connections that it had then.
    pub memory: Vec<(Micros, u8, u64, usize)>,
    pub trail: Trail,
    /// Panics in the logs of nodes that no fail point asked for, and lines that say something is wrong in itself.
    pub alarms: Vec<String>,
}

/// Where a number is nobody's.
static NOTHING: Extra = Extra { reactions: Vec::new(), instruction: None, files: Vec::new() };

impl History {
    pub(crate) fn extra(&self, number: ExtraNo) -> &Extra {
        usize::try_from(number).ok().and_then(|number| self.extras.get(number)).unwrap_or(&NOTHING)
    }
}

/// The hash of a content, as it stands in records.
pub(crate) fn hash(content: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    hasher.finish()
}

pub(crate) fn hash_bytes(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}
