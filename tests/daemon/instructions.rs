//! Instructions over sockets: what all get, what is refused, and what becomes of a deadline.

use std::time::Duration;

use chrono::{SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use tenfour::domain::ids::ChannelId;
use uuid::Uuid;

use crate::daemon::{Setup, eventually, id_of};
use crate::socket::message;

/// Deadlines are looked at once a second.
const TWO_LOOKS: Duration = Duration::from_millis(2100);

on_each_database!(
    an_instruction_and_its_answers_reach_every_session,
    a_deadline_that_passes_is_told_within_seconds_and_a_late_answer_is_taken,
    what_cannot_be_asked_or_answered_is_refused,
    a_repeat_is_the_first_one_also_after_its_deadline,
);

fn asking(channel: ChannelId, instruction: Value) -> Value {
    let mut frame = message(channel, "unload at gate 3", Uuid::new_v4());
    frame["instruction"] = instruction;
    frame
}

fn answer(id: &Value, answer: &str) -> Value {
    json!({"type": "answer", "messageId": id, "answer": answer})
}

fn soon(time: TimeDelta) -> String {
    (Utc::now() + time).to_rfc3339_opts(SecondsFormat::Millis, true)
}

async fn an_instruction_and_its_answers_reach_every_session(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.group(&["ana", "bo", "cy"]).await;
    let [bo, cy] = ["bo", "cy"].map(|name| id_of(name).to_string());
    let (mut ana, mut other, mut cyd) =
        (daemon.connect("ana").await, daemon.connect("ana").await, daemon.connect("cy").await);
    let deadline = soon(TimeDelta::hours(1));
    let frame = asking(channel, json!({"deadline": deadline, "assigneeIds": ["cy", bo]}));
    let sent = ana.ask(frame.clone()).await;
    let asked = json!({"deadline": deadline, "assigneeIds": [cy, bo], "overdueAt": null, "answers": []});
    for socket in [&mut other, &mut cyd] {
        assert_eq!(socket.expect("message").await["data"]["instruction"], asked);
    }
    let id = &sent["serverId"];
    let mut accepted = answer(id, "accepted");
    accepted["note"] = json!("in ten minutes");
    cyd.ask_ok(accepted.clone()).await;
    let updated = other.expect("message_updated").await["data"].clone();
    let first = &updated["instruction"]["answers"][0];
    assert_eq!(
        (&first["userId"], &first["answer"], &first["note"]),
        (&json!(cy), &json!("accepted"), &accepted["note"])
    );
    assert_eq!((&updated["version"], &updated["updatedAt"]), (&json!(2), &json!(null)));
    assert!(first["at"].is_string());
    cyd.ask_ok(accepted).await;
    cyd.ask_ok(answer(id, "done")).await;
    let done = other.expect("message_updated").await["data"].clone();
    assert_eq!((&done["version"], &done["instruction"]["answers"][0]["note"]), (&json!(3), &json!(null)));
    cyd.ask_refused(answer(id, "accepted"), "conflict").await;
    assert_eq!(other.catch_up(channel, 1).await, std::slice::from_ref(&done));
    ana.ask_ok(json!({"type": "edit", "messageId": id, "content": "gate 4"})).await;
    assert_eq!(other.expect("message_updated").await["data"]["instruction"], done["instruction"]);
    // All others, where nobody is named.
    ana.ask(asking(channel, json!({}))).await;
    let all = other.expect("message").await["data"]["instruction"]["assigneeIds"].clone();
    let mut all: Vec<&str> = all.as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    all.sort_unstable();
    let mut expected = [bo.as_str(), &cy];
    expected.sort_unstable();
    assert_eq!(all, expected);
    ana.ask_ok(json!({"type": "delete", "messageId": id})).await;
    assert_eq!(other.expect("message_deleted").await["data"].get("instruction"), None);
}

async fn a_deadline_that_passes_is_told_within_seconds_and_a_late_answer_is_taken(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.group(&["ana", "bo"]).await;
    let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
    let deadline = Utc::now() + TimeDelta::milliseconds(700);
    let asked = json!({"deadline": deadline.to_rfc3339_opts(SecondsFormat::Millis, true)});
    let answered = ana.ask(asking(channel, asked.clone())).await["serverId"].clone();
    let sent = ana.ask(asking(channel, asked)).await["serverId"].clone();
    bo.ask_ok(answer(&answered, "accepted")).await;
    for socket in [&mut ana, &mut bo] {
        let told = socket.expect_where("it is overdue", |frame| !frame["data"]["instruction"]["overdueAt"].is_null());
        let told = tokio::time::timeout(Duration::from_secs(5), told).await.unwrap();
        assert_eq!((&told["type"], &told["data"]["id"]), (&json!("message_updated"), &sent));
        assert_eq!((&told["data"]["version"], &told["data"]["updatedAt"]), (&json!(4), &json!(null)));
        let at: chrono::DateTime<Utc> = told["data"]["instruction"]["overdueAt"].as_str().unwrap().parse().unwrap();
        assert!(at + TimeDelta::milliseconds(1) > deadline, "{at} {deadline}");
    }
    bo.ask_ok(answer(&sent, "done")).await;
    let late = ana.expect("message_updated").await["data"].clone();
    assert_eq!((&late["version"], &late["instruction"]["answers"][0]["answer"]), (&json!(5), &json!("done")));
    assert!(late["instruction"]["overdueAt"].is_string());
    // Nothing more comes of it, and nothing of the one that was answered in time.
    ana.expect_silence("message_updated", TWO_LOOKS).await;
    assert_eq!(bo.catch_up(channel, 5).await, [] as [Value; 0]);
    let held = bo.catch_up(channel, 0).await;
    let overdue: Vec<bool> = held.iter().map(|it| it["instruction"]["overdueAt"].is_string()).collect();
    assert_eq!(overdue, [false, true]);
}

async fn what_cannot_be_asked_or_answered_is_refused(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.group(&["ana", "bo", "cy"]).await;
    daemon.user("eve").await;
    let (mut ana, mut bo, mut eve) =
        (daemon.connect("ana").await, daemon.connect("bo").await, daemon.connect("eve").await);
    for (instruction, word) in [
        (json!("soon"), "object"),
        (json!({"deadline": "soon"}), "RFC 3339"),
        (json!({"deadline": soon(TimeDelta::seconds(-1))}), "passed"),
        (json!({"deadline": soon(TimeDelta::days(367))}), "year"),
        (json!({"assigneeIds": []}), "empty"),
        (json!({"assigneeIds": (0..51).map(|n| n.to_string()).collect::<Vec<_>>()}), "50"),
    ] {
        let refused = ana.ask_refused(asking(channel, instruction), "invalid_frame").await;
        assert!(refused["message"].as_str().unwrap().contains(word), "{refused}");
    }
    let refused = ana.ask_refused(asking(channel, json!({"assigneeIds": ["bo", "eve"]})), "unknown_user").await;
    assert!(refused["message"].as_str().unwrap().contains(&id_of("eve").to_string()), "{refused}");
    let id = ana.ask(asking(channel, json!({"assigneeIds": ["cy"]}))).await["serverId"].clone();
    eve.ask_refused(answer(&id, "done"), "not_found").await;
    bo.ask_refused(answer(&id, "done"), "forbidden").await;
    bo.ask_refused(answer(&id, "maybe"), "invalid_frame").await;
    let mut long = answer(&id, "done");
    long["note"] = json!("x".repeat(1001));
    bo.ask_refused(long, "invalid_frame").await;
    let plain = ana.send_message(channel, "hello").await["serverId"].clone();
    bo.ask_refused(answer(&plain, "done"), "conflict").await;
}

async fn a_repeat_is_the_first_one_also_after_its_deadline(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.group(&["ana", "bo"]).await;
    let mut ana = daemon.connect("ana").await;
    let deadline = Utc::now() + TimeDelta::milliseconds(400);
    let frame = asking(channel, json!({"deadline": deadline.to_rfc3339()}));
    let sent = ana.ask(frame.clone()).await;
    assert_eq!(sent["duplicate"], false);
    eventually("the deadline has passed", async || Utc::now() > deadline).await;
    let again = ana.ask(frame.clone()).await;
    assert_eq!((&again["duplicate"], &again["serverId"]), (&json!(true), &sent["serverId"]));
    let mut other = frame;
    other["instruction"] = json!({});
    ana.ask_refused(other, "conflict").await;
}
