//! Every example of docs/protocol.md, acted out against a daemon: what the document sends is sent, and what it shows
//! must come, with the same fields, types and values.

#![allow(clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "a test stops at the first surprise")]

mod bindings;
mod document;
mod play;

use std::collections::BTreeSet;

use document::{Section, What};
use play::Play;

/// Sections whose calls the daemon does not serve yet. They are read but not acted out.
const WAITING: &[&str] = &[
    "REST",
    "Creating a channel",
    "Reading channels",
    "Members and roles",
    "Messages over REST",
    "Reading history",
    "Marking as read over REST",
];

/// Every frame of the wire: each has an example.
const SENT: &[&str] = &["message", "edit", "delete", "typing", "read", "sync", "auth", "ping"];
const GOT: &[&str] = &[
    "hello",
    "ack",
    "message",
    "message_updated",
    "message_deleted",
    "typing",
    "typing_stopped",
    "presence",
    "read",
    "channel",
    "channel_removed",
    "members",
    "sync",
    "sync_complete",
    "ok",
    "pong",
    "error",
    "goaway",
];

fn sections() -> Vec<Section> {
    document::parse(include_str!("../../docs/protocol.md"))
}

#[tokio::test]
async fn every_example_is_what_the_daemon_does() {
    let mut play = Play::new().await;
    for section in sections() {
        if !WAITING.contains(&section.title.as_str()) {
            play.act(&section).await;
        }
    }
    assert!(play.wrong.is_empty(), "the document and the daemon differ:\n{}", play.wrong.join("\n"));
    assert!(play.examples > 50, "only {} examples were acted out", play.examples);
}

#[test]
fn every_frame_has_an_example() {
    let (mut sent, mut got) = (BTreeSet::new(), BTreeSet::new());
    for step in sections().iter().flat_map(|section| &section.steps) {
        let (words, text) = match &step.what {
            What::Sends { text, .. } => (&mut sent, text),
            What::Gets { text, .. } => (&mut got, text),
            _ => continue,
        };
        let frame: serde_json::Value = serde_json::from_str(text).unwrap();
        words.insert(frame["type"].as_str().unwrap().to_owned());
    }
    for (shown, all) in [(sent, SENT), (got, GOT)] {
        let missing: Vec<_> = all.iter().filter(|word| !shown.contains(**word)).collect();
        assert!(missing.is_empty(), "no example of {missing:?}");
    }
}

#[test]
fn what_waits_is_in_the_document() {
    let sections = sections();
    for title in WAITING {
        assert!(sections.iter().any(|section| section.title == *title), "there is no section {title:?}");
    }
}
