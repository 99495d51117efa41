//! The lists of a picture's index, read and written anew without the items that go: which there are, where they lie, which belong
//! to which.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{Done, Trouble};

const SHORT: Trouble = Trouble::Odd("its index is cut off");
/// Of all items. Where no place is said of a piece, saying so takes no room.
const PIECES: usize = 1 << 16;

/// A box in memory.
#[derive(Debug, Clone)]
pub(super) struct Inner {
    pub(super) name: [u8; 4],
    pub(super) at: usize,
    pub(super) body: Range<usize>,
}

/// Where a piece of an item lies, and how long it is; 0: to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    File(u64, u64),
    /// In the index itself.
    Inside(u64, u64),
    /// In other items.
    Elsewhere,
}

/// Those from there on. What is not one ends them.
pub(super) fn within(bytes: &[u8], from: usize) -> Vec<Inner> {
    let mut all = Vec::new();
    let mut reader = Reader { bytes, at: from };
    while let Some(it) = one(&mut reader) {
        reader.at = it.body.end;
        all.push(it);
    }
    all
}

fn one(reader: &mut Reader) -> Option<Inner> {
    let at = reader.at;
    let said = reader.number(4).ok()?;
    let name = reader.take(4).ok()?.try_into().ok()?;
    let length = match said {
        0 => reader.bytes.len() - at,
        1 => usize::try_from(reader.number(8).ok()?).ok()?,
        length => usize::try_from(length).ok()?,
    };
    let end = at.checked_add(length)?;
    (end >= reader.at && end <= reader.bytes.len()).then_some(Inner { name, at, body: reader.at..end })
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Done<&'a [u8]> {
        let end = self.at.checked_add(count).ok_or(SHORT)?;
        let taken = self.bytes.get(self.at..end).ok_or(SHORT)?;
        self.at = end;
        Ok(taken)
    }

    /// Of so many bytes, eight at most.
    fn number(&mut self, length: usize) -> Done<u64> {
        Ok(self.take(length)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn id(&mut self, length: usize) -> Done<u32> {
        self.number(length).map(|id| u32::try_from(id).unwrap_or(u32::MAX))
    }
}

/// Behind a version and flags: the number of an item.
pub(super) fn number(pitm: &[u8]) -> Option<u32> {
    let mut reader = Reader { bytes: pitm, at: 4 };
    reader.id(if *pitm.first()? == 0 { 2 } else { 4 }).ok()
}

/// How long the number of entries is, which comes before them.
fn count_length(iinf: &[u8]) -> usize {
    if iinf.first() == Some(&0) { 2 } else { 4 }
}

/// An item's number and kind. Kinds of old ones are not said.
fn entry(body: &[u8]) -> Done<(u32, [u8; 4])> {
    let version = *body.first().ok_or(SHORT)?;
    let mut reader = Reader { bytes: body, at: 4 };
    let id = reader.id(if version == 3 { 4 } else { 2 })?;
    if version < 2 {
        return Ok((id, *b"mime"));
    }
    reader.take(2)?;
    Ok((id, reader.take(4)?.try_into().map_err(|_| SHORT)?))
}

/// Which items there are.
pub(super) fn kinds(iinf: &[u8]) -> Done<BTreeMap<u32, [u8; 4]>> {
    let mut kinds = BTreeMap::new();
    for it in within(iinf, 4 + count_length(iinf)).iter().filter(|it| it.name == *b"infe") {
        let (id, kind) = entry(&iinf[it.body.clone()])?;
        // Of two with one number neither is believed to be a picture.
        if kinds.insert(id, kind).is_some() {
            return Err(Trouble::Odd("it has two items of one number"));
        }
    }
    Ok(kinds)
}

/// The list of items without those that go.
pub(super) fn shown(iinf: &[u8], is_shown: impl Fn(u32) -> bool) -> Done<Vec<u8>> {
    let length = count_length(iinf);
    let (mut count, mut entries) = (0_u64, Vec::new());
    for it in within(iinf, 4 + length).iter().filter(|it| it.name == *b"infe") {
        if is_shown(entry(&iinf[it.body.clone()])?.0) {
            count += 1;
            entries.extend_from_slice(&iinf[it.at..it.body.end]);
        }
    }
    let mut new = iinf.get(..4).ok_or(SHORT)?.to_vec();
    new.extend_from_slice(&count.to_be_bytes()[8 - length..]);
    new.extend(entries);
    Ok(new)
}

/// An item in the list of places: its bytes, and its pieces.
struct Placed {
    id: u32,
    bytes: Range<usize>,
    pieces: Vec<Place>,
}

fn all_placed(iloc: &[u8]) -> Done<Vec<Placed>> {
    let version = *iloc.first().ok_or(SHORT)?;
    let mut reader = Reader { bytes: iloc, at: 4 };
    let sizes = usize::try_from(reader.number(2)?).unwrap_or_default();
    let (offset, length, base, index) = (sizes >> 12, (sizes >> 8) & 15, (sizes >> 4) & 15, sizes & 15);
    // The first version knows no index.
    let index = if version == 0 { 0 } else { index };
    if version > 2 || [offset, length, base, index].iter().any(|size| !matches!(size, 0 | 4 | 8)) {
        return Err(Trouble::Odd("its index says in no known way what is where"));
    }
    let count = reader.number(if version < 2 { 2 } else { 4 })?;
    let (mut all, mut left) = (Vec::new(), PIECES);
    for _ in 0..count {
        let at = reader.at;
        let id = reader.id(if version < 2 { 2 } else { 4 })?;
        let method = if version == 0 { 0 } else { reader.number(2)? & 15 };
        let is_here = reader.number(2)? == 0;
        let from = reader.number(base)?;
        let mut pieces = Vec::new();
        for _ in 0..reader.number(2)? {
            left = left.checked_sub(1).ok_or(Trouble::Odd("its index has too many pieces"))?;
            if version > 0 {
                reader.take(index)?;
            }
            let place = from.saturating_add(reader.number(offset)?);
            let long = reader.number(length)?;
            pieces.push(match (is_here, method) {
                (true, 0) => Place::File(place, long),
                (true, 1) => Place::Inside(place, long),
                _ => Place::Elsewhere,
            });
        }
        all.push(Placed { id, bytes: at..reader.at, pieces });
    }
    Ok(all)
}

/// Where the items lie, piece by piece.
pub(super) fn places(iloc: &[u8]) -> Done<Vec<(u32, Place)>> {
    let pieces = |it: Placed| it.pieces.into_iter().map(move |piece| (it.id, piece));
    Ok(all_placed(iloc)?.into_iter().flat_map(pieces).collect())
}

/// The list of places without the items that go.
pub(super) fn placed(iloc: &[u8], is_shown: impl Fn(u32) -> bool) -> Done<Vec<u8>> {
    let length = if iloc.first() == Some(&2) { 4 } else { 2 };
    let stays: Vec<Placed> = all_placed(iloc)?.into_iter().filter(|it| is_shown(it.id)).collect();
    let mut new = iloc.get(..6).ok_or(SHORT)?.to_vec();
    new.extend_from_slice(&(stays.len() as u64).to_be_bytes()[8 - length..]);
    for it in stays {
        new.extend_from_slice(&iloc[it.bytes]);
    }
    Ok(new)
}

/// Which item belongs to which, without what goes.
pub(super) fn related(iref: &[u8], is_shown: impl Fn(u32) -> bool) -> Done<Vec<u8>> {
    let length = if *iref.first().ok_or(SHORT)? == 0 { 2 } else { 4 };
    let mut new = iref.get(..4).ok_or(SHORT)?.to_vec();
    for it in within(iref, 4) {
        let mut reader = Reader { bytes: &iref[..it.body.end], at: it.body.start };
        let mut stays = is_shown(reader.id(length)?);
        for _ in 0..reader.number(2)? {
            stays &= is_shown(reader.id(length)?);
        }
        if stays {
            new.extend_from_slice(&iref[it.at..it.body.end]);
        }
    }
    Ok(new)
}

/// Which properties an item has, counted from 1.
pub(super) fn properties_of(ipma: &[u8], item: u32) -> Done<Vec<usize>> {
    let version = *ipma.first().ok_or(SHORT)?;
    let is_wide = ipma.get(3).is_some_and(|flags| flags & 1 == 1);
    let mut reader = Reader { bytes: ipma, at: 4 };
    for _ in 0..reader.number(4)? {
        let id = reader.id(if version == 0 { 2 } else { 4 })?;
        let mut all = Vec::new();
        for _ in 0..reader.number(1)? {
            let number = if is_wide { reader.number(2)? & 0x7fff } else { reader.number(1)? & 0x7f };
            all.push(usize::try_from(number).unwrap_or_default());
        }
        if id == item {
            return Ok(all);
        }
    }
    Ok(Vec::new())
}

/// Writes a box, and free space where it was longer: what follows it stays where it is. `head` is what it had.
pub(super) fn put(out: &mut Vec<u8>, name: [u8; 4], body: &[u8], head: &[u8], room: usize) -> Done {
    let length = head.len() + body.len();
    let left = room.checked_sub(length).ok_or(SHORT)?;
    let mut head = head.to_vec();
    if left > 0 {
        // A length is needed, also where it said that it went to the end.
        let long = (length as u64).to_be_bytes();
        if head.len() == 16 { head[8..].copy_from_slice(&long) } else { head[..4].copy_from_slice(&long[4..]) }
    }
    head[4..8].copy_from_slice(&name);
    out.extend_from_slice(&head);
    out.extend_from_slice(body);
    if left >= 8 {
        out.extend_from_slice(&u32::try_from(left).map_err(|_| SHORT)?.to_be_bytes());
        out.extend_from_slice(b"free");
        out.resize(out.len() + left - 8, 0);
    } else if left > 0 {
        return Err(Trouble::Odd("its index has items of no place"));
    }
    Ok(())
}
