use serde_json::Value;
use uuid::Uuid;

use super::*;
use crate::domain::ids::{ClientId, MessageId};
use crate::domain::message::Message;
use crate::domain::retention::Retention;
use crate::domain::user::User;
use crate::domain::webhook::{Lane, Place};

fn ana() -> User {
    let user = crate::domain::user::UserRef::new("ana");
    User { id: user.id, external_id: Some("ana".to_owned()), name: "Ana".to_owned() }
}

fn channel() -> Title {
    Title { id: ChannelId(Uuid::from_u128(3)), kind: ChannelKind::Group, name: Some("Dock".to_owned()) }
}

fn at() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap()
}

fn message(content: &str) -> Box<Message> {
    Box::new(Message {
        id: MessageId(Uuid::from_u128(4)),
        client_id: ClientId(Uuid::from_u128(5)),
        channel_id: channel().id,
        sender_id: ana().id,
        sender_name: "Ana".to_owned(),
        seq: 1,
        version: 2,
        content: content.to_owned(),
        content_type: "text".to_owned(),
        reply_to_id: None,
        attachments: Vec::new(),
        mention_ids: Vec::new(),
        reactions: Vec::new(),
        instruction: None,
        touched: false,
        created_at: at(),
        updated_at: None,
        deleted_at: None,
    })
}

fn happened(kind: EventKind, about: About) -> Happened {
    let (lane, place) = (Lane::Channel(channel().id), Place::Version(1));
    Happened { kind, lane, place, at: at(), by: Some(ana().id), about, users: vec![ana()] }
}

fn told(event: &Happened) -> Value {
    serde_json::from_slice(&encode(event).unwrap()).unwrap()
}

/// One of each kind.
fn all() -> Vec<Happened> {
    let news = |kind| match kind {
        EventKind::ChannelCreated => ChannelNews::Created(vec![(ana().id, Role::Owner)]),
        EventKind::ChannelRenamed => ChannelNews::Renamed("Yard".to_owned()),
        EventKind::ChannelSettings => ChannelNews::Retention(Retention { days: Some(30), legal_hold: false }),
        EventKind::MemberAdded => ChannelNews::Added(vec![ana().id]),
        EventKind::MemberRemoved => ChannelNews::Removed { user: ana().id, heir: None },
        _ => ChannelNews::Role { user: ana().id, role: Role::Admin },
    };
    let about = |kind: EventKind| match kind.as_str().split_once('.').unwrap().0 {
        "message" | "reaction" | "instruction" => {
            About::Message { channel: channel(), message: message("hello"), reaction: None }
        }
        "user" => About::Presence,
        _ if kind == EventKind::ChannelRead => About::Read { channel: channel(), seq: 1 },
        _ => About::Channel { channel: channel(), news: news(kind) },
    };
    EventKind::ALL.iter().map(|kind| happened(*kind, about(*kind))).collect()
}

#[test]
fn each_event_says_its_name_when_it_happened_and_who_is_named_in_it() {
    for event in all() {
        let told = told(&event);
        assert_eq!(told["type"], event.kind.as_str());
        assert_eq!(told["timestamp"], "2023-11-14T22:13:20.000Z", "{told}");
        assert_eq!(told["data"]["users"][0]["externalId"], "ana", "{told}");
        if !matches!(event.kind, EventKind::UserOnline | EventKind::UserOffline) {
            assert_eq!(told["data"]["channel"]["type"], "group", "{told}");
        }
    }
}

#[test]
fn a_setting_that_did_not_change_is_missing() {
    let news = ChannelNews::Revisions(Audience::Members);
    let shown = told(&happened(EventKind::ChannelSettings, About::Channel { channel: channel(), news }));
    assert_eq!(shown["data"]["revisionsVisibleTo"], "members");
    assert!(shown["data"].get("retention").is_none(), "{shown}");
}

#[test]
fn what_is_too_long_is_told_by_its_head() {
    let short = About::Message { channel: channel(), message: message(&"a".repeat(16_000)), reaction: None };
    let short = told(&happened(EventKind::MessageSent, short));
    assert_eq!(short["data"]["message"]["content"].as_str().unwrap().len(), 16_000);
    assert!(short["data"].get("truncated").is_none());
    // Each of these takes six bytes in JSON.
    let long = About::Message { channel: channel(), message: message(&"\u{1}".repeat(16_000)), reaction: None };
    let event = happened(EventKind::MessageSent, long);
    let bytes = encode(&event).unwrap();
    assert!(bytes.len() < 1000, "{}", bytes.len());
    let long = told(&event);
    assert_eq!((&long["data"]["truncated"], &long["data"]["message"]["content"]), (&true.into(), &"".into()));
    assert_eq!(long["data"]["message"]["seq"], 1);
}

#[test]
fn parts_that_do_not_belong_together_are_no_event() {
    assert_eq!(encode(&happened(EventKind::MessageSent, About::Presence)), None);
    let about = About::Message { channel: channel(), message: message("hello"), reaction: None };
    assert_eq!(encode(&happened(EventKind::UserOnline, about)), None);
}

#[test]
fn a_test_says_which_webhook_it_is_of() {
    let id = WebhookId(Uuid::from_u128(8));
    let told: Value = serde_json::from_slice(&encode_test(id, at()).unwrap()).unwrap();
    assert_eq!((&told["type"], &told["data"]["webhookId"]), (&"webhook.test".into(), &id.to_string().into()));
}
