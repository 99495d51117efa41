//! What the chat knows: channels, who is who, and what is not stored yet. Turns events into lines to show.
//!
//! Pure: never writes, never sends.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Local, Utc};

use crate::client::event::Event;
use crate::client::frames::{ChannelInfo, Hello, Message, Presence, ReadMark};
use crate::domain::ids::{ChannelId, ClientId, MessageId, UserId};

use super::screen::Line;
use super::text::{harmless, harmless_name};

#[derive(Debug, Default)]
pub(super) struct Book {
    me: Option<UserId>,
    channels: BTreeMap<ChannelId, ChannelInfo>,
    names: HashMap<UserId, String>,
    online: HashMap<ChannelId, BTreeSet<UserId>>,
    current: Option<ChannelId>,
    /// The next reset of the current channel is of one's own making.
    joining: bool,
    /// Whose typing has been told.
    typing: BTreeSet<(ChannelId, UserId)>,
    pending: HashMap<ClientId, (ChannelId, String)>,
    last_own: HashMap<ChannelId, MessageId>,
    pub(super) failed: usize,
}

impl Book {
    /// What an event is to the user.
    pub(super) fn lines(&mut self, event: Event) -> Vec<Line> {
        match event {
            Event::Connected { hello } => return self.connected(*hello),
            Event::Message(message) | Event::Deleted(message) => {
                return self.message(&message, "").into_iter().collect();
            }
            Event::Updated(message) => return self.message(&message, " (edited)").into_iter().collect(),
            Event::Sent { client_id, ack } => {
                self.last_own.insert(ack.channel_id, ack.server_id);
                let Some((channel, text)) = self.pending.remove(&client_id) else { return Vec::new() };
                let line = self.spoken(ack.created_at, self.me, &text, " ✓");
                return self.is_current(channel).then_some(Line::Message(line)).into_iter().collect();
            }
            Event::Failed { client_id, error } => {
                self.failed += 1;
                let text = self.pending.remove(&client_id).map(|(_, text)| text).unwrap_or_default();
                return vec![Line::Problem(format!(
                    "not sent: {}\n      {}",
                    harmless(&error.to_string()),
                    harmless(&text)
                ))];
            }
            Event::Members(members) => {
                self.online.extend(members.online.map(|online| (members.channel_id, online.into_iter().collect())));
                if let Some(channel) = self.channels.get_mut(&members.channel_id) {
                    channel.member_ids = members.member_ids;
                }
                let came = self.people(&members.added).map(|who| format!("{who} joined"));
                let went = self.people(&members.removed).map(|who| format!("{who} left"));
                return self.notes(members.channel_id, came.into_iter().chain(went));
            }
            _ => {}
        }
        self.note(event).map(Line::Note).into_iter().collect()
    }

    fn note(&mut self, event: Event) -> Option<String> {
        match event {
            Event::Channel(info) => {
                let news = format!("channel: {}", self.learn(info));
                Some(news)
            }
            Event::ChannelRemoved(id) => {
                let name = self.channel_name(id);
                self.channels.remove(&id);
                self.current = self.current.filter(|current| *current != id);
                Some(format!("you are no longer in {name}"))
            }
            Event::Read(mark) => self.read(&mark),
            Event::Typing(typing) => {
                self.names.insert(typing.user_id, typing.name);
                let news = self.typing.insert((typing.channel_id, typing.user_id));
                (news && self.is_current(typing.channel_id)).then(|| format!("{} is typing", self.name(typing.user_id)))
            }
            Event::TypingStopped(stopped) => {
                self.typing.remove(&(stopped.channel_id, stopped.user_id));
                None
            }
            Event::Presence(presence) => self.presence(&presence),
            Event::Reset(id) if self.is_current(id) => {
                let own = std::mem::take(&mut self.joining);
                (!own).then(|| "the server has another history now; these are the newest messages".to_owned())
            }
            _ => None,
        }
    }

    /// Chooses a channel by its number in the list, its id or its name.
    pub(super) fn join(&mut self, which: &str) -> Result<ChannelId, String> {
        let by_number = which.parse().ok().and_then(|n: usize| self.channels.keys().nth(n.checked_sub(1)?));
        let by_id = which.parse().ok().filter(|id| self.channels.contains_key(id));
        let by_name = || {
            let mut named = self.channels.keys().filter(|id| self.channel_name(**id) == harmless_name(which));
            named.next().filter(|_| named.next().is_none()).copied()
        };
        match by_id.or_else(by_name).or(by_number.copied()) {
            Some(id) => {
                self.current = Some(id);
                self.joining = true;
                self.channels.entry(id).and_modify(|info| info.unread = 0);
                Ok(id)
            }
            None => {
                Err(format!("no single channel is called {:?}; there are: {}", harmless_name(which), self.overview()))
            }
        }
    }

    pub(super) fn only_channel(&self) -> Option<ChannelId> {
        self.channels.keys().next().filter(|_| self.channels.len() == 1).copied()
    }

    pub(super) fn current(&self) -> Option<ChannelId> {
        self.current
    }

    pub(super) fn is_current(&self, channel: ChannelId) -> bool {
        self.current == Some(channel)
    }

    pub(super) fn is_me(&self, user: UserId) -> bool {
        self.me == Some(user)
    }

    pub(super) fn last_own(&self) -> Option<MessageId> {
        self.last_own.get(&self.current?).copied()
    }

