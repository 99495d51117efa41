//! Bugs in what clients are told and answered: each shows at the promise that it is named after.

use serde_json::{Value, json};
use tenfour::domain::ids::ChannelId;
use tenfour::fault::{Part, Sabotage};
use uuid::Uuid;

use crate::daemon::id_of;
use crate::faulty::{Faulty, Ground, in_time};
use crate::place::Kind;
use crate::process::token;
use crate::socket::{TestSocket, message, number, versions};

const TRIES: usize = 20;

async fn start(sabotage: Sabotage) -> (Ground, ChannelId, Faulty) {
    Ground::sabotaged(Kind::File, sabotage, &[]).await
}

/// One page of the answer to a sync.
async fn page(socket: &mut TestSocket, request: Value) -> Value {
    let mut pages = socket.sync(request).await;
    assert_eq!(pages.len(), 1, "{pages:?}");
    pages.remove(0)
}

#[tokio::test]
async fn the_retry_of_a_stored_message_is_refused() {
    let (_ground, channel, mut daemon) =
        Ground::sabotaged(Kind::File, Sabotage::DedupeAfterAuthz, &[("TENFOUR_RATE_LIMIT", "1")]).await;
    let (mut ana, send) = (daemon.connect("ana").await, message(channel, "once", Uuid::new_v4()));
    let mut codes = Vec::new();
    for _ in 0..6 {
        codes.push(ana.ask(send.clone()).await["code"].clone());
    }
    assert!(codes.contains(&json!("rate_limited")), "{codes:?}");
    daemon.heal(Sabotage::DedupeAfterAuthz);
    for _ in 0..6 {
        assert_eq!(ana.ask(send.clone()).await["duplicate"], true);
    }
}

#[tokio::test]
async fn an_ack_of_a_retry_has_other_numbers() {
    let (_ground, channel, daemon) = start(Sabotage::AckWrongDuplicate).await;
    let (mut ana, client_id) = (daemon.connect("ana").await, Uuid::new_v4());
    let first = ana.send_as(channel, "once", client_id).await;
    let second = ana.send_as(channel, "once", client_id).await;
    assert_eq!(second["duplicate"], true);
    for field in ["seq", "version"] {
        assert_ne!(first[field], second[field], "{field}");
    }
}

#[tokio::test]
async fn a_session_misses_what_is_said_while_it_joins() {
    let (_ground, channel, daemon) = start(Sabotage::SubscribeAfterSnapshot).await;
    let mut ana = daemon.connect("ana").await;
    let talking = tokio::spawn(async move {
        for number in 0.. {
            ana.send_message(channel, &format!("{number}")).await;
        }
    });
    for _ in 0..TRIES {
        let mut bo = daemon.connect("bo").await;
        let seen = number(&bo.channel(channel)["version"]);
        let (since, _) = versions(&bo.expect("message").await, channel).unwrap();
        if since > seen + 1 {
            return talking.abort();
        }
    }
    panic!("nothing was missed in {TRIES} joins");
}

#[tokio::test]
async fn a_slow_reader_misses_frames_and_stays() {
    const SENDS: usize = 1200;
    let settings = [("TENFOUR_OUTBOX_BYTES", "65536")];
    let (_ground, channel, daemon) = Ground::sabotaged(Kind::File, Sabotage::DropOldestOnOverflow, &settings).await;
    let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
    let large = "x".repeat(16_000);
    for _ in 0..SENDS {
        ana.send_message(channel, &large).await;
    }
    let (mut last, mut missed) = (0, 0);
    while last < i64::try_from(SENDS).unwrap() {
        if let Some((since, version)) = versions(&bo.next().await, channel) {
            missed += since - last - 1;
            last = version;
        }
    }
    assert!(missed > 0);
    bo.ask(json!({"type": "ping"})).await;
}

#[tokio::test]
async fn who_was_removed_goes_on_reading_and_writing() {
    let (_ground, channel, daemon) = start(Sabotage::MembershipCached).await;
    let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
    let url = format!("http://{}/api/v1/channels/{channel}/members/{}", daemon.addr, id_of("bo"));
    let removed = reqwest::Client::new().delete(url).bearer_auth(token("ana")).send().await.unwrap();
    assert!(removed.status().is_success(), "{removed:?}");
    assert_eq!(ana.expect("members").await["removed"], json!([id_of("bo")]));
    ana.send_message(channel, "not for Bo").await;
    bo.expect_text("not for Bo").await;
    bo.send_message(channel, "nor by him").await;
    ana.expect_text("nor by him").await;
}

