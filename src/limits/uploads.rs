//! How many uploads may be on their way at a time. Each holds a piece of its file in memory, up to 5 MiB on the way to S3.
//!
//! Asked before the first byte is read.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::domain::ids::UserId;

const OF_USER: usize = 4;
const IN_ALL: usize = 32;

/// The counters. Cheap to clone; all clones count together.
#[derive(Debug, Clone, Default)]
pub struct Uploads(Arc<Mutex<HashMap<UserId, usize>>>);

/// No further upload may begin now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many uploads are on their way; try again")]
pub struct Full;

/// Room for one upload; dropping it frees it.
#[derive(Debug)]
pub struct Place(UserId, Uploads);

impl Uploads {
    pub fn take(&self, user: UserId) -> Result<Place, Full> {
        let mut held = self.0.lock();
        let own = held.get(&user).copied().unwrap_or_default();
        if own >= OF_USER || held.values().sum::<usize>() >= IN_ALL {
            return Err(Full);
        }
        held.insert(user, own + 1);
        Ok(Place(user, self.clone()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.1.0.lock();
        match held.get_mut(&self.0) {
            Some(own) if *own > 1 => *own -= 1,
            _ => drop(held.remove(&self.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_user_has_a_share_and_all_together_have_one() {
        let uploads = Uploads::default();
        let user = |number| UserId(Uuid::from_u128(number));
        let mut places: Vec<_> = (0..4).map(|_| uploads.take(user(1)).unwrap()).collect();
        assert_eq!(uploads.take(user(1)).unwrap_err(), Full);
        places.extend((2..=8).flat_map(|number| (0..4).map(move |_| number)).map(|n| uploads.take(user(n)).unwrap()));
        assert_eq!(uploads.take(user(9)).unwrap_err(), Full);
        places.pop();
        drop(uploads.take(user(9)).unwrap());
        drop(places);
        assert!(uploads.0.lock().is_empty());
    }
}
