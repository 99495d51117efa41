//! What the server of the small world is asked for: pages of `sync` and of history, and marks.

use super::sim::{EPOCH, Out, PAGE, Sim};
use crate::history::{Answer, Ask, ChannelNo, ClientNo, Copy, Frame, UserNo, What};

impl Sim {
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
        let (above, below) = (after.unwrap_or(0), before.unwrap_or(i64::MAX));
        let within = |copy: &&Copy| copy.seq > above && copy.seq < below;
        let mut messages: Vec<Copy> = room.messages.iter().filter(within).copied().collect();
        if after.is_none() {
            messages.reverse();
        }
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
                self.all_lines(channel, &frame, |of| of != user);
            }
            Answer::Done { version: None }
        } else {
            Answer::Refused { code: "not_found".into(), retryable: false }
        };
        self.line_mut(no).queue.push_back(Out::Answer(op, answer));
    }
}
