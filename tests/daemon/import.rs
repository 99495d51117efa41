//! A history from elsewhere, as an operator brings it in, and as people meet it then.

use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};
use tenfour::domain::ids::{ChannelId, MessageId, UserId};

use crate::cli::{done, refused, tenfour};
use crate::daemon::{Setup, eventually};
use crate::place::{Kind, Place};
use crate::process::ProcessDaemon;
use crate::socket::number;

fn import(database: &str, arguments: &[&str]) -> Output {
    tenfour(database, &[&["import"], arguments].concat())
}

fn message(id: usize, channel: &str, sender: &str, content: &str) -> Value {
    // Several in one second, as it happens.
    let at = format!("2021-03-01T08:{:02}:{:02}Z", id / 120 % 60, id / 2 % 60);
    json!({ "type": "message", "id": id.to_string(), "channelId": channel, "senderId": sender, "content": content, "createdAt": at })
}

fn lines(lines: &[Value]) -> String {
    lines.iter().map(Value::to_string).collect::<Vec<_>>().join("\n")
}

/// 1,200 messages, more than go in one batch, by somebody too who is in the channel no more.
fn history() -> Vec<Value> {
    let mut lines = vec![
        json!({ "type": "user", "id": "ana", "name": "Ana" }),
        json!({ "type": "group", "id": "tour 7", "name": "Tour 7", "memberIds": ["ana", "bo"] }),
        json!({ "type": "direct", "id": "dm", "memberIds": ["bo", "ana"] }),
    ];
    let senders = ["ana", "bo", "gone"];
    lines.extend((0..1_200).map(|id| message(id, "tour 7", senders[id % 3], &format!("said {id}"))));
    lines.push(message(1_200, "dm", "bo", "between us"));
    let mut reply = message(1_201, "tour 7", "ana", "the last one");
    reply["replyToId"] = json!("3");
    lines.push(reply);
    lines
}

/// All messages of a channel, oldest first.
async fn read(daemon: &ProcessDaemon, channel: ChannelId) -> Vec<Value> {
    let (mut all, mut before) = (Vec::new(), String::new());
    loop {
        let url = format!("http://{}/api/v1/channels/{channel}/messages?limit=200{before}", daemon.addr);
        let answer = reqwest::Client::new().get(url).bearer_auth(crate::process::token("ana")).send().await.unwrap();
        let page: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        let mut messages = page["messages"].as_array().unwrap_or_else(|| panic!("{page}")).clone();
        messages.reverse();
        before = format!("&before={}", number(&messages[0]["seq"]));
        all.splice(0..0, messages);
        if page["hasMore"] == json!(false) {
            return all;
        }
    }
}

async fn comes_in(kind: Kind) {
    let place = Place::make(kind).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.ndjson");
    let ids = folder.path().join("ids.ndjson");
    let whole = history();
    std::fs::write(&file, lines(&whole)).unwrap();
    let (url, name) = (place.url(), file.to_str().unwrap());
    let told = done(&import(&url, &[name, "--check"]));
    assert!(told.starts_with("1202 messages in 2 channels fit together"), "{told}");
    // First a part of it, as if it had been cut off.
    let part = folder.path().join("part.ndjson");
    std::fs::write(&part, lines(&whole[..900])).unwrap();
    let told = done(&import(&url, &[part.to_str().unwrap()]));
    assert!(
        told.starts_with("897 messages are imported into 2 channels (2 of them new, 3 users too), 0 had"),
        "{told}"
    );
    let told = done(&import(&url, &[name, "--ids", ids.to_str().unwrap()]));
    assert!(
        told.starts_with("305 messages are imported into 2 channels (0 of them new, 0 users too), 897 had"),
        "{told}"
    );
    for arguments in [&["audit", "verify"][..], &["db", "check"]] {
        done(&tenfour(&url, arguments));
    }

    let daemon = ProcessDaemon::start(&url, &[]);
    let channel = ChannelId::from_external("tour 7");
    let mut ana = daemon.connect("ana").await;
    let seen = ana.channel(channel).clone();
    assert_eq!((number(&seen["lastSeq"]), number(&seen["unread"]), &seen["name"]), (1_201, 0, &json!("Tour 7")));
    let messages = read(&daemon, channel).await;
    assert_eq!(messages.len(), 1_201);
    for (message, at) in messages.iter().zip(0..) {
        assert_eq!(message["seq"], json!(at + 1));
        let expected = if at == 1_200 { "the last one".to_owned() } else { format!("said {at}") };
        assert_eq!((&message["content"], &message["imported"]), (&json!(expected), &json!(true)), "{message}");
    }
    assert_eq!(messages[2]["senderId"], json!(UserId::from_external("gone")));
    assert_eq!(messages[4]["createdAt"], json!("2021-03-01T08:00:02.000Z"));
    assert_eq!(messages[1_200]["replyToId"], messages[3]["id"]);
    let said: Vec<Value> =
        std::fs::read_to_string(&ids).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(said.len(), 2 + 1_202);
    let third = said.iter().find(|line| line["type"] == "message" && line["id"] == "2").unwrap();
    assert_eq!(third["messageId"], messages[2]["id"]);
    assert_eq!(third["messageId"], json!(MessageId::imported(channel, "2")));

    // People go on where it ends.
    let ack = ana.send_message(channel, "and here").await;
    assert_eq!(number(&ack["seq"]), 1_202);
    let last = read(&daemon, channel).await.pop().unwrap();
    assert_eq!((&last["content"], &last["imported"]), (&json!("and here"), &Value::Null));
    let found = ana.catch_up(channel, number(&ack["version"]) - 3).await;
    assert_eq!(found.iter().filter(|message| message["imported"] == json!(true)).count(), 2, "{found:?}");
    drop(daemon);
    let reason = refused(&import(&url, &[name]));
    assert!(reason.contains("line 2: channel `tour 7` has messages that were sent here"), "{reason}");
}

