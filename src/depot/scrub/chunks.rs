//! Where the chunks of a film's track are: so many samples in each, of so many bytes. The tables may be long, and are read as they lie.

use super::boxes::{Boxed, within};
use super::ranges::Ranges;
use super::window::Window;
use super::{Done, Ground, Trouble};

/// Tells `stays` the places of a track's chunks.
pub(super) fn of(ground: &dyn Ground, track: &Boxed, is_sound: bool, stays: &mut Ranges) -> Done {
    let Some(table) = descend(ground, track, &[b"mdia", b"minf", b"stbl"])? else { return Ok(()) };
    let boxes = within(ground, table.body)?;
    let find = |name: &[u8; 4]| boxes.iter().find(|it| it.name == *name);
    let (Some(runs), Some(sizes)) = (find(b"stsc"), find(b"stsz").or_else(|| find(b"stz2"))) else { return Ok(()) };
    let mut runs = Runs::new(ground, runs)?;
    let mut sizes = Sizes::new(ground, sizes)?;
    if is_sound && let Some(about) = find(b"stsd") {
        sizes.packed = packed(ground, about)?;
    }
    let (places, length) = match (find(b"stco"), find(b"co64")) {
        (Some(places), _) => (places, 4),
        (None, Some(places)) => (places, 8),
        (None, None) => return Ok(()),
    };
    let mut window = Window::new(ground);
    let count = u64::from(window.be32(places.body.start + 4)?);
    let first = places.body.start + 8;
    if first + count * length > places.body.end {
        return Err(Trouble::Odd("a table of its index is cut off"));
    }
    for number in 0..count {
        let at = first + number * length;
        let place = if length == 4 { window.be32(at)?.into() } else { window.be64(at)? };
        let samples = runs.samples_of(number + 1)?;
        let long = sizes.next(samples)?;
        stays.push(place..place.saturating_add(long))?;
    }
    Ok(())
}

fn descend(ground: &dyn Ground, from: &Boxed, names: &[&[u8; 4]]) -> Done<Option<Boxed>> {
    let mut at = from.clone();
    for name in names {
        let Some(found) = within(ground, at.body)?.into_iter().find(|it| it.name == **name) else { return Ok(None) };
        at = found;
    }
    Ok(Some(at))
}

/// How many samples chunks have: each entry holds from its first chunk on.
struct Runs<'a> {
    window: Window<'a>,
    at: u64,
    end: u64,
    samples: u32,
}

impl<'a> Runs<'a> {
    fn new(ground: &'a dyn Ground, it: &Boxed) -> Done<Self> {
        let mut window = Window::new(ground);
        let count = u64::from(window.be32(it.body.start + 4)?);
        let at = it.body.start + 8;
        Ok(Self { window, at, end: (at + count * 12).min(it.body.end), samples: 0 })
    }

    /// Of each chunk in turn.
    fn samples_of(&mut self, chunk: u64) -> Done<u32> {
        while self.at + 12 <= self.end && u64::from(self.window.be32(self.at)?) <= chunk {
            self.samples = self.window.be32(self.at + 4)?;
            self.at += 12;
        }
        Ok(self.samples)
    }
}

/// How long samples are, all alike or each.
struct Sizes<'a> {
    window: Window<'a>,
    /// Of each, in bits; 0: they are in the table.
    alike: u64,
    /// Where the table goes on, in bits.
    at: u64,
    end: u64,
    bits: u64,
    /// Of sound: so many samples are in so many bytes, whatever is said of each.
    packed: Option<(u64, u64)>,
}

impl<'a> Sizes<'a> {
    fn new(ground: &'a dyn Ground, it: &Boxed) -> Done<Self> {
        let mut window = Window::new(ground);
        let said = window.be32(it.body.start + 4)?;
        let count = u64::from(window.be32(it.body.start + 8)?);
        let (alike, bits) = if it.name == *b"stsz" { (u64::from(said), 32) } else { (0, u64::from(said & 0xff)) };
        if !matches!(bits, 4 | 8 | 16 | 32) {
            return Err(Trouble::Odd("a table of its index is of no known kind"));
        }
        let at = (it.body.start + 12) * 8;
        let end = at + count * bits;
        if alike == 0 && end > it.body.end * 8 {
            return Err(Trouble::Odd("a table of its index is cut off"));
        }
        Ok(Self { window, alike, at, end, bits, packed: None })
    }

    /// The length of the next so many.
    fn next(&mut self, samples: u32) -> Done<u64> {
        if self.alike > 0 {
            let samples = u64::from(samples);
            let packed = self.packed.map_or(0, |(each, bytes)| samples.div_ceil(each).saturating_mul(bytes));
            return Ok((samples * self.alike).max(packed));
        }
        let mut long = 0_u64;
        for _ in 0..samples {
            if self.at >= self.end {
                break;
            }
            let at = self.at / 8;
            long += match self.bits {
                4 if self.at.is_multiple_of(8) => u64::from(self.window.byte(at)? >> 4),
                4 => u64::from(self.window.byte(at)? & 15),
                8 => u64::from(self.window.byte(at)?),
                16 => u64::from(self.window.be16(at)?),
                _ => u64::from(self.window.be32(at)?),
            };
            self.at += self.bits;
        }
        Ok(long)
    }
}

/// The sound of `QuickTime` says a sample is one byte long where it is a part of a packet.
fn packed(ground: &dyn Ground, about: &Boxed) -> Done<Option<(u64, u64)>> {
    let entries = within(ground, about.body.start.saturating_add(8)..about.body.end)?;
    let Some(entry) = entries.first().filter(|it| it.body.end - it.body.start >= 28) else { return Ok(None) };
    let (mut window, body) = (Window::new(ground), entry.body.clone());
    match window.be16(body.start + 8)? {
        0 => {
            let (channels, bits) = (window.be16(body.start + 16)?, window.be16(body.start + 18)?);
            Ok(Some((1, u64::from(channels) * u64::from(bits.div_ceil(8)))))
        }
        1 if body.end - body.start >= 44 => {
            let (each, bytes) = (window.be32(body.start + 28)?, window.be32(body.start + 36)?);
            Ok((each > 0).then_some((each.into(), bytes.into())))
        }
        _ => Ok(None),
    }
}
