//! What the small world keeps besides its log: files, what messages said before, words that are found; and erasing all that.

use uuid::Uuid;

use super::sim::{Entry, Fate, HOST, Sim};
use crate::endings::{Endings, Export, Fetched, Revised, Searched};
use crate::extras::Extra;
use crate::history::{Answer, Ask, ChannelNo, ClientNo, Copy, UserNo, What, hash};

/// Who looks for things in the end: the host, one who is in both channels and one who is not.
const LOOKERS: [Option<UserNo>; 3] = [None, Some(0), Some(3)];

impl Sim {
    pub(super) fn upload(&mut self, client: ClientNo) -> Uuid {
        let file = self.id();
        let bytes = hash(&file.to_string());
        let op = self.ask(client, 0, Ask::Upload { bytes });
        self.note(client, 0, What::Answered { op, answer: Answer::Uploaded { file } });
        self.files.push((file, self.user(client), bytes));
        file
    }

    pub(super) fn send_file(&mut self, client: ClientNo, channel: ChannelNo, file: Uuid, fate: Fate) {
        let extra = self.extras.number(Extra { files: vec![file], ..Extra::default() });
        let client_id = self.id();
        self.carried.insert(client_id, extra);
        let content = hash(&format!("content of {client_id}"));
        self.send_as(client, channel, client_id, content, fate);
    }

    /// A file of its own that it has not named yet.
    pub(super) fn loose_file(&self, client: ClientNo) -> Option<Uuid> {
        let user = self.user(client);
        self.files.iter().find(|(file, by, _)| *by == user && !self.named.contains(file)).map(|(file, ..)| *file)
    }

    /// The host erases a user; the second channel is held.
    pub(super) fn erase(&mut self, user: UserNo, fate: Fate) {
        let op = self.ask(HOST, 0, Ask::Erase { user });
        if fate != Fate::LostAsking {
            let all = self.rooms[0].messages.clone();
            for copy in all.into_iter().filter(|copy| copy.sender == user) {
                self.said.remove(&copy.id);
                if copy.deleted {
                    continue;
                }
                let room = &mut self.rooms[0];
                let version = room.version() + 1;
                let copy = &mut room.messages[usize::try_from(copy.seq).unwrap() - 1];
                *copy = Copy { version, content: hash(""), deleted: true, extra: 0, ..*copy };
                room.log.push(Entry::Message(*copy));
                self.pass_on(0);
            }
        }
        let answer = if fate == Fate::Fine { Answer::Done { version: None } } else { Answer::Unknown };
        self.note(HOST, 0, What::Answered { op, answer });
    }

    /// What each node says of all this in the end.
    pub(super) fn endings(&self) -> Endings {
        let mut endings = Endings { lists: self.open_lists(), ..Endings::default() };
        for node in 0..2 {
            for (file, by, bytes) in &self.files {
                for looker in LOOKERS {
                    let bytes = self.may_have(*file, *by, looker).then_some(*bytes);
                    endings.files.push(Fetched { node, by: looker, file: *file, bytes });
                }
            }
            for copy in self.rooms.iter().flat_map(|room| &room.messages).filter(|copy| copy.edited || copy.deleted) {
                let revisions = self.said.get(&copy.id).cloned().unwrap_or_default();
                endings.revised.push(Revised { node, channel: copy.channel, message: copy.id, revisions });
            }
            for (content, _) in self.ever_said() {
                for by in LOOKERS {
                    endings.searches.push(Searched { node, by, content, hits: self.hits(content, by) });
                }
            }
            let contents = self.said.values().flatten().map(|(_, content)| *content).collect();
            endings.exports.push(Export { node, what: "an export".into(), contents });
        }
        endings
    }

    fn is_in(&self, channel: ChannelNo, looker: Option<UserNo>) -> bool {
        looker.is_none_or(|user| self.rooms[usize::from(channel)].members.contains(&user))
    }

    fn may_have(&self, file: Uuid, by: UserNo, looker: Option<UserNo>) -> bool {
        let mut all = self.rooms.iter().flat_map(|room| &room.messages);
        match all.find(|copy| self.extras.get(copy.extra).files.contains(&file)) {
            Some(copy) => self.is_in(copy.channel, looker),
            None => looker == Some(by) && !self.named.contains(&file),
        }
    }

    fn ever_said(&self) -> Vec<(u64, Uuid)> {
        let asked = self.history.records.iter().filter_map(|record| match &record.what {
            What::Asked { ask: Ask::Send { content, client_id, .. }, .. } => Some((*content, *client_id)),
            What::Asked { ask: Ask::Edit { content, message, .. }, .. } => Some((*content, *message)),
            _ => None,
        });
        asked.collect()
    }

    fn hits(&self, content: u64, by: Option<UserNo>) -> Vec<Uuid> {
        let all = self.rooms.iter().flat_map(|room| &room.messages);
        let says = |copy: &&Copy| !copy.deleted && copy.content == content && self.is_in(copy.channel, by);
        all.filter(says).map(|copy| copy.id).collect()
    }
}
