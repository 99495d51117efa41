//! Carries a break out and heals it again.

use std::sync::{Arc, MutexGuard};
use std::thread::sleep;
use std::time::Duration;

use diesel::sqlite::SqliteConnection;
use diesel::{Connection, connection::SimpleConnection};
use uuid::Uuid;

use super::fault::Fault;
use super::schedule::Strike;
use crate::Trouble;
use crate::history::{Answer, Ask, Broken, ChannelNo, LostAtPowerCut, Record, What};
use crate::proxy::{Cut, Direction, Proxy};
use crate::recorder::Recorder;
use crate::rig::node::{Node, sqlite_file};
use crate::rig::{Rig, turn};

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub broken: Vec<Broken>,
    pub lost: Vec<LostAtPowerCut>,
    pub power_cuts: usize,
    /// What the deployment did not do as it promises, such as ending well upon SIGTERM.
    pub alarms: Vec<String>,
}

/// How the note begins of a break that found nothing to break, such as a node that another break had stopped.
const MISSED: &str = "missed: ";

impl Broken {
    /// Was there something to break?
    pub(crate) fn took(&self) -> bool {
        !self.note.starts_with(MISSED)
    }
}

/// The note of a break that went well, or met nothing.
fn noted<T>(result: Result<T, Trouble>) -> String {
    result.map_or_else(|error| format!("{MISSED}{error}"), |_| String::new())
}

/// Blocks for as long as the break holds. An error is of the rig, not of what is tested.
pub(crate) fn strike(rig: &Arc<Rig>, recorder: &Recorder, strike: &Strike) -> Result<Outcome, Trouble> {
    let _turn = turn_of(rig, strike);
    let from = recorder.now();
    let mut outcome = Outcome::default();
    let node = &rig.nodes[usize::from(strike.node) % rig.nodes.len()];
    // What it hits, where that is no node.
    let mut elsewhere = None;
    let mut note = String::new();
    let hold = || sleep(strike.hold);
    match strike.fault {
        Fault::NodeKill => {
            node.kill();
            hold();
            node.start()?;
        }
        Fault::NodePause => {
            node.pause(true);
            hold();
            node.pause(false);
        }
        Fault::NodeDrain => {
            if let Err(error) = node.drain() {
                outcome.alarms.push(error.to_string());
            }
            node.kill();
            node.start()?;
        }
        Fault::PanicSession => note = noted(node.panic("session", false)),
        Fault::PanicRoom => note = noted(node.panic("room", false)),
        Fault::PanicRegistry => note = fatal(node, "registry")?,
        Fault::PanicDb => note = fatal(node, "db")?,
        Fault::PanicPresence => note = fatal(node, "presence")?,
        Fault::PanicRelay => note = noted(node.panic("relay", false)),
        Fault::ClockForward | Fault::ClockBack => note = jumped(node, strike)?,
        Fault::ClientsReset => node.line.cut(),
        Fault::ClientsStall => held(&node.line, strike, Proxy::stall),
        Fault::ClientsStallUp => held(&node.line, strike, |line| line.stall_one_way(Direction::Up)),
        Fault::ClientsStallDown => held(&node.line, strike, |line| line.stall_one_way(Direction::Down)),
        Fault::ClientsDelay => delayed(&node.line, strike),
        Fault::ClientsSlice => sliced(&node.line, strike),
        Fault::DatabaseReset => to_postgres(node)?.cut(),
        Fault::DatabaseStall => held(to_postgres(node)?, strike, Proxy::stall),
        Fault::DatabaseStallDown => held(to_postgres(node)?, strike, |line| line.stall_one_way(Direction::Down)),
        Fault::DatabaseDelay => delayed(to_postgres(node)?, strike),
        Fault::DatabaseSlice => sliced(to_postgres(node)?, strike),
        Fault::CutAfterCommit => note = trap(to_postgres(node)?, b"COMMIT", Cut::After, strike),
        Fault::CutBeforeCommit => note = trap(to_postgres(node)?, b"COMMIT", Cut::Before, strike),
        Fault::CutAfterPublish => note = trap(to_redis(node)?, b"PUBLISH", Cut::After, strike),
        Fault::CutBeforePublish => note = trap(to_redis(node)?, b"PUBLISH", Cut::Before, strike),
        Fault::RedisReset => to_redis(node)?.cut(),
        Fault::RedisStall => held(to_redis(node)?, strike, Proxy::stall),
        Fault::RedisStallDown => held(to_redis(node)?, strike, |line| line.stall_one_way(Direction::Down)),
        Fault::RedisDelay => delayed(to_redis(node)?, strike),
        Fault::RedisSlice => sliced(to_redis(node)?, strike),
        Fault::SqliteLocked => {
            elsewhere = Some("the database");
            note = lock_sqlite(rig, strike)?;
        }
        Fault::DiskFull => {
            elsewhere = Some("the disk");
            rig.disk.fill()?;
            hold();
            rig.disk.free();
            if let Some(postgres) = &rig.postgres {
                postgres.heal()?;
            }
        }
        Fault::PowerCut => {
            elsewhere = Some("the disk");
            let (promised, lost) = rig.cut_power(|| recorder.look(acknowledged))?;
            note = format!("{promised} acknowledged, {} of them not in the copy", lost.len());
            outcome.power_cuts = 1;
            let lost = lost.into_iter().map(|(channel, client_id)| LostAtPowerCut { at: from, channel, client_id });
            outcome.lost.extend(lost);
        }
        Fault::PostgresKill
        | Fault::PostgresPause
        | Fault::BackendKill
        | Fault::BackendsTerminated
        | Fault::RowsLocked => {
            elsewhere = Some("postgres");
            note = break_postgres(rig, strike)?;
        }
        Fault::RedisKill | Fault::RedisPause | Fault::RedisFlush | Fault::RedisClientsKilled => {
            elsewhere = Some("redis");
            note = break_redis(rig, strike)?;
        }
    }
    outcome.broken.push(Broken {
        from,
        until: recorder.now(),
        fault: strike.fault.to_string(),
        target: elsewhere.map_or_else(|| format!("node {}", node.no), str::to_owned),
        node: elsewhere.is_none().then_some(node.no),
        note,
        slow: strike.fault.holds_up_clients(),
        restarts: strike.fault.restarts_a_node(),
    });
    Ok(outcome)
}

