//! What is on its way to one socket: a queue of complete frames, bounded in bytes and frames.
//!
//! Filled from any thread (rooms, the session), written by the [`Scribe`] of the socket's worker. What must end a
//! stalled peer hangs on a timer of the worker, and on nothing that the peer could hold up.
//! Never looks into a frame, never blocks.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::net::Shutdown;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use socket2::SockRef;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::oneshot;

use super::line::Place;
use super::reader::Reader;
use super::scribe::{self, Scribe};
use super::secure::Secure;
use super::stream::Stream;
use super::{close_code, frame};
use crate::fault::{self, Sabotage};

/// How much may wait, and how long an end may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of waiting frames, headers included.
    pub bytes: usize,
    /// Waiting frames.
    pub frames: usize,
    /// From "too slow a reader" to the end of the line: whether the peer gets to see the code.
    pub grace: Duration,
    /// From [`Outbox::close`] to the end of the line, however much is still queued.
    pub close_deadline: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 1 << 20, frames: 4096, grace: Duration::from_secs(1), close_deadline: Duration::from_secs(2) }
    }
}

/// Why it takes no more: a close code and its reason.
pub type Closed = (u16, Cow<'static, str>);

/// A handle on what goes out to a socket; all clones are of the same queue.
#[derive(Clone)]
pub struct Outbox(Arc<Shared>);

pub(super) struct Shared {
    limits: Limits,
    /// None only in tests of what needs none.
    pub(super) socket: Option<Socket>,
    pub(super) queue: Mutex<Queue>,
}

/// The connection, as long as it has not ended. Whoever still holds a handle after that holds neither its descriptor nor
/// its place.
pub(super) struct Socket {
    line: Mutex<Option<Arc<Line>>>,
    /// Runs the deadlines too.
    pub(super) scribe: Scribe,
}

/// The way out, and the place of the connection, which its reader holds as well.
pub(super) struct Line {
    pub(super) half: OwnedWriteHalf,
    pub(super) secure: Option<Arc<Secure>>,
    _place: Option<Arc<Place>>,
}

/// What a socket is made of when the web server has let go of it.
pub struct Taken {
    pub stream: Stream,
    /// What the peer sent behind its request.
    pub read: Bytes,
    /// What is to be written before anything else: the answer to the request.
    pub answer: Bytes,
    pub scribe: Scribe,
    pub place: Option<Place>,
}

#[derive(Default)]
pub(super) struct Queue {
    pub(super) entries: VecDeque<Entry>,
    /// Taken and not written: it goes first, whatever else is dropped, since its beginning may be out.
    pub(super) unsent: Bytes,
    /// So many bytes of it count.
    pub(super) unsent_counted: usize,
    /// Counted entries only.
    pub(super) frames: usize,
    pub(super) bytes: usize,
    pub(super) frames_out: u64,
    pub(super) bytes_out: u64,
    /// The scribe will come: the socket is on its list, or waits for the connection to take more.
    pub(super) listed: bool,
    /// Who wrote the bulk that was taken, told when it is written.
    pub(super) passed_on: Vec<oneshot::Sender<()>>,
    pub(super) close_taken: bool,
    closed: Option<Closed>,
    /// No more is written: the close frame has been, or nobody is left to take it.
    pub(super) ended: bool,
    on_gone: Option<Box<dyn FnOnce() + Send>>,
}

pub(super) struct Entry {
    pub(super) framed: Bytes,
    pub(super) kind: Kind,
}

pub(super) enum Kind {
    /// So many frames, which count towards the limits.
    Counted(usize),
    /// Does not; who wrote it waits until it is taken.
    Bulk(oneshot::Sender<()>),
    /// The last.
    Close,
}

/// What is to be done after the lock is released: wake the scribe, free what was dropped.
#[must_use]
#[derive(Default)]
struct After {
    wake: Option<Waker>,
    dropped: VecDeque<Entry>,
    end_in: Option<Duration>,
}

impl Outbox {
    /// Takes a connection over: what goes out, and what comes in.
    pub fn open(limits: Limits, taken: Taken) -> (Self, Reader) {
        let Taken { stream, read, answer, scribe, place } = taken;
        let (tcp, secure) = stream.into_parts();
        let (secure, (reader, half)) = (secure.map(Arc::new), tcp.into_split());
        let queue = Queue { unsent: answer, listed: true, ..Queue::default() };
        let place = place.map(Arc::new);
        let line = Mutex::new(Some(Arc::new(Line { half, secure: secure.clone(), _place: place.clone() })));
        let socket = Some(Socket { line, scribe: scribe.clone() });
        let shared = Arc::new(Shared { limits, socket, queue: Mutex::new(queue) });
        let outbox = Self(shared);
        if let Some(sleeping) = scribe.put(Arc::clone(&outbox.0)) {
            scribe::wake(sleeping);
        }
        (outbox, Reader::new(reader, secure, read, place))
    }

    /// One of which nothing is ever taken.
    #[cfg(test)]
    pub(crate) fn without_socket(limits: Limits) -> Self {
        Self(Arc::new(Shared { limits, socket: None, queue: Mutex::default() }))
    }

    /// What would be written now.
    #[cfg(test)]
    pub(crate) fn take_all(&self) -> Vec<u8> {
        let mut queue = self.0.queue.lock();
        (queue.frames, queue.bytes) = (0, 0);
        queue.entries.drain(..).flat_map(|entry| entry.framed).collect()
    }

    #[cfg(test)]
    pub(super) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.0)
    }

    /// What to call, on any thread, when no more is written: the close frame is out or the connection has ended.
    pub fn on_gone(&self, call: impl FnOnce() + Send + 'static) {
        let mut queue = self.0.queue.lock();
        if queue.ended {
            drop(queue);
            return call();
        }
        queue.on_gone = Some(Box::new(call));
    }

    /// Queues a complete frame. False if the outbox is closed, or closes by this: over a limit all that waits is
    /// dropped and the socket ends with 4413.
    pub fn push(&self, framed: Bytes) -> bool {
        self.push_joined(framed, 1)
    }

    /// The same for as many frames in one piece.
    pub fn push_joined(&self, joined: Bytes, frames: usize) -> bool {
        let mut after = After::default();
        let taken = {
            let mut queue = self.0.queue.lock();
            let taken = queue.closed.is_none() && queue.push(joined, frames, &self.0.limits, &mut after);
            self.0.list(&mut queue, &mut after);
            taken
        };
        self.0.finish(after);
        taken
    }

    /// Queues frames of any size outside of the limits (the bulk of an answer), in order with what is pushed. Queued by
    /// the call; the future is true when the connection has taken them, false when it never will. Await it before the
    /// next call: then at most one such run waits in memory.
    #[must_use = "the next page is made when this one is taken"]
    pub fn write_through(&self, framed: Bytes) -> impl Future<Output = bool> + Send + 'static + use<> {
        let (sender, taken) = oneshot::channel();
        let mut after = After::default();
        {
            let mut queue = self.0.queue.lock();
            if queue.closed.is_none() {
                queue.entries.push_back(Entry { framed, kind: Kind::Bulk(sender) });
                self.0.list(&mut queue, &mut after);
            }
        }
        self.0.finish(after);
        async move { taken.await.is_ok() }
    }

    /// Takes no more; what is queued goes out, then the close frame, then the connection ends. After the close deadline
    /// it is ended whatever is left. False if it was closed before, which then stands.
    pub fn close(&self, code: u16, reason: impl Into<Cow<'static, str>>) -> bool {
        let reason = reason.into();
        let mut after = After::default();
        {
            let mut queue = self.0.queue.lock();
            if queue.closed.is_some() {
                return false;
            }
            queue.entries.push_back(Entry { framed: frame::close(code, &reason), kind: Kind::Close });
            queue.closed = Some((code, reason));
            self.0.list(&mut queue, &mut after);
            after.end_in = Some(self.0.limits.close_deadline);
        }
        self.0.finish(after);
        true
    }

    /// Ends the connection at once, without a close frame.
    pub fn kill(&self) {
        self.0.end();
    }

    /// Frames and bytes that wait and count.
    pub fn queued(&self) -> (usize, usize) {
        let queue = self.0.queue.lock();
        (queue.frames, queue.bytes)
    }

    /// Frames and bytes that were ever given to the connection, all kinds together.
    pub fn total_out(&self) -> (u64, u64) {
        let queue = self.0.queue.lock();
        (queue.frames_out, queue.bytes_out)
    }

    /// Whether it takes no more.
    pub fn is_closed(&self) -> bool {
        self.0.queue.lock().closed.is_some()
    }

    /// Whether no more is written: the close frame is out or the connection has ended.
    pub fn is_gone(&self) -> bool {
        self.0.queue.lock().ended
    }

    /// What it was closed with: 4413 for a slow reader, 1006 where the connection went first.
    pub fn closed_with(&self) -> Option<Closed> {
        self.0.queue.lock().closed.clone()
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let queue = self.0.queue.lock();
        f.debug_struct("Outbox")
            .field("frames", &queue.frames)
            .field("bytes", &queue.bytes)
            .field("closed", &queue.closed)
            .finish_non_exhaustive()
    }
}

