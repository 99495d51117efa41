//! Keeping and erasing, as the host application's server does it.

use serde_json::{Value, json};
use tenfour::client::raw::Socket;

use super::server::{Caller, Server, id};
use crate::messages::SOON;

async fn put(caller: &Caller, path: &str, body: Value) -> super::server::Answer {
    caller.call("PUT", path, Some(body.to_string().into_bytes())).await
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn the_host_says_how_long_a_channel_keeps_its_messages() {
    let server = Server::start();
    let (ann, host) = (server.user("ann").known().await, server.host());
    let channel = ann.group(&[]).await;
    let path = format!("/channels/{channel}/retention");
    assert_eq!(host.get(&path).await.is(200), json!({ "days": null, "legalHold": false }));
    let held = json!({ "days": 30, "legalHold": true });
    assert_eq!(put(&host, &path, held.clone()).await.is(200), held);
    assert_eq!(host.get(&path).await.is(200), held);
    for (bad, word) in [
        (json!({ "days": 30 }), "legalHold"),
        (json!({ "days": 0, "legalHold": false }), "1 to 36500"),
        (json!({ "days": "30", "legalHold": false }), "1 to 36500"),
    ] {
        assert!(put(&host, &path, bad).await.refuses(422, "invalid_frame").contains(word));
    }
    for caller in [ann.clone(), host.acting_as("ann")] {
        caller.get(&path).await.refuses(403, "forbidden");
        put(&caller, &path, held.clone()).await.refuses(403, "forbidden");
    }
    assert_eq!(host.get(&path).await.is(200), held);
}

#[tokio::test]
async fn what_a_user_said_is_given_to_them_and_then_erased_but_where_it_is_held() {
    let server = Server::start();
    let (ann, bob, host) = (server.user("ann").known().await, server.user("bob").known().await, server.host());
    let (open, held) = (ann.group(&["bob"]).await, ann.group(&["bob"]).await);
    let hold = json!({ "days": null, "legalHold": true });
    put(&host, &format!("/channels/{held}/retention"), hold).await.is(200);
    let said = ann.say(&open, "my old address").await;
    let one = format!("/messages/{}", said["id"].as_str().unwrap());
    ann.patch(&one, json!({ "content": "my new address" })).await.is(200);
    bob.say(&open, "noted").await;
    ann.say(&held, "what is held").await;

    let export = host.get("/users/ann/export").await;
    assert_eq!(export.status, 200);
    assert_eq!(export.headers["content-type"], "application/x-ndjson");
    let told = lines(&export.text);
    assert_eq!(told[0], json!({ "type": "user", "id": id("ann"), "externalId": "ann", "name": "ann of the tests" }));
    assert_eq!(told.iter().filter(|line| line["type"] == "member").count(), 2);
    let messages: Vec<&Value> = told.iter().filter(|line| line["type"] == "message").collect();
    assert_eq!(messages.len(), 2, "{messages:?}");
    let edited = messages.iter().find(|line| line["channelId"] == *open).unwrap();
    assert_eq!(
        (&edited["content"], &edited["revisions"][0]["content"]),
        (&json!("my new address"), &json!("my old address"))
    );
    assert!(!export.text.contains("noted"));

    let mut socket = Socket::connect(&server.ws(), &bob.token).await.unwrap();
    socket.recv_type("hello", SOON).await.unwrap();
    let erased = host.delete("/users/ann").await.is(200);
    assert_eq!(erased, json!({ "user": id("ann"), "messages": 1, "held": [held] }));
    let deleted = socket.recv_type("message_deleted", SOON).await.unwrap();
    assert_eq!((&deleted["data"]["id"], &deleted["data"]["content"]), (&said["id"], &json!("")));
    let contents = |page: Value| -> Vec<String> {
        page["messages"].as_array().unwrap().iter().map(|it| it["content"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(contents(bob.get(&format!("/channels/{open}/messages")).await.is(200)), ["noted", ""]);
    assert_eq!(contents(bob.get(&format!("/channels/{held}/messages")).await.is(200)), ["what is held"]);
    let kept = host.get(&format!("{one}/revisions")).await.is(200);
    assert_eq!(kept["revisions"], json!([]), "{kept}");
    let after = host.get("/users/ann/export").await;
    assert!(after.text.contains("Erased user") && !after.text.contains("address"), "{}", after.text);

    for caller in [ann, host.acting_as("ann")] {
        caller.delete("/users/ann").await.refuses(403, "forbidden");
        caller.get("/users/ann/export").await.refuses(403, "forbidden");
    }
    host.delete("/users/nobody-known").await.refuses(404, "not_found");
}

#[tokio::test]
async fn evidence_is_a_file_for_the_host_in_the_form_that_is_asked_for() {
    let server = Server::start();
    let (ann, host) = (server.user("ann").known().await, server.host());
    let channel = ann.group(&[]).await;
    ann.say(&channel, "first").await;
    let path = format!("/channels/{channel}/evidence");
    for (query, kind, end) in [
        ("", "application/x-ndjson", "ndjson"),
        ("?format=csv", "text/csv; charset=utf-8", "csv"),
        ("?format=html", "text/html; charset=utf-8", "html"),
    ] {
        let file = host.get(&format!("{path}{query}")).await;
        assert_eq!((file.status, &file.headers["content-type"]), (200, &kind.parse().unwrap()));
        let name = format!("attachment; filename=\"evidence-{channel}.{end}\"");
        assert_eq!(file.headers["content-disposition"], name);
        assert!(file.text.contains("first"), "{query}");
    }
    let none = host.get(&format!("{path}?to=2020-01-01T00:00:00Z")).await;
    assert!(!none.text.contains("first"), "{}", none.text);
    assert!(host.get(&format!("{path}?format=pdf")).await.refuses(422, "invalid_frame").contains("html"));
    host.get(&format!("{path}?from=yesterday")).await.refuses(422, "invalid_frame");
    ann.get(&path).await.refuses(403, "forbidden");
}
