//! The daemon as the server: driven by its clients, or by telling its rooms what was committed.

use std::time::Instant;

use actix::{Addr, Arbiter};
use tenfour::actors::db::{Done, Order};
use tenfour::actors::room::{Committed, Item, Room};
use tenfour::daemon::Daemon;
use tenfour::domain::channel::Channel;
use tenfour::domain::content::Content;
use tenfour::domain::ids::{ClientId, MessageId, new_v7};
use tenfour::domain::message::{Appended, NewMessage, Stored};
use tenfour::domain::now;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

use crate::support::daemon::{config, group, user};
use crate::support::process::ready;
use crate::{CONTENT_BYTES, MEMBERS, ROOMS};

/// With `whole`, publishes come as frames of clients. Without, one connection a room triggers them, each byte one.
pub(crate) fn serve(whole: bool) {
    actix::System::new().block_on(async move {
        let daemon = Daemon::start(config("sqlite::memory:")).await.unwrap();
        let db = &daemon.app().parts.db;
        let mut channels = Vec::new();
        for channel in 0..ROOMS {
            let owner = Order::UpsertUser { user: user(channel, 0), name: "Owner".to_owned() };
            db.order(owner).await.unwrap();
            match db.order(Order::CreateGroup(group(channel, MEMBERS))).await.unwrap() {
                Done::Channel { channel, .. } => channels.push(*channel),
                other => panic!("{other:?}"),
            }
        }
        let triggers = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let addrs = [daemon.addr(), triggers.local_addr().unwrap()].map(|addr| addr.to_string());
        if whole {
            ready(&addrs[..1]);
            return std::future::pending::<()>().await;
        }
        ready(&addrs);
        // A thread for all rooms, as the DB actor has.
        let arbiter = Arbiter::new();
        let directory = daemon.app().parts.directory.clone();
        arbiter.spawn(async move {
            triggers.set_nonblocking(true).unwrap();
            let triggers = TcpListener::from_std(triggers).unwrap();
            for channel in channels {
                let (trigger, _) = triggers.accept().await.unwrap();
                let room = directory.room(channel.id).expect("its sessions have joined");
                actix::spawn(publish(trigger, channel, room));
            }
        });
        std::future::pending::<()>().await;
    });
}

/// What is ready together was committed together.
async fn publish(mut trigger: TcpStream, channel: Channel, room: Addr<Room>) {
    let (mut seq, mut version) = (channel.last_seq, channel.version);
    let mut asked = [0; 256];
    loop {
        let count = trigger.read(&mut asked).await.unwrap();
        if count == 0 {
            return;
        }
        let items = (0..count)
            .map(|_| {
                (seq, version) = (seq + 1, version + 1);
                committed(&channel, seq, version)
            })
            .collect();
        room.do_send(Committed { items, place: None });
    }
}

fn committed(channel: &Channel, seq: i64, version: i64) -> Item {
    let message = NewMessage {
        id: MessageId(new_v7()),
        client_id: ClientId(uuid::Uuid::new_v4()),
        channel_id: channel.id,
        sender_id: channel.members[0].user_id,
        sender_name: "Member 0".to_owned(),
        content: Content::parse("x".repeat(CONTENT_BYTES), CONTENT_BYTES).unwrap(),
        content_type: "text".to_owned(),
        reply_to_id: None,
        attachment_ids: Vec::new(),
        mention_ids: Vec::new(),
        ask: None,
        created_at: now(),
    };
    let stored = Stored {
        id: message.id,
        channel_id: channel.id,
        seq,
        version,
        created_at: message.created_at,
        attachments: Vec::new(),
        instruction: None,
    };
    Item::Send { message: Box::new(message), outcome: Appended::New(stored), origin: None, accepted: Instant::now() }
}
