//! The response body that drains an [`super::Outbox`] into the connection.
//!
//! Given to the upgrade's response. Polled only while the connection takes bytes; nothing else depends on that.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use bytes::{Bytes, BytesMut};
use tokio::sync::oneshot;

use super::outbox::{Entry, Kind, Queue, Shared};

/// From so many bytes on that it holds, the server is to write before it asks for more.
pub const WRITE_FROM: usize = 2 * 1024;
/// The most bytes of a chunk; a larger frame comes in several. The server keeps for each connection a buffer as large as
/// it once was filled: with [`WRITE_FROM`] this keeps it at the 8 KiB with which it begins.
const CHUNK: usize = 6 * 1024;
/// The same for bulk. Often it is all that a socket gets before it idles: this leaves the buffer's second page untouched.
const BULK_CHUNK: usize = 3 * 1024 + 512;

/// Waiting entries for which an idle socket keeps room.
const IDLE_ENTRIES: usize = 4;

/// Yields what is ready, several frames a chunk, and ends after the close frame.
pub struct OutboxBody {
    shared: Arc<Shared>,
    /// Who wrote the bulk that went into the last chunk. They are told when more is asked for: the connection does so
    /// only when it has written most of that chunk.
    passed_on: Vec<oneshot::Sender<()>>,
    on_gone: Option<Box<dyn FnOnce()>>,
}

impl OutboxBody {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, passed_on: Vec::new(), on_gone: None }
    }

    /// What to call, on the socket's thread, when the body is dropped: the connection is gone or the close frame is out.
    #[must_use]
    pub fn on_gone(mut self, call: impl FnOnce() + 'static) -> Self {
        self.on_gone = Some(Box::new(call));
        self
    }
}

impl fmt::Debug for OutboxBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboxBody").finish_non_exhaustive()
    }
}

impl MessageBody for OutboxBody {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        let this = self.get_mut();
        loop {
            for writer in this.passed_on.drain(..) {
                // Who no longer waits is not told.
                let _ = writer.send(());
            }
            let chunk = {
                let mut queue = this.shared.queue.lock();
                if queue.ended {
                    return Poll::Ready(None);
                }
                let Some(chunk) = queue.take_chunk(&mut this.passed_on) else {
                    // An idle socket keeps no room for a burst that is over.
                    queue.entries.shrink_to(IDLE_ENTRIES);
                    if !queue.parked.as_ref().is_some_and(|parked| parked.will_wake(cx.waker())) {
                        queue.parked = Some(cx.waker().clone());
                    }
                    return Poll::Pending;
                };
                chunk
            };
            // An empty chunk would end the response.
            if !chunk.is_empty() {
                return Poll::Ready(Some(Ok(chunk)));
            }
        }
    }
}

impl Queue {
    /// What goes into the next chunk: one piece as it is, or several copied together. None where nothing waits.
    fn take_chunk(&mut self, passed_on: &mut Vec<oneshot::Sender<()>>) -> Option<Bytes> {
        let first = self.take_piece(passed_on)?;
        let mut total = first.len();
        let mut joined = BytesMut::new();
        while self.entries.front().is_some_and(|next| total + next.framed.len() <= next.most())
            && let Some(next) = self.take_piece(passed_on)
        {
            if joined.is_empty() {
                joined.reserve(CHUNK);
                joined.extend_from_slice(&first);
            }
            joined.extend_from_slice(&next);
            total += next.len();
        }
        self.bytes_out += total as u64;
        Some(if joined.is_empty() { first } else { joined.freeze() })
    }

    /// The first entry, or of a large one as much as goes into a chunk.
    fn take_piece(&mut self, passed_on: &mut Vec<oneshot::Sender<()>>) -> Option<Bytes> {
        let first = self.entries.front_mut()?;
        let most = first.most();
        if first.framed.len() > most {
            self.begun = true;
            if matches!(first.kind, Kind::Counted(_)) {
                self.bytes -= most;
            }
            return Some(first.framed.split_to(most));
        }
        let Entry { framed, kind } = self.entries.pop_front()?;
        self.begun = false;
        let mut frames = 1;
        match kind {
            Kind::Counted(counted) => {
                frames = counted;
                self.frames -= counted;
                self.bytes -= framed.len();
            }
            Kind::Bulk(writer) => passed_on.push(writer),
            Kind::Close => self.ended = true,
        }
        self.frames_out += frames as u64;
        Some(framed)
    }
}

