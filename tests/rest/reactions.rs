//! Reactions and mentions over REST.

use serde_json::json;

use crate::server::{Server, id, message, some_id};

#[tokio::test]
async fn a_reaction_is_put_and_deleted_at_its_own_address() {
    let server = Server::start();
    let (ann, bob) = (server.user("ann").known().await, server.user("bob").known().await);
    let channel = ann.group(&["bob"]).await;
    let said = ann.say(&channel, "hello").await;
    let at = |reaction: &str| format!("/messages/{}/reactions/{reaction}", said["id"].as_str().unwrap());
    let thumb = at("%F0%9F%91%8D");
    let once = bob.call("PUT", &thumb, None).await.is(200);
    assert_eq!(once["reactions"], json!([{ "reaction": "👍", "userIds": [id("bob")] }]));
    assert_eq!((&once["version"], &once["updatedAt"], &once["content"]), (&json!(2), &json!(null), &json!("hello")));
    assert_eq!(bob.call("PUT", &thumb, None).await.is(200), once);
    let slash = ann.call("PUT", &at("a%2Fb"), None).await.is(200);
    assert_eq!(slash["reactions"][1], json!({ "reaction": "a/b", "userIds": [id("ann")] }));
    let page = ann.get(&format!("/channels/{channel}/messages")).await.is(200);
    assert_eq!(page["messages"][0], slash);
    assert_eq!(ann.delete(&thumb).await.is(200), slash, "it is another's");
    let less = bob.delete(&thumb).await.is(200);
    assert_eq!((&less["version"], less["reactions"].as_array().unwrap().len()), (&json!(4), 1));
    assert_eq!(ann.delete(&at("a%2Fb")).await.is(200).get("reactions"), None);
}

#[tokio::test]
async fn what_is_no_reaction_or_not_ones_own_is_refused() {
    let server = Server::start();
    let ann = server.user("ann").known().await;
    let host = server.host();
    let channel = ann.group(&[]).await;
    let one = format!("/messages/{}", ann.say(&channel, "hello").await["id"].as_str().unwrap());
    for bad in ["a%20b", "%00", &"x".repeat(65)] {
        ann.call("PUT", &format!("{one}/reactions/{bad}"), None).await.refuses(422, "invalid_frame");
    }
    ann.call("PUT", &format!("/messages/{}/reactions/ok", some_id()), None).await.refuses(404, "not_found");
    ann.call("PUT", "/messages/x/reactions/ok", None).await.refuses(404, "not_found");
    let ok = format!("{one}/reactions/ok");
    host.call("PUT", &ok, None).await.refuses(403, "forbidden");
    assert_eq!(
        host.acting_as("ann").call("PUT", &ok, None).await.is(200)["reactions"][0]["userIds"],
        json!([id("ann")])
    );
    host.delete(&ok).await.refuses(403, "forbidden");
    ann.delete(&one).await.is(200);
    ann.call("PUT", &ok, None).await.refuses(409, "conflict");
}

#[tokio::test]
async fn a_send_names_members_in_either_form() {
    let server = Server::start();
    let (ann, _) = (server.user("ann").known().await, server.user("bob").known().await);
    server.user("eve").known().await;
    let path = format!("/channels/{}/messages", ann.group(&["bob"]).await);
    let naming = |names| {
        let mut body = message("hello");
        body["mentionIds"] = names;
        body
    };
    let body = naming(json!(["bob", id("bob"), "ann"]));
    let said = ann.post(&path, body.clone()).await.is(201);
    assert_eq!(said["mentionIds"], json!([id("bob"), id("ann")]));
    assert_eq!(ann.post(&path, body).await.is(200), said);
    assert!(ann.post(&path, naming(json!(["eve"]))).await.refuses(422, "unknown_user").contains(&id("eve")));
    ann.post(&path, naming(json!([7]))).await.refuses(422, "invalid_frame");
    assert_eq!(ann.post(&path, naming(json!([]))).await.is(201).get("mentionIds"), None);
}
