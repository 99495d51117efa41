//! Durable appends a second: through the DB actor, which commits in groups, beside one commit a message.
//!
//! `cargo bench --bench append`. All three ways run in turns against one database file or server, so that only their
//! ratio counts. "In turn" has one message under way at a time, "together" as many as the actor has.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and stops at the first surprise"
)]

mod support;

use std::cell::Cell;
use std::future::Future;
use std::io::Write;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, Addr, Arbiter};
use tenfour::actors::db::{Db, DbHandle, Inspect, Load};
use tenfour::actors::directory::Directory;
use tenfour::actors::obituary::Obituary;
use tenfour::actors::origin::Origin;
use tenfour::bus::Bus;
use tenfour::domain::channel::Channel;
use tenfour::domain::content::Content;
use tenfour::domain::ids::{ClientId, MessageId, UserId, new_v7};
use tenfour::domain::message::{Append, Appended, NewMessage};
use tenfour::domain::now;
use tenfour::live::Live;
use tenfour::metrics::Metrics;
use tenfour::store::{Indexer, Reader, Settings, StoreError, Writer};
use tokio::sync::oneshot;

use support::arguments::Arguments;
use support::daemon::{group, user};
use support::postgres::Postgres;
use support::table::{self, median, range, verdict};

const IN_FLIGHT: [usize; 4] = [1, 16, 128, 1000];
const CHANNELS: usize = 20;
const CONTENT_BYTES: usize = 200;
/// At which the target is judged.
const TARGET_AT: usize = 128;

fn main() {
    let defaults = Arguments { rounds: 5, time: Duration::from_secs(1), beside: None };
    let arguments = Arguments::parse(defaults);
    let stores = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    actix::System::new().block_on(async {
        let folder = tempfile::tempdir().unwrap();
        println!("\nOne fsync of 8 KiB takes {} µs in {}.\n", fsync_micros(folder.path()), folder.path().display());
        let file = format!("sqlite:{}", folder.path().join("append.db").display());
        compare("SQLite, a file, synchronous = FULL", &file, 5.0, &stores, &arguments).await;
        match Postgres::start() {
            Some(server) => {
                let title = "PostgreSQL, fsync = on, synchronous_commit = on";
                compare(title, &server.url(), 8.0, &stores, &arguments).await;
            }
            None => println!("PostgreSQL is not installed (Debian: apt-get install postgresql): not measured.\n"),
        }
    });
    stores.shutdown_background();
}

/// The channels of one database, and the ways into it.
struct Bench {
    channels: Vec<(Channel, UserId)>,
    handle: DbHandle,
    db: Addr<Db>,
    single: Writer,
    reader: Reader,
    indexer: Arc<Indexer>,
    stores: tokio::runtime::Handle,
    texts: Vec<String>,
}

/// What one measurement gave.
#[derive(Clone, Copy)]
struct Sample {
    rate: f64,
    batch: f64,
}

/// One level, round by round.
#[derive(Default)]
struct Level {
    actor: Vec<Sample>,
    /// While what is stored is indexed for search, as in a daemon.
    indexed: Vec<f64>,
    together: Vec<f64>,
    in_turn: Vec<f64>,
}

async fn compare(title: &str, url: &str, target: f64, stores: &tokio::runtime::Runtime, arguments: &Arguments) {
    let arbiter = Arbiter::new();
    let bench = Rc::new(Bench::open(url, stores, &arbiter).await);
    let mut levels = IN_FLIGHT.map(|_| Level::default());
    let mut acknowledged = 0;
    for _ in 0..arguments.rounds {
        for (level, in_flight) in levels.iter_mut().zip(IN_FLIGHT) {
            let (sample, count) = bench.actor(in_flight, arguments.time).await;
            level.actor.push(sample);
            let (indexed, others) = bench.indexed(in_flight, arguments.time).await;
            level.indexed.push(indexed.rate);
            acknowledged += others;
            let (together, more) = bench.single(in_flight, arguments.time).await;
            level.together.push(together);
            let (in_turn, last) = bench.single(1, arguments.time).await;
            level.in_turn.push(in_turn);
            acknowledged += count + more + last;
        }
    }
    bench.check(acknowledged).await;
    println!("{title}: messages of {CONTENT_BYTES} bytes a second over {CHANNELS} channels");
    println!(
        "(medians of {} rounds of {:?} each; {acknowledged} messages were stored)\n",
        arguments.rounds, arguments.time
    );
    let rows: Vec<Vec<String>> =
        IN_FLIGHT.iter().zip(&levels).map(|(&in_flight, level)| level.row(in_flight)).collect();
    table::print(
        &[
            "in flight",
            "DB actor",
            "batch",
            "indexed",
            "x indexed",
            "single, in turn",
            "single, together",
            "x in turn",
            "x together",
            "(range)",
        ],
        &rows,
    );
    let at = IN_FLIGHT.iter().position(|&level| level == TARGET_AT).unwrap();
    let (in_turn, together) = (median(levels[at].times_in_turn()), median(levels[at].times_together()));
    println!(
        "  target at {TARGET_AT} in flight: {target} times one commit a message: {in_turn:.1} in turn {}, {together:.1} together {}\n",
        verdict(in_turn >= target),
        verdict(together >= target),
    );
    arbiter.stop();
}

