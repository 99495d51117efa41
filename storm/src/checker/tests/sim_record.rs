//! What hangs on the messages of the small world: reactions, what they ask for, answers and deadlines.

use uuid::Uuid;

use super::sim::{Entry, Fate, Out, Sim};
use crate::endings::OpenList;
use crate::extras::{Extra, Instruction, Reply, ReplyKind, Sign};
use crate::history::{Answer, Ask, ChannelNo, ClientNo, Copy, UserNo, hash};

pub(super) const ACCEPTED: Reply = Reply { kind: ReplyKind::Accepted, note: 0 };
pub(super) const DONE: Reply = Reply { kind: ReplyKind::Done, note: 7 };

impl Sim {
    /// What asks these for an answer, or everybody else. The deadline has passed when all comes to rest.
    pub(super) fn send_asking(&mut self, client: ClientNo, channel: ChannelNo, assignees: Vec<UserNo>, fate: Fate) {
        let deadline = Some(self.wall());
        let instruction = Some(Instruction { deadline, assignees, ..Instruction::default() });
        let extra = self.extras.number(Extra { instruction, ..Extra::default() });
        let client_id = self.id();
        self.carried.insert(client_id, extra);
        let content = hash(&format!("content of {client_id}"));
        self.send_as(client, channel, client_id, content, fate);
    }

    fn wall(&self) -> i64 {
        i64::try_from(self.now / 1_000).unwrap()
    }

    /// As it is shown: asked of everybody else where nobody is named.
    pub(super) fn as_stored(&self, client_id: Uuid, channel: ChannelNo, sender: UserNo) -> u32 {
        let Some(carried) = self.carried.get(&client_id) else { return 0 };
        let mut extra = self.extras.get(*carried);
        if let Some(instruction) = extra.instruction.as_mut().filter(|it| it.assignees.is_empty()) {
            let members = self.rooms[usize::from(channel)].members.iter().copied();
            instruction.assignees = members.filter(|user| *user != sender).collect();
        }
        self.extras.number(extra)
    }

    pub(super) fn react(&mut self, client: ClientNo, place: (ChannelNo, i64), sign: Sign, set: bool, fate: Fate) {
        let Some(message) = self.message_at(place) else { return };
        let ask = Ask::React { channel: place.0, message: message.id, sign, set };
        self.touch(client, place, ask, fate, |extra, user| {
            if extra.has(sign, user) == set {
                return Ok(false);
            }
            match extra.reactions.iter_mut().find(|(of, _)| *of == sign) {
                Some((_, users)) if set => users.push(user),
                Some((_, users)) => users.retain(|it| *it != user),
                None => extra.reactions.push((sign, vec![user])),
            }
            extra.reactions.retain(|(_, users)| !users.is_empty());
            Ok(true)
        });
    }

    pub(super) fn reply(&mut self, client: ClientNo, place: (ChannelNo, i64), reply: Reply, fate: Fate) {
        let Some(message) = self.message_at(place) else { return };
        let ask = Ask::Reply { channel: place.0, message: message.id, reply };
        self.touch(client, place, ask, fate, |extra, user| {
            let instruction = extra.instruction.as_mut().ok_or("conflict")?;
            if !instruction.assignees.contains(&user) {
                return Err("forbidden");
            }
            let before = instruction.answer_of(user);
            if before == Some(reply) {
                return Ok(false);
            }
            if before.is_some_and(|before| before.kind == ReplyKind::Done) {
                return Err("conflict");
            }
            instruction.answers.retain(|(of, _)| *of != user);
            instruction.answers.push((user, reply));
            Ok(true)
        });
    }

    fn message_at(&self, (channel, seq): (ChannelNo, i64)) -> Option<Copy> {
        let at = usize::try_from(seq - 1).ok()?;
        self.rooms[usize::from(channel)].messages.get(at).copied()
    }

    /// Whether something changes is for the last one to say, or why it may not.
    fn touch(
        &mut self,
        client: ClientNo,
        place: (ChannelNo, i64),
        ask: Ask,
        fate: Fate,
        change: impl FnOnce(&mut Extra, UserNo) -> Result<bool, &'static str>,
    ) {
        let (Some(no), Some(message)) = (self.open_line(client), self.message_at(place)) else { return };
        let op = self.ask(client, no, ask);
        if fate != Fate::LostAsking {
            let user = self.user(client);
            let mut extra = self.extras.get(message.extra);
            let outcome = if !self.rooms[usize::from(place.0)].members.contains(&user) {
                Err("not_found")
            } else if message.deleted {
                Err("conflict")
            } else {
                change(&mut extra, user)
            };
            if outcome == Ok(true) {
                self.hang_on(place, extra);
            }
            let answer = match outcome {
                Ok(_) => Answer::Done { version: None },
                Err(code) => Answer::Refused { code: code.into(), retryable: false },
            };
            self.line_mut(no).queue.push_back(Out::Answer(op, answer));
        }
        if fate != Fate::Fine {
            self.close(client, None);
        }
    }

    fn hang_on(&mut self, (channel, seq): (ChannelNo, i64), extra: Extra) {
        let extra = self.extras.number(extra);
        let room = &mut self.rooms[usize::from(channel)];
        let version = room.version() + 1;
        let copy = &mut room.messages[usize::try_from(seq).unwrap() - 1];
        (copy.version, copy.extra) = (version, extra);
        room.log.push(Entry::Message(*copy));
        self.pass_on(channel);
    }

    /// All deadlines pass, each once.
    pub(super) fn pass_deadlines(&mut self) {
        self.wait(10_000_000);
        for channel in 0..2 {
            let all = self.rooms[usize::from(channel)].messages.clone();
            for copy in all.into_iter().filter(|copy| !copy.deleted) {
                if !self.passed.insert(copy.id) {
                    continue;
                }
                let mut extra = self.extras.get(copy.extra);
                let members = &self.rooms[usize::from(channel)].members;
                let Some(instruction) = extra.instruction.as_mut() else { continue };
                let pending = |user: &UserNo| members.contains(user) && instruction.answer_of(*user).is_none();
                if instruction.deadline.is_some() && instruction.assignees.iter().any(pending) {
                    instruction.overdue = Some(i64::try_from(self.now / 1_000).unwrap());
                    self.hang_on((channel, copy.seq), extra);
                }
            }
        }
    }

    /// What each node lists as open in the end.
    pub(super) fn open_lists(&self) -> Vec<OpenList> {
        let users = [None, Some(0), Some(1), Some(2)];
        let wanted = (0..2).flat_map(|node| users.map(|user| (node, user))).flat_map(|it| [(it, false), (it, true)]);
        let list = |((node, user), overdue): ((u8, Option<UserNo>), bool)| {
            let messages = self.rooms.iter().flat_map(|room| room.messages.iter().map(move |copy| (room, copy)));
            let is_open = |(room, copy): &(&super::sim::Room, &Copy)| {
                let extra = self.extras.get(copy.extra);
                let Some(of) = extra.instruction.filter(|_| !copy.deleted) else { return false };
                let keeps = |it: &&UserNo| {
                    let kind = of.answer_of(**it).map(|reply| reply.kind);
                    room.members.contains(it) && kind.is_none_or(|kind| kind == ReplyKind::Accepted)
                };
                let mut all = of.assignees.iter().filter(keeps);
                all.any(|it| user.is_none_or(|user| user == *it)) && (!overdue || of.overdue.is_some())
            };
            let messages = messages.filter(is_open).map(|(_, copy)| copy.id).collect();
            OpenList { node, user, overdue, messages }
        };
        wanted.map(list).collect()
    }
}
