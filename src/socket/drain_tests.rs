use super::*;
use crate::socket::testing::{drained, fill, run};
use crate::socket::{Limits, Outbox, Reader, Scribe, Taken, frame, together};
use proptest::prelude::*;
use std::io::Write as _;
use std::pin::Pin;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

/// More than a connection takes from somebody whose peer reads nothing.
const MUCH: usize = 16 << 20;

async fn open(limits: Limits) -> (Outbox, Reader, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (peer, accepted) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    let (stream, answer) = (accepted.unwrap().0.into(), Bytes::from_static(b"answer"));
    let taken = Taken { stream, read: Bytes::new(), answer, scribe: Scribe::start(), place: None };
    let (outbox, reader) = Outbox::open(limits, taken);
    (outbox, reader, peer.unwrap())
}

/// Waits until it is so.
async fn eventually(mut is_so: impl FnMut() -> bool) {
    let until = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), until).await.unwrap();
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
            let queued = [b"answer".to_vec(), fill(&outbox, &lens, 4).await].concat();
            let came = drained(&mut peer, reads).await;
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
fn a_peer_that_floods_while_its_socket_closes_is_ended_in_time() {
    run(async {
        let (outbox, reader, peer) = open(Limits::default()).await;
        let peer = peer.into_std().unwrap();
        peer.set_nonblocking(false).unwrap();
        let flood = std::thread::spawn(move || {
            let (start, piece) = (std::time::Instant::now(), vec![0; 64 * 1024]);
            // Ends in any case, long after it should have.
            while start.elapsed() < Duration::from_secs(6) && (&peer).write_all(&piece).is_ok() {}
            start.elapsed()
        });
        let weak = Arc::downgrade(&outbox.shared());
        outbox.close(1000, "");
        drop((outbox, reader));
        let start = std::time::Instant::now();
        eventually(|| weak.strong_count() == 0).await;
        assert!(start.elapsed() < 3 * LINGER, "{:?}", start.elapsed());
        let flooded = flood.join().unwrap();
        assert!(flooded < 4 * LINGER, "{flooded:?}");
    });
}

#[test]
fn an_ended_socket_gives_its_place_back_whoever_still_holds_a_handle() {
    run(async {
        let taken = |stream: TcpStream, place: Arc<()>| {
            let (read, answer, scribe) = (Bytes::new(), Bytes::from_static(b"answer"), Scribe::start());
            Taken { stream: stream.into(), read, answer, scribe, place: Some(Box::new(place)) }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (peer, accepted) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        let place = Arc::new(());
        let (outbox, reader) = Outbox::open(Limits::default(), taken(accepted.unwrap().0, Arc::clone(&place)));
        outbox.kill();
        // The reader has the descriptor as well, until it has seen the end.
        assert_eq!(Arc::strong_count(&place), 2);
        drop(reader);
        eventually(|| Arc::strong_count(&place) == 1).await;
        assert!(outbox.is_closed());
        drop(peer);
    });
}

/// The worker's other tasks have their turn in between.
#[test]
fn much_to_write_is_written_in_turns() {
    const SOCKETS: usize = 48;
    run(async {
        let scribe = Scribe::start();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut sockets = Vec::new();
        for _ in 0..SOCKETS {
            let (peer, accepted) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
            let (stream, answer) = (accepted.unwrap().0.into(), Bytes::new());
            let taken = Taken { stream, read: Bytes::new(), answer, scribe: scribe.clone(), place: None };
            let (outbox, reader) = Outbox::open(Limits::default(), taken);
            sockets.push((outbox, reader, peer.unwrap()));
        }
        let frame = frame::text(&vec![b'x'; 120 * 1024]);
        together(|| sockets.iter().for_each(|(outbox, ..)| assert!(outbox.push(frame.clone()))));
        let (mut turns, start) = (0, std::time::Instant::now());
        while sockets.iter().any(|(outbox, ..)| outbox.total_out().0 == 0) {
            assert!(start.elapsed() < Duration::from_secs(10), "some get nothing");
            tokio::task::yield_now().await;
            turns += 1;
        }
        assert!(turns >= SOCKETS * 120 / 1024, "{turns}");
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
        eventually(|| {
            outbox.push(frame::ping(b""));
            outbox.is_closed()
        })
        .await;
        outbox.kill();
        assert_eq!((told.recv().await, told.recv().await), (Some(()), None));
        assert_eq!(outbox.closed_with().map(|(code, _)| code), Some(1006));
    });
}
