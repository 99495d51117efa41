//! The project's own client in the small world: what it hands out as it connects, loses its connection and catches up.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::sim::{EPOCH, Sim};
use crate::history::{Answer, Ask, ChannelNo, ClientNo, Copy, Handed, UserNo, What, hash};

#[derive(Debug, Default)]
pub(super) struct KeptState {
    pub(super) connected: bool,
    /// The cursor and the messages that were handed out.
    channels: BTreeMap<ChannelNo, (i64, BTreeSet<i64>)>,
    /// Sent, and without an answer: where, and the content.
    waiting: BTreeMap<Uuid, (ChannelNo, u64)>,
}

impl Sim {
    pub(super) fn kept_connect(&mut self, client: ClientNo) {
        if self.kept[&client].connected {
            return;
        }
        let user = self.user(client);
        let was_online = self.is_online(user);
        self.state(client).connected = true;
        let listed = self.channels_of(user);
        let channels: Vec<_> = listed.iter().map(|channel| self.held(*channel, user)).collect();
        self.hand(client, Handed::Connected { epoch: EPOCH, channels: channels.clone() });
        let gone: Vec<_> = self.kept[&client].channels.keys().copied().filter(|it| !listed.contains(it)).collect();
        for channel in gone {
            self.state(client).channels.remove(&channel);
            self.hand(client, Handed::ChannelRemoved { channel });
        }
        for held in channels {
            let all = (1..=held.last_seq).collect();
            self.state(client).channels.entry(held.channel).or_insert((held.version, all));
            self.kept_catch_up(client, held.channel);
        }
        for (client_id, (channel, content)) in self.kept[&client].waiting.clone() {
            self.kept_store(client, channel, client_id, content);
        }
        if !was_online {
            self.tell_presence(user, true);
        }
    }

    pub(super) fn kept_disconnect(&mut self, client: ClientNo) {
        if self.kept[&client].connected {
            self.state(client).connected = false;
            self.hand(client, Handed::Disconnected);
            let user = self.user(client);
            if !self.is_online(user) {
                self.tell_presence(user, false);
            }
        }
    }

    /// `lost`: the connection breaks before the answer, and the message is stored.
    pub(super) fn kept_send(&mut self, client: ClientNo, channel: ChannelNo, lost: bool) {
        let client_id = self.id();
        let content = hash(&format!("content of {client_id}"));
        self.state(client).waiting.insert(client_id, (channel, content));
        self.ask(client, 0, Ask::Send { channel, client_id, content, extra: 0, node: None });
        if !self.kept[&client].connected {
            return;
        }
        if lost {
            self.kept_disconnect(client);
            self.store(client, channel, client_id, content, None);
        } else {
            self.kept_store(client, channel, client_id, content);
        }
    }

    fn kept_store(&mut self, client: ClientNo, channel: ChannelNo, client_id: Uuid, content: u64) {
        match self.store(client, channel, client_id, content, None) {
            Some(Answer::Acked { message, seq, version, .. }) => {
                self.kept_sent(client, client_id, (channel, message, seq, version));
            }
            Some(Answer::Refused { code, .. }) => {
                self.state(client).waiting.remove(&client_id);
                self.hand(client, Handed::Failed { client_id, refused: true, code });
            }
            _ => {}
        }
    }

    fn kept_sent(&mut self, client: ClientNo, client_id: Uuid, sent: (ChannelNo, Uuid, i64, i64)) {
        let (channel, message, seq, version) = sent;
        if self.state(client).waiting.remove(&client_id).is_some() {
            if let Some((_, seen)) = self.state(client).channels.get_mut(&channel) {
                seen.insert(seq);
            }
            self.hand(client, Handed::Sent { client_id, channel, message, seq, version });
        }
    }

    /// Hands out what the client does not hold yet.
    pub(super) fn kept_catch_up(&mut self, client: ClientNo, channel: ChannelNo) {
        let user = self.user(client);
        let (connected, cursor) = {
            let state = &self.kept[&client];
            (state.connected, state.channels.get(&channel).map(|(cursor, _)| *cursor))
        };
        let is_member = self.rooms[usize::from(channel)].members.contains(&user);
        match (cursor.filter(|_| connected), is_member) {
            (Some(_), false) => {
                self.state(client).channels.remove(&channel);
                self.hand(client, Handed::ChannelRemoved { channel });
            }
            (None, true) if connected => {
                let held = self.held(channel, user);
                let all = (1..=held.last_seq).collect();
                self.state(client).channels.insert(channel, (held.version, all));
                self.hand(client, Handed::Channel { held });
            }
            (Some(cursor), true) => self.kept_page(client, channel, cursor),
            _ => {}
        }
    }

    fn kept_page(&mut self, client: ClientNo, channel: ChannelNo, cursor: i64) {
        let room = &self.rooms[usize::from(channel)];
        let (head, members) = (room.version(), room.members.iter().copied().collect());
        let mut news: Vec<Copy> = room.messages.iter().filter(|copy| copy.version > cursor).copied().collect();
        news.sort_by_key(|copy| copy.version);
        let roster = news.last().is_none_or(|last| last.version < head) && head > cursor;
        for copy in news {
            self.kept_show(client, copy);
        }
        if let Some((cursor, _)) = self.state(client).channels.get_mut(&channel) {
            *cursor = head;
        }
        if roster {
            self.hand(client, Handed::Members { channel, version: head, members });
        }
    }

    fn kept_show(&mut self, client: ClientNo, copy: Copy) {
        let is_own = copy.sender == self.user(client) && self.kept[&client].waiting.contains_key(&copy.client_id);
        if is_own {
            self.kept_sent(client, copy.client_id, (copy.channel, copy.id, copy.seq, copy.version));
            if !copy.edited && !copy.deleted {
                return;
            }
        }
        let seen = self.state(client).channels.get_mut(&copy.channel).is_some_and(|(_, seen)| !seen.insert(copy.seq));
        self.hand(
            client,
            match (seen, copy.deleted) {
                (false, _) => Handed::Message { copy },
                (true, false) => Handed::Updated { copy },
                (true, true) => Handed::Deleted { copy },
            },
        );
    }

    pub(super) fn kept_presence(&mut self, channel: ChannelNo, user: UserNo, online: bool) {
        let has = |kept: &KeptState| kept.connected && kept.channels.contains_key(&channel);
        let clients: Vec<_> = self.kept.iter().filter(|(_, kept)| has(kept)).map(|(client, _)| *client).collect();
        for client in clients.into_iter().filter(|client| self.user(*client) != user).collect::<Vec<_>>() {
            self.hand(client, Handed::Presence { channel, user, online });
        }
    }

    fn state(&mut self, client: ClientNo) -> &mut KeptState {
        self.kept.get_mut(&client).unwrap()
    }

    fn hand(&mut self, client: ClientNo, event: Handed) {
        self.note(client, 0, What::Handed { event });
    }
}
