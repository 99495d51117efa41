//! What a room's sessions get: each frame encoded once, its bytes shared.

use std::time::{Instant, SystemTime};

use bytes::{Bytes, BytesMut};

use super::outgoing::Sent;
use super::{Item, Room};
use crate::actors::origin::Origin;
use crate::actors::registry::{AddedMembers, RemovedMembers};
use crate::actors::tell;
use crate::domain::change::{Change, Changed, ChannelChange};
use crate::domain::channel::ChannelState;
use crate::domain::ids::{ChannelId, UserId};
use crate::domain::message::{Appended, Message, NewMessage, Stored};
use crate::domain::sync::{FilledChange, FilledWhat};
use crate::protocol::instruction::InstructionBody;
use crate::protocol::server::{ChannelBody, MessageBody, ServerFrame, Status};
use crate::socket::{frame, together};

impl Room {
    /// Passes on what has its turn. A message waits for those that follow it, until [`Room::pass_added`].
    pub(super) fn emit(&mut self, version: i64, item: Item) {
        match item {
            Item::Send { message, outcome: Appended::New(stored), origin, accepted } => {
                let framed = self.message_frame(version, *message, &stored);
                self.add(version, framed, Sent { stored, origin, accepted });
            }
            Item::Send { .. } => {}
            Item::Change(Change { what: Changed::Message(message), .. }) => {
                self.pass_added();
                self.emit_changed(version, version, *message, None);
            }
            Item::Change(Change { what: Changed::Channel { change, state }, .. }) => {
                self.pass_added();
                self.emit_channel(version, version, &change, &state);
            }
        }
    }

    /// The same for what was read from the store. `waited` had come for the versions it stands for.
    pub(super) fn emit_filled(&mut self, filled: FilledChange, waited: Vec<(i64, Item)>, state: &ChannelState) {
        let FilledChange { since, version, what } = filled;
        let mut origin = None;
        for (_, item) in waited {
            match item {
                Item::Send { outcome: Appended::New(stored), origin: Some(asked), .. } if stored.version == version => {
                    origin = Some((asked, stored));
                }
                item @ Item::Send { .. } => item.answer_without_room(),
                Item::Change(_) => {}
            }
        }
        match what {
            FilledWhat::Message(message) => self.emit_changed(since, version, *message, origin),
            FilledWhat::Channel(change) => self.emit_channel(since, version, &change, state),
        }
    }

    pub(super) fn message_frame(&mut self, version: i64, message: NewMessage, stored: &Stored) -> Bytes {
        self.last_seq = self.last_seq.max(stored.seq);
        self.published += 1;
        self.stop_typing(message.sender_id);
        let body = MessageBody {
            id: stored.id,
            client_id: message.client_id,
            channel_id: self.id,
            sender_id: message.sender_id,
            sender_name: message.sender_name,
            seq: stored.seq,
            version,
            content: message.content.into_string(),
            content_type: message.content_type,
            reply_to_id: message.reply_to_id,
            attachments: stored.attachments.clone(),
            mention_ids: message.mention_ids,
            reactions: Vec::new(),
            instruction: stored.instruction.clone().map(InstructionBody::from),
            imported: stored.id.is_imported(),
            created_at: stored.created_at,
            updated_at: None,
            deleted_at: None,
        };
        text(&ServerFrame::Message { data: &body, since: None })
    }

    /// A message that was read from the store: to everybody, but the ack to the session that sent it. Where a hole was
    /// filled that one gets the message too, since only this says which versions it stands for.
    fn hand_out(&self, since: i64, version: i64, framed: &Bytes, origin: Option<Origin>, stored: &Stored) {
        let sender = origin.as_ref().and_then(Origin::session).filter(|_| since == version);
        let (mut delivered, began) = (0, SystemTime::now());
        for session in self.roster.sessions() {
            if Some(session.id) != sender {
                session.feed.pass(self.id, since, version, framed);
                delivered += 1;
            }
        }
        self.parts.metrics.deliveries.inc_by(delivered);
        if let Some(origin) = origin {
            if let Some(trace) = origin.trace() {
                trace.delivered(began, self.id, stored.seq, usize::try_from(delivered).unwrap_or(usize::MAX));
            }
            origin.ack(stored, false);
        }
    }

    /// A message as it now is, whatever was done to it last.
    fn emit_changed(&mut self, since: i64, version: i64, message: Message, origin: Option<(Origin, Stored)>) {
        self.last_seq = self.last_seq.max(message.seq);
        let (deleted, updated) = (message.deleted_at.is_some(), message.updated_at.is_some() || message.touched);
        let sender = message.sender_id;
        let body = MessageBody::from(message);
        let since_field = gap(since, version);
        let framed = text(&match (deleted, updated) {
            (true, _) => ServerFrame::MessageDeleted { data: &body, since: since_field },
            (false, true) => ServerFrame::MessageUpdated { data: &body, since: since_field },
            (false, false) => ServerFrame::Message { data: &body, since: since_field },
        });
        if !deleted && !updated {
            self.published += 1;
            self.stop_typing(sender);
        }
        match origin {
            Some((origin, stored)) => self.hand_out(since, version, &framed, Some(origin), &stored),
            None => self.to_all(since, version, &framed),
        }
    }

