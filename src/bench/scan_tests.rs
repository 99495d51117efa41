//! The scanner against what the daemon writes, and against the same read by a JSON parser.

use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Kind, Scanned, versions};
use crate::domain::ids::{ChannelId, ClientId, MessageId, UserId};
use crate::domain::message::{Message, Stored};
use crate::domain::now;
use crate::domain::sync::SyncPage;
use crate::protocol::error::{ErrorCode, Refusal};
use crate::protocol::server::{Ack, MessageBody, ServerFrame};

const CHANNEL: &str = "00000000-0000-0000-0000-000000000002";
const CLIENT: &str = "00000000-0000-0000-0000-000000000005";

fn message(content: &str, version: i64) -> Message {
    Message {
        id: MessageId(Uuid::from_u128(1)),
        client_id: ClientId(Uuid::from_u128(5)),
        channel_id: ChannelId(Uuid::from_u128(2)),
        sender_id: UserId(Uuid::from_u128(3)),
        sender_name: r#"a "name", {}"#.to_owned(),
        seq: version,
        version,
        content: content.to_owned(),
        content_type: "text".to_owned(),
        reply_to_id: None,
        attachments: Vec::new(),
        mention_ids: Vec::new(),
        reactions: Vec::new(),
        instruction: None,
        touched: false,
        created_at: now(),
        updated_at: None,
        deleted_at: None,
    }
}

fn frame(content: &str, version: i64, since: Option<i64>) -> Vec<u8> {
    let data = MessageBody::from(message(content, version));
    ServerFrame::Message { data: &data, since }.encode()
}

proptest! {
    #[test]
    fn a_message_is_read_whatever_it_says(content in ".*", version in 1_i64..i64::MAX, since in any::<Option<i64>>()) {
        let bytes = frame(&content, version, since);
        for (scanned, whole) in [(Scanned::quickly(&bytes), false), (Scanned::wholly(&bytes), true)] {
            let scanned = scanned.unwrap();
            prop_assert_eq!(scanned.kind, Kind::Message);
            prop_assert_eq!(scanned.version, Some(version));
            prop_assert_eq!(scanned.client_id, Some(CLIENT.as_bytes()));
            prop_assert_eq!(scanned.channel_id, Some(CHANNEL.as_bytes()));
            prop_assert_eq!(scanned.since, since.filter(|_| whole));
        }
    }

    /// Anything is read as a parser reads it, or refused; nothing panics.
    #[test]
    fn what_is_torn_or_odd_is_refused(content in ".*", cut in 0_usize..700, bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        let whole = frame(&content, 7, None);
        let torn = &whole[..cut.min(whole.len() - 1)];
        prop_assert_eq!(Scanned::wholly(torn), None);
        let _ = (Scanned::quickly(&bytes), Scanned::wholly(&bytes), versions(&bytes));
    }

    #[test]
    fn any_order_of_fields_will_do(order in Just(vec![
        r#""type" : "message""#, r#""since":3"#, r#""x":[{"version":9},"]\"",{}]"#, r#""y":{"a":{"version":8}}"#,
        r#""data":{"content":"\"version\":1,","version": 5 ,"z":null,"channelId":"c","clientId":"i"}"#, r#""empty":{}"#,
    ]).prop_shuffle()) {
        let text = format!("{{{}}}", order.join(","));
        prop_assert!(serde_json::from_str::<Value>(&text).is_ok());
        let scanned = Scanned::wholly(text.as_bytes()).unwrap();
        prop_assert_eq!((scanned.kind, scanned.version, scanned.since), (Kind::Message, Some(5), Some(3)));
        prop_assert_eq!((scanned.channel_id, scanned.client_id), (Some(&b"c"[..]), Some(&b"i"[..])));
    }
}

#[test]
fn acks_and_errors_are_read() {
    let stored = Stored {
        id: MessageId(Uuid::from_u128(1)),
        channel_id: ChannelId(Uuid::from_u128(2)),
        seq: 3,
        version: 4,
        created_at: now(),
        attachments: Vec::new(),
        instruction: None,
    };
    let ack = Ack::new(ClientId(Uuid::from_u128(5)), &stored, false);
    let bytes = ServerFrame::Ack { ack, reference: None }.encode();
    let scanned = Scanned::quickly(&bytes).unwrap();
    assert_eq!((scanned.kind, scanned.version), (Kind::Ack, Some(4)));
    assert_eq!(scanned.client_id, Some(CLIENT.as_bytes()));

    let refusal = Refusal::new(ErrorCode::RateLimited, "too fast".to_owned());
    let bytes = ServerFrame::error(&refusal, Some(ClientId(Uuid::from_u128(5))), None).encode();
    let scanned = Scanned::quickly(&bytes).unwrap();
    assert_eq!((scanned.kind, scanned.code), (Kind::Error, Some(&b"rate_limited"[..])));
    assert_eq!(scanned.client_id, Some(CLIENT.as_bytes()));
}

#[test]
fn a_page_of_a_sync_gives_its_versions_in_order() {
    let messages = vec![message("]}\"[", 11), message("\\", 12), message("", 14)];
    let page = SyncPage { messages, version: 14, has_more: true, reset: false, member_ids: Vec::new(), received: 0 };
    let bytes = ServerFrame::sync(ChannelId(Uuid::from_u128(2)), page, None).encode();
    let scanned = Scanned::quickly(&bytes).unwrap();
    assert_eq!((scanned.kind, scanned.version, scanned.has_more, scanned.reset), (Kind::Sync, Some(14), true, false));
    assert_eq!(versions(scanned.messages.unwrap()), Some(vec![11, 12, 14]));
    assert_eq!(versions(b"[]"), Some(Vec::new()));
    assert_eq!(versions(b"[{\"id\":1}]"), None);
}

#[test]
fn every_type_with_a_place_in_the_sequence_is_known() {
    for (name, kind) in [
        ("message_updated", Kind::Change),
        ("message_deleted", Kind::Change),
        ("members", Kind::Change),
        ("channel", Kind::Change),
        ("hello", Kind::Hello),
        ("goaway", Kind::Goaway),
        ("sync_complete", Kind::SyncComplete),
        ("presence", Kind::Other),
        ("typing", Kind::Other),
    ] {
        let bytes = json!({ "type": name, "version": 3 }).to_string();
        let scanned = Scanned::quickly(bytes.as_bytes()).unwrap();
        assert_eq!((scanned.kind, scanned.version), (kind, Some(3)), "{name}");
    }
}
