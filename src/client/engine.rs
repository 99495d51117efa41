//! What the client knows and owes, apart from the line: cursors, outbox, read marks and open requests.
//!
//! Pure but for the answers that callers wait for: frames and commands in; frames to send and events out. The task
//! carries it over any number of connections.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::domain::ids::{ChannelId, ClientId, MessageId, UserId};

use super::cursor::Cursors;
use super::event::{Event, RequestError, SendError};
use super::frames::{Ack, ClientFrame, ErrorFrame, Hello, Message, ServerFrame, Versioned};
use super::held::{Live, LiveFrame};
use super::outbox::{self, Outbox, Outgoing, Verdict};

/// Requests that may wait for an answer at a time.
const MAX_REQUESTS: usize = 1000;
/// How long to wait after a `sync` was refused, unless the server says.
const SYNC_PAUSE: Duration = Duration::from_secs(2);

pub(super) type Acked = oneshot::Sender<Result<Ack, SendError>>;
pub(super) type Answered = oneshot::Sender<Result<(), RequestError>>;

/// What the application asks for.
#[derive(Debug)]
pub(super) enum Command {
    Send { outgoing: Outgoing, queued: oneshot::Sender<Result<(), SendError>>, acked: Option<Acked> },
    Edit { message_id: MessageId, content: String, answer: Answered },
    Delete { message_id: MessageId, answer: Answered },
    Typing(ChannelId),
    Read { channel_id: ChannelId, seq: i64 },
    Replay { channel_id: ChannelId, versions: u32 },
    Close,
}

#[derive(Debug)]
enum Request {
    Caller(Answered),
    Read(ChannelId, i64),
    Sync(Instant),
    Auth,
}

#[derive(Debug)]
pub(super) struct Engine {
    connected: bool,
    me: Option<UserId>,
    cursors: Cursors,
    outbox: Outbox,
    /// How far the user has read, where the server has not said `ok` to it.
    marks: BTreeMap<ChannelId, i64>,
    last_ref: u64,
    requests: HashMap<u64, Request>,
    acked: HashMap<ClientId, Acked>,
    answer_timeout: Duration,
    frames: Vec<ClientFrame>,
    events: VecDeque<Event>,
}

impl Engine {
    pub(super) fn new(limits: outbox::Limits, answer_timeout: Duration) -> Self {
        Self {
            connected: false,
            me: None,
            cursors: Cursors::default(),
            outbox: Outbox::new(limits),
            marks: BTreeMap::new(),
            last_ref: 0,
            requests: HashMap::new(),
            acked: HashMap::new(),
            answer_timeout,
            frames: Vec::new(),
            events: VecDeque::new(),
        }
    }

    pub(super) fn hello(&mut self, hello: Hello) {
        self.connected = true;
        self.me = Some(hello.user.id);
        let caught_up = self.cursors.hello(&hello);
        self.events.push_back(Event::Connected { hello: Box::new(hello) });
        self.events.extend(caught_up);
        for (channel_id, seq) in self.marks.clone() {
            self.send_mark(channel_id, seq);
        }
    }

    /// The connection is gone.
    pub(super) fn lost(&mut self) {
        self.connected = false;
        self.frames.clear();
        self.outbox.lost();
        for (_, request) in self.requests.drain() {
            if let Request::Caller(answer) = request {
                let _ = answer.send(Err(RequestError::Lost));
            }
        }
    }

    /// The server closed over the size of a frame.
    pub(super) fn too_big(&mut self) {
        if let Some(outgoing) = self.outbox.too_big() {
            self.failed(outgoing.client_id, SendError::TooBigForServer);
        }
    }

    /// It ends: whoever waits is told.
    pub(super) fn stop(&mut self) {
        self.lost();
        self.outbox.drain();
        for (_, acked) in self.acked.drain() {
            let _ = acked.send(Err(SendError::Stopped));
        }
    }

    pub(super) fn command(&mut self, command: Command) {
        match command {
            Command::Send { outgoing, queued, acked } => self.send(outgoing, queued, acked),
            Command::Edit { message_id, content, answer } => {
                self.request(answer, |reference| ClientFrame::Edit { message_id, content, reference });
            }
            Command::Delete { message_id, answer } => {
                self.request(answer, |reference| ClientFrame::Delete { message_id, reference });
            }
            Command::Typing(channel_id) if self.connected => self.frames.push(ClientFrame::Typing { channel_id }),
            Command::Typing(_) | Command::Close => {}
            Command::Read { channel_id, seq } => {
                let mark = self.marks.entry(channel_id).or_default();
                *mark = seq.max(*mark);
                let seq = *mark;
                self.send_mark(channel_id, seq);
            }
            Command::Replay { channel_id, versions } => {
                let events = self.cursors.replay(channel_id, versions);
                self.events.extend(events);
            }
        }
    }

    pub(super) fn authenticate(&mut self, token: String) {
        let reference = self.reference(Request::Auth);
        self.frames.push(ClientFrame::Auth { token, reference });
    }

