//! Our client's merge against a model: whatever of a channel's changes arrives, in any order, more than once or not at all,
//! together with pages and new connections, the client ends with what the server holds, and has shown each change in order.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tenfour::client::cursor::Cursors;
use tenfour::client::event::Event;
use tenfour::client::frames::{Ack, ChannelInfo, Hello, Members, Message, SyncPage, User};
use tenfour::client::held::{Live, LiveFrame};
use tenfour::domain::channel::{ChannelKind, Role};
use tenfour::domain::ids::{ChannelId, ClientId, MessageId, UserId};
use uuid::Uuid;

use super::{Taken, Target};

const CHANNEL: ChannelId = ChannelId(Uuid::from_u128(7));
/// Messages of a page.
const PAGE: usize = 3;

pub const TARGET: Target = Target { name: "merge", check, seeds, words: &[], cost: 1 };

/// One version of the channel.
#[derive(Debug, Clone, Copy)]
enum Change {
    New { seq: i64, own: bool },
    Edit { seq: i64 },
    Delete { seq: i64 },
    Members,
}

impl Change {
    fn seq(self) -> Option<i64> {
        match self {
            Self::New { seq, .. } | Self::Edit { seq } | Self::Delete { seq } => Some(seq),
            Self::Members => None,
        }
    }
}

/// What the server holds: `changes[n]` made the version n + 1.
struct Server(Vec<Change>);

impl Server {
    fn read(taken: &mut Taken) -> Self {
        let (mut changes, mut last) = (Vec::new(), 0);
        for _ in 0..taken.byte() % 32 {
            let byte = taken.byte();
            let seq = 1 + i64::from(byte / 8) % last.max(1);
            changes.push(match byte % 8 {
                0..=3 => {
                    last += 1;
                    Change::New { seq: last, own: byte % 4 == 3 }
                }
                4 | 5 if last > 0 => Change::Edit { seq },
                6 if last > 0 => Change::Delete { seq },
                _ => Change::Members,
            });
        }
        Self(changes)
    }

    fn head(&self) -> i64 {
        self.0.len().try_into().unwrap()
    }

    fn at(&self, version: i64) -> Change {
        self.0[usize::try_from(version - 1).unwrap()]
    }

    fn last_seq(&self, version: i64) -> i64 {
        (1..=version).filter(|version| matches!(self.at(*version), Change::New { .. })).count().try_into().unwrap()
    }

    /// The version of the last change of a message.
    fn newest(&self, seq: i64) -> i64 {
        (1..=self.head()).rev().find(|version| self.at(*version).seq() == Some(seq)).unwrap_or_default()
    }

    fn message(&self, version: i64) -> Option<Message> {
        let seq = self.at(version).seq()?;
        let id = Uuid::from_u128(seq.unsigned_abs().into());
        let deleted = (1..=version).any(|v| matches!(self.at(v), Change::Delete { seq: of } if of == seq));
        let at = chrono::DateTime::UNIX_EPOCH;
        Some(Message {
            id: MessageId(id),
            client_id: Some(ClientId(id)),
            channel_id: CHANNEL,
            sender_id: UserId(Uuid::nil()),
            sender_name: "Ana".to_owned(),
            seq,
            version,
            content: if deleted { String::new() } else { format!("{seq} as of {version}") },
            content_type: "text".to_owned(),
            reply_to_id: None,
            attachments: Vec::new(),
            mention_ids: Vec::new(),
            reactions: Vec::new(),
            instruction: None,
            created_at: at,
            updated_at: None,
            deleted_at: deleted.then_some(at),
        })
    }

    /// The frame of a version as it is passed on when it is made.
    fn frame(&self, version: i64) -> LiveFrame {
        let what = self.message(version).map_or_else(
            || {
                Live::Members(Members {
                    channel_id: CHANNEL,
                    version,
                    since: None,
                    member_ids: Vec::new(),
                    online: None,
                    added: Vec::new(),
                    removed: Vec::new(),
                })
            },
            Live::Message,
        );
        LiveFrame { since: None, version, what }
    }

    /// The frame as it is read to fill a hole: what later changes of the same messages have overtaken is not there.
    fn filled(&self, version: i64) -> Option<LiveFrame> {
        let stays = |version: &i64| self.at(*version).seq().is_none_or(|seq| self.newest(seq) == *version);
        let before = (1..version).rev().find(stays).unwrap_or_default();
        stays(&version).then(|| LiveFrame { since: Some(before + 1), ..self.frame(version) })
    }

    fn page(&self, from: i64) -> SyncPage {
        let changed: Vec<i64> = (from + 1..=self.head())
            .filter(|version| self.at(*version).seq().is_some_and(|seq| self.newest(seq) == *version))
            .collect();
        let has_more = changed.len() > PAGE;
        let version = if has_more { changed[PAGE - 1] } else { self.head() };
        let messages = changed.iter().take(PAGE).filter_map(|version| self.message(*version)).collect();
        SyncPage { channel_id: CHANNEL, messages, version, has_more, reset: false, member_ids: Some(Vec::new()) }
    }

