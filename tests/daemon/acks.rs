//! Each send is answered, also where a room finds out from the store what became of it.
//!
//! What other nodes commit is done here behind the daemon's back, and only then the room is told of the send. A session of
//! the test's own, with a real connection, has asked for it.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tenfour::actors::feed::{Feed, SessionHandle, Subscriber};
use tenfour::actors::origin::{Asker, Origin};
use tenfour::actors::room;
use tenfour::domain::content::Content;
use tenfour::domain::ids::{ChannelId, ClientId, MessageId, SessionId, UserId, new_v7};
use tenfour::domain::message::{Append, Appended, NewMessage, Stored};
use tenfour::domain::now;
use tenfour::domain::user::UserRef;
use tenfour::socket::{Limits, Outbox, Scribe, Taken};
use tenfour::store::{Settings, Writer};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;
use uuid::Uuid;

use crate::daemon::{PATIENCE, Setup, TestDaemon, by, id_of};
use crate::socket::number;

/// One node's room, a database that another node writes to, and Ana's session.
struct Scene {
    daemon: TestDaemon,
    channel: ChannelId,
    version: i64,
    writer: Writer,
    ana: Subscriber,
    peer: WebSocketStream<TcpStream>,
}

impl Scene {
    async fn new() -> Self {
        let daemon = Setup::on_sqlite_file().start().await;
        let channel = daemon.group(&["bo", "ana", "cy"]).await;
        // Whoever connects opens the room.
        let version = number(&daemon.connect("bo").await.channel(channel)["version"]);
        let url = daemon.database().parse().unwrap();
        let (writer, _) = tenfour::store::open(Settings::new(url), tokio::runtime::Handle::current()).await.unwrap();
        let (ana, peer) = session(id_of("ana"), channel, version).await;
        daemon.parts().directory.room(channel).unwrap().send(room::Attach { session: ana.clone() }).await.unwrap();
        Self { daemon, channel, version, writer, ana, peer }
    }

    async fn store(&self, sender: &str) -> (NewMessage, Stored) {
        let message = NewMessage {
            id: MessageId(new_v7()),
            client_id: ClientId(Uuid::new_v4()),
            channel_id: self.channel,
            sender_id: id_of(sender),
            sender_name: sender.to_owned(),
            content: Content::parse("over".to_owned(), 100).unwrap(),
            content_type: "text".to_owned(),
            reply_to_id: None,
            attachment_ids: Vec::new(),
            mention_ids: Vec::new(),
            ask: None,
            created_at: now(),
        };
        let append = Append { digest: message.digest(), message: message.clone(), members_version: room::UNSURE };
        match self.writer.append(vec![append]).await.unwrap().remove(0) {
            Appended::New(stored) => (message, stored),
            other => panic!("{other:?}"),
        }
    }

    async fn delete(&self, message: MessageId) {
        self.writer.delete(by("bo"), message, now()).await.unwrap().unwrap();
    }

    /// The DB actor's word comes, and all that follows for Ana, up to this version.
    async fn committed(&mut self, message: NewMessage, stored: Stored, last: i64) -> Vec<Value> {
        let origin = Origin::Session(Asker::new(self.ana.clone(), message.client_id, None));
        let item = room::Item::Send {
            message: Box::new(message),
            outcome: Appended::New(stored),
            origin: Some(origin),
            accepted: Instant::now(),
        };
        let room = self.daemon.parts().directory.room(self.channel).unwrap();
        room.send(room::Committed { items: vec![item], place: None }).await.unwrap();
        crate::daemon::eventually("the room is at the head", async || {
            room.send(room::Inspect).await.unwrap().version == self.version + last
        })
        .await;
        // Whatever it had for her is before this.
        self.ana.feed.send(b"{\"type\":\"the end\"}");
        let mut frames = Vec::new();
        loop {
            let frame = tokio::time::timeout(PATIENCE, self.peer.next()).await.unwrap().unwrap().unwrap();
            let frame: Value = serde_json::from_str(frame.to_text().unwrap()).unwrap();
            if frame["type"] == "the end" {
                return frames;
            }
            frames.push(frame);
        }
    }

    /// What came, each as its type, its version counted from the beginning, and whether it is a duplicate's ack.
    fn told(&self, frames: &[Value]) -> Vec<Value> {
        let version = |frame: &Value| {
            let version = frame["version"].as_i64().or(frame["data"]["version"].as_i64());
            version.map(|version| version - self.version)
        };
        frames.iter().map(|frame| json!([frame["type"], version(frame), frame["duplicate"]])).collect()
    }
}

/// A session that has its `hello` behind it and has the channel up to this version.
async fn session(user: UserId, channel: ChannelId, version: i64) -> (Subscriber, WebSocketStream<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (peer, accepted) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    let taken = Taken {
        stream: accepted.unwrap().0.into(),
        read: Bytes::new(),
        answer: Bytes::new(),
        scribe: Scribe::start(),
        place: None,
    };
    let (outbox, _reader) = Outbox::open(Limits::default(), taken);
    let feed = Feed::new(outbox);
    feed.hold(channel);
    feed.release_all(b"{}", &[(channel, version)]);
    let mut peer = WebSocketStream::from_raw_socket(peer.unwrap(), Role::Client, None).await;
    let hello = tokio::time::timeout(Duration::from_secs(5), peer.next()).await.unwrap().unwrap().unwrap();
    assert_eq!(hello.to_text().unwrap(), "{}");
    (SessionHandle { id: SessionId(Uuid::new_v4()), user, feed }.into(), peer)
}

#[tokio::test]
async fn a_send_that_its_own_deletion_has_overtaken_is_answered() {
    let mut scene = Scene::new().await;
    let (before, _) = scene.store("cy").await;
    let (message, stored) = scene.store("ana").await;
    scene.delete(before.id).await;
    scene.delete(message.id).await;
    let client_id = message.client_id;
    let frames = scene.committed(message, stored, 4).await;
    assert_eq!(frames[0]["clientId"], json!(client_id), "{frames:?}");
    // Beside the order, in which another version comes before it.
    let expected = [json!(["ack", 2, true]), json!(["message_deleted", 3, null]), json!(["message_deleted", 4, null])];
    assert_eq!(scene.told(&frames), expected, "{frames:?}");
}

#[tokio::test]
async fn a_send_of_who_was_removed_since_is_answered() {
    let mut scene = Scene::new().await;
    let (before, _) = scene.store("cy").await;
    let (message, stored) = scene.store("ana").await;
    scene.writer.remove_member(by("bo"), scene.channel, UserRef::new("ana"), now()).await.unwrap().unwrap();
    scene.delete(before.id).await;
    scene.delete(message.id).await;
    // All that the store has for her now is that she was removed.
    let frames = scene.committed(message, stored, 5).await;
    let expected = [json!(["ack", 2, true]), json!(["channel_removed", null, null])];
    assert_eq!(scene.told(&frames), expected, "{frames:?}");
}

#[tokio::test]
async fn the_ack_of_a_send_that_comes_out_of_a_hole_as_it_was_has_its_place() {
    let mut scene = Scene::new().await;
    scene.store("cy").await;
    let (message, stored) = scene.store("ana").await;
    scene.store("cy").await;
    let frames = scene.committed(message, stored, 3).await;
    let expected = [json!(["message", 1, null]), json!(["ack", 2, false])];
    assert_eq!(scene.told(&frames)[..2], expected, "{frames:?}");
}
