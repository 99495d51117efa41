//! Complete, unmasked server frames, made once and shared by all who get them.
//!
//! Called by whoever fills an [`super::Outbox`]. Never fragments and never compresses.

use bytes::{BufMut, Bytes, BytesMut};

const FIN: u8 = 0x80;
const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;

/// The most bytes that a control frame may carry.
pub const MAX_CONTROL: usize = 125;

/// Frames that follow one another, also joined to one piece, so that whoever gets all of them gets it at once.
#[derive(Debug, Clone)]
pub struct Run {
    each: Vec<Bytes>,
    joined: Bytes,
}

impl Run {
    pub fn new(each: Vec<Bytes>) -> Self {
        let joined = match each.as_slice() {
            [only] => only.clone(),
            all => {
                let mut joined = BytesMut::with_capacity(all.iter().map(Bytes::len).sum());
                for framed in all {
                    joined.extend_from_slice(framed);
                }
                joined.freeze()
            }
        };
        Self { each, joined }
    }

    pub fn each(&self) -> &[Bytes] {
        &self.each
    }

    pub fn joined(&self) -> &Bytes {
        &self.joined
    }
}

/// A text message. `payload` must be UTF-8: it is not checked here.
pub fn text(payload: &[u8]) -> Bytes {
    framed(TEXT, payload)
}

/// An empty ping.
/// A ping with this payload, which its pong repeats; at most [`MAX_CONTROL`] bytes of it are used.
pub fn ping(payload: &[u8]) -> Bytes {
    framed(PING, payload.get(..MAX_CONTROL).unwrap_or(payload))
}

/// The answer to a ping with its payload, of which at most [`MAX_CONTROL`] bytes are used.
pub fn pong(payload: &[u8]) -> Bytes {
    framed(PONG, payload.get(..MAX_CONTROL).unwrap_or(payload))
}

/// A close frame. The reason is cut to 123 bytes, at a character.
pub fn close(code: u16, reason: &str) -> Bytes {
    let reason = &reason[..reason.floor_char_boundary(MAX_CONTROL - 2)];
    let mut payload = Vec::with_capacity(2 + reason.len());
    payload.extend_from_slice(&code.to_be_bytes());
    payload.extend_from_slice(reason.as_bytes());
    framed(CLOSE, &payload)
}

fn framed(opcode: u8, payload: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(payload.len() + 10);
    frame.put_u8(FIN | opcode);
    if let Some(short) = u8::try_from(payload.len()).ok().filter(|len| usize::from(*len) <= MAX_CONTROL) {
        frame.put_u8(short);
    } else if let Ok(medium) = u16::try_from(payload.len()) {
        frame.put_u8(126);
        frame.put_u16(medium);
    } else {
        frame.put_u8(127);
        frame.put_u64(payload.len() as u64);
    }
    frame.put_slice(payload);
    frame.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_http::ws::{OpCode, Parser};
    use proptest::prelude::*;

    /// What a client's parser reads: one whole frame and nothing after it.
    fn read(framed: &Bytes) -> (OpCode, Bytes) {
        let mut src = BytesMut::from(&framed[..]);
        let (fin, opcode, payload) = Parser::parse(&mut src, false, 1 << 20).unwrap().unwrap();
        assert!(fin && src.is_empty());
        (opcode, payload.unwrap_or_default().freeze())
    }

    proptest! {
        #[test]
        fn a_text_of_any_length_is_one_frame(len in prop_oneof![0_usize..300, 65_000_usize..66_000]) {
            let payload = vec![b'a'; len];
            prop_assert_eq!(read(&text(&payload)), (OpCode::Text, Bytes::from(payload)));
        }
    }

    #[test]
    fn control_frames_stay_within_their_limit() {
        assert_eq!(read(&ping(b"")), (OpCode::Ping, Bytes::new()));
        assert_eq!(read(&pong(&[7; 200])), (OpCode::Pong, Bytes::from(vec![7; 125])));
        let (opcode, payload) = read(&close(4413, &"é".repeat(100)));
        assert_eq!(opcode, OpCode::Close);
        let reason = Parser::try_parse_close_payload(&payload).unwrap().unwrap();
        assert_eq!((u16::from(reason.code), reason.description), (4413, Some("é".repeat(61))));
    }
}
