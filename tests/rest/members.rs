//! Who is in a channel: the list, adding, removing, leaving, roles; and what strangers are told.

use std::time::Duration;

use serde_json::{Value, json};
use tenfour::client::raw::Socket;

use crate::server::{Server, id, message, name, some_id};

fn of<'a>(list: &'a Value, sub: &str) -> &'a Value {
    list["members"].as_array().unwrap().iter().find(|member| member["id"] == id(sub)).unwrap()
}

#[tokio::test]
async fn the_list_says_who_is_there_and_how_far_each_has_read() {
    let server = Server::start();
    let uuid = some_id();
    let (ann, _bob) = (server.user("ann").known().await, server.user(&uuid).known().await);
    let channel = ann.group(&[&uuid]).await;
    ann.say(&channel, "hello").await;
    ann.post(&format!("/channels/{channel}/read"), json!({ "seq": 1 })).await.is(200);
    let path = format!("/channels/{channel}/members");
    let mut socket = Socket::connect(&server.ws(), &server.user(&uuid).token).await.unwrap();
    socket.recv_type("hello", Duration::from_secs(5)).await.unwrap();
    let list = ann.get(&path).await.is(200);
    assert_eq!(list["members"].as_array().unwrap().len(), 2);
    let ours = of(&list, "ann");
    assert_eq!(
        *ours,
        json!({
            "id": id("ann"), "externalId": "ann", "name": name("ann"), "role": "owner", "lastReadSeq": 1,
            "lastReadAt": ours["lastReadAt"], "receivedVersion": null, "receivedAt": null, "online": false, "lastSeenAt": null
        })
    );
    assert!(ours["lastReadAt"].as_str().unwrap().ends_with('Z'));
    let theirs = of(&list, &uuid);
    assert_eq!((&theirs["externalId"], &theirs["online"]), (&Value::Null, &json!(true)));
    assert_eq!((&theirs["lastSeenAt"], &theirs["lastReadSeq"]), (&Value::Null, &json!(0)));
    socket.close().await;
    let mut last_seen = Value::Null;
    for _ in 0..200 {
        let list = server.host().get(&path).await.is(200);
        let theirs = of(&list, &uuid);
        if theirs["online"] == json!(false) {
            last_seen = theirs["lastSeenAt"].clone();
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(last_seen.is_string());
}

#[tokio::test]
async fn members_come_at_the_newest_message_and_go() {
    let server = Server::start();
    let ann = server.user("ann").known().await;
    for sub in ["bob", "cat"] {
        server.user(sub).known().await;
    }
    let channel = ann.group(&[]).await;
    ann.say(&channel, "before").await;
    let path = format!("/channels/{channel}/members");
    let added = ann.post(&path, json!({ "userIds": ["bob", id("cat")] })).await.is(200);
    assert_eq!(added["memberIds"].as_array().unwrap().len(), 3);
    assert_eq!(ann.post(&path, json!({ "userIds": ["bob"] })).await.is(200)["version"], added["version"]);
    let bob = server.user("bob");
    assert_eq!(bob.get(&format!("/channels/{channel}")).await.is(200)["unread"], 0);
    bob.post(&path, json!({ "userIds": ["cat"] })).await.refuses(403, "forbidden");
    ann.post(&path, json!({ "userIds": ["ghost"] })).await.refuses(422, "unknown_user");
    ann.post(&path, json!({ "userIds": [] })).await.refuses(422, "invalid_frame");
    ann.post(&path, json!({ "userIds": "bob" })).await.refuses(422, "invalid_frame");
    server.host().post(&path, json!({ "userIds": ["made"] })).await.is(200);

    bob.delete(&format!("{path}/cat")).await.refuses(403, "forbidden");
    ann.delete(&format!("{path}/{}", id("cat"))).await.is(204);
    ann.delete(&format!("{path}/cat")).await.refuses(404, "not_found");
    server.user("cat").get(&format!("/channels/{channel}")).await.refuses(404, "not_found");
    bob.delete(&format!("{path}/bob")).await.is(204);
    server.host().delete(&format!("{path}/made")).await.is(204);
    ann.delete(&format!("{path}/{}", "x".repeat(256))).await.refuses(422, "invalid_frame");
}

#[tokio::test]
async fn an_id_of_the_hosts_may_be_any_text_in_a_path() {
    let server = Server::start();
    let host = server.host();
    let odd = "J\u{fc}rgen / 50% \u{1f600}";
    let made = host.post("/channels", json!({ "type": "group", "name": "Ops", "memberIds": [odd] })).await.is(201);
    let encoded = "J%C3%BCrgen%20%2F%2050%25%20%F0%9F%98%80";
    let path = format!("/channels/{}/members/{encoded}", made["id"].as_str().unwrap());
    assert_eq!(made["memberIds"], json!([id(odd)]));
    host.patch(&path, json!({ "role": "admin" })).await.is(200);
    host.acting_as(odd).get("/channels").await.is(200);
    host.delete(&path).await.is(204);
}

#[tokio::test]
async fn owners_and_the_host_change_roles() {
    let server = Server::start();
    let (ann, bob) = (server.user("ann").known().await, server.user("bob").known().await);
    let channel = ann.group(&["bob"]).await;
    let path = |user: &str| format!("/channels/{channel}/members/{user}");
    bob.patch(&path("bob"), json!({ "role": "owner" })).await.refuses(403, "forbidden");
    ann.patch(&path("bob"), json!({ "role": "admin" })).await.is(200);
    assert_eq!(bob.get(&format!("/channels/{channel}")).await.is(200)["role"], "admin");
    let same = ann.patch(&path(&id("bob")), json!({ "role": "admin" })).await.is(200);
    assert_eq!(same["role"], "owner");
    ann.patch(&path("ann"), json!({ "role": "member" })).await.refuses(409, "conflict");
    ann.patch(&path("bob"), json!({ "role": "king" })).await.refuses(422, "invalid_frame");
    ann.patch(&path("cat"), json!({ "role": "admin" })).await.refuses(404, "not_found");
    server.host().patch(&path("bob"), json!({ "role": "owner" })).await.is(200);
    let stepped_down = ann.patch(&path("ann"), json!({ "role": "member" })).await.is(200);
    assert_eq!(stepped_down["role"], "member");
}

#[tokio::test]
async fn nobody_changes_who_is_in_a_direct_channel() {
    let server = Server::start();
    let (ann, _bob) = (server.user("ann").known().await, server.user("bob").known().await);
    let direct = ann.post("/channels", json!({ "type": "direct", "userId": "bob" })).await.is(201);
    let path = format!("/channels/{}/members", direct["id"].as_str().unwrap());
    for caller in [&ann, &server.host()] {
        caller.post(&path, json!({ "userIds": ["ann"] })).await.refuses(403, "forbidden");
        caller.delete(&format!("{path}/ann")).await.refuses(403, "forbidden");
        caller.patch(&format!("{path}/ann"), json!({ "role": "owner" })).await.refuses(403, "forbidden");
    }
}

#[tokio::test]
async fn a_channel_that_one_is_not_in_looks_like_one_that_is_not_there() {
    let server = Server::start();
    let (ann, eve) = (server.user("ann").known().await, server.user("eve").known().await);
    let (channel, absent) = (ann.group(&[]).await, some_id());
    let sent = ann.say(&channel, "secret").await["id"].as_str().unwrap().to_owned();
    for (method, path, body) in [
        ("GET", "/channels/ID", None),
        ("PATCH", "/channels/ID", Some(json!({ "name": "x" }))),
        ("GET", "/channels/ID/members", None),
        ("POST", "/channels/ID/members", Some(json!({ "userIds": ["eve"] }))),
        ("PATCH", "/channels/ID/members/eve", Some(json!({ "role": "owner" }))),
        ("PATCH", "/channels/ID/members/ann", Some(json!({ "role": "owner" }))),
        ("DELETE", "/channels/ID/members/ann", None),
        ("DELETE", "/channels/ID/members/eve", None),
        ("GET", "/channels/ID/messages", None),
        ("GET", "/channels/ID/messages?after=0", None),
        ("POST", "/channels/ID/messages", Some(message("hi"))),
        ("POST", "/channels/ID/read", Some(json!({ "seq": 1 }))),
        ("PATCH", "/messages/MESSAGE", Some(json!({ "content": "x" }))),
        ("DELETE", "/messages/MESSAGE", None),
    ] {
        let mut told = Vec::new();
        for (there, sent) in [(channel.as_str(), sent.as_str()), (&absent, &absent), ("no-id", "no-id")] {
            let path = path.replace("ID", there).replace("MESSAGE", sent);
            let body = body.as_ref().map(|body| body.to_string().into_bytes());
            let answer = eve.header("x-request-id", "same").call(method, &path, body).await;
            answer.refuses(404, "not_found");
            told.push(answer.text);
        }
        assert!(told.iter().all(|text| *text == told[0]), "{method} {path}: {told:?}");
    }
}
