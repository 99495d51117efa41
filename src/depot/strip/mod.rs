//! Takes out of pictures what tells more than they show: where and when and by what they were taken, their texts, and
//! whatever follows their end. Works on the stream: nothing but the piece that is looked at is held.
//!
//! A broken picture is no error here: what cannot be understood is left out, and who opens it finds it broken.

mod gif;
mod jpeg;
mod png;
mod webp;

/// What a format makes of the bytes that are there.
pub(super) enum Step {
    /// So many are dealt with.
    Took(usize),
    /// These are not enough to go on.
    More,
    /// Nothing that follows belongs to the picture.
    End,
}

/// One format's walk through its pieces.
pub(super) trait Walk: Send {
    fn step(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Step;

    /// In pixels, as it is shown.
    fn dimensions(&self) -> Option<(u32, u32)>;
}

/// The formats that browsers are told to show, and that are stripped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Jpeg,
    Png,
    Gif,
    Webp,
}

impl Format {
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        match head {
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::Webp),
            _ => None,
        }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
        }
    }
}

/// A picture on its way through.
pub(super) struct Strip {
    walk: Box<dyn Walk>,
    pending: Vec<u8>,
    ended: bool,
}

impl Strip {
    pub(super) fn new(format: Format) -> Self {
        let walk: Box<dyn Walk> = match format {
            Format::Jpeg => Box::<jpeg::Jpeg>::default(),
            Format::Png => Box::<png::Png>::default(),
            Format::Gif => Box::<gif::Gif>::default(),
            Format::Webp => Box::<webp::Webp>::default(),
        };
        Self { walk, pending: Vec::new(), ended: false }
    }

    /// What is left of these bytes and of those that waited for them.
    pub(super) fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if self.ended {
            return;
        }
        self.pending.extend_from_slice(bytes);
        let mut at = 0;
        while let Some(rest) = self.pending.get(at..).filter(|rest| !rest.is_empty()) {
            match self.walk.step(rest, out) {
                Step::Took(count) => at += count.max(1),
                Step::More => break,
                Step::End => {
                    self.ended = true;
                    at = self.pending.len();
                }
            }
        }
        self.pending.drain(..at.min(self.pending.len()));
    }

    pub(super) fn dimensions(&self) -> Option<(u32, u32)> {
        self.walk.dimensions().filter(|(width, height)| *width > 0 && *height > 0)
    }
}

/// The rest of a piece, which is passed on, left out or blanked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rest {
    left: usize,
    what: Fate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Keep,
    Drop,
    Blank,
}

impl Rest {
    pub(super) fn new(left: usize, what: Fate) -> Self {
        Self { left, what }
    }

    /// Whether there is something of it yet; then that was dealt with.
    pub(super) fn take(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Option<Step> {
        if self.left == 0 {
            return None;
        }
        let count = self.left.min(bytes.len());
        self.left -= count;
        match self.what {
            Fate::Keep => out.extend_from_slice(&bytes[..count]),
            Fate::Drop => {}
            Fate::Blank => out.resize(out.len() + count, 0),
        }
        Some(Step::Took(count))
    }
}

/// Two bytes, the first one counting more.
pub(super) fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_be_bytes)
}

pub(super) fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes)
}

pub(super) fn le16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes)
}

pub(super) fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
