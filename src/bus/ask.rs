//! What one node asks all others, for people who look after them: each answers for itself, whoever is late is named.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::{Bus, Event, Json, Topic};
use crate::cluster::NodeId;

/// How long the others may take.
const WITHIN: Duration = Duration::from_millis(1500);

/// Who waits for answers.
#[derive(Debug, Default)]
pub(super) struct Asks(Mutex<HashMap<Uuid, mpsc::UnboundedSender<(NodeId, Json)>>>);

/// What came of asking.
#[derive(Debug, Default)]
pub struct Answers {
    pub answers: Vec<(NodeId, Json)>,
    /// Nodes that are there, as far as is known, and did not answer in time.
    pub missing: Vec<NodeId>,
}

impl Asks {
    /// An answer has come; one that nobody waits for any more is dropped.
    pub(super) fn answered(&self, ask: Uuid, from: NodeId, answer: Json) {
        if let Some(waiting) = self.0.lock().get(&ask) {
            let _ = waiting.send((from, answer));
        }
    }
}

impl Bus {
    /// Asks every other node that is known to be there. Without Redis all of them are missing, at once.
    pub async fn ask(&self, question: Json) -> Answers {
        let Some(inner) = &self.0 else { return Answers::default() };
        let mut missing = self.others();
        if missing.is_empty() || !inner.link.is_up() {
            return Answers { answers: Vec::new(), missing };
        }
        let ask = Uuid::new_v4();
        let (sender, mut receiver) = mpsc::unbounded_channel();
        inner.asks.0.lock().insert(ask, sender);
        // Also where whoever asked goes away.
        let _forget = Forget { bus: self, ask };
        self.publish(Topic::All, Event::Ask { ask, question });
        let deadline = Instant::now() + WITHIN;
        let mut answers = Vec::new();
        while !missing.is_empty() {
            let Ok(Some((from, answer))) = timeout_at(deadline, receiver.recv()).await else { break };
            missing.retain(|node| *node != from);
            answers.push((from, answer));
        }
        Answers { answers, missing }
    }
}

struct Forget<'a> {
    bus: &'a Bus,
    ask: Uuid,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        if let Some(inner) = &self.bus.0 {
            inner.asks.0.lock().remove(&self.ask);
        }
    }
}
