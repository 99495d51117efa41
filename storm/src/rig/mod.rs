//! A real deployment on this machine: nodes as processes, their database, their Redis, and a faulty line for each link.
//!
//! Built and broken by the nemesis, used by the crowd through the addresses it gives. It knows how to break and how to
//! heal each part, never when.

pub(crate) mod disk;
pub(crate) mod guard;
pub(crate) mod node;
pub(crate) mod postgres;
pub(crate) mod power;
mod process;
pub(crate) mod redis;
mod trail;

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::Trouble;
use crate::proxy::Proxy;

use disk::Disk;
use guard::Guard;
use node::Node;
use postgres::Postgres;
use redis::Redis;

/// What is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Shape {
    /// One node on SQLite.
    Single,
    /// Three nodes on PostgreSQL and Redis.
    Cluster,
}

impl std::fmt::Display for Shape {
    /// As on the command line.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Single => "single",
            Self::Cluster => "cluster",
        })
    }
}

impl Shape {
    /// What it is, in words.
    pub(crate) fn described(self) -> &'static str {
        match self {
            Self::Single => "one node, SQLite",
            Self::Cluster => "three nodes, PostgreSQL, Redis",
        }
    }
}

/// How many nodes a cluster has.
const NODES: u8 = 3;
/// The HS256 secret of the deployment.
pub(crate) const SECRET: &str = "a secret of the storm, of 32 bytes and more";

/// What a deployment is made of.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub shape: Shape,
    /// Everything of the run lies below it.
    pub folder: PathBuf,
    /// The program of a node and the words before its own: normally this one, with its fail points.
    pub daemon: Vec<String>,
    /// A planted bug, for the proof of the checker.
    pub sabotage: Option<String>,
    /// Keep the database on a file system of its own, if this machine lets us: for power cuts and full disks.
    pub own_disk: bool,
}

#[derive(Debug)]
pub(crate) struct Rig {
    folder: PathBuf,
    pub nodes: Vec<Node>,
    pub postgres: Option<Postgres>,
    pub redis: Option<Redis>,
    pub disk: Disk,
    /// In front of all nodes: new connections go to one after the other.
    pub front: Proxy,
    pub guard: Arc<Guard>,
    /// Held by who stops, replaces or pauses the database or the Redis.
    pub postgres_turn: Mutex<()>,
    pub redis_turn: Mutex<()>,
}

impl Rig {
    pub(crate) fn start(plan: &Plan) -> Result<Self, Trouble> {
        // What a run before left there, such as the heads that its nodes signed, is none of this one's.
        if plan.folder.exists() {
            std::fs::remove_dir_all(&plan.folder)?;
        }
        std::fs::create_dir_all(&plan.folder)?;
        let guard = Arc::new(Guard::start(&plan.folder)?);
        let disk = Disk::make(&plan.folder, plan.own_disk, plan.shape, &guard)?;
        let (mut postgres, mut redis) = (None, None);
        if plan.shape == Shape::Cluster {
            postgres = Some(Postgres::create(&disk.folder().join("pg"), &guard)?);
            redis = Some(Redis::start(&plan.folder, &guard)?);
        }
        let number = if plan.shape == Shape::Cluster { NODES } else { 1 };
        let mut nodes = Vec::new();
        for no in 0..number {
            nodes.push(Node::prepare(no, plan, &disk, postgres.as_ref(), redis.as_ref(), &guard)?);
        }
        for node in &nodes {
            node.start()?;
        }
        let front = Proxy::start(nodes[0].line.addr);
        Ok(Self {
            folder: plan.folder.clone(),
            nodes,
            postgres,
            redis,
            disk,
            front,
            guard,
            postgres_turn: Mutex::new(()),
            redis_turn: Mutex::new(()),
        })
    }

    /// Ends every break that may be on: all lines sound, all processes there and running, the disk with room.
    pub(crate) fn heal(&self) -> Result<(), Trouble> {
        self.disk.free();
        if let Some(redis) = &self.redis {
            redis.heal()?;
        }
        if let Some(postgres) = &self.postgres {
            postgres.heal()?;
        }
        for node in &self.nodes {
            node.heal()?;
        }
        Ok(())
    }

    pub(crate) fn stop(&mut self) {
        for node in &self.nodes {
            node.kill();
        }
        if let Some(postgres) = &self.postgres {
            postgres.kill();
        }
        if let Some(redis) = &self.redis {
            redis.kill();
        }
        self.disk.unmount();
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Takes a turn; who had it before may have panicked, which leaves nothing half done here.
pub(crate) fn turn(turn: &Mutex<()>) -> std::sync::MutexGuard<'_, ()> {
    turn.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A port of 127.0.0.1 that is free, and stays so while whoever has it is not running: none of those from which the system
/// gives connections theirs, and none that was given out before.
pub(crate) fn free_port() -> Result<SocketAddr, Trouble> {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    for _ in 0..1_000 {
        let port = fastrand::u16(15_000..30_000);
        if !given.contains(&port) && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            given.insert(port);
            return Ok((Ipv4Addr::LOCALHOST, port).into());
        }
    }
    Err("no port from 15000 to 30000 is free".into())
}
