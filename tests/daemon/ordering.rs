//! One order for all, and each sender's own order in it.

use uuid::Uuid;

use crate::daemon::Setup;
use crate::socket::{message, number};

on_each_database!(
    pipelined_sends_of_one_socket_keep_their_order,
    all_readers_agree_on_one_order_of_several_senders,
    each_channel_counts_for_itself,
);

async fn pipelined_sends_of_one_socket_keep_their_order(setup: Setup) {
    const COUNT: i64 = 300;
    let daemon = setup.start().await;
    let channel = daemon.direct("ana", "bo").await;
    let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
    for number in 1..=COUNT {
        ana.send(&message(channel, &number.to_string(), Uuid::from_u128(number.try_into().unwrap()))).await;
    }
    for count in 1..=COUNT {
        let ack = ana.expect("ack").await;
        assert_eq!(ack["clientId"], Uuid::from_u128(count.try_into().unwrap()).to_string());
        assert_eq!(number(&ack["seq"]), count);
        let message = bo.expect("message").await;
        assert_eq!(
            (number(&message["data"]["seq"]), message["data"]["content"].as_str()),
            (count, Some(&*count.to_string()))
        );
    }
}

async fn all_readers_agree_on_one_order_of_several_senders(setup: Setup) {
    const EACH: usize = 60;
    let daemon = setup.start().await;
    let names = ["ana", "bo", "cy", "di"];
    let channel = daemon.group(&["eve", "fay", "ana", "bo", "cy", "di"]).await;
    let (mut eve, mut fay) = (daemon.connect("eve").await, daemon.connect("fay").await);
    let mut senders = Vec::new();
    for name in names {
        let mut socket = daemon.connect(name).await;
        senders.push(tokio::spawn(async move {
            for number in 0..EACH {
                socket.send(&message(channel, &format!("{name} {number}"), Uuid::new_v4())).await;
            }
            for _ in 0..EACH {
                socket.expect("ack").await;
            }
        }));
    }
    let mut orders = [Vec::new(), Vec::new()];
    for (reader, order) in [&mut eve, &mut fay].into_iter().zip(&mut orders) {
        while order.len() < names.len() * EACH {
            let data = reader.expect("message").await["data"].clone();
            order.push((number(&data["seq"]), data["content"].as_str().unwrap().to_owned()));
        }
    }
    for sender in senders {
        sender.await.unwrap();
    }
    assert_eq!(orders[0], orders[1]);
    assert!(orders[0].iter().map(|(seq, _)| usize::try_from(*seq).unwrap()).eq(1..=names.len() * EACH));
    for name in names {
        let own: Vec<_> = orders[0].iter().filter(|(_, text)| text.starts_with(name)).map(|(_, text)| text).collect();
        let sent: Vec<_> = (0..EACH).map(|number| format!("{name} {number}")).collect();
        assert!(own.into_iter().eq(&sent), "{name}'s own order");
    }
}

async fn each_channel_counts_for_itself(setup: Setup) {
    let daemon = setup.start().await;
    let mut channels = Vec::new();
    for _ in 0..4 {
        channels.push(daemon.group(&["ana", "bo"]).await);
    }
    let mut ana = daemon.connect("ana").await;
    for round in 1..=10 {
        for channel in &channels {
            ana.send(&message(*channel, "x", Uuid::new_v4())).await;
        }
        let mut acked = Vec::new();
        for _ in &channels {
            let ack = ana.expect("ack").await;
            assert_eq!((number(&ack["seq"]), number(&ack["version"])), (round, round));
            acked.push(ack["channelId"].as_str().unwrap().to_owned());
        }
        acked.sort_unstable();
        acked.dedup();
        assert_eq!(acked.len(), channels.len());
    }
}
