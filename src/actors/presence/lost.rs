//! A bug on purpose ([`LeaseNotReasserted`](crate::fault::Sabotage::LeaseNotReasserted)): leases that Redis has lost are not
//! written anew, until their user comes or goes. Used by [`super::shared`], and never while it is not planted.

use std::collections::{BTreeSet, HashSet};

use parking_lot::Mutex;

use crate::domain::ids::UserId;

static LOST: Mutex<BTreeSet<UserId>> = Mutex::new(BTreeSet::new());

pub(super) fn lose(users: &[UserId]) {
    LOST.lock().extend(users);
}

pub(super) fn found(user: UserId) {
    LOST.lock().remove(&user);
}

/// Takes out those whose leases are lost.
pub(super) fn withhold(users: &mut HashSet<UserId>) {
    let lost = LOST.lock();
    users.retain(|user| !lost.contains(user));
}
