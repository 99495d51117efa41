//! The JSON of frames, both ways: what the daemon reads of clients, and what our client reads of servers.

use std::time::Instant;

use serde_json::{Value, json};
use tenfour::client::cursor::Cursors;
use tenfour::client::frames::{self as said, ServerFrame};
use tenfour::client::held::{Live, LiveFrame};
use tenfour::domain::ids::{ChannelId, ClientId, MessageId};
use tenfour::protocol::client::{ClientFrame, FrameLimits, SyncRequest};
use tenfour::protocol::error::ErrorCode;
use uuid::Uuid;

use super::{Taken, Target, outcome, seeds};

const LIMITS: FrameLimits = FrameLimits { content_bytes: 64, attachments: 3 };
/// Levels of JSON that a frame may have.
const DEEPEST: usize = 16;
const ID: &str = "0198c0de-0000-7000-8000-000000000001";
const OTHER: &str = "0198c0de-0000-7000-8000-000000000002";

pub const CLIENT: Target = Target {
    name: "client_frame",
    check: client,
    seeds: client_seeds,
    words: &[
        ID,
        "type",
        "message",
        "edit",
        "delete",
        "react",
        "answer",
        "typing",
        "read",
        "sync",
        "auth",
        "ping",
        "clientId",
        "channelId",
        "messageId",
        "content",
        "contentType",
        "replyToId",
        "attachmentIds",
        "mentionIds",
        "reaction",
        "instruction",
        "deadline",
        "assigneeIds",
        "accepted",
        "note",
        "remove",
        "true",
        "👍",
        "seq",
        "channels",
        "epoch",
        "lastMessageId",
        "token",
        "ref",
    ],
    cost: 1,
};

fn client(data: &[u8]) -> u64 {
    let parsed = ClientFrame::parse(data, LIMITS);
    let tree: Option<Value> = serde_json::from_slice(data).ok();
    let Some(tree) = tree.filter(Value::is_object) else {
        let refused = parsed.expect_err("no JSON object, and taken");
        assert_eq!(refused.refusal.code, ErrorCode::InvalidJson);
        return outcome(&refused);
    };
    if depth(&tree) > DEEPEST {
        let refused = parsed.as_ref().expect_err("too deep, and taken");
        assert_eq!(refused.refusal.code, ErrorCode::InvalidJson);
    }
    // What says the same is taken for the same: other blanks, another order, a field that nobody knows.
    let mut same = tree.clone();
    same["zz unknown"] = json!("of a later release");
    let again = ClientFrame::parse(serde_json::to_string_pretty(&same).unwrap().as_bytes(), LIMITS);
    match (&parsed, &again) {
        (Ok(one), Ok(other)) => assert_eq!(format!("{one:?}"), format!("{other:?}")),
        (Err(one), Err(other)) => assert_eq!(format!("{:?}", one.refusal), format!("{:?}", other.refusal)),
        (one, other) => panic!("{one:?}, but said otherwise {other:?}"),
    }
    match &parsed {
        Ok((_, frame)) => taken_rightly(frame, &tree),
        Err(refused) => {
            assert!(!refused.refusal.message.is_empty() && !refused.refusal.code.retryable());
            if let Some(send) = &refused.send {
                assert_eq!(tree["type"], "message");
                let id = tree["clientId"].as_str().expect("a clientId");
                assert!(send.client_id.to_string().eq_ignore_ascii_case(id));
            }
        }
    }
    outcome(&parsed)
}

