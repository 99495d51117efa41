//! The peer's messages, decoded from what is read.
//!
//! Fed to the session actor by `add_stream`. Never holds more than about one message of the largest size and one
//! chunk as read from the socket. Never answers: pings and closes are the session's to answer.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_http::ws::{OpCode, Parser, ProtocolError};
use bytes::{Bytes, BytesMut};
use bytestring::ByteString;
use futures_util::{Stream, ready};

use super::close_code;
use super::guard::{Guard, Refusal};

/// One whole message or control frame. Its bytes may share the read buffer: copy what is kept for long.
#[derive(Clone, PartialEq, Eq)]
pub enum Event {
    Text(ByteString),
    Binary(Bytes),
    Ping(Bytes),
    Pong(Bytes),
    /// The peer's close frame, with its code if it gave one. The stream ends after it.
    Close(Option<u16>),
}

// No content may come into a log.
impl std::fmt::Debug for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::Binary(content) => write!(f, "Binary({} bytes)", content.len()),
            Self::Ping(payload) => write!(f, "Ping({} bytes)", payload.len()),
            Self::Pong(payload) => write!(f, "Pong({} bytes)", payload.len()),
            Self::Close(code) => f.debug_tuple("Close").field(code).finish(),
        }
    }
}

/// Why there is no next message. The stream ends after one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InboundError {
    #[error("message over the limit of {limit} bytes; send it in parts")]
    TooBig { limit: usize },
    #[error("not a valid WebSocket frame: {0}")]
    Protocol(String),
    #[error("text message is not UTF-8")]
    NotUtf8,
    #[error("connection lost")]
    Io,
}

impl InboundError {
    /// What to close the socket with; none where there is nobody left to tell.
    pub fn close_code(&self) -> Option<u16> {
        match self {
            Self::TooBig { .. } => Some(close_code::TOO_BIG),
            Self::Protocol(_) => Some(close_code::PROTOCOL),
            Self::NotUtf8 => Some(close_code::NOT_UTF8),
            Self::Io => None,
        }
    }
}

impl From<Refusal> for InboundError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::TooBig { limit } => Self::TooBig { limit },
            Refusal::Protocol(why) => Self::Protocol(why.to_owned()),
        }
    }
}

/// The unfinished message, while its fragments arrive.
#[derive(Debug)]
enum Partial {
    None,
    /// Its bytes, of which so many at the beginning are UTF-8 for sure.
    Text(BytesMut, usize),
    Binary(BytesMut),
}

/// The decoder of what comes from `read_from`.
#[derive(Debug)]
pub struct Inbound<S> {
    read_from: S,
    max_message: usize,
    guard: Guard,
    refused: Option<Refusal>,
    read: BytesMut,
    partial: Partial,
    ended: bool,
}

impl<S> Inbound<S> {
    /// `max_message` bytes is the most that a message may have, all of its fragments together.
    pub fn new(read_from: S, max_message: usize) -> Self {
        Self {
            read_from,
            max_message,
            guard: Guard::new(max_message),
            refused: None,
            read: BytesMut::new(),
            partial: Partial::None,
            ended: false,
        }
    }

    fn take_in(&mut self, chunk: &[u8]) {
        let good = match self.guard.feed(chunk) {
            Ok(()) => chunk,
            Err(refused) => {
                self.refused = Some(refused.why);
                &chunk[..refused.at]
            }
        };
        self.read.extend_from_slice(good);
    }

    /// The next event of what has been read, or none if more must be read first.
    fn decode(&mut self) -> Result<Option<Event>, InboundError> {
        while let Some((fin, opcode, payload)) =
            Parser::parse(&mut self.read, true, self.max_message).map_err(|error| self.unreadable(&error))?
        {
            let payload = payload.unwrap_or_default();
            match opcode {
                OpCode::Ping => return Ok(Some(Event::Ping(payload.freeze()))),
                OpCode::Pong => return Ok(Some(Event::Pong(payload.freeze()))),
                OpCode::Close => {
                    let reason = Parser::try_parse_close_payload(&payload).map_err(|error| self.unreadable(&error))?;
                    return Ok(Some(Event::Close(reason.map(|reason| reason.code.into()))));
                }
                OpCode::Text if fin => return whole_text(payload).map(Some),
                OpCode::Binary if fin => return Ok(Some(Event::Binary(payload.freeze()))),
                // A copy, since the read buffer's allocation would live as long as the message is unfinished.
                OpCode::Text => self.partial = Partial::text(BytesMut::from(&payload[..]))?,
                OpCode::Binary => self.partial = Partial::Binary(BytesMut::from(&payload[..])),
                OpCode::Continue => {
                    let partial = std::mem::replace(&mut self.partial, Partial::None).continued(&payload)?;
                    match partial {
                        Partial::Text(text, _) if fin => return whole_text(text).map(Some),
                        Partial::Binary(content) if fin => return Ok(Some(Event::Binary(content.freeze()))),
                        unfinished => self.partial = unfinished,
                    }
                }
                OpCode::Bad => return Err(InboundError::Protocol("unknown opcode".to_owned())),
            }
        }
        Ok(None)
    }

