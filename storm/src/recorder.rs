//! Where a run's history is written while it goes on.
//!
//! Shared by all clients, with the counts that progress and the length of a run go by. It judges nothing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::history::{Answer, ClientNo, Handed, LineNo, Micros, Record, What};

/// Where clients write. Cheap to clone; one lock, held for a push.
#[derive(Debug, Clone)]
pub(crate) struct Recorder {
    start: Instant,
    records: Arc<Mutex<Vec<Record>>>,
    counts: Arc<Counts>,
}

/// What is on record so far, for who asks while a run goes on: nobody has to go through the records for it.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub acknowledged: AtomicU64,
    pub delivered: AtomicU64,
}

impl Default for Recorder {
    fn default() -> Self {
        Self { start: Instant::now(), records: Arc::default(), counts: Arc::default() }
    }
}

impl Recorder {
    pub(crate) fn now(&self) -> Micros {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    pub(crate) fn note(&self, client: ClientNo, line: LineNo, what: What) {
        match &what {
            What::Answered { answer: Answer::Acked { .. }, .. } => {
                self.counts.acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            What::Came { .. } | What::Handed { event: Handed::Message { .. } } => {
                self.counts.delivered.fetch_add(1, Ordering::Relaxed);
            }
            _ => (),
        }
        let mut records = self.lock();
        // Taken under the lock, so that the order of records is the order of times.
        let at = self.now();
        records.push(Record { at, client, line, what });
    }

    /// Send answers and frames, so far.
    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Looks at what is on record so far.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&[Record]) -> T) -> T {
        look(&self.lock())
    }

    pub(crate) fn take(&self) -> Vec<Record> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Record>> {
        // A push cannot be half done.
        self.records.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::history::Frame;

    #[test]
    fn what_is_acknowledged_and_what_is_delivered_is_counted_as_it_comes_on_record() {
        let recorder = Recorder::default();
        let acked = Answer::Acked { message: Uuid::nil(), seq: 1, version: 1, duplicate: false };
        for answer in [acked, Answer::Unknown, Answer::Done { version: None }] {
            recorder.note(0, 1, What::Answered { op: 1, answer });
        }
        for _ in 0..2 {
            recorder.note(1, 2, What::Came { frame: Frame::Typing { channel: 0, user: 0 } });
        }
        recorder.note(2, 0, What::Handed { event: Handed::Disconnected });
        let counts = recorder.counts();
        assert_eq!((counts.acknowledged.load(Ordering::Relaxed), counts.delivered.load(Ordering::Relaxed)), (1, 2));
        assert_eq!(recorder.look(<[Record]>::len), 6);
    }
}
