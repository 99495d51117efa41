//! What the tests of both kinds of sockets share: a runtime with an end, and frames that are queued and come out.

use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::{Outbox, frame};

pub(super) fn run(test: impl Future<Output = ()>) {
    // A lost wake would be waited for without end.
    let test = async { tokio::time::timeout(Duration::from_secs(60), test).await.expect("an end") };
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

/// Queues one of each length, as one to be told of or not, and the close. All that is to come out; the socket gets a turn behind each
/// `turn`th.
pub(super) async fn fill(outbox: &Outbox, lens: &[(usize, bool)], turn: usize) -> Vec<u8> {
    let mut queued = Vec::new();
    for (at, (len, bulk)) in lens.iter().enumerate() {
        let framed = Bytes::from(vec![b'a' + u8::try_from(at).unwrap(); *len]);
        queued.extend_from_slice(&framed);
        if *bulk {
            drop(outbox.write_through(framed));
        } else {
            assert!(outbox.push(framed));
        }
        if (at + 1) % turn == 0 {
            tokio::task::yield_now().await;
        }
    }
    outbox.close(1000, "");
    queued.extend_from_slice(&frame::close(1000, ""));
    queued
}

/// All up to the end, so much at a time. An end without a word of TLS would be an error.
pub(super) async fn drained(peer: &mut (impl AsyncRead + Unpin), at_a_time: usize) -> Vec<u8> {
    let (mut came, mut piece) = (Vec::new(), vec![0; at_a_time]);
    while let count @ 1.. = peer.read(&mut piece).await.unwrap() {
        came.extend_from_slice(&piece[..count]);
    }
    came
}
