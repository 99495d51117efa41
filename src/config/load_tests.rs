use std::fs;

use super::super::settings::{SETTINGS, Setting};
use super::*;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// Loads with a file of that text, and an environment and flags of these pairs; always beside a memory database.
fn load_from(file: &str, env: &[(&str, &str)], flags: &[(&'static str, &str)]) -> Result<Loaded, ConfigErrors> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.toml");
    fs::write(&path, file).unwrap();
    let memory = [("DATABASE_URL", "sqlite::memory:")];
    let given = |key: &str| env.iter().any(|(name, _)| *name == key) || file.contains("database_url");
    let env = memory.iter().filter(|(key, _)| !given(key)).chain(env);
    load(
        &Flags {
            config: Some(path),
            values: flags.iter().map(|(key, value)| (*key, (*value).to_owned())).collect(),
            ..Flags::default()
        },
        env.map(|(name, value)| (OsString::from(name), OsString::from(value))),
    )
}

fn errors(file: &str, env: &[(&str, &str)]) -> Vec<String> {
    load_from(file, env, &[]).expect_err("should be refused").0
}

#[test]
fn the_table_documents_the_defaults_that_hold() {
    let flags = Flags {
        config: None,
        values: SETTINGS
            .iter()
            .filter(|setting| !setting.default.is_empty())
            .map(|setting| (setting.key, setting.default.to_owned()))
            .collect(),
        ..Flags::default()
    };
    let mut reader = Reader::new(Gathered::from(&flags, []));
    let mut config = Config {
        listen: "0.0.0.0:1".parse().unwrap(),
        admin_listen: None,
        limits: super::super::Limits { max_frame_bytes: 1, rate_limit: None, ..Config::default().limits },
        timing: super::super::Timing { drain: Duration::ZERO, ..Config::default().timing },
        log: String::new(),
        ..Config::default()
    };
    reader.places(&mut config);
    reader.limits(&mut config);
    reader.timing(&mut config);
    reader.keys(&mut config.auth);
    config.webhooks.retries.clear();
    webhooks::read(&mut reader, &mut config.webhooks);
    assert_eq!(reader.gathered.problems, Vec::<String>::new());
    assert_eq!(format!("{config:?}"), format!("{:?}", Config::default()));
    // What names the file of a secret is read before all others.
    let twins: Vec<_> = SETTINGS.iter().filter_map(Setting::twin).map(|twin| twin.key).collect();
    let read = |key: &&str| reader.asked.contains(key) || twins.contains(key);
    assert!(SETTINGS.iter().all(|setting| read(&setting.key)), "a setting is never read");
    assert_eq!(reader.asked.len() + twins.len(), SETTINGS.len());
}

#[test]
fn a_flag_beats_the_environment_which_beats_the_file() {
    let file = "listen = \"127.0.0.1:1\"\nmax_group_members = 7\nlog = \"warn\"\n";
    let env = [("TENFOUR_LISTEN", "127.0.0.1:2"), ("TENFOUR_LOG", "debug")];
    let config = load_from(file, &env, &[("listen", "127.0.0.1:3")]).unwrap().config;
    assert_eq!(config.listen.port(), 3);
    assert_eq!(config.log, "debug");
    assert_eq!(config.limits.max_group_members, 7);
    assert_eq!(config.limits.max_frame_bytes, 65_536);
}

#[test]
fn every_error_is_told_at_once_with_its_place_and_what_is_allowed() {
    let file = "lissten = 1\n\nrate_limit = 0\nallowed_origins = [\"*\"]\nlog = [1]\nlisten = 1979-05-27\n";
    let found = errors(file, &[("TENFOUR_MAX_FRAME_BYTES", "1e6"), ("TENFOUR_ADMIN_LISTEN", "everywhere")]);
    for (index, (start, word)) in [
        ("t.toml:1: lissten", "did you mean listen?"),
        ("t.toml:6: listen", "text or a number"),
        ("environment: TENFOUR_ADMIN_LISTEN", "or off; it is \"everywhere\""),
        ("t.toml:4: allowed_origins", "https://app.example"),
        ("t.toml:5: log", "one text or number"),
        ("t.toml:3: rate_limit", "from 1 to 100000, or off; it is \"0\""),
        ("environment: TENFOUR_MAX_FRAME_BYTES", "from 256 to"),
    ]
    .into_iter()
    .enumerate()
    {
        let line = &found.iter().find(|line| line.contains(start)).unwrap_or_else(|| panic!("{start}: {found:#?}"));
        assert!(line.contains(word), "{index}: {line}");
        assert!(!line.contains('\n'));
    }
    assert_eq!(found.len(), 7, "{found:#?}");
}

#[test]
fn broken_toml_is_told_by_line_and_never_quoted() {
    let found = errors(&format!("log = \"info\"\njwt_secret = \"{SECRET}\" trailing\n"), &[]);
    assert!(found.iter().any(|line| line.contains("t.toml:2: not valid TOML")), "{found:?}");
    assert!(found.iter().all(|line| !line.contains(SECRET)), "{found:?}");
}

#[test]
fn a_file_that_is_missing_is_an_error() {
    let flags = Flags { config: Some("/nonexistent/tenfour.toml".into()), ..Flags::default() };
    assert!(load(&flags, []).unwrap_err().0[0].contains("/nonexistent/tenfour.toml: cannot be read"));
}

#[test]
fn the_environment_may_name_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("named.toml");
    fs::write(&path, "database_url = \"sqlite::memory:\"\nmax_group_members = 9\n").unwrap();
    let env = [(OsString::from("TENFOUR_CONFIG"), path.into_os_string())];
    assert_eq!(load(&Flags::default(), env).unwrap().config.limits.max_group_members, 9);
}

#[test]
fn an_unknown_variable_is_a_warning_and_an_empty_one_is_not_set() {
    let loaded = load_from("", &[("TENFOUR_LISTN", "x"), ("TENFOUR_RATE_LIMIT", ""), ("PATH", "/bin")], &[]).unwrap();
    assert_eq!(loaded.warnings, ["environment: TENFOUR_LISTN: is no setting, ignored; did you mean TENFOUR_LISTEN?"]);
    assert_eq!(loaded.config.limits.rate_limit.map(std::num::NonZeroU32::get), Some(10));
}

#[test]
fn no_secret_is_ever_repeated() {
    let long = "hunter2-hunter2-hunter2-hunter2-hunter2";
    let found = errors(
        &format!("jwt_keys = {{ a = \"hunter2\" }}\ndatabase_url = \"mysql://me:{long}@db\"\n"),
        &[("TENFOUR_JWT_SECRET", "hunter2"), ("REDIS_URL", long)],
    );
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found.iter().all(|line| !line.contains("hunter2")), "{found:?}");
    let env = [
        ("TENFOUR_JWT_SECRET", long),
        ("REDIS_URL", "redis://:hunter2@cache"),
        ("TENFOUR_JWT_KEYS", "k:hunter2-hunter2-hunter2-hunter2-hunter2"),
    ];
    let loaded = load_from("database_url = \"postgres://me:hunter2@db/chat\"", &env, &[]).unwrap();
    assert!(!format!("{loaded:?}").contains("hunter2"), "{loaded:?}");
}

