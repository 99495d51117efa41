//! What the service manager is told, and when.

use std::time::Duration;

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};

use crate::daemon::{PATIENCE, eventually};
use crate::manager::{Manager, Told};
use crate::postgres::{Database, Server, connect};
use crate::process::ProcessDaemon;
use crate::wire;

const READY: &str = "READY=1";
const ALIVE: &str = "WATCHDOG=1";
/// The manager waits that long for a sign of life.
const WATCHDOG: (&str, &str) = ("WATCHDOG_USEC", "900000");

fn is_status(told: &Told, parts: &[&str]) -> bool {
    told.value("STATUS").is_some_and(|status| parts.iter().all(|part| status.contains(part)))
}

#[tokio::test]
async fn a_daemon_tells_when_it_serves_how_it_is_and_that_it_stops() {
    let manager = Manager::start();
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}", folder.path().join("tenfour.db").display());
    let mut daemon = ProcessDaemon::start(&database, &[("NOTIFY_SOCKET", manager.path()), WATCHDOG]);
    let ready = manager.first(READY).await;
    let (_, answer) = wire::request(daemon.addr, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(is_status(&ready, &["0 sessions", "the database answers"]), "{ready:?}");
    let ana = daemon.connect("ana").await;
    manager.after(0, "a session", |told| is_status(told, &["1 session, "])).await;
    // Signs of life, and none before it serves.
    eventually("signs of life", async || manager.count(ALIVE) > 5).await;
    assert!(manager.first(ALIVE).await.at > ready.at);
    assert_eq!(manager.count(READY), 1);
    drop(ana);
    daemon.terminate();
    let stopping = manager.first("STOPPING=1").await;
    let time: u64 = stopping.value("EXTEND_TIMEOUT_USEC").and_then(|time| time.parse().ok()).unwrap();
    assert!(Duration::from_micros(time) > Duration::from_secs(10), "more than a stop takes: {time}");
    assert!(daemon.wait(PATIENCE).await.success());
}

/// The first key is the one that nodes take to migrate one after the other.
async fn migrations(conn: &mut AsyncPgConnection, order: &str) {
    let sql = format!("SELECT {order}(1952804454, hashtext(current_database() || 'tenfour'))");
    conn.batch_execute(&sql).await.unwrap();
}

#[tokio::test]
async fn who_waits_for_a_migration_asks_for_patience_and_is_not_ready() {
    let manager = Manager::start();
    let database = Database::create().await;
    let mut other = connect(&database.url).await;
    migrations(&mut other, "pg_advisory_lock").await;
    let (url, path) = (database.url.clone(), manager.path().to_owned());
    let starting = tokio::task::spawn_blocking(move || ProcessDaemon::start(&url, &[("NOTIFY_SOCKET", &path)]));
    let asked = manager.after(0, "patience", |told| told.value("EXTEND_TIMEOUT_USEC").is_some()).await;
    assert_eq!(asked.value("EXTEND_TIMEOUT_USEC"), Some("30000000"));
    manager.after(0, "why", |told| is_status(told, &["migrated"])).await;
    assert_eq!(manager.count(READY), 0, "{:?}", manager.told());
    migrations(&mut other, "pg_advisory_unlock").await;
    manager.first(READY).await;
    drop(starting.await.unwrap());
    drop(other);
    database.drop().await;
}

#[tokio::test]
async fn a_database_that_is_away_is_told_and_ends_nothing() {
    let manager = Manager::start();
    let mut server = tokio::task::spawn_blocking(Server::start).await.unwrap();
    let url = server.url();
    let daemon = ProcessDaemon::start(&url, &[("NOTIFY_SOCKET", manager.path()), WATCHDOG]);
    manager.first(READY).await;
    let before = manager.told().len();
    let server = tokio::task::spawn_blocking(move || {
        server.order("stop");
        server
    });
    let server = server.await.unwrap();
    manager.after(before, "the outage", |told| is_status(told, &["the database does not answer"])).await;
    let told = manager.told().len();
    manager.after(told, "a sign of life", |told| told.has(ALIVE)).await;
    drop((server, daemon));
}

#[tokio::test]
async fn a_daemon_without_a_manager_runs_as_well() {
    let daemon = ProcessDaemon::start("sqlite::memory:", &[("NOTIFY_SOCKET", "")]);
    drop(daemon.connect("ana").await);
    // One that is named and gone is told of, and no reason to end.
    let daemon = ProcessDaemon::start("sqlite::memory:", &[("NOTIFY_SOCKET", "/nonexistent/notify"), WATCHDOG]);
    drop(daemon.connect("ana").await);
    let is_told = async || daemon.log().contains("the service manager cannot be told");
    eventually("it is told", is_told).await;
    assert_eq!(daemon.log().matches("the service manager cannot be told").count(), 1);
}
