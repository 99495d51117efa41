//! The client's end of a WebSocket, as cheap as can be: it must not cost more than the server that is measured.
//!
//! Used by the crowd. Takes what a server sends: unmasked, in one piece. Never reads a payload.

const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
const FIN: u8 = 0x80;
const MASKED: u8 = 0x80;
/// In place of a length: it follows in two bytes, or in eight.
const MEDIUM: u8 = 0x7E;
const LONG: u8 = 0x7F;

/// A text message of a client.
pub(crate) fn text(payload: &[u8]) -> Vec<u8> {
    frame(TEXT, payload)
}

/// The answer to a ping.
pub(crate) fn pong(payload: &[u8]) -> Vec<u8> {
    frame(PONG, payload)
}

/// Masked, as a client has to, with zeros, which is a mask like any other.
fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(payload.len() + 14);
    frame.push(FIN | opcode);
    if let Some(short) = u8::try_from(payload.len()).ok().filter(|len| *len < MEDIUM) {
        frame.push(MASKED | short);
    } else if let Ok(medium) = u16::try_from(payload.len()) {
        frame.push(MASKED | MEDIUM);
        frame.extend_from_slice(&medium.to_be_bytes());
    } else {
        frame.push(MASKED | LONG);
        frame.extend_from_slice(&(payload.len() as u64).to_be_bytes());
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    frame
}

/// What a server's frame is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opcode {
    Text,
    Ping,
    Close,
    Pong,
    /// What this daemon does not send: binary, or a piece of a message.
    Foreign,
}

/// A server's frame.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) opcode: Opcode,
    pub(crate) payload: &'a [u8],
    /// Header included.
    len: usize,
}

impl<'a> Frame<'a> {
    /// The first frame, if it is whole.
    fn first(bytes: &'a [u8]) -> Option<Self> {
        let (head, len): (usize, usize) = match *bytes.get(1)? {
            MEDIUM => (4, usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
            LONG => (10, usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?),
            short => (2, usize::from(short)),
        };
        let payload = bytes.get(head..head.checked_add(len)?)?;
        let opcode = match bytes[0] {
            byte if byte == FIN | TEXT => Opcode::Text,
            byte if byte == FIN | PING => Opcode::Ping,
            byte if byte == FIN | PONG => Opcode::Pong,
            byte if byte == FIN | CLOSE => Opcode::Close,
            _ => Opcode::Foreign,
        };
        Some(Self { opcode, payload, len: head + len })
    }

    /// Of a close: its code and reason.
    pub(crate) fn close_reason(&self) -> String {
        match self.payload {
            [high, low, reason @ ..] => {
                format!("{} {}", u16::from_be_bytes([*high, *low]), String::from_utf8_lossy(reason))
                    .trim_end()
                    .to_owned()
            }
            _ => "without a code".to_owned(),
        }
    }
}

/// Cuts what is read into frames.
#[derive(Debug, Default)]
pub(crate) struct Cutter {
    /// The beginning of a frame whose end has not come.
    begun: Vec<u8>,
}

impl Cutter {
    pub(crate) fn feed(&mut self, bytes: &[u8], mut each: impl FnMut(&Frame<'_>)) {
        if self.begun.is_empty() {
            let used = cut(bytes, &mut each);
            self.begun.extend_from_slice(&bytes[used..]);
        } else {
            self.begun.extend_from_slice(bytes);
            let used = cut(&self.begun, &mut each);
            self.begun.drain(..used);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.begun.clear();
    }
}

fn cut(bytes: &[u8], each: &mut impl FnMut(&Frame<'_>)) -> usize {
    let mut used = 0;
    while let Some(frame) = Frame::first(&bytes[used..]) {
        each(&frame);
        used += frame.len;
    }
    used
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socket::frame as server;
    use proptest::prelude::*;

    proptest! {
        /// What the daemon writes is cut into the same frames, however it is torn on the way.
        #[test]
        fn frames_are_found_wherever_the_bytes_are_torn(
            lengths in proptest::collection::vec(prop_oneof![0_usize..200, 65_000_usize..66_000], 1..6),
            piece in 1_usize..70_000,
        ) {
            let payloads: Vec<Vec<u8>> = lengths.iter().map(|len| vec![b'a'; *len]).collect();
            let bytes: Vec<u8> = payloads.iter().flat_map(|payload| server::text(payload)).collect();
            let (mut cutter, mut found) = (Cutter::default(), Vec::new());
            for chunk in bytes.chunks(piece) {
                cutter.feed(chunk, |frame| found.push((frame.opcode, frame.payload.to_vec())));
            }
            let expected: Vec<_> = payloads.into_iter().map(|payload| (Opcode::Text, payload)).collect();
            prop_assert_eq!(found, expected);
            prop_assert!(cutter.begun.is_empty());
        }
    }

    #[test]
    fn control_frames_and_what_the_daemon_never_sends_are_told_apart() {
        let bytes = [&server::ping(b"")[..], &server::close(4413, "too slow"), &[0x01, 1, b'a'], &[0x82, 0]].concat();
        let mut found = Vec::new();
        Cutter::default().feed(&bytes, |frame| found.push((frame.opcode, frame.close_reason())));
        let opcodes: Vec<_> = found.iter().map(|(opcode, _)| *opcode).collect();
        assert_eq!(opcodes, [Opcode::Ping, Opcode::Close, Opcode::Foreign, Opcode::Foreign]);
        assert_eq!(found[1].1, "4413 too slow");
    }

    #[test]
    fn a_clients_frame_is_one_that_the_daemons_parser_reads() {
        use actix_http::ws::{OpCode, Parser};
        for len in [0, 125, 126, 65_535, 65_536] {
            let mut bytes = bytes::BytesMut::from(&text(&vec![b'x'; len])[..]);
            let (fin, opcode, payload) = Parser::parse(&mut bytes, true, 1 << 20).unwrap().unwrap();
            assert!(fin && opcode == OpCode::Text && bytes.is_empty());
            assert_eq!(payload.map_or(0, |payload| payload.len()), len);
        }
    }
}
