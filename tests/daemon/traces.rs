//! What becomes of a send, as a collector is told it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::{Span, status::StatusCode};
use prost::Message as _;
use reqwest::Client;
use serde_json::json;
use tenfour::domain::hex::hex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

use crate::daemon::{PATIENCE, Setup, TestDaemon, eventually};
use crate::socket::message;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// What a collector was told, as bytes and as spans.
#[derive(Clone, Default)]
struct Collected(Arc<Mutex<(Vec<u8>, Vec<Span>)>>);

impl Collected {
    fn spans(&self) -> Vec<Span> {
        self.0.lock().unwrap().1.clone()
    }

    fn take(&self, body: &[u8]) {
        let request = ExportTraceServiceRequest::decode(body).unwrap();
        let mut collected = self.0.lock().unwrap();
        collected.0.extend(body);
        for resource in request.resource_spans {
            let attributes = resource.resource.unwrap().attributes;
            assert!(
                attributes.iter().any(|it| it.key == "service.name" && text(it.value.as_ref().unwrap()) == "tenfour")
            );
            collected.1.extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
        }
    }

    /// All that belong to one send, once there are so many: the first is its `accept`.
    async fn trace(&self, of: impl Fn(&Span) -> bool, count: usize) -> Vec<Span> {
        let find = || {
            let spans = self.spans();
            let accept = spans.iter().find(|span| span.name == "accept" && of(span))?.clone();
            let rest =
                spans.into_iter().filter(|span| span.trace_id == accept.trace_id && span.span_id != accept.span_id);
            Some([accept.clone()].into_iter().chain(rest).collect::<Vec<_>>()).filter(|all| all.len() >= count)
        };
        eventually("its spans are told", async || find().is_some()).await;
        find().unwrap()
    }
}

fn text(value: &opentelemetry_proto::tonic::common::v1::AnyValue) -> String {
    match value.value.as_ref().unwrap() {
        Any::StringValue(text) => text.clone(),
        Any::IntValue(number) => number.to_string(),
        Any::BoolValue(truth) => truth.to_string(),
        other => panic!("{other:?}"),
    }
}

fn attribute(span: &Span, key: &str) -> Option<String> {
    span.attributes.iter().find(|it| it.key == key).map(|it| text(it.value.as_ref().unwrap()))
}

/// Takes requests, and answers each that all is well.
async fn collector() -> (SocketAddr, Collected) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (addr, collected) = (listener.local_addr().unwrap(), Collected::default());
    let told = collected.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(attend(stream, told.clone()));
        }
    });
    (addr, collected)
}

async fn attend(mut stream: TcpStream, told: Collected) {
    let mut read = Vec::new();
    loop {
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8(read[..end].to_vec()).unwrap().to_lowercase();
            assert!(head.starts_with("post /v1/traces "), "{head}");
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            let whole = end + 4 + length.parse::<usize>().unwrap();
            if read.len() >= whole {
                told.take(&read[end + 4..whole]);
                read.drain(..whole);
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
                continue;
            }
        }
        if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
            return;
        }
    }
}

async fn followed(addr: SocketAddr, ratio: f64) -> TestDaemon {
    let setup = Setup::in_memory().with(|config| {
        config.traces.endpoint = Some(format!("http://{addr}/"));
        config.traces.ratio = ratio;
    });
    setup.start().await
}

