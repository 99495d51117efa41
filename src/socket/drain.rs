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
use tokio::net::tcp::OwnedWriteHalf;

use super::outbox::{Entry, Kind, Queue, Shared};

/// The most bytes that are copied together for one write. A larger frame is written as it is.
const JOINED: usize = 16 * 1024;
/// So many writes to one socket before the others have theirs.
const ROUNDS: usize = 8;
/// After the close frame the peer's last bytes are awaited: a connection that ends with some unread takes back what it
/// has not delivered.
const LINGER: Duration = Duration::from_secs(1);
/// Waiting entries for which an idle socket keeps room.
const IDLE_ENTRIES: usize = 4;

/// What is to be written next.
enum Chunk {
    /// In the buffer.
    Joined,
    Single(Bytes),
}

impl Shared {
    /// Writes what waits. Called by the scribe alone.
    pub(super) fn write(self: &Arc<Self>, buffer: &mut Vec<u8>) {
        let Some(socket) = &self.socket else { return };
        for _ in 0..ROUNDS {
            let chunk = {
                let mut queue = self.queue.lock();
                if queue.ended {
                    return;
                }
                queue.take_chunk(buffer)
            };
            let Some(chunk) = chunk else { return };
            let bytes = match &chunk {
                Chunk::Joined => buffer.as_slice(),
                Chunk::Single(bytes) => bytes,
            };
            match self.write_all(&socket.half, bytes) {
                Ok(written) if written == bytes.len() => {}
                Ok(written) => {
                    let unsent = match chunk {
                        Chunk::Joined => Bytes::copy_from_slice(&buffer[written..]),
                        Chunk::Single(bytes) => bytes.slice(written..),
                    };
                    return self.queue.lock().put_back(unsent);
                }
                Err(_) => return self.end(),
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
                return self.closed_in_order();
            }
            if is_done {
                return;
            }
        }
        // The others first.
        Wake::wake(Arc::clone(self));
    }

