//! What the entries of a TIFF's directory say of a picture.

use std::ops::Range;

use super::tags;

/// A tag, and its value or where that is.
pub(super) struct Entry {
    pub(super) tag: u16,
    pub(super) kind: u16,
    pub(super) count: u64,
    /// Where its value is, if that is in the file.
    pub(super) value: Option<Range<u64>>,
    pub(super) is_inline: bool,
}

/// What the entries of a directory say.
#[derive(Default)]
pub(super) struct Directory {
    /// A preview of another one.
    pub(super) is_reduced: bool,
    pub(super) width: Option<u32>,
    pub(super) height: Option<u32>,
    pub(super) compression: u64,
    pub(super) orientation: Option<u16>,
    pub(super) strips: Option<Entry>,
    pub(super) strip_lengths: Option<Entry>,
    pub(super) tiles: Option<Entry>,
    pub(super) tile_lengths: Option<Entry>,
    pub(super) jpeg: Option<(u64, Option<u64>)>,
}

impl Directory {
    pub(super) fn note(&mut self, entry: &Entry, first: u64) {
        let copy = || Some(Entry { value: entry.value.clone(), ..*entry });
        let number = u32::try_from(first).ok();
        match entry.tag {
            tags::KIND => self.is_reduced = first & 1 != 0,
            tags::WIDTH => self.width = number,
            tags::HEIGHT => self.height = number,
            tags::COMPRESSION => self.compression = first,
            tags::ORIENTATION => self.orientation = u16::try_from(first).ok(),
            tags::STRIPS => self.strips = copy(),
            tags::STRIP_LENGTHS => self.strip_lengths = copy(),
            tags::TILES => self.tiles = copy(),
            tags::TILE_LENGTHS => self.tile_lengths = copy(),
            tags::JPEG => self.jpeg = Some((first, self.jpeg.and_then(|(_, length)| length))),
            tags::JPEG_LENGTH => self.jpeg = self.jpeg.map(|(at, _)| (at, Some(first))),
            _ => {}
        }
    }
}
