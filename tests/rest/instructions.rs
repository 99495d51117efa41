//! Instructions over REST: asked, answered and listed.

use chrono::{FixedOffset, SecondsFormat, SubsecRound, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::server::{Server, id, message, some_id};

fn asking(instruction: Value) -> Value {
    let mut body = message("unload at gate 3");
    body["instruction"] = instruction;
    body
}

#[tokio::test]
async fn an_answer_is_put_and_shows() {
    let server = Server::start();
    let (ann, bob) = (server.user("ann").known().await, server.user("bob").known().await);
    let channel = ann.group(&["bob"]).await;
    let path = format!("/channels/{channel}/messages");
    let deadline = Utc::now().trunc_subsecs(3) + TimeDelta::hours(1);
    let elsewhere = deadline.with_timezone(&FixedOffset::east_opt(3600).unwrap());
    let asked = ann.post(&path, asking(json!({ "deadline": elsewhere.to_rfc3339() }))).await.is(201);
    let shown = deadline.to_rfc3339_opts(SecondsFormat::Millis, true);
    assert_eq!(asked["instruction"]["deadline"], json!(shown));
    assert_eq!(asked["instruction"]["assigneeIds"], json!([id("bob")]));
    let at = format!("/messages/{}/answer", asked["id"].as_str().unwrap());
    let put = async |caller: &crate::server::Caller, body: Value| {
        caller.call("PUT", &at, Some(body.to_string().into_bytes())).await
    };
    let done = put(&bob, json!({ "answer": "accepted", "note": "soon" })).await.is(200);
    let answer = &done["instruction"]["answers"][0];
    assert_eq!(answer, &json!({ "userId": id("bob"), "answer": "accepted", "note": "soon", "at": answer["at"] }));
    assert_eq!((&done["version"], &done["updatedAt"]), (&json!(2), &json!(null)));
    assert_eq!(put(&bob, json!({ "answer": "accepted", "note": "soon" })).await.is(200), done);
    put(&ann, json!({ "answer": "done" })).await.refuses(403, "forbidden");
    let host = server.host();
    put(&host, json!({ "answer": "done" })).await.refuses(403, "forbidden");
    assert!(put(&bob, json!({ "answer": "maybe" })).await.refuses(422, "invalid_frame").contains("declined"));
    let last = put(&host.acting_as("bob"), json!({ "answer": "done" })).await.is(200);
    assert_eq!(last["instruction"]["answers"][0]["note"], json!(null));
    put(&bob, json!({ "answer": "declined" })).await.refuses(409, "conflict");
    assert_eq!(ann.get(&path).await.is(200)["messages"][0], last);
}

#[tokio::test]
async fn open_ones_are_listed_page_by_page() {
    let server = Server::start();
    let (ann, bob) = (server.user("ann").known().await, server.user("bob").known().await);
    let eve = server.user("eve").known().await;
    let host = server.host();
    let channel = ann.group(&["bob"]).await;
    let path = format!("/channels/{channel}/messages");
    let mut asked = Vec::new();
    for _ in 0..5 {
        asked.push(ann.post(&path, asking(json!({}))).await.is(201)["id"].clone());
    }
    let ids = |page: &Value| -> Vec<Value> {
        page["messages"].as_array().unwrap().iter().map(|message| message["id"].clone()).collect()
    };
    let newest: Vec<Value> = asked.iter().rev().cloned().collect();
    let done = format!("/messages/{}/answer", asked[1].as_str().unwrap());
    bob.call("PUT", &done, Some(br#"{"answer":"done"}"#.to_vec())).await.is(200);
    let open: Vec<Value> = newest.iter().filter(|id| **id != asked[1]).cloned().collect();
    for caller in [&ann, &bob, &host] {
        let page = caller.get(&format!("/instructions?channelId={channel}")).await.is(200);
        assert_eq!((ids(&page), &page["hasMore"]), (open.clone(), &json!(false)));
    }
    assert_eq!(ids(&ann.get("/instructions?state=all&userId=bob").await.is(200)), newest);
    assert_eq!(ids(&ann.get("/instructions?state=overdue").await.is(200)), [] as [Value; 0]);
    assert_eq!(ids(&eve.get("/instructions").await.is(200)), [] as [Value; 0]);
    eve.get(&format!("/instructions?channelId={channel}")).await.refuses(404, "not_found");
    host.get(&format!("/instructions?channelId={}", some_id())).await.refuses(404, "not_found");
    let first = bob.get("/instructions?limit=3").await.is(200);
    assert_eq!((ids(&first), &first["hasMore"]), (open[..3].to_vec(), &json!(true)));
    let rest = bob.get(&format!("/instructions?limit=3&before={}", open[2].as_str().unwrap())).await.is(200);
    assert_eq!((ids(&rest), &rest["hasMore"]), (open[3..].to_vec(), &json!(false)));
    for (query, word) in
        [("state=late", "overdue"), ("before=x", "before"), ("limit=0", "limit"), ("userId=", "userId")]
    {
        let why = ann.get(&format!("/instructions?{query}")).await.refuses(422, "invalid_frame");
        assert!(why.contains(word), "{why}");
    }
}
