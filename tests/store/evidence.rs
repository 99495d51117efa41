//! Evidence says what happened, and whatever is changed in it is found.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;
use tenfour::audit::evidence::Ask;
use tenfour::audit::evidence::check::{NoEvidence, Verdict, check};
use tenfour::audit::evidence::form::{Format, Scribe};
use tenfour::audit::evidence::source::{Source, SourceError};
use tenfour::audit::heads::Claims;
use tenfour::audit::{Claim, SigningKey};
use tenfour::domain::ids::ChannelId;
use tenfour::store::{Reader, Writer};
use uuid::Uuid;

use crate::audit::busy;
use crate::kit::*;

cases! {
    what_happened_is_told_and_holds,
    a_part_holds_by_itself_and_says_nothing_of_what_is_outside_of_it,
    whatever_is_changed_in_it_is_found,
    a_channel_that_is_not_there_has_none,
}

pub(crate) async fn export(reader: &Reader, ask: Ask, format: Format, key: bool) -> String {
    let key = key.then(|| Arc::new(SigningKey::of(&"07".repeat(32)).unwrap()));
    let (mut source, mut scribe) = (Source::open(reader.clone(), ask).await.unwrap(), Scribe::new(format, key));
    let mut text = scribe.begin();
    loop {
        let lines = source.next().await.unwrap();
        if lines.is_empty() {
            return text + &scribe.end();
        }
        text += &scribe.write(&lines);
    }
}

pub(crate) fn all(channel: ChannelId) -> Ask {
    Ask { channel, from: None, to: None }
}

