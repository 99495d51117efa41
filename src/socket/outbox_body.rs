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

use super::outbox::{Kind, Shared};

/// The most bytes that frames are joined to; a larger frame goes alone.
const CHUNK: usize = 64 * 1024;

/// Yields what is ready, several frames a chunk, and ends after the close frame.
pub struct OutboxBody {
    shared: Arc<Shared>,
    /// Frames of the chunk being made; kept for its allocation.
    run: Vec<Bytes>,
    /// Who wrote the bulk that went into the last chunk. They are told when more is asked for: the connection does so
    /// only when it has written most of that chunk.
    passed_on: Vec<oneshot::Sender<()>>,
    on_gone: Option<Box<dyn FnOnce()>>,
}

impl OutboxBody {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, run: Vec::new(), passed_on: Vec::new(), on_gone: None }
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
            let mut total = 0;
            {
                let mut queue = this.shared.queue.lock();
                if queue.ended {
                    return Poll::Ready(None);
                }
                while let Some(entry) =
                    queue.entries.pop_front_if(|next| total == 0 || total + next.framed.len() <= CHUNK)
                {
                    total += entry.framed.len();
                    match entry.kind {
                        Kind::Counted => {
                            queue.frames -= 1;
                            queue.bytes -= entry.framed.len();
                        }
                        Kind::Bulk(writer) => this.passed_on.push(writer),
                        Kind::Close => queue.ended = true,
                    }
                    this.run.push(entry.framed);
                }
                queue.frames_out += this.run.len() as u64;
                queue.bytes_out += total as u64;
                if this.run.is_empty() {
                    // An idle socket keeps no room for a burst that is over.
                    queue.entries.shrink_to(16);
                    if !queue.parked.as_ref().is_some_and(|parked| parked.will_wake(cx.waker())) {
                        queue.parked = Some(cx.waker().clone());
                    }
                    return Poll::Pending;
                }
            }
            let chunk = join(&mut this.run, total);
            // An empty chunk would end the response.
            if !chunk.is_empty() {
                return Poll::Ready(Some(Ok(chunk)));
            }
        }
    }
}

/// One frame as it is, several copied together.
fn join(run: &mut Vec<Bytes>, total: usize) -> Bytes {
    if run.len() == 1
        && let Some(only) = run.pop()
    {
        return only;
    }
    let mut joined = BytesMut::with_capacity(total);
    for framed in run.drain(..) {
        joined.extend_from_slice(&framed);
    }
    run.shrink_to(16);
    joined.freeze()
}

impl Drop for OutboxBody {
    fn drop(&mut self) {
        self.shared.body_gone();
        if let Some(call) = self.on_gone.take() {
            call();
        }
    }
}
