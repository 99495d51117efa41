//! Takes out of files whose parts name each other by place what tells more than they show: pictures and films that are boxes
//! (HEIC, AVIF, JPEG XL, JPEG 2000, MP4, MOV, 3GP) and TIFF, raw pictures that are TIFF among them. What says what is where may come last,
//! so they are looked at where they lie whole, in a file, and changed in place: no place changes, and what is left out becomes
//! zeros.
//!
//! Used by the intake, off the workers. What is on a list stays, with what it names; all else goes. What cannot be understood
//! is an error here, since nobody could say what it tells. No picture and no sound is decoded, and what is held is bounded,
//! whatever a file says of itself.

mod boxes;
mod chunks;
mod entries;
mod film;
mod inner;
mod items;
mod picture;
mod ranges;
mod tags;
mod tiff;
mod window;

use std::cell::RefCell;
use std::io;
use std::ops::Range;

/// Where a file lies.
pub trait Ground {
    fn len(&self) -> u64;

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn read(&self, at: u64, into: &mut [u8]) -> io::Result<()>;

    fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()>;

    /// Nothing from there on.
    fn cut(&self, at: u64) -> io::Result<()>;
}

/// Why a file was not dealt with.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    #[error("{0}")]
    Io(#[from] io::Error),
    /// What it is said to be it is not, or nothing that is known here.
    #[error("{0}")]
    Odd(&'static str),
}

type Done<T = ()> = Result<T, Trouble>;

/// How its parts name each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Boxes,
    Tiff,
}

impl Kind {
    pub fn of(head: &[u8]) -> Option<Self> {
        if let [b'I', b'I', 0x2a | 0x2b, 0, ..] | [b'M', b'M', 0, 0x2a | 0x2b, ..] = head {
            return Some(Self::Tiff);
        }
        let (length, name) = (head.get(..4)?, head.get(4..8)?);
        let is_first = match name {
            // The last two as QuickTime once began.
            b"ftyp" | b"styp" | b"moov" | b"mdat" => true,
            b"JXL " | b"jP  " => head.get(8..12)? == b"\r\n\x87\n",
            b"wide" => length == [0, 0, 0, 8],
            _ => false,
        };
        is_first.then_some(Self::Boxes)
    }
}

/// Width and height, as they are shown, of a picture that says so.
pub fn scrub(kind: Kind, ground: &dyn Ground) -> Result<Option<(u32, u32)>, Trouble> {
    let dimensions = match kind {
        Kind::Boxes => boxes::scrub(ground),
        Kind::Tiff => tiff::scrub(ground),
    };
    Ok(dimensions?.filter(|(width, height)| *width > 0 && *height > 0))
}

/// A file in memory, for those who try this out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory(pub RefCell<Vec<u8>>);

impl Memory {
    pub fn new(bytes: &[u8]) -> Self {
        Self(RefCell::new(bytes.to_vec()))
    }

    fn place(&self, at: u64, length: usize) -> io::Result<Range<usize>> {
        let start = usize::try_from(at).ok();
        let place = start.and_then(|start| Some(start..start.checked_add(length)?));
        place.filter(|place| place.end <= self.0.borrow().len()).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

impl Ground for Memory {
    fn len(&self) -> u64 {
        self.0.borrow().len() as u64
    }

    fn read(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        let place = self.place(at, into.len())?;
        into.copy_from_slice(&self.0.borrow()[place]);
        Ok(())
    }

    fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let place = self.place(at, bytes.len())?;
        self.0.borrow_mut()[place].copy_from_slice(bytes);
        Ok(())
    }

    fn cut(&self, at: u64) -> io::Result<()> {
        self.0.borrow_mut().truncate(usize::try_from(at).unwrap_or(usize::MAX));
        Ok(())
    }
}

/// Writes zeros.
fn blank(ground: &dyn Ground, range: Range<u64>) -> Done {
    const ZEROS: &[u8] = &[0; 64 << 10];
    let end = range.end.min(ground.len());
    let mut at = range.start;
    while at < end {
        let count = usize::try_from(end - at).unwrap_or(usize::MAX).min(ZEROS.len());
        ground.write(at, &ZEROS[..count])?;
        at += count as u64;
    }
    Ok(())
}

#[cfg(test)]
#[path = "boxes_tests.rs"]
mod boxes_tests;
#[cfg(test)]
#[path = "tiff_tests.rs"]
mod tiff_tests;
