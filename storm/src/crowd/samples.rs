//! Some of what is said, uploaded and erased in a run, for who looks for it in the end: records hold hashes alone.
//!
//! Written by all clients; of contents and files a fair sample of the whole run is kept.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use crate::history::{ChannelNo, UserNo};

/// Of contents, and of files.
const KEPT: usize = 16;

#[derive(Debug, Default)]
pub(crate) struct Samples(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    said: Fair<Said>,
    files: Fair<Uuid>,
    /// Users who were to be erased.
    erased: BTreeSet<UserNo>,
}

/// A content, and the word in it that no other has.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub channel: ChannelNo,
    pub user: UserNo,
    pub word: String,
    pub content: u64,
}

/// Each of all that came is among those that are kept with the same likelihood.
#[derive(Debug)]
struct Fair<T> {
    came: usize,
    kept: Vec<T>,
}

impl<T> Default for Fair<T> {
    fn default() -> Self {
        Self { came: 0, kept: Vec::new() }
    }
}

impl<T> Fair<T> {
    fn add(&mut self, dice: &mut fastrand::Rng, one: T) {
        self.came += 1;
        if self.kept.len() < KEPT {
            self.kept.push(one);
        } else if let Some(place) = self.kept.get_mut(dice.usize(..self.came)) {
            *place = one;
        }
    }
}

impl Samples {
    pub(super) fn said(&self, dice: &mut fastrand::Rng, said: Said) {
        self.lock().said.add(dice, said);
    }

    pub(super) fn file(&self, dice: &mut fastrand::Rng, file: Uuid) {
        self.lock().files.add(dice, file);
    }

    pub(super) fn erased(&self, user: UserNo) {
        self.lock().erased.insert(user);
    }

    pub(super) fn all(&self) -> (Vec<Said>, Vec<Uuid>, Vec<UserNo>) {
        let kept = self.lock();
        (kept.said.kept.clone(), kept.files.kept.clone(), kept.erased.iter().copied().collect())
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // A push cannot be half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_are_kept_than_wanted_and_late_ones_too() {
        let (mut fair, mut dice) = (Fair::default(), fastrand::Rng::with_seed(1));
        for number in 0..KEPT * 20 {
            fair.add(&mut dice, number);
        }
        assert_eq!(fair.kept.len(), KEPT);
        let late = fair.kept.iter().filter(|number| **number >= KEPT * 10).count();
        assert!((KEPT / 4..KEPT * 3 / 4).contains(&late), "{late}");
    }
}
