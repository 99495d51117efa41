//! The answer to a COMMIT gets lost: what was done is told as done, what was not as not, and anything else as unknown.

use std::net::SocketAddr;
use std::time::Duration;

use diesel_async::SimpleAsyncConnection;
use tenfour::domain::change::By;
use tenfour::domain::change::Mark;
use tenfour::domain::channel::Channel;
use tenfour::domain::ids::MessageId;
use tenfour::domain::message::Appended;
use tenfour::domain::now;
use tenfour::store::{NewGroup, Reader, StoreError, Writer};

use crate::kit::*;
use crate::outage::LIMIT;
use crate::postgres::{Database, Server, connect};
use crate::proxy::{Cut, Direction, Proxy};

/// With the end of its message, or it would be found in READ COMMITTED.
const COMMIT: &[u8] = b"COMMIT\0";

/// A line to the server of `url`, and the URL by which it is taken.
pub(crate) async fn line_to(url: &str) -> (Proxy, String) {
    let proxy = Proxy::start(server_of(url).await);
    let url = at_server(url, proxy.addr);
    (proxy, url)
}

fn place_in(url: &str) -> &str {
    let (place, _) = url.rsplit_once('/').unwrap();
    place.rsplit_once('@').map_or(place, |(_, server)| server)
}

pub(crate) async fn server_of(url: &str) -> SocketAddr {
    tokio::net::lookup_host(place_in(url)).await.unwrap().next().unwrap()
}

/// The URL with its server elsewhere.
pub(crate) fn at_server(url: &str, addr: SocketAddr) -> String {
    url.replacen(place_in(url), &addr.to_string(), 1)
}

/// A store whose line can be cut, with a group of ana's and her message in it.
struct Scene {
    proxy: Proxy,
    writer: Writer,
    reader: Reader,
    channel: Channel,
    message: MessageId,
}

impl Scene {
    async fn on(url: &str) -> Self {
        let (proxy, url) = line_to(url).await;
        let (writer, reader) = open_at(&url).await;
        group(&writer, &["cy", "dee"]).await;
        let channel = group(&writer, &["ana", "bo"]).await;
        let message = send(&writer, &channel, "ana", "hello").await.id;
        Self { proxy, writer, reader, channel, message }
    }

    async fn order(&self, order: Order) -> Result<(), StoreError> {
        let (writer, channel, at) = (&self.writer, self.channel.id, now());
        match order {
            Order::Edit => writer.edit(by("ana"), self.message, text("edited"), at).await?.map(drop),
            Order::Delete => writer.delete(by("ana"), self.message, at).await?.map(drop),
            Order::Add => writer.add_members(by("ana"), channel, vec![user("cy")], false, 9, at).await?.map(drop),
            Order::Remove => writer.remove_member(by("ana"), channel, user("bo"), at).await?.map(drop),
            Order::Rename => writer.rename(by("ana"), channel, "Night".to_owned(), at).await?.map(drop),
            Order::Create => writer.create_group(new_group(), at).await?.map(drop),
            Order::Direct => writer.create_direct(By::Host, user("ana"), user("bo"), false, at).await?.map(drop),
            Order::Mark => {
                let mark = Mark { channel_id: channel, user_id: user("bo").id, seq: 1 };
                assert!(writer.mark_read(vec![mark], at).await?[0].as_ref().unwrap().moved);
                return Ok(());
            }
        }
        .unwrap();
        Ok(())
    }

