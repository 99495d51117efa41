//! Deliveries per CPU second of the server: 20 rooms of 50 sockets, with one and with eight publishes in flight a room.
//!
//! `cargo bench --bench fanout`. Three servers, each a process of its own, measured in turns by the same load:
//! `bare` reads triggers and writes the same bytes to as many sockets, nothing else (mio); `rooms` is the daemon, but
//! its rooms are told of commits directly, so that no store is involved; `daemon` is the whole of it, from a `message`
//! frame through the store (SQLite in memory) to 49 `message` frames and an `ack`. A publish is done when all 50 sockets
//! have it, and then the next one begins. The server has one processor, the load another, which never sleeps: what a
//! write costs depends on where its reader is and whether it has to be woken.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and stops at the first surprise"
)]

#[path = "fanout/bare.rs"]
mod bare;
#[path = "fanout/crowd.rs"]
mod crowd;
#[path = "fanout/rooms.rs"]
mod rooms;
mod support;

use std::path::Path;
use std::time::Duration;

use crowd::{Crowd, Kind, Sample};
use support::arguments::Arguments;
use support::process::{self, Server, this_program};
use support::table::{self, median, range, verdict};

pub(crate) const ROOMS: usize = 20;
pub(crate) const MEMBERS: usize = 50;
pub(crate) const CONTENT_BYTES: usize = 200;
/// Publishes in flight a room, and the share of the bare program's deliveries that `rooms` is to reach.
const WINDOWS: [(usize, f64); 2] = [(1, 0.7), (8, 0.5)];
/// What a write costs depends on where its reader runs; this way it is the same for all.
const SERVER_PROCESSOR: usize = 0;
const LOAD_PROCESSOR: usize = 1;
/// Before each measurement.
const WARM_UP: Duration = Duration::from_millis(300);

fn main() {
    match process::role().as_deref() {
        None => measure(&Arguments::parse(Arguments { rounds: 5, time: Duration::from_secs(2), beside: None })),
        Some([kind]) => rooms::serve(kind == "daemon"),
        Some([_, frame_bytes]) => bare::serve(frame_bytes.parse().unwrap()),
        Some(other) => panic!("no such server: {other:?}"),
    }
}

/// A server, the load on it, and what came out, by window.
struct Variant {
    name: &'static str,
    server: Server,
    crowd: Crowd,
    samples: [Vec<Sample>; WINDOWS.len()],
}

impl Variant {
    fn new(name: &'static str, program: &Path, kind: Kind, role: &[&str]) -> Self {
        let server = Server::start_on(SERVER_PROCESSOR, program, role);
        let addrs: Vec<_> = server.said.iter().map(|word| word.parse().unwrap()).collect();
        let crowd = Crowd::connect(kind, addrs[0], addrs.get(1).copied());
        Self { name, server, crowd, samples: Default::default() }
    }
}

fn measure(arguments: &Arguments) {
    let this = this_program();
    assert!(process::stay_on(LOAD_PROCESSOR), "this needs two processors, and `taskset` to have one for the server");
    let mut rooms = Variant::new("rooms", &this, Kind::Rooms, &["rooms"]);
    // The bare program writes as many bytes as the daemon's frames have.
    let frame_bytes = rooms.crowd.run(&rooms.server, 1, WARM_UP, WARM_UP).frame_bytes();
    let bare = Variant::new("bare", &this, Kind::Bare, &["bare", &frame_bytes.to_string()]);
    let mut variants = vec![bare, rooms, Variant::new("daemon", &this, Kind::Daemon, &["daemon"])];
    if let Some(other) = &arguments.beside {
        variants.push(Variant::new("rooms of the other build", other, Kind::Rooms, &["rooms"]));
        variants.push(Variant::new("daemon of the other build", other, Kind::Daemon, &["daemon"]));
    }
    for _ in 0..arguments.rounds {
        for (at, (window, _)) in WINDOWS.into_iter().enumerate() {
            for Variant { server, crowd, samples, .. } in &mut variants {
                samples[at].push(crowd.run(server, window, WARM_UP, arguments.time));
            }
        }
    }
    println!(
        "\nDeliveries of {CONTENT_BYTES}-byte messages (frames of {frame_bytes} bytes) per CPU second of the server,"
    );
    println!("{ROOMS} rooms of {MEMBERS} sockets, medians of {} rounds of {:?}\n", arguments.rounds, arguments.time);
    for (at, (window, target)) in WINDOWS.into_iter().enumerate() {
        println!("{window} in flight a room:");
        report(&variants, at, target);
    }
}

fn report(variants: &[Variant], at: usize, target: f64) {
    let shares = |variant: &Variant| -> Vec<f64> {
        let pairs = variant.samples[at].iter().zip(&variants[0].samples[at]);
        pairs.map(|(own, bare)| own.per_cpu_second() / bare.per_cpu_second()).collect()
    };
    let rows: Vec<Vec<String>> = variants
        .iter()
        .map(|variant| {
            let middle = |of: fn(&Sample) -> f64| median(variant.samples[at].iter().map(of));
            vec![
                variant.name.to_owned(),
                format!("{:.0}", middle(Sample::per_cpu_second) / 1000.0),
                format!("{:.2}", median(shares(variant))),
                range(&shares(variant)),
                format!("{:.0}", middle(Sample::per_second) / 1000.0),
                format!("{:.1}", middle(Sample::frames_a_read)),
                format!("{:.2}", middle(Sample::cpus)),
            ]
        })
        .collect();
    table::print(&["server", "k per CPU s", "of bare", "(range)", "k per s", "frames a read", "CPUs used"], &rows);
    let reached = median(shares(&variants[1]));
    println!("  target for rooms: {target} of bare: {reached:.2} {}\n", verdict(reached >= target));
}
