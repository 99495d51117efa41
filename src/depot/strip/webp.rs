//! WebP: a RIFF of chunks, which says its length first. So what is left out leaves its place behind: a chunk of zeros that
//! every reader skips.

use super::{Fate, Rest, Step, Walk, le16, le32};

#[derive(Debug)]
pub(super) struct Webp {
    /// Of the RIFF, after its head; none before that was read.
    left: Option<usize>,
    rest: Rest,
    dimensions: Option<(u32, u32)>,
}

impl Default for Webp {
    fn default() -> Self {
        Self { left: None, rest: Rest::new(0, Fate::Drop), dimensions: None }
    }
}

const KEPT: [&[u8; 4]; 7] = [b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"];
/// What nobody knows, and therefore skips.
const BLANK: &[u8; 4] = b"JUNK";
/// The flags of `VP8X` that announce Exif and XMP.
const ANNOUNCED: u8 = 0x08 | 0x04;
/// The head of a chunk and as much of it as tells the picture's size.
const HEAD: usize = 8;
const TELLING: usize = 10;

impl Walk for Webp {
    fn step(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Step {
        if let Some(step) = self.rest.take(bytes, out) {
            return step;
        }
        let Some(left) = self.left else {
            let (Some(head), Some(size)) = (bytes.get(..12), le32(bytes, 4)) else { return Step::More };
            out.extend_from_slice(head);
            self.left = Some(usize::try_from(size).unwrap_or(usize::MAX).saturating_sub(4));
            return Step::Took(12);
        };
        if left < HEAD {
            return Step::End;
        }
        let (Some(name), Some(size)) = (bytes.get(..4), le32(bytes, 4)) else { return Step::More };
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let size = size.saturating_add(size & 1).min(left - HEAD);
        if name.starts_with(b"VP8") && size >= TELLING && bytes.len() < HEAD + TELLING {
            return Step::More;
        }
        self.dimensions = self.dimensions.or_else(|| dimensions(name, &bytes[HEAD..]));
        self.left = Some(left - HEAD - size);
        let keep = KEPT.iter().any(|kept| kept.as_slice() == name);
        out.extend_from_slice(if keep { name } else { BLANK });
        out.extend_from_slice(&bytes[4..HEAD]);
        if name == b"VP8X" && size > 0 && bytes.len() > HEAD {
            out.push(bytes[HEAD] & !ANNOUNCED);
            self.rest = Rest::new(size - 1, Fate::Keep);
            return Step::Took(HEAD + 1);
        }
        self.rest = Rest::new(size, if keep { Fate::Keep } else { Fate::Blank });
        Step::Took(HEAD)
    }

    fn dimensions(&self) -> Option<(u32, u32)> {
        self.dimensions
    }
}

fn dimensions(name: &[u8], content: &[u8]) -> Option<(u32, u32)> {
    let of_24_bits = |at: usize| Some(1 + (le32(content, at)? & 0x00ff_ffff));
    match name {
        // The second one ends with the content: its top byte is read from one before.
        b"VP8X" => Some((of_24_bits(4)?, 1 + (le32(content, 6)? >> 8))),
        b"VP8 " => Some(((le16(content, 6)? & 0x3fff).into(), (le16(content, 8)? & 0x3fff).into())),
        b"VP8L" => le32(content, 1).map(|bits| (1 + (bits & 0x3fff), 1 + ((bits >> 14) & 0x3fff))),
        _ => None,
    }
}
