//! One socket's writes: what waits in its outbox goes out as long as its connection takes bytes.
//!
//! Called by the [`super::Scribe`] of the socket's worker alone. Never waits for the peer, and keeps no buffer for a socket.

use std::io;
use std::net::Shutdown;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use bytes::Bytes;
use socket2::SockRef;
use tokio::net::TcpStream;

use super::outbox::{Entry, Kind, Line, Queue, Shared, Socket};

/// The most bytes that are copied together for one write. A larger frame is written as it is.
const JOINED: usize = 16 * 1024;
/// So many writes to one socket before the others have theirs.
const ROUNDS: usize = 8;
/// After the last of ours the peer's last bytes are awaited: a connection that ends with some unread takes back what it
/// has not delivered.
pub(crate) const LINGER: Duration = Duration::from_secs(1);
/// Waiting entries for which an idle socket keeps room.
const IDLE_ENTRIES: usize = 4;

/// What is to be written next.
enum Chunk {
    /// In the buffer.
    Joined,
    Single(Bytes),
}

impl Shared {
    /// Writes what waits, and says how many bytes that were. Called by the scribe alone.
    pub(super) fn write(self: &Arc<Self>, buffer: &mut Vec<u8>) -> usize {
        let mut total = 0;
        let Some(line) = self.socket.as_ref().and_then(Socket::line) else { return total };
        for _ in 0..ROUNDS {
            let chunk = {
                let mut queue = self.queue.lock();
                if queue.ended {
                    return total;
                }
                queue.take_chunk(buffer)
            };
            let Some(chunk) = chunk else { return total };
            let bytes = match &chunk {
                Chunk::Joined => buffer.as_slice(),
                Chunk::Single(bytes) => bytes,
            };
            match self.write_all(&line, bytes) {
                Ok(written) if written == bytes.len() => total += written,
                Ok(written) => {
                    let unsent = match chunk {
                        Chunk::Joined => Bytes::copy_from_slice(&buffer[written..]),
                        Chunk::Single(bytes) => bytes.slice(written..),
                    };
                    self.queue.lock().put_back(unsent);
                    return total + written;
                }
                Err(_) => {
                    self.end();
                    return total;
                }
            }
            let mut queue = self.queue.lock();
            let passed_on = std::mem::take(&mut queue.passed_on);
            let is_last = queue.close_taken;
            // What was put in meanwhile is on the list.
            let is_done = !queue.listed;
            drop(queue);
            for asker in passed_on {
                // Who no longer waits is not told.
                let _ = asker.send(());
            }
            if is_last {
                self.closed_in_order();
                return total;
            }
            if is_done {
                return total;
            }
        }
        // The others first.
        Wake::wake(Arc::clone(self));
        total
    }

    /// As much as the connection takes. Where that is not all, the socket is put on the list when it takes more.
    fn write_all(self: &Arc<Self>, line: &Line, bytes: &[u8]) -> io::Result<usize> {
        let mut written = 0;
        while written < bytes.len() {
            match line.try_write(&bytes[written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let waker = Waker::from(Arc::clone(self));
                    match line.half.as_ref().poll_write_ready(&mut Context::from_waker(&waker)) {
                        Poll::Ready(Ok(())) => {}
                        Poll::Ready(Err(error)) => return Err(error),
                        Poll::Pending => break,
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(written)
    }

    /// The close frame is out. What the peer still says is read and dropped until it ends, or for a moment.
    fn closed_in_order(self: &Arc<Self>) {
        self.gone();
        let Some(socket) = &self.socket else { return };
        let shared = Arc::clone(self);
        socket.scribe.runtime().spawn(async move {
            if let Some(line) = shared.socket.as_ref().and_then(Socket::line) {
                if let Some(secure) = &line.secure {
                    secure.close(line.half.as_ref());
                }
                linger(line.half.as_ref()).await;
            }
            shared.end();
        });
    }
}

impl Line {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match &self.secure {
            None => self.half.try_write(bytes),
            Some(secure) => secure.try_write(self.half.as_ref(), bytes),
        }
    }
}

/// All is written: tells the peer so, and reads and drops what it still says until it ends, or for [`LINGER`].
pub(crate) async fn linger(stream: &TcpStream) {
    // A peer that is gone before that has all it wanted.
    drop(tokio::time::timeout(LINGER, drain(stream)).await);
}

async fn drain(stream: &TcpStream) -> io::Result<()> {
    // The peer is told at once that no more comes.
    SockRef::from(stream).shutdown(Shutdown::Write)?;
    let mut piece = vec![0; 4096];
    loop {
        stream.readable().await?;
        match stream.try_read(&mut piece) {
            Ok(0) => return Ok(()),
            // Readiness costs the task nothing of its turn: who sends without end would keep the worker to himself.
            Ok(_) => tokio::task::yield_now().await,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

impl Queue {
    /// What is written next: one piece as it is, or several copied together. None where nothing waits: then the socket is
    /// off the list.
    fn take_chunk(&mut self, buffer: &mut Vec<u8>) -> Option<Chunk> {
        let first = if self.unsent.is_empty() { self.take_entry() } else { Some(self.take_unsent()) };
        let chunk = first.map(|first| {
            buffer.clear();
            while self.entries.front().is_some_and(|next| buffer.len().max(first.len()) + next.framed.len() <= JOINED)
                && let Some(next) = self.take_entry()
            {
                if buffer.is_empty() {
                    buffer.extend_from_slice(&first);
                }
                buffer.extend_from_slice(&next);
            }
            if buffer.is_empty() { Chunk::Single(first) } else { Chunk::Joined }
        });
        if self.entries.is_empty() {
            self.listed = false;
            // An idle socket keeps no room for a burst that is over.
            self.entries.shrink_to(IDLE_ENTRIES);
        }
        chunk
    }

    /// What the connection did not take. The socket counts as listed: it will be when the connection takes more.
    fn put_back(&mut self, unsent: Bytes) {
        self.listed = true;
        if self.ended {
            return;
        }
        // Bulk does not count, and what went with it neither.
        self.unsent_counted = if self.passed_on.is_empty() { unsent.len() } else { 0 };
        self.bytes += self.unsent_counted;
        self.unsent = unsent;
    }

    fn take_unsent(&mut self) -> Bytes {
        self.bytes -= std::mem::take(&mut self.unsent_counted);
        std::mem::take(&mut self.unsent)
    }

    fn take_entry(&mut self) -> Option<Bytes> {
        let Entry { framed, kind } = self.entries.pop_front()?;
        let mut frames = 1;
        match kind {
            Kind::Counted(counted) => {
                frames = counted;
                self.frames -= counted;
                self.bytes -= framed.len();
            }
            Kind::Bulk(asker) => self.passed_on.push(asker),
            Kind::Close => self.close_taken = true,
        }
        self.frames_out += frames as u64;
        self.bytes_out += framed.len() as u64;
        Some(framed)
    }
}

#[cfg(test)]
#[path = "drain_tests.rs"]
mod tests;
