//! A receiver that fails, in every way.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::daemon::{Setup, eventually};
use crate::host::Host;
use crate::receiver::{Got, Receiver, Reply};

on_each_database!(
    an_event_that_fails_holds_up_its_channel_alone_and_keeps_its_name,
    a_receiver_that_does_not_answer_is_given_up_after_the_time_out,
    gone_disables_and_a_call_enables_again,
    a_redirect_is_a_failure_and_is_not_followed,
    who_asks_to_be_left_alone_is_left_alone,
    what_fails_for_too_long_is_set_aside_and_told_when_asked_for,
    one_receiver_that_hangs_is_in_nobodys_way,
    receivers_that_are_slow_are_in_nobodys_way,
    what_waits_for_a_receiver_that_is_back_is_tried_soon,
);

async fn an_event_that_fails_holds_up_its_channel_alone_and_keeps_its_name(setup: Setup) {
    let daemon = setup.start().await;
    let (host, receiver) = (Host::at(daemon.addr()), Receiver::start().await);
    let webhook = host.webhook_of(&receiver.url(), json!(["message.sent"])).await;
    let (bad, good) = (daemon.group(&["ana"]).await, daemon.group(&["ana"]).await);
    let mut left = 5;
    receiver.answer(move |got| {
        let fails = got.text() == "b 0" && left > 0;
        left -= i32::from(fails);
        Reply::Status(if fails { 500 } else { 200 })
    });
    let mut ana = daemon.connect("ana").await;
    for round in 0..3 {
        ana.send_message(bad, &format!("b {round}")).await;
        ana.send_message(good, &format!("g {round}")).await;
    }
    let all = receiver.wait("all", |all| all.len() == 6).await;
    for (channel, sent) in [(bad, ["b 0", "b 1", "b 2"]), (good, ["g 0", "g 1", "g 2"])] {
        let told: Vec<&str> = all.iter().filter(|got| got.is_of(channel)).map(Got::text).collect();
        assert_eq!(told, sent);
    }
    let everything = receiver.all();
    let of_first: Vec<&Got> = everything.iter().filter(|got| got.text() == "b 0").collect();
    assert_eq!(of_first.len(), 6);
    assert!(of_first.iter().all(|got| got.id() == of_first[0].id() && got.is_signed_by(&webhook.secret)));
    // Nothing of the channel came in between.
    let order: Vec<&str> = everything.iter().filter(|got| got.is_of(bad)).map(Got::text).collect();
    assert_eq!(order, ["b 0", "b 0", "b 0", "b 0", "b 0", "b 0", "b 1", "b 2"]);
    let last_good = everything.iter().position(|got| got.text() == "g 2").unwrap();
    let first_next = everything.iter().position(|got| got.text() == "b 1").unwrap();
    assert!(last_good < first_next, "the other channel did not wait");
    host.fails(&webhook, "nothing fails any more", |shown| shown["failing"] == json!([])).await;
}

async fn a_receiver_that_does_not_answer_is_given_up_after_the_time_out(setup: Setup) {
    let setup = setup.with(|config| config.webhooks.timeout = Duration::from_millis(300));
    let daemon = setup.start().await;
    let (host, receiver) = (Host::at(daemon.addr()), Receiver::start().await);
    let webhook = host.webhook_of(&receiver.url(), json!(["message.sent"])).await;
    let channel = daemon.group(&["ana"]).await;
    let mut count = 0;
    receiver.answer(move |_| {
        count += 1;
        if count < 3 { Reply::Silence } else { Reply::Status(200) }
    });
    daemon.connect("ana").await.send_message(channel, "hello").await;
    host.fails(&webhook, "it fails", |shown| shown["failing"][0]["error"] == "did not answer in time").await;
    host.shows(&webhook, "it does not answer", |shown| shown["failingSince"].is_string()).await;
    receiver.expect("message.sent").await;
    assert_eq!(receiver.all().len(), 3);
    host.shows(&webhook, "it answers again", |shown| shown["failingSince"].is_null()).await;
}

async fn gone_disables_and_a_call_enables_again(setup: Setup) {
    let daemon = setup.start().await;
    let (host, receiver) = (Host::at(daemon.addr()), Receiver::start().await);
    let webhook = host.webhook_of(&receiver.url(), json!(["message.sent"])).await;
    let channel = daemon.group(&["ana"]).await;
    receiver.answer(|_| Reply::Status(410));
    let mut ana = daemon.connect("ana").await;
    ana.send_message(channel, "one").await;
    host.shows(&webhook, "it is disabled", |shown| shown["state"] == "disabled").await;
    assert!(host.state(&webhook).await["reason"].as_str().unwrap().contains("410"));
    ana.send_message(channel, "two").await;
    eventually("that is counted", async || daemon.parts().metrics.webhooks.disabled.get() == 1).await;
    assert_eq!(receiver.all().len(), 1, "nothing more is sent there");
    receiver.answer(|_| Reply::Status(200));
    host.must("PATCH", &format!("/webhooks/{}", webhook.id), json!({"state": "active"})).await;
    let all = receiver.wait("both", |all| all.len() == 2).await;
    assert_eq!(all.iter().map(Got::text).collect::<Vec<_>>(), ["one", "two"], "nothing is lost by it");
}

