//! A sound world in small: a server that keeps every promise, two nodes that lose and fill what they pass on, connections
//! that lag and break, clients that come back. What it leaves is a history in which nothing may be found.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use tenfour::domain::ids::{ChannelId, UserId};
use uuid::Uuid;

use crate::endings::FinalLog;
use crate::extras::{ExtraNo, Extras};
use crate::history::{
    Answer, Ask, ChannelNo, ClientInfo, ClientNo, Copy, Frame, Held, History, Kind, LineNo, Micros, OpNo, Record,
    Scene, UserNo, What,
};

pub(super) const EPOCH: u64 = 7;
/// The most messages of a page.
pub(super) const PAGE: usize = 4;
pub(super) const HOST: ClientNo = 7;
/// In channel 0 now and then, in channel 1 never.
pub(super) const FLOATING: UserNo = 3;
pub(super) const OFFLINE_WITHIN: Micros = 90_000_000;

/// What becomes of a request on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Fine,
    /// The connection breaks before the server has it.
    LostAsking,
    /// The connection breaks after it has taken effect.
    LostAnswer,
}

#[derive(Debug, Clone)]
pub(super) enum Entry {
    Message(Copy),
    Roster { added: Vec<UserNo>, removed: Vec<UserNo>, members: Vec<UserNo> },
}

#[derive(Debug, Default)]
pub(super) struct Room {
    pub(super) log: Vec<Entry>,
    pub(super) messages: Vec<Copy>,
    pub(super) members: BTreeSet<UserNo>,
    pub(super) first_members: Vec<UserNo>,
    pub(super) marks: BTreeMap<UserNo, i64>,
    /// Who asked for a version over a connection.
    pub(super) origins: HashMap<i64, (LineNo, OpNo)>,
}

impl Room {
    pub(super) fn version(&self) -> i64 {
        i64::try_from(self.log.len()).unwrap()
    }

    pub(super) fn last_seq(&self) -> i64 {
        i64::try_from(self.messages.len()).unwrap()
    }

    pub(super) fn members_at(&self, version: i64) -> Vec<UserNo> {
        let until = usize::try_from(version).unwrap();
        let roster = self.log[..until].iter().rev().find_map(|entry| match entry {
            Entry::Roster { members, .. } => Some(members.clone()),
            Entry::Message(_) => None,
        });
        roster.unwrap_or_else(|| self.first_members.clone())
    }
}

#[derive(Debug)]
pub(super) enum Out {
    Frame(Frame),
    Answer(OpNo, Answer),
}

#[derive(Debug)]
pub(super) struct Line {
    pub(super) client: ClientNo,
    pub(super) node: u8,
    pub(super) open: bool,
    /// What was passed of each channel.
    pub(super) lanes: BTreeMap<ChannelNo, i64>,
    pub(super) queue: VecDeque<Out>,
    pub(super) unanswered: Vec<OpNo>,
}

#[derive(Debug)]
pub(super) struct Sim {
    pub(super) history: History,
    pub(super) now: Micros,
    pub(super) rooms: Vec<Room>,
    pub(super) lines: Vec<Line>,
    /// What bare clients hold.
    pub(super) cursors: BTreeMap<(ClientNo, ChannelNo), i64>,
    /// Sends whose outcome their client does not know.
    pub(super) unknown: Vec<(ClientNo, ChannelNo, Uuid, u64)>,
    pub(super) stored: HashMap<(UserNo, Uuid), (ChannelNo, u64, i64, i64)>,
    pub(super) stalled: HashSet<(u8, ChannelNo)>,
    /// Additions and removals that take effect later.
    pub(super) late: Vec<bool>,
    pub(super) kept: BTreeMap<ClientNo, super::sim_kept::KeptState>,
    pub(super) extras: Extras,
    /// What a send carries, by its `clientId`.
    pub(super) carried: HashMap<Uuid, ExtraNo>,
    /// Files, whose they are, and their bytes; and which of them are or were in a message.
    pub(super) files: Vec<(Uuid, UserNo, u64)>,
    pub(super) named: HashSet<Uuid>,
    /// What each message has said, as of which version, as far as it is kept.
    pub(super) said: HashMap<Uuid, Vec<(i64, u64)>>,
    /// Messages whose deadline was looked at.
    pub(super) passed: HashSet<Uuid>,
    ops: OpNo,
    ids: u128,
}

