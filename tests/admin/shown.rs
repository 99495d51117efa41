//! What is shown is what happened: sessions, rooms, actors, presence.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use tenfour::actors::room;
use tenfour::client::raw::Socket;
use tenfour::domain::ids::ChannelId;
use tenfour::domain::journal::Kind as RecordKind;
use tenfour::domain::user::UserRef;
use uuid::Uuid;

use super::started::{AGENT, PATIENCE, Started};

pub(crate) async fn send(socket: &mut Socket, channel: ChannelId, content: &str) {
    let client_id = Uuid::now_v7();
    let frame = json!({"type": "message", "clientId": client_id, "channelId": channel, "content": content});
    socket.send_json(&frame).await.unwrap();
    socket.recv_type("ack", PATIENCE).await.unwrap();
}

pub(crate) fn id_of(sub: &str) -> String {
    UserRef::new(sub).id.to_string()
}

fn ids(shown: &Value, list: &str, key: &str) -> Vec<String> {
    shown[list].as_array().unwrap().iter().map(|item| item[key].as_str().unwrap().to_owned()).collect()
}

#[actix_web::test]
async fn a_session_shows_who_it_is_and_what_it_did() {
    let daemon = Started::with(|config| config.timing.heartbeat_interval = Duration::from_millis(50)).await;
    let channel = daemon.group(&["ana", "ben"]).await;
    let (mut ana, session) = daemon.connect("ana").await;
    let (mut ben, _) = daemon.connect("ben").await;
    for content in ["one", "two", "three"] {
        send(&mut ana, channel, content).await;
    }
    ana.send_json(&json!({"type": "ping"})).await.unwrap();
    ana.recv_type("pong", PATIENCE).await.unwrap();
    ana.send_json(&json!({"type": "nonsense"})).await.unwrap();
    ana.recv_type("error", PATIENCE).await.unwrap();
    for _ in 0..3 {
        ben.recv_type("message", PATIENCE).await.unwrap();
    }

    // Its peer answers pings only while it is read from.
    let pings = async { ana.recv_none("message", Duration::from_millis(300)).await.unwrap() };
    let path = format!("/admin/sessions/{session}");
    let ponged = daemon.shown_where(&path, "a pong", |shown| shown["lastPong"].is_string());
    let ((), shown) = tokio::join!(pings, ponged);
    for (field, value) in [
        ("id", json!(session)),
        ("userId", json!(id_of("ana"))),
        ("externalId", json!("ana")),
        ("name", json!("Ana")),
        ("address", json!("127.0.0.1")),
        ("agent", json!(AGENT)),
        ("channels", json!(1)),
        ("framesIn", json!(5)),
        ("messagesIn", json!(3)),
        ("rateLimited", json!(0)),
        ("framesQueued", json!(0)),
        ("bytesQueued", json!(0)),
        ("pending", json!(0)),
    ] {
        assert_eq!(shown[field], value, "{field} in {shown:#}");
    }
    assert!(shown["framesOut"].as_u64().unwrap() >= 6, "hello, three acks, a pong and an error: {shown:#}");
    assert!(shown["bytesOut"].as_u64().unwrap() > 300, "{shown:#}");
    assert!((0.1..=0.5).contains(&shown["framesPerSecond"].as_f64().unwrap()), "five of late: {shown:#}");
    let time = |field: &str| {
        let text = shown[field].as_str().unwrap();
        assert_eq!(text.len(), "2026-01-01T00:00:00.000Z".len(), "milliseconds, like all times: {text}");
        chrono::DateTime::parse_from_rfc3339(text).unwrap()
    };
    let now = chrono::Utc::now();
    assert!((now - time("since").to_utc()).num_seconds() < 30, "{shown:#}");
    assert!((now - time("lastPong").to_utc()).num_seconds() < 30, "{shown:#}");
    assert!((590..=600).contains(&(time("tokenExpiresAt").to_utc() - now).num_seconds()), "{shown:#}");
    assert!(shown.get("unresponsive").is_none(), "{shown:#}");
    daemon.stop().await;
}