    fn unreadable(&self, error: &ProtocolError) -> InboundError {
        match error {
            ProtocolError::Overflow => InboundError::TooBig { limit: self.max_message },
            ProtocolError::BadOpCode => InboundError::Protocol("the close frame's code or reason is not valid".into()),
            other => InboundError::Protocol(other.to_string()),
        }
    }

    fn end(&mut self) {
        self.ended = true;
        self.read = BytesMut::new();
        self.partial = Partial::None;
    }
}

impl Partial {
    fn text(text: BytesMut) -> Result<Self, InboundError> {
        let checked = utf8_up_to(&text)?;
        Ok(Self::Text(text, checked))
    }

    /// With one fragment more. A text that cannot become UTF-8 any more is refused at once.
    fn continued(self, fragment: &[u8]) -> Result<Self, InboundError> {
        match self {
            Self::None => Ok(Self::None),
            Self::Binary(mut content) => {
                content.extend_from_slice(fragment);
                Ok(Self::Binary(content))
            }
            Self::Text(mut text, checked) => {
                text.extend_from_slice(fragment);
                let more = utf8_up_to(&text[checked..])?;
                Ok(Self::Text(text, checked + more))
            }
        }
    }
}

/// How many bytes are UTF-8 for sure; the rest is the beginning of a character.
fn utf8_up_to(bytes: &[u8]) -> Result<usize, InboundError> {
    match std::str::from_utf8(bytes) {
        Ok(_) => Ok(bytes.len()),
        Err(error) if error.error_len().is_none() => Ok(error.valid_up_to()),
        Err(_) => Err(InboundError::NotUtf8),
    }
}

fn whole_text(payload: BytesMut) -> Result<Event, InboundError> {
    ByteString::try_from(payload.freeze()).map(Event::Text).map_err(|_| InboundError::NotUtf8)
}