    /// As much as the connection takes. Where that is not all, the socket is put on the list when it takes more.
    fn write_all(self: &Arc<Self>, half: &OwnedWriteHalf, bytes: &[u8]) -> io::Result<usize> {
        let mut written = 0;
        while written < bytes.len() {
            match half.try_write(&bytes[written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let waker = Waker::from(Arc::clone(self));
                    match half.as_ref().poll_write_ready(&mut Context::from_waker(&waker)) {
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
            let Some(socket) = &shared.socket else { return };
            drop(tokio::time::timeout(LINGER, drain(&socket.half)).await);
            shared.end();
        });
    }
}

async fn drain(half: &OwnedWriteHalf) -> io::Result<()> {
    // The peer is told at once that no more comes.
    SockRef::from(half.as_ref()).shutdown(Shutdown::Write)?;
    let mut piece = vec![0; 4096];
    loop {
        half.as_ref().readable().await?;
        match half.as_ref().try_read(&mut piece) {
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
mod tests {
    use super::*;
    use crate::socket::{Limits, Outbox, Reader, Scribe, Taken, frame, together};
    use proptest::prelude::*;
    use std::pin::Pin;
    use tokio::io::AsyncReadExt;
    use tokio::net::{TcpListener, TcpStream};

    /// More than a connection takes from somebody whose peer reads nothing.
    const MUCH: usize = 16 << 20;

    async fn open(limits: Limits) -> (Outbox, Reader, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (peer, accepted) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        let (stream, answer) = (accepted.unwrap().0, Bytes::from_static(b"answer"));
        let taken = Taken { stream, read: Bytes::new(), answer, scribe: Scribe::start(), place: None };
        let (outbox, reader) = Outbox::open(limits, taken);
        (outbox, reader, peer.unwrap())
    }

    fn run(test: impl Future<Output = ()>) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
    }

    async fn is_ready(future: &mut (impl Future<Output = bool> + Unpin), within: Duration) -> Option<bool> {
        tokio::time::timeout(within, Pin::new(future)).await.ok()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        /// Whatever is queued comes out whole and in order, however little the peer reads at a time.
        #[test]
        fn nothing_is_lost_between_the_queue_and_the_peer(
            lens in proptest::collection::vec((prop_oneof![1_usize..2000, 10_000_usize..2_000_000], any::<bool>()), 0..12),
            reads in 1_usize..200_000,
        ) {
            run(async {
                let (outbox, _reader, mut peer) = open(Limits { bytes: 12 << 21, ..Limits::default() }).await;
                let mut queued = b"answer".to_vec();
                for (at, (len, bulk)) in lens.iter().enumerate() {
                    let framed = Bytes::from(vec![b'a' + u8::try_from(at).unwrap(); *len]);
                    queued.extend_from_slice(&framed);
                    if *bulk {
                        drop(outbox.write_through(framed));
                    } else {
                        assert!(outbox.push(framed));
                    }
                    if at % 4 == 3 {
                        tokio::task::yield_now().await;
                    }
                }
                outbox.close(1000, "");
                queued.extend_from_slice(&frame::close(1000, ""));
                let (mut came, mut piece) = (Vec::new(), vec![0; reads]);
                while let count @ 1.. = peer.read(&mut piece).await.unwrap() {
                    came.extend_from_slice(&piece[..count]);
                }
                assert!(came == queued);
                assert_eq!(outbox.queued(), (0, 0));
                assert_eq!(outbox.total_out(), (lens.len() as u64 + 1, queued.len() as u64 - 6));
            });
        }
    }

    #[test]
    fn a_frame_that_is_begun_is_finished_before_a_slow_reader_is_told() {
        run(async {
            let (outbox, _reader, mut peer) = open(Limits { bytes: 2 * MUCH, ..Limits::default() }).await;
            let long = frame::text(&vec![b'x'; MUCH]);
            assert!(outbox.push(long.clone()));
            let mut begun = vec![0; 6 + 10];
            peer.read_exact(&mut begun).await.unwrap();
            assert!(outbox.push(frame::text(b"dropped")));
            assert!(outbox.queued().1 > MUCH / 2, "what the connection has not taken counts: {:?}", outbox.queued());
            assert!(!outbox.push(frame::text(&vec![b'y'; 2 * MUCH])), "over the limit");
            peer.read_to_end(&mut begun).await.unwrap();
            assert!(begun[6..] == [long, frame::close(4413, "too slow a reader")].concat());
        });
    }

    #[test]
    fn bulk_is_taken_when_all_of_it_was_written() {
        run(async {
            let (outbox, _reader, mut peer) = open(Limits::default()).await;
            let mut taken = Box::pin(outbox.write_through(frame::text(&vec![b'x'; MUCH])));
            assert_eq!(is_ready(&mut taken, Duration::from_millis(100)).await, None, "nobody reads");
            let mut rest = vec![0; MUCH + 16];
            peer.read_exact(&mut rest).await.unwrap();
            assert_eq!(is_ready(&mut taken, Duration::from_secs(5)).await, Some(true));
            // And never where the connection ends first.
            let mut never = Box::pin(outbox.write_through(frame::text(&vec![b'x'; MUCH])));
            outbox.kill();
            assert_eq!(is_ready(&mut never, Duration::from_secs(5)).await, Some(false));
        });
    }

    #[test]
    fn what_is_written_together_comes_also_where_somebody_panics() {
        run(async {
            let (outbox, _reader, mut peer) = open(Limits::default()).await;
            // The scribe sleeps when it has written the answer.
            let mut came = vec![0; 6];
            peer.read_exact(&mut came).await.unwrap();
            tokio::task::yield_now().await;
            let panics = std::panic::AssertUnwindSafe(|| {
                together(|| {
                    together(|| outbox.push(Bytes::from_static(b"one")));
                    panic!("a test asked for it");
                });
            });
            assert!(std::panic::catch_unwind(panics).is_err());
            let mut came = vec![0; 3];
            let read = tokio::time::timeout(Duration::from_secs(5), peer.read_exact(&mut came)).await;
            assert!(read.is_ok() && came == b"one");
        });
    }

    #[test]
    fn whoever_is_gone_is_told_of_once() {
        run(async {
            let (outbox, _reader, peer) = open(Limits::default()).await;
            let (gone, mut told) = tokio::sync::mpsc::unbounded_channel();
            outbox.on_gone(move || gone.send(()).unwrap());
            drop(peer);
            // The first write may still be taken.
            while !outbox.is_closed() {
                outbox.push(frame::ping());
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            outbox.kill();
            assert_eq!((told.recv().await, told.recv().await), (Some(()), None));
            assert_eq!(outbox.closed_with().map(|(code, _)| code), Some(1006));
        });
    }
}
