//! The index of a picture that is boxes (`meta` of HEIC and AVIF): items, of which some are pictures and pieces of them, and what
//! says which are shown, how large, and which side is up. Items of notes are taken out of it, so that no reader looks for them:
//! Exif, XMP, links, and whatever is unknown. It is held whole, and stays as long as it was.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::items::{self, Place};
use super::ranges::Ranges;
use super::{Done, Trouble};

/// Pictures, those they are put together from, and what lies above them.
const SHOWN: [&[u8; 4]; 19] = [
    b"hvc1", b"hvc2", b"hvt1", b"lhv1", b"av01", b"avc1", b"vvc1", b"vvt1", b"evc1", b"j2k1", b"jxl1", b"unci",
    b"jpeg", b"grid", b"iovl", b"iden", b"tmap", b"tili", b"mski",
];
const KEPT: [&[u8; 4]; 9] = [b"hdlr", b"pitm", b"iinf", b"iloc", b"iref", b"iprp", b"idat", b"dinf", b"grpl"];
/// Of pictures: when they were made, in words, and from where.
const PROPERTIES_OF_NOTES: [&[u8; 4]; 6] = [b"crtt", b"mdft", b"udes", b"altt", b"cmex", b"uuid"];
/// JPEGs of their own in one picture.
const MOST_JPEGS: usize = 256;

/// What is known of it.
#[derive(Debug)]
pub(super) struct Picture {
    pub(super) dimensions: Option<(u32, u32)>,
    /// Of JPEGs within, whose own notes are to be blanked.
    pub(super) jpegs: Vec<Range<u64>>,
}

/// `meta` is its body, `length` that of the file. `stays` is told which places of it do.
pub(super) fn index(meta: &mut Vec<u8>, length: u64, stays: &mut Ranges) -> Done<Picture> {
    // A version and flags come before the boxes.
    let head = meta.get(..4).ok_or(Trouble::Odd("its index is cut off"))?.to_vec();
    let boxes = items::within(meta, 4);
    let body = |name: &[u8; 4]| boxes.iter().find(|it| it.name == *name).map(|it| &meta[it.body.clone()]);
    let (Some(list), Some(places)) = (body(b"iinf"), body(b"iloc")) else {
        return Err(Trouble::Odd("its index has no items"));
    };
    let kinds = items::kinds(list)?;
    let is_shown = |id: u32| kinds.get(&id).is_some_and(|kind| SHOWN.contains(&kind));
    let main = body(b"pitm").and_then(items::number).ok_or(Trouble::Odd("it does not say which picture is shown"))?;
    if !is_shown(main) {
        return Err(Trouble::Odd("its picture is of no known kind"));
    }
    let (mut inner, mut jpegs, mut jpeg_items) = (Ranges::default(), Vec::new(), BTreeSet::new());
    for (id, place) in items::places(places)?.into_iter().filter(|(id, _)| is_shown(*id)) {
        let is_jpeg = kinds.get(&id) == Some(b"jpeg");
        if is_jpeg && (!matches!(place, Place::File(..)) || !jpeg_items.insert(id)) {
            return Err(Trouble::Odd("a JPEG in it is in pieces"));
        }
        match place {
            Place::File(at, long) => {
                let end = if long == 0 { length } else { at.saturating_add(long) };
                stays.push(at..end)?;
                if is_jpeg {
                    jpegs.push(at..end);
                }
            }
            Place::Inside(at, long) => {
                inner.push(at..if long == 0 { u64::MAX } else { at.saturating_add(long) })?;
            }
            // Its pieces are those of others.
            Place::Elsewhere => {}
        }
        if jpegs.len() > MOST_JPEGS {
            return Err(Trouble::Odd("it has too many JPEGs in it"));
        }
    }
    let dimensions = body(b"iprp").and_then(|properties| dimensions(properties, main));
    let inner = inner.merged();
    let mut new = head;
    for it in &boxes {
        let mut body = meta[it.body.clone()].to_vec();
        let mut name = it.name;
        match &it.name {
            b"hdlr" => body.iter_mut().skip(12).for_each(|byte| *byte = 0),
            b"iinf" => body = items::shown(&body, is_shown)?,
            b"iloc" => body = items::placed(&body, is_shown)?,
            b"iref" => body = items::related(&body, is_shown)?,
            b"iprp" => blank_properties(&mut body),
            b"idat" => keep_only(&mut body, &inner),
            name if KEPT.contains(&name) => {}
            _ => {
                name = *b"free";
                body.fill(0);
            }
        }
        items::put(&mut new, name, &body, &meta[it.at..it.body.start], it.body.end - it.at)?;
    }
    // What was no box.
    new.resize(meta.len(), 0);
    *meta = new;
    Ok(Picture { dimensions, jpegs })
}

fn keep_only(bytes: &mut [u8], stays: &[Range<u64>]) {
    let mut ranges = stays.iter().peekable();
    for (at, byte) in (0_u64..).zip(bytes) {
        while ranges.next_if(|range| range.end <= at).is_some() {}
        if !ranges.peek().is_some_and(|range| range.contains(&at)) {
            *byte = 0;
        }
    }
}

fn blank_properties(body: &mut [u8]) {
    for list in items::within(body, 0).iter().filter(|it| it.name == *b"ipco") {
        for it in items::within(&body[..list.body.end], list.body.start) {
            if PROPERTIES_OF_NOTES.contains(&&it.name) {
                body[it.at + 4..it.at + 8].copy_from_slice(b"free");
                body[it.body].fill(0);
            }
        }
    }
}

/// Of the picture that is shown, as it is turned.
fn dimensions(body: &[u8], main: u32) -> Option<(u32, u32)> {
    let boxes = items::within(body, 0);
    let list = boxes.iter().find(|it| it.name == *b"ipco")?;
    let properties = items::within(&body[..list.body.end], list.body.start);
    let mut of_main = BTreeMap::new();
    for it in boxes.iter().filter(|it| it.name == *b"ipma") {
        for number in items::properties_of(&body[it.body.clone()], main).unwrap_or_default() {
            if let Some(property) = number.checked_sub(1).and_then(|number| properties.get(number)) {
                of_main.entry(property.name).or_insert(&body[property.body.clone()]);
            }
        }
    }
    let number =
        |name: &[u8; 4], at: usize| Some(u32::from_be_bytes(of_main.get(name)?.get(at..at + 4)?.try_into().ok()?));
    let whole = (number(b"ispe", 4)?, number(b"ispe", 8)?);
    // Of what the decoder gives a part is shown, where one is cut out: each as a fraction.
    let part = |at: usize| number(b"clap", at)?.checked_div(number(b"clap", at + 4)?);
    let (width, height) = part(0).zip(part(8)).unwrap_or(whole);
    let is_turned = of_main.get(b"irot").and_then(|turn| turn.first()).is_some_and(|quarters| quarters & 1 == 1);
    Some(if is_turned { (height, width) } else { (width, height) })
}
