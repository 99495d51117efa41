//! A client that speaks the protocol itself and repairs nothing: every frame goes on record as it came.
//!
//! It tries unanswered sends again under their `clientId`, now and then answered ones too, above all when it has just been
//! removed; asks for what it missed after most reconnections, hangs up at random, now and then right behind a send so that
//! the answer is lost, and shows cursors that are none. A deaf one also stops reading for a while.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use super::connect::{self, Socket};
use super::cursors::Cursors;
use super::more::More;
use super::sends::{Owed, Stored, Unanswered, Waiting};
use super::shelf::Shelf;
use super::touch::Heard;
use super::{Person, Phase, scroll, translate};
use crate::Trouble;
use crate::history::{Answer, Ask, ChannelNo, LineNo, OpNo, What, hash};

/// A line on which nothing comes for so long, pongs included, is given up.
const SILENCE: Duration = Duration::from_secs(12);
const PING: Duration = Duration::from_secs(4);
/// Before what was refused is tried again.
pub(super) const HOLD_BACK: Duration = Duration::from_millis(200);
/// Sends in flight at most.
const WINDOW: usize = 8;
/// Stored sends of a channel that are sent again by who has been removed from it.
const AGAIN: usize = 2;

pub(crate) struct Bare {
    pub(super) me: Person,
    deaf: bool,
    pub(super) cursors: Cursors,
    epoch: String,
    /// To be sent (again), in order.
    pub(super) queue: VecDeque<Owed>,
    pub(super) stored: Stored,
    /// Messages of its own that are stored.
    pub(super) mine: VecDeque<(ChannelNo, Uuid)>,
    pub(super) heads: HashMap<ChannelNo, i64>,
    pub(super) heard: Heard,
    shelf: Shelf,
}

/// What belongs to one connection.
pub(super) struct Line {
    pub(super) no: LineNo,
    socket: Socket,
    pub(super) sends: Waiting,
    pub(super) others: HashMap<u64, OpNo>,
    pub(super) syncing: Option<(OpNo, bool)>,
    heard: Instant,
    pinged: Instant,
    next: Instant,
    deaf_until: Option<Instant>,
    /// Says that it lives although it does not read: what waits for it is all that can end it.
    pongs: bool,
    /// A refusal says that there is too much already: nothing is tried again before.
    pub(super) not_before: Instant,
}

/// Why a line is left.
enum End {
    Closed(Option<u16>),
    Own,
}

impl Bare {
    pub(crate) fn new(me: Person, deaf: bool) -> Self {
        Self {
            me,
            deaf,
            cursors: Cursors::default(),
            epoch: String::new(),
            queue: VecDeque::new(),
            stored: Stored::default(),
            mine: VecDeque::new(),
            heads: HashMap::new(),
            heard: Heard::default(),
            shelf: Shelf::default(),
        }
    }

    pub(crate) async fn run(mut self) {
        loop {
            let phase = self.me.world.phase();
            if phase == Phase::End {
                return;
            }
            if let Ok(line) = self.open().await {
                self.live(line, phase).await;
            } else {
                let wait = Duration::from_millis(self.me.dice.u64(50..600));
                sleep(wait).await;
            }
        }
    }

    async fn open(&mut self) -> Result<Line, Trouble> {
        let at = self.me.dice.usize(..self.me.world.nodes.len());
        let address = if self.deaf { self.me.world.direct[at] } else { self.me.world.nodes[at] };
        let (socket, hello) = connect::connect(&self.me, address, self.deaf).await?;
        let world = &self.me.world;
        let channels: Vec<_> = hello.channels.iter().filter_map(|info| translate::held(&world.places, info)).collect();
        if self.epoch != hello.epoch {
            self.cursors.forget();
            self.epoch = hello.epoch;
        }
        self.cursors.opened(&channels);
        for held in &channels {
            self.heads.insert(held.channel, held.last_seq);
        }
        let no = world.next_line();
        let node = u8::try_from(at).unwrap_or(u8::MAX);
        self.me.note(no, What::Opened { node, epoch: hash(&self.epoch), channels });
        let now = Instant::now();
        // Where hardly anything was read yet the kernel keeps least for it.
        let deaf_at_once = self.deaf && self.me.dice.u8(..3) == 0;
        let deaf_until = deaf_at_once.then(|| self.deaf_until());
        Ok(Line {
            no,
            socket,
            sends: Waiting::default(),
            others: HashMap::new(),
            syncing: None,
            heard: now,
            pinged: now,
            next: now + self.me.pause(),
            deaf_until,
            pongs: self.me.dice.bool(),
            not_before: now,
        })
    }

    fn deaf_until(&mut self) -> Instant {
        Instant::now() + Duration::from_millis(self.me.dice.u64(2_000..25_000))
    }

