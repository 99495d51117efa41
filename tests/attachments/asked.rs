//! Who may download, look at and discard what, and when.

use serde_json::{Value, json};

use crate::yard::{Yard, text};

on_each_database!(each_asker_is_answered_as_the_table_says, who_was_removed_gets_nothing_more, hosts_do_not_upload);

/// Everybody who might ask.
const ASKERS: [&str; 7] = ["ben", "ann", "cem", "stan", "host", "host as cem", "host as stan"];

async fn each_asker_is_answered_as_the_table_says(yard: Yard) {
    for (state, expected) in [
        // ben has uploaded it: ann owns the channel, cem is in it, stan is not.
        ("unused", [200, 404, 404, 404, 404, 404, 404]),
        ("used", [200, 200, 200, 404, 200, 200, 404]),
        ("deleted", [404, 404, 404, 404, 404, 404, 404]),
        ("discarded", [404, 404, 404, 404, 404, 404, 404]),
        ("nowhere", [404, 404, 404, 404, 404, 404, 404]),
    ] {
        let id = if state == "nowhere" { tenfour::domain::ids::new_v7().to_string() } else { yard.id("ben").await };
        match state {
            "used" => drop(yard.hang("ben", &[&id]).await),
            "deleted" => {
                let message = yard.hang("ben", &[&id]).await;
                yard.call("ann", "DELETE", &format!("/messages/{}", text(&message["id"])), &[], Vec::new())
                    .await
                    .is(200);
            }
            "discarded" => {
                yard.call("ben", "DELETE", &format!("/attachments/{id}"), &[], Vec::new()).await.is(204);
            }
            _ => {}
        }
        for (who, status) in ASKERS.iter().zip(expected) {
            for method in ["GET", "HEAD"] {
                let answer = yard.call(who, method, &format!("/attachments/{id}"), &[], Vec::new()).await;
                assert_eq!(answer.status, status, "{method} of what is {state} by {who}");
            }
        }
    }
}

#[tokio::test]
async fn only_the_uploader_discards_and_only_what_is_in_no_message() {
    let yard = Yard::on_sqlite().await;
    let discard = async |who: &str, id: &str| {
        yard.call(who, "DELETE", &format!("/attachments/{id}"), &[], Vec::new()).await.status
    };
    let id = yard.id("ben").await;
    for (who, status) in [("ann", 404), ("stan", 404), ("host", 403), ("host as ann", 404), ("ben", 204), ("ben", 404)]
    {
        assert_eq!(discard(who, &id).await, status, "{who}");
    }
    let used = yard.id("ben").await;
    yard.hang("ben", &[&used]).await;
    for (who, status) in [("ann", 404), ("ben", 409)] {
        assert_eq!(discard(who, &used).await, status, "{who}");
    }
    assert_eq!(discard("ben", "no-id").await, 404);
    yard.get("ben", &used).await;
}

async fn who_was_removed_gets_nothing_more(yard: Yard) {
    let id = yard.id("ben").await;
    yard.hang("ben", &[&id]).await;
    assert_eq!(yard.get("cem", &id).await.status, 200);
    yard.remove("cem").await;
    yard.remove("ben").await;
    for who in ["cem", "ben"] {
        yard.get(who, &id).await.refuses(404, "not_found", &[]);
    }
    assert_eq!(yard.get("ann", &id).await.status, 200);
    // Nor do they hang anything there: it stays their own.
    let late = yard.id("ben").await;
    yard.send("ben", &crate::yard::message(&[&late])).await.refuses(404, "not_found", &[]);
    assert_eq!((yard.get("ben", &late).await.status, yard.get("ann", &late).await.status), (200, 404));
}

#[tokio::test]
async fn a_file_that_cannot_be_had_does_not_show_who_is_in_a_channel() {
    for yard in [Yard::on_sqlite().await, Yard::on_postgres().await] {
        let theirs = yard.id("ben").await;
        let body = crate::yard::message(&[&theirs]).to_string().into_bytes();
        for channel in [yard.channel.to_string(), tenfour::domain::ids::new_v7().to_string()] {
            let path = format!("/channels/{channel}/messages");
            yard.call("stan", "POST", &path, &[], body.clone()).await.refuses(404, "not_found", &["no such channel"]);
        }
    }
}

async fn hosts_do_not_upload(yard: Yard) {
    yard.upload("host", "a", b"content").await.refuses(403, "forbidden", &["Tenfour-User"]);
    let file = yard.file("host as ben", "a", b"content").await;
    let message = yard.hang("ben", &[&text(&file["id"])]).await;
    assert_eq!(message["attachments"], json!([file]));
    let none = yard.call("ben", "POST", "/attachments?name=a&name=b", &[], b"x".to_vec()).await;
    none.refuses(422, "invalid_frame", &["name", "twice"]);
    assert_eq!(yard.history("ann").await[0]["attachments"][0]["size"], Value::from(7));
}

#[tokio::test]
async fn a_daemon_without_a_place_for_them_says_so() {
    let yard = Yard::with(crate::daemon::Setup::in_memory(), |config| {
        config.attachments = Some(tenfour::config::AttachmentPlace::Off);
    })
    .await;
    yard.upload("ben", "a", b"content").await.refuses(404, "not_found", &["no attachments"]);
    let some = tenfour::domain::ids::new_v7().to_string();
    yard.send("ben", &crate::yard::message(&[&some])).await.refuses(422, "invalid_frame", &["attachmentIds", &some]);
}
