//! Real clients that talk while something happens to the line or the daemon, and what each of them came to know.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

use std::time::{Duration, Instant};

use serde_json::Value;
use tenfour::client::event::Event;
use tenfour::client::token::TokenSource;
use tenfour::client::{self, Client, Options};
use tenfour::domain::ids::{ChannelId, UserId};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// What one client was told of a channel, by version.
#[derive(Debug, Default, Clone)]
pub struct Heard {
    /// Version and text of each message of somebody else, in the order in which they came.
    pub messages: Vec<(i64, String)>,
    /// `seq` of each own message that was acknowledged.
    pub acked: Vec<i64>,
    /// Who came and who went, in the order in which that was told.
    pub presence: Vec<(UserId, bool)>,
    pub connections: usize,
    /// Since when there has been no connection, and how long that took at most so far.
    pub away: Option<Instant>,
    pub longest_away: Duration,
    pub failed: Vec<String>,
}

impl Heard {
    /// Those who were told to have gone.
    pub fn gone(&self) -> Vec<UserId> {
        self.presence.iter().filter(|(_, online)| !online).map(|(user, _)| *user).collect()
    }
}

/// A client that sends a number of texts and notes what it hears.
pub struct Talker {
    pub name: String,
    pub client: Client,
    heard: watch::Receiver<Heard>,
    listening: JoinHandle<()>,
}

impl Talker {
    /// Answers when it is connected: what was said before is history to a new client.
    pub async fn start(name: &str, url: &str, token: String) -> Self {
        let mut options = Options::new(url, TokenSource::Static(token));
        options.backoff = client::backoff::Limits {
            min: Duration::from_millis(10),
            max: Duration::from_millis(100),
            stable: Duration::from_millis(50),
        };
        options.timing.answer = Duration::from_secs(6);
        let (client, events) = Client::start(options).unwrap();
        let (told, heard) = watch::channel(Heard::default());
        let listening = tokio::spawn(listen(events, told));
        let mut talker = Self { name: name.to_owned(), client, heard, listening };
        talker.heard("hello", |heard| heard.connections > 0).await;
        talker
    }

    /// Sends `NAME 0`, `NAME 1` … and waits for each to be acknowledged, whatever happens meanwhile.
    pub fn talk(&self, channel: ChannelId, count: usize, pause: Duration) -> JoinHandle<()> {
        let (client, name) = (self.client.clone(), self.name.clone());
        tokio::spawn(async move {
            for number in 0..count {
                client.send_and_wait(channel, format!("{name} {number}")).await.unwrap();
                tokio::time::sleep(pause).await;
            }
        })
    }

    /// Sends `NAME 0`, `NAME 1` … until it is told to stop, and answers how many that were.
    pub fn talk_until(&self, channel: ChannelId, pause: Duration, stop: &watch::Receiver<bool>) -> JoinHandle<usize> {
        let (client, name, stop) = (self.client.clone(), self.name.clone(), stop.clone());
        tokio::spawn(async move {
            let mut count = 0;
            while !*stop.borrow() {
                client.send_and_wait(channel, format!("{name} {count}")).await.unwrap();
                count += 1;
                tokio::time::sleep(pause).await;
            }
            count
        })
    }

    /// Waits until so many more of its own messages are acknowledged.
    pub async fn said(&mut self, more: usize) {
        let before = self.heard.borrow().acked.len();
        self.heard("its own words", |heard| heard.acked.len() >= before + more).await;
    }

    /// What it has heard by now.
    pub fn now(&self) -> Heard {
        self.heard.borrow().clone()
    }

    /// Waits until the client has heard enough.
    pub async fn heard(&mut self, what: &str, enough: impl FnMut(&Heard) -> bool) -> Heard {
        let waited = tokio::time::timeout(Duration::from_secs(20), self.heard.wait_for(enough)).await;
        let enough = waited.is_ok();
        drop(waited);
        let heard = self.heard.borrow().clone();
        assert!(enough, "{}: not heard: {what}; {heard:?}", self.name);
        heard
    }
}

impl Drop for Talker {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen(mut events: mpsc::Receiver<Event>, told: watch::Sender<Heard>) {
    while let Some(event) = events.recv().await {
        told.send_modify(|heard| match event {
            Event::Connected { .. } => {
                heard.connections += 1;
                let away = heard.away.take().map_or(Duration::ZERO, |since| since.elapsed());
                heard.longest_away = heard.longest_away.max(away);
            }
            Event::Disconnected { .. } => _ = heard.away.get_or_insert_with(Instant::now),
            Event::Presence(news) => heard.presence.push((news.user_id, news.is_online())),
            Event::Message(message) => heard.messages.push((message.version, message.content)),
            Event::Sent { ack, .. } => heard.acked.push(ack.seq),
            Event::Failed { error, .. } => heard.failed.push(error.to_string()),
            Event::Reset(channel) => heard.failed.push(format!("{channel} was reset")),
            _ => {}
        });
    }
}

/// That the channel holds each of these texts exactly once, numbered without a gap, each sender's own in order.
pub fn assert_log(log: &[Value], senders: &[(&str, usize)]) {
    let mut by_seq: Vec<_> =
        log.iter().map(|it| (it["seq"].as_i64().unwrap(), it["content"].as_str().unwrap())).collect();
    by_seq.sort_unstable();
    let numbers: Vec<i64> = by_seq.iter().map(|(seq, _)| *seq).collect();
    assert!(numbers.iter().copied().eq(1..=i64::try_from(by_seq.len()).unwrap()), "no gap in {numbers:?}");
    for (name, count) in senders {
        let prefix = format!("{name} ");
        let own: Vec<_> = by_seq.iter().filter_map(|(_, text)| text.strip_prefix(&prefix)).collect();
        let sent: Vec<_> = (0..*count).map(|number| number.to_string()).collect();
        assert!(own.iter().copied().eq(sent.iter()), "{name} said {count} things once and in order: {own:?}");
    }
}

/// That somebody heard all of another's texts, once and in order.
pub fn assert_heard(heard: &Heard, name: &str, count: usize) {
    assert!(heard.failed.is_empty(), "{:?}", heard.failed);
    assert!(heard.messages.is_sorted_by_key(|(version, _)| *version), "{:?}", heard.messages);
    let prefix = format!("{name} ");
    let texts: Vec<_> = heard.messages.iter().filter_map(|(_, text)| text.strip_prefix(&prefix)).collect();
    let sent: Vec<_> = (0..count).map(|number| number.to_string()).collect();
    assert!(texts.iter().copied().eq(sent.iter()), "{name}'s {count} texts once and in order: {texts:?}");
}

/// How many of somebody's texts were heard.
pub fn count_of(heard: &Heard, name: &str) -> usize {
    heard.messages.iter().filter(|(_, text)| text.starts_with(name)).count()
}
