//! The rules of the house, as tests: who imports whom, who may name what, how long a file may get, what the
//! documents must mention.
//!
//! A rule about a module or a document passes while that is not there at all. A new top-level module has to be
//! written into [`MAY_IMPORT`] first.

#![allow(clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "a test stops at the first surprise")]

mod browser;
mod licences;
mod places;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use source::{Source, all_sources, files_below, root, sources};
use tenfour::protocol::error::ErrorCode;

/// Each top-level module and which others it may name. Imports run one way; what stands side by side does not know
/// each other.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("domain", &[]),
    // Faults on purpose stand wherever a promise is kept: see EVERYBODY_MAY_IMPORT.
    ("fault", &[]),
    // Values only. Who needs some of them is given those by value; the store and the socket define their own.
    ("config", &["domain"]),
    ("limits", &["domain", "config"]),
    ("metrics", &["domain"]),
    ("socket", &["domain"]),
    ("protocol", &["domain"]),
    ("auth", &["domain", "config"]),
    ("store", &["domain"]),
    ("audit", &["domain", "store"]),
    ("depot", &["domain"]),
    ("cluster", &[]),
    ("tls", &[]),
    ("logging", &[]),
    ("live", &["domain"]),
    ("systemd", &[]),
    ("traces", &["domain", "metrics"]),
    ("ephemeral", &["domain", "cluster"]),
    ("bus", &["domain", "cluster"]),
    // What an event says is the wire's; where it goes is nobody else's to know.
    ("webhooks", &["domain", "config", "live", "metrics", "protocol", "store"]),
    ("client", &["domain", "protocol"]),
    (
        "actors",
        &[
            "domain",
            "traces",
            "live",
            "logging",
            "config",
            "limits",
            "metrics",
            "socket",
            "protocol",
            "auth",
            "store",
            "cluster",
            "ephemeral",
            "bus",
        ],
    ),
    (
        "http",
        &[
            "domain",
            "traces",
            "live",
            "logging",
            "config",
            "limits",
            "metrics",
            "socket",
            "protocol",
            "auth",
            "store",
            "depot",
            "cluster",
            "ephemeral",
            "bus",
            "audit",
            "actors",
            "webhooks",
            "tls",
        ],
    ),
    (
        "daemon",
        &[
            "domain",
            "traces",
            "live",
            "config",
            "limits",
            "metrics",
            "socket",
            "protocol",
            "audit",
            "auth",
            "store",
            "depot",
            "cluster",
            "ephemeral",
            "bus",
            "actors",
            "http",
            "systemd",
            "webhooks",
            "tls",
        ],
    ),
    // Asks everything what it is set to, and tells nobody anything.
    ("doctor", &["domain", "config", "metrics", "auth", "store", "cluster", "client", "tls"]),
    ("svg", &[]),
    // A client like any other: of the daemon it knows the wire, and how a token is signed.
    ("bench", &["config", "auth", "svg"]),
    // `dev` gives the daemon that it started its first orders.
    (
        "cli",
        &[
            "domain", "config", "logging", "systemd", "protocol", "audit", "auth", "store", "client", "bench",
            "daemon", "actors", "tls", "doctor",
        ],
    ),
    ("main", &["cli"]),
    ("lib", &[]),
];

/// Nothing is left of it in a build without the feature `faults`.
const EVERYBODY_MAY_IMPORT: &str = "fault";

/// Inside of actors: a room knows its sessions only by their feeds. Rooms, presence and the DB actor tell the registry of
/// facts; none of them knows a session.
const ACTORS_MAY_NOT_IMPORT: &[(&str, &[&str])] =
    &[("room", &["session", "presence"]), ("db", &["session", "presence"]), ("presence", &["session", "db"])];

