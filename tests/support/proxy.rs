//! A line that fails on order: a TCP proxy between a client and the daemon, or the daemon and its database.
//!
//! It runs on a thread of its own, so that a test which blocks its runtime does not stall it by accident. It never
//! looks into what passes, except for the one pattern that a test arms.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first surprise"
)]

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From who connected to the target: requests, statements, a client's frames.
    Up,
    /// From the target back: answers.
    Down,
}

/// Does the armed pattern still arrive?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The bytes read with the pattern's end are lost with the line: it was never said.
    Before,
    /// They arrive, and nothing comes back: it was said, and the answer is lost.
    After,
}

/// The ways on which nothing passes.
#[derive(Debug, Clone, Copy, Default)]
struct Stalled {
    up: bool,
    down: bool,
}

impl Stalled {
    fn on(self, direction: Direction) -> bool {
        match direction {
            Direction::Up => self.up,
            Direction::Down => self.down,
        }
    }
}

/// What the line does now. Each connection looks at it before it reads and before it writes.
#[derive(Debug, Clone, Copy)]
struct Condition {
    target: SocketAddr,
    refusing: bool,
    stalled: Stalled,
    /// Each piece is passed on byte by byte.
    sliced: bool,
    delay: Duration,
    /// Counts the orders to cut: a connection ends when it changes.
    cuts: u64,
}

#[derive(Debug, Clone)]
struct Trap {
    direction: Direction,
    pattern: Vec<u8>,
    cut: Cut,
}

#[derive(Debug)]
struct Shared {
    condition: watch::Sender<Condition>,
    trap: Mutex<Option<Trap>>,
    connections: AtomicUsize,
}

/// The proxy. Dropping it cuts what goes through it and frees the port.
pub struct Proxy {
    /// Where to connect to.
    pub addr: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("addr", &self.addr).field("shared", &self.shared).finish_non_exhaustive()
    }
}

impl Proxy {
    /// A sound line to `target` on a free port of 127.0.0.1. The target need not be there yet.
    pub fn start(target: SocketAddr) -> Self {
        let condition = Condition {
            target,
            refusing: false,
            stalled: Stalled::default(),
            sliced: false,
            delay: Duration::ZERO,
            cuts: 0,
        };
        let shared = Arc::new(Shared {
            condition: watch::Sender::new(condition),
            trap: Mutex::default(),
            connections: AtomicUsize::new(0),
        });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a listener that does not block");
        let addr = listener.local_addr().expect("the port");
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn({
            let shared = Arc::clone(&shared);
            move || run(listener, shared, stopped)
        });
        Self { addr, shared, stop: Some(stop), thread: Some(thread) }
    }

    /// Cuts every connection with a reset, as a machine that died and came back does. New ones are taken.
    pub fn cut(&self) {
        self.change(|condition| condition.cuts += 1);
    }

    /// Nothing passes in either direction and nothing is read, but all stays open: a cable that is out.
    pub fn stall(&self) {
        self.change(|condition| condition.stalled = Stalled { up: true, down: true });
    }

    /// The same in one direction only, while the other one goes on: a router that lost half of its table.
    pub fn stall_one_way(&self, direction: Direction) {
        self.change(|condition| match direction {
            Direction::Up => condition.stalled.up = true,
            Direction::Down => condition.stalled.down = true,
        });
    }

    /// Ends a stall. What was on its way arrives.
    pub fn resume(&self) {
        self.change(|condition| condition.stalled = Stalled::default());
    }

    /// From now on (or no longer) every byte is passed on by itself.
    pub fn slice(&self, sliced: bool) {
        self.change(|condition| condition.sliced = sliced);
    }

    /// New connections are reset at once; those that are open go on. The port stays taken, so that nothing else
    /// gets it meanwhile.
    pub fn refuse(&self) {
        self.change(|condition| condition.refusing = true);
    }

    /// Ends a refusal.
    pub fn accept(&self) {
        self.change(|condition| condition.refusing = false);
    }

    /// From now on each piece read is passed on this much later.
    pub fn delay(&self, by: Duration) {
        self.change(|condition| condition.delay = by);
    }

    /// New connections go to another address: what was behind has come back elsewhere.
    pub fn retarget(&self, target: SocketAddr) {
        self.change(|condition| condition.target = target);
    }

    /// Cuts the first connection on which these bytes pass from now on, once, wherever they fall into pieces.
    pub fn cut_when(&self, direction: Direction, pattern: &[u8], cut: Cut) {
        assert!(!pattern.is_empty(), "an empty pattern passes always");
        *self.shared.trap.lock().unwrap() = Some(Trap { direction, pattern: pattern.to_vec(), cut });
    }

    /// Is a pattern armed that has not passed yet?
    pub fn armed(&self) -> bool {
        self.shared.trap.lock().unwrap().is_some()
    }

    /// Forgets the pattern.
    pub fn disarm(&self) {
        *self.shared.trap.lock().unwrap() = None;
    }