impl Queue {
    fn push(&mut self, framed: Bytes, frames: usize, limits: &Limits, after: &mut After) -> bool {
        let bytes = self.bytes.saturating_add(framed.len());
        if bytes > limits.bytes || self.frames + frames > limits.frames {
            if fault::planted(Sabotage::DropOldestOnOverflow) && self.drop_oldest(after) {
                return self.push(framed, frames, limits, after);
            }
            after.dropped = std::mem::take(&mut self.entries);
            (self.frames, self.bytes) = (0, self.unsent_counted);
            let (code, reason) = (close_code::SLOW_READER, "too slow a reader");
            self.entries.push_back(Entry { framed: frame::close(code, reason), kind: Kind::Close });
            self.closed = Some((code, Cow::Borrowed(reason)));
            after.end_in = Some(limits.grace);
            return false;
        }
        self.bytes = bytes;
        self.frames += frames;
        self.entries.push_back(Entry { framed, kind: Kind::Counted(frames) });
        true
    }

    /// A bug on purpose: makes room for what is newer. False where there is nothing that could be dropped.
    fn drop_oldest(&mut self, after: &mut After) -> bool {
        let is_counted = |entry: &Entry| matches!(entry.kind, Kind::Counted(_));
        let Some(at) = self.entries.iter().position(is_counted) else { return false };
        let Some(entry) = self.entries.remove(at) else { return false };
        if let Kind::Counted(frames) = entry.kind {
            self.frames -= frames;
        }
        self.bytes -= entry.framed.len();
        after.dropped.push_back(entry);
        true
    }
}

