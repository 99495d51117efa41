//! Coming into a channel and leaving it, while connected.

use std::time::Duration;

use serde_json::{Value, json};
use tenfour::domain::channel::Role;
use tenfour::domain::ids::UserId;
use tenfour::protocol::error::ErrorCode;
use uuid::Uuid;

use crate::daemon::{Setup, id_of};
use crate::socket::{assert_continues, message, number};

on_each_database!(
    who_is_added_while_connected_is_told_and_takes_part,
    the_others_are_told_who_came_and_who_went,
    who_is_removed_gets_nothing_more_from_that_version_on,
    who_is_added_again_takes_part_again,
    coming_and_going_in_quick_succession_ends_where_it_ends,
    the_last_owner_who_leaves_has_an_heir,
    a_new_role_or_name_is_told_to_everybody_as_their_own_channel,
    a_group_takes_as_many_members_as_it_may_however_many_come_at_once,
    a_direct_channel_is_one_a_pair_and_its_members_do_not_change,
    an_outsider_sees_no_difference_between_a_channel_and_none,
);

fn sorted(users: &[&str]) -> Vec<UserId> {
    let mut ids: Vec<_> = users.iter().map(|user| id_of(user)).collect();
    ids.sort_unstable();
    ids
}

async fn who_is_added_while_connected_is_told_and_takes_part(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.group(&["ana", "bo"]).await;
    let (mut ana, mut cy) = (daemon.connect("ana").await, daemon.connect("cy").await);
    assert_eq!(cy.hello["channels"], json!([]));
    for text in ["one", "two"] {
        ana.send_message(channel, text).await;
    }
    daemon.add(channel, "ana", "cy").await.unwrap();
    let told = cy.expect("channel").await["data"].clone();
    let expected = json!({
        "id": channel, "type": "group", "name": "Dock 4", "role": "member", "lastSeq": 2, "version": 3,
        "lastReadSeq": 2, "unread": 0, "revisionsVisibleTo": "admins", "memberIds": sorted(&["ana", "bo", "cy"]), "online": sorted(&["ana", "cy"]),
    });
    assert_eq!(told, expected);
    ana.send_message(channel, "three").await;
    assert_eq!(number(&cy.expect_text("three").await["version"]), 4);
    assert_eq!(cy.send_message(channel, "thanks").await["version"], 5);
    let again = daemon.connect("cy").await;
    assert_eq!((&again.channel(channel)["unread"], &again.channel(channel)["lastReadSeq"]), (&json!(1), &json!(2)));
}

async fn the_others_are_told_who_came_and_who_went(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.group(&["ana", "bo"]).await;
    let mut bo = daemon.connect("bo").await;
    daemon.add(channel, "ana", "cy").await.unwrap();
    let members = |version, users: &[&str], added: &[&str], removed: &[&str]| {
        json!({
            "type": "members", "channelId": channel, "version": version, "memberIds": sorted(users),
            "online": sorted(&["bo"]), "added": sorted(added), "removed": sorted(removed),
        })
    };
    assert_eq!(bo.expect("members").await, members(1, &["ana", "bo", "cy"], &["cy"], &[]));
    daemon.remove(channel, "ana", "cy").await.unwrap();
    assert_eq!(bo.expect("members").await, members(2, &["ana", "bo"], &[], &["cy"]));
    // Who is in it already changes nothing and is news to nobody.
    daemon.add(channel, "ana", "bo").await.unwrap();
    bo.expect_none_before_pong(&["members", "channel"]).await;
}