impl Level {
    fn times_in_turn(&self) -> Vec<f64> {
        self.actor.iter().zip(&self.in_turn).map(|(actor, single)| actor.rate / single).collect()
    }

    fn times_together(&self) -> Vec<f64> {
        self.actor.iter().zip(&self.together).map(|(actor, single)| actor.rate / single).collect()
    }

    fn row(&self, in_flight: usize) -> Vec<String> {
        vec![
            in_flight.to_string(),
            format!("{:.0}", median(self.actor.iter().map(|sample| sample.rate))),
            format!("{:.1}", median(self.actor.iter().map(|sample| sample.batch))),
            format!("{:.0}", median(self.indexed.iter().copied())),
            format!("{:.2}", median(self.actor.iter().zip(&self.indexed).map(|(actor, indexed)| indexed / actor.rate))),
            format!("{:.0}", median(self.in_turn.iter().copied())),
            format!("{:.0}", median(self.together.iter().copied())),
            format!("{:.1}", median(self.times_in_turn())),
            format!("{:.1}", median(self.times_together())),
            range(&self.times_together()),
        ]
    }
}

impl Bench {
    async fn open(url: &str, stores: &tokio::runtime::Runtime, arbiter: &Arbiter) -> Self {
        let settings = Settings::new(url.parse().unwrap());
        let open = || tenfour::store::open(settings.clone(), stores.handle().clone());
        let (writer, reader) = open().await.unwrap();
        let (single, _) = open().await.unwrap();
        let mut channels = Vec::new();
        for channel in 0..CHANNELS {
            let owner = user(channel, 0);
            single.upsert_user(owner.clone(), "Owner".to_owned()).await.unwrap().unwrap();
            let made = single.create_group(group(channel, 5), now()).await.unwrap().unwrap();
            channels.push((made, owner.id));
        }
        let indexer = Arc::new(writer.indexer(&reader));
        let db = {
            let reader = reader.clone();
            Db::start_in_arbiter(&arbiter.handle(), move |_| {
                let (directory, metrics) = (Directory::default(), Arc::new(Metrics::new()));
                Db::new(writer, reader, directory, Bus::alone(), metrics, Live::default(), Obituary::new(|| {}))
            })
        };
        let handle = DbHandle::new(db.clone(), Arc::new(Load::new(4096)));
        let texts = texts();
        Self { channels, handle, db, single, reader, indexer, stores: stores.handle().clone(), texts }
    }

    fn message(&self, number: usize) -> Append {
        let (channel, sender) = &self.channels[number % self.channels.len()];
        let message = NewMessage {
            id: MessageId(new_v7()),
            client_id: ClientId(uuid::Uuid::new_v4()),
            channel_id: channel.id,
            sender_id: *sender,
            sender_name: "Owner".to_owned(),
            content: Content::parse(self.texts[number % self.texts.len()].clone(), CONTENT_BYTES).unwrap(),
            content_type: "text".to_owned(),
            reply_to_id: None,
            attachment_ids: Vec::new(),
            mention_ids: Vec::new(),
            ask: None,
            created_at: now(),
        };
        Append { digest: message.digest(), members_version: channel.members_version, message }
    }

