//! Boxes: each says how long it is and what it is called, and many hold others. At the top are the index of a film (`moov`), that
//! of a picture (`meta`), and what these name (`mdat`). Of that what is not named by what stays is blanked; boxes that are not
//! on a list become free space, and at the end of the file nothing.

use std::ops::Range;

use super::film::Film;
use super::ranges::{Ranges, blank_between};
use super::window::Window;
use super::{Done, Ground, Trouble, blank, inner, picture};

/// One box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Boxed {
    pub(super) name: [u8; 4],
    /// Its head and its body.
    pub(super) at: u64,
    pub(super) body: Range<u64>,
    /// It says that it goes on where there is nothing more.
    pub(super) is_cut: bool,
}

/// Those of a picture or film; of JPEG XL and JPEG 2000 as well.
const KEPT: [&[u8; 4]; 20] = [
    b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"meta", b"free", b"skip", b"wide", b"sidx", b"ssix", b"mfra",
    b"JXL ", b"jxll", b"jxli", b"jxlc", b"jxlp", b"jP  ", b"jp2h", b"jp2c",
];
/// Pictures that need no index.
const CODED: [&[u8; 4]; 3] = [b"jxlc", b"jxlp", b"jp2c"];
/// A picture's index is held; that of a film is not.
const MOST_META: u64 = 1 << 20;
/// At the top, or within one box.
const MOST: usize = 1 << 16;

/// The next one, if there is room for one.
pub(super) fn next(window: &mut Window, at: u64, end: u64) -> Done<Option<Boxed>> {
    if end.saturating_sub(at) < 8 {
        return Ok(None);
    }
    let (length, name) = (window.be32(at)?, window.get(at + 4)?);
    let (head, length) = match length {
        // To the end.
        0 => (8, end - at),
        1 if end - at < 16 => return Ok(None),
        1 => (16, window.be64(at + 8)?),
        length => (8, u64::from(length)),
    };
    if length < head {
        return Ok(None);
    }
    let is_cut = length > end - at;
    let body = at + head..at + length.min(end - at);
    Ok(Some(Boxed { name, at, body, is_cut }))
}

/// Those within a box. What is not one ends them.
pub(super) fn within(ground: &dyn Ground, body: Range<u64>) -> Done<Vec<Boxed>> {
    let (mut window, mut all, mut at) = (Window::new(ground), Vec::new(), body.start);
    while let Some(found) = next(&mut window, at, body.end)? {
        at = found.body.end;
        all.push(found);
        if all.len() == MOST {
            return Err(Trouble::Odd("it has too many boxes"));
        }
    }
    Ok(all)
}

/// It becomes free space of zeros.
pub(super) fn free(ground: &dyn Ground, it: &Boxed) -> Done {
    ground.write(it.at + 4, b"free")?;
    blank(ground, it.body.clone())
}

pub(super) fn scrub(ground: &dyn Ground) -> Done<Option<(u32, u32)>> {
    let all = within(ground, 0..ground.len())?;
    let (mut stays, mut end) = (Ranges::default(), 0);
    let (mut film, mut dimensions, mut is_picture, mut jpegs) = (Film::default(), None, false, Vec::new());
    let mut is_coded = false;
    for it in &all {
        let is_data = it.name == *b"mdat";
        if it.is_cut && !is_data || !KEPT.contains(&&it.name) {
            free(ground, it)?;
            continue;
        }
        match &it.name {
            b"free" | b"skip" | b"wide" => {
                blank(ground, it.body.clone())?;
                continue;
            }
            b"moov" => film.index(ground, it, &mut stays)?,
            b"moof" => film.fragment(ground, it)?,
            b"meta" if !is_picture && is_of_picture(ground, it)? => {
                let length = it.body.end - it.body.start;
                if length > MOST_META {
                    return Err(Trouble::Odd("its index is over the limit of 1 MiB"));
                }
                let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
                ground.read(it.body.start, &mut bytes)?;
                let picture = picture::index(&mut bytes, ground.len(), &mut stays)?;
                ground.write(it.body.start, &bytes)?;
                (dimensions, jpegs, is_picture) = (picture.dimensions, picture.jpegs, true);
            }
            b"meta" => {
                free(ground, it)?;
                continue;
            }
            name => is_coded |= CODED.contains(&name),
        }
        end = it.body.end;
    }
    let is_in_fragments = film.is_in_fragments()?;
    let is_known = film.has_index() || is_picture;
    if !is_known && (!is_coded || all.iter().any(|it| it.name == *b"mdat")) {
        return Err(Trouble::Odd("nothing in it says what is where"));
    }
    if is_in_fragments && is_picture {
        return Err(Trouble::Odd("it is a picture and a film in fragments"));
    }
    let stays = stays.merged();
    for it in all.iter().filter(|it| it.name == *b"mdat" && !is_in_fragments) {
        blank_between(ground, it.body.clone(), &stays)?;
    }
    let mut left = inner::SEGMENTS;
    for jpeg in jpegs {
        let is_data = |it: &&Boxed| it.name == *b"mdat" && it.body.start <= jpeg.start && jpeg.end <= it.body.end;
        if all.iter().any(|it| is_data(&it)) {
            inner::blank_notes(ground, jpeg, &mut left)?;
        }
    }
    // What was left out at the end leaves no place behind.
    ground.cut(end)?;
    Ok(dimensions)
}

/// Its handler says so.
fn is_of_picture(ground: &dyn Ground, meta: &Boxed) -> Done<bool> {
    let mut window = Window::new(ground);
    for it in within(ground, meta.body.start.saturating_add(4)..meta.body.end)? {
        if it.name == *b"hdlr" && it.body.end - it.body.start >= 12 {
            return Ok(window.get(it.body.start + 8)? == *b"pict");
        }
    }
    Ok(false)
}
