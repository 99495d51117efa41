//! Managing webhooks: who may, where they may lead, their secrets, and the one of the settings.

use serde_json::{Value, json};
use tenfour::config::OwnWebhook;
use tenfour::config::SecretUrl;
use tenfour::domain::webhook::{Events, UNFINISHED};
use tenfour::store::{Settings, open};

use crate::daemon::Setup;
use crate::host::Host;
use crate::receiver::{Receiver, Reply};

on_each_database!(
    a_webhook_is_made_shown_changed_and_removed,
    nothing_is_sent_into_the_internal_network,
    two_secrets_sign_while_one_is_changed,
    a_test_says_how_it_went,
    the_webhook_of_the_settings_is_what_they_say_and_may_be_a_neighbour,
    there_are_not_too_many,
    the_webhook_of_the_settings_is_made_although_its_making_was_interrupted,
);

async fn a_webhook_is_made_shown_changed_and_removed(setup: Setup) {
    let daemon = setup.start().await;
    let host = Host::at(daemon.addr());
    let url = "https://receiver.invalid/hook?key=1";
    let made = host.must("POST", "/webhooks", json!({"url": url, "events": ["user.online", "message.sent"]})).await;
    let (id, secret) = (made["id"].as_str().unwrap(), made["secret"].as_str().unwrap());
    assert!(secret.starts_with("whsec_") && secret.len() == 50, "{made}");
    assert_eq!((&made["url"], &made["state"], &made["origin"]), (&json!(url), &json!("active"), &json!("api")));
    let path = format!("/webhooks/{id}");
    let shown = host.must("GET", &path, Value::Null).await;
    assert_eq!(shown["events"], json!(["message.sent", "user.online"]));
    assert!(shown.get("secret").is_none(), "told once");
    assert_eq!(host.must("GET", "/webhooks", Value::Null).await["webhooks"], json!([shown]));
    let change = json!({"url": "https://other.invalid/", "events": ["*"], "state": "disabled"});
    let changed = host.must("PATCH", &path, change).await;
    assert_eq!((&changed["state"], &changed["reason"]), (&json!("disabled"), &json!("switched off")));
    assert_eq!((&changed["url"], &changed["events"]), (&json!("https://other.invalid/"), &json!(["*"])));
    assert_eq!(host.must("PATCH", &path, json!({"state": "active"})).await["state"], "active");
    assert_eq!(host.call("DELETE", &path, Value::Null).await.0, 204);
    for (method, path) in [("GET", path.clone()), ("DELETE", path.clone()), ("POST", format!("{path}/test"))] {
        assert_eq!(host.call(method, &path, Value::Null).await.0, 404, "{method} {path}");
    }
    assert_eq!(host.call("POST", &format!("{path}/replay"), json!({"failed": true})).await.0, 404);
    assert_eq!(host.must("GET", "/webhooks", Value::Null).await["webhooks"], json!([]));
    let (status, _) = host.acting_as("ana").call("GET", "/webhooks", Value::Null).await;
    assert!([403, 422].contains(&status), "{status}");
}

async fn nothing_is_sent_into_the_internal_network(setup: Setup) {
    let daemon = setup.with(|config| config.webhooks.allow.clear()).start().await;
    let (host, receiver) = (Host::at(daemon.addr()), Receiver::start().await);
    let port = receiver.addr.port();
    for url in [
        format!("http://127.0.0.1:{port}/"),
        format!("https://127.0.0.1:{port}/"),
        format!("https://2130706433:{port}/"),
        format!("https://[::ffff:127.0.0.1]:{port}/"),
        "https://169.254.169.254/latest/meta-data/".to_owned(),
        "http://app.example/".to_owned(),
        "ftp://app.example/".to_owned(),
        "https://me:secret@app.example/".to_owned(),
    ] {
        let (status, answer) = host.call("POST", "/webhooks", json!({"url": url})).await;
        assert_eq!((status, &answer["code"]), (422, &json!("invalid_frame")), "{url}: {answer}");
        assert!(!answer.to_string().contains("secret"), "{answer}");
    }
    // A name says nothing by itself: what it leads to is looked at when it is connected to.
    let webhook = host.webhook_of(&format!("https://localhost:{port}/"), json!(["message.sent"])).await;
    let channel = daemon.group(&["ana"]).await;
    daemon.connect("ana").await.send_message(channel, "hello").await;
    host.fails(&webhook, "it is refused", |shown| {
        let error = shown["failing"][0]["error"].as_str().unwrap_or_default();
        error.contains("localhost") && error.contains("not on the internet") && error.contains("TENFOUR_WEBHOOK_ALLOW")
    })
    .await;
    let tested = host.must("POST", &format!("/webhooks/{}/test", webhook.id), Value::Null).await;
    assert_eq!(tested["delivered"], false);
    assert!(tested["error"].as_str().unwrap().contains("not on the internet"), "{tested}");
    assert!(receiver.all().is_empty());
}

