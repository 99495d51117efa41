//! PNG: a row of chunks. Kept are those that a picture is drawn by, animated or not; texts, times and Exif are not.

use super::{Fate, Rest, Step, Walk, be32};

#[derive(Debug)]
pub(super) struct Png {
    started: bool,
    ended: bool,
    rest: Rest,
    dimensions: Option<(u32, u32)>,
}

impl Default for Png {
    fn default() -> Self {
        Self { started: false, ended: false, rest: Rest::new(0, Fate::Drop), dimensions: None }
    }
}

const KEPT: [&[u8; 4]; 20] = [
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP", b"mDCV",
    b"cLLI", b"bKGD", b"hIST", b"pHYs", b"sPLT", b"acTL", b"fcTL", b"fdAT",
];
/// A length, a name and a checksum.
const MAX_LENGTH: u32 = i32::MAX as u32;

impl Walk for Png {
    fn step(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Step {
        if let Some(step) = self.rest.take(bytes, out) {
            return step;
        }
        if self.ended {
            return Step::End;
        }
        if !self.started {
            let Some(signature) = bytes.get(..8) else { return Step::More };
            out.extend_from_slice(signature);
            self.started = true;
            return Step::Took(8);
        }
        let (Some(length), Some(name)) = (be32(bytes, 0), bytes.get(4..8)) else { return Step::More };
        if length > MAX_LENGTH {
            return Step::End;
        }
        if name == b"IHDR" && self.dimensions.is_none() {
            let (Some(width), Some(height)) = (be32(bytes, 8), be32(bytes, 12)) else { return Step::More };
            self.dimensions = Some((width, height));
        }
        let keep = KEPT.iter().any(|kept| kept.as_slice() == name);
        if keep {
            out.extend_from_slice(&bytes[..8]);
        }
        self.ended = name == b"IEND";
        let left = usize::try_from(length).unwrap_or(usize::MAX).saturating_add(4);
        self.rest = Rest::new(left, if keep { Fate::Keep } else { Fate::Drop });
        Step::Took(8)
    }

    fn dimensions(&self) -> Option<(u32, u32)> {
        self.dimensions
    }
}
