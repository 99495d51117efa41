//! Memory of an idle connection: resident bytes of the daemon's process before and with 5,000 open WebSockets.
//!
//! `cargo bench --bench idle`. Each socket is of another user, has said nothing and got its `hello`; once in groups of
//! 50, once each in a channel of its own, which counts the room too. The channels are made by another process before, so
//! that nothing freed is counted in their favour. What the kernel keeps for a socket is in no process's memory.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and stops at the first surprise"
)]

mod support;

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use tenfour::daemon::Daemon;
use tenfour::domain::now;
use tenfour::store::Settings;

use support::arguments::Arguments;
use support::daemon::{config, group, token, user};
use support::process::{self, Server, open_files_limit, this_program};
use support::table::{self, verdict};
use support::websocket;

const SOCKETS: usize = 5000;
const STEPS: usize = 5;
/// A connection takes two descriptors until it is a socket.
const FILES: u64 = 2 * SOCKETS as u64 + 200;
const TARGET: f64 = 14.0;

fn main() {
    match process::role().as_deref() {
        None => measure(&Arguments::parse(Arguments { rounds: 1, time: Duration::from_secs(3), beside: None })),
        Some([kind, database]) if kind == "prepare" => prepare(database),
        Some([database]) => serve(database),
        Some(other) => panic!("no such server: {other:?}"),
    }
}

fn serve(database: &str) {
    actix::System::new().block_on(async {
        let mut config = config(database);
        // As in production: an idle socket is pinged.
        config.timing = tenfour::config::Timing::default();
        let daemon = Daemon::start(config).await.unwrap();
        process::ready(&[daemon.addr().to_string()]);
        std::future::pending::<()>().await;
    });
}

/// `DATABASE#CHANNELS`: makes as many channels, which share the users.
fn prepare(database: &str) {
    let (url, channels) = database.split_once('#').unwrap();
    let channels: usize = channels.parse().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let opened = tenfour::store::open(Settings::new(url.parse().unwrap()), tokio::runtime::Handle::current());
        let (writer, _) = opened.await.unwrap();
        for channel in 0..channels {
            writer.upsert_user(user(channel, 0), "Member 0".to_owned()).await.unwrap().unwrap();
            writer.create_group(group(channel, SOCKETS / channels), now()).await.unwrap().unwrap();
        }
        writer.close().await.unwrap();
    });
    process::ready(&[]);
}

fn measure(arguments: &Arguments) {
    println!("\nMemory of {SOCKETS} idle connections");
    let limit = open_files_limit();
    if limit < FILES {
        println!("\n  not measured: at most {limit} files may be open, and {FILES} are needed (`ulimit -n {FILES}`)");
        return;
    }
    let mut programs = vec![("", this_program())];
    programs.extend(arguments.beside.clone().map(|other| (", the other build", other)));
    for _ in 0..arguments.rounds {
        for (label, program) in &programs {
            groups(&format!("in groups of 50{label}"), program, SOCKETS / 50, arguments.time);
            groups(&format!("each in a channel of its own{label}"), program, SOCKETS, arguments.time);
        }
    }
}

fn groups(title: &str, program: &Path, channels: usize, settle: Duration) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("idle.db").display());
    drop(Server::start(&this_program(), &["prepare", &format!("{url}#{channels}")]));
    let server = Server::start(program, &[&url]);
    let addr: SocketAddr = server.said[0].parse().unwrap();
    let members = SOCKETS / channels;
    let mut open: Vec<TcpStream> = Vec::with_capacity(SOCKETS);
    std::thread::sleep(settle / 4);
    let before = server.rss();
    let mut rows = Vec::new();
    for step in 1..=STEPS {
        for socket in open.len()..SOCKETS * step / STEPS {
            let token = token(socket / members, socket % members);
            open.push(websocket::open(addr, &token).0);
        }
        // Until everybody has been told who came.
        std::thread::sleep(settle);
        let rss = server.rss();
        let sockets = f64::from(u32::try_from(open.len()).unwrap());
        rows.push(vec![
            open.len().to_string(),
            format!("{:.1}", mebi(rss)),
            format!("{:.1}", (mebi(rss) - mebi(before)) * 1024.0 / sockets),
        ]);
    }
    println!("\n{title} (before: {:.1} MiB):\n", mebi(before));
    table::print(&["sockets", "resident MiB", "KiB a socket"], &rows);
    let each = (mebi(server.rss()) - mebi(before)) * 1024.0 * 1.024 / f64::from(u32::try_from(SOCKETS).unwrap());
    println!("  target: at most {TARGET} kB a socket: {each:.1} kB {}", verdict(each <= TARGET));
}

fn mebi(bytes: u64) -> f64 {
    f64::from(u32::try_from(bytes / 1024).unwrap()) / 1024.0
}