async fn a_redirect_is_a_failure_and_is_not_followed(setup: Setup) {
    let daemon = setup.start().await;
    let (host, receiver, elsewhere) = (Host::at(daemon.addr()), Receiver::start().await, Receiver::start().await);
    let webhook = host.webhook_of(&receiver.url(), json!(["message.sent"])).await;
    let channel = daemon.group(&["ana"]).await;
    let url = elsewhere.url();
    receiver.answer(move |_| Reply::With(307, "location", url.clone()));
    daemon.connect("ana").await.send_message(channel, "hello").await;
    host.fails(&webhook, "it fails twice", |shown| shown["failing"][0]["attempts"].as_u64() > Some(1)).await;
    let shown = host.deliveries(&webhook).await;
    assert!(shown["failing"][0]["error"].as_str().unwrap().contains("redirects are not followed"), "{shown}");
    assert_eq!(
        (shown["failing"][0]["type"].as_str(), &shown["failing"][0]["channelId"]),
        (Some("message.sent"), &json!(channel))
    );
    assert!(elsewhere.all().is_empty());
}

async fn who_asks_to_be_left_alone_is_left_alone(setup: Setup) {
    let daemon = setup.start().await;
    let (host, receiver) = (Host::at(daemon.addr()), Receiver::start().await);
    host.webhook_of(&receiver.url(), json!(["message.sent"])).await;
    let (one, other) = (daemon.group(&["ana"]).await, daemon.group(&["ana"]).await);
    let mut first = true;
    receiver.answer(move |_| {
        if std::mem::take(&mut first) { Reply::With(429, "retry-after", "2".to_owned()) } else { Reply::Status(200) }
    });
    let mut ana = daemon.connect("ana").await;
    ana.send_message(one, "too much").await;
    eventually("it came", async || receiver.all().len() == 1).await;
    let asked = receiver.all()[0].at;
    // Other channels' events are sent to the same place.
    ana.send_message(other, "of another channel").await;
    let all = receiver.wait("both", |all| all.len() == 2).await;
    for got in all {
        assert!(got.at - asked >= Duration::from_millis(1900), "{:?}", got.at - asked);
    }
}

async fn what_fails_for_too_long_is_set_aside_and_told_when_asked_for(setup: Setup) {
    let setup = setup.with(|config| config.webhooks.retries = vec![Duration::from_millis(50); 3]);
    let daemon = setup.start().await;
    let (host, receiver) = (Host::at(daemon.addr()), Receiver::start().await);
    let webhook = host.webhook_of(&receiver.url(), json!(["message.sent"])).await;
    let channel = daemon.group(&["ana"]).await;
    receiver.answer(|got| Reply::Status(if got.text().starts_with("bad") { 500 } else { 200 }));
    let mut ana = daemon.connect("ana").await;
    for text in ["bad 1", "good 1", "bad 2", "good 2"] {
        ana.send_message(channel, text).await;
    }
    let all = receiver.wait("what is good", |all| all.len() == 2).await;
    assert_eq!(all.iter().map(Got::text).collect::<Vec<_>>(), ["good 1", "good 2"], "the channel goes on");
    let of_bad: Vec<usize> = receiver.tries().iter().map(|(_, count)| *count).filter(|count| *count > 1).collect();
    // One try and three more, of which one may have failed before it came here; how many were made is told below.
    assert!(of_bad.len() == 2 && of_bad.iter().all(|tries| (3..=4).contains(tries)), "{of_bad:?}");
    let shown = host.deliveries(&webhook).await;
    let failed = shown["failed"].as_array().unwrap();
    assert_eq!(failed.len(), 2, "{shown}");
    assert_eq!((&failed[1]["version"], &failed[1]["channelId"]), (&json!(1), &json!(channel)));
    assert_eq!((&failed[1]["attempts"], &failed[1]["error"]), (&json!(4), &json!("answered 500")));
    assert!(!shown.to_string().contains("bad 1"), "nothing of what they say: {shown}");
    // Asked for while it still fails: one more try each, and no more.
    assert_eq!(host.replay(&webhook, json!({"failed": true})).await, 2);
    host.fails(&webhook, "both failed again", |shown| {
        shown["failed"].as_array().unwrap().iter().all(|it| it["attempts"] == 5 && it["replaying"] == false)
    })
    .await;
    receiver.answer(|_| Reply::Status(200));
    host.replay(&webhook, json!({"failed": true})).await;
    let all = receiver.wait("all", |all| all.len() == 4).await;
    assert_eq!(all[2..].iter().map(Got::text).collect::<Vec<_>>(), ["bad 1", "bad 2"]);
    assert_eq!(all[2].id(), failed[1]["id"].as_str().unwrap());
    host.fails(&webhook, "nothing is set aside", |shown| shown["failed"] == json!([])).await;
}