impl Sim {
    /// Users 0 to 3, channels 0 and 1. Clients: 0 and 1 bare of user 0, 2 bare and 3 kept of user 1, 4 bare of user 3,
    /// 5 kept and 6 deaf of user 2, 7 the host.
    pub(super) fn new() -> Self {
        let id = |number: u128| Uuid::from_u128(number);
        let client = |user, kind| ClientInfo { user, kind };
        let scene = Scene {
            users: (1..=4).map(|number| UserId(id(number))).collect(),
            channels: (1..=2).map(|number| ChannelId(id(number))).collect(),
            clients: vec![
                client(0, Kind::Bare),
                client(0, Kind::Bare),
                client(1, Kind::Bare),
                client(1, Kind::Kept),
                client(FLOATING, Kind::Bare),
                client(2, Kind::Kept),
                client(2, Kind::Deaf),
                client(999, Kind::Host),
            ],
            members: vec![vec![0, 1, 2, FLOATING], vec![0, 1, 2]],
            floating: vec![(0, FLOATING)],
            held: vec![1],
            offline_within: OFFLINE_WITHIN,
        };
        let rooms = scene.members.iter().map(|members| Room {
            members: members.iter().copied().collect(),
            first_members: members.clone(),
            ..Room::default()
        });
        let kept = [3, 5].map(|client| (client, super::sim_kept::KeptState::default()));
        Self {
            now: 1_000_000,
            rooms: rooms.collect(),
            lines: Vec::new(),
            cursors: BTreeMap::new(),
            unknown: Vec::new(),
            stored: HashMap::new(),
            stalled: HashSet::new(),
            late: Vec::new(),
            kept: kept.into_iter().collect(),
            extras: Extras::default(),
            carried: HashMap::new(),
            files: Vec::new(),
            named: HashSet::new(),
            said: HashMap::new(),
            passed: HashSet::new(),
            ops: 0,
            ids: 1000,
            history: History { scene, ..History::default() },
        }
    }

    pub(super) fn note(&mut self, client: ClientNo, line: LineNo, what: What) {
        self.now += 1_000;
        self.history.records.push(Record { at: self.now, client, line, what });
    }

    /// Everybody who reads has read by the end of it, and every hole is filled.
    pub(super) fn wait(&mut self, time: Micros) {
        for (node, channel) in self.stalled.clone() {
            self.fill(node, channel);
        }
        for client in [0, 1, 2, 4] {
            self.deliver(client, usize::MAX);
        }
        self.now += time;
    }

    pub(super) fn user(&self, client: ClientNo) -> UserNo {
        self.history.scene.clients[usize::from(client)].user
    }

    pub(super) fn id(&mut self) -> Uuid {
        self.ids += 1;
        Uuid::from_u128(self.ids)
    }

    pub(super) fn ask(&mut self, client: ClientNo, line: LineNo, ask: Ask) -> OpNo {
        self.ops += 1;
        let op = self.ops;
        self.note(client, line, What::Asked { op, ask });
        if line != 0 {
            self.line_mut(line).unanswered.push(op);
        }
        op
    }

    pub(super) fn line_mut(&mut self, line: LineNo) -> &mut Line {
        &mut self.lines[line as usize - 1]
    }

    pub(super) fn numbers(&self) -> std::ops::RangeInclusive<LineNo> {
        1..=LineNo::try_from(self.lines.len()).unwrap()
    }

    /// The open connection of a client.
    pub(super) fn open_line(&self, client: ClientNo) -> Option<LineNo> {
        self.numbers().find(|no| {
            let line = &self.lines[*no as usize - 1];
            line.open && line.client == client
        })
    }

    pub(super) fn is_online(&self, user: UserNo) -> bool {
        let bare = self.lines.iter().any(|line| line.open && self.user(line.client) == user);
        bare || self.kept.iter().any(|(client, kept)| kept.connected && self.user(*client) == user)
    }

    pub(super) fn held(&self, channel: ChannelNo, user: UserNo) -> Held {
        let room = &self.rooms[usize::from(channel)];
        let last_read_seq = room.marks.get(&user).copied().unwrap_or(0);
        let counts = |copy: &&Copy| copy.seq > last_read_seq && copy.sender != user && !copy.deleted;
        Held {
            channel,
            version: room.version(),
            last_seq: room.last_seq(),
            last_read_seq,
            unread: i64::try_from(room.messages.iter().filter(counts).count()).unwrap(),
            members: room.members.iter().copied().collect(),
            online: room.members.iter().copied().filter(|user| self.is_online(*user)).collect(),
        }
    }

    pub(super) fn channels_of(&self, user: UserNo) -> Vec<ChannelNo> {
        (0..).zip(&self.rooms).filter(|(_, room)| room.members.contains(&user)).map(|(channel, _)| channel).collect()
    }

    pub(super) fn open(&mut self, client: ClientNo) {
        if self.open_line(client).is_some() {
            return;
        }
        let user = self.user(client);
        let was_online = self.is_online(user);
        let no = LineNo::try_from(self.lines.len() + 1).unwrap();
        let node = u8::try_from(no % 2).unwrap();
        self.lines.push(Line {
            client,
            node,
            open: true,
            lanes: BTreeMap::new(),
            queue: VecDeque::new(),
            unanswered: Vec::new(),
        });
        let channels: Vec<_> = self.channels_of(user).into_iter().map(|channel| self.held(channel, user)).collect();
        for held in &channels {
            self.line_mut(no).lanes.insert(held.channel, held.version);
            self.cursors.entry((client, held.channel)).or_insert(held.version);
        }
        self.note(client, no, What::Opened { node, epoch: EPOCH, channels });
        if !was_online {
            self.tell_presence(user, true);
        }
    }