impl Socket {
    /// None when the connection has ended.
    pub(super) fn line(&self) -> Option<Arc<Line>> {
        self.line.lock().clone()
    }
}

impl Shared {
    /// Has the scribe come, unless it will.
    fn list(self: &Arc<Self>, queue: &mut Queue, after: &mut After) {
        if let Some(socket) = &self.socket
            && !queue.listed
            && !queue.entries.is_empty()
        {
            queue.listed = true;
            after.wake = socket.scribe.put(Arc::clone(self));
        }
    }

    fn finish(self: &Arc<Self>, after: After) {
        drop(after.dropped);
        if let Some(sleeping) = after.wake {
            scribe::wake(sleeping);
        }
        let Some(delay) = after.end_in else { return };
        let Some(socket) = &self.socket else { return self.end() };
        // Weak, so that a socket that went at once is not kept for the whole deadline.
        let shared = Arc::downgrade(self);
        socket.scribe.runtime().spawn(async move {
            tokio::time::sleep(delay).await;
            if let Some(shared) = shared.upgrade() {
                shared.end();
            }
        });
    }

    /// Drops what waits and ends the connection.
    pub(super) fn end(&self) {
        self.gone();
        if let Some(line) = self.socket.as_ref().and_then(|socket| socket.line.lock().take()) {
            // Fails only where the peer was faster.
            let _ = SockRef::from(line.half.as_ref()).shutdown(Shutdown::Both);
        }
    }

    /// No more is written: drops what waits, tells who waits for bulk to be taken that it will not be, and whoever asked to
    /// be told.
    pub(super) fn gone(&self) {
        let (dropped, passed_on, on_gone) = {
            let mut queue = self.queue.lock();
            queue.ended = true;
            (queue.frames, queue.bytes, queue.unsent_counted) = (0, 0, 0);
            queue.unsent = Bytes::new();
            if queue.closed.is_none() {
                queue.closed = Some((close_code::ABNORMAL, Cow::Borrowed("connection gone")));
            }
            (std::mem::take(&mut queue.entries), std::mem::take(&mut queue.passed_on), queue.on_gone.take())
        };
        drop((dropped, passed_on));
        if let Some(call) = on_gone {
            call();
        }
    }
}
