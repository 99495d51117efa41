//! Watches frame headers in the raw inbound bytes, before anything is buffered.
//!
//! Called by [`super::Inbound`] with every chunk. Needed because the WebSocket codec compares a length with its limit
//! only when the whole frame has arrived. Never allocates, never looks at a payload.

/// Why the peer's bytes are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("message over the limit of {limit} bytes")]
    TooBig { limit: usize },
    #[error("{0}")]
    Protocol(&'static str),
}

/// A refusal and how many bytes of the chunk came before the one that decided it: those may still be decoded (they
/// hold the frames before the bad one), and never complete the bad header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    pub at: usize,
    pub why: Refusal,
}

/// The state between two bytes of the stream.
#[derive(Debug, Clone)]
pub struct Guard {
    max_message: usize,
    /// Payload bytes of the unfinished message's frames so far.
    message: u64,
    /// Whether a message is in fragments that are not finished.
    fragmented: bool,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    First,
    Second {
        opcode: u8,
        fin: bool,
    },
    Length {
        opcode: u8,
        fin: bool,
        left: u8,
        length: u64,
    },
    /// The masking key and the payload, which are of no interest.
    Skip {
        left: u64,
    },
    Refused(Refusal),
}

const MASK_LEN: u64 = 4;

impl Guard {
    /// `max_message` counts the payload bytes of a message, all of its fragments together.
    pub fn new(max_message: usize) -> Self {
        Self { max_message, message: 0, fragmented: false, state: State::First }
    }

    /// Looks at the next bytes, however they are sliced. After a refusal every call refuses, at 0.
    pub fn feed(&mut self, chunk: &[u8]) -> Result<(), Refused> {
        let mut at = 0;
        while let Some(&byte) = chunk.get(at) {
            if let State::Skip { left } = self.state {
                let here = (chunk.len() - at) as u64;
                let skipped = left.min(here);
                self.state = if left == skipped { State::First } else { State::Skip { left: left - skipped } };
                // At most the rest of this chunk, so that it fits.
                at += usize::try_from(skipped).unwrap_or(chunk.len() - at);
                continue;
            }
            match self.step(byte) {
                Ok(next) => self.state = next,
                Err(why) => {
                    self.state = State::Refused(why);
                    return Err(Refused { at, why });
                }
            }
            at += 1;
        }
        Ok(())
    }

    fn step(&mut self, byte: u8) -> Result<State, Refusal> {
        match self.state {
            State::First => self.first(byte),
            State::Second { opcode, fin } => {
                if byte & 0x80 == 0 {
                    return Err(Refusal::Protocol("a client's frame must be masked"));
                }
                let length = byte & 0x7F;
                // RFC 6455 5.5: at most 125 bytes, for which the short form is the only one.
                if is_control(opcode) && length > 125 {
                    return Err(Refusal::Protocol("a control frame may carry at most 125 bytes"));
                }
                match length {
                    126 => Ok(State::Length { opcode, fin, left: 2, length: 0 }),
                    127 => Ok(State::Length { opcode, fin, left: 8, length: 0 }),
                    short => self.announced(opcode, fin, u64::from(short)),
                }
            }
            State::Length { opcode, fin, left, length } => {
                let length = length << 8 | u64::from(byte);
                if left > 1 {
                    return Ok(State::Length { opcode, fin, left: left - 1, length });
                }
                self.announced(opcode, fin, length)
            }
            State::Skip { .. } => Ok(self.state),
            State::Refused(why) => Err(why),
        }
    }

    fn first(&mut self, byte: u8) -> Result<State, Refusal> {
        let (fin, opcode) = (byte & 0x80 != 0, byte & 0x0F);
        if byte & 0x70 != 0 {
            return Err(Refusal::Protocol("reserved bits are set, but no extension was agreed"));
        }
        match opcode {
            0 if !self.fragmented => Err(Refusal::Protocol("a continuation of no message")),
            1 | 2 if self.fragmented => Err(Refusal::Protocol("a new message before the last one's end")),
            8..=10 if !fin => Err(Refusal::Protocol("a control frame may not be fragmented")),
            0..=2 | 8..=10 => Ok(State::Second { opcode, fin }),
            _ => Err(Refusal::Protocol("unknown opcode")),
        }
    }

    fn announced(&mut self, opcode: u8, fin: bool, length: u64) -> Result<State, Refusal> {
        if length > u64::MAX >> 1 {
            return Err(Refusal::Protocol("a length may not have its highest bit set"));
        }
        if !is_control(opcode) {
            self.message = self.message.saturating_add(length);
            if self.message > self.max_message as u64 {
                return Err(Refusal::TooBig { limit: self.max_message });
            }
            self.fragmented = !fin;
            if fin {
                self.message = 0;
            }
        }
        Ok(State::Skip { left: MASK_LEN + length })
    }
}

