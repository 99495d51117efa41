//! Rules of the database: whether it keeps what it was told, and lets the daemon do its work.

use super::finding::{Finding, fine, problem, warning};
use super::machine::{self, Skew};
use crate::store::{Health, LOOKED_AT, OpenError, PostgresHealth, SqliteHealth, State};

const DATABASE: &str = "database";
/// What the tests run on; older ones are out of their makers' care.
const OLDEST_TRIED: i64 = 140_000;
/// What a node opens.
const CONNECTIONS: i64 = 9;

/// `schema`: where the tables are to be.
pub(super) fn judge(health: &Health, state: Option<&State>, schema: &str, now: i64) -> Vec<Finding> {
    let mut findings = match health {
        Health::Sqlite(health) => sqlite(health),
        Health::Postgres(health) => {
            let mut findings = postgres(health, schema);
            findings.push(machine::clock(&Skew { whose: "PostgreSQL's", millis: health.clock - now }));
            findings
        }
    };
    findings.extend(state.map(steps));
    findings
}

pub(super) fn unopened(error: &OpenError) -> Finding {
    problem(DATABASE, error.to_string(), "mend that; the daemon does not start without it")
}

fn sqlite(health: &SqliteHealth) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(damage) = &health.damage {
        findings.push(problem(
            DATABASE,
            format!("the file is damaged: {damage}"),
            "stop the daemon, keep the file, and restore a backup (tenfour db restore)",
        ));
    }
    if health.journal_mode != "wal" {
        findings.push(warning(
            DATABASE,
            format!("its journal_mode is {}", health.journal_mode),
            "nothing, if no daemon has opened it yet: the next start makes it wal. Else see whether something sets it back",
        ));
    }
    if findings.is_empty() {
        let looked = if health.bytes > LOOKED_AT { "too large for a quick look (tenfour db check)" } else { "whole" };
        findings.push(fine(DATABASE, format!("SQLite, {} MiB, {looked}, WAL", health.bytes >> 20)));
    }
    findings
}

fn postgres(health: &PostgresHealth, schema: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (major, minor) = (health.version / 10_000, health.version % 10_000);
    if health.version < OLDEST_TRIED {
        findings.push(warning(
            DATABASE,
            format!("PostgreSQL {major}.{minor} is older than what is tried with"),
            "upgrade to PostgreSQL 14 or newer",
        ));
    }
    if health.is_standby {
        findings.push(problem(DATABASE, "it is a standby, which takes no writes", "let DATABASE_URL name the primary"));
    }
    for (is_on, name) in [(health.fsync, "fsync"), (health.full_page_writes, "full_page_writes")] {
        if !is_on {
            findings.push(problem(
                DATABASE,
                format!("{name} is off: a crash of the machine loses acknowledged messages, or the whole database"),
                format!("ALTER SYSTEM SET {name} = on; SELECT pg_reload_conf();"),
            ));
        }
    }
    if health.synchronous_commit == "off" {
        findings.push(problem(
            DATABASE,
            "synchronous_commit is off: a crash loses messages that were acknowledged",
            "set it to on for this user: ALTER ROLE … SET synchronous_commit = on;",
        ));
    }
    findings.extend(privileges(health, schema));
    let left = health.max_connections - health.connections;
    if left < CONNECTIONS {
        findings.push(warning(
            DATABASE,
            format!(
                "{} of {} connections are in use, and a node takes {CONNECTIONS}",
                health.connections, health.max_connections
            ),
            "raise max_connections, unless these are the daemon's own",
        ));
    }
    if findings.is_empty() {
        findings.push(fine(
            DATABASE,
            format!("PostgreSQL {major}.{minor}, schema {schema}, it keeps what it acknowledges"),
        ));
    }
    findings
}

fn privileges(health: &PostgresHealth, schema: &str) -> Option<Finding> {
    let (text, advice) = if !health.has_schema {
        if health.may_create_schema {
            return None;
        }
        (
            format!("there is no schema {schema}, and this user may not make one"),
            format!("as the database's owner: CREATE SCHEMA {schema} AUTHORIZATION <the user of DATABASE_URL>;"),
        )
    } else if !health.may_use || !health.may_create {
        (
            format!("this user may not {} the schema {schema}", if health.may_use { "make tables in" } else { "use" }),
            format!("as its owner: GRANT USAGE, CREATE ON SCHEMA {schema} TO <the user of DATABASE_URL>;"),
        )
    } else if health.closed_tables > 0 {
        (
            format!("this user may not read and write {} of the tables of {schema}", health.closed_tables),
            "let the user own them, as migrations need it: ALTER TABLE … OWNER TO <the user of DATABASE_URL>;"
                .to_owned(),
        )
    } else {
        return None;
    };
    Some(problem(DATABASE, text, advice))
}