#[test]
fn keys_in_the_file_keep_their_order_and_sign_before_the_plain_secret() {
    let file = format!("[jwt_keys]\nzeta = \"{SECRET}\"\nalpha = \"{SECRET}\"\n");
    let keys = load_from(&file, &[("TENFOUR_JWT_SECRET", SECRET)], &[]).unwrap().config.auth.keys;
    let kids: Vec<_> = keys.iter().map(|key| key.kid.as_deref()).collect();
    assert_eq!(kids, [Some("zeta"), Some("alpha"), None]);
}

#[test]
fn a_secret_file_is_read_and_gives_way_to_who_counts_more() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secret");
    fs::write(&path, format!("{SECRET}\n")).unwrap();
    let path = path.to_str().unwrap();
    let key = |loaded: Loaded| loaded.config.auth.keys[0].secret.expose().to_owned();
    let other = "x".repeat(32);
    assert_eq!(key(load_from("", &[("TENFOUR_JWT_SECRET_FILE", path)], &[]).unwrap()), SECRET);
    let file = format!("jwt_secret_file = \"{path}\"\n");
    assert_eq!(key(load_from(&file, &[("TENFOUR_JWT_SECRET", &other)], &[]).unwrap()), other);
    let file = format!("jwt_secret = \"{other}\"\n");
    assert_eq!(key(load_from(&file, &[("TENFOUR_JWT_SECRET_FILE", path)], &[]).unwrap()), SECRET);
    let both = errors("", &[("TENFOUR_JWT_SECRET_FILE", path), ("TENFOUR_JWT_SECRET", &other)]);
    assert!(both[0].contains("leave one out"), "{both:?}");
    assert!(errors("", &[("TENFOUR_JWT_SECRET_FILE", "/nonexistent")])[0].contains("cannot be read"));
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    for (env, word) in [
        ([("TENFOUR_HEARTBEAT_TIMEOUT_MS", "1000"), ("TENFOUR_HEARTBEAT_INTERVAL_MS", "1000")], "above heartbeat"),
        ([("TENFOUR_LISTEN", "127.0.0.1:7"), ("TENFOUR_ADMIN_LISTEN", "127.0.0.1:7")], "another address"),
    ] {
        let found = errors("", &env);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains(word), "{found:?}");
    }
    let small = load_from("", &[("TENFOUR_MAX_FRAME_BYTES", "2048")], &[]).unwrap();
    assert!(small.warnings[0].contains("2048 bytes (max_frame_bytes)"), "{small:?}");
    let zero = [("TENFOUR_LISTEN", "127.0.0.1:0"), ("TENFOUR_ADMIN_LISTEN", "127.0.0.1:0")];
    assert!(load_from("", &zero, &[]).is_ok());
}

