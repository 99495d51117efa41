//! A sound world in small: a server that keeps every promise, two nodes that lose and fill what they pass on, connections
//! that lag and break, clients that come back. What it leaves is a history in which nothing may be found.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use tenfour::domain::ids::{ChannelId, UserId};
use uuid::Uuid;

use crate::history::{
    Answer, Ask, ChannelNo, ClientInfo, ClientNo, Copy, FinalLog, Frame, Held, History, Kind, LineNo, Micros, OpNo,
    Record, Scene, UserNo, What, hash,
};

pub(super) const EPOCH: u64 = 7;
/// The most messages of a page.
const PAGE: usize = 4;
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
enum Entry {
    Message(Copy),
    Roster { added: Vec<UserNo>, removed: Vec<UserNo>, members: Vec<UserNo> },
}

#[derive(Debug, Default)]
pub(super) struct Room {
    log: Vec<Entry>,
    pub(super) messages: Vec<Copy>,
    pub(super) members: BTreeSet<UserNo>,
    first_members: Vec<UserNo>,
    marks: BTreeMap<UserNo, i64>,
    /// Who asked for a version over a connection.
    origins: HashMap<i64, (LineNo, OpNo)>,
}

impl Room {
    pub(super) fn version(&self) -> i64 {
        i64::try_from(self.log.len()).unwrap()
    }

    pub(super) fn last_seq(&self) -> i64 {
        i64::try_from(self.messages.len()).unwrap()
    }

    fn members_at(&self, version: i64) -> Vec<UserNo> {
        let until = usize::try_from(version).unwrap();
        let roster = self.log[..until].iter().rev().find_map(|entry| match entry {
            Entry::Roster { members, .. } => Some(members.clone()),
            Entry::Message(_) => None,
        });
        roster.unwrap_or_else(|| self.first_members.clone())
    }
}

#[derive(Debug)]
enum Out {
    Frame(Frame),
    Answer(OpNo, Answer),
}

#[derive(Debug)]
struct Line {
    client: ClientNo,
    node: u8,
    open: bool,
    /// What was passed of each channel.
    lanes: BTreeMap<ChannelNo, i64>,
    queue: VecDeque<Out>,
    unanswered: Vec<OpNo>,
}

#[derive(Debug)]
pub(super) struct Sim {
    pub(super) history: History,
    pub(super) now: Micros,
    pub(super) rooms: Vec<Room>,
    lines: Vec<Line>,
    /// What bare clients hold.
    cursors: BTreeMap<(ClientNo, ChannelNo), i64>,
    /// Sends whose outcome their client does not know.
    unknown: Vec<(ClientNo, ChannelNo, Uuid, u64)>,
    stored: HashMap<(UserNo, Uuid), (ChannelNo, u64, i64, i64)>,
    stalled: HashSet<(u8, ChannelNo)>,
    /// Additions and removals that take effect later.
    late: Vec<bool>,
    pub(super) kept: BTreeMap<ClientNo, super::sim_kept::KeptState>,
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

    fn line_mut(&mut self, line: LineNo) -> &mut Line {
        &mut self.lines[line as usize - 1]
    }

    fn numbers(&self) -> std::ops::RangeInclusive<LineNo> {
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
        if let Some(Ask::Send { channel, client_id, content }) = ask {
            self.unknown.push((client, channel, client_id, content));
        }
        self.note(client, line, What::Answered { op, answer: Answer::Unknown });
    }

    pub(super) fn tell_presence(&mut self, user: UserNo, online: bool) {
        for channel in self.channels_of(user) {
            let frame = Frame::Presence { channel, user, online };
            self.to_lines(channel, &frame, |of| of != user);
            self.kept_presence(channel, user, online);
        }
    }

