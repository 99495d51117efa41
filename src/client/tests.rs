//! The client against a scripted server: what is sent and what is shown.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

use crate::domain::ids::ChannelId;

use super::event::{Event, RequestError, SendError};
use super::scripted::{CHANNEL, ME, OTHER, Peer, Server, live, message};
use super::token::TokenSource;
use super::{Client, Options, State, backoff};

pub(super) const SOON: Duration = Duration::from_millis(150);

pub(super) fn channel() -> ChannelId {
    CHANNEL.parse().unwrap()
}

pub(super) fn options(server: &Server) -> Options {
    let millis = Duration::from_millis;
    let backoff = backoff::Limits { min: millis(20), max: millis(60), ..backoff::Limits::default() };
    Options { backoff, ..Options::new(server.url(), TokenSource::Static("t".into())) }
}

pub(super) fn started(server: &Server) -> (Client, Receiver<Event>) {
    Client::start(options(server)).unwrap()
}

/// The next event that is not about the connection, in short.
pub(super) async fn next(events: &mut Receiver<Event>) -> String {
    loop {
        return match event(events).await {
            Event::Connected { .. } | Event::Disconnected { .. } | Event::Members(_) => continue,
            Event::Message(m) => format!("message {}", m.seq),
            Event::Updated(m) => format!("updated {}", m.seq),
            Event::Sent { ack, .. } => format!("sent {}", ack.seq),
            Event::Failed { error, .. } => format!("failed: {error}"),
            Event::Stopped { error } => format!("stopped: {error}"),
            other => format!("{other:?}"),
        };
    }
}

pub(super) async fn event(events: &mut Receiver<Event>) -> Event {
    timeout(Duration::from_secs(5), events.recv()).await.expect("an event").expect("a running client")
}

/// Apart from news about the members.
async fn nothing_more(events: &mut Receiver<Event>) {
    while let Ok(event) = timeout(SOON, events.recv()).await {
        assert!(matches!(event, Some(Event::Members(_))), "{event:?}");
    }
}

#[tokio::test]
async fn a_message_whose_ack_was_lost_is_sent_again_under_the_same_client_id() {
    let server = Server::start().await;
    let (client, mut events) = started(&server);
    let id = client.send(channel(), "hello").await.unwrap();
    let mut peer = server.welcome(5).await;
    let first = peer.recv_type("message").await;
    drop(peer);
    let mut peer = server.welcome(5).await;
    let again = peer.recv_type("message").await;
    assert_eq!(first, again);
    assert_eq!(again["clientId"], id.to_string());
    assert_eq!(client.status().waiting, 1);
    peer.ack(&again, 6, false).await;
    assert_eq!(next(&mut events).await, "sent 6");
    assert_eq!(client.status().waiting, 0);
}

#[tokio::test]
async fn an_own_message_in_a_sync_counts_as_its_ack_and_is_not_shown_as_anothers() {
    let server = Server::start().await;
    let (client, mut events) = started(&server);
    let mut peer = server.welcome(5).await;
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { client.send_and_wait(channel(), "hello").await }
    });
    let sent = peer.recv_type("message").await;
    drop(peer);
    let mut peer = server.welcome(7).await;
    let sync = peer.recv_type("sync").await;
    assert_eq!(sync["channels"], json!({CHANNEL: 5}));
    assert_eq!(sync["epoch"], "e");
    let again = peer.recv_type("message").await;
    peer.page(&sync, vec![message(6, ME, Some(&sent["clientId"])), message(7, OTHER, None)], 7).await;
    peer.ack(&again, 6, true).await;
    assert_eq!(next(&mut events).await, "sent 6");
    assert_eq!(next(&mut events).await, "message 7");
    assert_eq!(waiting.await.unwrap().unwrap().seq, 6);
    nothing_more(&mut events).await;
}

#[tokio::test]
async fn an_own_message_that_the_last_session_sent_counts_as_its_ack_also_when_edited_since() {
    let server = Server::start().await;
    let (client, mut events) = started(&server);
    let mut peer = server.welcome(5).await;
    for (seq, edited) in [(6, None), (7, Some("2026-01-01T00:00:09.000Z"))] {
        client.send(channel(), "hello").await.unwrap();
        let sent = peer.recv_type("message").await;
        let mut own = message(seq, ME, Some(&sent["clientId"]));
        own["updatedAt"] = json!(edited);
        peer.send(json!({"type": "message", "data": own})).await;
        assert_eq!(next(&mut events).await, format!("sent {seq}"));
        peer.ack(&sent, seq, true).await;
    }
    assert_eq!(next(&mut events).await, "updated 7");
    peer.send(live(8)).await;
    assert_eq!(next(&mut events).await, "message 8");
    nothing_more(&mut events).await;
}

#[tokio::test]
async fn a_frame_that_is_too_big_for_the_server_is_not_sent_for_ever() {
    let server = Server::start().await;
    let (client, mut events) = started(&server);
    let mut peer = server.welcome(0).await;
    client.send(channel(), "long").await.unwrap();
    client.send(channel(), "next").await.unwrap();
    peer.recv_type("message").await;
    peer.close(1009).await;
    assert!(next(&mut events).await.starts_with("failed: the server closed"));
    let mut peer = server.welcome(0).await;
    assert_eq!(peer.recv_type("message").await["content"], "next");
}