impl<S> Stream for Inbound<S>
where
    S: Stream<Item = io::Result<Bytes>> + Unpin,
{
    type Item = Result<Event, InboundError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if this.ended {
                return Poll::Ready(None);
            }
            match this.decode() {
                Ok(Some(event)) => {
                    if matches!(event, Event::Close(_)) {
                        this.end();
                    }
                    return Poll::Ready(Some(Ok(event)));
                }
                Ok(None) => {}
                Err(error) => {
                    this.end();
                    return Poll::Ready(Some(Err(error)));
                }
            }
            // An idle socket keeps no buffer.
            if this.read.is_empty() {
                this.read = BytesMut::new();
            }
            if let Some(refusal) = this.refused {
                this.end();
                return Poll::Ready(Some(Err(refusal.into())));
            }
            match ready!(Pin::new(&mut this.read_from).poll_next(cx)) {
                Some(Ok(chunk)) => this.take_in(&chunk),
                Some(Err(_)) => {
                    this.end();
                    return Poll::Ready(Some(Err(InboundError::Io)));
                }
                None => this.end(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{FutureExt, StreamExt, stream};

    const MAX: usize = 1000;

    fn client(opcode: OpCode, fin: bool, payload: &[u8]) -> Vec<u8> {
        let mut out = BytesMut::new();
        Parser::write_message(&mut out, payload, opcode, fin, true);
        out.to_vec()
    }

    /// All that comes out of `bytes`, read in chunks of `size`.
    fn events(bytes: &[u8], size: usize) -> Vec<Result<Event, InboundError>> {
        let chunks: Vec<_> = bytes.chunks(size).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
        Inbound::new(stream::iter(chunks), MAX).collect().now_or_never().unwrap()
    }

    #[test]
    fn fragments_become_one_message_with_control_frames_between_them() {
        let bytes = [
            client(OpCode::Text, false, "gr".as_bytes()),
            client(OpCode::Ping, true, b"p"),
            client(OpCode::Continue, false, &"ü".as_bytes()[..1]),
            client(OpCode::Continue, true, &[&"ü".as_bytes()[1..], b"n"].concat()),
            client(OpCode::Binary, false, b"x"),
            client(OpCode::Continue, true, b"y"),
            client(OpCode::Close, true, &[&1000_u16.to_be_bytes()[..], b"bye"].concat()),
            client(OpCode::Text, true, b"after the close"),
        ]
        .concat();
        for size in [1, 3, 7, 4096] {
            let expected = vec![
                Ok(Event::Ping(Bytes::from_static(b"p"))),
                Ok(Event::Text("grün".into())),
                Ok(Event::Binary(Bytes::from_static(b"xy"))),
                Ok(Event::Close(Some(1000))),
            ];
            assert_eq!(events(&bytes, size), expected, "in chunks of {size}");
        }
    }

    #[test]
    fn what_came_before_a_refused_frame_is_still_delivered() {
        let bytes = [client(OpCode::Text, true, b"ok"), client(OpCode::Text, true, &[b'a'; MAX + 1])].concat();
        for size in [1, 4096] {
            let expected = vec![Ok(Event::Text("ok".into())), Err(InboundError::TooBig { limit: MAX })];
            assert_eq!(events(&bytes, size), expected);
        }
    }

    #[test]
    fn a_text_that_cannot_become_utf_8_is_refused_before_its_end() {
        let whole = "grün €".as_bytes();
        for cut in 0..whole.len() {
            let first = client(OpCode::Text, false, &whole[..cut]);
            let good = [first.clone(), client(OpCode::Continue, true, &whole[cut..])].concat();
            assert_eq!(events(&good, 4096), [Ok(Event::Text("grün €".into()))], "cut at {cut}");
            // Nothing has ended the message yet.
            let bad = [first, client(OpCode::Continue, false, &[0xFF])].concat();
            assert_eq!(events(&bad, 4096), [Err(InboundError::NotUtf8)], "cut at {cut}");
        }
        assert_eq!(events(&client(OpCode::Text, false, &[0xED, 0xA0, 0x80]), 4096), [Err(InboundError::NotUtf8)]);
        // A character that never ends.
        let cut_off = [client(OpCode::Text, false, &[0xC3]), client(OpCode::Continue, true, &[])].concat();
        assert_eq!(events(&cut_off, 4096), [Err(InboundError::NotUtf8)]);
    }

    #[test]
    fn a_socket_that_says_nothing_holds_no_buffer() {
        let whole = client(OpCode::Text, true, &[b'a'; MAX]);
        let chunks = [Bytes::copy_from_slice(&whole[..MAX / 2]), Bytes::copy_from_slice(&whole[MAX / 2..])];
        let source = stream::iter(chunks.map(Ok)).chain(stream::pending());
        let mut inbound = Inbound::new(source, MAX);
        let text = inbound.next().now_or_never().unwrap().unwrap().unwrap();
        assert!(matches!(text, Event::Text(text) if text.len() == MAX));
        assert!(inbound.next().now_or_never().is_none());
        assert_eq!(inbound.read.capacity(), 0);
    }

    #[test]
    fn each_error_has_its_close_code() {
        let code = |bytes: &[u8]| events(bytes, 4096).pop().unwrap().unwrap_err().close_code();
        assert_eq!(code(&client(OpCode::Text, true, &[0xFF])), Some(1007));
        assert_eq!(code(&[0xC1, 0x80]), Some(1002));
        assert_eq!(code(&client(OpCode::Close, true, &[0])), Some(1002));
        assert_eq!(code(&client(OpCode::Text, true, &[0; MAX + 1])), Some(1009));
        let lost = stream::iter([Err(io::ErrorKind::ConnectionReset.into())]);
        let lost = Inbound::new(lost, MAX).next().now_or_never().unwrap();
        assert_eq!(lost.unwrap().unwrap_err().close_code(), None);
    }
}
