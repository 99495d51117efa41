//! GIF: blocks, each a row of pieces of up to 255 bytes. Comments, texts and what applications add are left out, but for the
//! word on how often an animation runs and for colour profiles.

use super::{Fate, Rest, Step, Walk, le16};

#[derive(Debug)]
pub(super) struct Gif {
    started: bool,
    rest: Rest,
    /// Within a block: what becomes of its pieces.
    pieces: Option<Fate>,
    dimensions: Option<(u32, u32)>,
}

impl Default for Gif {
    fn default() -> Self {
        Self { started: false, rest: Rest::new(0, Fate::Drop), pieces: None, dimensions: None }
    }
}

const KEPT: [&[u8; 11]; 3] = [b"NETSCAPE2.0", b"ANIMEXTS1.0", b"ICCRGBG1012"];
const TRAILER: u8 = 0x3b;

/// How long the table of colours is that these flags announce.
fn table(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

impl Walk for Gif {
    fn step(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Step {
        if let Some(step) = self.rest.take(bytes, out) {
            return step;
        }
        if !self.started {
            let Some(head) = bytes.get(..13) else { return Step::More };
            self.dimensions = le16(head, 6).zip(le16(head, 8)).map(|(w, h)| (w.into(), h.into()));
            self.started = true;
            out.extend_from_slice(head);
            self.rest = Rest::new(table(head[10]), Fate::Keep);
            return Step::Took(13);
        }
        if let Some(fate) = self.pieces {
            let length = usize::from(bytes[0]);
            if length == 0 {
                self.pieces = None;
            }
            self.rest = Rest::new(length, fate);
            if fate == Fate::Keep {
                out.push(bytes[0]);
            }
            return Step::Took(1);
        }
        self.block(bytes, out)
    }

    fn dimensions(&self) -> Option<(u32, u32)> {
        self.dimensions
    }
}

impl Gif {
    fn block(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Step {
        match bytes {
            // A picture: where it goes, its colours, the width of its codes, then pieces.
            [0x2c, ..] => {
                let Some(head) = bytes.get(..10) else { return Step::More };
                out.extend_from_slice(head);
                self.rest = Rest::new(table(head[9]) + 1, Fate::Keep);
                self.pieces = Some(Fate::Keep);
                Step::Took(10)
            }
            [0x21, 0xf9, ..] => self.extension(bytes, Fate::Keep, out),
            [0x21, 0xff, ..] => {
                let Some(name) = bytes.get(3..14) else { return Step::More };
                let keep = KEPT.iter().any(|kept| kept.as_slice() == name);
                self.extension(bytes, if keep { Fate::Keep } else { Fate::Drop }, out)
            }
            [0x21, _, ..] => self.extension(bytes, Fate::Drop, out),
            [0x21] => Step::More,
            _ => {
                out.push(TRAILER);
                Step::End
            }
        }
    }

    fn extension(&mut self, bytes: &[u8], fate: Fate, out: &mut Vec<u8>) -> Step {
        if fate == Fate::Keep {
            out.extend_from_slice(&bytes[..2]);
        }
        self.pieces = Some(fate);
        Step::Took(2)
    }
}