    /// How many connections are open through it.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    fn change(&self, change: impl FnOnce(&mut Condition)) {
        self.shared.condition.send_modify(change);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there has been printed; a second one while unwinding would abort.
            drop(thread.join());
        }
    }
}

fn run(listener: std::net::TcpListener, shared: Arc<Shared>, stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    // Its end drops every connection's task, and with it the sockets.
    runtime.block_on(async move {
        let listener = TcpListener::from_std(listener).expect("a listener");
        tokio::select! {
            () = take_connections(listener, shared) => (),
            _ = stopped => (),
        }
    });
}

async fn take_connections(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        // Fails only for the connection that was about to come, or for want of file descriptors.
        let Ok((client, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        // Subscribed before anything else is awaited: a cut from now on is meant for this connection too.
        let condition = shared.condition.subscribe();
        if condition.borrow().refusing {
            reset(client);
            continue;
        }
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            shared.connections.fetch_add(1, Ordering::SeqCst);
            serve(client, condition, &shared).await;
            shared.connections.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

/// Why a line ended.
enum End {
    /// Both sides said that they are done.
    Finished,
    /// Somebody went, or a cut was ordered: neither side hears a goodbye.
    Broken,
    /// The armed pattern has arrived at the side that the direction leads to.
    Sprung(Direction),
}

async fn serve(mut client: TcpStream, mut condition: watch::Receiver<Condition>, shared: &Shared) {
    let (target, cuts) = { (condition.borrow().target, condition.borrow().cuts) };
    let Ok(mut server) = TcpStream::connect(target).await else { return reset(client) };
    drop((client.set_nodelay(true), server.set_nodelay(true)));
    let mut watched = condition.clone();
    let end = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let mut back = condition.clone();
        tokio::select! {
            // A cut goes first: nothing slips through in the same moment.
            biased;
            _ = condition.wait_for(|condition| condition.cuts != cuts) => End::Broken,
            end = async {
                let up = pass(from_client, to_server, Direction::Up, &mut watched, shared);
                let down = pass(from_server, to_client, Direction::Down, &mut back, shared);
                tokio::try_join!(up, down).map_or_else(|end| end, |((), ())| End::Finished)
            } => end,
        }
    };
    match end {
        End::Finished => (),
        End::Broken => {
            reset(client);
            reset(server);
        }
        // Who is to have the bytes gets an orderly end, since a reset may overtake them.
        End::Sprung(Direction::Up) => reset(client),
        End::Sprung(Direction::Down) => reset(server),
    }
}

/// Passes bytes on one way until their source is done, which it then tells the other side.
async fn pass(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    direction: Direction,
    condition: &mut watch::Receiver<Condition>,
    shared: &Shared,
) -> Result<(), End> {
    let mut piece = vec![0; 16 * 1024];
    let mut seen = Vec::new();
    loop {
        flowing(condition, direction).await;
        let read = tokio::select! {
            read = from.read(&mut piece) => read.map_err(broken)?,
            // A stall that begins while nothing comes: read nothing more until it is over.
            _ = condition.wait_for(|condition| condition.stalled.on(direction)) => continue,
        };
        let bytes = &piece[..read];
        let delay = condition.borrow().delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        flowing(condition, direction).await;
        if read == 0 {
            return to.shutdown().await.map_err(broken);
        }
        let sprung = spring(shared, direction, &mut seen, bytes);
        if sprung == Some(Cut::Before) {
            return Err(End::Broken);
        }
        let size = if condition.borrow().sliced { 1 } else { bytes.len() };
        for slice in bytes.chunks(size) {
            to.write_all(slice).await.map_err(broken)?;
        }
        if sprung == Some(Cut::After) {
            return Err(End::Sprung(direction));
        }
    }
}

fn broken(_: io::Error) -> End {
    End::Broken
}

/// Waits until the line is not stalled. An error would mean that the proxy is gone, and this task with it.
async fn flowing(condition: &mut watch::Receiver<Condition>, direction: Direction) {
    drop(condition.wait_for(|condition| !condition.stalled.on(direction)).await);
}

/// Does the armed pattern end in these bytes? `seen` keeps what came before them, as far as a pattern reaches back.
fn spring(shared: &Shared, direction: Direction, seen: &mut Vec<u8>, bytes: &[u8]) -> Option<Cut> {
    let mut armed = shared.trap.lock().unwrap();
    let Some(trap) = armed.as_ref().filter(|trap| trap.direction == direction) else {
        seen.clear();
        return None;
    };
    seen.extend_from_slice(bytes);
    if seen.windows(trap.pattern.len()).any(|window| window == trap.pattern) {
        return armed.take().map(|trap| trap.cut);
    }
    let surplus = seen.len().saturating_sub(trap.pattern.len() - 1);
    seen.drain(..surplus);
    None
}

/// Ends a connection with RST: whatever was queued is lost and the peer sees an error, not an end.
fn reset(stream: TcpStream) {
    // Where it cannot be set, an ordinary end is the next best failure.
    drop(stream.set_zero_linger());
    drop(stream);
}