    fn hello(&self, version: i64) -> Hello {
        let channel = ChannelInfo {
            id: CHANNEL,
            kind: ChannelKind::Group,
            name: Some("Dock".to_owned()),
            role: Role::Member,
            last_seq: self.last_seq(version),
            version,
            last_read_seq: 0,
            unread: 0,
            member_ids: Vec::new(),
            online: Vec::new(),
            peer: None,
        };
        Hello {
            protocol: 1,
            epoch: "e".to_owned(),
            session_id: "s".to_owned(),
            user: User { id: UserId(Uuid::nil()), name: "Ana".to_owned() },
            heartbeat_ms: 30_000,
            channels: vec![channel],
        }
    }
}

struct Client {
    cursors: Cursors,
    now: Instant,
    /// From where it has asked.
    asked: Option<i64>,
    /// `seq` to the version that the application was shown.
    shown: BTreeMap<i64, i64>,
    last: i64,
    /// What the first connection said: messages up to here are known already.
    from: (i64, i64),
}

impl Client {
    fn show(&mut self, events: Vec<Event>) {
        for event in events {
            let (message, new) = match event {
                Event::Message(message) => (message, true),
                Event::Updated(message) | Event::Deleted(message) => (message, false),
                Event::Members(_) => continue,
                other => panic!("{other:?}"),
            };
            assert!(message.version > self.last, "version {} is shown after {}", message.version, self.last);
            self.last = message.version;
            let known = message.seq <= self.from.1 || self.shown.contains_key(&message.seq);
            assert_eq!(new, !known, "message {} as new or as known", message.seq);
            self.shown.insert(message.seq, message.version);
        }
    }

    fn ask(&mut self) {
        self.now += Duration::from_secs(2);
        if self.asked.is_none()
            && let Some(ask) = self.cursors.next_ask(self.now)
        {
            self.asked = Some(ask.channels[&CHANNEL]);
        }
    }

    fn answer(&mut self, server: &Server) {
        if let Some(from) = self.asked.take() {
            let events = self.cursors.page(server.page(from));
            self.show(events);
            self.cursors.completed(self.now);
        }
    }
}

/// The history, the version of the first connection, then what happens, a byte each.
fn check(data: &[u8]) -> u64 {
    let mut taken = Taken(data);
    let server = Server::read(&mut taken);
    let head = server.head();
    if head == 0 {
        return 0;
    }
    let first = i64::from(taken.byte()) % (head + 1);
    let mut client = Client {
        cursors: Cursors::default(),
        now: Instant::now(),
        asked: None,
        shown: BTreeMap::new(),
        last: 0,
        from: (first, server.last_seq(first)),
    };
    assert!(client.cursors.hello(&server.hello(first)).is_empty());
    let mut came = 0_u64;
    while !taken.is_empty() {
        let (kind, version) = (taken.byte(), 1 + i64::from(taken.byte()) % head);
        came |= 1 << (kind % 8);
        happens(&mut client, &server, kind % 8, version);
        client.ask();
    }
    // The line calms down: the client hears how far the channel is, and is answered.
    client.asked = None;
    let events = client.cursors.hello(&server.hello(head));
    client.show(events);
    for _ in 0..=head {
        client.ask();
        client.answer(&server);
    }
    assert!(client.cursors.is_complete(), "there is still something to ask for");
    let expected: BTreeMap<i64, i64> = (1..=server.last_seq(head))
        .map(|seq| (seq, server.newest(seq)))
        .filter(|(_, version)| *version > first)
        .collect();
    assert_eq!(client.shown, expected, "left: what was shown; right: what the server holds and the client did not");
    came | u64::from(client.last != head) << 8 | (head.unsigned_abs() / 4) << 9
}

fn happens(client: &mut Client, server: &Server, kind: u8, version: i64) {
    match kind {
        // An own message comes by its ack, and is shown by it.
        0..=3 if matches!(server.at(version), Change::New { own: true, .. }) => {
            let Some(message) = server.message(version) else { return };
            // The client's outbox takes no second ack, and none for what it holds already.
            if version <= client.from.0 || client.shown.contains_key(&message.seq) {
                return;
            }
            client.shown.insert(message.seq, version);
            let ack = Ack {
                client_id: ClientId(message.id.0),
                server_id: message.id,
                channel_id: CHANNEL,
                seq: message.seq,
                version,
                created_at: message.created_at,
                duplicate: kind == 3,
            };
            let events = client.cursors.stored(&ack);
            client.show(events);
        }
        0..=3 => {
            let events = client.cursors.live(CHANNEL, server.frame(version));
            client.show(events);
        }
        4 => {
            if let Some(frame) = server.filled(version) {
                let events = client.cursors.live(CHANNEL, frame);
                client.show(events);
            }
        }
        5 => {
            client.asked = None;
            let events = client.cursors.hello(&server.hello(version.max(client.last)));
            client.show(events);
        }
        6 => client.answer(server),
        _ => client.cursors.refused(client.now),
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let history = [12, 0, 3, 4, 0, 14, 7, 0, 3, 12, 6, 0, 20];
    let steps: [&[u8]; 4] = [
        &[0, 0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5],
        &[0, 5, 0, 3, 0, 5, 6, 0, 4, 7, 0, 1],
        &[4, 11, 4, 8, 5, 9, 6, 0, 6, 0, 0, 11],
        &[7, 0, 0, 9, 5, 3, 0, 10, 6, 0],
    ];
    steps.into_iter().flat_map(|steps| [0, 3].map(|first| [&history[..], &[first], steps].concat())).collect()
}
