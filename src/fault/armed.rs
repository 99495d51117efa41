//! What is armed in this process. Read wherever a promise is kept, written by [`super::control`]: a load of an atomic.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use super::{Part, Sabotage};

/// Panics that are due, by part.
static PANICS: [AtomicU32; Part::ALL.len()] = [const { AtomicU32::new(0) }; Part::ALL.len()];
/// How long, in milliseconds, a part stands still at its next point.
static STALLS: [AtomicU32; Part::ALL.len()] = [const { AtomicU32::new(0) }; Part::ALL.len()];
/// A bit a sabotage.
static PLANTED: AtomicU64 = AtomicU64::new(0);

const _: () = assert!(Sabotage::ALL.len() <= 64, "PLANTED has a bit for each");

/// Has the part panic once, at the next of its points.
pub(super) fn panic_at(part: Part) {
    PANICS[part as usize].fetch_add(1, Ordering::AcqRel);
}

/// Has the part's thread stand still once, at the next of its points, for that many milliseconds.
pub(super) fn stall_at(part: Part, millis: u32) {
    STALLS[part as usize].store(millis, Ordering::Release);
}

/// # Panics
///
/// Where it was asked for over the socket of faults, once for each time.
#[inline]
pub fn point(part: Part) {
    stand_still(&STALLS[part as usize]);
    let due = &PANICS[part as usize];
    // What an actor is handed while it unwinds is not panicked over again: that would end the process.
    if due.load(Ordering::Relaxed) == 0 || std::thread::panicking() {
        return;
    }
    let one_less = |due: u32| due.checked_sub(1);
    let is_over = due.fetch_update(Ordering::AcqRel, Ordering::Relaxed, one_less).is_err();
    assert!(is_over, "a fault was asked for: {part}");
}

/// As long as is due, once.
#[inline]
fn stand_still(due: &AtomicU32) {
    if due.load(Ordering::Relaxed) > 0 {
        let millis = due.swap(0, Ordering::AcqRel);
        std::thread::sleep(Duration::from_millis(millis.into()));
    }
}

pub fn plant(sabotage: Sabotage) {
    PLANTED.fetch_or(1 << sabotage as u32, Ordering::AcqRel);
}

/// What it has done stays done.
pub fn heal(sabotage: Sabotage) {
    PLANTED.fetch_and(!(1 << sabotage as u32), Ordering::AcqRel);
}

/// Whether the bug is planted.
#[inline]
pub fn planted(sabotage: Sabotage) -> bool {
    PLANTED.load(Ordering::Relaxed) & (1 << sabotage as u32) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_panics_once_for_each_time_it_was_asked() {
        let fires = || std::panic::catch_unwind(|| point(Part::Relay)).is_err();
        assert!(!fires());
        panic_at(Part::Relay);
        panic_at(Part::Relay);
        point(Part::Registry);
        assert!(fires() && fires() && !fires());
    }

    #[test]
    fn a_part_stands_still_once_and_for_as_long_as_it_was_told() {
        // Not a part's own, which other tests come past.
        let (due, start) = (AtomicU32::new(50), std::time::Instant::now());
        stand_still(&due);
        assert!(start.elapsed() >= Duration::from_millis(50));
        assert_eq!(due.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn what_unwinds_is_not_panicked_over_again() {
        struct AtItsEnd;
        impl Drop for AtItsEnd {
            fn drop(&mut self) {
                point(Part::Presence);
            }
        }
        panic_at(Part::Presence);
        panic_at(Part::Presence);
        let fires = || {
            std::panic::catch_unwind(|| {
                let _end = AtItsEnd;
                point(Part::Presence);
            })
        };
        assert!(fires().is_err() && fires().is_err() && fires().is_ok());
    }
}
