//! How an event looks in Redis: a tag, a line that says who and when, the event. Sealed for its topic.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use chrono::Utc;
use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};

use super::event::Event;
use super::freshness::Freshness;
use crate::cluster::{Key, NodeId, TAG_LEN};

/// Who says it, and when.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    node: NodeId,
    /// Which of the node's events this is.
    count: u64,
    at_ms: i64,
    epoch: String,
    /// For who does not know the event: the version that the channel has at least come to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    head: Option<i64>,
}

/// What another node said.
#[derive(Debug, PartialEq, Eq)]
pub enum News {
    Event(Event),
    /// It said something that this release does not know, and that the channel has come at least to this version.
    Head(i64),
}

/// Why something was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("it is this node's own")]
    Own,
    #[error("it was not sealed by a node of this cluster for this topic")]
    Seal,
    #[error("it was heard before, or the clocks of two nodes are minutes apart")]
    Stale,
    #[error("it is of another history of the database")]
    History,
    #[error("it cannot be read")]
    Unreadable,
}

/// Seals what goes out and opens what comes in.
#[derive(Debug)]
pub struct Sealer {
    node: NodeId,
    key: Key,
    epoch: Arc<RwLock<String>>,
    count: AtomicU64,
    freshness: Mutex<Freshness>,
}

impl Sealer {
    pub fn new(node: NodeId, key: Key, epoch: Arc<RwLock<String>>) -> Self {
        Self { node, key, epoch, count: AtomicU64::new(0), freshness: Mutex::default() }
    }

    pub fn node(&self) -> NodeId {
        self.node
    }

    /// What the topics of this cluster have in their names.
    pub(super) fn cluster(&self) -> &str {
        self.key.name()
    }

    /// To be published in the order of the calls.
    pub fn seal(&self, topic: &str, event: &Event) -> Result<Vec<u8>, serde_json::Error> {
        let header = Header {
            node: self.node,
            count: self.count.fetch_add(1, Ordering::Relaxed) + 1,
            at_ms: Utc::now().timestamp_millis(),
            epoch: self.epoch.read().clone(),
            head: event.head(),
        };
        let mut sealed = vec![0; TAG_LEN];
        serde_json::to_writer(&mut sealed, &header)?;
        sealed.push(b'\n');
        serde_json::to_writer(&mut sealed, event)?;
        let tag = self.key.tag(&[topic.as_bytes(), &sealed[TAG_LEN..]]);
        sealed[..TAG_LEN].copy_from_slice(&tag);
        Ok(sealed)
    }

    pub fn open(&self, topic: &str, sealed: &[u8]) -> Result<(NodeId, News), Refused> {
        let (tag, text) = sealed.split_at_checked(TAG_LEN).ok_or(Refused::Seal)?;
        if !self.key.verify(&[topic.as_bytes(), text], tag) {
            return Err(Refused::Seal);
        }
        let line = text.iter().position(|byte| *byte == b'\n').ok_or(Refused::Unreadable)?;
        let header: Header = serde_json::from_slice(&text[..line]).map_err(|_| Refused::Unreadable)?;
        if header.node == self.node {
            return Err(Refused::Own);
        }
        let age_ms = Utc::now().timestamp_millis().saturating_sub(header.at_ms);
        if !self.freshness.lock().is_fresh(header.node, header.count, age_ms, Instant::now()) {
            return Err(Refused::Stale);
        }
        if header.epoch != *self.epoch.read() {
            return Err(Refused::History);
        }
        let news = match (serde_json::from_slice(&text[line + 1..]), header.head) {
            (Ok(event), _) => News::Event(event),
            (Err(_), Some(head)) => News::Head(head),
            (Err(_), None) => return Err(Refused::Unreadable),
        };
        Ok((header.node, news))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::UserId;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn sealer(secret: u8, epoch: &str) -> Sealer {
        Sealer::new(NodeId::random(), Key::new(&[secret; 32]), Arc::new(RwLock::new(epoch.to_owned())))
    }

    fn event() -> Event {
        Event::Typed { user_id: UserId(Uuid::from_u128(1)), name: "Ana".to_owned() }
    }

    #[test]
    fn what_a_node_of_the_cluster_says_is_heard_once_by_the_others() {
        let (one, other) = (sealer(1, "a"), sealer(1, "a"));
        let sealed = one.seal("topic", &event()).unwrap();
        assert_eq!(one.open("topic", &sealed), Err(Refused::Own));
        assert_eq!(other.open("topic", &sealed), Ok((one.node(), News::Event(event()))));
        assert_eq!(other.open("topic", &sealed), Err(Refused::Stale));
    }

    #[test]
    fn nobody_else_is_heard() {
        let (one, other) = (sealer(1, "a"), sealer(1, "a"));
        let sealed = one.seal("topic", &event()).unwrap();
        assert_eq!(other.open("another topic", &sealed), Err(Refused::Seal));
        assert_eq!(other.open("topic", b"short"), Err(Refused::Seal));
        assert_eq!(sealer(2, "a").open("topic", &sealed), Err(Refused::Seal));
        assert_eq!(sealer(1, "b").open("topic", &sealed), Err(Refused::History));
    }

    #[test]
    fn what_a_later_release_says_counts_as_a_hint() {
        let (one, other) = (sealer(1, "a"), sealer(1, "a"));
        let seal = |count, text: &str| {
            let node = NodeId::random();
            let at = Utc::now().timestamp_millis();
            let text = format!(r#"{{"node":"{node}","count":{count},"atMs":{at},"epoch":"a"{text}"#);
            let mut sealed = one.key.tag(&[b"topic", text.as_bytes()]).to_vec();
            sealed.extend_from_slice(text.as_bytes());
            other.open("topic", &sealed).map(|(_, news)| news)
        };
        assert_eq!(seal(1, ",\"head\":7,\"more\":1}\n{\"kind\":\"unheard_of\"}"), Ok(News::Head(7)));
        assert_eq!(seal(1, "}\n{\"kind\":\"unheard_of\"}"), Err(Refused::Unreadable));
        assert_eq!(seal(1, "}{\"kind\":\"unheard_of\"}"), Err(Refused::Unreadable));
    }

    proptest! {
        #[test]
        fn a_changed_byte_breaks_the_seal(at in any::<prop::sample::Index>(), bit in 0_u8..8) {
            let (one, other) = (sealer(1, "a"), sealer(1, "a"));
            let mut sealed = one.seal("topic", &event()).unwrap();
            let at = at.index(sealed.len());
            sealed[at] ^= 1 << bit;
            prop_assert_eq!(other.open("topic", &sealed), Err(Refused::Seal));
        }
    }
}