impl Entry {
    /// The most bytes of a chunk with it.
    fn most(&self) -> usize {
        if matches!(self.kind, Kind::Bulk(_)) { BULK_CHUNK } else { CHUNK }
    }
}

impl Drop for OutboxBody {
    fn drop(&mut self) {
        self.shared.body_gone();
        if let Some(call) = self.on_gone.take() {
            call();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socket::{Limits, Outbox, frame};
    use futures_util::FutureExt;
    use proptest::prelude::*;

    fn open(limits: Limits) -> (Outbox, Pin<Box<OutboxBody>>) {
        let (outbox, body) = Outbox::open(limits, None);
        (outbox, Box::pin(body))
    }

    /// The next chunk, if there is one.
    fn chunk(body: &mut Pin<Box<OutboxBody>>) -> Option<Bytes> {
        std::future::poll_fn(|cx| body.as_mut().poll_next(cx)).now_or_never()?.map(|chunk| match chunk {
            Ok(chunk) => chunk,
            Err(never) => match never {},
        })
    }

    fn all(body: &mut Pin<Box<OutboxBody>>) -> Vec<u8> {
        std::iter::from_fn(|| chunk(body)).flatten().collect()
    }

    proptest! {
        /// Whatever is queued comes out whole, in order, and no chunk is larger than what the server's buffer has room for.
        #[test]
        fn nothing_is_lost_between_frames_and_chunks(
            lens in proptest::collection::vec((1_usize..20_000, any::<bool>()), 0..12),
        ) {
            let (outbox, mut body) = open(Limits::default());
            let mut queued = Vec::new();
            for (at, (len, bulk)) in lens.iter().enumerate() {
                let framed = Bytes::from(vec![b'a' + u8::try_from(at).unwrap(); *len]);
                queued.extend_from_slice(&framed);
                if *bulk {
                    drop(outbox.write_through(framed));
                } else {
                    prop_assert!(outbox.push(framed));
                }
            }
            let mut came = Vec::new();
            while let Some(chunk) = chunk(&mut body) {
                prop_assert!(chunk.len() <= CHUNK);
                came.extend_from_slice(&chunk);
            }
            prop_assert!(came == queued);
            prop_assert_eq!(outbox.queued(), (0, 0));
            prop_assert_eq!(outbox.total_out(), (lens.len() as u64, queued.len() as u64));
        }
    }

    #[test]
    fn a_frame_that_is_begun_is_finished_before_a_slow_reader_is_told() {
        // Whose clock runs the deadlines; without one the end comes at once.
        let worker = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let _entered = worker.enter();
        let (outbox, mut body) = open(Limits { bytes: 20_000, ..Limits::default() });
        let long = frame::text(&[b'x'; 15_000]);
        assert!(outbox.push(long.clone()) && outbox.push(frame::text(b"dropped")));
        let begun = chunk(&mut body).unwrap();
        assert!(!outbox.push(frame::text(&[b'y'; 15_000])), "over the limit");
        let came = [begun.to_vec(), all(&mut body)].concat();
        assert!(came == [long, frame::close(4413, "too slow a reader")].concat());
    }

    #[test]
    fn bulk_is_taken_when_all_of_it_was_passed_on() {
        let (outbox, mut body) = open(Limits::default());
        let mut taken = Box::pin(outbox.write_through(frame::text(&[b'x'; 2 * BULK_CHUNK - 10])));
        assert!(chunk(&mut body).is_some() && chunk(&mut body).is_some());
        assert_eq!((&mut taken).now_or_never(), None, "the server may still be writing it");
        assert!(chunk(&mut body).is_none());
        assert_eq!(taken.now_or_never(), Some(true));
    }
}