#[tokio::test]
async fn a_send_is_followed_from_its_acceptance_through_the_commit_into_the_outboxes() {
    let (addr, collected) = collector().await;
    let mut daemon = followed(addr, 1.0).await;
    let channel = daemon.group(&["ana", "bo", "cy"]).await;
    let (mut ana, mut bo, _cy) = (daemon.connect("ana").await, daemon.connect("bo").await, daemon.connect("cy").await);
    ana.send_message(channel, "canary, 4711").await;
    bo.expect_text("canary, 4711").await;
    let spans = collected.trace(|span| attribute(span, "tenfour.session.id").is_some(), 3).await;
    let named = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
    let (accept, commit, deliver) = (named("accept"), named("commit"), named("deliver"));
    assert!(accept.parent_span_id.is_empty() && spans.len() == 3, "{spans:#?}");
    assert_eq!(attribute(accept, "tenfour.session.id"), Some(ana.hello["sessionId"].as_str().unwrap().to_owned()));
    assert_eq!(accept.status.as_ref().unwrap().code(), StatusCode::Ok);
    for span in [accept, commit, deliver] {
        assert_eq!(attribute(span, "tenfour.channel.id"), Some(channel.to_string()), "{span:?}");
        assert_eq!(attribute(span, "tenfour.message.seq").as_deref(), Some("1"), "{span:?}");
        assert!(span.start_time_unix_nano <= span.end_time_unix_nano);
    }
    for child in [commit, deliver] {
        assert_eq!(child.parent_span_id, accept.span_id);
        assert!(child.start_time_unix_nano >= accept.start_time_unix_nano);
    }
    assert!(deliver.start_time_unix_nano >= commit.end_time_unix_nano);
    assert_eq!(attribute(deliver, "tenfour.sessions").as_deref(), Some("2"));
    assert_eq!(attribute(commit, "tenfour.batch.size").as_deref(), Some("1"));

    // A send that is refused, and one that the application's server follows itself.
    let elsewhere = tenfour::domain::ids::ChannelId(Uuid::now_v7());
    ana.ask_refused(message(elsewhere, "canary, 4711", Uuid::new_v4()), "not_found").await;
    let refused = collected.trace(|span| attribute(span, "error.type").as_deref() == Some("not_found"), 1).await;
    assert_eq!(refused[0].status.as_ref().unwrap().code(), StatusCode::Error);
    let url = format!("http://{}/api/v1/channels/{channel}/messages", daemon.addr());
    let body = json!({"clientId": Uuid::new_v4(), "content": "canary, 4711"}).to_string();
    let call = || Client::new().post(&url).header("traceparent", format!("00-{TRACE}-{PARENT}-01"));
    let host = daemon.token_with("host", "Host", Some("admin"), Duration::from_secs(60));
    let answer = call().bearer_auth(host).header("Tenfour-User", "bo").body(body).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    let called = collected.trace(|span| hex(&span.trace_id) == TRACE, 3).await;
    assert_eq!(hex(&called[0].parent_span_id), PARENT);
    // By the name that the answer has and the log.
    assert_eq!(attribute(&called[0], "tenfour.request.id").as_deref(), Some(TRACE));
    // A user is in no trace of somebody else's.
    let body = json!({"clientId": Uuid::new_v4(), "content": "canary, 4711"}).to_string();
    let answer = call().bearer_auth(daemon.user("bo").await).body(body).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    let third = |span: &Span| attribute(span, "tenfour.message.seq").as_deref() == Some("3");
    assert_ne!(hex(&collected.trace(third, 3).await[0].trace_id), TRACE);

    // What is not told yet is told at the end.
    ana.send_message(channel, "the last one").await;
    daemon.stop().await;
    assert_eq!(
        collected.spans().iter().filter(|span| attribute(span, "tenfour.message.seq").as_deref() == Some("4")).count(),
        3
    );
    let raw = collected.0.lock().unwrap().0.clone();
    for secret in ["canary", "eyJ", "the last one"] {
        assert!(!raw.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret:?} was told");
    }
}

#[tokio::test]
async fn those_of_one_transaction_are_linked_and_what_is_stored_already_says_so() {
    let (addr, collected) = collector().await;
    let daemon = followed(addr, 1.0).await;
    let channel = daemon.group(&["ana", "bo"]).await;
    let mut ana = daemon.connect("ana").await;
    let first = Uuid::new_v4();
    for client_id in [first, Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4(), first] {
        ana.send(&message(channel, "canary", client_id)).await;
    }
    let duplicate = collected.trace(|span| attribute(span, "tenfour.duplicate").as_deref() == Some("true"), 1).await;
    assert_eq!(duplicate[0].status.as_ref().unwrap().code(), StatusCode::Ok);
    eventually("each commit is told", async || {
        collected.spans().iter().filter(|span| span.name == "commit").count() == 4
    })
    .await;
    for span in collected.spans().iter().filter(|span| span.name == "commit") {
        let batch: usize = attribute(span, "tenfour.batch.size").unwrap().parse().unwrap();
        assert_eq!(span.links.len(), batch - 1, "{span:?}");
        assert!(span.links.iter().all(|link| link.trace_id != span.trace_id));
    }
}

#[tokio::test]
async fn a_collector_that_is_away_or_takes_nothing_holds_nobody_up() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for addr in [silent.local_addr().unwrap(), closed] {
        let daemon = followed(addr, 1.0).await;
        let channel = daemon.group(&["ana", "bo"]).await;
        let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
        for n in 0..50 {
            ana.send_message(channel, &format!("number {n}")).await;
        }
        bo.expect_text("number 49").await;
        let dropped = || daemon.parts().metrics.spans_dropped.get();
        if addr == closed {
            eventually("what was not taken is counted", async || dropped() >= 150).await;
        } else {
            assert_eq!(dropped(), 0, "it may still take them");
        }
    }
}

#[tokio::test]
async fn where_none_is_asked_for_none_is_told() {
    let (addr, collected) = collector().await;
    let mut daemon = followed(addr, 0.0).await;
    let channel = daemon.group(&["ana", "bo"]).await;
    daemon.connect("ana").await.send_message(channel, "canary").await;
    let start = std::time::Instant::now();
    daemon.stop().await;
    assert!(start.elapsed() < PATIENCE.min(Duration::from_secs(5)));
    assert!(collected.spans().is_empty());
}