#[actix_web::test]
async fn sessions_are_filtered_and_paged() {
    let daemon = Started::new().await;
    let channel = daemon.group(&["ana", "ben"]).await;
    daemon.group(&["ben", "cleo"]).await;
    let mut sockets = Vec::new();
    let mut opened = Vec::new();
    for sub in ["ana", "ben", "cleo", "ana", "ben"] {
        let (socket, session) = daemon.connect(sub).await;
        sockets.push(socket);
        opened.push(session);
    }
    let (ana, channel) = (id_of("ana"), channel.to_string());
    for (query, expected) in [
        (String::new(), vec![0, 1, 2, 3, 4]),
        (format!("?userId={ana}"), vec![0, 3]),
        ("?userId=ana".to_owned(), vec![0, 3]),
        ("?userId=nobody".to_owned(), vec![]),
        (format!("?channelId={channel}"), vec![0, 1, 3, 4]),
        (format!("?channelId={channel}&userId=ben"), vec![1, 4]),
        (format!("?channelId={}", Uuid::now_v7()), vec![]),
        (format!("?userId=ben&after={}", opened[1]), vec![4]),
    ] {
        let shown = daemon.shown(&format!("/admin/sessions{query}")).await;
        let expected: Vec<_> = expected.iter().map(|number: &usize| opened[*number].clone()).collect();
        assert_eq!(ids(&shown, "sessions", "id"), expected, "{query}");
        assert_eq!(shown["next"], Value::Null, "{query}");
    }
    let mut pages = Vec::new();
    let mut after = String::new();
    loop {
        let page = daemon.shown(&format!("/admin/sessions?limit=2{after}")).await;
        assert_eq!(page["total"], 5);
        pages.push(ids(&page, "sessions", "id"));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(pages, [&opened[..2], &opened[2..4], &opened[4..]]);
    daemon.stop().await;
}

#[actix_web::test]
async fn a_session_that_is_ended_is_closed_with_4403_and_no_other() {
    let daemon = Started::new().await;
    let channel = daemon.group(&["ana", "ben"]).await;
    let (mut phone, session) = daemon.connect("ana").await;
    let (mut desk, _) = daemon.connect("ana").await;
    let path = format!("/admin/sessions/{session}");
    let answer = daemon.admin("DELETE", &path).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (204, ""));
    let (code, reason) = phone.recv_close(PATIENCE).await.unwrap();
    assert_eq!((code, reason.as_str()), (Some(4403), "removed by an admin"));
    drop(phone);
    daemon.shown_where("/admin/sessions", "one session", |shown| shown["total"] == 1).await;
    daemon.admin("GET", &path).await.refuses(404, "not_found");
    daemon.admin("DELETE", &path).await.refuses(404, "not_found");
    send(&mut desk, channel, "still here").await;
    let [record] = &daemon.records(RecordKind::SessionEnded, 1).await[..] else { panic!("one act of one admin") };
    assert_eq!(record.detail, Some(json!({ "session": session }).to_string()));
    assert_eq!(record.record.unwrap().by.unwrap().to_string(), id_of("host"));
    let left = json!([{"userId": id_of("ana"), "sessions": 1}]);
    daemon.shown_where("/admin/presence", "the other session", |shown| shown["online"] == left).await;
    daemon.stop().await;
}

