//! The project's own client, with all its protections: what it hands out is what an application would show.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tenfour::client::event::{Event, RequestError, SendError};
use tenfour::client::token::TokenSource;
use tenfour::client::{Client, Options, Timing};
use tenfour::domain::ids::{ClientId, MessageId};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::touch::Heard;
use super::{Person, Phase, World, translate};
use crate::history::{Answer, Ask, ChannelNo, ClientNo, Handed, OpNo, What, hash};

pub(crate) struct Kept {
    me: Person,
    client: Client,
    events: mpsc::Receiver<Event>,
    sends: HashMap<Uuid, (OpNo, ChannelNo)>,
    mine: VecDeque<(ChannelNo, MessageId)>,
    heads: HashMap<ChannelNo, i64>,
    heard: Heard,
}

/// Messages that wait at most before nothing more is said.
const WINDOW: usize = 16;

impl Kept {
    pub(crate) fn start(me: Person) -> Result<Self, crate::Trouble> {
        let token = TokenSource::Static(me.world.tokens[usize::from(me.user)].clone());
        let mut options = Options::new(format!("ws://{}/ws", me.world.front), token);
        options.timing =
            Timing { connect: Duration::from_secs(8), grace: Duration::from_secs(5), answer: Duration::from_secs(10) };
        options.backoff.max = Duration::from_secs(2);
        let (client, events) = Client::start(options)?;
        let (sends, mine, heads) = (HashMap::new(), VecDeque::new(), HashMap::new());
        Ok(Self { me, client, events, sends, mine, heads, heard: Heard::default() })
    }

    pub(crate) async fn run(mut self) {
        let mut phase = self.me.world.phase.clone();
        let mut next = tokio::time::Instant::now() + self.me.pause();
        loop {
            if *phase.borrow_and_update() == Phase::End {
                break;
            }
            tokio::select! {
                event = self.events.recv() => match event {
                    Some(event) => self.told(event),
                    None => break,
                },
                () = tokio::time::sleep_until(next) => {
                    next += self.me.pause();
                    if *phase.borrow() == Phase::Storm {
                        self.act().await;
                    } else {
                        next += Duration::from_secs(1);
                    }
                }
                _ = phase.changed() => (),
            }
        }
        // What is still waiting is given up, and said to be.
        self.client.close().await;
    }

    async fn act(&mut self) {
        let mut channels: Vec<ChannelNo> = self.heads.keys().copied().collect();
        channels.sort_unstable();
        self.me.channels = channels;
        let Some(channel) = self.me.some_channel() else { return };
        let world = Arc::clone(&self.me.world);
        let id = world.channel_ids[usize::from(channel)];
        match self.me.dice.u16(..1000) {
            0..740 if self.sends.len() < WINDOW => {
                let (client_id, content) = (Uuid::from_u128(self.me.dice.u128(..)), self.me.words_for(channel));
                let op = world.next_op();
                let ask = Ask::Send { channel, client_id, content: hash(&content), extra: 0, node: None };
                self.note(What::Asked { op, ask });
                self.sends.insert(client_id, (op, channel));
                world.owed.fetch_add(1, Ordering::Relaxed);
                if let Err(error) = self.client.send_as(ClientId(client_id), id, content).await {
                    self.failed(client_id, &error);
                }
            }
            740..810 => {
                let Some(&(channel, message)) = self.me.dice.choice(&self.mine) else { return };
                let content = self.me.words_for(channel);
                let op = world.next_op();
                self.note(What::Asked { op, ask: Ask::Edit { channel, message: message.0, content: hash(&content) } });
                let (client, no) = (self.client.clone(), self.me.no);
                tokio::spawn(async move { answered(&world, no, op, client.edit(message, content).await) });
            }
            810..850 => {
                if self.mine.is_empty() {
                    return;
                }
                let at = self.me.dice.usize(..self.mine.len());
                let Some((channel, message)) = self.mine.remove(at) else { return };
                let op = world.next_op();
                self.note(What::Asked { op, ask: Ask::Delete { channel, message: message.0 } });
                let (client, no) = (self.client.clone(), self.me.no);
                tokio::spawn(async move { answered(&world, no, op, client.delete(message).await) });
            }
            850..890 => {
                let (op, seq) = (world.next_op(), self.heads.get(&channel).copied().unwrap_or_default());
                self.note(What::Asked { op, ask: Ask::Read { channel, seq } });
                self.client.read(id, seq).await;
                // The client tells its application nothing of the answer.
                self.note(What::Answered { op, answer: Answer::Unknown });
            }
            // It has no calls of its own for these.
            890..920 => {
                if let Some(intent) = self.heard.react(&mut self.me.dice) {
                    intent.over_rest(&mut self.me);
                }
            }
            920..945 => {
                if let Some(intent) = self.heard.answer(&mut self.me.dice) {
                    intent.over_rest(&mut self.me);
                }
            }
            945..970 => self.client.typing(id).await,
            _ => (),
        }
    }

