//! Reads of a server's frame only what a measurement needs, without building a value of it.
//!
//! Called for every frame that comes in. Takes any JSON in any order of fields, and is quickest where the fields stand as
//! the daemon writes them: what follows the last one that is needed is not looked at. Never checks what it skips.

/// What a frame is, by its `type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Kind {
    Hello,
    Message,
    Ack,
    /// A change of the channel that has a place in its sequence: `message_updated`, `members`, `channel` and the like.
    Change,
    Sync,
    SyncComplete,
    Error,
    Goaway,
    /// What has no place in any sequence.
    #[default]
    Other,
}

/// The fields of a frame, those of its `data` among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Scanned<'a> {
    pub(crate) kind: Kind,
    pub(crate) client_id: Option<&'a [u8]>,
    pub(crate) channel_id: Option<&'a [u8]>,
    pub(crate) version: Option<i64>,
    pub(crate) since: Option<i64>,
    pub(crate) code: Option<&'a [u8]>,
    pub(crate) has_more: bool,
    pub(crate) reset: bool,
    /// The array as it stands there.
    pub(crate) messages: Option<&'a [u8]>,
}

impl<'a> Scanned<'a> {
    /// Only as far as a `message` and an `ack` need it: no `since`.
    pub(crate) fn quickly(payload: &'a [u8]) -> Option<Self> {
        Self::scan(payload, false)
    }

    pub(crate) fn wholly(payload: &'a [u8]) -> Option<Self> {
        Self::scan(payload, true)
    }

    fn scan(payload: &'a [u8], whole: bool) -> Option<Self> {
        let mut scanned = Self::default();
        let mut kind = None;
        let mut walk = Walk { bytes: payload, at: 0 };
        walk.object(&mut |key, walk| {
            match key {
                b"type" => kind = Some(kind_of(walk.string()?)),
                b"data" if walk.peek()? == b'{' => {
                    walk.object(&mut |key, walk| {
                        scanned.take(key, walk)?;
                        Some(whole || !scanned.is_enough(kind))
                    })?;
                }
                key => scanned.take(key, walk)?,
            }
            Some(whole || !scanned.is_enough(kind))
        })?;
        scanned.kind = kind?;
        Some(scanned)
    }

    fn is_enough(&self, kind: Option<Kind>) -> bool {
        matches!(kind, Some(Kind::Message | Kind::Ack))
            && self.version.is_some()
            && self.client_id.is_some()
            && self.channel_id.is_some()
    }

    fn take(&mut self, key: &[u8], walk: &mut Walk<'a>) -> Option<()> {
        match key {
            b"clientId" => self.client_id = Some(walk.string()?),
            b"channelId" => self.channel_id = Some(walk.string()?),
            b"version" => self.version = Some(walk.number()?),
            b"since" => self.since = Some(walk.number()?),
            b"code" => self.code = Some(walk.string()?),
            b"hasMore" => self.has_more = walk.value()? == b"true",
            b"reset" => self.reset = walk.value()? == b"true",
            b"messages" => self.messages = Some(walk.value()?),
            _ => drop(walk.value()?),
        }
        Some(())
    }
}

/// The versions of an array of messages, in its order. None where it is no such array.
pub(crate) fn versions(messages: &[u8]) -> Option<Vec<i64>> {
    let mut walk = Walk { bytes: messages, at: 0 };
    let mut found = Vec::new();
    walk.expect(b'[')?;
    while walk.peek()? != b']' {
        let mut version = None;
        walk.object(&mut |key, walk| {
            match key {
                b"version" => version = Some(walk.number()?),
                _ => drop(walk.value()?),
            }
            Some(true)
        })?;
        found.push(version?);
        if walk.peek()? == b',' {
            walk.at += 1;
        }
    }
    Some(found)
}

fn kind_of(name: &[u8]) -> Kind {
    match name {
        b"message" => Kind::Message,
        b"ack" => Kind::Ack,
        b"hello" => Kind::Hello,
        b"message_updated" | b"message_deleted" | b"members" | b"channel" => Kind::Change,
        b"sync" => Kind::Sync,
        b"sync_complete" => Kind::SyncComplete,
        b"error" => Kind::Error,
        b"goaway" => Kind::Goaway,
        _ => Kind::Other,
    }
}

/// A place in a JSON text. None is what is not JSON, or ends too early.
struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Walk<'a> {
    /// Calls `each` with each key, which has to go past the value and tells whether to go on.
    fn object(&mut self, each: &mut dyn FnMut(&'a [u8], &mut Self) -> Option<bool>) -> Option<()> {
        self.expect(b'{')?;
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        loop {
            let key = self.string()?;
            self.expect(b':')?;
            if !each(key, self)? {
                return Some(());
            }
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    /// The next byte that is no blank.
    fn peek(&mut self) -> Option<u8> {
        loop {
            match *self.bytes.get(self.at)? {
                b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// What stands between the quotation marks, escapes as they are.
    fn string(&mut self) -> Option<&'a [u8]> {
        self.expect(b'"')?;
        let begin = self.at;
        loop {
            match *self.bytes.get(self.at)? {
                b'"' => {
                    self.at += 1;
                    return Some(&self.bytes[begin..self.at - 1]);
                }
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
    }

    fn number(&mut self) -> Option<i64> {
        std::str::from_utf8(self.value()?).ok()?.parse().ok()
    }

    /// Any value, as it stands there.
    fn value(&mut self) -> Option<&'a [u8]> {
        let first = self.peek()?;
        let begin = self.at;
        match first {
            b'"' => drop(self.string()?),
            b'{' | b'[' => {
                let mut depth = 0_usize;
                loop {
                    match *self.bytes.get(self.at)? {
                        b'"' => {
                            self.string()?;
                            continue;
                        }
                        b'{' | b'[' => depth += 1,
                        b'}' | b']' => depth -= 1,
                        _ => (),
                    }
                    self.at += 1;
                    if depth == 0 {
                        break;
                    }
                }
            }
            _ => {
                while !matches!(self.bytes.get(self.at)?, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t') {
                    self.at += 1;
                }
            }
        }
        Some(&self.bytes[begin..self.at])
    }
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