    /// Takes in a frame. `unit` is random, from 0 up to 1.
    pub(super) fn frame(&mut self, frame: ServerFrame, now: Instant, unit: f64) {
        match frame {
            ServerFrame::Ack(ack) => self.stored(&ack),
            ServerFrame::Message(message) => self.message(message),
            ServerFrame::MessageUpdated(Versioned { data, since })
            | ServerFrame::MessageDeleted(Versioned { data, since }) => {
                self.live(data.channel_id, LiveFrame { since, version: data.version, what: Live::Message(data) });
            }
            ServerFrame::Members(members) => {
                let (since, version) = (members.since, members.version);
                self.live(members.channel_id, LiveFrame { since, version, what: Live::Members(members) });
            }
            ServerFrame::Channel(Versioned { data, since }) => {
                self.live(data.id, LiveFrame { since, version: data.version, what: Live::Channel(data) });
            }
            ServerFrame::ChannelRemoved(removed) => {
                self.marks.remove(&removed.channel_id);
                let events = self.cursors.removed(removed.channel_id);
                self.events.extend(events);
            }
            ServerFrame::Sync(page) => {
                let events = self.cursors.page(page);
                self.tell(events);
            }
            ServerFrame::SyncComplete(reply) => {
                if let Some(Request::Sync(_)) = self.answered(reply.reference) {
                    self.cursors.completed(now);
                }
            }
            ServerFrame::Typing(typing) => self.events.push_back(Event::Typing(typing)),
            ServerFrame::TypingStopped(stopped) => self.events.push_back(Event::TypingStopped(stopped)),
            ServerFrame::Presence(presence) => self.events.push_back(Event::Presence(presence)),
            ServerFrame::Read(mark) => self.events.push_back(Event::Read(mark)),
            ServerFrame::Ok(reply) => self.succeeded(reply.reference),
            ServerFrame::Error(error) => self.refused(error, now, unit),
            ServerFrame::Hello(_) | ServerFrame::Pong(_) | ServerFrame::Goaway(_) | ServerFrame::Other => {}
        }
    }

    /// What to send now.
    pub(super) fn due(&mut self, now: Instant) -> Vec<ClientFrame> {
        if let Some(ask) = self.cursors.next_ask(now) {
            let reference = self.reference(Request::Sync(now));
            self.frames.push(ClientFrame::Sync { channels: ask.channels, epoch: ask.epoch, reference });
        }
        self.frames.extend(self.outbox.due(now).into_iter().map(ClientFrame::from));
        std::mem::take(&mut self.frames)
    }