    async fn live(&mut self, mut line: Line, opened_in: Phase) {
        let mut phase = self.me.world.phase.clone();
        let end = loop {
            let now = *phase.borrow_and_update();
            // One connection more once everything has to have been told.
            if now == Phase::End || (now == Phase::Rest && opened_in < Phase::Rest) {
                break End::Own;
            }
            if let Err(end) = self.intend(&mut line, now).await {
                break end;
            }
            let deaf = line.deaf_until.filter(|until| now == Phase::Storm && *until > Instant::now());
            let wake = line.next.max(line.not_before).min(line.pinged + PING).min(deaf.unwrap_or(line.heard + SILENCE));
            tokio::select! {
                message = line.socket.next(), if deaf.is_none() => match message {
                    Some(Ok(Message::Text(text))) => {
                        line.heard = Instant::now();
                        self.came(&mut line, &text);
                    }
                    Some(Ok(Message::Close(frame))) => break End::Closed(frame.map(|frame| frame.code.into())),
                    Some(Ok(_)) => line.heard = Instant::now(),
                    Some(Err(_)) | None => break End::Closed(None),
                },
                () = tokio::time::sleep_until(wake.into()) => (),
                changed = phase.changed() => if changed.is_err() { break End::Own },
            }
            if deaf.is_none() && line.heard.elapsed() > SILENCE {
                break End::Own;
            }
        };
        self.left(line, end).await;
    }

    /// Everything that had no answer is of unknown outcome.
    async fn left(&mut self, line: Line, end: End) {
        let (code, own) = match end {
            End::Closed(code) => (code, false),
            End::Own => (None, true),
        };
        let others = line.others.values().chain(line.syncing.iter().map(|(op, _)| op));
        for op in others {
            self.me.note(line.no, What::Answered { op: *op, answer: Answer::Unknown });
        }
        self.unanswered(line.no, line.sends.end());
        self.me.note(line.no, What::Closed { code, own });
        let mut socket = line.socket;
        if own && self.me.dice.bool() {
            drop(timeout(Duration::from_millis(200), socket.close(None)).await);
        }
    }

    /// To be sent again, before all others.
    fn unanswered(&mut self, line: LineNo, sends: Vec<Unanswered>) {
        for Unanswered { op, owed, shown } in sends.into_iter().rev() {
            self.me.note(line, What::Answered { op, answer: Answer::Unknown });
            // Some give up; whether it was stored stays open where it was not shown.
            if shown || self.me.dice.u8(..10) == 0 {
                self.me.world.owed.fetch_sub(1, Ordering::Relaxed);
            } else {
                self.queue.push_front(owed);
            }
        }
    }

    /// What is known to be stored, as if its answer had been lost.
    fn again(&mut self, owed: Option<Owed>) {
        if let Some(owed) = owed {
            self.me.world.owed.fetch_add(1, Ordering::Relaxed);
            self.queue.push_back(owed);
        }
    }

    /// Whoever was removed is answered as before.
    pub(super) fn removed(&mut self, channel: ChannelNo) {
        for _ in 0..AGAIN {
            let owed = self.stored.newest(channel);
            self.again(owed);
        }
    }

    /// Does what it is time for.
    async fn intend(&mut self, line: &mut Line, phase: Phase) -> Result<(), End> {
        let now = Instant::now();
        if now >= line.pinged + PING {
            line.pinged = now;
            self.send(line, json!({"type": "ping"})).await?;
            if line.pongs && line.deaf_until.is_some_and(|until| until > now) {
                drop(timeout(SILENCE, line.socket.send(Message::Pong(Vec::new().into()))).await);
            }
        }
        // One that does not read does not know.
        if !self.deaf {
            let late = line.sends.overdue(now);
            if !late.is_empty() {
                let hangs_up = late.iter().any(|one| !one.shown);
                self.unanswered(line.no, late);
                if hangs_up {
                    return Err(End::Own);
                }
            }
        }
        if now < line.not_before {
            return Ok(());
        }
        if line.syncing.is_none() {
            let behind = self.cursors.behind();
            if !behind.is_empty() {
                self.sync(line, behind, false).await?;
            }
        }
        while line.sends.len() < WINDOW {
            let Some(owed) = self.queue.pop_front() else { break };
            self.post(line, owed).await?;
        }
        if now < line.next {
            return Ok(());
        }
        line.next = now + self.me.pause();
        if phase == Phase::Storm { self.act(line).await } else { Ok(()) }
    }

