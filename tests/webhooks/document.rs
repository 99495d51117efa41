//! docs/webhooks.md shows each event as it is posted: the same fields, of the same kinds.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tenfour::domain::webhook::EventKind;

use crate::daemon::{Setup, eventually, id_of};
use crate::host::{Host, quick};
use crate::receiver::Receiver;
use crate::story;

/// By type. A block of JSON whose fence also says `event` is one.
fn shown() -> BTreeMap<String, Vec<Value>> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/webhooks.md")).unwrap();
    let mut shown: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for block in text.split("```json event\n").skip(1) {
        let block = block.split("```").next().unwrap();
        let event: Value = serde_json::from_str(block).unwrap_or_else(|error| panic!("{error} in {block}"));
        shown.entry(event["type"].as_str().unwrap().to_owned()).or_default().push(event);
    }
    shown
}

/// Where two values are not of one form. Of lists only the first entries are looked at.
fn differences(at: &str, shown: &Value, real: &Value) -> Vec<String> {
    match (shown, real) {
        (Value::Object(shown), Value::Object(real)) => {
            let names: std::collections::BTreeSet<&String> = shown.keys().chain(real.keys()).collect();
            let one = |name: &String| match (shown.get(name), real.get(name)) {
                (Some(shown), Some(real)) => differences(&format!("{at}.{name}"), shown, real),
                (shown, _) => vec![format!("{at}.{name} is {} only", if shown.is_some() { "shown" } else { "real" })],
            };
            names.into_iter().flat_map(one).collect()
        }
        (Value::Array(shown), Value::Array(real)) => match (shown.first(), real.first()) {
            (Some(shown), Some(real)) => differences(&format!("{at}[0]"), shown, real),
            _ => Vec::new(),
        },
        (Value::Null, _) | (_, Value::Null) => Vec::new(),
        (shown, real) if std::mem::discriminant(shown) == std::mem::discriminant(real) => Vec::new(),
        (shown, real) => vec![format!("{at}: shown {shown}, real {real}")],
    }
}

#[tokio::test]
async fn each_event_is_shown_as_it_is() {
    let daemon = Setup::in_memory().with(quick).start().await;
    let (host, receiver) = (Host::at(daemon.addr()), Receiver::start().await);
    let webhook = host.webhook(&receiver).await;
    story::act(&host, &receiver).await;
    daemon.connect("ana").await.close().await;
    eventually("she is gone", async || !daemon.parts().online.has(id_of("ana"))).await;
    host.must("POST", &format!("/webhooks/{}/test", webhook.id), Value::Null).await;
    receiver.expect("user.offline").await;
    receiver.expect("webhook.test").await;
    let (shown, real) = (shown(), receiver.taken());
    let mut wrong = Vec::new();
    let kinds = EventKind::ALL.iter().map(|kind| kind.as_str()).chain(["webhook.test"]);
    for kind in kinds {
        let Some(examples) = shown.get(kind) else {
            wrong.push(format!("{kind} is not shown"));
            continue;
        };
        let came = real.iter().filter(|got| got.kind() == kind).map(|got| &got.body);
        // Each that came is like one that is shown.
        for event in came {
            let best = examples.iter().map(|shown| differences(kind, shown, event)).min_by_key(Vec::len).unwrap();
            wrong.extend(best.into_iter().map(|what| format!("{what} in {event}")));
        }
        assert!(real.iter().any(|got| got.kind() == kind), "{kind} did not come");
    }
    let unknown = shown.keys().filter(|kind| kind.parse::<EventKind>().is_err() && *kind != "webhook.test");
    wrong.extend(unknown.map(|kind| format!("{kind} is no event")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn two_forms_are_told_apart() {
    let shown = json!({"a": 1, "b": [{"c": "x"}], "d": null});
    assert_eq!(differences("", &shown, &json!({"a": 2, "b": [{"c": "y"}, {}], "d": 1})), [""; 0]);
    assert_eq!(differences("", &shown, &json!({"a": "2", "b": [], "d": null})).len(), 1);
    assert_eq!(differences("", &shown, &json!({"a": 1, "b": [{"c": 1}], "e": 1})).len(), 3);
}
