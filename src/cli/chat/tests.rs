//! The chat against a scripted server, by what it prints.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::input::Entered;
use super::screen::Screen;
use super::{ChatError, ChatOptions, chat};
use crate::client::scripted::{CHANNEL, ME, OTHER, Peer, Server, message};

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    async fn shows(&self, wanted: &str) {
        let shown = async {
            while !self.text().contains(wanted) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let in_time = timeout(Duration::from_secs(20), shown).await;
        assert!(in_time.is_ok(), "no {wanted:?} in:\n{}", self.text());
    }
}

struct Started {
    server: Server,
    keys: mpsc::Sender<Entered>,
    out: Paper,
    err: Paper,
    /// As Ctrl-C does.
    leave: Arc<Notify>,
    chat: JoinHandle<Result<(), ChatError>>,
}

impl Started {
    async fn on(terminal: bool, channel: Option<&str>) -> Self {
        let server = Server::start().await;
        let (out, err) = (Paper::default(), Paper::default());
        let (keys, lines) = mpsc::channel(64);
        let options = ChatOptions {
            url: server.url(),
            token: Some("t".into()),
            token_file: None,
            channel: channel.map(str::to_owned),
            history: 2,
        };
        let screen = Screen { terminal, out: out.clone(), err: err.clone() };
        let leave = Arc::new(Notify::new());
        let chat = tokio::spawn(chat(options, lines, screen, Arc::clone(&leave).notified_owned()));
        Self { server, keys, out, err, leave, chat }
    }

    /// Connected, in its only channel, and shown its last two messages.
    async fn welcome(&self) -> Peer {
        let mut peer = self.server.welcome(5).await;
        let sync = peer.recv_type("sync").await;
        assert_eq!(sync["channels"], json!({CHANNEL: 3}));
        peer.page(&sync, vec![message(4, OTHER, None), message(5, ME, None)], 5).await;
        peer
    }

    async fn enter(&self, line: &str) {
        self.keys.send(Entered::Line(line.to_owned())).await.unwrap();
    }

    async fn end(self) -> Result<(), ChatError> {
        drop(self.keys);
        timeout(Duration::from_secs(5), self.chat).await.expect("an end").unwrap()
    }
}

#[tokio::test]
async fn a_pipe_is_sent_line_by_line_and_it_ends_when_all_are_stored() {
    let started = Started::on(false, Some("all")).await;
    started.enter("/etc/passwd is no command").await;
    started.enter("").await;
    started.enter("two").await;
    let mut peer = started.welcome().await;
    let one = after_marks(&mut peer).await;
    assert_eq!(one["content"], "/etc/passwd is no command");
    peer.ack(&one, 6, false).await;
    let two = after_marks(&mut peer).await;
    assert_eq!(two["content"], "two");
    let (out, keys) = (started.out.clone(), started.keys.clone());
    drop(keys);
    let mut ending = std::pin::pin!(started.end());
    assert!(timeout(Duration::from_millis(100), &mut ending).await.is_err(), "it ended before all was stored");
    peer.ack(&two, 7, false).await;
    let (ended, ()) = tokio::join!(ending, peer.gone());
    ended.unwrap();
    let out = out.text();
    let said: Vec<_> = out.lines().map(|line| &line[6..]).collect();
    assert_eq!(said, ["Bo: text 4", "Bo: text 5 ✓", "Bo: /etc/passwd is no command ✓", "Bo: two ✓"]);
}

#[tokio::test]
async fn a_refused_message_makes_the_chat_fail() {
    let started = Started::on(false, None).await;
    started.enter("one").await;
    let mut peer = started.welcome().await;
    let one = after_marks(&mut peer).await;
    peer.refuse(&one, "forbidden", None).await;
    started.err.shows("not sent: forbidden").await;
    assert!(matches!(started.end().await, Err(ChatError::Refused(1))));
}

#[tokio::test]
async fn a_line_that_is_not_utf8_counts_as_failed_and_the_next_is_sent() {
    let started = Started::on(false, None).await;
    started.keys.send(Entered::NotUtf8(1)).await.unwrap();
    started.enter("two").await;
    let mut peer = started.welcome().await;
    let two = after_marks(&mut peer).await;
    assert_eq!(two["content"], "two");
    peer.ack(&two, 6, false).await;
    started.err.shows("not sent: line 1 is not UTF-8").await;
    assert!(matches!(started.end().await, Err(ChatError::Refused(1))));
}

#[tokio::test]
async fn what_was_never_sent_is_told_apart_from_what_has_no_answer() {
    let started = Started::on(true, None).await;
    let mut peer = started.welcome().await;
    started.enter("one").await;
    started.enter("two").await;
    assert_eq!(after_marks(&mut peer).await["content"], "one");
    started.out.shows("> ").await;
    started.enter("/quit").await;
    started.out.shows("leaving when the 2 waiting are stored").await;
    started.leave.notify_one();
    let error = started.end().await.unwrap_err();
    assert!(matches!(error, ChatError::Left { unsent: 1, unanswered: 1, refused: 0 }), "{error}");
}