    /// All that an order may change.
    async fn state(&self) -> String {
        let channels = self.reader.list_channels(None, 100).await.unwrap().0;
        let message = self.reader.message(self.message).await.unwrap();
        let users = ["ana", "bo", "cy"].map(|name| user(name).id).to_vec();
        format!("{channels:?} {message:?} {:?}", self.reader.memberships(users).await.unwrap())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Edit,
    Add,
    Mark,
    Rename,
    Create,
    Direct,
    Remove,
    Delete,
}

const ORDERS: [Order; 8] =
    [Order::Edit, Order::Add, Order::Mark, Order::Rename, Order::Create, Order::Direct, Order::Remove, Order::Delete];

fn new_group() -> NewGroup {
    let members = vec![user("ana"), user("cy")];
    NewGroup { by: by("ana"), name: "New".to_owned(), members, placeholders: false, max_members: 9 }
}

#[test]
fn an_order_whose_commit_was_done_is_answered_as_done() {
    runtime().block_on(async {
        let database = Database::create().await;
        let scene = Scene::on(&database.url).await;
        for order in ORDERS {
            let before = scene.state().await;
            scene.proxy.cut_when(Direction::Up, COMMIT, Cut::After);
            assert_eq!(within(LIMIT, scene.order(order)).await, Ok(()), "{order:?}");
            assert!(!scene.proxy.armed(), "{order:?}");
            assert_ne!(scene.state().await, before, "{order:?}");
        }
        let channel = scene.reader.channels(vec![scene.channel.id]).await.unwrap().pop().unwrap();
        // The message and each order but the two new channels and the mark, once.
        assert_eq!(channel.version, 1 + 5);
        database.drop().await;
    });
}

#[test]
fn an_order_whose_commit_never_arrived_was_not_done_and_may_be_tried_again() {
    runtime().block_on(async {
        let database = Database::create().await;
        let scene = Scene::on(&database.url).await;
        for order in ORDERS {
            let before = scene.state().await;
            scene.proxy.cut_when(Direction::Up, COMMIT, Cut::Before);
            let outcome = within(LIMIT, scene.order(order)).await;
            assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{order:?}: {outcome:?}");
            assert_eq!(scene.state().await, before, "{order:?}");
            assert_eq!(within(LIMIT, scene.order(order)).await, Ok(()), "{order:?}");
        }
        database.drop().await;
    });
}

#[test]
fn a_server_that_stays_away_leaves_the_outcome_open_and_one_that_comes_back_tells_it() {
    runtime().block_on(async {
        let database = Database::create().await;
        let scene = Scene::on(&database.url).await;
        scene.proxy.refuse();
        scene.proxy.cut_when(Direction::Up, COMMIT, Cut::After);
        assert_eq!(within(LIMIT, scene.order(Order::Edit)).await, Err(StoreError::UnknownOutcome));
        scene.proxy.accept();
        let before = scene.state().await;
        assert!(before.contains("edited"), "{before}");
        scene.proxy.refuse();
        scene.proxy.cut_when(Direction::Up, COMMIT, Cut::After);
        let back = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            scene.proxy.accept();
        };
        let (outcome, ()) = tokio::join!(within(LIMIT, scene.order(Order::Rename)), back);
        assert_eq!(outcome, Ok(()));
        database.drop().await;
    });
}

/// The ids of transactions that had not reached the disk are given again after a crash.
#[test]
fn a_server_that_crashed_in_between_is_not_believed() {
    let mut server = Server::start();
    runtime().block_on(async {
        let scene = Scene::on(&server.url()).await;
        scene.proxy.refuse();
        scene.proxy.cut_when(Direction::Up, COMMIT, Cut::Before);
        let crash = async {
            while scene.proxy.armed() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            tokio::task::block_in_place(|| {
                server.order("stop");
                server.order("start");
            });
            // Another's transactions, one of which gets the same id.
            let mut other = connect(&server.url()).await;
            for _ in 0..50 {
                other.batch_execute("UPDATE tenfour.users SET name = name").await.unwrap();
            }
            scene.proxy.accept();
        };
        let (outcome, ()) = tokio::join!(within(LIMIT, scene.order(Order::Edit)), crash);
        assert_eq!(outcome, Err(StoreError::UnknownOutcome));
    });
}

#[test]
fn an_ordinary_user_is_told_and_a_server_that_does_not_tell_is_no_obstacle() {
    let server = Server::start();
    runtime().block_on(async {
        let mut owner = connect(&server.url()).await;
        owner.batch_execute("CREATE ROLE plain LOGIN; GRANT CREATE ON DATABASE postgres TO plain").await.unwrap();
        let url = server.url().replace("//postgres@", "//plain@");
        let scene = Scene::on(&url).await;
        scene.proxy.cut_when(Direction::Up, COMMIT, Cut::After);
        assert_eq!(within(LIMIT, scene.order(Order::Edit)).await, Ok(()));
        owner.batch_execute("REVOKE EXECUTE ON FUNCTION pg_current_xact_id() FROM PUBLIC").await.unwrap();
        drop(scene);
        let scene = Scene::on(&url).await;
        scene.proxy.cut_when(Direction::Up, COMMIT, Cut::After);
        assert_eq!(within(LIMIT, scene.order(Order::Edit)).await, Err(StoreError::UnknownOutcome));
        assert_eq!(within(LIMIT, scene.order(Order::Delete)).await, Ok(()));
    });
}

#[test]
fn a_line_lost_at_the_commit_of_a_batch_leaves_the_outcome_open_and_a_look_up_tells_it() {
    runtime().block_on(async {
        let database = Database::create().await;
        let (proxy, url) = line_to(&database.url).await;
        let (writer, reader) = open_at(&url).await;
        let channel = group(&writer, &["ana"]).await;
        let sent = item(&channel, "ana", "hello");
        proxy.cut_when(Direction::Up, COMMIT, Cut::After);
        assert_eq!(within(LIMIT, writer.append(vec![sent.clone()])).await, Err(StoreError::UnknownOutcome));
        // The server may still be at it; whoever asks under the channel's lock waits for that.
        let outcomes = writer.append(vec![again(&sent)]).await.unwrap();
        let (found, _) = reader.find_stored(user("ana").id, sent.message.client_id).await.unwrap().unwrap();
        assert_eq!((found.id, found.seq), (sent.message.id, 1));
        assert_eq!(outcomes, [Appended::Duplicate(found)]);
        database.drop().await;
    });
}