#[tokio::test]
async fn a_history_comes_in_as_it_was_on_sqlite() {
    comes_in(Kind::File).await;
}

#[tokio::test]
async fn a_history_comes_in_as_it_was_on_postgresql() {
    comes_in(Kind::Postgres).await;
}

#[tokio::test]
async fn nothing_is_stored_of_a_file_that_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}", folder.path().join("chat.db").display());
    let file = folder.path().join("history.ndjson");
    let write = |lines_: &[Value]| std::fs::write(&file, lines(lines_)).unwrap();
    let mut wrong = history();
    wrong[500] = message(3, "tour 7", "ana", "too early");
    wrong[501]["content"] = json!("x".repeat(20_000));
    write(&wrong);
    let reason = refused(&import(&database, &[file.to_str().unwrap()]));
    assert!(
        reason.contains("line 501: createdAt: ") && reason.contains("come in the order of their times"),
        "{reason}"
    );
    assert!(reason.contains("line 502: content: is 20000 bytes long; the limit is 16384"), "{reason}");
    assert!(reason.ends_with("nothing was stored\n"), "{reason}");
    assert!(!Path::new(&database["sqlite:".len()..]).exists(), "not even the database");

    write(&[message(1, "0198c0de-0000-7000-8000-000000000001", "ana", "into nothing")]);
    let reason = refused(&import(&database, &[file.to_str().unwrap()]));
    assert!(reason.contains("is not there, and no line before describes it"), "{reason}");

    // Nothing is written under a daemon that knows how far its channels are.
    let daemon = ProcessDaemon::start(&database, &[]);
    write(&history());
    let reason = refused(&import(&database, &[file.to_str().unwrap()]));
    assert!(reason.contains("is open in another process: stop the daemon first"), "{reason}");
    drop(daemon);
    done(&import(&database, &[file.to_str().unwrap()]));

    // What comes later has to be later, and what was said stays.
    write(&[json!({ "type": "message", "id": "new", "channelId": "tour 7", "senderId": "ana", "content": "x",
        "createdAt": "2020-01-01T00:00:00Z" })]);
    let reason = refused(&import(&database, &[file.to_str().unwrap()]));
    assert!(reason.contains("line 1: is older than what was imported"), "{reason}");
    // Nor into the middle of what is there.
    let mut fuller = history();
    let mut between = fuller[700].clone();
    between["id"] = json!("new");
    fuller.insert(701, between);
    write(&fuller);
    let reason = refused(&import(&database, &[file.to_str().unwrap()]));
    assert!(reason.contains("line 702: is older than what was imported"), "{reason}");
    let reason = refused(&import(&database, &["/dev/null"]));
    assert!(reason.contains("is no file"), "{reason}");
    let mut other = history();
    other[10]["content"] = json!("something else");
    write(&other);
    let reason = refused(&import(&database, &[file.to_str().unwrap()]));
    assert!(reason.contains("line 11: was imported before, and said something else"), "{reason}");
}

#[tokio::test]
async fn nobody_else_gets_into_a_channel_of_two() {
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}", folder.path().join("chat.db").display());
    let mut daemon = Setup::on_sqlite_file().start_on(&database).await;
    let direct = daemon.direct("ana", "bo").await.to_string();
    daemon.stop().await;
    let file = folder.path().join("history.ndjson");
    std::fs::write(&file, lines(&[message(1, &direct, "ana", "hello"), message(2, &direct, "cy", "and me")])).unwrap();
    let reason = refused(&import(&database, &[file.to_str().unwrap()]));
    assert!(reason.contains("is between two, and `cy` is neither of them"), "{reason}");
    std::fs::write(&file, lines(&[message(1, &direct, "ana", "hello"), message(2, &direct, "bo", "and me")])).unwrap();
    done(&import(&database, &[file.to_str().unwrap()]));
}

/// On PostgreSQL a daemon may run meanwhile, and its users do not know.
#[tokio::test]
async fn what_somebody_says_meanwhile_is_not_taken_for_read() {
    let place = Place::make(Kind::Postgres).await;
    let (url, folder) = (place.url(), tempfile::tempdir().unwrap());
    let daemon = ProcessDaemon::start(&url, &[]);
    let file = folder.path().join("history.ndjson");
    let mut whole = vec![json!({ "type": "group", "id": "tour 7", "name": "Tour 7", "memberIds": ["ana", "bo"] })];
    whole.extend((0..7_000).map(|id| message(id, "tour 7", "bo", &format!("said {id}"))));
    std::fs::write(&file, lines(&whole)).unwrap();
    let running = {
        let (url, file) = (url.clone(), file.clone());
        tokio::task::spawn_blocking(move || import(&url, &[file.to_str().unwrap()]))
    };
    let channel = ChannelId::from_external("tour 7");
    let say = format!("http://{}/api/v1/channels/{channel}/messages", daemon.addr);
    eventually("there is a channel to speak in", async || {
        let body = json!({ "clientId": uuid::Uuid::now_v7(), "content": "what is all this?" }).to_string();
        let said = reqwest::Client::new().post(&say).bearer_auth(crate::process::token("ana")).body(body);
        said.send().await.unwrap().status() == 201
    })
    .await;
    let reason = refused(&running.await.unwrap());
    assert!(reason.contains("somebody has spoken in its channel meanwhile"), "{reason}");
    assert!(number(&daemon.connect("bo").await.channel(channel)["unread"]) >= 1);
}
