use std::ffi::OsString;
use std::fs;

use super::super::{Flags, load};
use super::*;

const SECRET: &str = "hunter2-hunter2-hunter2-hunter2-hunter2";

fn loaded(file: &str, env: &[(&str, &str)], flags: &[(&'static str, &str)]) -> Loaded {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.toml");
    fs::write(&path, file).unwrap();
    fs::write(folder.path().join("redis"), "redis://:hunter2@cache\n").unwrap();
    let values = flags.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
    let env = env.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    load(&Flags { config: Some(path), values, ..Flags::default() }, env).unwrap()
}

fn of(loaded: &Loaded, key: &str) -> (String, String) {
    let shown = loaded.shown().into_iter().find(|shown| shown.setting.key == key).unwrap();
    (shown.value.unwrap_or_else(|| "unset".to_owned()), shown.origin)
}

#[test]
fn each_value_is_shown_with_who_said_it_and_no_secret() {
    let file = "max_group_members = 7\nallowed_origins = [\"https://a.example\", \"https://b.example\"]\n\
                redis_url_file = \"redis\"\naudit_heads = \"heads\"\n";
    let env = [("DATABASE_URL", "postgres://me:hunter2@db/chat"), ("TENFOUR_JWT_SECRET", SECRET)];
    let loaded = loaded(file, &env, &[("heartbeat_interval_ms", "20s"), ("audit_key", "key")]);
    let shown = |key| of(&loaded, key);
    let is = |value: &str, origin: &str| (value.to_owned(), origin.to_owned());
    assert_eq!(shown("listen"), is("127.0.0.1:8080", "default"));
    assert_eq!(shown("jwks_url"), is("unset", "default"));
    assert_eq!(shown("attachments"), is("off", "default"));
    assert_eq!(shown("heartbeat_interval_ms"), is("20s", "flag --heartbeat-interval-ms"));
    assert_eq!(shown("database_url"), is("postgres://[redacted]@db/chat", "environment DATABASE_URL"));
    assert_eq!(shown("jwt_secret"), is("[redacted]", "environment TENFOUR_JWT_SECRET"));
    assert_eq!(shown("allowed_origins").0, "https://a.example,https://b.example");
    assert!(shown("max_group_members").1.ends_with("t.toml:1"), "{:?}", shown("max_group_members"));
    let (value, origin) = shown("redis_url");
    assert_eq!(value, "redis://[redacted]@cache");
    assert!(origin.contains("/redis (named by ") && origin.ends_with("t.toml:3)"), "{origin}");
    let all = format!("{:?}", loaded.shown());
    assert!(!all.contains("hunter2"), "{all}");
}

#[test]
fn the_lines_of_an_environment_say_the_same() {
    let file = "max_group_members = 7\nlog = \"info,tenfour::store=debug\"\njwt_issuer = \"it's a $issuer\"\n";
    let set = [("DATABASE_URL", "sqlite::memory:"), ("TENFOUR_JWT_SECRET", SECRET)];
    let before = loaded(file, &set, &[]);
    let lines: Vec<String> = before.shown().iter().map(Shown::env_line).collect();
    assert!(lines.contains(&"# TENFOUR_LISTEN=127.0.0.1:8080".to_owned()), "{lines:#?}");
    assert!(lines.contains(&"# REDIS_URL=".to_owned()), "{lines:#?}");
    assert!(lines.contains(&"TENFOUR_JWT_ISSUER=\"it's a \\$issuer\"".to_owned()), "{lines:#?}");
    assert!(lines.iter().all(|line| !line.contains("hunter2")), "{lines:#?}");
    // As a shell reads them.
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("env");
    fs::write(&script, lines.join("\n")).unwrap();
    let out = std::process::Command::new("sh")
        .args(["-c", "set -a; . \"$0\"; env -0"])
        .arg(&script)
        .env_clear()
        .output()
        .unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    let read = text.split_terminator('\0').filter_map(|line| line.split_once('='));
    let names = ["TENFOUR_", "DATABASE_URL"];
    let env: Vec<_> = read.filter(|(name, _)| names.iter().any(|known| name.starts_with(known))).collect();
    assert_eq!(env.len(), 4, "{env:?}");
    let after = loaded("", &[&env[..], &set[1..]].concat(), &[]);
    assert_eq!(format!("{:?}", after.config), format!("{:?}", before.config));
}

#[test]
fn a_running_daemon_takes_over_what_it_can_and_names_the_rest() {
    let set = [("DATABASE_URL", "sqlite::memory:"), ("TENFOUR_JWT_SECRET", SECRET)];
    let mut running = loaded("log = \"info\"\nmax_group_members = 7\n", &set, &[]);
    let other = "another-another-another-another-another";
    let file = "log = \"debug\"\nrate_limit = \"off\"\nmax_group_members = 8\nlisten = \"127.0.0.1:9\"\n";
    let new = |file: &str| loaded(file, &[set[0], ("TENFOUR_JWT_SECRET", other)], &[]);
    assert_eq!(running.adopt(new(file)), ["listen", "max_group_members"]);
    let config = &running.config;
    assert_eq!((config.log.as_str(), config.limits.rate_limit), ("debug", None));
    assert_eq!(config.auth.keys[0].secret.expose(), other);
    assert_eq!((config.limits.max_group_members, config.listen.port()), (7, 8080));
    // Told as long as it is so.
    assert_eq!(running.adopt(new(file)), ["listen", "max_group_members"]);
    assert_eq!(running.adopt(new("max_group_members = 7")), Vec::<&str>::new());
    assert_eq!(running.config.log, "info");
}
