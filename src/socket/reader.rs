//! What the peer sends, as read from the connection.
//!
//! Feeds [`super::Inbound`] on the socket's worker. Holds no buffer between two reads: one serves all sockets of a thread.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::{Stream, ready};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::tcp::OwnedReadHalf;

use super::line::Place;
use super::secure::{Came, Secure};

/// The most bytes that are read at once.
const MOST: usize = 16 * 1024;

thread_local! {
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; MOST].into());
}

/// What makes the bytes safe.
struct Safe {
    shared: Arc<Secure>,
    /// Some may have come while the web server had the connection.
    looked: bool,
}

/// Yields what comes, in the pieces in which it comes. Ends with the connection.
#[derive(Debug)]
pub struct Reader {
    half: OwnedReadHalf,
    secure: Option<Safe>,
    /// What the web server had read already, behind the request.
    early: Bytes,
    /// The connection counts until it is read no more.
    _place: Option<Arc<Place>>,
}

impl Reader {
    pub(super) fn new(
        half: OwnedReadHalf,
        secure: Option<Arc<Secure>>,
        early: Bytes,
        place: Option<Arc<Place>>,
    ) -> Self {
        let secure = secure.map(|shared| Safe { shared, looked: false });
        Self { half, secure, early, _place: place }
    }
}

impl Stream for Reader {
    type Item = io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if !this.early.is_empty() {
            return Poll::Ready(Some(Ok(std::mem::take(&mut this.early))));
        }
        if let Some(safe) = &mut this.secure {
            return safe.poll_next(&mut this.half, cx);
        }
        BUFFER.with_borrow_mut(|buffer| {
            let mut read = ReadBuf::new(buffer);
            Poll::Ready(match ready!(Pin::new(&mut this.half).poll_read(cx, &mut read)) {
                Ok(()) if read.filled().is_empty() => None,
                Ok(()) => Some(Ok(Bytes::copy_from_slice(read.filled()))),
                Err(error) => Some(Err(error)),
            })
        })
    }
}

impl Safe {
    fn poll_next(&mut self, half: &mut OwnedReadHalf, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        BUFFER.with_borrow_mut(|buffer| {
            loop {
                let came = if std::mem::replace(&mut self.looked, true) {
                    let mut read = ReadBuf::new(buffer);
                    match ready!(Pin::new(&mut *half).poll_read(cx, &mut read)) {
                        // Without a word of TLS; the frames say whether that is early.
                        Ok(()) if read.filled().is_empty() => return Poll::Ready(None),
                        Ok(()) => self.shared.take(half.as_ref(), read.filled()),
                        Err(error) => return Poll::Ready(Some(Err(error))),
                    }
                } else {
                    self.shared.kept()
                };
                match came {
                    Ok(Came::Text(text)) => return Poll::Ready(Some(Ok(text))),
                    Ok(Came::Nothing) => {}
                    Ok(Came::End) => return Poll::Ready(None),
                    Err(error) => return Poll::Ready(Some(Err(error))),
                }
            }
        })
    }
}

impl fmt::Debug for Safe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TLS")
    }
}
