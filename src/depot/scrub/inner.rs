//! A JPEG within another picture: what its segments tell besides is blanked where it lies, as far as the picture's own data.

use std::ops::Range;

use super::window::Window;
use super::{Done, Ground, Trouble, blank};

/// How many segments all JPEGs of one file have, at most.
pub(super) const SEGMENTS: u32 = 1 << 18;

/// `left` is how many segments may yet come. What begins like no JPEG is none.
pub(super) fn blank_notes(ground: &dyn Ground, place: Range<u64>, left: &mut u32) -> Done {
    let mut window = Window::new(ground);
    let mut at = place.start;
    if place.end - at < 4 || window.get(at)? != [0xff, 0xd8] {
        return Ok(());
    }
    at += 2;
    while at + 4 <= place.end {
        *left = left.checked_sub(1).ok_or(Trouble::Odd("the JPEGs in it have too many segments"))?;
        let [mark, marker] = window.get(at)?;
        match (mark, marker) {
            (0xff, 0xff) => at += 1,
            (0xff, 0x01 | 0xd0..=0xd7) => at += 2,
            // The picture, or its end.
            (0xff, 0xda | 0xd9) => break,
            (0xff, 0xc0..=0xfe) => {
                let length = u64::from(window.be16(at + 2)?).max(2);
                let content = at + 4..(at + 2 + length).min(place.end);
                let names: [u8; 4] =
                    if content.end - content.start < 4 { [0; 4] } else { window.get(content.start)? };
                let stays = match marker {
                    0xe0 => names == *b"JFIF",
                    0xe2 => names == *b"ICC_",
                    0xee => names == *b"Adob",
                    0xe1..=0xef | 0xfe => false,
                    _ => true,
                };
                if !stays {
                    blank(ground, content)?;
                }
                at += 2 + length;
            }
            // What follows is nothing that could be told from the picture: it has none.
            _ => return blank(ground, at..place.end),
        }
    }
    Ok(())
}