fn taken_rightly(frame: &ClientFrame, tree: &Value) {
    assert_eq!(tree["type"], frame.word());
    match frame {
        ClientFrame::Message(send) => {
            assert!(send.content.as_str().len() <= LIMITS.content_bytes);
            assert!(!send.content.as_str().is_empty() || !send.attachment_ids.is_empty());
            assert!(send.attachment_ids.len() <= LIMITS.attachments);
            assert_eq!(tree["content"], send.content.as_str());
            assert!((1..=64).contains(&send.content_type.len()));
            let named = tree["attachmentIds"].as_array().map_or(0, Vec::len);
            assert_eq!(named, send.attachment_ids.len(), "each file that is named is taken, and no other");
            let mentioned = tree["mentionIds"].as_array().map_or(0, Vec::len);
            assert!(send.mention_ids.len() <= mentioned && mentioned <= 50);
            assert_eq!(send.mention_ids.is_empty(), mentioned == 0);
            let asked = &tree["instruction"];
            assert_eq!(send.ask.is_some(), !asked.is_null());
            if let Some(ask) = &send.ask {
                let named = asked["assigneeIds"].as_array().map(Vec::len);
                assert_eq!(ask.assignee_ids.is_some(), named.is_some());
                let distinct = ask.assignee_ids.as_ref().map_or(1, Vec::len);
                assert!((1..=50).contains(&distinct) && named.is_none_or(|named| distinct <= named && named <= 50));
                assert_eq!(ask.deadline.is_some(), asked["deadline"].is_string());
            }
            assert!(!send.content.as_str().contains('\0') && !send.content_type.contains('\0'));
        }
        ClientFrame::Answer { answer, note, .. } => {
            assert_eq!(tree["answer"], answer.as_str());
            let said = tree["note"].as_str().unwrap_or_default();
            assert_eq!(note.as_deref().unwrap_or_default(), said);
            assert!(said.len() <= 1000 && !said.contains('\0') && note.as_deref() != Some(""));
        }
        ClientFrame::React { reaction, remove, .. } => {
            assert_eq!(tree["reaction"], reaction.as_str());
            assert!((1..=64).contains(&reaction.as_str().len()));
            assert!(!reaction.as_str().chars().any(|c| c.is_control() || c.is_whitespace()));
            assert_eq!(*remove, tree["remove"] == true);
        }
        ClientFrame::Edit { content, .. } => assert_eq!(tree["content"], content.as_str()),
        ClientFrame::Read { seq, .. } => assert!(*seq >= 0 && tree["seq"].as_f64().is_some()),
        ClientFrame::Sync(SyncRequest::Versions { channels, .. }) => {
            assert!(channels.iter().all(|(_, version)| *version >= 0));
            assert_eq!(tree["channels"].as_object().map(serde_json::Map::len), Some(channels.len()));
        }
        ClientFrame::Sync(SyncRequest::LastMessage(_)) => assert!(tree["lastMessageId"].is_string()),
        ClientFrame::Auth { token } => assert_eq!(tree["token"], token.as_str()),
        ClientFrame::Delete { .. } | ClientFrame::Typing { .. } | ClientFrame::Ping => {}
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}

fn client_seeds() -> Vec<Vec<u8>> {
    seeds(&[
        r#"{"type":"message","clientId":"ID","channelId":"ID","content":"Hello","ref":1}"#,
        r#"{"type":"message","clientId":"ID","channelId":"ID","content":"x","contentType":"text","replyToId":"ID","attachmentIds":[]}"#,
        r#"{"type":"message","clientId":"ID","channelId":"ID","content":"x","attachmentIds":["ID"]}"#,
        r#"{"type":"message","clientId":"ID","channelId":"ID","content":"x","mentionIds":["ID","17"]}"#,
        r#"{"type":"message","clientId":"ID","channelId":"ID","content":"x","instruction":{"assigneeIds":["ID","17"]}}"#,
        r#"{"type":"message","clientId":"ID","channelId":"ID","content":"x","instruction":{"deadline":"2126-01-01T00:00:00.000Z"}}"#,
        r#"{"type":"answer","messageId":"ID","answer":"accepted","note":"soon"}"#,
        r#"{"type":"answer","messageId":"ID","answer":"done"}"#,
        r#"{"type":"react","messageId":"ID","reaction":"👍"}"#,
        r#"{"type":"react","messageId":"ID","reaction":"ok","remove":true,"ref":1}"#,
        r#"{"type":"edit","messageId":"ID","content":"Hello","ref":"a"}"#,
        r#"{"type":"delete","messageId":"ID"}"#,
        r#"{"type":"typing","channelId":"ID"}"#,
        r#"{"type":"read","channelId":"ID","seq":7}"#,
        r#"{"type":"sync","channels":{"ID":7},"epoch":"e"}"#,
        r#"{"type":"sync","lastMessageId":"ID"}"#,
        r#"{"type":"auth","token":"a.b.c"}"#,
        r#"{"type":"ping"}"#,
    ])
    .into_iter()
    .map(|seed| String::from_utf8(seed).unwrap().replace("\"ID\"", &format!("\"{ID}\"")).into_bytes())
    .collect()
}

/// What our client says, the daemon reads as it was meant.
pub const SAID: Target = Target { name: "said", check: said, seeds: said_seeds, words: &[], cost: 1 };

fn said(data: &[u8]) -> u64 {
    let mut taken = Taken(data);
    let (kind, number) = (taken.byte() % 8, i64::from_le_bytes(std::array::from_fn(|_| taken.byte())).saturating_abs());
    let id = Uuid::from_bytes(std::array::from_fn(|_| taken.byte()));
    let content = String::from_utf8_lossy(taken.0).into_owned();
    let (channel_id, message_id, reference) = (ChannelId(id), MessageId(id), number.unsigned_abs());
    let frame = match kind {
        0 => said::ClientFrame::Message { client_id: ClientId(id), channel_id, content: content.clone() },
        1 => said::ClientFrame::Edit { message_id, content: content.clone(), reference },
        2 => said::ClientFrame::Delete { message_id, reference },
        3 => said::ClientFrame::Typing { channel_id },
        4 => said::ClientFrame::Read { channel_id, seq: number, reference },
        5 => said::ClientFrame::Sync { channels: [(channel_id, number)].into(), epoch: content.clone(), reference },
        6 => said::ClientFrame::Auth { token: content.clone(), reference },
        _ => said::ClientFrame::Ping,
    };
    let texts = matches!(kind, 0 | 1 | 5 | 6);
    let limits = FrameLimits { content_bytes: usize::MAX, attachments: 3 };
    let read = ClientFrame::parse(frame.to_json().as_bytes(), limits);
    if texts && content.contains('\0') || kind < 2 && content.is_empty() {
        assert!(read.is_err(), "{content:?} is taken");
        return u64::from(kind);
    }
    let (heard, read) = read.unwrap_or_else(|refused| panic!("{frame:?}: {}", refused.refusal));
    if !matches!(kind, 0 | 3 | 7) {
        assert_eq!(serde_json::to_value(heard).unwrap(), json!(reference));
    }
    match (&frame, &read) {
        (said::ClientFrame::Message { client_id, .. }, ClientFrame::Message(send)) => {
            assert_eq!((send.client_id, send.channel_id, send.content.as_str()), (*client_id, channel_id, &*content));
        }
        (said::ClientFrame::Edit { .. }, ClientFrame::Edit { content: new, .. }) => assert_eq!(new.as_str(), content),
        (said::ClientFrame::Delete { .. }, ClientFrame::Delete { message_id: of }) => assert_eq!(*of, message_id),
        (said::ClientFrame::Typing { .. }, ClientFrame::Typing { channel_id: of }) => assert_eq!(*of, channel_id),
        (said::ClientFrame::Read { .. }, ClientFrame::Read { channel_id: of, seq }) => {
            assert_eq!((*of, *seq), (channel_id, number));
        }
        (said::ClientFrame::Sync { epoch, .. }, ClientFrame::Sync(request)) => {
            let expected = SyncRequest::Versions { channels: vec![(channel_id, number)], epoch: Some(epoch.clone()) };
            assert_eq!(request, &expected);
        }
        (said::ClientFrame::Auth { .. }, ClientFrame::Auth { token }) => assert_eq!(token, &content),
        (said::ClientFrame::Ping, ClientFrame::Ping) => {}
        (frame, read) => panic!("{frame:?} is read as {read:?}"),
    }
    64 + u64::from(kind)
}

fn said_seeds() -> Vec<Vec<u8>> {
    (0..8).map(|kind| [&[kind][..], &7_i64.to_le_bytes(), &[1; 16], b"Hello \"you\"\n"].concat()).collect()
}

/// Frames of a server, one a line: read by our client, and given to its cursors.
pub const SERVER: Target = Target {
    name: "server_frame",
    check: server,
    seeds: server_seeds,
    words: &[
        "type",
        "hello",
        "message",
        "message_updated",
        "message_deleted",
        "ack",
        "members",
        "channel",
        "channel_removed",
        "sync",
        "sync_complete",
        "data",
        "since",
        "version",
        "seq",
        "hasMore",
        "reset",
        "memberIds",
        "epoch",
        "\n",
    ],
    cost: 4,
};

fn server(data: &[u8]) -> u64 {
    let mut cursors = Cursors::default();
    let now = Instant::now();
    let mut came = Vec::new();
    for line in data.split(|byte| *byte == b'\n') {
        let frame: Result<ServerFrame, _> = serde_json::from_slice(line);
        let Ok(frame) = frame else { continue };
        let mut newer: Value = serde_json::from_slice(line).unwrap();
        for place in ["", "/data"] {
            if let Some(Value::Object(fields)) = newer.pointer_mut(place) {
                fields.insert("zzUnknown".to_owned(), json!({"of": "a later release"}));
            }
        }
        let newer = serde_json::from_value::<ServerFrame>(newer);
        assert_eq!(newer.ok().as_ref(), Some(&frame), "a field that nobody knows changes what is read");
        came.push(outcome(&frame));
        let at = |since, version, what| LiveFrame { since, version, what };
        let events = match frame {
            ServerFrame::Hello(hello) => cursors.hello(&hello),
            ServerFrame::Ack(ack) => cursors.stored(&ack),
            ServerFrame::Message(of) | ServerFrame::MessageUpdated(of) | ServerFrame::MessageDeleted(of) => {
                let (channel, version) = (of.data.channel_id, of.data.version);
                cursors.live(channel, at(of.since, version, Live::Message(of.data)))
            }
            ServerFrame::Members(of) => cursors.live(of.channel_id, at(of.since, of.version, Live::Members(of))),
            ServerFrame::Channel(of) => cursors.live(of.data.id, at(of.since, of.data.version, Live::Channel(of.data))),
            ServerFrame::ChannelRemoved(of) => cursors.removed(of.channel_id),
            ServerFrame::Sync(page) => cursors.page(page),
            ServerFrame::SyncComplete(_) => {
                cursors.completed(now);
                Vec::new()
            }
            _ => Vec::new(),
        };
        came.push(events.len() as u64);
        // Whatever came, the next question can be read by a server.
        if let Some(ask) = cursors.next_ask(now) {
            let frame = said::ClientFrame::Sync { channels: ask.channels, epoch: ask.epoch, reference: 1 };
            serde_json::from_str::<Value>(&frame.to_json()).unwrap();
        }
    }
    came.iter().fold(0, |sum, part| sum.rotate_left(7) ^ part)
}

fn server_seeds() -> Vec<Vec<u8>> {
    let channel = r#"{"id":"ID","type":"group","name":"Dock","role":"member","lastSeq":3,"version":4,"lastReadSeq":2,"unread":1,"memberIds":["OTHER"],"online":[]}"#;
    let message = r#"{"id":"OTHER","clientId":null,"channelId":"ID","senderId":"OTHER","senderName":"Ben","seq":4,"version":5,"content":"Hello","contentType":"text","replyToId":null,"attachments":[],"mentionIds":["OTHER"],"reactions":[{"reaction":"👍","userIds":["OTHER","ID"]}],"instruction":{"deadline":null,"assigneeIds":["OTHER"],"overdueAt":null,"answers":[{"userId":"OTHER","answer":"done","note":null,"at":"2026-01-01T00:00:00.000Z"}]},"createdAt":"2026-01-01T00:00:00.000Z","updatedAt":null,"deletedAt":null}"#;
    let hello = format!(
        r#"{{"type":"hello","protocol":1,"epoch":"e","sessionId":"ID","user":{{"id":"OTHER","name":"Ana"}},"serverTime":"2026-01-01T00:00:00.000Z","heartbeatMs":30000,"channels":[{channel}]}}"#
    );
    let frames = [
        format!(r#"{{"type":"message","data":{message}}}"#),
        format!(r#"{{"type":"message_updated","data":{},"since":5}}"#, message.replace("\"version\":5", "\"version\":6")),
        format!(r#"{{"type":"message","data":{}}}"#, message.replace("\"version\":5", "\"version\":9")),
        format!(r#"{{"type":"sync","channelId":"ID","messages":[{message}],"version":8,"hasMore":false}}"#),
        r#"{"type":"sync","channelId":"ID","messages":[],"version":1,"hasMore":true,"reset":true}"#.to_owned(),
        r#"{"type":"sync_complete"}"#.to_owned(),
        r#"{"type":"ack","clientId":"ID","serverId":"OTHER","channelId":"ID","seq":5,"version":7,"createdAt":"2026-01-01T00:00:00.000Z","duplicate":false}"#.to_owned(),
        r#"{"type":"members","channelId":"ID","version":6,"memberIds":["OTHER"],"online":[],"added":[],"removed":[]}"#.to_owned(),
        format!(r#"{{"type":"channel","data":{channel}}}"#),
        r#"{"type":"channel_removed","channelId":"ID"}"#.to_owned(),
        r#"{"type":"typing","channelId":"ID","userId":"OTHER","name":"Ben","expiresInMs":3000}"#.to_owned(),
        r#"{"type":"presence","channelId":"ID","userId":"OTHER","status":"online","lastSeenAt":null}"#.to_owned(),
        r#"{"type":"error","code":"rate_limited","message":"slower","retryable":true,"retryAfterMs":90}"#.to_owned(),
        r#"{"type":"goaway","reason":"restart","reconnectInMs":90}"#.to_owned(),
    ];
    let with_ids =
        |text: &str| text.replace("\"ID\"", &format!("\"{ID}\"")).replace("\"OTHER\"", &format!("\"{OTHER}\""));
    let mut all: Vec<_> = frames.iter().map(|frame| with_ids(&format!("{hello}\n{frame}")).into_bytes()).collect();
    all.push(with_ids(&format!("{hello}\n{}", frames.join("\n"))).into_bytes());
    all.push(with_ids(&format!("{hello}\n{}\n{}\n{}", frames[2], frames[3], frames[5])).into_bytes());
    all
}
