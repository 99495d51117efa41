//! What still happens when a session or a room is on its way out.

use std::time::Duration;

use serde_json::json;
use tenfour::actors::registry::{EndSession, ListSessions};
use tenfour::actors::{presence, room};
use tenfour::protocol::close::Close;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::daemon::{Setup, eventually};
use crate::socket::message;
use crate::wire;

on_each_database!(
    what_is_sent_after_the_servers_close_frame_is_not_obeyed,
    a_room_that_would_panic_again_while_it_dies_takes_nobody_along,
    a_fresh_token_with_another_name_renames_the_user,
    a_daemon_that_lost_a_part_that_holds_the_truth_ends,
);

async fn what_is_sent_after_the_servers_close_frame_is_not_obeyed(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.direct("ana", "bo").await;
    let mut bo = daemon.connect("bo").await;
    let mut ana = wire::upgraded(daemon.addr(), &daemon.user("ana").await).await;
    let sessions = daemon.registry().send(ListSessions).await.unwrap();
    let session = sessions.iter().find(|session| session.name == crate::daemon::name_of("ana")).unwrap().handle.id;
    assert!(daemon.registry().send(EndSession { session, why: Close::Removed }).await.unwrap());
    assert_eq!(wire::read_close(&mut ana).await, 4403);
    // The connection may be gone by now, which is as good.
    let late = message(channel, "too late", Uuid::new_v4()).to_string();
    let _ = ana.write_all(&wire::frame(0x81, late.as_bytes())).await;
    bo.expect_silence("message", Duration::from_millis(300)).await;
    assert!(bo.catch_up(channel, 0).await.is_empty());
}

async fn a_room_that_would_panic_again_while_it_dies_takes_nobody_along(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.direct("ana", "bo").await;
    let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
    daemon.announce_panic("a test asked this room to panic");
    let room = daemon.parts().directory.room(channel).unwrap();
    // Both are in the mailbox before the first one is looked at.
    for _ in 0..2 {
        room.do_send(room::Panic);
    }
    eventually("the registry has noticed", async || daemon.parts().metrics.room_restarts.get() > 0).await;
    eventually("a room that runs", async || daemon.parts().directory.room(channel).is_some()).await;
    ana.send_message(channel, "still here").await;
    bo.expect_text("still here").await;
}

async fn a_fresh_token_with_another_name_renames_the_user(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.direct("ana", "bo").await;
    let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
    let token = daemon.token_with("ana", "Ana the Second", None, Duration::from_secs(60));
    ana.ask_ok(json!({"type": "auth", "token": token})).await;
    ana.send_message(channel, "hello").await;
    assert_eq!(bo.expect("message").await["data"]["senderName"], "Ana the Second");
    eventually("the store has the name", async || {
        let log = daemon.connect("bo").await.catch_up(channel, 0).await;
        log.iter().all(|message| message["senderName"] == "Ana the Second")
    })
    .await;
}

async fn a_daemon_that_lost_a_part_that_holds_the_truth_ends(setup: Setup) {
    let daemon = setup.start().await;
    let mut ana = daemon.connect("ana").await;
    daemon.announce_panic("a test asked presence to panic");
    daemon.announce_panic("the presence actor died");
    daemon.parts().presence.do_send(presence::Panic);
    assert_eq!(ana.expect_close().await.0, Some(1001));
    let addr = daemon.addr();
    eventually("nobody listens any more", async || TcpStream::connect(addr).await.is_err()).await;
}
