//! What comes in: one connection that listens, made anew when it is lost or silent.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{FutureExt, StreamExt};
use redis::aio::{PubSub, PubSubSink};
use redis::{Msg, RedisError};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::sealed::{Refused, Sealer};
use super::{Arrival, Counts, Listener, Topic};
use crate::cluster::Link;

/// How often the connection has to prove that it is alive, and how long an answer may take.
const PROVE_EVERY: Duration = Duration::from_secs(1);
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// Topics of one command.
const AT_ONCE: usize = 500;
/// Between two tries to connect.
const SHORTEST_PAUSE_MS: u64 = 50;
const LONGEST_PAUSE_MS: u64 = 2000;
/// How often it is said that somebody writes what no node of the cluster wrote.
const COMPLAIN_EVERY: Duration = Duration::from_secs(10);

/// What a node wants to hear.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wish {
    Subscribe(Topic),
    Unsubscribe(Topic),
}

/// Why a connection is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Lost,
    /// Nobody wishes anything any more: the daemon ends.
    Finished,
}

/// What is wanted, and who wants it.
struct Subscriptions {
    wanted: HashSet<Topic>,
    wished: mpsc::UnboundedReceiver<Wish>,
    sealer: Arc<Sealer>,
    listener: Arc<dyn Listener>,
    counts: Arc<Counts>,
}

/// Until nobody can wish any more.
pub(super) async fn run(
    wished: mpsc::UnboundedReceiver<Wish>,
    sealer: Arc<Sealer>,
    link: Link,
    listener: Arc<dyn Listener>,
    counts: Arc<Counts>,
) {
    let wanted = HashSet::from([Topic::All, Topic::Node(sealer.node())]);
    let mut subscriptions = Subscriptions { wanted, wished, sealer, listener, counts };
    let mut pause = SHORTEST_PAUSE_MS;
    loop {
        match link.subscriptions().await {
            Ok(connection) => {
                let since = Instant::now();
                Counts::add(&subscriptions.counts.connected, 1);
                // Who takes what comes may panic over it: that costs the connection, and the next one starts with a
                // comparison. Without it the node would be deaf from here on, and nobody would notice.
                let served = AssertUnwindSafe(subscriptions.serve(connection)).catch_unwind().await;
                if served.is_err() {
                    log::error!("what came over Redis could not be taken");
                }
                if matches!(served, Ok(End::Finished)) {
                    return;
                }
                // One that is cut again and again is not tried at once.
                if since.elapsed() >= PROVE_EVERY {
                    pause = SHORTEST_PAUSE_MS;
                }
                log::warn!("the subscriptions to Redis are lost; subscribing anew");
            }
            Err(error) => log::debug!("no subscriptions: {error}"),
        }
        if subscriptions.wait(Duration::from_millis(fastrand::u64(pause / 2..=pause))).await == End::Finished {
            return;
        }
        pause = (pause * 2).min(LONGEST_PAUSE_MS);
    }
}

impl Subscriptions {
    /// Notes what is wished in the meantime.
    async fn wait(&mut self, pause: Duration) -> End {
        let note = async {
            let mut wishes = Vec::new();
            while self.wished.recv_many(&mut wishes, AT_ONCE).await > 0 {
                note(&mut self.wanted, wishes.drain(..));
            }
        };
        // Over before the pause is: nobody is left to wish.
        if timeout(pause, note).await.is_ok() { End::Finished } else { End::Lost }
    }

    async fn serve(&mut self, connection: PubSub) -> End {
        let (sink, mut messages) = connection.split();
        let Self { wanted, wished, sealer, listener, counts } = self;
        let mut inbox = Inbox { sealer, listener: listener.as_ref(), counts, said: None };
        let hear = async {
            while let Some(message) = messages.next().await {
                inbox.hear(&message);
            }
            End::Lost
        };
        tokio::select! {
            end = hear => end,
            end = keep(sink, wanted, wished, sealer.cluster(), listener.as_ref()) => end,
        }
    }
}