    fn to_lines(&mut self, channel: ChannelNo, frame: &Frame, to: impl Fn(UserNo) -> bool) {
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

    pub(super) fn send(&mut self, client: ClientNo, channel: ChannelNo, fate: Fate) -> Option<Uuid> {
        let client_id = self.id();
        let content = hash(&format!("content of {client_id}"));
        self.send_as(client, channel, client_id, content, fate);
        self.stored.contains_key(&(self.user(client), client_id)).then_some(client_id)
    }

    /// Sends one again whose outcome is not known.
    pub(super) fn retry(&mut self, client: ClientNo) {
        let Some(at) = self.unknown.iter().position(|(of, ..)| *of == client) else { return };
        if self.open_line(client).is_some() {
            let (_, channel, client_id, content) = self.unknown.remove(at);
            self.send_as(client, channel, client_id, content, Fate::Fine);
        }
    }

    pub(super) fn send_as(&mut self, client: ClientNo, channel: ChannelNo, client_id: Uuid, content: u64, fate: Fate) {
        let Some(no) = self.open_line(client) else { return };
        let op = self.ask(client, no, Ask::Send { channel, client_id, content });
        if fate != Fate::LostAsking {
            let answer = self.store(client, channel, client_id, content, Some((no, op)));
            if let Some(answer) = answer {
                self.line_mut(no).queue.push_back(Out::Answer(op, answer));
            }
        }
        if fate != Fate::Fine {
            self.close(client, None);
        }
    }

    /// Stores a message and passes it on; the answer where it is not an ack that has its place among what is passed on.
    pub(super) fn store(
        &mut self,
        client: ClientNo,
        channel: ChannelNo,
        client_id: Uuid,
        content: u64,
        origin: Option<(LineNo, OpNo)>,
    ) -> Option<Answer> {
        let sender = self.user(client);
        if let Some((stored_in, stored, seq, version)) = self.stored.get(&(sender, client_id)).copied() {
            let message = self.rooms[usize::from(stored_in)].messages[usize::try_from(seq).unwrap() - 1].id;
            let duplicate = Answer::Acked { message, seq, version, duplicate: true };
            let conflict = Answer::Refused { code: "conflict".into(), retryable: false };
            return Some(if (stored_in, stored) == (channel, content) { duplicate } else { conflict });
        }
        let id = self.id();
        let room = &mut self.rooms[usize::from(channel)];
        if !room.members.contains(&sender) {
            return Some(Answer::Refused { code: "not_found".into(), retryable: false });
        }
        let (seq, version) = (room.last_seq() + 1, room.version() + 1);
        let (edited, deleted) = (false, false);
        let copy = Copy { id, client_id, channel, sender, seq, version, content, edited, deleted };
        room.messages.push(copy);
        room.log.push(Entry::Message(copy));
        if let Some(origin) = origin {
            room.origins.insert(version, origin);
        }
        self.stored.insert((sender, client_id), (channel, content, seq, version));
        self.pass_on(channel);
        origin.is_none().then_some(Answer::Acked { message: id, seq, version, duplicate: false })
    }

    /// Edits or deletes (no content) the sender's own message with this `seq`.
    pub(super) fn change(&mut self, client: ClientNo, channel: ChannelNo, seq: i64, content: Option<u64>, fate: Fate) {
        let Some(no) = self.open_line(client) else { return };
        let Some(copy) = usize::try_from(seq - 1).ok().and_then(|at| self.rooms[usize::from(channel)].messages.get(at))
        else {
            return;
        };
        let (message, sender, was_deleted) = (copy.id, copy.sender, copy.deleted);
        let ask = match content {
            Some(content) => Ask::Edit { channel, message, content },
            None => Ask::Delete { channel, message },
        };
        let op = self.ask(client, no, ask);
        if fate != Fate::LostAsking {
            let room = &self.rooms[usize::from(channel)];
            let answer = if !room.members.contains(&self.user(client)) {
                Answer::Refused { code: "not_found".into(), retryable: false }
            } else if sender != self.user(client) {
                Answer::Refused { code: "forbidden".into(), retryable: false }
            } else if was_deleted {
                Answer::Refused { code: "conflict".into(), retryable: false }
            } else {
                self.change_now(channel, seq, content);
                Answer::Done { version: None }
            };
            self.line_mut(no).queue.push_back(Out::Answer(op, answer));
        }
        if fate != Fate::Fine {
            self.close(client, None);
        }
    }

    fn change_now(&mut self, channel: ChannelNo, seq: i64, content: Option<u64>) {
        let room = &mut self.rooms[usize::from(channel)];
        let version = room.version() + 1;
        let copy = &mut room.messages[usize::try_from(seq).unwrap() - 1];
        copy.version = version;
        match content {
            Some(content) => (copy.content, copy.edited) = (content, true),
            None => (copy.content, copy.deleted) = (hash(""), true),
        }
        let copy = *copy;
        room.log.push(Entry::Message(copy));
        self.pass_on(channel);
    }

    /// The host adds or removes the floating user of channel 0. `late`: it has no answer, and takes effect later.
    pub(super) fn membership(&mut self, add: bool, fate: Fate, late: bool) {
        let (channel, user) = (0, FLOATING);
        let ask = if add { Ask::Add { channel, user } } else { Ask::Remove { channel, user } };
        let op = self.ask(HOST, 0, ask);
        let answer = match fate {
            Fate::Fine => {
                let changes = self.change_members(add);
                if changes || add {
                    Answer::Done { version: add.then_some(self.rooms[0].version()) }
                } else {
                    Answer::Refused { code: "not_found".into(), retryable: false }
                }
            }
            Fate::LostAsking => Answer::Unknown,
            Fate::LostAnswer if late => {
                self.late.push(add);
                Answer::Unknown
            }
            Fate::LostAnswer => {
                self.change_members(add);
                Answer::Unknown
            }
        };
        self.note(HOST, 0, What::Answered { op, answer });
    }

    /// What took its time takes effect.
    pub(super) fn be_late(&mut self) {
        for add in std::mem::take(&mut self.late) {
            self.change_members(add);
        }
    }

    fn change_members(&mut self, add: bool) -> bool {
        let (channel, user) = (0, FLOATING);
        let room = &mut self.rooms[0];
        let changes = if add { room.members.insert(user) } else { room.members.remove(&user) };
        if changes {
            let members = room.members.iter().copied().collect();
            let (added, removed) = if add { (vec![user], vec![]) } else { (vec![], vec![user]) };
            room.log.push(Entry::Roster { added, removed, members });
            if add {
                room.marks.insert(user, room.last_seq());
            }
            self.pass_on(channel);
        }
        changes
    }

    /// A node loses what happens in a channel, until [`Self::fill`].
    pub(super) fn stall(&mut self, node: u8, channel: ChannelNo) {
        self.stalled.insert((node, channel));
    }

    pub(super) fn fill(&mut self, node: u8, channel: ChannelNo) {
        if self.stalled.remove(&(node, channel)) {
            let on_node: Vec<_> = self.numbers().filter(|no| self.lines[*no as usize - 1].node == node).collect();
            for no in on_node {
                self.pass_to(no, channel, true);
            }
            self.join_added(channel);
        }
    }

    fn pass_on(&mut self, channel: ChannelNo) {
        for no in self.numbers() {
            if !self.stalled.contains(&(self.lines[no as usize - 1].node, channel)) {
                self.pass_to(no, channel, false);
            }
        }
        self.pass_to_kept(channel);
        self.join_added(channel);
    }

    /// What a connection has not been passed; when a hole is filled, of each message only its latest state.
    fn pass_to(&mut self, no: LineNo, channel: ChannelNo, filling: bool) {
        let user = self.user(self.lines[no as usize - 1].client);
        let room = &self.rooms[usize::from(channel)];
        let line = &mut self.lines[no as usize - 1];
        let Some(mut passed) = line.lanes.get(&channel).copied().filter(|_| line.open) else { return };
        let mut owed = Vec::new();
        for (version, entry) in (passed + 1..).zip(&room.log[usize::try_from(passed).unwrap()..]) {
            let origin = room.origins.get(&version).filter(|(of, _)| *of == no);
            match entry {
                Entry::Message(copy) => {
                    let latest = &room.messages[usize::try_from(copy.seq).unwrap() - 1];
                    let ack = origin.map(|(_, op)| {
                        let duplicate = false;
                        Out::Answer(*op, Answer::Acked { message: copy.id, seq: copy.seq, version, duplicate })
                    });
                    if filling && latest.version != version {
                        // Overtaken: its latest state is the answer, if there is a place for the ack before it.
                        if version == passed + 1 && ack.is_some() {
                            line.queue.extend(ack);
                            passed = version;
                        } else {
                            owed.extend(ack);
                        }
                        continue;
                    }
                    if ack.is_none() || passed + 1 < version {
                        line.queue.push_back(Out::Frame(frame_of(*copy, passed + 1)));
                    }
                    line.queue.extend(ack);
                }
                Entry::Roster { removed, .. } if removed.contains(&user) => {
                    line.lanes.remove(&channel);
                    line.queue.push_back(Out::Frame(Frame::ChannelRemoved { channel }));
                    // What it sent since it was added again is answered outside of the sequence.
                    let later = room.origins.iter().filter(|(at, (of, _))| **at > version && *of == no);
                    owed.extend(later.filter_map(|(version, (_, op))| {
                        let Entry::Message(copy) = &room.log[usize::try_from(*version).ok()? - 1] else { return None };
                        let (seq, version, duplicate) = (copy.seq, *version, false);
                        Some(Out::Answer(*op, Answer::Acked { message: copy.id, seq, version, duplicate }))
                    }));
                    line.queue.extend(owed);
                    return;
                }
                Entry::Roster { added, removed, members } => {
                    line.queue.push_back(Out::Frame(Frame::Members {
                        channel,
                        version,
                        since: passed + 1,
                        members: members.clone(),
                        added: added.clone(),
                        removed: removed.clone(),
                    }));
                }
            }
            passed = version;
        }
        line.lanes.insert(channel, passed);
    }

    /// Connections of members that are not in the channel yet.
    fn join_added(&mut self, channel: ChannelNo) {
        for no in self.numbers() {
            let line = &self.lines[no as usize - 1];
            let user = self.user(line.client);
            let is_member = self.rooms[usize::from(channel)].members.contains(&user);
            if line.open && is_member && !line.lanes.contains_key(&channel) {
                let held = self.held(channel, user);
                let line = self.line_mut(no);
                line.lanes.insert(channel, held.version);
                line.queue.push_back(Out::Frame(Frame::Channel { since: held.version, held }));
            }
        }
    }

    pub(super) fn sync(&mut self, client: ClientNo, forged: Option<(i64, u64)>) {
        let Some(no) = self.open_line(client) else { return };
        let channels: Vec<_> = self.cursors.iter().filter(|((of, _), _)| *of == client).collect();
        let ahead = forged.map_or(0, |(ahead, _)| ahead);
        let cursors: Vec<_> = channels.into_iter().map(|((_, channel), at)| (*channel, at + ahead)).collect();
        let epoch = forged.map_or(EPOCH, |(_, epoch)| epoch);
        let op = self.ask(client, no, Ask::Sync { cursors: cursors.clone(), epoch, forged: forged.is_some() });
        let user = self.user(client);
        for (channel, cursor) in cursors {
            let answer = self.page(channel, user, cursor, epoch);
            self.line_mut(no).queue.push_back(Out::Answer(op, answer));
        }
        self.line_mut(no).queue.push_back(Out::Answer(op, Answer::Complete));
    }

    pub(super) fn page(&self, channel: ChannelNo, user: UserNo, cursor: i64, epoch: u64) -> Answer {
        let room = &self.rooms[usize::from(channel)];
        if !room.members.contains(&user) {
            return Answer::NotThere { channel };
        }
        let reset = epoch != EPOCH || cursor > room.version();
        let mut messages: Vec<_> = if reset {
            room.messages.iter().rev().take(PAGE).copied().collect()
        } else {
            room.messages.iter().filter(|copy| copy.version > cursor).copied().collect()
        };
        messages.sort_by_key(|copy| copy.version);
        let cut = messages.len() > PAGE;
        messages.truncate(PAGE);
        let version = messages.last().filter(|_| cut).map_or(room.version(), |last| last.version);
        let members = Some(room.members_at(version));
        Answer::Page { channel, messages, version, has_more: version < room.version(), reset, members }
    }

    pub(super) fn history(&mut self, client: ClientNo, channel: ChannelNo, before: Option<i64>, after: Option<i64>) {
        let op = self.ask(client, 0, Ask::History { channel, before, after, node: 0 });
        let room = &self.rooms[usize::from(channel)];
        if !room.members.contains(&self.user(client)) {
            let answer = Answer::Refused { code: "not_found".into(), retryable: false };
            return self.note(client, 0, What::Answered { op, answer });
        }
        let mut messages: Vec<Copy> = match after {
            Some(after) => room.messages.iter().filter(|copy| copy.seq > after).copied().collect(),
            None => {
                let before = before.unwrap_or(i64::MAX);
                room.messages.iter().rev().filter(|copy| copy.seq < before).copied().collect()
            }
        };
        let has_more = messages.len() > PAGE;
        messages.truncate(PAGE);
        let page = Answer::Page { channel, messages, version: 0, has_more, reset: false, members: None };
        self.note(client, 0, What::Answered { op, answer: page });
        self.note(client, 0, What::Answered { op, answer: Answer::Complete });
    }

    pub(super) fn read(&mut self, client: ClientNo, channel: ChannelNo, seq: i64) {
        let Some(no) = self.open_line(client) else { return };
        let user = self.user(client);
        let op = self.ask(client, no, Ask::Read { channel, seq });
        let room = &mut self.rooms[usize::from(channel)];
        let answer = if room.members.contains(&user) {
            let last_seq = room.last_seq();
            let mark = room.marks.entry(user).or_default();
            let moved = seq.min(last_seq) > *mark;
            *mark = seq.min(last_seq).max(*mark);
            let frame = Frame::Read { channel, user, seq: *mark };
            if moved {
                self.to_lines(channel, &frame, |of| of != user);
            }
            Answer::Done { version: None }
        } else {
            Answer::Refused { code: "not_found".into(), retryable: false }
        };
        self.line_mut(no).queue.push_back(Out::Answer(op, answer));
    }

    /// All is healed, everything is told, and each bare client opens one more connection.
    pub(super) fn finish(mut self) -> History {
        self.be_late();
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
        self.history
    }
}

/// A frame as a node passes it on: which one it is the state says.
fn frame_of(copy: Copy, since: i64) -> Frame {
    match (copy.deleted, copy.edited) {
        (true, _) => Frame::Deleted { copy, since },
        (false, true) => Frame::Updated { copy, since },
        (false, false) => Frame::Message { copy, since },
    }
}

impl Sim {
    fn pass_to_kept(&mut self, channel: ChannelNo) {
        let clients: Vec<_> = self.kept.keys().copied().collect();
        for client in clients {
            self.kept_catch_up(client, channel);
        }
    }
}