/// Packages that only some modules name, and why.
const ONLY_IN: &[(&[&str], &[&str], &str)] = &[
    (
        &["actix", "actix_web", "actix_http", "actix_rt", "actix_web_actors"],
        &["actors", "http", "daemon", "socket", "cli", "main"],
        "the rules and the store live without the framework",
    ),
    (
        &["diesel", "diesel_async", "diesel_migrations", "libsqlite3_sys"],
        &["store", "domain/ids"],
        "SQL is the store's; ids may carry its derives",
    ),
    (&["object_store", "infer"], &["depot"], "where files are, and what they are, is the depot's"),
    (&["redis", "bb8_redis"], &["cluster", "ephemeral", "bus"], "what nodes share by Redis is theirs"),
    (&["jsonwebtoken"], &["auth"], "one place decides what a token is worth"),
    (&["tokio_rustls", "x509_parser"], &["tls", "socket"], "one place decides which certificate is shown"),
    (&["sd_notify", "listenfd"], &["systemd"], "one place speaks to the service manager"),
    (&["opentelemetry", "opentelemetry_sdk", "opentelemetry_otlp"], &["traces"], "one place tells a collector"),
    (&["env_logger"], &["logging"], "one place decides what is silent"),
    (&["tokio_tungstenite"], &["client"], "the daemon's own sockets are the socket module's"),
    (
        &["serde_json"],
        &[
            "protocol",
            "http",
            "audit",
            "auth",
            "store",
            "ephemeral",
            "bus",
            "client",
            "bench",
            "cli",
            "daemon",
            "logging",
            "doctor",
        ],
        "the JSON of the wire is the protocol's",
    ),
];

/// Names of a database, which in the store only the backend and the SQL types know.
const DATABASE_NAMES: &[&str] =
    &["Pg", "PgConnection", "AsyncPgConnection", "Sqlite", "SqliteConnection", "libsqlite3_sys"];

const MAX_LINES: usize = 400;

/// Fails with all that is wrong at once, not only with the first.
fn none(rule: &str, wrong: &[String]) {
    assert!(wrong.is_empty(), "{rule}:\n{}", wrong.join("\n"));
}

fn at(source: &Source, line: usize, what: &str) -> String {
    format!("src/{}:{line}: {what}", source.path)
}

#[test]
fn imports_run_one_way() {
    let table: BTreeMap<_, _> = MAY_IMPORT.iter().copied().collect();
    let sources = sources();
    let modules: BTreeSet<&str> = sources.iter().map(Source::module).collect();
    let mut wrong = Vec::new();
    for source in &sources {
        let own = source.module();
        let Some(allowed) = table.get(own) else {
            wrong.push(at(source, 1, &format!("module {own} is not in MAY_IMPORT: say there what it may name")));
            continue;
        };
        for (line, name) in source.reaches() {
            if name != own && name != EVERYBODY_MAY_IMPORT && modules.contains(name) && !allowed.contains(&name) {
                wrong.push(at(source, line, &format!("{own} may not name {name}")));
            }
        }
    }
    none("imports run one way", &wrong);
}

#[test]
fn actors_know_each_other_in_one_direction() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (actor, unknown) in ACTORS_MAY_NOT_IMPORT {
            if !source.is_in(&format!("actors/{actor}")) {
                continue;
            }
            for other in *unknown {
                for path in [["super", "::", other], ["actors", "::", other]] {
                    wrong.extend(source.lines_with(&path).into_iter().map(|line| at(&source, line, other)));
                }
            }
        }
    }
    none("an actor names one that it must not know", &wrong);
}

#[test]
fn packages_stay_where_they_belong() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (packages, places, why) in ONLY_IN {
            if places.iter().any(|place| source.is_in(place)) {
                continue;
            }
            for package in *packages {
                for line in source.lines_with(&[package, "::"]) {
                    wrong.push(at(&source, line, &format!("{package} belongs to {places:?}: {why}")));
                }
            }
        }
    }
    none("a package is named where it does not belong", &wrong);
}

#[test]
fn only_config_reads_the_environment() {
    let mut wrong = Vec::new();
    for source in sources() {
        if source.is_in("config") {
            continue;
        }
        for name in ["var", "vars", "var_os", "vars_os", "set_var", "remove_var", "{"] {
            for line in source.lines_with(&["env", "::", name]) {
                wrong.push(at(&source, line, "the environment is config's"));
            }
        }
    }
    none("only config reads the environment", &wrong);
}

