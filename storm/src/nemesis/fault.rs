//! The faults that there are.

use std::fmt;

use crate::rig::Shape;

macro_rules! faults {
    ($($(#[doc = $doc:literal])* $fault:ident $name:literal $needs:ident,)*) => {
        /// One kind of fault.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub(crate) enum Fault { $($(#[doc = $doc])* $fault,)* }

        impl Fault {
            pub(crate) const ALL: &[Self] = &[$(Self::$fault,)*];

            pub(crate) const fn name(self) -> &'static str {
                match self { $(Self::$fault => $name,)* }
            }

            const fn needs(self) -> Needs {
                match self { $(Self::$fault => Needs::$needs,)* }
            }
        }
    };
}

/// What has to be there for a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    Node,
    /// Fail points in the daemon.
    Points,
    /// libfaketime.
    Clock,
    Postgres,
    Sqlite,
    Redis,
    /// The database on a file system of its own.
    Disk,
}

faults! {
    NodeKill "node_kill" Node,
    NodePause "node_pause" Node,
    /// SIGTERM, to its end, then a new one.
    NodeDrain "node_drain" Node,
    PanicSession "panic_session" Points,
    PanicRoom "panic_room" Points,
    PanicRegistry "panic_registry" Points,
    PanicDb "panic_db" Points,
    PanicPresence "panic_presence" Points,
    PanicRelay "panic_relay" Points,
    ClockForward "clock_forward" Clock,
    ClockBack "clock_back" Clock,
    ClientsReset "clients_reset" Node,
    ClientsStall "clients_stall" Node,
    ClientsStallUp "clients_stall_up" Node,
    ClientsStallDown "clients_stall_down" Node,
    ClientsDelay "clients_delay" Node,
    ClientsSlice "clients_slice" Node,
    DatabaseReset "database_reset" Postgres,
    DatabaseStall "database_stall" Postgres,
    DatabaseStallDown "database_stall_down" Postgres,
    DatabaseDelay "database_delay" Postgres,
    DatabaseSlice "database_slice" Postgres,
    /// The next COMMIT arrives, and nothing of its answer comes back.
    CutAfterCommit "cut_after_commit" Postgres,
    /// The next COMMIT does not arrive.
    CutBeforeCommit "cut_before_commit" Postgres,
    PostgresKill "postgres_kill" Postgres,
    PostgresPause "postgres_pause" Postgres,
    BackendKill "backend_kill" Postgres,
    BackendsTerminated "backends_terminated" Postgres,
    RowsLocked "rows_locked" Postgres,
    SqliteLocked "sqlite_locked" Sqlite,
    RedisReset "redis_reset" Redis,
    RedisStall "redis_stall" Redis,
    RedisStallDown "redis_stall_down" Redis,
    RedisDelay "redis_delay" Redis,
    RedisSlice "redis_slice" Redis,
    CutAfterPublish "cut_after_publish" Redis,
    /// The next PUBLISH does not arrive.
    CutBeforePublish "cut_before_publish" Redis,
    RedisKill "redis_kill" Redis,
    RedisPause "redis_pause" Redis,
    RedisFlush "redis_flush" Redis,
    RedisClientsKilled "redis_clients_killed" Redis,
    DiskFull "disk_full" Disk,
    PowerCut "power_cut" Disk,
}

/// What this run has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ability {
    pub shape: Shape,
    pub clock: bool,
    pub disk: bool,
}

impl Fault {
    pub(crate) fn is_possible(self, ability: Ability) -> bool {
        let cluster = ability.shape == Shape::Cluster;
        match self.needs() {
            Needs::Node => true,
            // The relay is between nodes.
            Needs::Points => cluster || self != Self::PanicRelay,
            Needs::Clock => ability.clock,
            Needs::Postgres | Needs::Redis => cluster,
            Needs::Sqlite => !cluster,
            Needs::Disk => ability.disk,
        }
    }

    /// The part of the deployment that it breaks, in one word.
    pub(crate) fn family(self) -> &'static str {
        match self.needs() {
            Needs::Node if self.name().starts_with("clients_") => "clients",
            Needs::Node => "node",
            Needs::Points => "panic",
            Needs::Clock => "clock",
            Needs::Postgres | Needs::Sqlite => "database",
            Needs::Redis => "redis",
            Needs::Disk => "disk",
        }
    }

    /// May answers to clients come late meanwhile? What ends their connections leaves none of these on which one could.
    pub(crate) fn holds_up_clients(self) -> bool {
        let on_their_line = self.name().starts_with("clients_") && self != Self::ClientsReset;
        on_their_line || matches!(self, Self::NodePause | Self::PowerCut)
    }

    /// Whether a node ends of it and is started again. It listens before it has opened its database, so that who asks it over
    /// REST in between waits for that.
    pub(crate) fn restarts_a_node(self) -> bool {
        matches!(self, Self::NodeKill | Self::NodeDrain | Self::PanicRegistry | Self::PanicDb | Self::PanicPresence)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl serde::Serialize for Fault {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl std::str::FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|fault| fault.name() == text);
        found.copied().ok_or_else(|| format!("{text:?} is no fault; `storm faults` lists them"))
    }
}