#[tokio::test]
async fn anothers_message_with_this_clients_id_is_no_ack() {
    let server = Server::start().await;
    let (client, mut events) = started(&server);
    let mut peer = server.welcome(5).await;
    client.send(channel(), "hello").await.unwrap();
    let sent = peer.recv_type("message").await;
    peer.send(json!({"type": "message", "data": message(6, OTHER, Some(&sent["clientId"]))})).await;
    assert_eq!(next(&mut events).await, "message 6");
    assert_eq!(client.status().waiting, 1);
    peer.ack(&sent, 7, false).await;
    assert_eq!(next(&mut events).await, "sent 7");
}

#[tokio::test]
async fn a_gap_leads_to_a_sync_and_nothing_is_shown_twice() {
    let server = Server::start().await;
    let (_client, mut events) = started(&server);
    let mut peer = server.welcome(5).await;
    peer.send(live(6)).await;
    peer.send(live(8)).await;
    let sync = peer.recv_type("sync").await;
    assert_eq!(sync["channels"], json!({CHANNEL: 6}));
    peer.send(live(9)).await;
    peer.page(&sync, vec![message(7, OTHER, None), message(8, OTHER, None)], 8).await;
    peer.send(live(9)).await;
    peer.send(live(10)).await;
    for seq in 6..=10 {
        assert_eq!(next(&mut events).await, format!("message {seq}"));
    }
    nothing_more(&mut events).await;
    peer.recv_nothing(SOON).await;
}

#[tokio::test]
async fn later_messages_are_held_back_until_the_refused_one_is_through() {
    let server = Server::start().await;
    let (client, mut events) = started(&server);
    let mut peer = server.welcome(0).await;
    for text in ["one", "two"] {
        client.send(channel(), text).await.unwrap();
    }
    let one = peer.recv_type("message").await;
    let refused = Instant::now();
    peer.refuse(&one, "rate_limited", Some(200)).await;
    let again = peer.recv_type("message").await;
    assert_eq!(one, again);
    assert!(refused.elapsed() >= Duration::from_millis(200));
    peer.recv_nothing(SOON).await;
    peer.ack(&again, 1, false).await;
    assert_eq!(peer.recv_type("message").await["content"], "two");
    assert_eq!(next(&mut events).await, "sent 1");
}

#[tokio::test]
async fn a_definite_error_fails_one_message_and_the_rest_goes_on() {
    let server = Server::start().await;
    let (client, mut events) = started(&server);
    let mut peer = server.welcome(0).await;
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { client.send_and_wait(channel(), "one").await }
    });
    let one = peer.recv_type("message").await;
    client.send(channel(), "two").await.unwrap();
    peer.refuse(&one, "forbidden", None).await;
    assert_eq!(next(&mut events).await, "failed: forbidden: no");
    assert!(matches!(waiting.await.unwrap(), Err(SendError::Refused(refused)) if refused.code == "forbidden"));
    assert_eq!(peer.recv_type("message").await["content"], "two");
}

#[tokio::test]
async fn edits_are_answered_and_do_not_wait_for_a_connection() {
    let server = Server::start().await;
    let (client, _events) = started(&server);
    let id = super::MessageId(uuid::Uuid::nil());
    assert_eq!(client.edit(id, "x").await, Err(RequestError::NotConnected));
    let mut peer = connected(&server, &client).await;
    let edit = tokio::spawn({
        let client = client.clone();
        async move { client.edit(id, "y").await }
    });
    let frame = peer.recv_type("edit").await;
    peer.send(json!({"type": "ok", "ref": frame["ref"]})).await;
    assert_eq!(edit.await.unwrap(), Ok(()));
    let delete = tokio::spawn(async move { client.delete(id).await });
    peer.recv_type("delete").await;
    drop(peer);
    assert_eq!(delete.await.unwrap(), Err(RequestError::Lost));
}

#[tokio::test]
async fn a_read_mark_is_repeated_until_the_server_has_it() {
    let server = Server::start().await;
    let (client, _events) = started(&server);
    client.read(channel(), 4).await;
    client.read(channel(), 3).await;
    let mut peer = server.welcome(5).await;
    assert_eq!(peer.recv_type("read").await["seq"], 4);
    drop(peer);
    let mut peer = server.welcome(5).await;
    let read = peer.recv_type("read").await;
    client.read(channel(), 5).await;
    peer.recv_nothing(SOON).await;
    peer.send(json!({"type": "ok", "ref": read["ref"]})).await;
    assert_eq!(peer.recv_type("read").await["seq"], 5);
}

#[tokio::test]
async fn an_application_that_does_not_take_its_events_can_still_send() {
    let server = Server::start().await;
    let (client, mut events) = Client::start(Options { events: 1, ..options(&server) }).unwrap();
    let mut peer = connected(&server, &client).await;
    for seq in 1..=40 {
        peer.send(live(seq)).await;
    }
    client.send(channel(), "hello").await.unwrap();
    peer.recv_type("message").await;
    for seq in 1..=40 {
        assert_eq!(next(&mut events).await, format!("message {seq}"));
    }
}

pub(super) async fn connected(server: &Server, client: &Client) -> Peer {
    let peer = server.welcome(0).await;
    let mut status = client.status.clone();
    status.wait_for(|status| status.state == State::Live).await.unwrap();
    peer
}