#[tokio::test]
async fn a_deleted_message_is_served_as_it_was() {
    let (_ground, channel, daemon) = start(Sabotage::TombstoneLost).await;
    let mut ana = daemon.connect("ana").await;
    let id = ana.send_message(channel, "better not").await["serverId"].clone();
    ana.ask_ok(json!({"type": "delete", "messageId": id})).await;
    let log = ana.catch_up(channel, 0).await;
    assert_eq!((&log[0]["content"], &log[0]["deletedAt"]), (&json!("better not"), &json!(null)));
}

#[tokio::test]
async fn a_cursor_of_another_history_is_believed() {
    let (_ground, channel, daemon) = start(Sabotage::EpochIgnored).await;
    let mut ana = daemon.connect("ana").await;
    for text in ["one", "two"] {
        ana.send_message(channel, text).await;
    }
    let answer = page(&mut ana, json!({"channels": {channel.to_string(): 1}, "epoch": "another"})).await;
    assert_eq!((&answer["reset"], answer["messages"].as_array().unwrap().len()), (&json!(null), 1), "{answer}");
}

#[tokio::test]
async fn what_the_client_holds_comes_again() {
    let (_ground, channel, daemon) = start(Sabotage::CursorInclusive).await;
    let mut ana = daemon.connect("ana").await;
    for text in ["one", "two"] {
        ana.send_message(channel, text).await;
    }
    let answer = page(&mut ana, json!({"channels": {channel.to_string(): 1}})).await;
    assert_eq!(answer["messages"][0]["content"], "one", "{answer}");
}

#[tokio::test]
async fn sends_of_one_session_overtake_each_other() {
    const SENDS: usize = 20;
    let (_ground, channel, daemon) = start(Sabotage::SenderUnordered).await;
    let mut ana = daemon.connect("ana").await;
    let texts: Vec<String> = (0..SENDS).map(|number| number.to_string()).collect();
    for text in &texts {
        ana.send(&message(channel, text, Uuid::new_v4())).await;
    }
    let mut log = Vec::new();
    in_time("all sends in the log", async {
        while log.len() < SENDS {
            log = ana.catch_up(channel, 0).await.iter().map(|it| it["content"].as_str().unwrap().to_owned()).collect();
        }
    })
    .await;
    assert_ne!(log, texts);
    log.sort_by_key(|text| text.parse::<usize>().unwrap());
    assert_eq!(log, texts, "but each is there");
}

#[tokio::test]
async fn the_first_device_that_closes_takes_its_user_offline() {
    let (_ground, _, daemon) = start(Sabotage::PresenceBySet).await;
    let mut bo = daemon.connect("bo").await;
    let (one, mut other) = (daemon.connect("ana").await, daemon.connect("ana").await);
    assert_eq!(bo.expect("presence").await["status"], "online");
    one.close().await;
    let news = bo.expect("presence").await;
    assert_eq!((&news["userId"], &news["status"]), (&json!(id_of("ana")), &json!("offline")));
    other.ask(json!({"type": "ping"})).await;
}

#[tokio::test]
async fn a_room_that_panicked_is_dead_for_good() {
    let (_ground, channel, mut daemon) = start(Sabotage::RoomNotRespawned).await;
    let mut ana = daemon.connect("ana").await;
    ana.send_message(channel, "alive").await;
    daemon.panic(Part::Room);
    let (send, began) = (message(channel, "hello?", Uuid::new_v4()), std::time::Instant::now());
    while began.elapsed() < crate::nodes::LIVE {
        assert_eq!(ana.ask(send.clone()).await["code"], "unavailable");
    }
    assert!(daemon.log().contains("died; starting it anew"), "{}", daemon.log());
}

#[tokio::test]
async fn unread_is_counted_from_the_moment_of_reading() {
    for kind in [Kind::File, Kind::Postgres] {
        let (_ground, channel, mut daemon) = Ground::sabotaged(kind, Sabotage::UnreadByTimestamp, &[]).await;
        let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
        for text in ["one", "two", "three"] {
            ana.send_message(channel, text).await;
        }
        bo.ask_ok(json!({"type": "read", "channelId": channel, "seq": 1})).await;
        assert_eq!(daemon.connect("bo").await.channel(channel)["unread"], 0, "{kind:?}");
        ana.send_message(channel, "four").await;
        assert_eq!(daemon.connect("bo").await.channel(channel)["unread"], 1, "{kind:?}");
        daemon.heal(Sabotage::UnreadByTimestamp);
        assert_eq!(daemon.connect("bo").await.channel(channel)["unread"], 3, "{kind:?}");
    }
}