async fn who_is_removed_gets_nothing_more_from_that_version_on(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.group(&["ana", "bo", "cy"]).await;
    let (mut ana, mut cy) = (daemon.connect("ana").await, daemon.connect("cy").await);
    let mut second = daemon.connect("cy").await;
    let own = cy.send_message(channel, "mine").await;
    for _ in 0..100 {
        ana.send(&message(channel, "busy", Uuid::new_v4())).await;
    }
    daemon.remove(channel, "ana", "cy").await.unwrap();
    for _ in 0..100 {
        ana.send(&message(channel, "busy", Uuid::new_v4())).await;
    }
    let cut = number(&ana.expect("members").await["version"]);
    // The first version is `own`, which the first of the two got as its ack already.
    for (socket, start) in [(&mut cy, 1), (&mut second, 0)] {
        let mut last = start;
        loop {
            let frame = socket.next().await;
            match frame["type"].as_str() {
                Some("channel_removed") => break,
                Some("members") => panic!("who was removed is not told so by {frame}"),
                _ => last = assert_continues(last, &[frame], channel),
            }
        }
        // Where nothing came but the ack of `own`, that was the first version.
        assert_eq!(last.max(1), cut - 1, "everything before the removal, and nothing after it");
        socket.expect_none_before_pong(&["message", "members", "presence", "typing", "read"]).await;
        socket.ask_refused(message(channel, "still here?", Uuid::new_v4()), "not_found").await;
        socket.ask_refused(json!({"type": "read", "channelId": channel, "seq": 1}), "not_found").await;
        socket.ask_refused(json!({"type": "typing", "channelId": channel}), "not_found").await;
        let edit = json!({"type": "edit", "messageId": own["serverId"], "content": "changed"});
        socket.ask_refused(edit, "not_found").await;
        let pages = socket.sync(json!({"channels": {channel.to_string(): 0}})).await;
        assert_eq!(pages, [json!({"type": "channel_removed", "channelId": channel})]);
    }
}

async fn who_is_added_again_takes_part_again(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.group(&["ana", "bo"]).await;
    let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
    for round in 0..10 {
        daemon.remove(channel, "ana", "bo").await.unwrap();
        bo.expect("channel_removed").await;
        ana.send_message(channel, "while away").await;
        daemon.add(channel, "ana", "bo").await.unwrap();
        let told = bo.expect("channel").await["data"].clone();
        assert_eq!(
            (&told["lastSeq"], &told["lastReadSeq"], &told["unread"]),
            (&json!(2 * round + 1), &json!(2 * round + 1), &json!(0))
        );
        let ack = bo.send_message(channel, "back").await;
        assert_eq!(number(&ack["version"]), number(&told["version"]) + 1);
        ana.expect_text("back").await;
    }
}

async fn coming_and_going_in_quick_succession_ends_where_it_ends(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.group(&["ana", "bo"]).await;
    let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
    for round in 0..40 {
        for _ in 0..=round % 3 {
            daemon.remove(channel, "ana", "bo").await.unwrap();
            daemon.add(channel, "ana", "bo").await.unwrap();
        }
        let text = format!("round {round}");
        ana.send_message(channel, &text).await;
        // Whatever else it was told: it is in, so it hears of it, live or by what it then asks for.
        let frames = [("message", "content"), ("channel", "lastSeq")];
        let heard = |it: &Value| {
            let data = &it["data"];
            (it["type"] == frames[0].0 && data["content"] == text)
                || (it["type"] == frames[1].0 && data["lastSeq"] == json!(round + 1))
        };
        bo.expect_where(&text, heard).await;
    }
    daemon.remove(channel, "ana", "bo").await.unwrap();
    ana.send_message(channel, "after all").await;
    let texts = |frames: &[Value]| frames.iter().any(|it| it["data"]["content"] == "after all");
    assert!(!texts(&bo.collect(Duration::from_millis(100)).await));
}

async fn the_last_owner_who_leaves_has_an_heir(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.group(&["ana", "bo", "cy"]).await;
    daemon.set_role(channel, "ana", "cy", Role::Admin).await.unwrap();
    let (mut bo, mut cy) = (daemon.connect("bo").await, daemon.connect("cy").await);
    daemon.remove(channel, "ana", "ana").await.unwrap();
    let own = cy.expect("channel").await["data"].clone();
    assert_eq!(
        (&own["role"], &own["version"], &own["memberIds"]),
        (&json!("owner"), &json!(2), &json!(sorted(&["bo", "cy"])))
    );
    assert_eq!(bo.expect("members").await["removed"], json!([id_of("ana")]));
    let refused = daemon.remove(channel, "bo", "cy").await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Forbidden);
    daemon.remove(channel, "cy", "bo").await.unwrap();
    bo.expect("channel_removed").await;
}

