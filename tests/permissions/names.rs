//! Nobody becomes another by choosing, as their own `sub`, the UUID that the other's id maps to.

use serde_json::{Value, json};
use tenfour::client::raw::Socket;

use crate::askers::plain;
use crate::daemon::{Setup, TestDaemon, id_of};
use crate::scene::host_token;
use crate::talk::Web;

/// A group of the host's making, whose member no token has named yet.
async fn group(daemon: &TestDaemon, member: &str) -> String {
    let web = Web::new(daemon.addr()).with(&host_token());
    web.make(json!({"type": "group", "name": "Dock 4", "memberIds": [member]})).await
}

/// What `GET /channels` answers to a token of this `sub`: the status, and the ids.
async fn channels(daemon: &TestDaemon, sub: &str) -> (String, Vec<String>) {
    let answer = Web::new(daemon.addr()).with(&plain(sub)).ask("GET", "/api/v1/channels", "").await;
    let body: Value = serde_json::from_str(&answer.text).unwrap();
    let ids = body["channels"].as_array().into_iter().flatten();
    (answer.word(), ids.map(|channel| channel["id"].as_str().unwrap().to_owned()).collect())
}

#[tokio::test]
async fn an_id_is_the_first_subs_also_where_its_name_is_no_news() {
    let daemon = Setup::in_memory().start().await;
    // A placeholder is called as the host calls it, and so is whoever's token says just that.
    let channel = group(&daemon, "rita").await;
    assert_eq!(channels(&daemon, "rita").await, ("200".to_owned(), vec![channel]));
    let thief = id_of("rita").to_string();
    assert_eq!(channels(&daemon, &thief).await, ("401".to_owned(), vec![]));
    let refused = Socket::connect(&daemon.url(), &plain(&thief)).await;
    assert!(refused.is_err_and(|error| error.to_string().contains("401")));
}

#[tokio::test]
async fn an_id_is_the_first_subs_also_where_that_came_by_a_socket() {
    let daemon = Setup::in_memory().start().await;
    group(&daemon, "rita").await;
    let mut socket = Socket::connect(&daemon.url(), &plain("rita")).await.unwrap();
    socket.recv_type("hello", crate::daemon::PATIENCE).await.unwrap();
    assert_eq!(channels(&daemon, &id_of("rita").to_string()).await.0, "401");
}