    /// One intention, at random.
    async fn act(&mut self, line: &mut Line) -> Result<(), End> {
        self.me.channels = self.cursors.channels();
        let Some(channel) = self.me.some_channel() else { return Ok(()) };
        match self.me.dice.u16(..1000) {
            0..12 => {
                let owed = self.stored.any(&mut self.me.dice);
                self.again(owed);
            }
            12..720 if self.queue.len() + line.sends.len() < WINDOW * 4 => {
                let client_id = Uuid::from_u128(self.me.dice.u128(..));
                self.me.world.owed.fetch_add(1, Ordering::Relaxed);
                let files = self.shelf.take(&mut self.me.dice);
                let (content, more) = (self.me.words_for(channel), More::some(&mut self.me, channel, files));
                self.queue.push_back(Owed { channel, client_id, content, more });
                if self.me.dice.u8(..100) == 0 {
                    // The answer is lost: it hangs up right behind the send.
                    if let Some(owed) = self.queue.pop_front() {
                        self.post(line, owed).await?;
                    }
                    return Err(End::Own);
                }
            }
            720..780 => {
                if let Some(&(channel, message)) = self.me.dice.choice(&self.mine) {
                    let content = self.me.words_for(channel);
                    let ask = Ask::Edit { channel, message, content: hash(&content) };
                    self.ask(line, ask, json!({"type": "edit", "messageId": message, "content": content})).await?;
                }
            }
            780..820 => {
                if let Some(at) = (!self.mine.is_empty()).then(|| self.me.dice.usize(..self.mine.len()))
                    && let Some((channel, message)) = self.mine.remove(at)
                {
                    let ask = Ask::Delete { channel, message };
                    self.ask(line, ask, json!({"type": "delete", "messageId": message})).await?;
                }
            }
            820..860 => {
                let seq = self.heads.get(&channel).copied().unwrap_or_default();
                let ask = Ask::Read { channel, seq };
                let id = self.me.world.channel_ids[usize::from(channel)];
                self.ask(line, ask, json!({"type": "read", "channelId": id, "seq": seq})).await?;
            }
            860..895 => {
                if let Some(intent) = self.heard.react(&mut self.me.dice) {
                    self.ask(line, intent.ask, intent.frame).await?;
                }
            }
            895..915 => {
                if let Some(intent) = self.heard.answer(&mut self.me.dice) {
                    self.ask(line, intent.ask, intent.frame).await?;
                }
            }
            915..922 => self.shelf.upload(&mut self.me),
            922..930 => {
                let id = self.me.world.channel_ids[usize::from(channel)];
                self.send(line, json!({"type": "typing", "channelId": id})).await?;
            }
            930..960 if line.syncing.is_none() => {
                let cursors: Vec<_> = self.cursors.channels().into_iter().take(4).collect();
                let back = self.me.dice.i64(0..300);
                let cursors =
                    cursors.into_iter().filter_map(|it| Some((it, (self.cursors.held(it)? - back).max(0)))).collect();
                self.sync(line, cursors, true).await?;
            }
            960..970 if line.syncing.is_none() => {
                // Ahead of everything: it has to be answered with a reset.
                self.sync(line, vec![(channel, 1 << 40)], true).await?;
            }
            970..982 => return Err(End::Own),
            982..1000 if self.deaf => {
                line.deaf_until = Some(self.deaf_until());
                line.pongs = self.me.dice.bool();
            }
            982..1000 => scroll::begin(&mut self.me, channel, self.heads.get(&channel).copied().unwrap_or_default()),
            _ => (),
        }
        Ok(())
    }

    async fn post(&mut self, line: &mut Line, owed: Owed) -> Result<(), End> {
        let op = self.me.world.next_op();
        let id = self.me.world.channel_ids[usize::from(owed.channel)];
        let Owed { channel, client_id, .. } = owed;
        let (content, extra) = (hash(&owed.content), owed.more.extra);
        let ask = Ask::Send { channel, client_id, content, extra, node: None };
        let mut frame =
            json!({"type": "message", "clientId": owed.client_id, "channelId": id, "content": owed.content});
        owed.more.put_into(&mut frame);
        self.me.note(line.no, What::Asked { op, ask });
        line.sends.add(op, owed, Instant::now());
        self.send(line, frame).await
    }

    async fn ask(&mut self, line: &mut Line, ask: Ask, mut frame: Value) -> Result<(), End> {
        let op = self.me.world.next_op();
        frame["ref"] = op.into();
        line.others.insert(op.into(), op);
        self.me.note(line.no, What::Asked { op, ask });
        self.send(line, frame).await
    }

    async fn sync(&mut self, line: &mut Line, cursors: Vec<(ChannelNo, i64)>, forged: bool) -> Result<(), End> {
        let op = self.me.world.next_op();
        let ids = |(channel, version): &(ChannelNo, i64)| {
            (self.me.world.channel_ids[usize::from(*channel)].to_string(), Value::from(*version))
        };
        let channels: serde_json::Map<String, Value> = cursors.iter().map(ids).collect();
        let mut epoch = self.epoch.clone();
        if forged && self.me.dice.u8(..5) == 0 {
            "00000000-0000-4000-8000-000000000000".clone_into(&mut epoch);
        }
        line.syncing = Some((op, forged));
        let frame = json!({"type": "sync", "channels": channels, "epoch": epoch, "ref": op});
        self.me.note(line.no, What::Asked { op, ask: Ask::Sync { cursors, epoch: hash(&epoch), forged } });
        self.send(line, frame).await
    }

    async fn send(&mut self, line: &mut Line, frame: Value) -> Result<(), End> {
        match timeout(SILENCE, line.socket.send(Message::text(frame.to_string()))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Closed(None)),
        }
    }
}