    pub(super) fn sending(&mut self, client_id: ClientId, channel: ChannelId, text: String) {
        self.pending.insert(client_id, (channel, text));
    }

    pub(super) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// All channels in one line.
    pub(super) fn overview(&self) -> String {
        let entries = self.channels.iter().enumerate().map(|(n, (id, info))| {
            let unread = if info.unread > 0 { format!(" ({} unread)", info.unread) } else { String::new() };
            format!("{} {}{unread}", n + 1, self.channel_name(*id))
        });
        let entries: Vec<_> = entries.collect();
        if entries.is_empty() { "none; nobody has added you to one yet".to_owned() } else { entries.join(", ") }
    }

    /// The members of the current channel, with a dot for who is there.
    pub(super) fn who(&self) -> Option<String> {
        let channel = self.channels.get(&self.current?)?;
        let online = self.online.get(&channel.id);
        let entries = channel.member_ids.iter().map(|id| {
            let there = self.is_me(*id) || online.is_some_and(|online| online.contains(id));
            format!("{} {}", if there { "●" } else { "○" }, self.name(*id))
        });
        Some(entries.collect::<Vec<_>>().join(", "))
    }

    pub(super) fn channel_name(&self, id: ChannelId) -> String {
        let info = self.channels.get(&id);
        let name = info.and_then(|info| info.name.as_deref().or(info.peer.as_ref().map(|peer| peer.name.as_str())));
        name.map_or_else(|| id.to_string(), harmless_name)
    }

    fn connected(&mut self, hello: Hello) -> Vec<Line> {
        self.me = Some(hello.user.id);
        self.names.insert(hello.user.id, hello.user.name);
        self.channels.clear();
        self.typing.clear();
        for channel in hello.channels {
            self.learn(channel);
        }
        let name = self.me.map(|me| self.name(me)).unwrap_or_default();
        vec![Line::Note(format!("connected as {name}; channels: {}", self.overview()))]
    }

    fn learn(&mut self, info: ChannelInfo) -> String {
        let id = info.id;
        if let Some(peer) = &info.peer {
            self.names.insert(peer.id, peer.name.clone());
        }
        self.online.insert(id, info.online.iter().copied().collect());
        self.channels.insert(id, info);
        self.channel_name(id)
    }

    fn message(&mut self, message: &Message, mark: &str) -> Option<Line> {
        if !message.sender_name.is_empty() {
            self.names.insert(message.sender_id, message.sender_name.clone());
        }
        let own = self.is_me(message.sender_id);
        if own && message.deleted_at.is_none() {
            self.last_own.insert(message.channel_id, message.id);
        }
        if !self.is_current(message.channel_id) {
            let channel = self.channels.get_mut(&message.channel_id)?;
            channel.unread += i64::from(!own && mark.is_empty());
            return Some(Line::Note(format!("news in {}", self.channel_name(message.channel_id))));
        }
        let text = match message.deleted_at {
            Some(_) => "(deleted)".to_owned(),
            None => with_files(message),
        };
        let mark = if own { format!("{mark} ✓") } else { mark.to_owned() };
        Some(Line::Message(self.spoken(message.created_at, Some(message.sender_id), &text, &mark)))
    }

    fn spoken(&self, at: DateTime<Utc>, who: Option<UserId>, text: &str, mark: &str) -> String {
        let name = who.map(|who| self.name(who)).unwrap_or_default();
        format!("{} {name}: {}{mark}", at.with_timezone(&Local).format("%H:%M"), harmless(text))
    }

    fn read(&mut self, mark: &ReadMark) -> Option<String> {
        if self.is_me(mark.user_id) {
            let channel = self.channels.get_mut(&mark.channel_id)?;
            channel.unread = 0;
            return None;
        }
        self.is_current(mark.channel_id)
            .then(|| format!("{} has read up to message {}", self.name(mark.user_id), mark.seq))
    }

    fn presence(&mut self, presence: &Presence) -> Option<String> {
        let online = self.online.entry(presence.channel_id).or_default();
        let (changed, word) = if presence.is_online() {
            (online.insert(presence.user_id), "is online")
        } else {
            (online.remove(&presence.user_id), "is offline")
        };
        (changed && self.is_current(presence.channel_id)).then(|| format!("{} {word}", self.name(presence.user_id)))
    }

    fn people(&self, users: &[UserId]) -> Option<String> {
        (!users.is_empty()).then(|| users.iter().map(|id| self.name(*id)).collect::<Vec<_>>().join(", "))
    }

    fn notes(&self, channel: ChannelId, notes: impl Iterator<Item = String>) -> Vec<Line> {
        if self.is_current(channel) { notes.map(Line::Note).collect() } else { Vec::new() }
    }

    /// Someone who has not said anything yet is shown by the end of the id: the start of many is the same.
    fn name(&self, user: UserId) -> String {
        let known = self.names.get(&user).map(|name| harmless_name(name)).filter(|name| !name.is_empty());
        known.unwrap_or_else(|| {
            let id = user.to_string();
            format!("…{}", &id[id.len() - 6..])
        })
    }
}

/// What was said, and what hangs on it.
fn with_files(message: &Message) -> String {
    let files = message.attachments.iter().map(|file| format!("[{}, {} bytes]", file.name, file.size));
    let said = Some(message.content.clone()).filter(|text| !text.is_empty());
    said.into_iter().chain(files).collect::<Vec<_>>().join(" ")
}