async fn a_new_role_or_name_is_told_to_everybody_as_their_own_channel(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.group(&["ana", "bo"]).await;
    let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
    ana.send_message(channel, "unread").await;
    daemon.set_role(channel, "ana", "bo", Role::Admin).await.unwrap();
    daemon.rename(channel, "bo", "Dock 5").await.unwrap();
    for (socket, role, unread) in [(&mut ana, "owner", 0), (&mut bo, "admin", 1)] {
        let changed = socket.expect("channel").await["data"].clone();
        assert_eq!(
            (&changed["role"], &changed["name"], &changed["version"]),
            (&json!(role), &json!("Dock 4"), &json!(2))
        );
        let renamed = socket.expect("channel").await["data"].clone();
        assert_eq!(
            (&renamed["role"], &renamed["name"], &renamed["version"]),
            (&json!(role), &json!("Dock 5"), &json!(3))
        );
        assert_eq!(renamed["unread"], unread);
    }
    let refused = daemon.set_role(channel, "bo", "ana", Role::Member).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Forbidden);
}

async fn a_group_takes_as_many_members_as_it_may_however_many_come_at_once(setup: Setup) {
    let daemon = setup.with(|config| config.limits.max_group_members = 6).start().await;
    let channel = daemon.group(&["ana", "bo", "cy", "di"]).await;
    let names: Vec<String> = (0..20).map(|number| format!("user {number}")).collect();
    for name in &names {
        daemon.user(name).await;
    }
    let adds = names.iter().map(|name| daemon.add(channel, "ana", name));
    let outcomes = futures_util::future::join_all(adds).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 2);
    for refused in outcomes.into_iter().filter_map(Result::err) {
        assert_eq!(refused.code, ErrorCode::Conflict);
        assert!(refused.message.contains('6'), "{refused}");
    }
    assert_eq!(daemon.connect("ana").await.channel(channel)["memberIds"].as_array().unwrap().len(), 6);
}

async fn a_direct_channel_is_one_a_pair_and_its_members_do_not_change(setup: Setup) {
    let daemon = setup.start().await;
    daemon.user("ana").await;
    let mut bo = daemon.connect("bo").await;
    let both =
        (0..10).map(|number| if number % 2 == 0 { daemon.direct("ana", "bo") } else { daemon.direct("bo", "ana") });
    let channels = futures_util::future::join_all(both).await;
    assert!(channels.iter().all(|channel| *channel == channels[0]));
    let told = bo.expect("channel").await["data"].clone();
    assert_eq!(told["peer"], json!({"id": id_of("ana"), "name": "Ana", "lastReadSeq": 0}));
    bo.expect_none_before_pong(&["channel"]).await;
    for refused in [
        daemon.add(channels[0], "ana", "cy").await.unwrap_err(),
        daemon.remove(channels[0], "ana", "ana").await.unwrap_err(),
        daemon.rename(channels[0], "ana", "ours").await.unwrap_err(),
        daemon.set_role(channels[0], "ana", "bo", Role::Owner).await.unwrap_err(),
    ] {
        assert_eq!(refused.code, ErrorCode::Forbidden, "{refused}");
    }
}

async fn an_outsider_sees_no_difference_between_a_channel_and_none(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.direct("ana", "bo").await;
    let (mut ana, mut eve) = (daemon.connect("ana").await, daemon.connect("eve").await);
    let sent = ana.send_message(channel, "between us").await["serverId"].clone();
    let (other, unknown) = (json!(Uuid::new_v4()), json!(Uuid::new_v4()));
    for (there, nowhere) in [(json!(channel), other), (sent, unknown)] {
        for frame in [
            json!({"type": "message", "clientId": Uuid::new_v4(), "channelId": there, "content": "x"}),
            json!({"type": "typing", "channelId": there}),
            json!({"type": "read", "channelId": there, "seq": 1}),
            json!({"type": "edit", "messageId": there, "content": "x"}),
            json!({"type": "delete", "messageId": there}),
        ] {
            let mut unknown = frame.clone();
            for field in ["channelId", "messageId"] {
                if frame.get(field).is_some() {
                    unknown[field] = nowhere.clone();
                }
            }
            let one = eve.ask_refused(frame.clone(), "not_found").await;
            let other = eve.ask_refused(unknown, "not_found").await;
            assert_eq!(one["message"], other["message"], "{frame}");
        }
    }
    ana.expect_none_before_pong(&["message", "message_updated", "message_deleted", "typing", "read"]).await;
}
