//! What is written of webhooks where several nodes are at it, and what they leave behind. PostgreSQL only.

use std::time::Duration;

use chrono::TimeDelta;
use diesel_async::SimpleAsyncConnection;
use tenfour::domain::ids::{ChannelId, WebhookId};
use tenfour::domain::now;
use tenfour::domain::webhook::{Claim, Cursor, Events, Lane};
use tenfour::store::{Ask, new_worker};
use uuid::Uuid;

use crate::kit::*;
use crate::postgres::{Database, connect};
use crate::webhooks::{ask, claim, held, lane, made, made_as, settled};

/// Of two nodes one has a lane, until it lets go of it or is not heard of any more.
#[test]
fn of_two_nodes_one_has_a_lane_at_a_time() {
    runtime().block_on(async {
        let database = Database::create().await;
        let ((writer, reader), (second, its)) = (open_at(&database.url).await, open_at(&database.url).await);
        let (store, other) = (writer.webhooks(&reader), second.webhooks(&its));
        let (one, two) = (new_worker(), new_worker());
        let channel = group(&writer, &["ana"]).await;
        let webhook = made(&store, Events::ALL).await;
        send(&writer, &channel, "ana", "hello").await;
        let first = held(claim(&store, webhook, one, lane(&channel)).await);
        assert_eq!(claim(&other, webhook, two, lane(&channel)).await, Claim::Busy);
        // Its time is up: it is not heard of.
        let later = Ask { now: now() + TimeDelta::minutes(1), ..ask(webhook, two, vec![lane(&channel)]) };
        let later = Ask { until: later.now + TimeDelta::minutes(1), ..later };
        let second = held(other.claim(later).await.unwrap().pop().unwrap().1);
        assert_eq!(second, first);
        let end = Cursor { version: 1, seq: 1, record: 0 };
        let lost = store.settle(one, vec![settled(webhook, lane(&channel), first, end)]).await.unwrap();
        assert_eq!(lost, [(webhook, lane(&channel), false)], "what it did meanwhile is done again");
        let done = other.settle(two, vec![settled(webhook, lane(&channel), second, end)]).await.unwrap();
        assert_eq!(done, [(webhook, lane(&channel), true)]);
        // A new channel at the same moment.
        let fresh = group(&writer, &["ana"]).await;
        let both = tokio::join!(claim(&store, webhook, one, lane(&fresh)), claim(&other, webhook, two, lane(&fresh)));
        let helds = [&both.0, &both.1].into_iter().filter(|claim| matches!(claim, Claim::Held { .. })).count();
        assert_eq!(helds, 1, "{both:?}");
        within(Duration::from_secs(5), database.drop()).await;
    });
}

/// What a node leaves behind that was at it meanwhile.
#[test]
fn what_is_left_of_a_channel_or_a_webhook_that_is_gone_is_let_go_of() {
    runtime().block_on(async {
        let database = Database::create().await;
        let (writer, reader) = open_at(&database.url).await;
        let (store, worker) = (writer.webhooks(&reader), new_worker());
        let webhook = made(&store, Events::ALL).await;
        let mut raw = connect(&database.url).await;
        let leaves = |webhook: WebhookId, lane: Lane| {
            format!(
                "INSERT INTO tenfour.webhook_cursors (webhook_id, lane, lane_id, version, seq, record, rewinds, attempts, \
                 unreachable, next_at) VALUES ('{webhook}', 'channel', '{}', -1, 0, 0, 0, 1, false, now())",
                lane.id()
            )
        };
        let gone = Lane::Channel(ChannelId(Uuid::now_v7()));
        raw.batch_execute(&leaves(webhook, gone)).await.unwrap();
        assert_eq!(store.due(now(), vec![webhook]).await.unwrap(), [(webhook, gone)]);
        assert!(store.claim(ask(webhook, worker, vec![gone])).await.unwrap().is_empty());
        assert_eq!(store.due(now(), vec![webhook]).await.unwrap(), []);
        // The webhook of the settings comes back under the id that it had, and begins at the present.
        let channel = group(&writer, &["ana"]).await;
        let own = WebhookId(Uuid::now_v7());
        raw.batch_execute(&leaves(own, lane(&channel))).await.unwrap();
        made_as(&store, own, Events::ALL).await;
        assert_eq!(claim(&store, own, worker, lane(&channel)).await, Claim::Idle);
        // One that is damaged is in nobody's way.
        raw.batch_execute(&format!("UPDATE tenfour.webhooks SET secret = 'none' WHERE id = '{webhook}'")).await.unwrap();
        let readable: Vec<WebhookId> = store.list().await.unwrap().into_iter().map(|it| it.id).collect();
        assert_eq!(readable, [own]);
        within(Duration::from_secs(5), database.drop()).await;
    });
}
