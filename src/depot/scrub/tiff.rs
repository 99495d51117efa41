//! TIFF: directories of tags, each with its value or the place of it, anywhere in the file. Directories are written anew in
//! their places, with the tags that are on the list; of the rest of the file stays what those name.

use std::collections::{HashSet, VecDeque};
use std::ops::Range;

use super::entries::{Directory, Entry};
use super::inner;
use super::ranges::{Ranges, blank_between};
use super::tags::{self, FOREIGN, is_drawn_by};
use super::window::Window;
use super::{Done, Ground, Trouble, blank};

/// In all directories of a file.
const ENTRIES: u64 = 1 << 17;
const DIRECTORIES: usize = 4096;
/// Places and lengths that are read, two for each piece.
const VALUES: u64 = 1 << 20;
/// What is kept of a table of the old kind of JPEG.
const TABLE: u64 = 272;

pub(super) fn scrub(ground: &dyn Ground) -> Done<Option<(u32, u32)>> {
    let mut tiff = Tiff::open(ground)?;
    while let Some((at, shown)) = tiff.queue.pop_front() {
        tiff.directory(at, shown)?;
    }
    if !tiff.drawn {
        return Err(Trouble::Odd("there is no picture in it"));
    }
    tiff.write()
}

struct Tiff<'a> {
    ground: &'a dyn Ground,
    window: Window<'a>,
    little: bool,
    /// With 64 bits for each place.
    big: bool,
    head: Vec<u8>,
    queue: VecDeque<(u64, bool)>,
    seen: HashSet<u64>,
    entries: u64,
    values: u64,
    kept: Ranges,
    dropped: Ranges,
    jpegs: Vec<Range<u64>>,
    /// Directories as they will be.
    tables: Vec<(u64, Vec<u8>)>,
    dimensions: Option<(u32, u32)>,
    orientation: u16,
    drawn: bool,
}

impl<'a> Tiff<'a> {
    fn open(ground: &'a dyn Ground) -> Done<Self> {
        let mut window = Window::new(ground);
        let [order, _, first, second]: [u8; 4] = window.get(0)?;
        let (little, big) = (order == b'I', first == 0x2b || second == 0x2b);
        let mut tiff = Self {
            ground,
            window,
            little,
            big,
            head: Vec::new(),
            queue: VecDeque::new(),
            seen: HashSet::new(),
            entries: ENTRIES,
            values: VALUES,
            kept: Ranges::default(),
            dropped: Ranges::default(),
            jpegs: Vec::new(),
            tables: Vec::new(),
            dimensions: None,
            orientation: 1,
            drawn: false,
        };
        let first = if big { tiff.u64_at(8)? } else { tiff.u32_at(4)?.into() };
        // Canon's raw pictures say there where another directory is, which the row of them leads to as well.
        let is_canon = !big && first >= 16 && tiff.window.get(8).is_ok_and(|name: [u8; 2]| name == *b"CR");
        tiff.head =
            if big || is_canon { tiff.window.get::<16>(0)?.to_vec() } else { tiff.window.get::<8>(0)?.to_vec() };
        if !tiff.take(first, true)? {
            return Err(Trouble::Odd("its first directory is not in it"));
        }
        Ok(tiff)
    }

    /// Whether there is a directory that was not seen; then its turn comes.
    fn take(&mut self, at: u64, shown: bool) -> Done<bool> {
        if at < self.head.len() as u64 || self.seen.contains(&at) || self.table(at).is_none() {
            return Ok(false);
        }
        if self.seen.len() == DIRECTORIES {
            return Err(Trouble::Odd("it has too many directories"));
        }
        self.seen.insert(at);
        self.queue.push_back((at, shown));
        Ok(true)
    }

    /// The place of a directory's entries, where they are in the file.
    fn table(&mut self, at: u64) -> Option<Range<u64>> {
        let count = if self.big { self.u64_at(at).ok()? } else { self.u16_at(at).ok()?.into() };
        let start = at + if self.big { 8 } else { 2 };
        let end = start.checked_add(count.checked_mul(self.entry_length())?)?;
        (end <= self.ground.len()).then_some(start..end)
    }