    /// When [`Self::due`] or [`Self::is_stuck`] is worth a call though nothing has come.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let stuck_at = self.oldest_unanswered().map(|since| since + self.answer_timeout);
        [self.cursors.next_due(), self.outbox.next_due(), stuck_at].into_iter().flatten().min()
    }

    /// Whether the server, though alive, does not answer what it has to answer.
    pub(super) fn is_stuck(&self, now: Instant) -> bool {
        self.oldest_unanswered().is_some_and(|since| now >= since + self.answer_timeout)
    }

    /// Messages that are not answered for.
    pub(super) fn waiting(&self) -> usize {
        self.outbox.waiting()
    }

    pub(super) fn went_out(&self) -> usize {
        self.outbox.went_out()
    }

    pub(super) fn events(&mut self) -> &mut VecDeque<Event> {
        &mut self.events
    }

    fn send(&mut self, outgoing: Outgoing, queued: oneshot::Sender<Result<(), SendError>>, acked: Option<Acked>) {
        let client_id = outgoing.client_id;
        let result = self.outbox.queue(outgoing);
        if let (Ok(()), Some(acked)) = (&result, acked) {
            self.acked.insert(client_id, acked);
        }
        // Whoever no longer waits for the answer may have it sent all the same.
        let _ = queued.send(result);
    }

    fn stored(&mut self, ack: &Ack) {
        if self.outbox.stored(ack.client_id).is_some() {
            self.sent(ack.clone());
        }
        let events = self.cursors.stored(ack);
        self.tell(events);
    }

    /// A message by someone, or by this client over a connection that broke before the ack: then it counts as that.
    fn message(&mut self, Versioned { data, since }: Versioned<Message>) {
        let mut frame = LiveFrame { since, version: data.version, what: Live::Own };
        let channel = data.channel_id;
        match self.settle(&data) {
            Some(ack) if is_as_sent(&data) => {
                let events = self.cursors.stored(&Ack { duplicate: true, ..ack });
                self.events.extend(events);
            }
            Some(_) => {
                self.cursors.known(channel, data.seq);
                frame.what = Live::Message(data);
            }
            None => frame.what = Live::Message(data),
        }
        self.live(channel, frame);
    }

    fn live(&mut self, channel: ChannelId, frame: LiveFrame) {
        let events = self.cursors.live(channel, frame);
        self.tell(events);
    }

    /// Hands events out. An own message that was not known to be stored is told as sent.
    fn tell(&mut self, events: Vec<Event>) {
        for event in events {
            match event {
                Event::Message(message) if self.settle(&message).is_some() => {
                    if message.deleted_at.is_some() {
                        self.events.push_back(Event::Deleted(message));
                    } else if !is_as_sent(&message) {
                        self.events.push_back(Event::Updated(message));
                    }
                }
                event => self.events.push_back(event),
            }
        }
    }

    /// If it is this client's and waits for its ack, that is it. Another sender's `clientId` is never looked at.
    fn settle(&mut self, message: &Message) -> Option<Ack> {
        if self.me != Some(message.sender_id) {
            return None;
        }
        let client_id = message.client_id?;
        self.outbox.stored(client_id)?;
        let ack = Ack {
            client_id,
            server_id: message.id,
            channel_id: message.channel_id,
            seq: message.seq,
            version: message.version,
            created_at: message.created_at,
            duplicate: false,
        };
        self.sent(ack.clone());
        Some(ack)
    }

    fn sent(&mut self, ack: Ack) {
        if let Some(acked) = self.acked.remove(&ack.client_id) {
            let _ = acked.send(Ok(ack.clone()));
        }
        self.events.push_back(Event::Sent { client_id: ack.client_id, ack });
    }

    fn failed(&mut self, client_id: ClientId, error: SendError) {
        if let Some(acked) = self.acked.remove(&client_id) {
            let _ = acked.send(Err(error.clone()));
        }
        self.events.push_back(Event::Failed { client_id, error });
    }

    fn succeeded(&mut self, reference: Option<u64>) {
        match self.answered(reference) {
            Some(Request::Caller(answer)) => {
                let _ = answer.send(Ok(()));
            }
            Some(Request::Read(channel_id, seq)) => {
                let Some(mark) = self.marks.get(&channel_id).copied() else { return };
                if mark <= seq {
                    self.marks.remove(&channel_id);
                } else {
                    self.send_mark(channel_id, mark);
                }
            }
            Some(Request::Sync(_) | Request::Auth) | None => {}
        }
    }

    fn refused(&mut self, error: ErrorFrame, now: Instant, unit: f64) {
        let retry_after = error.retry_after_ms.map(Duration::from_millis);
        if let Some(client_id) = error.client_id {
            match self.outbox.refused(client_id, error.refused.retryable, retry_after, now, unit) {
                Verdict::Failed => return self.failed(client_id, SendError::Refused(error.refused)),
                Verdict::Held => return,
                Verdict::Unknown => {}
            }
        }
        match self.answered(error.reference) {
            Some(Request::Caller(answer)) => {
                let _ = answer.send(Err(RequestError::Refused(error.refused)));
            }
            // The mark stays for the next connection, unless it never can be set.
            Some(Request::Read(..)) if error.refused.retryable => {}
            Some(Request::Read(channel_id, _)) => {
                self.marks.remove(&channel_id);
            }
            Some(Request::Sync(_)) => self.cursors.refused(now + retry_after.unwrap_or(SYNC_PAUSE)),
            Some(Request::Auth) => log::warn!("the server refused a fresh token: {}", error.refused),
            None => log::debug!("the server says: {}", error.refused),
        }
    }

    fn request(&mut self, answer: Answered, frame: impl FnOnce(u64) -> ClientFrame) {
        let refusal = if !self.connected {
            RequestError::NotConnected
        } else if self.requests.len() >= MAX_REQUESTS {
            RequestError::TooMany { limit: MAX_REQUESTS }
        } else {
            let reference = self.reference(Request::Caller(answer));
            return self.frames.push(frame(reference));
        };
        let _ = answer.send(Err(refusal));
    }

    /// One at a time and channel: the `ok` to it brings on the next, with the latest mark.
    fn send_mark(&mut self, channel_id: ChannelId, seq: i64) {
        let under_way = self.requests.values().any(|it| matches!(it, Request::Read(id, _) if *id == channel_id));
        if self.connected && !under_way {
            let reference = self.reference(Request::Read(channel_id, seq));
            self.frames.push(ClientFrame::Read { channel_id, seq, reference });
        }
    }

    fn reference(&mut self, request: Request) -> u64 {
        self.last_ref += 1;
        self.requests.insert(self.last_ref, request);
        self.last_ref
    }

    fn answered(&mut self, reference: Option<u64>) -> Option<Request> {
        self.requests.remove(&reference?)
    }

    fn oldest_unanswered(&self) -> Option<Instant> {
        let syncs = self.requests.values().filter_map(|request| match request {
            Request::Sync(since) => Some(*since),
            _ => None,
        });
        syncs.chain(self.outbox.oldest_unanswered()).min()
    }
}

/// Neither edited nor deleted since.
fn is_as_sent(message: &Message) -> bool {
    message.updated_at.is_none_or(|at| at <= message.created_at) && message.deleted_at.is_none()
}