fn judged(text: &str) -> Verdict {
    check(text, &Claims::default()).unwrap()
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn what_happened_is_told_and_holds(writer: Writer, reader: Reader) {
    let channel = busy(&writer, &reader).await;
    let text = export(&reader, all(channel), Format::Ndjson, true).await;
    let verdict = judged(&text);
    assert_eq!(verdict.faults, Vec::<String>::new());
    let version = reader.heads(vec![channel]).await.unwrap()[0].1;
    assert_eq!(i64::try_from(verdict.entries).unwrap(), version + 1);
    assert!(verdict.records > 3 && verdict.sealed_by.is_some());

    let told = lines(&text);
    assert_eq!(told[0]["findings"], serde_json::json!([]));
    let sent: Vec<&Value> = told.iter().filter(|line| line["kind"] == "sent").collect();
    assert_eq!((sent[1]["content"].as_str(), sent[1]["byName"].as_str()), (Some("line 1"), Some("bo")));
    assert_eq!(sent[1]["attachments"].as_array().map(Vec::len), Some(0), "let go of with its message");
    assert_eq!(sent[6]["attachments"].as_array().map(Vec::len), Some(2));
    let named = |line: &Value, field: &str| -> Vec<String> {
        line[field].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect()
    };
    let readers = |line: &Value| named(line, "readBy");
    // By bo up to 9, by cy up to 20, by ana up to 1; nobody has to read their own.
    assert_eq!([0, 1, 4, 15].map(|at| readers(sent[at])), [vec!["bo", "cy"], vec!["cy"], vec!["cy"], vec!["cy"]]);
    // By bo of the versions up to 4, and from 13 up to 30; by cy of those up to 11.
    let got = |version: i64| {
        let line = sent.iter().find(|line| line["version"] == version);
        line.map(|line| named(line, "receivedBy"))
    };
    let expected = |version: i64| match version {
        ..=4 => vec!["bo", "cy"],
        5..=11 => vec!["cy"],
        13..=30 => vec!["bo"],
        _ => vec![],
    };
    // Who has read it has received it.
    let got = |version: i64| {
        let line = sent.iter().find(|line| line["version"] == version)?;
        let read = named(line, "readBy");
        got(version).map(|names| names.into_iter().filter(|name| !read.contains(name)).collect::<Vec<_>>())
    };
    let mut looked_at = 0;
    for version in 1..40 {
        let Some(names) = got(version) else { continue };
        let line = sent.iter().find(|line| line["version"] == version).unwrap();
        let (all, read) = (named(line, "receivedBy"), named(line, "readBy"));
        assert!(read.iter().all(|name| all.contains(name)), "version {version}: {all:?}");
        let others =
            expected(version).into_iter().filter(|name| line["byName"] != *name && !read.iter().any(|it| it == name));
        assert!(names.iter().eq(others), "version {version}: {names:?}");
        looked_at += 1;
    }
    assert!(looked_at > 4, "{looked_at}");
    let members: Vec<&Value> = told.iter().filter(|line| line["type"] == "member").collect();
    let received = |name: &str| members.iter().find(|line| line["name"] == name).unwrap()["receivedVersion"].clone();
    assert_eq!(["bo", "cy", "eve"].map(received), [30.into(), 11.into(), Value::Null]);
    let edits: Vec<&str> =
        told.iter().filter(|line| line["kind"] == "edited").filter_map(|line| line["content"].as_str()).collect();
    assert_eq!(edits[..2], ["line 1!", "line 1!!"]);

    let page = export(&reader, all(channel), Format::Html, true).await;
    let verdict = judged(&page);
    assert_eq!((verdict.faults, verdict.sealed_by.is_some()), (Vec::new(), true));
    assert!(page.contains("line 1!!") && page.contains("cy (<time>"));
    let table = export(&reader, all(channel), Format::Csv, true).await;
    assert_eq!(table.matches("\r\n").count(), usize::try_from(version).unwrap() + 2);
    assert_eq!(check(&table, &Claims::default()).unwrap_err(), NoEvidence::Line(1));
}

async fn a_part_holds_by_itself_and_says_nothing_of_what_is_outside_of_it(writer: Writer, reader: Reader) {
    let channel = busy(&writer, &reader).await;
    let whole = lines(&export(&reader, all(channel), Format::Ndjson, false).await);
    let entries: Vec<&Value> = whole.iter().filter(|line| line["type"] == "entry").collect();
    let at = |n: usize| -> DateTime<Utc> { entries[n]["at"].as_str().unwrap().parse().unwrap() };
    let (from, to) = (at(10), at(25));
    let head = Claim {
        since: -1,
        version: whole[0]["trail"]["until"].as_i64().unwrap(),
        head: tenfour::domain::audit::Head(
            tenfour::domain::hex::unhex(whole[0]["trail"]["head"].as_str().unwrap()).unwrap().try_into().unwrap(),
        ),
    };
    for (from, to) in [(Some(from), Some(to)), (Some(from), None), (None, Some(to))] {
        let text = export(&reader, Ask { channel, from, to }, Format::Ndjson, false).await;
        let mut claims = Claims::default();
        claims.by_channel.insert(channel, vec![head]);
        let verdict = check(&text, &claims).unwrap();
        assert_eq!((verdict.faults, verdict.signed.0), (Vec::new(), Some(head.version)));
        let (first, last) = (if from.is_some() { 10 } else { 0 }, if to.is_some() { 25 } else { entries.len() });
        let told: Vec<Value> = lines(&text).into_iter().filter(|line| line["type"] == "entry").collect();
        let versions = |lines: Vec<&Value>| lines.iter().map(|line| line["version"].clone()).collect::<Vec<_>>();
        assert_eq!(versions(told.iter().collect()), versions(entries[first..last].to_vec()));
        assert_eq!(text.contains("after all"), to.is_none());
        assert_eq!(text.contains(r#""line 0""#), from.is_none());
    }
    // Nothing happened then, and the chain goes on from there.
    let later = Some(at(entries.len() - 1) + chrono::TimeDelta::hours(1));
    for format in [Format::Ndjson, Format::Html] {
        let text = export(&reader, Ask { channel, from: later, to: None }, format, true).await;
        assert_eq!((judged(&text).faults, judged(&text).entries), (Vec::new(), 0));
    }
}

async fn whatever_is_changed_in_it_is_found(writer: Writer, reader: Reader) {
    let channel = busy(&writer, &reader).await;
    // Without a seal, what is chained is found by the head; here that is what the file itself says.
    let text = export(&reader, all(channel), Format::Ndjson, false).await;
    let whole: Vec<&str> = text.lines().collect();
    let mut rng = fastrand::Rng::with_seed(7);
    let chained: Vec<usize> = (0..whole.len())
        .filter(|at| whole[*at].starts_with(r#"{"type":"entry"#) || whole[*at].starts_with(r#"{"type":"record"#))
        .collect();
    for _ in 0..400 {
        let mut changed: Vec<String> = whole.iter().map(|line| (*line).to_owned()).collect();
        let at = chained[rng.usize(..chained.len())];
        let what = match rng.u8(..4) {
            0 => {
                changed.remove(at);
                "removed"
            }
            1 => {
                let line = changed[at].clone();
                changed.insert(at, line);
                "doubled"
            }
            2 => {
                let line = changed.remove(at);
                let other = chained[rng.usize(..chained.len())].min(changed.len() - 1);
                // The two chains may stand in either order.
                if changed[other][..17] != line[..17] {
                    continue;
                }
                changed.insert(other, line);
                "moved"
            }
            _ => {
                let mut line: Value = serde_json::from_str(&changed[at]).unwrap();
                let fields: Vec<String> = line.as_object().unwrap().keys().cloned().collect();
                let field = &fields[rng.usize(..fields.len())];
                // Whom a name is of is not in the chain, and words that are missing were erased.
                if ["type", "byName", "readBy", "receivedBy", "attachments", "attachmentIds"].contains(&field.as_str())
                {
                    continue;
                }
                let value = match &line[field] {
                    Value::Number(number) => (number.as_i64().unwrap() + 1).into(),
                    Value::String(text) if field == "at" => text.replace('Z', "1Z").into(),
                    Value::String(text) if text.len() == 36 && Uuid::parse_str(text).is_ok() => {
                        Uuid::from_u128(rng.u128(..)).to_string().into()
                    }
                    Value::String(text) if text.len() == 64 => text.chars().rev().collect::<String>().into(),
                    Value::String(text) => format!("{text} ").into(),
                    _ => continue,
                };
                line[field] = value;
                changed[at] = line.to_string();
                "changed"
            }
        };
        let changed = changed.join("\n") + "\n";
        if changed == text {
            continue;
        }
        let found = check(&changed, &Claims::default());
        assert!(found.as_ref().map_or(true, |it| !it.faults.is_empty()), "{what}: {}\n{found:?}", whole[at]);
    }
    // A seal is of every byte; a page is what its lines say.
    for format in [Format::Ndjson, Format::Html] {
        let sealed = export(&reader, all(channel), format, true).await;
        for _ in 0..200 {
            let mut bytes = sealed.clone().into_bytes();
            let at = rng.usize(..bytes.len());
            bytes[at] = if bytes[at] == b'a' { b'b' } else { b'a' };
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            let found = check(&changed, &Claims::default());
            assert!(found.as_ref().map_or(true, |it| !it.faults.is_empty()), "byte {at}: {found:?}");
        }
        assert_eq!(judged(&sealed).faults, Vec::<String>::new());
    }
}

async fn a_channel_that_is_not_there_has_none(_writer: Writer, reader: Reader) {
    let none = Source::open(reader, all(ChannelId(Uuid::now_v7()))).await;
    assert!(matches!(none.err(), Some(SourceError::NoChannel)));
}