fn steps(state: &State) -> Finding {
    let last = state.schema.as_deref().unwrap_or("none");
    if let Some(newer) = state.newer.last() {
        return warning(
            "schema",
            format!("a newer release has migrated it to {newer}"),
            "run that release; this one goes on only if nothing that it needs was taken away",
        );
    }
    match (state.pending.len(), &state.schema) {
        (0, _) => fine("schema", format!("at {last}")),
        (_, None) => fine("schema", "none yet: the first start makes it"),
        (count, Some(_)) => warning(
            "schema",
            format!("at {last}, {count} steps behind this release"),
            "nothing by hand: the next start, or `tenfour db migrate`, carries them out. Back up before it",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::State as Judged;
    use super::*;

    fn good() -> PostgresHealth {
        PostgresHealth {
            version: 150_004,
            fsync: true,
            full_page_writes: true,
            synchronous_commit: "on".to_owned(),
            max_connections: 100,
            connections: 12,
            is_standby: false,
            has_schema: true,
            may_create_schema: false,
            may_create: true,
            may_use: true,
            closed_tables: 0,
            clock: 0,
        }
    }

    #[test]
    fn a_server_that_loses_writes_or_refuses_them_is_a_problem() {
        assert_eq!(postgres(&good(), "tenfour")[0].state, Judged::Ok);
        let cases: [(&str, Judged, fn(&mut PostgresHealth)); 11] = [
            ("fsync", Judged::Problem, |health| health.fsync = false),
            ("full_page_writes", Judged::Problem, |health| health.full_page_writes = false),
            ("synchronous_commit", Judged::Problem, |health| health.synchronous_commit = "off".to_owned()),
            ("standby", Judged::Problem, |health| health.is_standby = true),
            ("max_connections", Judged::Warning, |health| health.connections = 95),
            ("PostgreSQL 14", Judged::Warning, |health| health.version = 130_009),
            ("CREATE SCHEMA tenfour", Judged::Problem, |health| health.has_schema = false),
            ("GRANT USAGE", Judged::Problem, |health| health.may_use = false),
            ("make tables", Judged::Problem, |health| health.may_create = false),
            ("OWNER TO", Judged::Problem, |health| health.closed_tables = 3),
            ("it keeps", Judged::Ok, |health| (health.has_schema, health.may_create_schema) = (false, true)),
        ];
        for (words, expected, change) in cases {
            let mut health = good();
            change(&mut health);
            let found = postgres(&health, "tenfour");
            assert!(found.len() == 1 && found[0].state == expected, "{words}: {found:?}");
            assert!(found[0].to_string().contains(words), "{words}: {found:?}");
        }
    }

    #[test]
    fn a_file_is_whole_and_in_wal() {
        let good = SqliteHealth { journal_mode: "wal".to_owned(), bytes: 5 << 20, damage: None };
        assert_eq!(sqlite(&good)[0].state, Judged::Ok);
        let other = SqliteHealth { journal_mode: "delete".to_owned(), ..good.clone() };
        assert_eq!(sqlite(&other)[0].state, Judged::Warning);
        let damaged = SqliteHealth { damage: Some("page 3 is never used".to_owned()), ..good.clone() };
        assert!(sqlite(&damaged)[0].to_string().contains("page 3") && sqlite(&damaged)[0].state == Judged::Problem);
        assert!(sqlite(&SqliteHealth { bytes: LOOKED_AT + 1, ..good })[0].text.contains("db check"));
    }

    #[test]
    fn steps_that_are_missing_or_too_many_are_told() {
        let state = |schema: Option<&str>, pending: usize, newer: usize| State {
            kind: "SQLite",
            schema: schema.map(str::to_owned),
            pending: vec!["0002".to_owned(); pending],
            newer: vec!["0099".to_owned(); newer],
            contents: None,
        };
        assert_eq!(steps(&state(Some("0001"), 0, 0)).state, Judged::Ok);
        assert_eq!(steps(&state(None, 2, 0)).state, Judged::Ok);
        assert!(steps(&state(Some("0001"), 2, 0)).to_string().contains("2 steps behind"));
        assert!(steps(&state(Some("0001"), 0, 1)).to_string().contains("0099"));
    }
}