/// Subscribes to what is wanted, and sees to it that the connection is alive.
async fn keep(
    mut sink: PubSubSink,
    wanted: &mut HashSet<Topic>,
    wished: &mut mpsc::UnboundedReceiver<Wish>,
    cluster: &str,
    listener: &dyn Listener,
) -> End {
    let all: Vec<Topic> = wanted.iter().copied().collect();
    if !subscribe(&mut sink, all, cluster, listener).await {
        return End::Lost;
    }
    let mut prove = interval(PROVE_EVERY);
    prove.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut wishes = Vec::new();
    loop {
        tokio::select! {
            number = wished.recv_many(&mut wishes, AT_ONCE) => {
                if number == 0 {
                    return End::Finished;
                }
                let (new, gone) = note(wanted, wishes.drain(..));
                let gone: Vec<String> = gone.into_iter().map(|topic| topic.name(cluster)).collect();
                if !gone.is_empty() && !done(sink.unsubscribe(gone)).await {
                    return End::Lost;
                }
                if !subscribe(&mut sink, new, cluster, listener).await {
                    return End::Lost;
                }
            }
            _ = prove.tick() => {
                if !done(sink.ping::<()>()).await {
                    return End::Lost;
                }
            }
        }
    }
}

async fn subscribe(sink: &mut PubSubSink, topics: Vec<Topic>, cluster: &str, listener: &dyn Listener) -> bool {
    for some in topics.chunks(AT_ONCE) {
        let names: Vec<String> = some.iter().map(|topic| topic.name(cluster)).collect();
        if !done(sink.subscribe(names)).await {
            return false;
        }
        listener.subscribed(some.to_vec());
    }
    true
}

async fn done<T>(answer: impl Future<Output = Result<T, RedisError>>) -> bool {
    matches!(timeout(ANSWER_WITHIN, answer).await, Ok(Ok(_)))
}

/// What is to be subscribed to and what not any more, of those that were wished last.
fn note(wanted: &mut HashSet<Topic>, wishes: impl Iterator<Item = Wish>) -> (Vec<Topic>, Vec<Topic>) {
    let (mut new, mut gone) = (HashSet::new(), HashSet::new());
    for wish in wishes {
        match wish {
            Wish::Subscribe(topic) => {
                wanted.insert(topic);
                // Also where it was subscribed to before: who wishes it wants to be told.
                new.insert(topic);
                gone.remove(&topic);
            }
            Wish::Unsubscribe(topic) => {
                if wanted.remove(&topic) {
                    gone.insert(topic);
                }
                new.remove(&topic);
            }
        }
    }
    (new.into_iter().collect(), gone.into_iter().collect())
}

/// Opens what comes.
struct Inbox<'a> {
    sealer: &'a Sealer,
    listener: &'a dyn Listener,
    counts: &'a Counts,
    said: Option<Instant>,
}

impl Inbox<'_> {
    fn hear(&mut self, message: &Msg) {
        let name = message.get_channel_name();
        let Some(topic) = Topic::parse(name, self.sealer.cluster()) else { return };
        let sealed = message.get_payload_bytes();
        match self.sealer.open(name, sealed) {
            Ok((from, news)) => {
                Counts::add(&self.counts.received, 1);
                self.listener.arrived(Arrival { topic, from, news, size: sealed.len() });
            }
            Err(Refused::Own) => {}
            Err(refused) => {
                Counts::add(&self.counts.refused, 1);
                if self.said.is_none_or(|said| said.elapsed() >= COMPLAIN_EVERY) {
                    log::warn!("something in {name} was refused: {refused}");
                    self.said = Some(Instant::now());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::UserId;
    use uuid::Uuid;

    #[test]
    fn of_several_wishes_the_last_one_counts() {
        let topic = |number| Topic::User(UserId(Uuid::from_u128(number)));
        let mut wanted = HashSet::from([topic(1), topic(2)]);
        let wishes = [
            Wish::Unsubscribe(topic(1)),
            Wish::Subscribe(topic(1)),
            Wish::Unsubscribe(topic(2)),
            Wish::Subscribe(topic(3)),
            Wish::Unsubscribe(topic(3)),
            Wish::Unsubscribe(topic(4)),
        ];
        let (new, mut gone) = note(&mut wanted, wishes.into_iter());
        gone.sort_by_key(|topic| topic.name("c"));
        assert_eq!((new, gone), (vec![topic(1)], vec![topic(2), topic(3)]));
        assert_eq!(wanted, HashSet::from([topic(1)]));
    }
}