/// Whoever stops or replaces the same process waits, or two of them would heal each other's breaks.
fn turn_of<'rig>(rig: &'rig Rig, strike: &Strike) -> Option<MutexGuard<'rig, ()>> {
    let fault = strike.fault;
    let of_node = fault.name().starts_with("node_") || fault.name().starts_with("panic_");
    let of_postgres = matches!(
        fault,
        Fault::PostgresKill | Fault::PostgresPause | Fault::BackendKill | Fault::DiskFull | Fault::PowerCut
    );
    let of_redis =
        matches!(fault, Fault::RedisKill | Fault::RedisPause | Fault::RedisFlush | Fault::RedisClientsKilled);
    if of_node || (fault == Fault::PowerCut && rig.postgres.is_none()) {
        Some(turn(&rig.nodes[usize::from(strike.node) % rig.nodes.len()].turn))
    } else if of_postgres {
        Some(turn(&rig.postgres_turn))
    } else if of_redis {
        Some(turn(&rig.redis_turn))
    } else {
        None
    }
}

fn lock_sqlite(rig: &Rig, strike: &Strike) -> Result<String, Trouble> {
    let mut connection = SqliteConnection::establish(&sqlite_file(rig.disk.folder()).display().to_string())?;
    // The disk may be full, or another break may hold it.
    let locked = connection.batch_execute("PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE");
    if locked.is_ok() {
        sleep(strike.hold);
        drop(connection.batch_execute("ROLLBACK"));
    }
    Ok(noted(locked.map_err(Trouble::from)))
}

fn break_postgres(rig: &Rig, strike: &Strike) -> Result<String, Trouble> {
    let mut note = String::new();
    let postgres = rig.postgres.as_ref().ok_or("no PostgreSQL in this deployment")?;
    match strike.fault {
        Fault::PostgresKill => {
            postgres.kill();
            sleep(strike.hold);
            postgres.start()?;
        }
        Fault::PostgresPause => {
            postgres.pause(true);
            sleep(strike.hold);
            postgres.pause(false);
        }
        Fault::BackendKill => {
            note = noted(postgres.kill_backend());
            postgres.heal()?;
        }
        Fault::BackendsTerminated => {
            let all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'storm' AND pid <> pg_backend_pid()";
            // It may be away by another break.
            note = noted(postgres.sql(all, "storm"));
        }
        _ => {
            let seconds = strike.hold.as_secs_f64().min(8.0);
            let lock = format!(
                "BEGIN; SELECT id FROM tenfour.channels ORDER BY id LIMIT 5 FOR UPDATE; SELECT pg_sleep({seconds}); ROLLBACK"
            );
            note = noted(postgres.sql(&lock, "storm"));
        }
    }
    Ok(note)
}

