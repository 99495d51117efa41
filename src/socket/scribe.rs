//! The task that writes to the sockets of one worker.
//!
//! Woken once for many sockets: whoever fills an [`super::Outbox`] puts it on the worker's list. Never waits for a peer:
//! one that takes no more is put on the list again when it does.

use std::cell::RefCell;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Poll, Wake, Waker};

use parking_lot::Mutex;
use tokio::runtime::Handle;

use super::outbox::Shared;

/// So many bytes are written before others on the worker have their turn.
const TURN: usize = 1 << 20;
/// What a write costs beside its bytes, counted as bytes.
const WRITE: usize = 4096;

/// The scribe of one worker. Cheap to clone.
#[derive(Clone)]
pub struct Scribe(Arc<Worker>);

struct Worker {
    runtime: Handle,
    due: Mutex<Due>,
}

#[derive(Default)]
struct Due {
    sockets: Vec<Arc<Shared>>,
    /// The task's, there only while it sleeps.
    sleeping: Option<Waker>,
    /// The worker is gone and its sockets with it.
    gone: bool,
}

thread_local! {
    /// Scribes to wake when what this thread is doing is done.
    static LATER: RefCell<Option<Vec<Waker>>> = const { RefCell::new(None) };
}

/// Wakes no scribe before `work` is done, so that one that gets much from it is woken once.
pub fn together<T>(work: impl FnOnce() -> T) -> T {
    /// Also where `work` panics.
    struct Wakes;
    impl Drop for Wakes {
        fn drop(&mut self) {
            LATER.take().unwrap_or_default().into_iter().for_each(Waker::wake);
        }
    }
    if LATER.with_borrow(Option::is_some) {
        return work();
    }
    LATER.set(Some(Vec::new()));
    let _wakes = Wakes;
    work()
}

pub(super) fn wake(scribe: Waker) {
    let at_once = LATER.with_borrow_mut(|later| match later {
        Some(later) => {
            later.push(scribe);
            None
        }
        None => Some(scribe),
    });
    if let Some(scribe) = at_once {
        scribe.wake();
    }
}

impl Scribe {
    /// Starts the scribe of the worker on whose thread this is called.
    pub fn start() -> Self {
        let scribe = Self(Arc::new(Worker { runtime: Handle::current(), due: Mutex::default() }));
        let worker = Going(Arc::clone(&scribe.0));
        scribe.0.runtime.spawn(async move { worker.0.run().await });
        scribe
    }

    pub(super) fn runtime(&self) -> &Handle {
        &self.0.runtime
    }

    /// Puts a socket on the list. To be woken by the caller when it holds no lock.
    #[must_use]
    pub(super) fn put(&self, socket: Arc<Shared>) -> Option<Waker> {
        let mut due = self.0.due.lock();
        if due.gone {
            return None;
        }
        due.sockets.push(socket);
        due.sleeping.take()
    }
}

/// The task, which ends with the worker only.
struct Going(Arc<Worker>);

impl Drop for Going {
    fn drop(&mut self) {
        let mut due = self.0.due.lock();
        due.gone = true;
        let sockets = std::mem::take(&mut due.sockets);
        drop(due);
        drop(sockets);
    }
}

impl Worker {
    async fn run(&self) {
        let (mut sockets, mut buffer, mut turn) = (Vec::new(), Vec::new(), 0);
        loop {
            poll_fn(|cx| {
                let mut due = self.due.lock();
                if due.sockets.is_empty() {
                    due.sleeping = Some(cx.waker().clone());
                    return Poll::Pending;
                }
                std::mem::swap(&mut due.sockets, &mut sockets);
                Poll::Ready(())
            })
            .await;
            for socket in sockets.drain(..) {
                // A panic over one socket costs that one, not all that this task writes to.
                let written = catch_unwind(AssertUnwindSafe(|| socket.write(&mut buffer))).unwrap_or_else(|_| {
                    socket.end();
                    0
                });
                turn += written + WRITE;
                if turn >= TURN {
                    turn = 0;
                    tokio::task::yield_now().await;
                }
            }
        }
    }
}

/// When a connection takes bytes again.
impl Wake for Shared {
    fn wake(self: Arc<Self>) {
        let Some(socket) = &self.socket else { return };
        if let Some(scribe) = socket.scribe.put(Arc::clone(&self)) {
            wake(scribe);
        }
    }
}
