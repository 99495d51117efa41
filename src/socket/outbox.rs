//! What is on its way to one socket: a queue of complete frames, bounded in bytes and frames.
//!
//! Filled from any thread (rooms, the session), drained by [`OutboxBody`] on the socket's thread. What must end a
//! stalled peer hangs on the line and a timer of the worker, never on the body, which is not polled then.
//! Never looks into a frame, never blocks.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::outbox_body::OutboxBody;
use super::{Line, close_code, frame};
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
    line: Option<Line>,
    /// The socket's worker, which runs the deadlines.
    worker: Option<Handle>,
    pub(super) queue: Mutex<Queue>,
}

#[derive(Default)]
pub(super) struct Queue {
    pub(super) entries: VecDeque<Entry>,
    /// The first entry's beginning has been given out already: the rest has to follow, whatever else is dropped.
    pub(super) begun: bool,
    /// Counted entries only.
    pub(super) frames: usize,
    pub(super) bytes: usize,
    pub(super) frames_out: u64,
    pub(super) bytes_out: u64,
    /// The body's, there only while it is parked.
    pub(super) parked: Option<Waker>,
    closed: Option<Closed>,
    /// No more is given out: the close frame has been, or nobody is left to take it.
    pub(super) ended: bool,
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

/// What is to be done after the lock is released: wake the body, free what was dropped.
#[must_use]
#[derive(Default)]
struct After {
    wake: Option<Waker>,
    dropped: VecDeque<Entry>,
    end_in: Option<Duration>,
}

impl Outbox {
    /// An outbox and the response body that drains it. Call it on the socket's worker: its runtime runs the deadlines.
    /// Without a `line` a stalled peer cannot be ended, only forgotten.
    pub fn open(limits: Limits, line: Option<Line>) -> (Self, OutboxBody) {
        let worker = Handle::try_current().ok();
        let shared = Arc::new(Shared { limits, line, worker, queue: Mutex::default() });
        (Self(Arc::clone(&shared)), OutboxBody::new(shared))
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
            if !queue.entries.is_empty() {
                after.wake = queue.parked.take();
            }
            taken
        };
        self.0.finish(after);
        taken
    }

    /// Queues frames of any size outside of the limits (the bulk of an answer), in order with what is pushed. Queued by
    /// the call; the future is true when the body has passed them on and was asked for more, false when they never
    /// will be. Await it before the next call: then at most one such run waits in memory.
    #[must_use = "the next page is made when this one is taken"]
    pub fn write_through(&self, framed: Bytes) -> impl Future<Output = bool> + Send + 'static + use<> {
        let (sender, taken) = oneshot::channel();
        let mut after = After::default();
        {
            let mut queue = self.0.queue.lock();
            if queue.closed.is_none() {
                queue.entries.push_back(Entry { framed, kind: Kind::Bulk(sender) });
                after.wake = queue.parked.take();
            }
        }
        self.0.finish(after);
        async move { taken.await.is_ok() }
    }

    /// Takes no more; what is queued goes out, then the close frame, then the response ends. After the close deadline
    /// the line is ended whatever is left. False if it was closed before, which then stands.
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
            after.wake = queue.parked.take();
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
            let begun = self.entries.pop_front_if(|_| self.begun);
            after.dropped = std::mem::take(&mut self.entries);
            (self.frames, self.bytes) = match &begun {
                Some(Entry { framed, kind: Kind::Counted(frames) }) => (*frames, framed.len()),
                _ => (0, 0),
            };
            self.entries.extend(begun);
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
        let Some(at) = self.entries.iter().skip(usize::from(self.begun)).position(is_counted) else { return false };
        let Some(entry) = self.entries.remove(at + usize::from(self.begun)) else { return false };
        if let Kind::Counted(frames) = entry.kind {
            self.frames -= frames;
        }
        self.bytes -= entry.framed.len();
        after.dropped.push_back(entry);
        true
    }
}

impl Shared {
    fn finish(self: &Arc<Self>, after: After) {
        drop(after.dropped);
        if let Some(waker) = after.wake {
            waker.wake();
        }
        let Some(delay) = after.end_in else { return };
        // Weak, so that a socket that went at once is not kept for the whole deadline.
        let (shared, line) = (Arc::downgrade(self), self.line.clone());
        let Some(worker) = &self.worker else { return self.end() };
        worker.spawn(async move {
            tokio::time::sleep(delay).await;
            if let Some(shared) = shared.upgrade() {
                shared.end();
            } else if let Some(line) = line {
                line.shutdown();
            }
        });
    }

    /// Drops what waits, lets the body end and ends the line.
    fn end(&self) {
        let parked = self.forget();
        if let Some(line) = &self.line {
            line.shutdown();
        }
        if let Some(waker) = parked {
            waker.wake();
        }
    }

    /// The body is gone. The line is left alone: the connection may still be writing the close frame.
    pub(super) fn body_gone(&self) {
        drop(self.forget());
    }

    /// Closes it and drops what waits; who waits for bulk to be taken is told so.
    fn forget(&self) -> Option<Waker> {
        let (dropped, parked) = {
            let mut queue = self.queue.lock();
            queue.ended = true;
            (queue.frames, queue.bytes) = (0, 0);
            if queue.closed.is_none() {
                queue.closed = Some((close_code::ABNORMAL, Cow::Borrowed("connection gone")));
            }
            (std::mem::take(&mut queue.entries), queue.parked.take())
        };
        drop(dropped);
        parked
    }
}