    fn failed(&mut self, client_id: Uuid, error: &SendError) {
        let Some((op, _)) = self.sends.remove(&client_id) else { return };
        self.me.world.owed.fetch_sub(1, Ordering::Relaxed);
        let (refused, code) = match error {
            SendError::Refused(refused) => (true, refused.code.clone()),
            other => (false, other.to_string()),
        };
        let answer = match error {
            SendError::Refused(it) => Answer::Refused { code: it.code.clone(), retryable: it.retryable },
            _ => Answer::Unknown,
        };
        self.note(What::Answered { op, answer });
        self.note(What::Handed { event: Handed::Failed { client_id, refused, code } });
    }

    fn told(&mut self, event: Event) {
        let world = Arc::clone(&self.me.world);
        let places = &world.places;
        let channel_of = |id| places.channels.get(id).copied();
        let handed = match event {
            Event::Connected { hello } => {
                let channels: Vec<_> = hello.channels.iter().filter_map(|it| translate::held(places, it)).collect();
                self.heads = channels.iter().map(|held| (held.channel, held.last_seq)).collect();
                Some(Handed::Connected { epoch: hash(&hello.epoch), channels })
            }
            Event::Disconnected { .. } => Some(Handed::Disconnected),
            Event::Message(message) => translate::copy(places, &message).map(|copy| {
                self.heads.insert(copy.channel, copy.seq);
                self.heard.came(&world, self.me.user, &copy);
                Handed::Message { copy }
            }),
            Event::Updated(message) => translate::copy(places, &message).map(|copy| Handed::Updated { copy }),
            Event::Deleted(message) => translate::copy(places, &message).map(|copy| Handed::Deleted { copy }),
            Event::Sent { client_id, ack } => {
                let Some((op, channel)) = self.sends.remove(&client_id.0) else { return };
                world.owed.fetch_sub(1, Ordering::Relaxed);
                let (message, seq, version, duplicate) = (ack.server_id.0, ack.seq, ack.version, ack.duplicate);
                self.note(What::Answered { op, answer: Answer::Acked { message, seq, version, duplicate } });
                self.mine.push_back((channel, ack.server_id));
                if self.mine.len() > 50 {
                    self.mine.pop_front();
                }
                Some(Handed::Sent { client_id: client_id.0, channel, message, seq, version })
            }
            Event::Failed { client_id, error } => {
                self.failed(client_id.0, &error);
                None
            }
            Event::Members(members) => channel_of(&members.channel_id).map(|channel| Handed::Members {
                channel,
                version: members.version,
                members: translate::users(places, &members.member_ids),
            }),
            Event::Channel(info) => translate::held(places, &info).map(|held| {
                self.heads.insert(held.channel, held.last_seq);
                Handed::Channel { held }
            }),
            Event::ChannelRemoved(id) => channel_of(&id).map(|channel| {
                self.heads.remove(&channel);
                Handed::ChannelRemoved { channel }
            }),
            Event::Reset(id) => channel_of(&id).map(|channel| Handed::Reset { channel }),
            Event::Presence(it) => channel_of(&it.channel_id)
                .zip(places.users.get(&it.user_id).copied())
                .map(|(channel, user)| Handed::Presence { channel, user, online: it.is_online() }),
            Event::Read(it) => channel_of(&it.channel_id)
                .zip(places.users.get(&it.user_id).copied())
                .map(|(channel, user)| Handed::Read { channel, user, seq: it.seq }),
            Event::Typing(_) | Event::TypingStopped(_) | Event::Stopped { .. } => None,
        };
        if let Some(event) = handed {
            self.note(What::Handed { event });
        }
    }

    fn note(&self, what: What) {
        self.me.note(0, what);
    }
}

fn answered(world: &World, no: ClientNo, op: OpNo, result: Result<(), RequestError>) {
    let answer = match result {
        Ok(()) => Answer::Done { version: None },
        Err(RequestError::Refused(it)) => Answer::Refused { code: it.code, retryable: it.retryable },
        Err(_) => Answer::Unknown,
    };
    world.recorder.note(no, 0, What::Answered { op, answer });
}