fn is_control(opcode: u8) -> bool {
    opcode & 0x08 != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_http::ws::{OpCode, Parser};
    use actix_web::web::BytesMut;
    use proptest::prelude::*;

    const MAX: usize = 300;

    /// Where in the whole stream it was refused, and why.
    fn verdict(chunks: &[&[u8]]) -> Option<(usize, Refusal)> {
        let mut guard = Guard::new(MAX);
        let mut before = 0;
        for chunk in chunks {
            if let Err(refused) = guard.feed(chunk) {
                return Some((before + refused.at, refused.why));
            }
            before += chunk.len();
        }
        None
    }

    fn client_frame(opcode: OpCode, fin: bool, len: usize) -> Vec<u8> {
        let mut out = BytesMut::new();
        Parser::write_message(&mut out, vec![0; len], opcode, fin, true);
        out.to_vec()
    }

    /// What the codec says of the whole stream, fragments counted as the guard counts them.
    fn codec_accepts(bytes: &[u8]) -> bool {
        let mut src = BytesMut::from(bytes);
        let (mut open, mut message) = (false, 0);
        loop {
            match Parser::parse(&mut src, true, MAX) {
                Ok(None) => return src.is_empty(),
                Err(_) => return false,
                Ok(Some((fin, opcode, payload))) => match opcode {
                    OpCode::Ping | OpCode::Pong | OpCode::Close if !fin => return false,
                    OpCode::Ping | OpCode::Pong | OpCode::Close => {}
                    _ if (opcode == OpCode::Continue) != open => return false,
                    _ => {
                        message += payload.map_or(0, |payload| payload.len());
                        if message > MAX {
                            return false;
                        }
                        open = !fin;
                        message = if fin { 0 } else { message };
                    }
                },
            }
        }
    }

    fn frames() -> impl Strategy<Value = Vec<u8>> {
        let opcode = prop_oneof![
            4 => Just(OpCode::Text),
            1 => Just(OpCode::Binary),
            4 => Just(OpCode::Continue),
            2 => Just(OpCode::Ping),
            1 => Just(OpCode::Close),
        ];
        let length = prop_oneof![6 => 0_usize..60, 1 => 120_usize..130, 1 => 290_usize..310];
        let frame = (opcode, any::<bool>(), length).prop_map(|(opcode, fin, len)| client_frame(opcode, fin, len));
        proptest::collection::vec(frame, 1..6).prop_map(|frames| frames.concat())
    }

    fn stream() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![frames(), proptest::collection::vec(any::<u8>(), 1..60)]
    }

    proptest! {
        #[test]
        fn slicing_changes_no_verdict(bytes in stream(), cuts in proptest::collection::vec(any::<usize>(), 0..8)) {
            let whole = verdict(&[&bytes]);
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            prop_assert_eq!(verdict(&single), whole);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut % (bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let sliced: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert_eq!(verdict(&sliced), whole);
        }

        #[test]
        fn it_accepts_exactly_the_well_formed_frames_that_the_codec_accepts(bytes in frames()) {
            prop_assert_eq!(verdict(&[&bytes]).is_none(), codec_accepts(&bytes));
        }
    }

    #[test]
    fn a_giant_frame_is_refused_at_its_header() {
        let mut header = vec![0x81, 0xFF];
        header.extend_from_slice(&(1_u64 << 30).to_be_bytes());
        assert_eq!(verdict(&[&header]), Some((9, Refusal::TooBig { limit: MAX })));
    }

    #[test]
    fn fragments_count_together() {
        let first = client_frame(OpCode::Text, false, 200);
        let bytes = [first.clone(), client_frame(OpCode::Ping, true, 125), client_frame(OpCode::Continue, true, 101)];
        let refused = verdict(&[&bytes.concat()]);
        assert_eq!(refused.map(|(_, why)| why), Some(Refusal::TooBig { limit: MAX }));
        let bytes = [first, client_frame(OpCode::Continue, true, 100), client_frame(OpCode::Text, true, 300)];
        assert_eq!(verdict(&[&bytes.concat()]), None);
    }

    #[test]
    fn what_breaks_the_protocol_is_refused_at_the_first_byte_that_shows_it() {
        for (bytes, at) in [
            (&[0xC1_u8, 0x80][..], 0), // RSV1
            (&[0x83, 0x80], 0),        // opcode 3
            (&[0x81, 0x01], 1),        // not masked
            (&[0x09, 0x80], 0),        // ping in fragments
            (&[0x89, 0xFE], 1),        // ping of 126 bytes and more
            (&[0x80, 0x80], 0),        // continues nothing
        ] {
            let refused = verdict(&[bytes]);
            assert!(matches!(refused, Some((offset, Refusal::Protocol(_))) if offset == at), "{bytes:?}: {refused:?}");
        }
    }
}
