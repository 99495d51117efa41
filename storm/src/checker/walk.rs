//! The one walk over the records that builds the [`Index`].

use std::collections::HashMap;

use uuid::Uuid;

use super::index::{Attempt, ById, Index, Known, Line, NOWHERE, Op, Outcome};
use crate::history::{Answer, Ask, ChannelNo, ClientNo, Copy, Frame, Handed, Held, OpNo, Record, UserNo, What};

/// How far it is.
pub(super) struct Walk<'h> {
    pub(super) index: Index<'h>,
    heads: Vec<(i64, i64)>,
    /// By user and channel.
    own: Vec<(i64, i64)>,
    /// What the project's own client told of sends before they were on record: it names them when it has taken them on.
    early: ById<(ClientNo, Uuid), (u32, Outcome)>,
}

impl<'h> Walk<'h> {
    pub(super) fn new(index: Index<'h>) -> Self {
        let (users, channels) = (index.history.scene.users.len(), index.history.scene.channels.len());
        Self { index, heads: vec![(0, 0); channels], own: vec![(0, 0); users * channels], early: HashMap::default() }
    }

    pub(super) fn take(&mut self, place: u32, record: &Record) {
        let user = self.index.user(record.client);
        match &record.what {
            What::Opened { epoch, channels, node } => {
                let (client, node, epoch) = (record.client, *node, *epoch);
                let line = Line { client, node, epoch, opened: record.at, closed: None, hello: place };
                *slot(&mut self.index.lines, record.line as usize, None) = Some(line);
                self.held(user, channels);
            }
            What::Closed { .. } => {
                if let Some(Some(line)) = self.index.lines.get_mut(record.line as usize) {
                    line.closed.get_or_insert(record.at);
                }
            }
            What::Asked { op, ask } => self.asked(place, record, *op, ask),
            What::Answered { op, answer } => self.answered(place, record, *op, answer),
            What::Came { frame } => match frame {
                Frame::Message { copy, .. } | Frame::Updated { copy, .. } | Frame::Deleted { copy, .. } => {
                    self.copy(user, copy);
                }
                Frame::Members { channel, version, .. } => self.told(user, *channel, *version, 0),
                Frame::Channel { held, .. } => self.held(user, std::slice::from_ref(held)),
                Frame::ChannelRemoved { .. } | Frame::Presence { .. } | Frame::Read { .. } | Frame::Typing { .. } => {}
            },
            What::Handed { event } => self.handed(place, record, event),
        }
    }

    fn told(&mut self, user: Option<UserNo>, channel: ChannelNo, version: i64, seq: i64) {
        let Some(head) = self.heads.get_mut(usize::from(channel)) else { return };
        *head = (head.0.max(version), head.1.max(seq));
        let own = user.map(|user| usize::from(user) * self.heads.len() + usize::from(channel));
        if let Some(own) = own.and_then(|own| self.own.get_mut(own)) {
            *own = (own.0.max(version), own.1.max(seq));
        }
    }

    fn copy(&mut self, user: Option<UserNo>, copy: &Copy) {
        self.told(user, copy.channel, copy.version, copy.seq);
    }

    fn held(&mut self, user: Option<UserNo>, channels: &[Held]) {
        for held in channels {
            self.told(user, held.channel, held.version, held.last_seq);
        }
    }

    fn known(&self, user: Option<UserNo>, channel: ChannelNo) -> Known {
        let (version, seq) = self.heads.get(usize::from(channel)).copied().unwrap_or_default();
        let own = user.map(|user| usize::from(user) * self.heads.len() + usize::from(channel));
        let (own_version, own_seq) = own.and_then(|own| self.own.get(own)).copied().unwrap_or_default();
        Known { version, seq, own_version, own_seq }
    }

    fn asked(&mut self, place: u32, record: &Record, op: OpNo, ask: &Ask) {
        let user = self.index.user(record.client);
        let known = match ask {
            Ask::Sync { cursors, .. } => {
                let known = cursors.iter().map(|(channel, _)| self.known(user, *channel)).collect();
                self.index.syncs.insert(op, known);
                Known::default()
            }
            Ask::Erase { .. } | Ask::Upload { .. } => Known::default(),
            Ask::Send { channel, .. }
            | Ask::Edit { channel, .. }
            | Ask::Delete { channel, .. }
            | Ask::Add { channel, .. }
            | Ask::Remove { channel, .. }
            | Ask::History { channel, .. }
            | Ask::Read { channel, .. }
            | Ask::React { channel, .. }
            | Ask::Reply { channel, .. } => self.known(user, *channel),
        };
        let nothing = Op { asked: NOWHERE, answered: NOWHERE, known: Known::default() };
        *slot(&mut self.index.ops, op as usize, nothing) = Op { asked: place, answered: NOWHERE, known };
        if let Ask::Send { channel, client_id, content, extra, node } = ask
            && let Some(info) = self.index.history.scene.clients.get(usize::from(record.client))
        {
            let number = u32::try_from(self.index.attempts.len()).unwrap_or(NOWHERE);
            let (answered, outcome) =
                self.early.remove(&(record.client, *client_id)).unwrap_or((NOWHERE, Outcome::Unknown));
            let before = self.index.last_attempts.insert((info.user, *client_id), number);
            self.index.attempts.push(Attempt {
                user: info.user,
                client: record.client,
                kind: info.kind,
                line: record.line,
                node: node.or_else(|| self.index.line(record.line).map(|line| line.node)),
                channel: *channel,
                client_id: *client_id,
                content: *content,
                extra: *extra,
                op,
                asked: place,
                answered,
                outcome,
                before: before.unwrap_or(NOWHERE),
            });
        }
    }

