use chrono::DateTime;
use uuid::Uuid;

use super::*;
use crate::domain::webhook::{SigningSecret, Trouble};

fn webhook() -> Webhook {
    Webhook {
        id: WebhookId(Uuid::from_u128(1)),
        url: "https://app.example/hook".to_owned(),
        events: Events::ALL,
        secret: SigningSecret::new(vec![7; 32]).unwrap(),
        previous: None,
        disabled: None,
        origin: Origin::Api,
        created_at: at(0),
        paused_until: None,
        failing_since: None,
    }
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

#[test]
fn a_secret_is_in_the_one_answer_that_tells_it() {
    let secret = webhook().secret.expose();
    assert!(!text(&WebhookBody::new(webhook(), at(0))).contains("whsec_"));
    assert!(text(&WebhookWithSecret::new(webhook(), at(0))).contains(&secret));
}

#[test]
fn a_webhook_shows_what_it_is_told_and_how_it_stands() {
    let mut of = webhook();
    let shown = WebhookBody::new(of.clone(), at(0));
    assert_eq!((shown.events, shown.state, shown.reason), (vec!["*".to_owned()], WebhookState::Active, None));
    of.events = Events::only([EventKind::UserOnline]);
    of.disabled = Some("it answered 410".to_owned());
    of.previous = Some((of.secret.clone(), at(60)));
    let shown = WebhookBody::new(of.clone(), at(0));
    assert_eq!((shown.events, shown.state), (vec!["user.online".to_owned()], WebhookState::Disabled));
    assert_eq!(shown.previous_secret_until, Some(at(60)));
    assert_eq!(WebhookBody::new(of, at(60)).previous_secret_until, None);
}

#[test]
fn the_bodies_say_what_they_take() {
    let refused = |message: Result<(), Refusal>| message.unwrap_err().message;
    let create = |text: &str| NewWebhook::parse(text.as_bytes()).map(drop);
    let change = |text: &str| parse_change_body(text.as_bytes()).map(drop);
    let secret = |text: &str| parse_secret_body(text.as_bytes()).map(drop);
    let replay = |text: &str| parse_replay_body(text.as_bytes()).map(drop);
    let long = format!(r#"{{"url":"https://{}"}}"#, "x".repeat(MAX_URL));
    for (message, word) in [
        (refused(create("{}")), "url is missing"),
        (refused(create(&long)), "2000"),
        (refused(create(r#"{"url":"https://a.example","events":[]}"#)), "[\"*\"]"),
        (refused(create(r#"{"url":"https://a.example","events":[7]}"#)), "strings"),
        (refused(create(r#"{"url":"https://a.example","events":["message.send"]}"#)), "message.send"),
        (refused(create(r#"{"url":"https://a.example","events":["*","message.sent"]}"#)), "*"),
        (refused(change("{}")), "what is to change"),
        (refused(change(r#"{"state":"on"}"#)), "active or disabled"),
        (refused(secret(r#"{"previousValidSeconds":2592001}"#)), "2592000"),
        (refused(secret(r#"{"previousValidSeconds":-1}"#)), "previousValidSeconds"),
        (refused(replay("{}")), "one of"),
        (refused(replay(r#"{"failed":true,"since":"2026-01-31T12:00:00Z"}"#)), "one of"),
        (refused(replay(r#"{"since":"yesterday"}"#)), "RFC 3339"),
        (refused(replay(r#"{"channelId":"0198c0de-0000-7000-8000-000000000001"}"#)), "fromVersion"),
    ] {
        assert!(message.contains(word), "{message}");
    }
    assert_eq!(NewWebhook::parse(br#"{"url":"https://a.example"}"#).unwrap().events, Events::ALL);
    assert_eq!(parse_change_body(br#"{"events":["*"]}"#).unwrap().events, Some(Events::ALL));
    assert_eq!(parse_secret_body(b"{}"), Ok(TimeDelta::days(1)));
}

#[test]
fn what_fails_and_what_was_given_up_is_told_by_channel_or_user() {
    let (channel, user) = (ChannelId(Uuid::from_u128(5)), UserId(Uuid::from_u128(6)));
    let trouble = Trouble { error: "answered 500".to_owned(), unreachable: false };
    let failing = Failing {
        event_id: EventId(Uuid::from_u128(9)),
        event: "message.sent".to_owned(),
        attempts: 2,
        first_at: at(0),
        next_at: at(5),
        trouble,
    };
    let failure = |place| Failure {
        event_id: EventId(Uuid::from_u128(9)),
        event: "user.online".to_owned(),
        lane: Lane::User(user),
        place,
        at: at(0),
        first_at: at(1),
        failed_at: at(2),
        attempts: 10,
        error: "timed out".to_owned(),
        wanted: false,
    };
    let of_channel = Failure { lane: Lane::Channel(channel), ..failure(Place::Version(7)) };
    let all = Deliveries::new(vec![(Lane::Channel(channel), failing)], vec![failure(Place::Version(3)), of_channel]);
    assert_eq!(all.failing[0].id, "evt_00000000000000000000000000000009");
    assert_eq!((all.failing[0].channel_id, all.failing[0].user_id), (Some(channel), None));
    assert_eq!((all.failed[0].user_id, all.failed[0].version), (Some(user), None), "no version of a channel");
    assert_eq!((all.failed[1].channel_id, all.failed[1].version), (Some(channel), Some(7)));
}