    fn emit_channel(&mut self, since: i64, version: i64, change: &ChannelChange, state: &ChannelState) {
        let shift = self.roster.apply(version, change);
        let removed = text(&ServerFrame::ChannelRemoved { channel_id: self.id });
        let id = self.id;
        self.roster.detach_removed(&shift.removed, |session| session.feed.remove(id, version, removed.clone()));
        for user in &shift.removed {
            self.stop_typing(*user);
        }
        if !shift.removed.is_empty() {
            tell(&self.parts.registry, RemovedMembers { channel: self.id, users: shift.removed.clone() });
        }
        if !shift.added.is_empty() {
            // Whoever was removed and added again within a moment has been detached only now; and where they were added
            // by another node their sessions may not have heard of it.
            tell(&self.parts.registry, AddedMembers { channel: self.id, users: shift.added.clone() });
            self.unknown.extend(&shift.added);
        }
        match change {
            ChannelChange::MembersAdded { .. } | ChannelChange::MemberRemoved { heir: None, .. } => {
                let framed = self.members_frame(since, version, &shift.added, &shift.removed);
                self.to_all(since, version, &framed);
            }
            ChannelChange::MemberRemoved { heir: Some(heir), .. } => {
                let framed = self.members_frame(since, version, &shift.added, &shift.removed);
                // The heir's own role changed, which only the `channel` frame says.
                let own = self.channel_frame(since, version, *heir, state);
                for session in self.roster.sessions() {
                    let framed = if session.user == *heir { &own } else { &framed };
                    session.feed.pass(self.id, since, version, framed);
                }
            }
            ChannelChange::RoleChanged { .. }
            | ChannelChange::Renamed { .. }
            | ChannelChange::RevisionsShown { .. }
            | ChannelChange::RetentionSet { .. } => {
                // `state` may be newer than this version: who is no longer in it must not see it.
                for session in self.roster.sessions().filter(|session| state.channel.member(session.user).is_some()) {
                    let framed = self.channel_frame(since, version, session.user, state);
                    session.feed.pass(self.id, since, version, &framed);
                }
            }
        }
    }

    fn members_frame(&mut self, since: i64, version: i64, added: &[UserId], removed: &[UserId]) -> Bytes {
        let member_ids = self.roster.member_ids();
        let online = self.present.show(&member_ids);
        text(&ServerFrame::Members {
            channel_id: self.id,
            version,
            since: gap(since, version),
            member_ids: &member_ids,
            online: &online,
            added,
            removed,
        })
    }

    fn channel_frame(&self, since: i64, version: i64, reader: UserId, state: &ChannelState) -> Bytes {
        let unread = state.unread.get(&reader).copied().unwrap_or(0);
        let mut body = ChannelBody::of(&state.channel, unread, reader, |user| self.parts.online.has(user));
        // The state may be newer; what this frame stands for is this version.
        body.version = version;
        text(&ServerFrame::Channel { data: &body, since: gap(since, version) })
    }

    fn to_all(&self, since: i64, version: i64, framed: &Bytes) {
        together(|| {
            for session in self.roster.sessions() {
                session.feed.pass(self.id, since, version, framed);
            }
        });
    }

    fn to_others(&self, user: UserId, framed: &Bytes) {
        together(|| {
            for session in self.roster.sessions().filter(|session| session.user != user) {
                session.feed.pass_plain(self.id, framed);
            }
        });
    }

    pub(super) fn stop_typing(&mut self, user: UserId) {
        if self.typing.stopped(user) {
            self.emit_typing_stopped(user);
        }
    }

    pub(super) fn emit_typing(&self, user: UserId, name: &str) {
        let expires_in_ms = u64::try_from(self.parts.settings.typing_expiry.as_millis()).unwrap_or(u64::MAX);
        let frame = ServerFrame::Typing { channel_id: self.id, user_id: user, name, expires_in_ms };
        self.to_others(user, &text(&frame));
    }

    pub(super) fn emit_typing_stopped(&self, user: UserId) {
        self.to_others(user, &text(&ServerFrame::TypingStopped { channel_id: self.id, user_id: user }));
    }

    pub(super) fn emit_presence(&self, user: UserId, status: Status) {
        let last_seen_at = self.parts.online.last_seen(user).filter(|_| status == Status::Offline);
        let frame = ServerFrame::Presence { channel_id: self.id, user_id: user, status, last_seen_at };
        self.to_others(user, &text(&frame));
    }

    /// All receipts that wait, one write to each session.
    pub(super) fn emit_receipts(&mut self, now: Instant) {
        let receipts = self.receipts.flush(now);
        let frames: Vec<_> = receipts
            .iter()
            .map(|(user, receipt)| (receipt.session, read_frame(self.id, *user, receipt.seq, receipt.at)))
            .collect();
        let all = join(frames.iter().map(|(_, framed)| framed));
        for session in self.roster.sessions() {
            let own = frames.iter().any(|(asked, _)| *asked == Some(session.id));
            let framed = if own {
                join(frames.iter().filter(|(asked, _)| *asked != Some(session.id)).map(|(_, framed)| framed))
            } else {
                all.clone()
            };
            if !framed.is_empty() {
                session.feed.pass_plain(self.id, &framed);
            }
        }
    }
}

fn read_frame(channel_id: ChannelId, user_id: UserId, seq: i64, at: chrono::DateTime<chrono::Utc>) -> Bytes {
    text(&ServerFrame::Read { channel_id, user_id, seq, at })
}

fn join<'a>(frames: impl Iterator<Item = &'a Bytes>) -> Bytes {
    let mut joined = BytesMut::new();
    for framed in frames {
        joined.extend_from_slice(framed);
    }
    joined.freeze()
}

fn text(frame: &ServerFrame<'_>) -> Bytes {
    frame::text(&frame.encode())
}

/// The first version that a frame stands for, where it is not its own.
fn gap(since: i64, version: i64) -> Option<i64> {
    (since < version).then_some(since)
}
