//! Places in a file that stay, or that go. As many as a long film has, and no more.

use std::ops::Range;

use super::{Done, Ground, Trouble, blank};

/// A film of a day has fewer chunks.
const MOST: usize = 1 << 20;

#[derive(Debug, Default)]
pub(super) struct Ranges {
    all: Vec<Range<u64>>,
}

impl Ranges {
    pub(super) fn push(&mut self, range: Range<u64>) -> Done {
        if range.is_empty() {
            return Ok(());
        }
        if let Some(last) = self.all.last_mut()
            && last.end == range.start
        {
            last.end = range.end;
            return Ok(());
        }
        if self.all.len() == MOST {
            return Err(Trouble::Odd("it has too many parts"));
        }
        self.all.push(range);
        Ok(())
    }

    /// In order, none touching another.
    pub(super) fn merged(mut self) -> Vec<Range<u64>> {
        self.all.sort_unstable_by_key(|range| range.start);
        self.all.dedup_by(|next, last| {
            let touches = next.start <= last.end;
            if touches {
                last.end = last.end.max(next.end);
            }
            touches
        });
        self.all
    }
}

/// Zeros for all of a place but for what stays, which is in order.
pub(super) fn blank_between(ground: &dyn Ground, place: Range<u64>, stays: &[Range<u64>]) -> Done {
    let mut at = place.start;
    let first = stays.partition_point(|range| range.end <= place.start);
    for range in &stays[first..] {
        if range.start >= place.end {
            break;
        }
        blank(ground, at..range.start.max(at))?;
        at = range.end.clamp(at, place.end);
    }
    blank(ground, at..place.end)
}

#[cfg(test)]
mod tests {
    use super::super::Memory;
    use super::*;

    #[test]
    fn what_lies_between_is_blanked() {
        let mut ranges = Ranges::default();
        for range in [8..9, 2..4, 3..5, 5..6, 7..7, 20..30] {
            ranges.push(range).unwrap();
        }
        let merged = ranges.merged();
        assert_eq!(merged, [2..6, 8..9, 20..30]);
        for (place, left) in
            [(0..12, "__cdef__i___m"), (3..9, "abcdef__ijklm"), (4..5, "abcdefghijklm"), (9..9, "abcdefghijklm")]
        {
            let ground = Memory::new(b"abcdefghijklm");
            blank_between(&ground, place, &merged).unwrap();
            assert_eq!(String::from_utf8_lossy(&ground.0.borrow()).replace('\0', "_"), left);
        }
    }
}