    fn directory(&mut self, at: u64, shown: bool) -> Done {
        let Some(table) = self.table(at) else { return Ok(()) };
        let count = (table.end - table.start) / self.entry_length();
        self.entries = self.entries.checked_sub(count).ok_or(Trouble::Odd("its directories have too many entries"))?;
        let mut directory = Directory::default();
        let mut stays = Vec::new();
        for place in table.clone().step_by(usize::try_from(self.entry_length()).unwrap_or(12)) {
            let entry = self.entry(place)?;
            if self.judge(&entry, &mut directory)? {
                stays.push(place);
            }
        }
        self.pieces(&directory)?;
        if shown {
            self.orientation = directory.orientation.unwrap_or(self.orientation);
        }
        if !directory.is_reduced {
            self.dimensions = self.dimensions.or(directory.width.zip(directory.height));
        }
        // The next one in the row, if this one says so and it is none that was there before.
        let next = if self.big { self.u64_at(table.end) } else { self.u32_at(table.end).map(u64::from) };
        let says = next.is_ok();
        let next = next.unwrap_or(0);
        let next = if next != 0 && self.take(next, false)? { next } else { 0 };
        let mut bytes = self.number(stays.len() as u64, if self.big { 8 } else { 2 });
        for place in &stays {
            let entry = if self.big {
                self.window.get::<20>(*place)?.to_vec()
            } else {
                self.window.get::<12>(*place)?.to_vec()
            };
            bytes.extend_from_slice(&entry);
        }
        if says || (stays.len() as u64) < count {
            bytes.extend(self.number(next, if self.big { 8 } else { 4 }));
        }
        self.kept.push(at..at + bytes.len() as u64)?;
        self.tables.push((at, bytes));
        Ok(())
    }

    fn entry(&mut self, at: u64) -> Done<Entry> {
        let (tag, kind) = (self.u16_at(at)?, self.u16_at(at + 2)?);
        let count = if self.big { self.u64_at(at + 4)? } else { self.u32_at(at + 4)?.into() };
        let (field, room) = if self.big { (at + 12, 8) } else { (at + 8, 4) };
        let length = tags::length_of(kind).and_then(|one| one.checked_mul(count));
        let is_inline = length.is_some_and(|length| length <= room);
        let start = match (is_inline, self.big) {
            (true, _) => field,
            (_, true) => self.u64_at(field)?,
            (_, false) => self.u32_at(field)?.into(),
        };
        let value = length.and_then(|length| Some(start..start.checked_add(length)?));
        let value = value.filter(|value| value.end <= self.ground.len());
        Ok(Entry { tag, kind, count, value, is_inline })
    }

    /// Whether it stays.
    fn judge(&mut self, entry: &Entry, directory: &mut Directory) -> Done<bool> {
        let Some(value) = entry.value.clone() else { return Ok(false) };
        if !is_drawn_by(entry.tag) {
            if FOREIGN.contains(&entry.tag) && entry.count > 0 {
                let at = self.value(entry, 0)?;
                self.foreign(at, 0)?;
            }
            if !entry.is_inline {
                self.dropped.push(value)?;
            }
            return Ok(false);
        }
        if entry.tag == tags::SUBDIRECTORIES {
            for number in 0..entry.count {
                let at = self.value(entry, number)?;
                if !self.take(at, false)? && !self.seen.contains(&at) {
                    return Ok(false);
                }
            }
        }
        if tags::JPEG_TABLES.contains(&entry.tag) {
            for number in 0..entry.count {
                let at = self.value(entry, number)?;
                self.keep(at, TABLE)?;
            }
        }
        if !entry.is_inline {
            self.kept.push(value)?;
        }
        if entry.count > 0 && entry.tag != tags::SUBDIRECTORIES {
            let first = self.value(entry, 0)?;
            directory.note(entry, first);
        }
        Ok(true)
    }

    /// What a directory that goes names, and those in it: positions, the notes of the maker.
    fn foreign(&mut self, at: u64, depth: u8) -> Done {
        let Some(table) = self.table(at) else { return Ok(()) };
        let count = (table.end - table.start) / self.entry_length();
        self.entries = self.entries.checked_sub(count).ok_or(Trouble::Odd("its directories have too many entries"))?;
        for place in table.clone().step_by(usize::try_from(self.entry_length()).unwrap_or(12)) {
            let entry = self.entry(place)?;
            let Some(value) = entry.value.clone() else { continue };
            if depth < 2 && FOREIGN.contains(&entry.tag) && entry.count > 0 {
                let at = self.value(&entry, 0)?;
                self.foreign(at, depth + 1)?;
            }
            if !entry.is_inline {
                self.dropped.push(value)?;
            }
        }
        self.dropped.push(at..table.end)
    }

