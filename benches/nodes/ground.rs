//! What the nodes stand on: a PostgreSQL, a Redis, and the people and channels in them, which are made without a node.

use std::net::SocketAddr;

use diesel::sql_types::BigInt;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use tenfour::config::{SecretUrl, Timing};
use tenfour::daemon::Daemon;
use tenfour::domain::change::By;
use tenfour::domain::channel::Channel;
use tenfour::domain::content::Content;
use tenfour::domain::ids::{ClientId, MessageId, new_v7};
use tenfour::domain::message::{Append, Appended, NewMessage};
use tenfour::domain::now;
use tenfour::domain::user::UserRef;
use tenfour::store::{NewGroup, Settings, Writer};
use tokio::runtime::Runtime;

use crate::proxy::Proxy;
use crate::redis::Redis;
use crate::support::daemon::{config, token_of};
use crate::support::postgres::Postgres;
use crate::support::process::{self, Server, this_program};

/// Messages of one transaction.
const BATCH: usize = 100;

pub(crate) struct Ground {
    postgres: Postgres,
    redis: Redis,
}

#[derive(diesel::QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    transactions: i64,
}

/// A daemon. Killed when dropped.
pub(crate) struct Node {
    pub(crate) addr: SocketAddr,
    pub(crate) server: Server,
}

/// A node, as a process of its own.
pub(crate) fn serve(database: &str, redis: &str) {
    // Only what goes wrong; `RUST_LOG` says otherwise.
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("error")).init();
    actix::System::new().block_on(async {
        let mut config = config(database);
        config.redis_url = Some(SecretUrl::new(redis));
        // As in production: the heartbeat is a part of what is measured.
        config.timing = Timing::default();
        let daemon = Daemon::start(config).await.unwrap();
        process::ready(&[daemon.addr().to_string()]);
        std::future::pending::<()>().await;
    });
}

impl Ground {
    /// None where PostgreSQL is not installed.
    pub(crate) fn new() -> Option<Self> {
        Some(Self { postgres: Postgres::start()?, redis: Redis::start() })
    }

    pub(crate) fn store(&self) -> Store {
        let runtime = Runtime::new().unwrap();
        let settings = Settings::new(self.postgres.url().parse().unwrap());
        let (writer, _) = runtime.block_on(tenfour::store::open(settings, runtime.handle().clone())).unwrap();
        Store { writer, runtime }
    }

    /// How many transactions have ended. A connection tells of its own within ten seconds of its last one.
    pub(crate) fn transactions(&self) -> u64 {
        let query = "SELECT xact_commit + xact_rollback AS transactions FROM pg_stat_database \
                     WHERE datname = current_database()";
        let counted: Counted = Runtime::new().unwrap().block_on(async {
            let mut connection = AsyncPgConnection::establish(&self.postgres.url()).await.unwrap();
            diesel::sql_query(query).get_result(&mut connection).await.unwrap()
        });
        u64::try_from(counted.transactions).unwrap()
    }

    pub(crate) fn node(&self) -> Node {
        self.node_on(&self.redis.url())
    }

    /// A node whose link to Redis can be cut.
    pub(crate) fn node_behind_proxy(&self) -> (Node, Proxy) {
        let proxy = Proxy::start(self.redis.addr);
        (self.node_on(&format!("redis://{}/", proxy.addr)), proxy)
    }

    fn node_on(&self, redis: &str) -> Node {
        let server = Server::start(&this_program(), &[&self.postgres.url(), redis]);
        Node { addr: server.said[0].parse().unwrap(), server }
    }
}

/// Somebody, as the host application calls them.
pub(crate) fn person(number: usize) -> UserRef {
    UserRef::new(&format!("person-{number}"))
}

pub(crate) fn token(number: usize) -> String {
    token_of(&person(number), &format!("Person {number}"))
}

/// The database without a daemon.
pub(crate) struct Store {
    writer: Writer,
    runtime: Runtime,
}

impl Store {
    /// A group of these people; the first one owns it.
    pub(crate) fn group(&self, name: &str, people: &[usize]) -> Channel {
        let owner = person(people[0]);
        let new = NewGroup {
            by: By::User(owner.id),
            name: name.to_owned(),
            members: people[1..].iter().map(|number| person(*number)).collect(),
            placeholders: true,
            max_members: people.len(),
        };
        self.runtime.block_on(async {
            self.writer.upsert_user(owner, format!("Person {}", people[0])).await.unwrap().unwrap();
            self.writer.create_group(new, now()).await.unwrap().unwrap()
        })
    }

    pub(crate) fn direct(&self, a: usize, b: usize) -> Channel {
        let made = self.writer.create_direct(By::Host, person(a), person(b), true, now());
        self.runtime.block_on(made).unwrap().unwrap().0
    }

    /// Stores messages of which no node is told, each of such a person in such a channel.
    pub(crate) fn append<'a>(&self, messages: impl IntoIterator<Item = (&'a Channel, usize)>) {
        let all: Vec<Append> = messages.into_iter().map(|(channel, sender)| message(channel, sender)).collect();
        for batch in all.chunks(BATCH) {
            let outcomes = self.runtime.block_on(self.writer.append(batch.to_vec())).unwrap();
            assert!(outcomes.iter().all(|outcome| matches!(outcome, Appended::New(_))), "{outcomes:?}");
        }
    }

    /// Closed, so that it has no connection any more.
    pub(crate) fn close(self) {
        self.runtime.block_on(self.writer.close()).unwrap();
    }
}

fn message(channel: &Channel, sender: usize) -> Append {
    let message = NewMessage {
        id: MessageId(new_v7()),
        client_id: ClientId(uuid::Uuid::new_v4()),
        channel_id: channel.id,
        sender_id: person(sender).id,
        sender_name: format!("Person {sender}"),
        content: Content::parse("x".repeat(200), 200).unwrap(),
        content_type: "text".to_owned(),
        reply_to_id: None,
        attachment_ids: Vec::new(),
        mention_ids: Vec::new(),
        ask: None,
        created_at: now(),
    };
    Append { digest: message.digest(), members_version: channel.members_version, message }
}
