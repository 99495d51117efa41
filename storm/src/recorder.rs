//! Where a run's history is written while it goes on.
//!
//! Shared by all clients, with the counts that progress and the length of a run go by. It judges nothing.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use uuid::Uuid;

use crate::history::{Answer, ClientNo, Handed, LineNo, Micros, Record, What};

/// Where clients write. Cheap to clone; one lock, held for a push.
#[derive(Debug, Clone)]
pub(crate) struct Recorder {
    start: Instant,
    written: Arc<Mutex<Written>>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Written {
    records: Vec<Record>,
    /// Messages: one that is sent again is acknowledged again.
    acknowledged: HashSet<Uuid>,
}

/// What is on record so far, for who asks while a run goes on: nobody has to go through the records for it.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Messages.
    pub acknowledged: AtomicU64,
    /// Frames, and messages that the project's own client hands out.
    pub delivered: AtomicU64,
}

impl Default for Recorder {
    fn default() -> Self {
        Self { start: Instant::now(), written: Arc::default(), counts: Arc::default() }
    }
}

impl Recorder {
    pub(crate) fn now(&self) -> Micros {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    pub(crate) fn note(&self, client: ClientNo, line: LineNo, what: What) {
        let mut written = self.lock();
        match &what {
            What::Answered { answer: Answer::Acked { message, .. }, .. }
            | What::Handed { event: Handed::Sent { message, .. } } => {
                let is_first = written.acknowledged.insert(*message);
                self.counts.acknowledged.fetch_add(u64::from(is_first), Ordering::Relaxed);
            }
            What::Came { .. } | What::Handed { event: Handed::Message { .. } } => {
                self.counts.delivered.fetch_add(1, Ordering::Relaxed);
            }
            _ => (),
        }
        // Taken under the lock, so that the order of records is the order of times.
        let at = self.now();
        written.records.push(Record { at, client, line, what });
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Looks at what is on record so far.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&[Record]) -> T) -> T {
        look(&self.lock().records)
    }

    pub(crate) fn take(&self) -> Vec<Record> {
        std::mem::take(&mut self.lock().records)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Written> {
        // A push cannot be half done.
        self.written.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Frame;

    #[test]
    fn what_is_acknowledged_and_what_is_delivered_is_counted_as_it_comes_on_record() {
        let recorder = Recorder::default();
        let acked = |duplicate| Answer::Acked { message: Uuid::nil(), seq: 1, version: 1, duplicate };
        for answer in [acked(false), acked(true), Answer::Unknown, Answer::Done { version: None }] {
            recorder.note(0, 1, What::Answered { op: 1, answer });
        }
        for _ in 0..2 {
            recorder.note(1, 2, What::Came { frame: Frame::Typing { channel: 0, user: 0 } });
        }
        recorder.note(2, 0, What::Handed { event: Handed::Disconnected });
        let counts = recorder.counts();
        assert_eq!((counts.acknowledged.load(Ordering::Relaxed), counts.delivered.load(Ordering::Relaxed)), (1, 2));
        assert_eq!(recorder.look(<[Record]>::len), 7);
    }
}