    /// As rooms do it; the answer comes back as it does to a REST call.
    async fn actor(self: &Rc<Self>, in_flight: usize, time: Duration) -> (Sample, u64) {
        let before = self.db.send(Inspect).await.unwrap();
        let bench = Rc::clone(self);
        let (rate, count) = closed_loop(in_flight, time, move |number| {
            let bench = Rc::clone(&bench);
            async move {
                let append = bench.message(number);
                let (reply, answer) = oneshot::channel();
                let client_id = append.message.client_id;
                bench.handle.append(append, Origin::Rest { client_id, reply, trace: None }, None);
                let ack = answer.await.unwrap().unwrap();
                assert!(!ack.duplicate);
            }
        })
        .await;
        let after = self.db.send(Inspect).await.unwrap();
        #[expect(clippy::cast_precision_loss, reason = "small enough")]
        let batch = (after.sends - before.sends) as f64 / (after.batches - before.batches).max(1) as f64;
        (Sample { rate, batch }, count)
    }

    /// The same beside a daemon's indexer, which has all of before behind it.
    async fn indexed(self: &Rc<Self>, in_flight: usize, time: Duration) -> (Sample, u64) {
        self.indexer.catch_up().await.unwrap();
        let indexer = Arc::clone(&self.indexer);
        let running = self.stores.spawn(async move { indexer.run().await });
        let done = self.actor(in_flight, time).await;
        running.abort();
        self.indexer.catch_up().await.unwrap();
        done
    }

    /// One transaction a message.
    async fn single(self: &Rc<Self>, in_flight: usize, time: Duration) -> (f64, u64) {
        let bench = Rc::clone(self);
        closed_loop(in_flight, time, move |number| {
            let bench = Rc::clone(&bench);
            async move {
                let append = bench.message(number);
                loop {
                    match bench.single.append(vec![append.clone()]).await {
                        Ok(outcomes) => {
                            assert!(
                                matches!(outcomes[..], [Appended::New(_) | Appended::Duplicate(_)]),
                                "{outcomes:?}"
                            );
                            return;
                        }
                        // Too many wait for too few connections.
                        Err(StoreError::Unavailable(_) | StoreError::UnknownOutcome) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            }
        })
        .await
    }

    /// All that was acknowledged is there.
    async fn check(&self, stored: u64) {
        let ids = self.channels.iter().map(|(channel, _)| channel.id).collect();
        let sum: i64 = self.reader.channels(ids).await.unwrap().iter().map(|channel| channel.last_seq).sum();
        assert_eq!(u64::try_from(sum).unwrap(), stored, "the channels hold what was acknowledged");
    }
}

/// Keeps so many under way for so long; those that ended in time, a second, and all that were done.
async fn closed_loop<F: Future<Output = ()> + 'static>(
    in_flight: usize,
    time: Duration,
    one: impl Fn(usize) -> F + Clone + 'static,
) -> (f64, u64) {
    let (in_time, all) = (Rc::new(Cell::new(0_u32)), Rc::new(Cell::new(0_u64)));
    let started = Instant::now();
    let workers: Vec<_> = (0..in_flight)
        .map(|worker| {
            let (in_time, all, one) = (Rc::clone(&in_time), Rc::clone(&all), one.clone());
            actix::spawn(async move {
                for number in 0.. {
                    one(worker + number).await;
                    all.set(all.get() + 1);
                    if started.elapsed() > time {
                        break;
                    }
                    in_time.set(in_time.get() + 1);
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    (f64::from(in_time.get()) / time.as_secs_f64(), all.get())
}

/// What makes one commit a message slow.
fn fsync_micros(folder: &Path) -> u128 {
    let mut file = std::fs::File::create(folder.join("probe")).unwrap();
    let times = (0..100).map(|_| {
        let started = Instant::now();
        file.write_all(&[7; 8192]).and_then(|()| file.sync_data()).unwrap();
        started.elapsed().as_secs_f64()
    });
    Duration::from_secs_f64(median(times)).as_micros()
}

/// Texts of words as people use them: a few often, most seldom.
fn texts() -> Vec<String> {
    let mut random = fastrand::Rng::with_seed(3);
    let words: Vec<String> =
        (0..20_000).map(|_| (0..random.usize(2..10)).map(|_| random.lowercase()).collect()).collect();
    let mut text = || {
        let mut text = String::new();
        while text.len() < CONTENT_BYTES {
            let rank = random.f64().powi(4) * 20_000.0;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below the number of words")]
            let word = &words[(rank as usize).min(words.len() - 1)];
            text += word;
            text.push(' ');
        }
        text.truncate(CONTENT_BYTES);
        text
    };
    (0..2048).map(|_| text()).collect()
}
