//! What REST calls are asked with: queries and bodies.

use serde_json::Value;
use tenfour::domain::ids::{ChannelId, UserId};
use tenfour::http::query::Query;
use tenfour::protocol::error::ErrorCode;
use tenfour::protocol::rest::{CreateChannel, parse_add_body, parse_role_body, parse_update_body};

use super::{Target, outcome, seeds};

pub const QUERY: Target = Target {
    name: "query",
    check: query,
    seeds: || {
        seeds(&[
            "limit=50&before=7",
            "after=0198c0de-0000-7000-8000-000000000001&limit=1",
            "limit=1&limit=2",
            "before=%37&x=y",
            "hasAttachment=true&limit=2",
            "hasAttachment=fals%65",
            "after=9223372036854775807",
        ])
    },
    words: &["limit=", "before=", "after=", "&", "=", "%", "+", "%30", "200", "201", ";", "hasAttachment=true"],
    cost: 1,
};

fn query(data: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(data);
    let parsed = read(&text);
    // What nobody asks for changes nothing, wherever it stands.
    assert_eq!(read(&format!("zz=1&{text}")), parsed);
    if let Some((limit, before, _, flag)) = &parsed {
        let names = |name: &str| text.split('&').filter(|pair| pair.split('=').next() == Some(name)).count();
        match limit {
            Ok(limit) => assert!((1..=200).contains(limit) && names("limit") < 2, "{text}: {limit}"),
            Err(refusal) => assert!(refusal.contains("limit"), "{refusal}"),
        }
        match before {
            Ok(Some(seq)) => assert!(*seq >= 0),
            Ok(None) => assert_eq!(names("before"), 0, "{text}: not seen"),
            Err(refusal) => assert!(refusal.contains("before"), "{refusal}"),
        }
        match flag {
            Ok(Some(_)) => assert!(names("hasAttachment") < 2, "{text}"),
            Ok(None) => assert_eq!(names("hasAttachment"), 0, "{text}: not seen"),
            Err(refusal) => assert!(refusal.contains("hasAttachment"), "{refusal}"),
        }
    }
    outcome(&parsed)
}

type Told<T> = Result<T, String>;
type Read = (Told<usize>, Told<Option<i64>>, Told<Option<ChannelId>>, Told<Option<bool>>);

fn read(text: &str) -> Option<Read> {
    let query = Query::parse(text).ok()?;
    let limit = query.limit().map_err(|refusal| refusal.message);
    let before = query.seq("before").map_err(|refusal| refusal.message);
    let flag = query.flag("hasAttachment").map_err(|refusal| refusal.message);
    Some((limit, before, query.parsed("after").map_err(|refusal| refusal.message), flag))
}

/// The most members that a list may name here.
const MAX: usize = 3;

pub const BODIES: Target = Target {
    name: "bodies",
    check: bodies,
    seeds: || {
        seeds(&[
            r#"{"type":"group","name":" Dock ","memberIds":["a","b"]}"#,
            r#"{"type":"direct","userId":"a"}"#,
            r#"{"type":"direct","memberIds":["a","0198c0de-0000-7000-8000-000000000001"]}"#,
            r#"{"userIds":["a","b","c"]}"#,
            r#"{"role":"owner"}"#,
        ])
    },
    words: &["type", "group", "direct", "name", "memberIds", "userIds", "userId", "role", "owner", "admin", "member"],
    cost: 1,
};

fn bodies(data: &[u8]) -> u64 {
    let tree: Value = serde_json::from_slice(data).unwrap_or_default();
    for as_nobody in [false, true] {
        match CreateChannel::parse(data, MAX, as_nobody) {
            Ok(CreateChannel::Group { name, members }) => {
                assert_eq!(tree["type"], "group");
                assert_eq!(tree["name"].as_str().map(str::trim), Some(name.as_str()));
                assert!((1..=255).contains(&name.chars().count()) && !name.contains('\0'));
                assert!(members.len() <= MAX && members.len() == tree["memberIds"].as_array().map_or(0, Vec::len));
            }
            Ok(CreateChannel::DirectWith(user)) => {
                assert!(!as_nobody && tree["userId"] == user.external.as_str());
                assert_eq!(user.id, UserId::from_external(&user.external));
            }
            Ok(CreateChannel::DirectOf(users)) => {
                assert!(as_nobody);
                assert_eq!(tree["memberIds"], serde_json::json!(users.each_ref().map(|user| user.external.as_str())));
            }
            Err(refusal) => assert!(matches!(refusal.code, ErrorCode::InvalidJson | ErrorCode::InvalidFrame)),
        }
    }
    let added = parse_add_body(data, MAX);
    if let Ok(users) = &added {
        assert!((1..=MAX).contains(&users.len()));
        assert!(
            users
                .iter()
                .all(|user| (1..=255).contains(&user.external.chars().count()) && !user.external.contains('\0'))
        );
    }
    let role = parse_role_body(data);
    if role.is_ok() {
        assert!(["member", "admin", "owner"].iter().any(|word| tree["role"] == *word), "{tree}");
    }
    let renamed = parse_update_body(data);
    outcome(&(CreateChannel::parse(data, MAX, false), added.map(|users| users.len()), role, renamed.is_ok()))
}
