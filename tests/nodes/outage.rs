//! PostgreSQL goes away under several nodes and comes back, while everybody talks.

use std::time::{Duration, Instant};

use serde_json::Value;
use tenfour::domain::ids::ChannelId;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::nodes::Nodes;
use crate::postgres::{Database, Server};
use crate::socket::{TestSocket, assert_continues, message, number};
use crate::talkers::assert_log;

/// The longest that anybody waits for an answer, and what this machine may add.
const ANSWER: Duration = Duration::from_millis(5500);
const PAUSE: Duration = Duration::from_millis(20);
/// The longest that it may take until all is well again.
const RECOVERS: Duration = Duration::from_secs(20);

/// How far somebody has come.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    acked: usize,
    refused: usize,
}

/// Somebody who says each thing until it is stored, one at a time.
struct Sender {
    progress: watch::Receiver<Progress>,
    task: JoinHandle<(TestSocket, Vec<i64>)>,
}

impl Sender {
    fn start(mut socket: TestSocket, name: &'static str, channel: ChannelId, stop: watch::Receiver<bool>) -> Self {
        let (tell, progress) = watch::channel(Progress::default());
        let task = tokio::spawn(async move {
            let mut seqs = Vec::new();
            while !*stop.borrow() {
                let frame = message(channel, &format!("{name} {}", seqs.len()), Uuid::new_v4());
                seqs.push(insist(&mut socket, &frame, &tell).await);
                tell.send_modify(|progress| progress.acked += 1);
                tokio::time::sleep(PAUSE).await;
            }
            (socket, seqs)
        });
        Self { progress, task }
    }

    async fn waits_for(&mut self, what: &str, enough: impl FnMut(&Progress) -> bool) -> Progress {
        let waited = tokio::time::timeout(RECOVERS, self.progress.wait_for(enough)).await;
        *waited.unwrap_or_else(|_| panic!("not within {RECOVERS:?}: {what}")).expect("the sender")
    }
}

/// Says it until it is stored; every single try is answered in time.
async fn insist(socket: &mut TestSocket, frame: &Value, tell: &watch::Sender<Progress>) -> i64 {
    loop {
        let asked = Instant::now();
        let answer = socket.ask(frame.clone()).await;
        assert!(asked.elapsed() < ANSWER, "{:?}: {answer}", asked.elapsed());
        if answer["type"] == "ack" {
            return number(&answer["seq"]);
        }
        assert_eq!((&answer["code"], &answer["retryable"]), (&"unavailable".into(), &true.into()), "{answer}");
        tell.send_modify(|progress| progress.refused += 1);
        tokio::time::sleep(PAUSE).await;
    }
}

/// Reads on until the version, and sees each one once and in order.
async fn listen_from(
    mut socket: TestSocket,
    channel: ChannelId,
    mut last: i64,
    until: watch::Receiver<Option<i64>>,
) -> TestSocket {
    while until.borrow().is_none_or(|until| last < until) {
        let frames = socket.collect(PAUSE).await;
        last = assert_continues(last, &frames, channel);
    }
    socket
}

/// The server's shell answers when it is done, which blocks.
async fn order(mut server: Server, order: &'static str) -> Server {
    let ordered = tokio::task::spawn_blocking(move || {
        server.order(order);
        server
    });
    ordered.await.unwrap()
}

#[tokio::test]
async fn a_postgres_that_crashes_under_several_nodes_costs_nothing_but_time() {
    let mut server = tokio::task::spawn_blocking(Server::start).await.unwrap();
    let database = Database::create_on(&server.url()).await;
    let nodes = Nodes::start_on(&database.url, 2, |_| {}).await;
    let channel = nodes.node(0).group(&["ana", "bo", "cy", "dee"]).await;
    let (stop, stopped) = watch::channel(false);
    let (tell_end, end) = watch::channel(None);
    let mut senders = [
        Sender::start(nodes.node(0).connect("ana").await, "ana", channel, stopped.clone()),
        Sender::start(nodes.node(1).connect("bo").await, "bo", channel, stopped),
    ];
    let listening = [(0, "cy"), (1, "dee")].map(|(index, name)| (nodes.node(index), name));
    let mut listeners = Vec::new();
    for (node, name) in listening {
        let socket = node.connect(name).await;
        // What was said before it came is history to it.
        let before = number(&socket.channel(channel)["version"]);
        listeners.push(tokio::spawn(listen_from(socket, channel, before, end.clone())));
    }
    for _ in 0..2 {
        for sender in &mut senders {
            let before = *sender.progress.borrow();
            sender.waits_for("it is heard", |now| now.acked >= before.acked + 20).await;
        }
        server = order(server, "stop").await;
        for sender in &mut senders {
            let before = *sender.progress.borrow();
            sender.waits_for("it is refused", |now| now.refused > before.refused).await;
        }
        server = order(server, "start").await;
    }
    for sender in &mut senders {
        let before = *sender.progress.borrow();
        sender.waits_for("it is heard again", |now| now.acked >= before.acked + 20).await;
    }
    stop.send(true).unwrap();
    let (mut sockets, mut said) = (Vec::new(), Vec::new());
    for (sender, name) in senders.into_iter().zip(["ana", "bo"]) {
        let (socket, seqs) = sender.task.await.unwrap();
        said.push((name, seqs.len()));
        sockets.push((socket, seqs));
    }
    let total: usize = said.iter().map(|(_, count)| count).sum();
    tell_end.send(Some(i64::try_from(total).unwrap())).unwrap();
    for listener in listeners {
        listener.await.unwrap();
    }
    let log = sockets[0].0.catch_up(channel, 0).await;
    assert_log(&log, &said);
    assert_eq!(log.len(), total);
    for ((_, seqs), (name, _)) in sockets.iter().zip(&said) {
        let stored = log.iter().filter(|it| it["content"].as_str().unwrap().starts_with(name));
        let mut stored: Vec<_> = stored.map(|it| number(&it["seq"])).collect();
        stored.sort_unstable();
        assert_eq!(&stored, seqs, "{name} was told where each message is");
    }
    drop(server);
}
