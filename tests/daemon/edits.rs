//! Editing and deleting: who may, what all get, and what is left.

use serde_json::json;
use tenfour::domain::channel::Role;

use crate::daemon::Setup;

on_each_database!(
    an_edit_and_a_deletion_reach_every_session_the_asking_one_too,
    only_the_sender_edits_and_admins_delete_too,
    what_is_deleted_can_be_neither_edited_nor_deleted_again,
);

async fn an_edit_and_a_deletion_reach_every_session_the_asking_one_too(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.direct("ana", "bo").await;
    let (mut ana, mut other, mut bo) =
        (daemon.connect("ana").await, daemon.connect("ana").await, daemon.connect("bo").await);
    let sent = ana.send_message(channel, "gate 4").await;
    let id = &sent["serverId"];
    ana.send(&json!({"type": "edit", "messageId": id, "content": "gate 5", "ref": 7})).await;
    let (mut ok, mut updated) = (false, false);
    while !(ok && updated) {
        let frame = ana.next().await;
        ok |= frame["type"] == "ok" && frame["ref"] == 7;
        updated |= frame["type"] == "message_updated" && frame["data"]["content"] == "gate 5";
    }
    for socket in [&mut other, &mut bo] {
        let data = socket.expect("message_updated").await["data"].clone();
        assert_eq!((&data["id"], &data["content"], &data["version"]), (id, &json!("gate 5"), &json!(2)));
        assert_eq!(
            (&data["seq"], &data["createdAt"], &data["deletedAt"]),
            (&json!(1), &sent["createdAt"], &json!(null))
        );
        assert!(data["updatedAt"].is_string());
    }
    ana.ask_ok(json!({"type": "delete", "messageId": id})).await;
    for socket in [&mut other, &mut bo] {
        let data = socket.expect("message_deleted").await["data"].clone();
        assert_eq!((&data["id"], &data["content"], &data["version"]), (id, &json!(""), &json!(3)));
        assert!(data["deletedAt"].is_string() && data["updatedAt"].is_string());
    }
    let held = bo.catch_up(channel, 0).await;
    assert_eq!((held.len(), &held[0]["content"], &held[0]["version"]), (1, &json!(""), &json!(3)));
}

async fn only_the_sender_edits_and_admins_delete_too(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.group(&["owner", "admin", "member", "sender"]).await;
    daemon.set_role(channel, "owner", "admin", Role::Admin).await.unwrap();
    let mut sender = daemon.connect("sender").await;
    for (name, may_delete) in [("owner", true), ("admin", true), ("member", false), ("stranger", false)] {
        let mut asking = daemon.connect(name).await;
        let code = if name == "stranger" { "not_found" } else { "forbidden" };
        let id = sender.send_message(channel, "mine").await["serverId"].clone();
        asking.ask_refused(json!({"type": "edit", "messageId": id, "content": "theirs"}), code).await;
        let delete = json!({"type": "delete", "messageId": id});
        if may_delete {
            asking.ask_ok(delete).await;
        } else {
            asking.ask_refused(delete, code).await;
            sender.ask_ok(json!({"type": "edit", "messageId": id, "content": "still mine"})).await;
        }
    }
    sender.ask_refused(json!({"type": "edit", "messageId": uuid::Uuid::new_v4(), "content": "x"}), "not_found").await;
}

async fn what_is_deleted_can_be_neither_edited_nor_deleted_again(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.direct("ana", "bo").await;
    let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
    let id = ana.send_message(channel, "gone").await["serverId"].clone();
    ana.ask_ok(json!({"type": "delete", "messageId": id})).await;
    ana.ask_refused(json!({"type": "edit", "messageId": id, "content": "back"}), "conflict").await;
    ana.ask_refused(json!({"type": "delete", "messageId": id}), "conflict").await;
    bo.expect("message_deleted").await;
    bo.expect_none_before_pong(&["message_updated", "message_deleted"]).await;
    // A deleted one can still be replied to, and its number stays taken.
    let mut reply = crate::socket::message(channel, "what was that?", uuid::Uuid::new_v4());
    reply["replyToId"] = id;
    assert_eq!(bo.ask(reply).await["seq"], 2);
}
