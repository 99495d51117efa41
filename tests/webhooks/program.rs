//! `tenfour webhook`, beside a daemon whose settings it has.

use serde_json::json;

use crate::daemon::{Setup, eventually};
use crate::host::{Host, QUICK};
use crate::process::{ProcessDaemon, command};
use crate::receiver::{Receiver, Reply};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// What it printed, or what it said was wrong.
fn run(database: &str, url: &str, arguments: &[&str]) -> Result<String, String> {
    let mut command = command(database, &[]);
    let (what, rest) = arguments.split_first().unwrap();
    command.args(["webhook", what, "--url", url]).args(rest).stdout(std::process::Stdio::piped());
    let output = command.output().unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    if output.status.success() { Ok(out) } else { Err(err) }
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_are_shown_tried_and_told_again_from_the_command_line() {
    let mut daemon = Setup::on_sqlite_file().lasting().start().await;
    let channel = daemon.group(&["ana"]).await.to_string();
    daemon.stop().await;
    let receiver = Receiver::start().await;
    let database = daemon.database();
    let own = [("TENFOUR_WEBHOOK_URL", receiver.url()), ("TENFOUR_WEBHOOK_SECRET", SECRET.to_owned())];
    let own = own.each_ref().map(|(name, value)| (*name, value.as_str()));
    let process = ProcessDaemon::start(&database, &[&QUICK[..], &own].concat());
    let url = format!("http://{}", process.addr);
    let told = |arguments: &[&str]| run(&database, &url, arguments);

    let listed = told(&["list"]).unwrap();
    assert!(listed.contains("active") && listed.contains(&receiver.addr.to_string()), "{listed}");
    assert!(!listed.contains(SECRET) && !listed.contains("/hook"), "{listed}");
    assert!(told(&["test"]).unwrap().starts_with("delivered: "));
    assert!(receiver.expect("webhook.test").await.is_signed_by(SECRET));
    let again = told(&["replay", "--channel", &channel]).unwrap();
    assert_eq!(again, "told again: 1 channels, users or events\n");
    receiver.expect("channel.created").await;

    receiver.answer(|_| Reply::Status(500));
    assert!(told(&["test"]).unwrap_err().contains("answered 500"));
    let host = Host::at(process.addr).acting_as("ana");
    let message = json!({"clientId": uuid::Uuid::new_v4(), "content": "a secret"});
    host.must("POST", &format!("/channels/{channel}/messages"), message).await;
    eventually("it is shown", async || told(&["list"]).unwrap().contains("failing")).await;
    let listed = told(&["list"]).unwrap();
    assert!(
        listed.contains("message.sent") && listed.contains("answered 500") && !listed.contains("a secret"),
        "{listed}"
    );

    // What is wrong is told.
    Host::at(process.addr).webhook_of("https://receiver.invalid/", json!(["message.sent"])).await;
    assert!(told(&["test"]).unwrap_err().contains("2 webhooks"));
    let unknown = "0198c0de-0000-7000-8000-00000000dead";
    assert!(told(&["replay", unknown, "--failed"]).unwrap_err().contains("404"));
    assert!(told(&["replay"]).unwrap_err().contains("--since"));
    assert!(run(&database, "http://127.0.0.1:1", &["list"]).unwrap_err().contains("--url"));
}