#[test]
fn a_server_database_needs_a_key_that_all_nodes_know() {
    let server = ("DATABASE_URL", "postgres://db/chat");
    assert!(errors("", &[server])[0].contains("TENFOUR_JWT_SECRET"));
    assert!(load_from("", &[server, ("TENFOUR_JWT_SECRET", SECRET)], &[]).is_ok());
    let loaded = load_from("", &[server, ("TENFOUR_JWKS_URL", "https://id.example/jwks")], &[]).unwrap();
    assert!(loaded.config.auth.keys.is_empty(), "no secret of our own beside the issuer's keys");
    let open = ("TENFOUR_LISTEN", "0.0.0.0:8080");
    assert!(errors("", &[server, open, ("TENFOUR_JWT_SECRET", "short")])[0].contains("5 bytes"));
}

#[test]
fn a_short_secret_is_taken_on_loopback_with_a_warning() {
    let loaded = load_from("", &[("TENFOUR_JWT_SECRET", "short")], &[]).unwrap();
    assert!(loaded.warnings[0].contains("5 bytes"), "{loaded:?}");
}

#[test]
fn a_file_database_keeps_a_secret_and_a_memory_database_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", dir.path().join("chat.db").display());
    let secret = || {
        let auth = load_from("", &[("DATABASE_URL", &url)], &[]).unwrap().config.auth;
        auth.keys[0].secret.clone()
    };
    assert_eq!(secret(), secret());
    assert!(dir.path().join("chat.db.jwt-secret").exists());
    let memory = || load_from("", &[], &[]).unwrap().config.auth;
    assert_ne!(memory().keys[0].secret, memory().keys[0].secret);
}

#[test]
fn nothing_is_made_on_disk_when_anything_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", dir.path().join("chat.db").display());
    errors("colour = 1", &[("DATABASE_URL", &url)]);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn who_works_with_a_daemon_takes_the_kept_secret_and_never_makes_one() {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", dir.path().join("chat.db").display());
    let existing = |url: &str| load_existing(&Flags::default(), [("DATABASE_URL".into(), url.into())]);
    for nobodys in [&url, "sqlite::memory:", "postgres://db/chat", "sqlite:/nonexistent/chat.db"] {
        let found = existing(nobodys).unwrap_err().0;
        assert!(found.len() == 1 && found[0].starts_with("no secret here"), "{nobodys}: {found:?}");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    let made = load_from("", &[("DATABASE_URL", &url)], &[]).unwrap().config.auth.keys[0].secret.clone();
    assert_eq!(existing(&url).unwrap().config.auth.keys[0].secret, made);
}

#[test]
fn what_the_command_sets_gives_way_to_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.toml");
    fs::write(&path, "database_url = \"sqlite::memory:\"\n").unwrap();
    let defaults = &[("database_url", "sqlite:/nonexistent/dev.db"), ("log", "warn")];
    let flags = Flags { config: Some(path.clone()), defaults, ..Flags::default() };
    let loaded = load(&flags, [(OsString::from("TENFOUR_LISTEN"), OsString::from("127.0.0.1:3"))]).unwrap();
    assert_eq!(loaded.config.database.url.expose(), "sqlite::memory:");
    assert_eq!(loaded.config.log, "warn");
    assert_eq!(loaded.file, Some(path));
}

