//! One line on the standard error that says how a run goes.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::crowd::World;
use crate::nemesis::fault::Fault;

#[derive(Debug, Clone)]
pub(crate) struct Progress {
    start: Instant,
    length: Duration,
    faults: Arc<AtomicU64>,
    last: Arc<Mutex<String>>,
}

impl Progress {
    pub(crate) fn new(length: Duration) -> Self {
        Self { start: Instant::now(), length, faults: Arc::default(), last: Arc::default() }
    }

    pub(crate) fn say(&self, what: &str) {
        what.clone_into(&mut self.last.lock().unwrap_or_else(PoisonError::into_inner));
        if !std::io::stderr().is_terminal() {
            line(&format!("{:>6.1} s  {what}\n", self.start.elapsed().as_secs_f64()));
        }
    }

    pub(crate) fn fault(&self, fault: Fault) {
        self.faults.fetch_add(1, Ordering::Relaxed);
        fault.name().clone_into(&mut self.last.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Tells how much is on record, until it is aborted.
    pub(crate) async fn watch(self, world: Arc<World>) {
        let terminal = std::io::stderr().is_terminal();
        let every = if terminal { Duration::from_millis(500) } else { Duration::from_secs(15) };
        loop {
            tokio::time::sleep(every).await;
            let counts = world.recorder.counts();
            let acknowledged = counts.acknowledged.load(Ordering::Relaxed);
            let delivered = counts.delivered.load(Ordering::Relaxed);
            let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let (elapsed, faults) = (self.start.elapsed().as_secs_f64(), self.faults.load(Ordering::Relaxed));
            let text = format!(
                "{elapsed:>6.1} of {} s  {acknowledged:>8} acknowledged  {delivered:>9} delivered  {faults:>5} faults  {last}",
                self.length.as_secs()
            );
            line(&if terminal { format!("\r\x1b[K{text}") } else { format!("{text}\n") });
        }
    }
}

fn line(text: &str) {
    // Nobody to tell it to is no reason to stop.
    drop(std::io::stderr().write_all(text.as_bytes()));
}
