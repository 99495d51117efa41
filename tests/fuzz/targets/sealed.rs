//! What nodes tell each other by Redis, and what somebody in between makes of it: nothing is taken that was not sealed.

use std::sync::Arc;

use chrono::Utc;
use parking_lot::RwLock;
use tenfour::bus::sealed::{Refused, Sealer};
use tenfour::bus::{Event, News};
use tenfour::cluster::{Key, NodeId, TAG_LEN};
use tenfour::domain::ids::{SessionId, UserId};
use tenfour::ephemeral::sealed::Lease;
use uuid::Uuid;

use super::{Taken, Target, outcome};

const TOPIC: &str = "a topic";

fn key() -> Key {
    Key::new(&[1; 32])
}

fn sealer() -> Sealer {
    Sealer::new(NodeId::random(), key(), Arc::new(RwLock::new("e".to_owned())))
}

/// First byte even: edits of what a node has sealed. Odd: a line and an event as a node of another release might seal them.
pub const EVENT: Target = Target {
    name: "sealed_event",
    check: event,
    seeds: event_seeds,
    words: &[
        "node",
        "count",
        "atMs",
        "epoch",
        "head",
        "kind",
        "typed",
        "committed",
        "changes",
        "added",
        "\n",
        "NOW",
        "NODE",
    ],
    cost: 1,
};

fn event(data: &[u8]) -> u64 {
    let mut taken = Taken(data);
    let forged = taken.byte() % 2 == 0;
    let (one, other) = (sealer(), sealer());
    if forged {
        let said = Event::Typed { user_id: UserId(Uuid::from_u128(1)), name: "Ana".to_owned() };
        let sealed = one.seal(TOPIC, &said).unwrap();
        let changed = edited(&sealed, &mut taken);
        let heard = other.open(TOPIC, &changed);
        if changed == sealed {
            assert_eq!(heard, Ok((one.node(), News::Event(said))));
            assert_eq!(other.open(TOPIC, &sealed), Err(Refused::Stale), "heard twice");
        } else {
            assert_eq!(heard, Err(Refused::Seal), "changed, and taken");
        }
        return outcome(&heard.map(|_| ()));
    }
    // The words stand for what is another each time.
    let node = NodeId::random();
    let text = String::from_utf8_lossy(taken.0).replace("NOW", &Utc::now().timestamp_millis().to_string());
    let text = text.replace("NODE", &node.to_string());
    let mut sealed = key().tag(&[TOPIC.as_bytes(), text.as_bytes()]).to_vec();
    sealed.extend_from_slice(text.as_bytes());
    let heard = other.open(TOPIC, &sealed);
    assert_ne!(heard, Err(Refused::Seal));
    if let Ok((from, _)) = &heard {
        assert!(text.contains(&from.to_string()) && text.contains("\"e\""), "taken without its header: {text}");
        assert_eq!(other.open(TOPIC, &sealed), Err(Refused::Stale), "heard twice");
    }
    assert_eq!(other.open("another topic", &sealed), Err(Refused::Seal));
    outcome(&heard.map(|(_, news)| news))
}

/// Pairs of a place and a change; a last single byte cuts that much off, or below 4 puts something behind.
fn edited(of: &[u8], taken: &mut Taken) -> Vec<u8> {
    let mut changed = of.to_vec();
    while !taken.is_empty() {
        let at = usize::from(taken.byte());
        if taken.is_empty() {
            match at {
                0..4 => changed.extend_from_slice(&b"0000"[at..]),
                _ => changed.truncate(changed.len().saturating_sub(at)),
            }
        } else {
            // Also in the tag, which is the smaller part.
            let at = if at % 2 == 0 { at % TAG_LEN } else { at };
            let place = at % changed.len().max(1);
            if let Some(byte) = changed.get_mut(place) {
                *byte ^= taken.byte();
            }
        }
    }
    changed
}

fn event_seeds() -> Vec<Vec<u8>> {
    const HEADER: &str = r#"{"node":"NODE","count":1,"atMs":NOW,"epoch":"e","head":7}"#;
    const ID: &str = "00000000-0000-0000-0000-000000000001";
    let mut seeds = vec![vec![0], vec![0, 5, 1], vec![0, 9, 128, 9, 128], vec![0, 3]];
    for event in [
        format!(r#"{{"kind":"typed","userId":"{ID}","name":"Ana"}}"#),
        format!(r#"{{"kind":"mark_moved","userId":"{ID}","seq":3,"at":"2026-01-01T00:00:00.000Z"}}"#),
        format!(r#"{{"kind":"added","channelId":"{ID}"}}"#),
        r#"{"kind":"committed","changes":[]}"#.to_owned(),
        format!(r#"{{"kind":"ask","ask":"{ID}","question":{{"of":1}}}}"#),
        r#"{"kind":"of_a_later_release"}"#.to_owned(),
    ] {
        seeds.push(format!("\u{1}{HEADER}\n{event}").into_bytes());
    }
    seeds
}

/// Edits of a lease's field and value, which somebody has put under a user.
pub const LEASE: Target = Target {
    name: "lease",
    check: lease,
    seeds: || vec![vec![0], vec![1], vec![0, 40, 1], vec![0, 3, 1, 80, 2], vec![0, 7]],
    words: &[],
    cost: 1,
};

fn lease(data: &[u8]) -> u64 {
    let mut taken = Taken(data);
    let kind = taken.byte();
    let (key, ana) = (key(), UserId(Uuid::from_u128(1)));
    let node = "0198c0de000070008000000000000001".parse().unwrap();
    let lease = Lease { node, session: SessionId(Uuid::from_u128(3)), ends_ms: 1_700_000_000_000 };
    let (field, value) = lease.seal(&key, ana);
    if kind % 2 == 1 {
        let other = UserId(Uuid::from_u128(2));
        assert_eq!(Lease::open(&key, other, &field, &value), None, "a lease of another user");
        assert_eq!(Lease::open(&Key::new(&[2; 32]), ana, &field, &value), None, "a lease of another cluster");
    }
    let whole = format!("{field}\n{value}");
    let changed = edited(whole.as_bytes(), &mut taken);
    let text = String::from_utf8_lossy(&changed);
    let Some((new_field, new_value)) = text.split_once('\n') else { return 1 };
    let opened = Lease::open(&key, ana, new_field, new_value);
    assert_eq!(opened.is_some(), (new_field, new_value) == (field.as_str(), value.as_str()), "{text:?}");
    assert!(opened.is_none_or(|opened| opened == lease));
    2 + u64::from(opened.is_some()) + 2 * (text.len() as u64)
}
