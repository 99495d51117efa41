//! What the nodes ask of the database does not grow with the number of channels or of nodes.

use std::time::{Duration, Instant};

use tenfour::domain::ids::ChannelId;

use crate::daemon::PATIENCE;
use crate::nodes::{Nodes, at_server, server_of};
use crate::place::{Kind, Place};
use crate::queries::{Asked, Cost, Counter};
use crate::socket::TestSocket;

/// What is asked every few seconds without any reason.
const ANYWAY: &[&str] = &[
    "\"meta\"",
    "pg_control_system",
    "pg_walfile_name",
    r#""instructions"."due_at""#,
    r#"ORDER BY "webhooks"."created_at""#,
    r#"FROM "webhooks" WHERE ("webhooks"."state" ="#,
    r#""revoked_tokens"."issued_before" >="#,
];
/// What is asked every few seconds too, but also when a session comes.
const COMPARED: &[&str] =
    &[r#"SELECT "channels"."id", "channels"."version" FROM"#, r#""users"."id", "users"."memberships" FROM"#];
/// What takes messages into the index of search, some time after they were sent: a transaction of a few statements for
/// however many, which locks once.
const INDEXING: &[&str] = &["pg_current_xact_id", "search_progress", "message_words", r#""messages"."version" >"#];
const INDEXINGS: &str = "SKIP LOCKED";
const JOURNALS: &str = "UPDATE audit_journals";
const QUIET: Duration = Duration::from_millis(300);
const CONNECTS: usize = 10;
const SENDS: usize = 50;

struct Scene {
    counter: Counter,
    nodes: Nodes,
    channel: ChannelId,
    _database: Place,
}

impl Scene {
    async fn new(number: usize) -> Self {
        let database = Place::make(Kind::Postgres).await;
        let counter = Counter::start(server_of(&database.url())).await;
        let nodes = Nodes::start_on(&at_server(&database.url(), counter.addr), number, |_| {}).await;
        let channel = nodes.node(0).group(&["ana", "bo"]).await;
        for _ in 0..5 {
            nodes.node(0).group(&["few", "bo"]).await;
        }
        for _ in 0..200 {
            nodes.node(0).group(&["many", "bo"]).await;
        }
        Self { counter, nodes, channel, _database: database }
    }

    /// Waits until nothing is asked any more that is not asked anyway.
    async fn is_quiet(&self) {
        let deadline = Instant::now() + PATIENCE;
        let mut before = None;
        loop {
            let now = self.counter.look().without(ANYWAY).executed;
            if before.replace(now) == Some(now) {
                return;
            }
            assert!(Instant::now() < deadline, "{:?}", self.counter.look());
            tokio::time::sleep(QUIET).await;
        }
    }

    /// Statements of a user's connection: of the first one, which starts rooms, and of each of those that follow.
    async fn connects(&self, user: &str) -> (usize, usize) {
        let node = self.nodes.node(0);
        let token = node.user(user).await;
        self.is_quiet().await;
        self.counter.take();
        TestSocket::connect(user, &node.url(), &token).await.close().await;
        self.is_quiet().await;
        let first = without_sign_ins(&self.counter.take());
        for _ in 0..CONNECTS {
            TestSocket::connect(user, &node.url(), &token).await.close().await;
        }
        self.is_quiet().await;
        (first, without_sign_ins(&self.counter.take()) / CONNECTS)
    }

    /// What so many messages cost, sent one at a time and heard on the last node.
    async fn sends(&self) -> Cost {
        let mut ana = self.nodes.node(0).connect("ana").await;
        let mut bo = self.nodes.daemons.last().unwrap().connect("bo").await;
        self.is_quiet().await;
        self.counter.take();
        for number in 0..SENDS {
            let text = format!("ana {number}");
            ana.send_message(self.channel, &text).await;
            bo.expect_text(&text).await;
        }
        self.is_quiet().await;
        let asked = self.counter.take();
        let mut cost = asked.without(&[ANYWAY, COMPARED, INDEXING].concat());
        // Their begins and commits look like others'.
        let indexings = asked.executed(INDEXINGS);
        assert!(indexings * 5 < SENDS, "{indexings} transactions index {SENDS} messages: {asked:?}");
        cost.executed -= 2 * indexings;
        cost.round_trips -= 2 * indexings;
        cost
    }
}

/// Of connections: who signed in is written down later, many in one transaction, with its begin and its commit.
fn without_sign_ins(asked: &Asked) -> usize {
    let transactions = asked.executed(JOURNALS);
    let journals = [ANYWAY, &["audit_records", "audit_journals"]].concat();
    asked.without(&journals).executed - 2 * transactions
}

#[tokio::test]
async fn connecting_and_sending_cost_the_same_with_many_channels_and_many_nodes() {
    let (mut first, mut later, mut sends) = (Vec::new(), Vec::new(), Vec::new());
    for number in [1, 3] {
        let scene = Scene::new(number).await;
        for user in ["few", "many"] {
            let (one, others) = scene.connects(user).await;
            first.push(one);
            later.push(others);
        }
        sends.push(scene.sends().await);
    }
    println!("first connections {first:?}, later ones {later:?}, {SENDS} sends {sends:?}");
    // What is compared every three seconds may fall into it: two statements of a node that has sessions. And what a new
    // room listens to is compared with the database as it is subscribed to, in two or three pieces.
    assert!(first.iter().max().unwrap() - first.iter().min().unwrap() <= 6, "{first:?}");
    assert!(later.iter().max().unwrap() - later.iter().min().unwrap() <= 1, "{later:?}");
    for cost in &sends {
        assert_eq!(cost.executed, 3 * SENDS, "the locks, the message, the commit");
        // Once by each connection that had not stored a message before.
        assert!(cost.prepared <= 4 && cost.again == 0, "{cost:?}");
        assert_eq!(cost.round_trips, 3 * SENDS + cost.prepared);
    }
}