async fn two_secrets_sign_while_one_is_changed(setup: Setup) {
    let daemon = setup.start().await;
    let (host, receiver) = (Host::at(daemon.addr()), Receiver::start().await);
    let webhook = host.webhook_of(&receiver.url(), json!(["message.sent"])).await;
    let channel = daemon.group(&["ana"]).await;
    let mut ana = daemon.connect("ana").await;
    let path = format!("/webhooks/{}/secret", webhook.id);
    let rotated = host.must("POST", &path, json!({"previousValidSeconds": 600})).await;
    let new = rotated["secret"].as_str().unwrap();
    assert_ne!(new, webhook.secret);
    assert!(rotated["previousSecretUntil"].is_string());
    ana.send_message(channel, "by both").await;
    let got = receiver.expect("message.sent").await;
    assert!(got.is_signed_by(new) && got.is_signed_by(&webhook.secret));
    assert_eq!(got.header("webhook-signature").split(' ').count(), 2);
    // At once.
    let last = host.must("POST", &path, json!({"previousValidSeconds": 0})).await;
    let last = last["secret"].as_str().unwrap();
    ana.send_message(channel, "by one").await;
    let all = receiver.wait("the second", |all| all.len() == 2).await;
    assert!(all[1].is_signed_by(last) && !all[1].is_signed_by(new));
}

async fn a_test_says_how_it_went(setup: Setup) {
    let daemon = setup.start().await;
    let (host, receiver) = (Host::at(daemon.addr()), Receiver::start().await);
    let webhook = host.webhook(&receiver).await;
    let path = format!("/webhooks/{}/test", webhook.id);
    let tested = host.must("POST", &path, Value::Null).await;
    assert_eq!((&tested["delivered"], &tested["status"]), (&json!(true), &json!(204)));
    let got = receiver.expect("webhook.test").await;
    assert!(got.is_signed_by(&webhook.secret));
    assert_eq!(got.body["data"]["webhookId"], webhook.id.as_str());
    receiver.answer(|_| Reply::Status(500));
    let tested = host.must("POST", &path, Value::Null).await;
    assert_eq!((&tested["delivered"], &tested["error"]), (&json!(false), &json!("answered 500")));
    drop(receiver);
    let tested = host.must("POST", &path, Value::Null).await;
    assert!(tested["status"].is_null() && tested["error"].as_str().unwrap().contains("refused"), "{tested}");
}