#[test]
fn every_secret_may_be_in_a_file_or_among_the_services_credentials() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let own = "sqlite::memory:";
    let database = write("db", &format!("{own}\n"));
    let redis = write("redis", "redis://:hunter2@cache\r\n");
    let keys = write("keys", &format!("new:{SECRET}\nold:{SECRET}\n"));
    let env = [("DATABASE_URL_FILE", &*database), ("REDIS_URL_FILE", &redis), ("TENFOUR_JWT_KEYS_FILE", &keys)];
    let loaded = load(&Flags::default(), env.map(|(name, value)| (name.into(), value.into()))).unwrap();
    assert_eq!(loaded.warnings, Vec::<String>::new());
    let kids = |loaded: &Loaded| loaded.config.auth.keys.iter().map(|key| key.kid.clone()).collect::<Vec<_>>();
    assert_eq!(kids(&loaded), [Some("new".to_owned()), Some("old".to_owned())]);
    assert_eq!(loaded.config.redis_url.unwrap().expose(), "redis://:hunter2@cache");
    assert_eq!(loaded.config.database.url.expose(), own);
    // Credentials: by either name, where nobody says anything, and an empty one says nothing.
    let credentials = dir.path().join("credentials");
    fs::create_dir(&credentials).unwrap();
    write("credentials/jwt-keys", &format!("credential:{SECRET}\n"));
    write("credentials/redis_url", "redis://credential");
    write("credentials/jwt_secret", "");
    let folder = ("CREDENTIALS_DIRECTORY", credentials.to_str().unwrap());
    let with = |env: &[(&str, &str)]| load_from("", &[&[folder], env].concat(), &[]);
    let loaded = with(&[]).unwrap();
    assert_eq!(kids(&loaded), [Some("credential".to_owned())]);
    assert_eq!(loaded.config.redis_url.unwrap().expose(), "redis://credential");
    let loaded = with(&[("REDIS_URL", "redis://said"), ("TENFOUR_JWT_KEYS_FILE", &keys)]).unwrap();
    assert_eq!(kids(&loaded), [Some("new".to_owned()), Some("old".to_owned())]);
    assert_eq!(loaded.config.redis_url.unwrap().expose(), "redis://said");
    // What is wrong is told with its place, and never quoted.
    write("credentials/redis-url", "redis://other");
    write("credentials/jwt_keys", "hunter2");
    let found = with(&[]).unwrap_err().0;
    assert!(found.len() == 2 && found.iter().all(|line| line.contains("leave one out")), "{found:?}");
    fs::remove_file(credentials.join("redis-url")).unwrap();
    fs::remove_file(credentials.join("jwt-keys")).unwrap();
    let found = with(&[]).unwrap_err().0;
    assert!(found.len() == 1 && found[0].starts_with("credential ") && found[0].contains("KID:SECRET"), "{found:?}");
    assert!(!found[0].contains("hunter2"), "{found:?}");
    let found = errors("", &[("REDIS_URL_FILE", write("empty", "\n").as_str())]);
    assert!(found[0].contains("is empty"), "{found:?}");
}

#[test]
fn a_file_of_the_command_line_beats_a_secret_of_the_environment() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secret");
    fs::write(&path, SECRET).unwrap();
    let other = "x".repeat(32);
    let flags = [("jwt_secret_file", path.to_str().unwrap())];
    let loaded = load_from("", &[("TENFOUR_JWT_SECRET", &other)], &flags).unwrap();
    assert_eq!(loaded.config.auth.keys[0].secret.expose(), SECRET);
    assert!(loaded.warnings.iter().any(|line| line.contains("chmod 600")), "{loaded:?}");
}

#[test]
fn relative_paths_in_the_file_count_from_its_folder_and_others_from_where_one_stands() {
    let dir = tempfile::tempdir().unwrap();
    let (file, folder) = (dir.path().join("t.toml"), dir.path());
    fs::write(folder.join("secret"), format!("{SECRET}\n")).unwrap();
    let text = "database_url = \"sqlite:data/chat.db\"\njwt_secret_file = \"secret\"\naudit_heads = \"heads\"\n";
    fs::write(&file, text).unwrap();
    let flags = Flags { config: Some(file.clone()), ..Flags::default() };
    let config = load_places(&flags, []).unwrap().config;
    assert_eq!(config.database.url.expose(), format!("sqlite:{}", folder.join("data/chat.db").display()));
    assert_eq!(config.audit.heads, Some(folder.join("heads")));
    assert_eq!(config.audit.key, Some(folder.join("data/chat.db.audit-key")));
    assert_eq!(config.auth.keys[0].secret.expose(), SECRET);
    let said = [("DATABASE_URL", "sqlite:chat.db"), ("TENFOUR_AUDIT_HEADS", "heads")];
    let config = load_places(&flags, said.map(|(name, value)| (name.into(), value.into()))).unwrap().config;
    assert_eq!((config.database.url.expose(), config.audit.heads), ("sqlite:chat.db", Some("heads".into())));
    fs::write(&file, "database_url = \"sqlite:/var/chat.db\"\naudit_key = \"/var/key\"\n").unwrap();
    let config = load_places(&flags, []).unwrap().config;
    assert_eq!((config.database.url.expose(), config.audit.key), ("sqlite:/var/chat.db", Some("/var/key".into())));
    fs::write(&file, "database_url = \"sqlite::memory:\"\n").unwrap();
    assert_eq!(load_places(&flags, []).unwrap().config.database.url.expose(), "sqlite::memory:");
}

