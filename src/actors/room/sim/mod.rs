//! Rooms of several nodes and the sessions on them, driven by a seed through what real time would show once in a year.
//!
//! The rooms, their sequences and rosters, and the feeds are the daemon's own; only nobody runs them but [`World`], which
//! decides what happens next: what the bus brings is doubled, dropped, late and out of order, a fill is read and arrives later,
//! rooms die, sessions come, go and join half-way. What each session's peer reads is held against [`Store`].
//!
//! `TENFOUR_SIM_SEEDS=FROM..TO` tries others than with every test. What fails says its seed.

mod client;
mod notices;
mod sessions;
mod store;
mod world;

use super::{RoomParts, RoomSettings};
use crate::actors::db::{Db, DbHandle, Load};
use crate::actors::registry::Registry;
use crate::bus::Bus;
use crate::ephemeral::Online;
use crate::metrics::Metrics;
use actix::AsyncContext as _;
use std::sync::Arc;
use std::time::Duration;
use world::World;

/// How often what happened: a simulation that never comes to the hard part proves nothing.
#[derive(Debug, Default, Clone, Copy)]
struct Totals {
    sends: usize,
    fills: usize,
    late_fills: usize,
    deaths: usize,
    joins: usize,
    removals: usize,
    dropped: usize,
    doubled: usize,
    resyncs: usize,
    typed: usize,
    marks: usize,
}

impl Totals {
    fn add(&mut self, other: &Self) {
        self.sends += other.sends;
        self.fills += other.fills;
        self.late_fills += other.late_fills;
        self.deaths += other.deaths;
        self.joins += other.joins;
        self.removals += other.removals;
        self.dropped += other.dropped;
        self.doubled += other.doubled;
        self.resyncs += other.resyncs;
        self.typed += other.typed;
        self.marks += other.marks;
    }

    fn is_varied(&self) -> bool {
        let Self { sends, fills, late_fills, deaths, joins, removals, dropped, doubled, resyncs, typed, marks } = *self;
        let all = [sends, fills, late_fills, deaths, joins, removals, dropped, doubled, resyncs, typed, marks];
        all.iter().all(|count| *count > 0)
    }
}

/// Rooms want these, and the simulation never lets one be used: whom a room tells there is nobody.
fn parts(runtime: &tokio::runtime::Runtime) -> RoomParts {
    let settings = crate::store::Settings::new("sqlite::memory:".parse().unwrap());
    let (_writer, reader) = runtime.block_on(crate::store::open(settings, runtime.handle().clone())).unwrap();
    RoomParts {
        db: DbHandle::new(actix::Context::<Db>::new().address(), Arc::new(Load::new(1))),
        reader,
        registry: actix::Context::<Registry>::new().address(),
        online: Online::default(),
        bus: Bus::alone(),
        metrics: Arc::new(Metrics::new()),
        settings: RoomSettings {
            max_in_flight: 1,
            typing_debounce: Duration::from_secs(2),
            typing_expiry: Duration::from_secs(3),
            read_merge: Duration::from_secs(1),
            idle: Duration::from_secs(60),
        },
    }
}

#[test]
fn whatever_the_bus_does_each_session_sees_each_version_once_and_all_come_to_the_head() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let parts = parts(&runtime);
    let mut totals = Totals::default();
    for seed in crate::actors::seeds(400) {
        let mut world = World::new(seed, parts.clone());
        if let Err(wrong) = world.run() {
            panic!("TENFOUR_SIM_SEEDS={seed}..{}: {wrong}\n{}", seed + 1, world.story());
        }
        totals.add(&world.totals);
    }
    // It came to what it is for.
    println!("{totals:?}");
    assert!(totals.is_varied(), "{totals:?}");
}
