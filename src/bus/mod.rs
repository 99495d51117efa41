//! What one node tells the others, over Redis.
//!
//! Whoever changes something publishes it after the commit ([`Bus::publish`], which never waits); the registry
//! subscribes to what it has sessions for; what arrives is handed to a [`Listener`]. Everything is sealed with the
//! cluster's key and may be lost: rooms find holes by themselves, and compare themselves with the database.
//! Never the truth of anything, and never in the way of a message.

mod ask;
mod event;
mod freshness;
mod publisher;
pub mod sealed;
mod subscriber;
mod topic;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;
use tokio::sync::mpsc;
use uuid::Uuid;

pub use ask::Answers;
pub use event::{Committed, Event};
pub use sealed::News;
pub use serde_json::Value as Json;
pub use topic::Topic;

use crate::cluster::{Key, Link, NodeId};
use ask::Asks;
use publisher::Outgoing;
use sealed::Sealer;
use subscriber::Wish;

/// What came from another node.
#[derive(Debug)]
pub struct Arrival {
    pub topic: Topic,
    pub from: NodeId,
    pub news: News,
    /// Bytes as they came.
    pub size: usize,
}

/// Who takes what arrives. Called on the bus's runtime; must not block.
pub trait Listener: Send + Sync + 'static {
    fn arrived(&self, arrival: Arrival);

    /// These are listened to from now on. What happened before may have passed unheard.
    fn subscribed(&self, topics: Vec<Topic>);
}

/// How the bus has done. Shared with whoever shows it.
#[derive(Debug, Default)]
pub struct Counts {
    pub published: AtomicU64,
    /// Not published, because Redis was away or slow.
    pub dropped: AtomicU64,
    pub received: AtomicU64,
    /// What was not sealed by a node of this cluster, or not for this topic, or came twice.
    pub refused: AtomicU64,
    /// Connections for subscriptions that were made.
    pub connected: AtomicU64,
}

impl Counts {
    fn add(count: &AtomicU64, more: usize) {
        count.fetch_add(more as u64, Ordering::Relaxed);
    }
}

/// Shared; all clones are the same bus. Without Redis it does nothing.
#[derive(Debug, Clone, Default)]
pub struct Bus(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    node: NodeId,
    outgoing: Outgoing,
    wishes: mpsc::UnboundedSender<Wish>,
    link: Link,
    asks: Asks,
    /// The nodes that are there, this one among them.
    nodes: RwLock<Vec<NodeId>>,
    counts: Arc<Counts>,
}

/// A bus that is connected to nothing yet: [`Starting::listen`] starts it.
#[derive(Debug)]
pub struct Starting {
    sealer: Arc<Sealer>,
    link: Link,
    counts: Arc<Counts>,
    waiting: publisher::Waiting,
    wished: mpsc::UnboundedReceiver<Wish>,
}

impl Bus {
    /// For a node that is alone.
    pub fn alone() -> Self {
        Self::default()
    }

    /// `epoch` is that of the history, which is sealed along: news of another history are none of this one.
    pub fn new(node: NodeId, key: Key, link: Link, epoch: Arc<RwLock<String>>) -> (Self, Starting) {
        let counts = Arc::new(Counts::default());
        let (outgoing, waiting) = publisher::queue(Arc::clone(&counts));
        let (wishes, wished) = mpsc::unbounded_channel();
        let sealer = Arc::new(Sealer::new(node, key, epoch));
        let inner = Inner {
            node,
            outgoing,
            wishes,
            link: link.clone(),
            asks: Asks::default(),
            nodes: RwLock::default(),
            counts: Arc::clone(&counts),
        };
        let bus = Self(Some(Arc::new(inner)));
        (bus, Starting { sealer, link, counts, waiting, wished })
    }

    /// Whether anybody else may be there: what is only for them need not be made otherwise.
    pub fn is_alone(&self) -> bool {
        self.0.is_none()
    }

    /// This node, where there are others.
    pub fn node(&self) -> Option<NodeId> {
        self.0.as_ref().map(|inner| inner.node)
    }

    /// Whether Redis answered last time. A node that is alone needs none.
    pub fn is_up(&self) -> bool {
        self.0.as_ref().is_none_or(|inner| inner.link.is_up())
    }

    /// The other nodes, as far as is known.
    pub fn others(&self) -> Vec<NodeId> {
        let Some(inner) = &self.0 else { return Vec::new() };
        inner.nodes.read().iter().copied().filter(|node| *node != inner.node).collect()
    }

    /// Which nodes are there, by the presence actor's word.
    pub fn note_nodes(&self, nodes: Vec<NodeId>) {
        if let Some(inner) = &self.0 {
            *inner.nodes.write() = nodes;
        }
    }

    /// A node has answered what this one asked.
    pub fn answered(&self, ask: Uuid, from: NodeId, answer: Json) {
        if let Some(inner) = &self.0 {
            inner.asks.answered(ask, from, answer);
        }
    }

    pub fn counts(&self) -> Option<&Counts> {
        self.0.as_ref().map(|inner| inner.counts.as_ref())
    }

    /// Tells the other nodes, in the order of the calls. Where that cannot be it is dropped.
    pub fn publish(&self, topic: Topic, event: Event) {
        if let Some(inner) = &self.0 {
            inner.outgoing.push(topic, event);
        }
    }

    /// Listens from now on, and says so to the listener when it does.
    pub fn subscribe(&self, topic: Topic) {
        self.wish(Wish::Subscribe(topic));
    }

    pub fn unsubscribe(&self, topic: Topic) {
        self.wish(Wish::Unsubscribe(topic));
    }

    fn wish(&self, wish: Wish) {
        if let Some(inner) = &self.0 {
            // Taken by a task that never waits for Redis; it ends with the daemon.
            let _ = inner.wishes.send(wish);
        }
    }
}

impl Starting {
    /// Starts to publish what waits and to listen to what is wished.
    pub fn listen(self, listener: Arc<dyn Listener>) {
        let Self { sealer, link, counts, waiting, wished } = self;
        let runtime = link.runtime().clone();
        runtime.spawn(publisher::run(waiting, Arc::clone(&sealer), link.clone(), Arc::clone(&counts)));
        runtime.spawn(subscriber::run(wished, sealer, link, listener, counts));
    }
}
