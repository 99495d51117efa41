//! Whether a sealed event is heard for the first time. Pure.
//!
//! Somebody who can write to Redis can repeat what they have seen there. What belongs to a channel's order does no harm
//! then, but a typing notice would be believed.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::cluster::NodeId;

/// How far the clocks of two nodes may be apart.
const CLOCKS: Duration = Duration::from_secs(120);
/// A node that was not heard of for so long is forgotten. Longer than what an old event of it could pass by.
const FORGET: Duration = Duration::from_secs(600);

/// How far each node has counted.
#[derive(Debug, Default)]
pub(super) struct Freshness {
    nodes: HashMap<NodeId, (u64, Instant)>,
}

impl Freshness {
    /// A node says that this is its `count`th event and that it was made `age` ago by the clocks (less than nothing
    /// where that one's is ahead).
    pub(super) fn is_fresh(&mut self, node: NodeId, count: u64, age_ms: i64, now: Instant) -> bool {
        let near = u128::from(age_ms.unsigned_abs()) <= CLOCKS.as_millis();
        if let Some((last, heard)) = self.nodes.get_mut(&node) {
            *heard = now;
            let fresh = count > *last;
            *last = (*last).max(count);
            return fresh && near;
        }
        if near {
            self.nodes.retain(|_, (_, heard)| now.duration_since(*heard) < FORGET);
            self.nodes.insert(node, (count, now));
        }
        near
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_of_a_node_is_heard_once_and_in_order() {
        let (mut fresh, now, node) = (Freshness::default(), Instant::now(), NodeId::random());
        assert!(fresh.is_fresh(node, 5, 0, now));
        assert!(!fresh.is_fresh(node, 5, 0, now) && !fresh.is_fresh(node, 4, 0, now));
        assert!(!fresh.is_fresh(node, 8, 500_000, now), "of a topic that was not listened to, long ago");
        assert!(fresh.is_fresh(node, 9, 0, now));
        assert!(fresh.is_fresh(NodeId::random(), 1, 0, now));
    }

    #[test]
    fn what_a_node_said_long_ago_is_not_believed_when_it_is_gone() {
        let (mut fresh, now, node) = (Freshness::default(), Instant::now(), NodeId::random());
        assert!(!fresh.is_fresh(node, 5, 121_000, now) && !fresh.is_fresh(node, 5, -121_000, now));
        assert!(fresh.is_fresh(node, 5, -119_000, now));
        let later = now + FORGET;
        assert!(fresh.is_fresh(NodeId::random(), 1, 0, later), "which forgets the first");
        assert!(!fresh.is_fresh(node, 5, 600_000, later));
    }
}
