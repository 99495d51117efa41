//! Making, listing, showing and renaming channels; and in whose name.

use serde_json::{Value, json};

use crate::server::{Server, id, name, some_id};

fn ids(list: &Value) -> Vec<&str> {
    list["channels"].as_array().unwrap().iter().map(|channel| channel["id"].as_str().unwrap()).collect()
}

fn member_ids(channel: &Value) -> Vec<String> {
    let mut ids: Vec<_> =
        channel["memberIds"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

fn sorted(subs: &[&str]) -> Vec<String> {
    let mut ids: Vec<_> = subs.iter().map(|sub| id(sub)).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn a_group_is_owned_by_its_maker_and_seen_by_its_members_as_in_hello() {
    let server = Server::start();
    let (ann, bob) = (server.user("ann").known().await, server.user("bob").known().await);
    let body = json!({ "type": "group", "name": " Night shift ", "memberIds": ["bob", id("bob")], "later": 1 });
    let made = ann.post("/channels", body).await.is(201);
    assert_eq!(
        made,
        json!({
            "id": made["id"], "type": "group", "name": "Night shift", "role": "owner", "lastSeq": 0,
            "version": made["version"], "lastReadSeq": 0, "unread": 0, "revisionsVisibleTo": "admins", "memberIds": made["memberIds"], "online": []
        })
    );
    assert_eq!(member_ids(&made), sorted(&["ann", "bob"]));
    let channel = made["id"].as_str().unwrap();
    ann.say(channel, "hello").await;
    let seen = bob.get(&format!("/channels/{channel}")).await.is(200);
    assert_eq!((&seen["role"], &seen["unread"], &seen["lastSeq"]), (&json!("member"), &json!(1), &json!(1)));
    let list = bob.get("/channels").await.is(200);
    assert_eq!(list, json!({ "channels": [seen], "hasMore": false }));
}

#[tokio::test]
async fn two_users_have_one_direct_channel_from_whichever_side_it_is_asked_for() {
    let server = Server::start();
    let uuid = some_id();
    let (ann, bob) = (server.user("ann").known().await, server.user(&uuid).known().await);
    let made = ann.post("/channels", json!({ "type": "direct", "userId": uuid })).await.is(201);
    assert_eq!(made["peer"], json!({ "id": uuid, "name": name(&uuid), "lastReadSeq": 0 }));
    assert_eq!(made["name"], Value::Null);
    ann.say(made["id"].as_str().unwrap(), "hello").await;
    for other in ["ann", &id("ann")] {
        let again = bob.post("/channels", json!({ "type": "direct", "userId": other })).await.is(200);
        assert_eq!((&again["id"], &again["unread"]), (&made["id"], &json!(1)));
        assert_eq!(again["peer"]["id"], id("ann"));
    }
    let host = server.host();
    let both = json!({ "type": "direct", "memberIds": ["ann", uuid] });
    let seen = host.post("/channels", both.clone()).await.is(200);
    assert_eq!((&seen["id"], &seen["role"], &seen["unread"]), (&made["id"], &Value::Null, &json!(0)));
    ann.post("/channels", json!({ "type": "direct", "userId": "ann" })).await.refuses(409, "conflict");
    assert!(ann.post("/channels", both).await.refuses(422, "invalid_frame").contains("userId"));
}

#[tokio::test]
async fn whom_nobody_knows_is_refused_to_a_user_and_made_for_the_host() {
    let server = Server::start();
    let ann = server.user("ann").known().await;
    let group = |members: Value| json!({ "type": "group", "name": "Ops", "memberIds": members });
    let why = ann.post("/channels", group(json!(["ghost"]))).await.refuses(422, "unknown_user");
    assert!(why.contains("ghost"), "{why}");
    ann.post("/channels", json!({ "type": "direct", "userId": "ghost" })).await.refuses(422, "unknown_user");

    let host = server.host();
    let made = host.post("/channels", group(json!(["ghost", "ann"]))).await.is(201);
    assert_eq!(member_ids(&made), sorted(&["ann", "ghost"]));
    assert_eq!((&made["role"], &made["lastReadSeq"]), (&Value::Null, &json!(0)));
    let ghost = server.user("ghost").known().await;
    assert_eq!(ids(&ghost.get("/channels").await.is(200)), [made["id"].as_str().unwrap()]);
    let named = host.post("/channels", group(json!(["host"]))).await.is(201);
    assert_eq!(member_ids(&named), sorted(&["host"]));
    host.post("/channels", json!({ "type": "direct", "memberIds": ["x", "y"] })).await.is(201);
}

#[tokio::test]
async fn the_host_acts_as_any_known_user_by_either_id_and_as_nobody_else() {
    let server = Server::start();
    let _ann = server.user("ann").known().await;
    let host = server.host();
    for form in ["ann", &id("ann")] {
        let made = host.acting_as(form).post("/channels", json!({ "type": "group", "name": "Ops" })).await.is(201);
        assert_eq!((member_ids(&made), &made["role"]), (sorted(&["ann"]), &json!("owner")));
    }
    let with_new = json!({ "type": "direct", "userId": "new" });
    let made = host.acting_as("ann").post("/channels", with_new).await.is(201);
    assert_eq!(member_ids(&made), sorted(&["ann", "new"]));
    assert_eq!(ids(&host.acting_as("ann").get("/channels").await.is(200)).len(), 3);
    host.acting_as("nobody").get("/channels").await.refuses(422, "unknown_user");
    host.acting_as("ann").acting_as("new").get("/channels").await.refuses(422, "invalid_frame");
    let why = server.user("bob").acting_as("ann").get("/channels").await.refuses(403, "forbidden");
    assert!(why.contains("admin"), "{why}");
}

#[tokio::test]
async fn the_host_never_acts_as_who_took_the_uuid_of_another() {
    let server = Server::start();
    let thief = server.user(&id("ann")).known().await;
    server.host().acting_as("ann").get("/channels").await.refuses(422, "unknown_user");
    server.host().acting_as(&id("ann")).get("/channels").await.is(200);
    server.user("ann").get("/channels").await.refuses(401, "unauthorized");
    thief.get("/channels").await.is(200);
}

#[tokio::test]
async fn the_host_pages_over_every_channel() {
    let server = Server::start();
    let (ann, host) = (server.user("ann").known().await, server.host());
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(ann.group(&[]).await);
    }
    let mut seen = Vec::new();
    let mut after = String::new();
    for more in [true, true, false] {
        let page = host.get(&format!("/channels?limit=2{after}")).await.is(200);
        assert_eq!(page["hasMore"], more);
        seen.extend(ids(&page).into_iter().map(str::to_owned));
        after = format!("&after={}", seen.last().unwrap());
    }
    assert_eq!(seen, made);
    for (query, word) in
        [("limit=201", "200"), ("limit=0", "limit"), ("after=x", "after"), ("limit=1&limit=1", "twice")]
    {
        let why = host.get(&format!("/channels?{query}")).await.refuses(422, "invalid_frame");
        assert!(why.contains(word), "{query}: {why}");
    }
    ann.get("/channels?limit=2").await.refuses(422, "invalid_frame");
}

#[tokio::test]
async fn a_group_has_so_many_members_and_a_name() {
    let server = Server::with(|config| config.limits.max_group_members = 3);
    let ann = server.user("ann").known().await;
    let group = |members: &[&str]| json!({ "type": "group", "name": "Ops", "memberIds": members });
    let why = ann.post("/channels", group(&["a", "b", "c", "d"])).await.refuses(422, "invalid_frame");
    assert!(why.contains("memberIds") && why.contains('4') && why.contains('3'), "{why}");
    let host = server.host();
    let full = host.post("/channels", group(&["a", "b", "c"])).await.is(201);
    host.acting_as("a").post("/channels", group(&["b", "c", "d"])).await.refuses(409, "conflict");
    let add = format!("/channels/{}/members", full["id"].as_str().unwrap());
    host.post(&add, json!({ "userIds": ["d"] })).await.refuses(409, "conflict");
    for (body, word) in [
        (json!({ "type": "group" }), "name"),
        (json!({ "type": "group", "name": "" }), "name"),
        (json!({ "type": "group", "name": "x".repeat(256) }), "255"),
        (json!({ "type": "room", "name": "x" }), "type"),
        (json!({ "name": "x" }), "type"),
    ] {
        let why = ann.post("/channels", body).await.refuses(422, "invalid_frame");
        assert!(why.contains(word), "{why}");
    }
}

#[tokio::test]
async fn admins_and_the_host_rename_a_group_and_nobody_a_direct_channel() {
    let server = Server::start();
    let (ann, bob) = (server.user("ann").known().await, server.user("bob").known().await);
    let path = format!("/channels/{}", ann.group(&["bob"]).await);
    let renamed = ann.patch(&path, json!({ "name": "Day" })).await.is(200);
    assert_eq!((&renamed["name"], &renamed["role"]), (&json!("Day"), &json!("owner")));
    assert_eq!(ann.patch(&path, json!({ "name": "Day" })).await.is(200), renamed);
    bob.patch(&path, json!({ "name": "Bob's" })).await.refuses(403, "forbidden");
    let by_host = server.host().patch(&path, json!({ "name": "Host's" })).await.is(200);
    assert_eq!((&by_host["name"], &by_host["role"]), (&json!("Host's"), &Value::Null));
    ann.patch(&path, json!({})).await.refuses(422, "invalid_frame");
    let direct = ann.post("/channels", json!({ "type": "direct", "userId": "bob" })).await.is(201);
    let path = format!("/channels/{}", direct["id"].as_str().unwrap());
    ann.patch(&path, json!({ "name": "x" })).await.refuses(403, "forbidden");
    server.host().patch(&path, json!({ "name": "x" })).await.refuses(403, "forbidden");
}
