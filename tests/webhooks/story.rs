//! Everything that can happen to a channel, once.

use serde_json::{Value, json};

use crate::host::Host;
use crate::receiver::Receiver;

/// In a group that is made for it, whose id is answered. At its end all of it was told. A message is told as it is at
/// the post: so each step that changes one waits for what was told of the step before.
pub async fn act(host: &Host, receiver: &Receiver) -> String {
    let made = json!({"type": "group", "name": "Dock", "memberIds": ["ana", "bo"]});
    let channel = host.must("POST", "/channels", made).await["id"].as_str().unwrap().to_owned();
    let (ana, bo) = (host.acting_as("ana"), host.acting_as("bo"));
    let at = |path: &str| format!("/channels/{channel}{path}");
    let say = |body: Value| {
        let mut body = body;
        body["clientId"] = json!(uuid::Uuid::new_v4());
        let (ana, path) = (ana.clone(), at("/messages"));
        async move { ana.must("POST", &path, body).await["id"].as_str().unwrap().to_owned() }
    };
    let first = say(json!({"content": "hello", "mentionIds": ["bo"]})).await;
    receiver.expect("message.sent").await;
    let of = |id: &str, path: &str| format!("/messages/{id}{path}");
    ana.must("PATCH", &of(&first, ""), json!({"content": "hello!"})).await;
    receiver.expect("message.edited").await;
    bo.must("PUT", &of(&first, "/reactions/ok"), Value::Null).await;
    receiver.expect("reaction.added").await;
    bo.must("DELETE", &of(&first, "/reactions/ok"), Value::Null).await;
    bo.must("POST", &at("/read"), json!({"seq": 1})).await;
    let deadline = (chrono::Utc::now() + chrono::TimeDelta::milliseconds(300)).to_rfc3339();
    let asked = say(json!({"content": "sign, please", "instruction": {"deadline": deadline}})).await;
    receiver.expect("instruction.overdue").await;
    bo.must("PUT", &of(&asked, "/answer"), json!({"answer": "done"})).await;
    host.must("POST", &at("/members"), json!({"userIds": ["cy"]})).await;
    host.must("PATCH", &at("/members/cy"), json!({"role": "admin"})).await;
    host.must("PATCH", &at(""), json!({"name": "Yard"})).await;
    host.must("PATCH", &at(""), json!({"revisionsVisibleTo": "members"})).await;
    host.must("PUT", &at("/retention"), json!({"days": 30, "legalHold": false})).await;
    host.must("DELETE", &at("/members/cy"), Value::Null).await;
    receiver.expect("member.removed").await;
    ana.must("DELETE", &of(&first, ""), Value::Null).await;
    receiver.expect("message.deleted").await;
    channel
}