    fn answered(&mut self, place: u32, record: &Record, op: OpNo, answer: &Answer) {
        let user = self.index.user(record.client);
        let ask = self.index.ask(op);
        match (answer, ask) {
            (Answer::Page { channel, messages, version, .. }, _) => {
                for copy in messages {
                    self.copy(user, copy);
                }
                self.told(user, *channel, *version, 0);
                return;
            }
            (Answer::NotThere { .. }, _) => return,
            (Answer::Acked { message, seq, version, duplicate }, Some(Ask::Send { channel, client_id, .. })) => {
                self.told(user, *channel, *version, *seq);
                let outcome = Outcome::Acked { message: *message, seq: *seq, version: *version, duplicate: *duplicate };
                self.settle(record.client, *client_id, Some(op), place, outcome);
            }
            (Answer::Refused { code, retryable }, Some(Ask::Send { client_id, .. })) => {
                let outcome = Outcome::Refused { retryable: *retryable, conflict: code == "conflict" };
                self.settle(record.client, *client_id, Some(op), place, outcome);
            }
            (
                Answer::Done { version: Some(version) },
                Some(
                    Ask::Edit { channel, .. }
                    | Ask::Delete { channel, .. }
                    | Ask::Add { channel, .. }
                    | Ask::Remove { channel, .. }
                    | Ask::React { channel, .. }
                    | Ask::Reply { channel, .. },
                ),
            ) => self.told(user, *channel, *version, 0),
            _ => {}
        }
        if let Some(op) = self.index.ops.get_mut(op as usize)
            && op.answered == NOWHERE
        {
            op.answered = place;
        }
    }

    fn handed(&mut self, place: u32, record: &Record, event: &Handed) {
        let user = self.index.user(record.client);
        match event {
            Handed::Connected { channels, .. } => self.held(user, channels),
            Handed::Message { copy } | Handed::Updated { copy } | Handed::Deleted { copy } => self.copy(user, copy),
            Handed::Sent { client_id, channel, message, seq, version } => {
                self.told(user, *channel, *version, *seq);
                let (message, seq, version) = (*message, *seq, *version);
                let outcome = Outcome::Acked { message, seq, version, duplicate: false };
                self.settle(record.client, *client_id, None, place, outcome);
            }
            Handed::Failed { client_id, refused, code } => {
                let outcome = if *refused {
                    Outcome::Refused { retryable: false, conflict: code == "conflict" }
                } else {
                    Outcome::Unknown
                };
                self.settle(record.client, *client_id, None, place, outcome);
            }
            Handed::Members { channel, version, .. } => self.told(user, *channel, *version, 0),
            Handed::Channel { held } => self.held(user, std::slice::from_ref(held)),
            Handed::Disconnected
            | Handed::ChannelRemoved { .. }
            | Handed::Reset { .. }
            | Handed::Presence { .. }
            | Handed::Read { .. } => {}
        }
    }

    /// Writes down what became of an attempt. The project's own client tells it by the `clientId` alone.
    fn settle(&mut self, client: ClientNo, client_id: Uuid, op: Option<OpNo>, place: u32, outcome: Outcome) {
        let Some(info) = self.index.history.scene.clients.get(usize::from(client)) else { return };
        let mut next = self.index.last_attempts.get(&(info.user, client_id)).copied().unwrap_or(NOWHERE);
        while let Some(attempt) = self.index.attempts.get_mut(next as usize) {
            next = attempt.before;
            if attempt.client == client && op.is_none_or(|op| op == attempt.op) {
                if attempt.answered == NOWHERE {
                    (attempt.answered, attempt.outcome) = (place, outcome);
                }
                return;
            }
        }
        if op.is_none() {
            self.early.entry((client, client_id)).or_insert((place, outcome));
        }
    }
}

fn slot<T: Clone>(list: &mut Vec<T>, place: usize, empty: T) -> &mut T {
    if list.len() <= place {
        list.resize(place + 1, empty);
    }
    &mut list[place]
}
