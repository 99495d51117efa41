//! The edges of the network: connections, heads and bodies of whom nobody knows yet.

use std::time::Duration;

use serde_json::json;
use tokio::net::TcpStream;

use crate::process::ProcessDaemon;
use crate::wire;

#[tokio::test]
async fn connections_that_say_nothing_leave_descriptors_for_the_rest() {
    let settings = [("TENFOUR_HEAD_TIMEOUT_MS", "60000")];
    let process = ProcessDaemon::start_with_few_files("sqlite::memory:", &settings, 200);
    assert!(process.log().contains("the limit of 200 open files"), "{:?}", process.log());
    let mut ana = process.connect("ana").await;
    let mut silent = Vec::new();
    let mut ended = 0;
    for _ in 0..250 {
        silent.push(TcpStream::connect(process.addr).await.unwrap());
    }
    for stream in silent.iter_mut().rev().take(100) {
        ended += usize::from(wire::ends_within(stream, Duration::from_secs(5)).await);
    }
    assert_eq!(ended, 100, "those over the limit are ended at once");
    assert!(process.open_files() < 180, "{} files", process.open_files());
    ana.ask(json!({"type": "ping"})).await;
    drop(silent);
    let answered = async || {
        let Ok(mut stream) = TcpStream::connect(process.addr).await else { return false };
        wire::answers(&mut stream, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n").await
    };
    crate::daemon::eventually("there is room again", answered).await;
}