#[test]
fn only_the_backend_names_a_database() {
    let mut wrong = Vec::new();
    for source in sources() {
        if !source.is_in("store") || source.is_in("store/backend") || source.is_in("store/sql_types") {
            continue;
        }
        let paths = [["diesel", "::", "pg"], ["diesel", "::", "sqlite"]];
        let names = DATABASE_NAMES.iter().flat_map(|name| source.lines_with(&[name]));
        for line in names.chain(paths.iter().flat_map(|path| source.lines_with(path))) {
            wrong.push(at(&source, line, "a query is written once, for both databases"));
        }
    }
    none("only store/backend and store/sql_types name a database", &wrong);
}

#[test]
fn only_the_db_actor_holds_the_writer() {
    let mut wrong = Vec::new();
    for source in sources() {
        // An import is alone on SQLite, and one more node on PostgreSQL.
        if ["store", "actors/db", "daemon", "cli/import"].iter().any(|place| source.is_in(place)) {
            continue;
        }
        for line in source.lines_with(&["Writer"]) {
            wrong.push(at(&source, line, "what writes goes through the Db actor, which keeps the order"));
        }
    }
    none("only the Db actor holds the store's Writer", &wrong);
}

#[test]
fn only_the_registry_starts_rooms() {
    let mut wrong = Vec::new();
    for source in sources() {
        if source.is_in("actors/registry") || source.is_in("actors/room") {
            continue;
        }
        for name in ["new", "start", "create", "resume", "start_in_arbiter", "start_default"] {
            for line in source.lines_with(&["Room", "::", name]) {
                wrong.push(at(&source, line, "a second room of one channel would break its order"));
            }
        }
    }
    none("only actors/registry starts rooms", &wrong);
}

#[test]
fn no_source_file_is_long() {
    let long: Vec<_> = all_sources()
        .iter()
        .map(|source| (format!("src/{}", source.path), source.text.clone()))
        .chain(storm_files())
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > MAX_LINES)
        .map(|(path, lines)| format!("{path}: {lines} lines; which rule wants to move out?"))
        .collect();
    none("a source file has at most 400 lines", &long);
}

#[test]
fn each_source_file_says_what_it_is_for() {
    let silent: Vec<_> = sources()
        .iter()
        .map(|source| (format!("src/{}", source.path), source.text.clone()))
        .chain(storm_files())
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(path, _)| format!("{path} does not start with //!"))
        .collect();
    none("each file starts with its role, who calls it and what it never does", &silent);
}

/// The storm's own source with its text, tests left out: what breaks the daemon is written as well as the daemon.
fn storm_files() -> Vec<(String, String)> {
    let files = files_below(&root().join("storm/src"));
    let files = files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "rs"));
    let named = files.map(|file| (file.strip_prefix(root()).unwrap().display().to_string(), file));
    let kept = named.filter(|(path, _)| !path.contains("/tests/"));
    kept.map(|(path, file)| (path, fs::read_to_string(file).unwrap())).collect()
}

#[test]
fn no_shortcut_is_left_in_the_source() {
    let shortcuts: &[(&[&str], &str)] = &[
        (&["do_send"], "ignores the bound of the mailbox: try_send, or a queue of its own"),
        (&["println", "!"], "log, or write to the stdout that the command was given"),
        (&["print", "!"], "log, or write to the stdout that the command was given"),
        (&["eprintln", "!"], "log"),
        (&["eprint", "!"], "log"),
        (&["dbg", "!"], "log"),
        (&["todo", "!"], "do it"),
        (&["unimplemented", "!"], "do it"),
        (&[".", "unwrap", "("], "give an error that says what, the limit, and the way out"),
    ];
    let mut wrong = Vec::new();
    for source in sources() {
        for (words, instead) in shortcuts {
            // `tell` is the one way round the mailbox's bound, and says why that is right.
            if *words == ["do_send"] && source.path == "actors/mod.rs" {
                continue;
            }
            for line in source.lines_with(words) {
                wrong.push(at(&source, line, &format!("{}: {instead}", words.concat())));
            }
        }
    }
    none("a shortcut is left", &wrong);
}

