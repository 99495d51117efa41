//! Two clients of strangers, one in Python and one in Node, talk to the daemon and to each other at the same time.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

#[path = "support/interop.rs"]
mod clients;
#[path = "admin/started.rs"]
mod started;

use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use started::Started;

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
    for (name, client) in [("python", python), ("node", node)] {
        let output = client.await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name} is not content: {said}");
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
