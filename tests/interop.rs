//! Two clients of strangers, one in Python and one in Node, talk to the daemon and to each other at the same time.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

#[path = "support/interop.rs"]
mod clients;
#[path = "admin/started.rs"]
mod started;

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use started::Started;
use tokio_tungstenite::tungstenite::{Message, protocol::CloseFrame};

/// How many messages each of them sends.
const SENDS: usize = 24;

fn run(name: &'static str, mut command: Command) -> tokio::task::JoinHandle<Output> {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child =
        child.unwrap_or_else(|error| panic!("{name} cannot be run ({error}); run scripts/test, which sees to it"));
    tokio::task::spawn_blocking(move || child.wait_with_output().unwrap())
}

#[actix_web::test]
async fn a_python_and_a_node_client_talk_lose_their_lines_and_miss_nothing() {
    let daemon = Started::new().await;
    let channel = daemon.group(&["python", "node"]).await;
    let prepare = |mut command: Command, sub: &str| {
        let sends = SENDS.to_string();
        command.args([&daemon.ws_url(), &daemon.token(sub, None), &channel.to_string()]);
        command.args(["--send", &sends, "--expect", &sends, "--seconds", "60"]);
        command
    };
    let python = run("python", prepare(clients::python(), "python"));
    let node = run("node", prepare(clients::node(), "node"));
    let (python, node) = tokio::join!(python, node);
    let outputs = [("python", python.unwrap()), ("node", node.unwrap())];
    // Who waits in vain for the other one is not the one who went wrong.
    let said = outputs.each_ref().map(|(name, output)| format!("{name}: {}", String::from_utf8_lossy(&output.stderr)));
    for (name, output) in outputs {
        assert!(output.status.success(), "{name} is not content; {said:?}");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            (&report["client"], &report["sent"], &report["received"], &report["lastSeq"]),
            (&json!(name), &json!(SENDS), &json!(SENDS), &json!(2 * SENDS)),
            "{report}"
        );
    }
    daemon.shown_where("/admin/presence", "nobody", |shown| shown["total"] == 0).await;
    daemon.stop().await;
}

/// Clients that wait for the end of the connection, as they should, are not kept waiting.
#[actix_web::test]
async fn a_goodbye_that_was_answered_ends_the_connection_at_once() {
    let daemon = Started::new().await;
    let url = format!("{}?token={}", daemon.ws_url(), daemon.token("ana", None));
    let mut quickest = Duration::MAX;
    for _ in 0..3 {
        let (mut socket, _) = tokio_tungstenite::connect_async(&url).await.unwrap();
        assert!(matches!(socket.next().await, Some(Ok(Message::Text(_)))), "hello");
        let asked = Instant::now();
        socket.send(Message::Close(Some(CloseFrame { code: 1000.into(), reason: "".into() }))).await.unwrap();
        let answer = socket.next().await;
        let Some(Ok(Message::Close(Some(frame)))) = answer else { panic!("no close frame, but {answer:?}") };
        assert_eq!(u16::from(frame.code), 1000);
        assert!(socket.next().await.is_none(), "nothing comes after it");
        quickest = quickest.min(asked.elapsed());
    }
    assert!(quickest < Duration::from_millis(300), "{quickest:?}");
    daemon.stop().await;
}