#[tokio::test]
async fn a_terminal_says_that_it_is_not_connected_yet() {
    let started = Started::on(true, None).await;
    started.enter("hello").await;
    started.out.shows("not connected yet; not sent").await;
    started.enter("/join 1").await;
    started.out.shows("not connected yet; try again").await;
    assert!(!started.out.text().contains("choose a channel"));
    started.enter("/quit").await;
    started.end().await.unwrap();
}

#[tokio::test]
async fn a_pipe_needs_a_channel_that_exists() {
    let started = Started::on(false, Some("nowhere")).await;
    let _peer = started.server.welcome(5).await;
    let error = started.end().await.unwrap_err().to_string();
    assert!(error.contains("nowhere") && error.contains("1 all") && error.contains("--channel"), "{error}");
}

#[tokio::test]
async fn a_refused_token_ends_it() {
    let started = Started::on(true, None).await;
    started.server.refuse(401).await;
    let error = timeout(Duration::from_secs(5), started.chat).await.expect("an end").unwrap().unwrap_err().to_string();
    assert_eq!(error, "the server refuses the token: the token has expired");
}

#[tokio::test]
async fn a_terminal_shows_others_without_what_could_drive_it() {
    let started = Started::on(true, None).await;
    let mut peer = started.welcome().await;
    let mut evil = message(6, OTHER, None);
    evil["senderName"] = json!("Bo\u{1b}[2J");
    evil["content"] = json!("\u{1b}]0;owned\u{7}hi");
    peer.send(json!({"type": "message", "data": evil})).await;
    started.out.shows("Bo\u{fffd}[2J: \u{fffd}]0;owned\u{fffd}hi").await;
    peer.send(json!({"type": "typing", "channelId": CHANNEL, "userId": OTHER, "name": "Bo", "expiresInMs": 3000}))
        .await;
    started.out.shows("Bo is typing").await;
    started.enter("/who").await;
    started.out.shows("○ Bo").await;
    started.enter("/quit").await;
    started.end().await.unwrap();
}

#[tokio::test]
async fn a_terminal_edits_and_deletes_the_last_own_message() {
    let started = Started::on(true, None).await;
    let mut peer = started.welcome().await;
    assert_eq!(entered(&mut peer, &started, "/edit better").await["content"], "better");
    let delete = entered(&mut peer, &started, "/delete last").await;
    assert_eq!(delete["messageId"], message(5, ME, None)["id"]);
    let no = json!({"type": "error", "code": "conflict", "message": "gone", "retryable": false, "ref": delete["ref"]});
    peer.send(no).await;
    started.out.shows("not changed: conflict: gone").await;
    started.end().await.unwrap();
}

#[tokio::test]
async fn a_terminal_says_what_waits_while_there_is_no_connection() {
    let started = Started::on(true, None).await;
    let mut peer = started.welcome().await;
    peer.close(1001).await;
    drop(peer);
    started.out.shows("not connected, 0 waiting; trying again in").await;
    started.enter("hello").await;
    started.out.shows("not connected, 1 waiting").await;
    started.enter("/quit").await;
    started.out.shows("leaving when the 1 waiting are stored").await;
    let mut peer = started.server.welcome(5).await;
    let hello = after_marks(&mut peer).await;
    peer.ack(&hello, 6, false).await;
    started.out.shows("hello ✓").await;
    started.end().await.unwrap();
}

async fn entered(peer: &mut Peer, started: &Started, line: &str) -> Value {
    started.out.shows("text 5").await;
    started.enter(line).await;
    after_marks(peer).await
}

/// The next frame that is no read mark; those are accepted.
async fn after_marks(peer: &mut Peer) -> Value {
    loop {
        let frame = peer.recv().await;
        if frame["type"] != "read" {
            return frame;
        }
        assert_eq!(frame["seq"], 4, "the last message by someone else");
        peer.send(json!({"type": "ok", "ref": frame["ref"]})).await;
    }
}

#[tokio::test]
async fn a_token_file_that_is_not_there_is_named() {
    let (_keys, lines) = mpsc::channel(1);
    let options = ChatOptions {
        url: "ws://127.0.0.1:1/ws".into(),
        token: None,
        token_file: Some("/nowhere/token".into()),
        channel: None,
        history: 0,
    };
    let screen = Screen { terminal: false, out: Paper::default(), err: Paper::default() };
    let error = chat(options, lines, screen, std::future::pending()).await.unwrap_err().to_string();
    assert!(error.contains("/nowhere/token"), "{error}");
}
