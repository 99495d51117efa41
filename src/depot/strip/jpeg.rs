//! JPEG: a row of segments, and between them the picture itself. Kept are those that a picture is drawn by, its colour
//! profile, and of the camera's notes the one that says which side is up.

use super::{Step, Walk, be16};

#[derive(Debug, Default)]
pub(super) struct Jpeg {
    state: State,
    dimensions: Option<(u32, u32)>,
    /// As Exif numbers it; 1 is upright.
    orientation: Option<u8>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Start,
    Marker,
    /// The picture, up to the next marker.
    Scan,
}

impl Walk for Jpeg {
    fn step(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Step {
        match self.state {
            State::Start if bytes.len() < 2 => Step::More,
            State::Start => {
                out.extend_from_slice(&[0xff, 0xd8]);
                self.state = State::Marker;
                Step::Took(2)
            }
            State::Marker => self.marker(bytes, out),
            State::Scan => self.scan(bytes, out),
        }
    }

    fn dimensions(&self) -> Option<(u32, u32)> {
        let (width, height) = self.dimensions?;
        // From 5 on it lies on its side.
        Some(if self.orientation.is_some_and(|turned| turned >= 5) { (height, width) } else { (width, height) })
    }
}

impl Jpeg {
    fn marker(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Step {
        let marker = match bytes {
            [0xff, 0xff, ..] => return Step::Took(1),
            [0xff, marker, ..] => *marker,
            [0xff] => return Step::More,
            _ => return Step::Took(bytes.iter().position(|byte| *byte == 0xff).unwrap_or(bytes.len())),
        };
        match marker {
            0x01 | 0xd0..=0xd7 => {
                out.extend_from_slice(&bytes[..2]);
                return Step::Took(2);
            }
            0x00 | 0xd8 => return Step::Took(2),
            0xd9 => {
                out.extend_from_slice(&bytes[..2]);
                return Step::End;
            }
            _ => {}
        }
        let Some(length) = be16(bytes, 2).map(usize::from) else { return Step::More };
        if length < 2 {
            return Step::Took(2);
        }
        let Some(segment) = bytes.get(..2 + length) else { return Step::More };
        self.segment(marker, segment, out);
        Step::Took(segment.len())
    }

    fn segment(&mut self, marker: u8, segment: &[u8], out: &mut Vec<u8>) {
        let content = &segment[4..];
        let keep = match marker {
            // Application data: JFIF, colour profile, Adobe's word on colours. Not Exif, XMP, IPTC, further pictures.
            0xe0 => content.starts_with(b"JFIF\0"),
            0xe1 => {
                self.exif(content, out);
                false
            }
            0xe2 => content.starts_with(b"ICC_PROFILE\0"),
            0xee => content.starts_with(b"Adobe"),
            0xc4 | 0xc8 | 0xcc | 0xda..=0xdf => true,
            0xc0..=0xcf => {
                let (height, width) = (be16(content, 1), be16(content, 3));
                self.dimensions = self.dimensions.or(width.zip(height).map(|(w, h)| (w.into(), h.into())));
                true
            }
            _ => false,
        };
        if keep {
            out.extend_from_slice(segment);
        }
        if marker == 0xda {
            self.state = State::Scan;
        }
    }

    /// Writes the orientation anew, and nothing else of what was there.
    fn exif(&mut self, content: &[u8], out: &mut Vec<u8>) {
        const BEFORE: &[u8] = b"\xff\xe1\0\x22Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0";
        if self.orientation.is_some() {
            return;
        }
        let Some(orientation) = content.strip_prefix(b"Exif\0\0").and_then(orientation) else { return };
        if (2..=8).contains(&orientation) {
            self.orientation = Some(orientation);
            out.extend_from_slice(BEFORE);
            out.extend_from_slice(&[orientation, 0, 0, 0, 0, 0, 0]);
        }
    }

    fn scan(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Step {
        let mut at = 0;
        while let Some(offset) = bytes[at..].iter().position(|byte| *byte == 0xff) {
            let mark = at + offset;
            match bytes.get(mark + 1) {
                // A byte of the picture, or a mark within it.
                Some(0x00 | 0x01 | 0xd0..=0xd7) => at = mark + 2,
                // Fills up to a mark, which may be one of those.
                Some(0xff) => at = mark + 1,
                Some(_) => {
                    out.extend_from_slice(&bytes[..mark]);
                    self.state = State::Marker;
                    // With nothing before it the marker is read by the next step.
                    return if mark == 0 { self.marker(bytes, out) } else { Step::Took(mark) };
                }
                None => {
                    out.extend_from_slice(&bytes[..mark]);
                    return if mark == 0 { Step::More } else { Step::Took(mark) };
                }
            }
        }
        out.extend_from_slice(bytes);
        Step::Took(bytes.len())
    }
}

/// The length of an entry of a TIFF's directory.
const ENTRY: usize = 12;

/// The tag 0x0112 of the first directory of a TIFF.
fn orientation(tiff: &[u8]) -> Option<u8> {
    let little = match tiff.get(..4)? {
        b"II\x2a\0" => true,
        b"MM\0\x2a" => false,
        _ => return None,
    };
    let u16_at = |at: usize| {
        let bytes: [u8; 2] = tiff.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    let first: [u8; 4] = tiff.get(4..8)?.try_into().ok()?;
    let first = if little { u32::from_le_bytes(first) } else { u32::from_be_bytes(first) };
    let first = usize::try_from(first).ok()?;
    // It may say that there are more than fit in it: a search for those would cost far more than the bytes that ask for it.
    let count = usize::from(u16_at(first)?).min(tiff.len() / ENTRY);
    (0..count).find_map(|number| {
        let entry = first.checked_add(2 + number * ENTRY)?;
        let value = (u16_at(entry)? == 0x0112).then(|| u16_at(entry + 8)).flatten()?;
        u8::try_from(value).ok()
    })
}