#[test]
fn nothing_sleeps_for_luck() {
    let mut wrong = Vec::new();
    for source in sources() {
        for words in source.words.windows(7) {
            let [(line, sleep), (_, open), (_, duration), .., (_, length)] = words else { continue };
            let fixed = length.starts_with(|c: char| c.is_ascii_digit());
            if sleep == "sleep" && open == "(" && duration == "Duration" && fixed {
                wrong.push(at(&source, *line, "a wait needs a name and a setting, or something to wait for"));
            }
        }
    }
    none("a wait of some fixed time", &wrong);
}

#[test]
fn no_test_is_ignored() {
    let sought = concat!("#[", "ignore");
    let ignored: Vec<_> = ["src", "tests", "storm"]
        .iter()
        .flat_map(|folder| files_below(&root().join(folder)))
        .filter(|file| file.extension().is_some_and(|extension| extension == "rs"))
        .filter(|file| fs::read_to_string(file).unwrap().contains(sought))
        .map(|file| file.display().to_string())
        .collect();
    none("a test that is not run guards nothing", &ignored);
}

#[test]
fn both_databases_have_the_same_migrations() {
    let Ok(databases) = fs::read_dir(root().join("migrations")) else { return };
    let mut names: Vec<(String, Vec<String>)> = Vec::new();
    for database in databases.map(Result::unwrap).filter(|entry| entry.file_type().unwrap().is_dir()) {
        let files = files_below(&database.path());
        let inner = files.iter().map(|file| file.strip_prefix(database.path()).unwrap().display().to_string());
        names.push((database.file_name().into_string().unwrap(), inner.collect()));
    }
    assert_eq!(names.len(), 2, "migrations/ has one folder a database");
    assert_eq!(names[0].1, names[1].1, "{} and {} differ", names[0].0, names[1].0);
    assert!(!names[0].1.is_empty(), "there is no migration");
}

#[test]
fn the_protocol_document_names_every_error_code() {
    let Ok(document) = fs::read_to_string(root().join("docs/protocol.md")) else { return };
    let missing: Vec<_> = ErrorCode::ALL
        .iter()
        .map(|code| format!("`{}`", code.as_str()))
        .filter(|word| !document.contains(word))
        .collect();
    none("docs/protocol.md does not name", &missing);
}

#[test]
fn the_documents_name_every_setting() {
    let mut documents = fs::read_to_string(root().join("README.md")).unwrap();
    documents += &fs::read_to_string(root().join("docs/operations.md")).unwrap_or_default();
    let documented: BTreeSet<&str> = documents.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let sources = sources();
    let settings: BTreeSet<&str> = sources
        .iter()
        .filter(|source| source.is_in("config"))
        .flat_map(|source| &source.literals)
        .map(String::as_str)
        .filter(|literal| is_setting(literal))
        .collect();
    let missing: Vec<_> = settings.difference(&documented).map(|name| (*name).to_owned()).collect();
    none("neither README.md nor docs/operations.md names", &missing);
}

fn is_setting(literal: &str) -> bool {
    let named = literal.strip_prefix("TENFOUR_").is_some_and(|rest| !rest.is_empty());
    (named || literal == "DATABASE_URL" || literal == "REDIS_URL")
        && literal.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

#[test]
fn shell_scripts_parse() {
    let mut scripts = 0;
    for file in tracked_files() {
        let Ok(text) = fs::read_to_string(root().join(&file)) else { continue };
        let first = text.lines().next().unwrap_or_default();
        if first.starts_with("#!") && (first.ends_with("bash") || first.ends_with("sh")) {
            scripts += 1;
            let output = Command::new("bash").arg("-n").arg(root().join(&file)).output().unwrap();
            assert!(output.status.success(), "{file}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
    assert!(scripts >= 2, "scripts/test and .ci/run are scripts; seen: {scripts}");
}

/// What git knows of; all that lies here where git is not.
fn tracked_files() -> Vec<String> {
    let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output();
    let listed = listed.ok().filter(|output| output.status.success() && !output.stdout.is_empty());
    match listed {
        Some(output) => String::from_utf8(output.stdout).unwrap().split_terminator('\0').map(str::to_owned).collect(),
        None => {
            files_below(root()).iter().map(|file| file.strip_prefix(root()).unwrap().display().to_string()).collect()
        }
    }
}
