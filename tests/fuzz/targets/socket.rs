//! The bytes of a WebSocket: the guard at the headers, and the decoder behind it.

use actix_web::web::Bytes;
use futures_util::{FutureExt, StreamExt, stream};
use tenfour::socket::guard::{Guard, Refusal};
use tenfour::socket::{Event, Inbound, InboundError};

use super::{Taken, Target, outcome};

/// The largest message, so that inputs can be above it.
const MAX: usize = 300;

pub const TARGET: Target = Target { name: "socket", check, seeds, words: &["\u{80}", "\u{0}\u{0}\u{0}\u{0}"], cost: 1 };

/// A count of cuts, the cuts, the stream.
fn check(data: &[u8]) -> u64 {
    let mut taken = Taken(data);
    let count = usize::from(taken.byte() % 8);
    let cuts = taken.take(count).to_vec();
    let stream = taken.0;
    let whole = [stream];
    let single: Vec<&[u8]> = stream.chunks(1).collect();
    let cut = pieces(stream, &cuts);

    let refused = refusal(&whole);
    assert_eq!(refusal(&single), refused, "byte by byte the guard says another thing");
    assert_eq!(refusal(&cut), refused, "cut at {cuts:?} the guard says another thing");

    let heard = events(&whole);
    assert_eq!(events(&single), heard, "byte by byte another thing is heard");
    assert_eq!(events(&cut), heard, "cut at {cuts:?} another thing is heard");
    if refused.is_some() {
        let ended = heard.last().is_some_and(|last| matches!(last, Err(_) | Ok(Event::Close(_))));
        assert!(ended, "what the guard refuses ends the stream, but heard was {heard:?}");
    }
    for event in heard.iter().flatten() {
        match event {
            Event::Text(text) => assert!(text.len() <= MAX, "{} bytes", text.len()),
            Event::Binary(content) => assert!(content.len() <= MAX, "{} bytes", content.len()),
            Event::Ping(payload) | Event::Pong(payload) => assert!(payload.len() <= 125),
            Event::Close(_) => {}
        }
    }
    outcome(&(refused, heard))
}

fn pieces<'a>(stream: &'a [u8], cuts: &[u8]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| usize::from(*cut) * stream.len() / 255).collect();
    at.extend([0, stream.len()]);
    at.sort_unstable();
    at.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect()
}

/// Where in the whole stream it was refused, and why.
fn refusal(pieces: &[&[u8]]) -> Option<(usize, Refusal)> {
    let (mut guard, mut before) = (Guard::new(MAX), 0);
    for piece in pieces {
        if let Err(refused) = guard.feed(piece) {
            return Some((before + refused.at, refused.why));
        }
        before += piece.len();
    }
    None
}

fn events(pieces: &[&[u8]]) -> Vec<Result<Event, InboundError>> {
    let pieces: Vec<_> = pieces.iter().map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    Inbound::new(stream::iter(pieces), MAX).collect().now_or_never().expect("nothing to wait for")
}

/// A client's frame, with a mask that is the same each time.
fn frame(opcode: u8, fin: bool, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [1, 2, 3, 4];
    let mut out = vec![opcode | if fin { 0x80 } else { 0 }];
    if let Ok(short @ ..126) = u8::try_from(payload.len()) {
        out.push(0x80 | short);
    } else {
        out.push(0xfe);
        out.extend_from_slice(&u16::try_from(payload.len()).unwrap().to_be_bytes());
    }
    out.extend_from_slice(&MASK);
    out.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    out
}

const CONTINUE: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

fn seeds() -> Vec<Vec<u8>> {
    let cuts = vec![3, 40, 90, 200];
    let streams = [
        frame(TEXT, true, b"hello"),
        [frame(TEXT, false, "gr\u{fc}".as_bytes()), frame(CONTINUE, true, b"n")].concat(),
        [frame(PING, true, b"p"), frame(PONG, true, b""), frame(TEXT, true, b"x")].concat(),
        [frame(BINARY, false, b"x"), frame(PING, true, b"p"), frame(CONTINUE, true, b"y")].concat(),
        frame(TEXT, true, &[b'a'; 130]),
        frame(TEXT, true, &[b'a'; MAX + 1]),
        [frame(TEXT, false, &[b'a'; MAX - 50]), frame(CONTINUE, true, &[b'a'; 49])].concat(),
        [frame(TEXT, false, &[b'a'; MAX - 50]), frame(PING, true, b"p"), frame(CONTINUE, true, &[b'a'; 51])].concat(),
        [frame(TEXT, true, b"x"), frame(CLOSE, true, b"\x03\xe8bye")].concat(),
        frame(TEXT, true, b"\xff"),
        [frame(TEXT, false, b"\xe2\x82"), frame(CONTINUE, true, b"\xac")].concat(),
    ];
    streams.into_iter().map(|stream| [cuts.clone(), stream].concat()).collect()
}
