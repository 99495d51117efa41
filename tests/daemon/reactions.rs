//! Reactions and mentions over sockets: what all get, where they show, and what is refused.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::daemon::{Setup, id_of};
use crate::socket::message;

on_each_database!(
    a_reaction_reaches_every_session_as_the_whole_message,
    who_was_away_catches_up_with_what_is_left,
    what_cannot_be_reacted_to_or_with_is_refused,
    mentions_reach_everybody_and_are_members_only,
);

fn react(id: &Value, reaction: &str) -> Value {
    json!({"type": "react", "messageId": id, "reaction": reaction})
}

async fn a_reaction_reaches_every_session_as_the_whole_message(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.group(&["ana", "bo", "cy"]).await;
    let [ana, bo] = ["ana", "bo"].map(|name| id_of(name).to_string());
    let (mut one, mut other, mut away) =
        (daemon.connect("ana").await, daemon.connect("ana").await, daemon.connect("bo").await);
    let sent = one.send_message(channel, "gate 4").await;
    let id = &sent["serverId"];
    away.ask_ok(react(id, "👍")).await;
    for socket in [&mut one, &mut other] {
        let first = socket.expect("message_updated").await["data"].clone();
        assert_eq!(
            (&first["version"], &first["content"], &first["updatedAt"]),
            (&json!(2), &json!("gate 4"), &json!(null))
        );
        assert_eq!(first["reactions"], json!([{"reaction": "👍", "userIds": [bo]}]));
    }
    let mut asked = react(id, "👍");
    asked["ref"] = json!(7);
    one.send(&asked).await;
    let (mut ok, mut updated) = (false, false);
    while !(ok && updated) {
        let frame = one.next().await;
        ok |= frame["type"] == "ok" && frame["ref"] == 7;
        updated |= frame["type"] == "message_updated" && frame["data"]["version"] == 3;
    }
    for socket in [&mut other, &mut away] {
        let then = socket.expect_where("the second", |frame| frame["data"]["version"] == 3).await;
        assert_eq!(then["data"]["reactions"], json!([{"reaction": "👍", "userIds": [bo, ana]}]));
    }
    // The same again is no news, nor is taking back what is not there.
    away.ask_ok(react(id, "👍")).await;
    let mut back = react(id, "ok");
    back["remove"] = json!(true);
    away.ask_ok(back.clone()).await;
    back["reaction"] = json!("👍");
    away.ask_ok(back.clone()).await;
    one.ask_ok(json!({"type": "edit", "messageId": id, "content": "gate 5"})).await;
    let fourth = other.expect("message_updated").await["data"].clone();
    assert_eq!((&fourth["version"], &fourth["reactions"][0]["userIds"]), (&json!(4), &json!([ana])));
    let edited = other.expect("message_updated").await["data"].clone();
    assert_eq!((&edited["version"], &edited["reactions"]), (&json!(5), &fourth["reactions"]));
    one.ask_ok(json!({"type": "delete", "messageId": id})).await;
    let deleted = other.expect("message_deleted").await["data"].clone();
    assert_eq!((&deleted["version"], deleted.get("reactions")), (&json!(6), None));
}

async fn who_was_away_catches_up_with_what_is_left(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.group(&["ana", "bo"]).await;
    let mut ana = daemon.connect("ana").await;
    let (first, second) = (ana.send_message(channel, "one").await, ana.send_message(channel, "two").await);
    for reaction in ["a", "b", "c"] {
        ana.ask_ok(react(&first["serverId"], reaction)).await;
    }
    let mut back = react(&first["serverId"], "b");
    back["remove"] = json!(true);
    ana.ask_ok(back).await;
    let mut bo = daemon.connect("bo").await;
    assert_eq!(bo.channel(channel)["version"], 6);
    let held = bo.catch_up(channel, 2).await;
    let told: Vec<&Value> = held[0]["reactions"].as_array().unwrap().iter().map(|it| &it["reaction"]).collect();
    assert_eq!((held.len(), &held[0]["version"], told), (1, &json!(6), vec![&json!("a"), &json!("c")]));
    // A room that is started anew reads what it missed, and says that the message was changed.
    daemon.panic_room(channel).await;
    ana.ask_ok(react(&second["serverId"], "👍")).await;
    let updated = bo.expect("message_updated").await;
    assert_eq!((&updated["data"]["id"], &updated["data"]["version"]), (&second["serverId"], &json!(7)));
}

async fn what_cannot_be_reacted_to_or_with_is_refused(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.direct("ana", "bo").await;
    daemon.user("eve").await;
    let (mut ana, mut eve) = (daemon.connect("ana").await, daemon.connect("eve").await);
    let id = ana.send_message(channel, "gate 4").await["serverId"].clone();
    eve.ask_refused(react(&id, "👍"), "not_found").await;
    ana.ask_refused(react(&json!(Uuid::new_v4()), "👍"), "not_found").await;
    for bad in ["", "two words", "a\n", &"x".repeat(65)] {
        let refused = ana.ask_refused(react(&id, bad), "invalid_frame").await;
        assert!(refused["message"].as_str().unwrap().contains("1 to 64 bytes"), "{refused}");
    }
    for n in 0..20 {
        ana.ask_ok(react(&id, &format!("r{n}"))).await;
    }
    let full = ana.ask_refused(react(&id, "r20"), "conflict").await;
    assert!(full["message"].as_str().unwrap().contains("20"), "{full}");
    ana.ask_ok(json!({"type": "delete", "messageId": id})).await;
    ana.ask_refused(react(&id, "r0"), "conflict").await;
}

async fn mentions_reach_everybody_and_are_members_only(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.group(&["ana", "bo", "cy"]).await;
    daemon.user("eve").await;
    let [bo, cy] = ["bo", "cy"].map(|name| id_of(name).to_string());
    let (mut ana, mut other) = (daemon.connect("ana").await, daemon.connect("bo").await);
    let naming = |names: Value| {
        let mut frame = message(channel, "gate 4, please", Uuid::new_v4());
        frame["mentionIds"] = names;
        frame
    };
    // In either form, and who is named twice is named once.
    let frame = naming(json!(["cy", bo, cy]));
    let sent = ana.ask(frame.clone()).await;
    assert_eq!(other.expect("message").await["data"]["mentionIds"], json!([cy, bo]));
    assert_eq!(ana.ask(frame.clone()).await["duplicate"], true);
    let mut another = frame;
    another["mentionIds"] = json!(["bo"]);
    ana.ask_refused(another, "conflict").await;
    ana.ask_ok(json!({"type": "edit", "messageId": sent["serverId"], "content": "gate 5"})).await;
    assert_eq!(other.expect("message_updated").await["data"]["mentionIds"], json!([cy, bo]));
    assert_eq!(other.catch_up(channel, 0).await[0]["mentionIds"], json!([cy, bo]));
    for outsider in ["eve", "nobody"] {
        let refused = ana.ask_refused(naming(json!(["bo", outsider])), "unknown_user").await;
        assert!(refused["message"].as_str().unwrap().contains(&id_of(outsider).to_string()), "{refused}");
    }
    let many: Vec<String> = (0..51).map(|n| n.to_string()).collect();
    ana.ask_refused(naming(json!(many)), "invalid_frame").await;
    ana.ask_refused(naming(json!("bo")), "invalid_frame").await;
    ana.ask(naming(json!([]))).await;
    assert_eq!(other.expect("message").await["data"].get("mentionIds"), None);
    ana.ask_ok(json!({"type": "delete", "messageId": sent["serverId"]})).await;
    assert_eq!(other.expect("message_deleted").await["data"].get("mentionIds"), None);
}