async fn the_webhook_of_the_settings_is_what_they_say_and_may_be_a_neighbour(setup: Setup) {
    let receiver = Receiver::start().await;
    let (first, second) = ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0");
    let own = |secret: &str| OwnWebhook {
        url: SecretUrl::new(receiver.url()),
        events: Events::ALL,
        secret: secret.parse().unwrap(),
    };
    let setup = setup.lasting().with(|config| {
        config.webhooks.allow.clear();
        config.webhooks.own = Some(own(first));
    });
    let mut daemon = setup.start().await;
    let channel = daemon.group(&["ana"]).await;
    daemon.connect("ana").await.send_message(channel, "hello").await;
    assert!(receiver.expect("message.sent").await.is_signed_by(first));
    let host = Host::at(daemon.addr());
    let shown = host.must("GET", "/webhooks", Value::Null).await["webhooks"][0].clone();
    assert_eq!(shown["origin"], "settings");
    // The rest of it may be a key.
    assert_eq!(shown["url"], format!("http://{}/…", receiver.addr));
    let path = format!("/webhooks/{}", shown["id"].as_str().unwrap());
    for (method, path, body) in [
        ("DELETE", path.clone(), Value::Null),
        ("PATCH", path.clone(), json!({"url": "https://other.invalid/"})),
        ("POST", format!("{path}/secret"), json!({})),
    ] {
        assert_eq!(host.call(method, &path, body).await.0, 409, "{method} {path}");
    }
    // A call may not send to the same place, which only the settings may.
    assert_eq!(host.call("POST", "/webhooks", json!({"url": receiver.url()})).await.0, 422);
    // Another secret at the next start: both sign for a day.
    daemon.config.webhooks.own = Some(own(second));
    daemon.restart().await;
    daemon.connect("ana").await.send_message(channel, "again").await;
    let all = receiver.wait("the second", |all| all.iter().any(|got| got.text() == "again")).await;
    let again = all.iter().find(|got| got.text() == "again").unwrap();
    assert!(again.is_signed_by(first) && again.is_signed_by(second));
    let sent = all.iter().filter(|got| got.kind() == "message.sent").count();
    assert_eq!(sent, 2, "a restart tells nothing anew");
    // And none.
    daemon.config.webhooks.own = None;
    daemon.restart().await;
    let host = Host::at(daemon.addr());
    assert_eq!(host.must("GET", "/webhooks", Value::Null).await["webhooks"], json!([]));
}

async fn there_are_not_too_many(setup: Setup) {
    // The one of the settings is there besides.
    let own = || OwnWebhook {
        url: SecretUrl::new("https://receiver.invalid/own"),
        events: Events::ALL,
        secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap(),
    };
    let daemon = setup.with(|config| config.webhooks.own = Some(own())).start().await;
    let host = Host::at(daemon.addr());
    for number in 0..16 {
        host.webhook_of(&format!("https://receiver.invalid/{number}"), json!(["*"])).await;
    }
    let (status, answer) = host.call("POST", "/webhooks", json!({"url": "https://receiver.invalid/"})).await;
    assert_eq!(status, 409);
    assert!(answer["detail"].as_str().unwrap().contains("16"), "{answer}");
}

async fn the_webhook_of_the_settings_is_made_although_its_making_was_interrupted(setup: Setup) {
    let receiver = Receiver::start().await;
    let own = OwnWebhook {
        url: SecretUrl::new(receiver.url()),
        events: Events::ALL,
        secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap(),
    };
    let mut daemon = setup.lasting().with(|config| config.webhooks.own = Some(own)).start().await;
    let again = Setup::in_memory().with(|config| config.webhooks = daemon.config.webhooks.clone());
    let channel = daemon.group(&["ana"]).await;
    daemon.stop().await;
    let settings = Settings::new(daemon.database().parse().unwrap());
    let (writer, reader) = open(settings, tokio::runtime::Handle::current()).await.unwrap();
    let store = writer.webhooks(&reader);
    let id = store.list().await.unwrap()[0].id;
    store.disable(id, UNFINISHED.to_owned()).await.unwrap();
    if daemon.database().starts_with("sqlite") {
        // Nobody else could be making it: this is done with at once.
        drop((store, writer, reader));
        let daemon = again.start_on(&daemon.database()).await;
        daemon.connect("ana").await.send_message(channel, "hello").await;
        receiver.expect("message.sent").await;
        return;
    }
    // Another node may be: it is looked at again until that has come to an end.
    let daemon = again.start_on(&daemon.database()).await;
    let host = Host::at(daemon.addr());
    let path = format!("/webhooks/{id}");
    assert_eq!(host.must("GET", &path, Value::Null).await["state"], "disabled");
    let (_, refused) = host.call("PATCH", &path, json!({"state": "active"})).await;
    assert!(refused["detail"].as_str().unwrap().contains("settings"), "{refused}");
}
