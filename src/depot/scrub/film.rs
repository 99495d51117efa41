//! Films: an index (`moov`) of tracks, which name their chunks of the data. Tracks of pictures and sound stay; those of notes go, such as the
//! positions that cameras write with every second, subtitles and clocks among them. So do texts, times, and who made it.

use std::collections::BTreeSet;

use super::boxes::{Boxed, free, within};
use super::chunks;
use super::ranges::Ranges;
use super::window::Window;
use super::{Done, Ground, Trouble, blank};

/// What is seen and heard; and what is seen through: `auxv`.
const SHOWN: [&[u8; 4]; 4] = [b"vide", b"soun", b"pict", b"auxv"];

/// Which boxes stay in which. What stays and is not here is no box of boxes, or nobody's notes.
type Listed = (&'static [u8; 4], &'static [&'static [u8; 4]]);
const KEPT: [Listed; 8] = [
    (b"moov", &[b"mvhd", b"trak", b"mvex", b"iods"]),
    (b"trak", &[b"tkhd", b"tapt", b"edts", b"tref", b"trgr", b"mdia", b"load", b"clip", b"matt"]),
    (b"edts", &[b"elst"]),
    (b"mdia", &[b"mdhd", b"hdlr", b"minf", b"elng"]),
    (b"minf", &[b"vmhd", b"smhd", b"nmhd", b"gmhd", b"hdlr", b"dinf", b"stbl"]),
    (
        b"stbl",
        &[
            b"stsd", b"stts", b"ctts", b"cslg", b"stsc", b"stsz", b"stz2", b"stco", b"co64", b"stss", b"stsh", b"stps",
            b"padb", b"stdp", b"sdtp", b"sbgp", b"sgpd", b"subs", b"saiz", b"saio",
        ],
    ),
    (b"moof", &[b"mfhd", b"traf"]),
    (b"traf", &[b"tfhd", b"tfdt", b"trun", b"sdtp", b"sbgp", b"sgpd", b"subs", b"saiz", b"saio", b"senc"]),
];

/// What is known of the film so far.
#[derive(Debug, Default)]
pub(super) struct Film {
    /// The numbers of tracks that go.
    notes: BTreeSet<u32>,
    has_index: bool,
    has_fragments: bool,
}

impl Film {
    pub(super) fn has_index(&self) -> bool {
        self.has_index
    }

    /// Whether places in the data are said elsewhere as well. Those of notes would have to be looked for in each fragment.
    pub(super) fn is_in_fragments(&self) -> Done<bool> {
        if self.has_fragments && !self.notes.is_empty() {
            return Err(Trouble::Odd("it is in fragments, with tracks of notes or subtitles"));
        }
        Ok(self.has_fragments)
    }

    /// `stays` is told which places of the data do.
    pub(super) fn index(&mut self, ground: &dyn Ground, moov: &Boxed, stays: &mut Ranges) -> Done {
        let tracks = within(ground, moov.body.clone())?;
        if tracks.iter().any(|it| it.name == *b"cmov") {
            return Err(Trouble::Odd("its index is compressed"));
        }
        let mut go = Vec::new();
        for track in tracks.iter().filter(|it| it.name == *b"trak") {
            let (number, handler) = about(ground, track)?;
            if SHOWN.contains(&&handler) {
                chunks::of(ground, track, handler == *b"soun", stays)?;
            } else {
                self.notes.insert(number);
                go.push(track.clone());
            }
        }
        for track in &go {
            free(ground, track)?;
        }
        self.has_index = true;
        self.prune(ground, moov, *b"    ")
    }

    pub(super) fn fragment(&mut self, ground: &dyn Ground, moof: &Boxed) -> Done {
        self.has_fragments = true;
        self.prune(ground, moof, *b"    ")
    }

    /// Of a box and those in it stays what is on the list. `handler` is that of the track.
    fn prune(&self, ground: &dyn Ground, parent: &Boxed, handler: [u8; 4]) -> Done {
        let Some((_, kept)) = KEPT.iter().find(|(name, _)| **name == parent.name) else { return Ok(()) };
        let handler = if parent.name == *b"trak" { about(ground, parent)?.1 } else { handler };
        for it in within(ground, parent.body.clone())? {
            if !kept.contains(&&it.name) {
                free(ground, &it)?;
                continue;
            }
            match &it.name {
                b"mvhd" | b"mdhd" | b"tkhd" => forget_times(ground, &it)?,
                // Who made it, and by what name.
                b"hdlr" => blank(ground, it.body.start.saturating_add(12)..it.body.end)?,
                b"stsd" if handler == *b"vide" => forget_makers(ground, &it)?,
                b"tref" => self.forget_notes(ground, &it)?,
                _ => self.prune(ground, &it, handler)?,
            }
        }
        Ok(())
    }

    /// Nothing leads to tracks that are gone.
    fn forget_notes(&self, ground: &dyn Ground, tref: &Boxed) -> Done {
        let mut window = Window::new(ground);
        for it in within(ground, tref.body.clone())? {
            let mut at = it.body.start;
            while at + 4 <= it.body.end {
                if self.notes.contains(&window.be32(at)?) {
                    free(ground, &it)?;
                    break;
                }
                at += 4;
            }
        }
        Ok(())
    }
}

/// A track's number and what it is.
fn about(ground: &dyn Ground, track: &Boxed) -> Done<(u32, [u8; 4])> {
    let mut window = Window::new(ground);
    let (mut number, mut handler) = (0, *b"    ");
    for it in within(ground, track.body.clone())? {
        if it.name == *b"tkhd" {
            let is_long = window.byte(it.body.start)? == 1;
            number = window.be32(it.body.start + if is_long { 20 } else { 12 })?;
        }
        if it.name == *b"mdia" {
            for it in within(ground, it.body.clone())?.iter().filter(|it| it.name == *b"hdlr") {
                handler = window.get(it.body.start + 8)?;
            }
        }
    }
    Ok((number, handler))
}

/// When it was made and changed.
fn forget_times(ground: &dyn Ground, it: &Boxed) -> Done {
    let is_long = Window::new(ground).byte(it.body.start)? == 1;
    let times = it.body.start + 4;
    blank(ground, times..(times + if is_long { 16 } else { 8 }).min(it.body.end))
}

/// By which camera or program.
fn forget_makers(ground: &dyn Ground, stsd: &Boxed) -> Done {
    for it in within(ground, stsd.body.start.saturating_add(8)..stsd.body.end)? {
        for (from, to) in [(12, 16), (42, 74)] {
            blank(ground, it.body.start + from..(it.body.start + to).min(it.body.end))?;
        }
    }
    Ok(())
}