async fn one_receiver_that_hangs_is_in_nobodys_way(setup: Setup) {
    let setup = setup.with(|config| config.webhooks.timeout = Duration::from_secs(30));
    let daemon = setup.start().await;
    let (host, hangs, works) = (Host::at(daemon.addr()), Receiver::start().await, Receiver::start().await);
    hangs.answer(|_| Reply::Silence);
    host.webhook(&hangs).await;
    host.webhook(&works).await;
    let mut channels = Vec::new();
    for _ in 0..20 {
        channels.push(daemon.group(&["ana"]).await);
    }
    let mut ana = daemon.connect("ana").await;
    let started = Instant::now();
    for channel in &channels {
        ana.send_message(*channel, "hello").await;
    }
    works.wait("all of it", |all| all.iter().filter(|got| got.text() == "hello").count() == 20).await;
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    assert!(hangs.all().len() <= 8, "{} at a time", hangs.all().len());
}

async fn what_waits_for_a_receiver_that_is_back_is_tried_soon(setup: Setup) {
    // Without being asked for, the next try would be in an hour.
    let setup = setup.with(|config| config.webhooks.retries = vec![Duration::from_secs(3600)]);
    let daemon = setup.start().await;
    let (host, receiver) = (Host::at(daemon.addr()), Receiver::start().await);
    let webhook = host.webhook_of(&receiver.url(), json!(["message.sent"])).await;
    let (one, other) = (daemon.group(&["ana"]).await, daemon.group(&["ana"]).await);
    receiver.answer(|got| {
        if got.text() == "lost" { Reply::With(503, "retry-after", "0".to_owned()) } else { Reply::Status(200) }
    });
    let mut ana = daemon.connect("ana").await;
    ana.send_message(one, "lost").await;
    let next = |shown: &Value| {
        let text = shown["failing"][0]["nextAt"].as_str().unwrap_or_default().to_owned();
        chrono::DateTime::parse_from_rfc3339(&text).ok().map(|at| at.to_utc() - chrono::Utc::now())
    };
    host.fails(&webhook, "it fails for an hour", |shown| next(shown).is_some_and(|wait| wait.num_minutes() > 50)).await;
    ana.send_message(other, "found").await;
    receiver.expect("message.sent").await;
    host.fails(&webhook, "it waits for minutes", |shown| next(shown).is_some_and(|wait| wait.num_minutes() < 6)).await;
}

async fn receivers_that_are_slow_are_in_nobodys_way(setup: Setup) {
    let daemon = setup.with(|config| config.webhooks.timeout = Duration::from_secs(30)).start().await;
    let host = Host::at(daemon.addr());
    let (mut slow, mut paths) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let receiver = Receiver::start().await;
        receiver.answer(|_| Reply::Late(200, Duration::from_secs(2)));
        let webhook = host.webhook_of(&receiver.url(), json!(["message.sent"])).await;
        paths.push(format!("/webhooks/{}", webhook.id));
        host.must("PATCH", &paths[paths.len() - 1], json!({"state": "disabled"})).await;
        slow.push(receiver);
    }
    let mut channels = Vec::new();
    for _ in 0..8 {
        channels.push(daemon.group(&["ana"]).await);
    }
    let mut ana = daemon.connect("ana").await;
    for round in 0..10 {
        for channel in &channels {
            ana.send_message(*channel, &format!("{round}")).await;
        }
    }
    // Each lane has much to tell, all at once.
    for path in &paths {
        host.must("PATCH", path, json!({"state": "active"})).await;
    }
    let posted = || slow.iter().map(|receiver| receiver.all().len()).sum::<usize>();
    eventually("all places are taken", async || posted() >= 32).await;
    let quick = Receiver::start().await;
    host.webhook_of(&quick.url(), json!(["message.sent"])).await;
    let started = Instant::now();
    ana.send_message(channels[0], "quick").await;
    quick.expect("message.sent").await;
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    eventually("each of the slow ones has its turn", async || slow.iter().all(|it| !it.all().is_empty())).await;
}
