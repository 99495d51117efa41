//! Each connection prepares a statement once, whatever it is asked and how often.

use diesel_async::SimpleAsyncConnection;
use tenfour::domain::change::Mark;
use tenfour::domain::now;
use tenfour::domain::receipt::{Reach, Receipt, Received};
use tenfour::domain::sync::{HistoryFrom, PageLimits, SyncFrom};
use tenfour::store::{Reader, Writer};

use crate::commits::{at_server, server_of};
use crate::kit::*;
use crate::postgres::{Database, Server, connect};
use crate::queries::{Cost, Counter};

const ROUNDS: usize = 50;

async fn store_at(url: &str) -> (Counter, Writer, Reader) {
    let counter = Counter::start(server_of(url).await).await;
    let (writer, reader) = open_at(&at_server(url, counter.addr)).await;
    (counter, writer, reader)
}

#[test]
fn a_connection_prepares_each_statement_once() {
    runtime().block_on(async {
        let database = Database::create().await;
        let (counter, writer, reader) = store_at(&database.url).await;
        let channel = group(&writer, &["ana", "bo"]).await;
        let (id, ana) = (channel.id, user("ana").id);
        let limits = PageLimits { messages: 50, bytes: 1 << 20 };
        for round in 0..5 {
            let batch: Vec<_> = (0..=round).map(|n| item(&channel, "ana", &format!("text {n}"))).collect();
            let first = stored(&writer.append(batch.clone()).await.unwrap()[0]);
            writer.append(vec![again(&batch[0])]).await.unwrap();
            let mut reply = item(&channel, "bo", "re");
            reply.message.reply_to_id = Some(first.id);
            writer.append(vec![reply]).await.unwrap();
            writer.react(by("bo"), first.id, "ok".parse().unwrap(), true, now()).await.unwrap().unwrap();
            reader.message(first.id).await.unwrap();
            writer.edit(by("ana"), first.id, text("edited"), now()).await.unwrap().unwrap();
            writer.react(by("bo"), first.id, "ok".parse().unwrap(), false, now()).await.unwrap().unwrap();
            writer.delete(by("ana"), first.id, now()).await.unwrap().unwrap();
            writer.rename(by("ana"), id, format!("Name {round}"), now()).await.unwrap().unwrap();
            writer.mark_read(vec![Mark { channel_id: id, user_id: ana, seq: first.seq }], now()).await.unwrap();
            let what = Received::Confirmed(Reach { after: 0, version: first.version });
            let receipt = Receipt { channel_id: id, user_id: ana, what, at: now() };
            assert!(writer.note_received(vec![receipt]).await.unwrap().is_empty());
            reader.received(id).await.unwrap();
            writer.remove_member(by("ana"), id, user("bo"), now()).await.unwrap().unwrap();
            writer.add_members(by("ana"), id, vec![user("bo")], false, 9, now()).await.unwrap().unwrap();
            group(&writer, &["ana", "bo"]).await;
            reader.history(id, HistoryFrom::Latest, limits).await.unwrap();
            for from in [SyncFrom::Version(3), SyncFrom::Time(now()), SyncFrom::Reset] {
                reader.sync_page(ana, id, from, limits).await.unwrap().unwrap();
            }
            reader.fill(id, 3, 100).await.unwrap();
            reader.snapshot(ana).await.unwrap();
            reader.view(ana, id).await.unwrap();
            reader.state(id).await.unwrap();
            reader.listing(ana).await.unwrap();
            reader.memberships(vec![ana]).await.unwrap();
            reader.heads(vec![id]).await.unwrap();
            reader.message(first.id).await.unwrap();
            reader.find_stored(ana, batch[0].message.client_id).await.unwrap();
            reader.epoch().await.unwrap();
        }
        let asked = counter.look();
        assert!(asked.executed("unnest") >= 15, "{asked:?}");
        assert_eq!(asked.prepared_again(), [""; 0], "{asked:#?}");
        database.drop().await;
    });
}

/// Of so many calls one after the other, once everything is prepared.
async fn cost(counter: &Counter, call: impl AsyncFn()) -> Cost {
    call().await;
    counter.take();
    for _ in 0..ROUNDS {
        call().await;
    }
    counter.take().without(&[])
}

#[test]
fn what_is_prepared_costs_a_round_trip_for_each_statement() {
    let of = |each| Cost { executed: each * ROUNDS, round_trips: each * ROUNDS, prepared: 0, again: 0 };
    runtime().block_on(async {
        let database = Database::create().await;
        let (counter, writer, reader) = store_at(&database.url).await;
        let channel = group(&writer, &["ana", "bo"]).await;
        let append = cost(&counter, async || {
            send(&writer, &channel, "ana", "hello").await;
        })
        .await;
        let snapshot = cost(&counter, async || drop(reader.snapshot(user("ana").id).await.unwrap())).await;
        let epoch = cost(&counter, async || drop(reader.epoch().await.unwrap())).await;
        println!("of {ROUNDS}: appends {append:?}, snapshots {snapshot:?}, epochs {epoch:?}");
        assert_eq!(append, of(3), "the locks, the message, the commit");
        assert_eq!(snapshot, of(6));
        assert_eq!(epoch, of(1));
        database.drop().await;
    });
}

/// The text is what clients hold: it must not depend on how it was read.
#[test]
fn the_epoch_is_one_text_however_much_the_server_tells_and_asked_for_at_once_where_it_tells_all() {
    let server = Server::start();
    runtime().block_on(async {
        let mut owner = connect(&server.url()).await;
        owner.batch_execute("CREATE ROLE plain LOGIN; GRANT CREATE ON DATABASE postgres TO plain").await.unwrap();
        let url = server.url().replace("//postgres@", "//plain@");
        let (counter, _, reader) = store_at(&url).await;
        let whole = reader.epoch().await.unwrap();
        let parts: Vec<String> = whole.rsplitn(3, '-').map(str::to_owned).collect();
        let [timeline, system, own] = parts.as_slice() else { panic!("{whole}") };
        assert!(own.len() == 36 && system.len() > 10 && timeline == "00000001", "{whole}");
        let functions = [
            ("pg_control_system()", format!("{own}--{timeline}")),
            ("pg_current_wal_lsn()", format!("{own}-{system}-")),
        ];
        for (function, less) in &functions {
            owner.batch_execute(&format!("REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC")).await.unwrap();
            assert_eq!((&reader.epoch().await.unwrap(), &reader.epoch().await.unwrap()), (less, less));
            counter.take();
            assert_eq!(reader.epoch().await.unwrap(), *less);
            assert_eq!(counter.take().without(&[]).round_trips, 3);
            owner.batch_execute(&format!("GRANT EXECUTE ON FUNCTION {function} TO PUBLIC")).await.unwrap();
            assert_eq!((&reader.epoch().await.unwrap(), &reader.epoch().await.unwrap()), (&whole, &whole));
            counter.take();
            assert_eq!(reader.epoch().await.unwrap(), whole);
            assert_eq!(counter.take().without(&[]).round_trips, 1);
        }
        owner.batch_execute("ALTER FUNCTION pg_control_system() RENAME TO no_such_function").await.unwrap();
        let (_counter, _, reader) = store_at(&url).await;
        for _ in 0..3 {
            assert_eq!(reader.epoch().await.unwrap(), functions[0].1);
        }
    });
}
