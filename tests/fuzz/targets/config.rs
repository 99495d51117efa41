//! The configuration file: what is taken is within its bounds, the environment beats it, and no secret is repeated.

use std::ffi::OsString;
use std::time::Duration;

use tempfile::TempDir;
use tenfour::config::{Flags, Loaded, Shown, load_existing};

use super::{Target, outcome, seeds};

const SECRET: &str = "never-to-be-repeated-0123456789abcdef";

thread_local! {
    static FOLDER: TempDir = tempfile::tempdir().unwrap();
}

pub const TARGET: Target = Target {
    name: "config",
    cost: 20,
    check,
    seeds: || {
        seeds(&[
            "listen = \"127.0.0.1:8080\"\nadmin_listen = \"off\"\nallowed_origins = [\"https://app.example\"]\n",
            "database_url = \"sqlite::memory:\"\njwt_secret = \"never-to-be-repeated-0123456789abcdef\"\nlog = \"info\"\n",
            "database_url = \"postgres://u:never-to-be-repeated-0123456789abcdef@h/d\"\nredis_url = \"redis://h\"\n",
            "max_group_members = 50\nmax_frame_bytes = 65536\nmax_content_bytes = 16384\nrate_limit = \"off\"\n",
            "heartbeat_interval_ms = 30000\nheartbeat_timeout_ms = 90000\ndrain_ms = 8000\ntyping_expiry_ms = 3000\n",
            "heartbeat_interval_ms = 60000\nheartbeat_timeout_ms = 60000\n",
            "heartbeat_interval_ms = \"20s\"\nmax_frame_bytes = \"64KiB\"\nretention_days = \"12weeks\"\ndrain_ms = \"1.5s\"\n",
            "[jwt_keys]\na = \"never-to-be-repeated-0123456789abcdef\"\nb = \"another-one-0123456789abcdef-0123456789\"\n",
            "jwks_url = \"https://issuer.example/jwks\"\njwt_issuer = \"me\"\njwt_audience = \"you\"\n",
        ])
    },
    words: &[
        "= ",
        "\"",
        "[",
        "]",
        "\n",
        "listen",
        "off",
        "rate_limit",
        "max_frame_bytes",
        "drain_ms",
        "jwt_keys",
        "'",
        "{",
        "#",
        "database_schema",
        "0x7fffffffffffffff",
        "nan",
        "5min",
        "10MB",
        "1979-05-27",
    ],
};

fn check(data: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(data);
    // It would read whatever file is named.
    if text.contains("_file") {
        return 0;
    }
    let path = FOLDER.with(|folder| folder.path().join("tenfour.toml"));
    std::fs::write(&path, data).unwrap();
    // Without any secret all of it would be refused.
    let defaults = &[("jwt_secret", "another-one-of-32-bytes-and-more-")];
    let flags = Flags { config: Some(path), defaults, ..Flags::default() };
    let loaded = load_existing(&flags, []);
    match &loaded {
        Ok(loaded) => {
            let (limits, timing) = (&loaded.config.limits, &loaded.config.timing);
            assert!((2..=100_000).contains(&limits.max_group_members));
            assert!((256..=64 << 20).contains(&limits.max_frame_bytes) && limits.max_content_bytes >= 1);
            assert!(limits.room_in_flight >= 1 && limits.db_queue >= 1 && limits.max_sessions_per_user >= 1);
            assert!(timing.heartbeat_timeout > timing.heartbeat_interval);
            assert!(timing.drain < Duration::from_secs(10));
            assert_ne!(Some(loaded.config.listen), loaded.config.admin_listen.filter(|admin| admin.port() != 0));
            assert!(std::str::from_utf8(data).is_ok());
        }
        Err(errors) => assert!(!errors.0.is_empty() && errors.0.iter().all(|error| !error.is_empty())),
    }
    if kept_to_its_place(&text) {
        assert!(!format!("{loaded:?}").contains(SECRET), "a secret is repeated");
        let shown = loaded.as_ref().map(Loaded::shown).unwrap_or_default();
        let is_seen = |shown: &Shown| format!("{shown:?} {}", shown.env_line()).contains(SECRET);
        assert!(!shown.iter().any(is_seen), "a secret is shown");
    }
    // Who says it in the environment is heard, whatever the file says.
    let environment =
        [("TENFOUR_MAX_GROUP_MEMBERS", "7")].map(|(name, value)| (OsString::from(name), OsString::from(value)));
    match (&loaded, load_existing(&flags, environment)) {
        (_, Ok(other)) => assert_eq!(other.config.limits.max_group_members, 7),
        (Ok(_), Err(errors)) => panic!("with the environment it is refused: {errors:?}"),
        (Err(_), Err(_)) => {}
    }
    outcome(&loaded.map(|loaded| loaded.warnings).map_err(|errors| errors.0))
}

/// Whether the secret stands only where a secret belongs: elsewhere it is none, and an error may show what it is about.
fn kept_to_its_place(text: &str) -> bool {
    let secret = |line: &str| {
        ["jwt_secret = \"", "database_url = \"", "a = \""].iter().any(|begin| line.starts_with(begin))
            && line.matches('"').count() == 2
    };
    let strings = text.contains("\"\"\"") || text.contains("'''");
    !strings
        && text.lines().filter(|line| line.contains(SECRET)).all(secret)
        && (!text.contains("\na = ") || text.starts_with("[jwt_keys]\na"))
}