    /// The picture's own data.
    fn pieces(&mut self, directory: &Directory) -> Done {
        let is_jpeg = matches!(directory.compression, 6 | 7 | 34892);
        for (places, lengths) in
            [(&directory.strips, &directory.strip_lengths), (&directory.tiles, &directory.tile_lengths)]
        {
            let Some(places) = places else { continue };
            if let Some(lengths) = lengths
                && lengths.count < places.count
            {
                return Err(Trouble::Odd("it does not say how long its pieces are"));
            }
            for number in 0..places.count {
                let at = self.value(places, number)?;
                let length = match lengths {
                    Some(lengths) => self.value(lengths, number)?,
                    None => 0,
                };
                // Old writers say no length of the only piece.
                let length = if length == 0 && places.count == 1 { u64::MAX } else { length };
                if lengths.is_none() && places.count > 1 {
                    return Err(Trouble::Odd("it does not say how long its pieces are"));
                }
                self.piece(at, length, is_jpeg)?;
            }
        }
        if let Some((at, length)) = directory.jpeg {
            self.piece(at, length.unwrap_or(u64::MAX), true)?;
        }
        Ok(())
    }

    fn piece(&mut self, at: u64, length: u64, is_jpeg: bool) -> Done {
        self.drawn = true;
        let range = self.keep(at, length)?;
        if is_jpeg && !range.is_empty() {
            if self.jpegs.len() == inner::SEGMENTS as usize {
                return Err(Trouble::Odd("it has too many pieces"));
            }
            self.jpegs.push(range);
        }
        Ok(())
    }

    fn keep(&mut self, at: u64, length: u64) -> Done<Range<u64>> {
        let range = at..at.saturating_add(length).min(self.ground.len());
        self.kept.push(range.clone())?;
        Ok(range)
    }

    fn write(mut self) -> Done<Option<(u32, u32)>> {
        blank_between(self.ground, 0..self.ground.len(), &self.kept.merged())?;
        for range in self.dropped.merged() {
            blank(self.ground, range)?;
        }
        let mut left = inner::SEGMENTS;
        self.jpegs.sort_unstable_by_key(|range| (range.start, range.end));
        self.jpegs.dedup();
        for range in self.jpegs {
            inner::blank_notes(self.ground, range, &mut left)?;
        }
        // Last: whatever the rest named, these are what it is drawn by.
        for (at, bytes) in self.tables.iter().chain([&(0, self.head)]) {
            self.ground.write(*at, bytes)?;
        }
        let is_turned = self.orientation >= 5 && self.orientation <= 8;
        Ok(self.dimensions.map(|(width, height)| if is_turned { (height, width) } else { (width, height) }))
    }

    /// A value of whole numbers.
    fn value(&mut self, entry: &Entry, number: u64) -> Done<u64> {
        self.values = self.values.checked_sub(1).ok_or(Trouble::Odd("it has too many pieces"))?;
        let length = tags::length_of(entry.kind).unwrap_or(1);
        let at = entry.value.clone().unwrap_or_default().start + number * length;
        match length {
            1 => self.window.byte(at).map(u64::from),
            2 => self.u16_at(at).map(u64::from),
            4 => self.u32_at(at).map(u64::from),
            _ => self.u64_at(at),
        }
    }

    fn entry_length(&self) -> u64 {
        if self.big { 20 } else { 12 }
    }

    fn u16_at(&mut self, at: u64) -> Done<u16> {
        self.window.get(at).map(if self.little { u16::from_le_bytes } else { u16::from_be_bytes })
    }

    fn u32_at(&mut self, at: u64) -> Done<u32> {
        self.window.get(at).map(if self.little { u32::from_le_bytes } else { u32::from_be_bytes })
    }

    fn u64_at(&mut self, at: u64) -> Done<u64> {
        self.window.get(at).map(if self.little { u64::from_le_bytes } else { u64::from_be_bytes })
    }

    /// In so many bytes.
    fn number(&self, number: u64, length: usize) -> Vec<u8> {
        if self.little { number.to_le_bytes()[..length].to_vec() } else { number.to_be_bytes()[8 - length..].to_vec() }
    }
}