fn break_redis(rig: &Rig, strike: &Strike) -> Result<String, Trouble> {
    let mut note = String::new();
    let redis = rig.redis.as_ref().ok_or("no Redis in this deployment")?;
    match strike.fault {
        Fault::RedisKill => {
            redis.kill();
            sleep(strike.hold);
            redis.launch()?;
        }
        Fault::RedisPause => {
            redis.pause(true);
            sleep(strike.hold);
            redis.pause(false);
        }
        Fault::RedisFlush => drop(redis.command("FLUSHALL")?),
        _ => {
            let kill = |kind| redis.command(&format!("CLIENT KILL TYPE {kind} SKIPME yes"));
            note = noted(kill("pubsub").and_then(|_| kill("normal")));
        }
    }
    Ok(note)
}

fn jumped(node: &Node, strike: &Strike) -> Result<String, Trouble> {
    let seconds = i64::try_from(strike.draw % 3600).unwrap_or(60) + 1;
    let seconds = if strike.fault == Fault::ClockBack { -seconds } else { seconds };
    node.shift_clock(seconds)?;
    sleep(strike.hold);
    node.shift_clock(0)?;
    Ok(format!("{seconds} s"))
}

/// A part that holds the truth: the process ends, and a service manager starts it again.
fn fatal(node: &Node, part: &str) -> Result<String, Trouble> {
    if let Err(error) = node.panic(part, true) {
        // It is not there: another break has it.
        node.heal()?;
        return Ok(noted::<()>(Err(error)));
    }
    let mut waited = Duration::ZERO;
    while node.is_running() && waited < Duration::from_secs(8) {
        sleep(Duration::from_millis(20));
        waited += Duration::from_millis(20);
    }
    if node.is_running() {
        return Ok(format!("{MISSED}it runs on"));
    }
    node.start()?;
    Ok(String::new())
}

fn to_postgres(node: &Node) -> Result<&Proxy, Trouble> {
    node.to_postgres.as_ref().ok_or_else(|| "no PostgreSQL in this deployment".into())
}

fn to_redis(node: &Node) -> Result<&Proxy, Trouble> {
    node.to_redis.as_ref().ok_or_else(|| "no Redis in this deployment".into())
}

fn held(line: &Proxy, strike: &Strike, stall: impl Fn(&Proxy)) {
    stall(line);
    sleep(strike.hold);
    line.resume();
    // What stalled for long has often been given up by one side: half of the time it does not come back.
    if strike.draw.is_multiple_of(2) {
        line.cut();
    }
}

fn delayed(line: &Proxy, strike: &Strike) {
    line.delay(Duration::from_millis(strike.draw % 400 + 1));
    sleep(strike.hold);
    line.delay(Duration::ZERO);
}

fn sliced(line: &Proxy, strike: &Strike) {
    line.slice(true);
    sleep(strike.hold.min(Duration::from_secs(2)));
    line.slice(false);
}

fn trap(line: &Proxy, pattern: &[u8], cut: Cut, strike: &Strike) -> String {
    line.cut_when(Direction::Up, pattern, cut);
    let mut waited = Duration::ZERO;
    while line.armed() && waited < strike.hold.max(Duration::from_secs(1)) {
        sleep(Duration::from_millis(20));
        waited += Duration::from_millis(20);
    }
    let waits = line.armed();
    line.disarm();
    if waits { format!("{MISSED}it did not pass by") } else { String::new() }
}

/// Every send that somebody was told is stored.
fn acknowledged(records: &[Record]) -> Vec<(ChannelNo, Uuid)> {
    let mut asked = std::collections::HashMap::new();
    let mut stored = Vec::new();
    for record in records {
        match &record.what {
            What::Asked { op, ask: Ask::Send { channel, client_id, .. } } => {
                asked.insert(*op, (*channel, *client_id));
            }
            What::Answered { op, answer: Answer::Acked { .. } } => stored.extend(asked.get(op).copied()),
            _ => (),
        }
    }
    stored
}