#[actix_web::test]
async fn a_room_shows_its_members_sessions_and_heads() {
    let daemon = Started::new().await;
    let channel = daemon.group(&["ana", "ben", "cleo"]).await;
    let idle = daemon.group(&["ben", "cleo"]).await;
    let (mut ana, first) = daemon.connect("ana").await;
    let (_ana_again, second) = daemon.connect("ana").await;
    for content in ["one", "two"] {
        send(&mut ana, channel, content).await;
    }
    let head = 2 + daemon.daemon.app().parts.reader.heads(vec![idle]).await.unwrap()[0].1;
    let rooms = daemon.shown("/admin/rooms").await;
    assert_eq!((rooms["total"].as_u64(), &rooms["next"]), (Some(1), &Value::Null), "{rooms:#}");
    let room = daemon.shown(&format!("/admin/rooms/{channel}")).await;
    for (field, value) in [
        ("id", json!(channel)),
        ("name", json!("Dock 4")),
        ("type", json!("group")),
        ("members", json!(3)),
        ("sessions", json!(2)),
        ("version", json!(head)),
        ("lastSeq", json!(2)),
        ("inFlight", json!(0)),
        ("waiting", json!(0)),
        ("filling", json!(false)),
        ("published", json!(2)),
        ("restarts", json!(0)),
    ] {
        assert_eq!(rooms["rooms"][0][field], value, "{field} in {rooms:#}");
        assert_eq!(room[field], value, "{field} in {room:#}");
    }
    assert_eq!(room["startedAt"].as_str().map(str::len), Some(24), "milliseconds: {room:#}");
    let people = room["people"].as_array().unwrap();
    let ana = people.iter().find(|one| one["externalId"] == "ana").unwrap();
    assert_eq!((people.len(), &ana["name"]), (3, &json!(crate::started::name_of("ana"))), "{room:#}");
    assert!(rooms["rooms"][0].get("memberIds").is_none(), "the list only counts: {rooms:#}");
    let set = |list: &Value| -> BTreeSet<String> {
        list.as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(set(&room["memberIds"]), ["ana", "ben", "cleo"].map(id_of).into());
    assert_eq!(set(&room["sessionIds"]), [first, second].into());
    daemon.admin("GET", &format!("/admin/rooms/{idle}")).await.refuses(404, "not_found");
    daemon.stop().await;
}

#[actix_web::test]
async fn rooms_and_presence_are_paged() {
    let daemon = Started::new().await;
    let mut sockets = Vec::new();
    let mut channels = BTreeSet::new();
    for sub in ["ana", "ben", "cleo"] {
        channels.insert(daemon.group(&[sub]).await.to_string());
        sockets.push(daemon.connect(sub).await);
    }
    for (path, list, key, expected) in [
        ("/admin/rooms", "rooms", "id", channels),
        ("/admin/presence", "online", "userId", ["ana", "ben", "cleo"].map(id_of).into()),
    ] {
        let first = daemon.shown(&format!("{path}?limit=2")).await;
        let next = first["next"].as_str().unwrap();
        let second = daemon.shown(&format!("{path}?limit=2&after={next}")).await;
        let all = [ids(&first, list, key), ids(&second, list, key)];
        assert_eq!((all[0].len(), all[1].len()), (2, 1), "{path}");
        assert_eq!(all.concat(), expected.into_iter().collect::<Vec<_>>(), "{path}");
        assert_eq!((&first["total"], &second["total"], &second["next"]), (&json!(3), &json!(3), &Value::Null));
    }
    daemon.stop().await;
}

#[actix_web::test]
async fn the_tree_has_every_actor_with_its_numbers() {
    let daemon = Started::new().await;
    let channel = daemon.group(&["ana", "ben"]).await;
    let other = daemon.group(&["ben"]).await;
    let (mut ana, _) = daemon.connect("ana").await;
    let _ana_again = daemon.connect("ana").await;
    let _ben = daemon.connect("ben").await;
    send(&mut ana, channel, "one").await;
    let tree = daemon.shown_where("/admin/actors", "a stored send", |tree| tree["db"]["state"]["sends"] == 1).await;
    for (pointer, value) in [
        ("/registry/restarts", json!(0)),
        ("/registry/state/rooms", json!(2)),
        ("/registry/state/sessions", json!(3)),
        ("/registry/state/users", json!(2)),
        ("/registry/state/roomRestarts", json!(0)),
        ("/registry/state/draining", json!(false)),
        ("/registry/rooms/number", json!(2)),
        ("/registry/rooms/restarts", json!(0)),
        ("/registry/rooms/inFlight", json!(0)),
        ("/registry/rooms/waiting", json!(0)),
        ("/registry/rooms/unresponsive", json!(0)),
        ("/registry/sessions/number", json!(3)),
        ("/db/restarts", json!(0)),
        ("/db/waiting", json!(0)),
        ("/db/state/waitingSends", json!(0)),
        ("/db/state/batches", json!(1)),
        ("/db/state/retries", json!(0)),
        ("/presence/restarts", json!(0)),
        ("/presence/state/online", json!(2)),
        ("/presence/state/sessions", json!(3)),
        ("/presence/state/expired", json!(0)),
    ] {
        assert_eq!(tree.pointer(pointer), Some(&value), "{pointer} in {tree:#}");
    }
    let busiest: BTreeSet<_> = ids(&tree["registry"]["rooms"], "busiest", "id").into_iter().collect();
    assert_eq!(busiest, [channel.to_string(), other.to_string()].into());
    let presence = daemon.shown("/admin/presence").await;
    assert_eq!((&presence["total"], &presence["sessions"], &presence["expired"]), (&json!(2), &json!(3), &json!(0)));
    daemon.stop().await;
}

#[cfg(debug_assertions)]
#[actix_web::test]
async fn a_room_that_was_started_anew_shows_it() {
    let daemon = Started::new().await;
    let channel = daemon.group(&["ana"]).await;
    let (mut ana, session) = daemon.connect("ana").await;
    send(&mut ana, channel, "before").await;
    let room = daemon.daemon.app().parts.directory.room(channel).unwrap();
    // Nobody is left to answer.
    let _ = room.send(room::Panic).await;
    let rooms = daemon.shown_where("/admin/rooms", "a restart", |shown| shown["rooms"][0]["restarts"] == 1).await;
    assert_eq!(rooms["rooms"][0]["lastSeq"], 1, "{rooms:#}");
    let path = format!("/admin/rooms/{channel}");
    daemon.shown_where(&path, "the session", |shown| shown["sessionIds"] == json!([session])).await;
    let tree = daemon.shown("/admin/actors").await;
    assert_eq!(tree["registry"]["state"]["roomRestarts"], 1, "{tree:#}");
    assert_eq!(tree["registry"]["rooms"]["restarts"], 1, "{tree:#}");
    send(&mut ana, channel, "after").await;
    let metrics = daemon.admin("GET", "/metrics").await.text;
    assert!(metrics.contains("tenfour_room_restarts_total 1"), "{metrics}");
    daemon.stop().await;
}
