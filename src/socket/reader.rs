//! What the peer sends, as read from the connection.
//!
//! Feeds [`super::Inbound`] on the socket's worker. Holds no buffer between two reads: one serves all sockets of a thread.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::{Stream, ready};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::tcp::OwnedReadHalf;

use super::line::Place;

/// The most bytes that are read at once.
const MOST: usize = 16 * 1024;

thread_local! {
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; MOST].into());
}

/// Yields what comes, in the pieces in which it comes. Ends with the connection.
#[derive(Debug)]
pub struct Reader {
    half: OwnedReadHalf,
    /// What the web server had read already, behind the request.
    early: Bytes,
    /// The connection counts until it is read no more.
    _place: Option<Arc<Place>>,
}

impl Reader {
    pub(super) fn new(half: OwnedReadHalf, early: Bytes, place: Option<Arc<Place>>) -> Self {
        Self { half, early, _place: place }
    }
}

impl Stream for Reader {
    type Item = io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if !this.early.is_empty() {
            return Poll::Ready(Some(Ok(std::mem::take(&mut this.early))));
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