#[test]
fn times_and_sizes_take_units() {
    let file = "heartbeat_interval_ms = \"20s\"\nmax_frame_bytes = \"64KiB\"\nretention_days = \"12weeks\"\n";
    let config = load_from(file, &[("TENFOUR_HEARTBEAT_TIMEOUT_MS", "1min")], &[]).unwrap().config;
    assert_eq!(config.timing.heartbeat_interval, Duration::from_secs(20));
    assert_eq!(config.timing.heartbeat_timeout, Duration::from_secs(60));
    assert_eq!((config.limits.max_frame_bytes, config.limits.retention_days), (65_536, Some(84)));
}

#[test]
fn to_check_makes_nothing_and_tells_everything() {
    let dir = tempfile::tempdir().unwrap();
    let judged = |url: &str, more: &[(&str, &str)]| {
        let all = [("DATABASE_URL", url)].into_iter().chain(more.iter().copied());
        check(&Flags::default(), all.map(|(name, value)| (name.into(), value.into())))
    };
    let url = format!("sqlite:{}", dir.path().join("chat.db").display());
    assert!(judged(&url, &[]).is_ok());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    let found = judged("sqlite:/nonexistent/chat.db", &[("TENFOUR_RATE_LIMIT", "fast")]).unwrap_err().0;
    assert!(found.len() == 2 && found[1].contains("/nonexistent does not exist"), "{found:?}");
    assert!(judged("postgres://db/chat", &[]).unwrap_err().0[0].contains("TENFOUR_JWT_SECRET"));
    fs::write(dir.path().join("chat.db.jwt-secret"), "short").unwrap();
    assert!(judged(&url, &[]).unwrap_err().0[0].contains("32 or more"));
}

#[test]
fn a_running_daemon_keeps_its_own_secret_and_its_place() {
    let env = |pairs: &[(&str, &str)]| -> Vec<(OsString, OsString)> {
        pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
    };
    let again = |running: &Loaded, pairs: &[(&str, &str)]| reload(&Flags::default(), env(pairs), running);
    let secret = |loaded: &Loaded| loaded.config.auth.keys[0].secret.clone();
    let memory = ("DATABASE_URL", "sqlite::memory:");
    let running = load(&Flags::default(), env(&[memory])).unwrap();
    let new = again(&running, &[memory, ("TENFOUR_LOG", "debug")]).unwrap();
    assert_eq!((secret(&new), new.config.log.as_str()), (secret(&running), "debug"));
    // One in a file is read anew.
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", dir.path().join("chat.db").display());
    let file = ("DATABASE_URL", &*url);
    let running = load(&Flags::default(), env(&[file])).unwrap();
    fs::write(dir.path().join("chat.db.jwt-secret"), SECRET).unwrap();
    assert_eq!(secret(&again(&running, &[file]).unwrap()).expose(), SECRET);
    // The database that it will have only after a restart neither gives nor takes anything.
    let moved = ("DATABASE_URL", "sqlite:/nonexistent/chat.db");
    let new = again(&running, &[moved]).unwrap();
    assert_eq!(secret(&new).expose(), SECRET);
    assert_eq!(new.config.database.url.expose(), moved.1);
    // A short secret is judged by where it listens, not by where it would.
    let open = [memory, ("TENFOUR_LISTEN", "0.0.0.0:0"), ("TENFOUR_JWT_SECRET", SECRET)];
    let running = load(&Flags::default(), env(&open)).unwrap();
    let found = again(&running, &[memory, ("TENFOUR_JWT_SECRET", "short")]).unwrap_err().0;
    assert!(found.len() == 1 && found[0].contains("5 bytes"), "{found:?}");
}