    pub(super) fn close(&mut self, client: ClientNo, code: Option<u16>) {
        let Some(no) = self.open_line(client) else { return };
        let line = self.line_mut(no);
        line.open = false;
        line.queue.clear();
        let unanswered = std::mem::take(&mut line.unanswered);
        self.note(client, no, What::Closed { code, own: code.is_none() });
        for op in unanswered {
            self.give_up(client, no, op);
        }
        let user = self.user(client);
        if !self.is_online(user) {
            self.tell_presence(user, false);
        }
    }

    fn give_up(&mut self, client: ClientNo, line: LineNo, op: OpNo) {
        let ask = self.history.records.iter().find_map(|record| match &record.what {
            What::Asked { op: asked, ask } if *asked == op => Some(ask.clone()),
            _ => None,
        });
        if let Some(Ask::Send { channel, client_id, content, .. }) = ask {
            self.unknown.push((client, channel, client_id, content));
        }
        self.note(client, line, What::Answered { op, answer: Answer::Unknown });
    }

    pub(super) fn tell_presence(&mut self, user: UserNo, online: bool) {
        for channel in self.channels_of(user) {
            let frame = Frame::Presence { channel, user, online };
            self.all_lines(channel, &frame, |of| of != user);
            self.kept_presence(channel, user, online);
        }
    }

    pub(super) fn all_lines(&mut self, channel: ChannelNo, frame: &Frame, to: impl Fn(UserNo) -> bool) {
        let users: Vec<_> = self.lines.iter().map(|line| self.user(line.client)).collect();
        for (line, user) in self.lines.iter_mut().zip(users) {
            if line.open && line.lanes.contains_key(&channel) && to(user) {
                line.queue.push_back(Out::Frame(frame.clone()));
            }
        }
    }

    /// The client reads so many of what waits for it.
    pub(super) fn deliver(&mut self, client: ClientNo, count: usize) {
        let Some(no) = self.open_line(client) else { return };
        for _ in 0..count {
            let Some(out) = self.line_mut(no).queue.pop_front() else { return };
            match out {
                Out::Frame(frame) => {
                    self.advance_cursor(client, &frame);
                    self.note(client, no, What::Came { frame });
                }
                Out::Answer(op, answer) => {
                    if !matches!(answer, Answer::Page { .. } | Answer::NotThere { .. }) {
                        self.line_mut(no).unanswered.retain(|waiting| *waiting != op);
                    }
                    if let Answer::Page { channel, version, reset, .. } = &answer {
                        let cursor = self.cursors.entry((client, *channel)).or_default();
                        *cursor = if *reset { *version } else { (*cursor).max(*version) };
                    }
                    self.note(client, no, What::Answered { op, answer });
                }
            }
        }
    }

    fn advance_cursor(&mut self, client: ClientNo, frame: &Frame) {
        let (channel, since, version) = match frame {
            Frame::Message { copy, since } | Frame::Updated { copy, since } | Frame::Deleted { copy, since } => {
                (copy.channel, *since, copy.version)
            }
            Frame::Members { channel, version, since, .. } => (*channel, *since, *version),
            Frame::Channel { held, .. } => {
                self.cursors.insert((client, held.channel), held.version);
                return;
            }
            Frame::ChannelRemoved { channel } => {
                self.cursors.remove(&(client, *channel));
                return;
            }
            _ => return,
        };
        if let Some(cursor) = self.cursors.get_mut(&(client, channel))
            && since <= *cursor + 1
        {
            *cursor = version.max(*cursor);
        }
    }

    /// All is healed, everything is told, and each bare client opens one more connection.
    pub(super) fn finish(mut self) -> History {
        self.be_late();
        self.pass_deadlines();
        self.history.healed = self.now;
        for (node, channel) in self.stalled.clone() {
            self.fill(node, channel);
        }
        for client in [3, 5] {
            self.kept_connect(client);
        }
        for client in [0, 1, 2, 4, 6] {
            self.deliver(client, usize::MAX);
        }
        self.wait(2 * OFFLINE_WITHIN);
        self.history.rest = self.now;
        self.history.wall_at_rest = i64::try_from(self.now / 1_000).unwrap();
        for client in [0, 1, 2, 4] {
            self.close(client, None);
            self.wait(OFFLINE_WITHIN);
            self.open(client);
            self.wait(OFFLINE_WITHIN);
        }
        for client in [0, 1, 2, 4, 6] {
            self.deliver(client, usize::MAX);
        }
        for node in 0..2 {
            for (channel, room) in (0..).zip(&self.rooms) {
                let held = Held { last_read_seq: 0, unread: 0, online: Vec::new(), ..self.held(channel, 999) };
                let messages = room.messages.clone();
                self.history.finals.push(FinalLog { node, channel, messages, held });
            }
        }
        self.history.extras = self.extras.all();
        self.history.endings = self.endings();
        self.history
    }
}
