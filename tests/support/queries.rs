//! A line to PostgreSQL that counts what is asked of it.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How often a statement was executed, how often an answer was waited for because of it, how often it was prepared, and
/// how often of these by a connection that had prepared it before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    pub executed: usize,
    pub round_trips: usize,
    pub prepared: usize,
    pub again: usize,
}

impl Cost {
    fn add(&mut self, other: Self) {
        self.executed += other.executed;
        self.round_trips += other.round_trips;
        self.prepared += other.prepared;
        self.again += other.again;
    }
}

/// What was asked over all connections, by the statements' texts.
#[derive(Debug, Clone, Default)]
pub struct Asked(BTreeMap<String, Cost>);

impl Asked {
    /// Of all statements in which none of the words occurs, and which do not only set up a connection.
    pub fn without(&self, words: &[&str]) -> Cost {
        let sets_up = |text: &str| text.starts_with("SET ");
        let counted = self.0.iter().filter(|(text, _)| !sets_up(text) && !words.iter().any(|word| text.contains(word)));
        counted.fold(Cost::default(), |mut sum, (_, cost)| {
            sum.add(*cost);
            sum
        })
    }

    /// What one connection prepared more than once.
    pub fn prepared_again(&self) -> Vec<&str> {
        self.0.iter().filter(|(_, cost)| cost.again > 0).map(|(text, _)| text.as_str()).collect()
    }

    /// How often a statement was executed in which the word occurs.
    pub fn executed(&self, word: &str) -> usize {
        self.0.iter().filter(|(text, _)| text.contains(word)).map(|(_, cost)| cost.executed).sum()
    }
}

/// The line. It lives on the test's runtime and ends with the value.
pub struct Counter {
    pub addr: SocketAddr,
    asked: Arc<Mutex<Asked>>,
    task: JoinHandle<()>,
}

impl Counter {
    pub async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::default());
        let counting = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, target, Arc::clone(&counting)));
            }
        });
        Self { addr, asked, task }
    }

    /// What was asked so far.
    pub fn look(&self) -> Asked {
        self.asked.lock().unwrap().clone()
    }

    /// What was asked since it was last taken.
    pub fn take(&self) -> Asked {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(client: TcpStream, target: SocketAddr, asked: Arc<Mutex<Asked>>) {
    let Ok(server) = TcpStream::connect(target).await else { return };
    drop((client.set_nodelay(true), server.set_nodelay(true)));
    let ((from_client, mut to_client), (mut from_server, mut to_server)) = (client.into_split(), server.into_split());
    tokio::select! {
        _ = copy(&mut from_server, &mut to_client) => {}
        _ = pass(from_client, &mut to_server, &asked) => {}
    }
}

/// Passes message by message: a kind (not of the first one), a length that counts itself, a body.
async fn pass(mut from: OwnedReadHalf, to: &mut OwnedWriteHalf, asked: &Mutex<Asked>) -> std::io::Result<()> {
    let (mut prepared, mut known, mut last) = (HashMap::new(), HashSet::new(), String::new());
    let mut kind = None;
    loop {
        let length = from.read_u32().await?;
        let mut body = vec![0; (length as usize).saturating_sub(4)];
        from.read_exact(&mut body).await?;
        let mut words = body.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned());
        let mut word = || words.next().unwrap_or_default();
        let mut cost = Cost::default();
        match kind {
            Some(b'P') => {
                let (name, text) = (word(), word());
                last.clone_from(&text);
                cost.prepared = 1;
                cost.again = usize::from(!known.insert(text.clone()));
                prepared.insert(name, text);
            }
            Some(b'B') => {
                let (_portal, name) = (word(), word());
                last = prepared.get(&name).cloned().unwrap_or_default();
            }
            Some(b'E') => cost.executed = 1,
            Some(b'S') => cost.round_trips = 1,
            Some(b'Q') => {
                last = word();
                (cost.executed, cost.round_trips) = (1, 1);
            }
            _ => {}
        }
        if cost != Cost::default() {
            asked.lock().unwrap().0.entry(last.clone()).or_default().add(cost);
        }
        let mut message: Vec<u8> = kind.into_iter().collect();
        message.extend(length.to_be_bytes());
        message.extend(body);
        to.write_all(&message).await?;
        kind = Some(from.read_u8().await?);
    }
}
