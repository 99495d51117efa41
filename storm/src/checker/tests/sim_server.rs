//! The server of the small world: what it stores, and how its nodes pass that on.

use uuid::Uuid;

use super::sim::{Entry, FLOATING, Fate, HOST, Out, Sim};
use crate::history::{Answer, Ask, ChannelNo, ClientNo, Copy, Frame, LineNo, OpNo, What, hash};

impl Sim {
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
        let extra = self.carried.get(&client_id).copied().unwrap_or_default();
        let op = self.ask(client, no, Ask::Send { channel, client_id, content, extra, node: None });
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
        let (id, extra) = (self.id(), self.as_stored(client_id, channel, sender));
        let room = &mut self.rooms[usize::from(channel)];
        if !room.members.contains(&sender) {
            return Some(Answer::Refused { code: "not_found".into(), retryable: false });
        }
        if self.extras.get(extra).files.iter().any(|file| !self.named.insert(*file)) {
            return Some(Answer::Refused { code: "not_found".into(), retryable: false });
        }
        let (seq, version) = (room.last_seq() + 1, room.version() + 1);
        let (edited, deleted) = (false, false);
        let copy = Copy { id, client_id, channel, sender, seq, version, content, edited, deleted, extra };
        room.messages.push(copy);
        room.log.push(Entry::Message(copy));
        if let Some(origin) = origin {
            room.origins.insert(version, origin);
        }
        self.said.insert(id, vec![(version, content)]);
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
        if let Some(content) = content {
            (copy.content, copy.edited) = (content, true);
            self.said.entry(copy.id).or_default().push((version, content));
        } else {
            (copy.content, copy.deleted, copy.extra) = (hash(""), true, 0);
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

    pub(super) fn pass_on(&mut self, channel: ChannelNo) {
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

    fn pass_to_kept(&mut self, channel: ChannelNo) {
        let clients: Vec<_> = self.kept.keys().copied().collect();
        for client in clients {
            self.kept_catch_up(client, channel);
        }
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
