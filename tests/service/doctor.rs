//! `tenfour doctor`, as an operator asks it: about real databases, a real Redis and real proxies that are not as they should be.

use std::fs;
use std::io::Write as _;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use diesel_async::SimpleAsyncConnection;
use rcgen::date_time_ymd;
use serde_json::Value;

use crate::certificates::Authority;
use crate::daemon::{PATIENCE, Setup};
use crate::postgres::{Database, connect};
use crate::process::{ProcessDaemon, command};
use crate::redis::Redis;

/// What was found, and the exit code.
struct Told {
    code: Option<i32>,
    findings: Vec<Value>,
}

impl Told {
    fn of(output: &Output) -> Self {
        let text = String::from_utf8_lossy(&output.stdout);
        let json: Value = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr)));
        Self { code: output.status.code(), findings: json["findings"].as_array().unwrap().clone() }
    }

    /// That there is a finding of this kind with these words, and advice where it is not well.
    fn has(&self, check: &str, state: &str, words: &str) {
        let found = self.findings.iter().find(|one| {
            one["check"] == check
                && one["state"] == state
                && one["text"].as_str().is_some_and(|text| text.contains(words))
        });
        let found = found.unwrap_or_else(|| panic!("{check}, {state}, {words}: {:#?}", self.findings));
        assert_eq!(found["advice"].is_string(), state != "ok", "{found}");
        // What was found decides how it ends.
        assert_eq!(self.code, Some(i32::from(self.problems() > 0)));
    }

    fn problems(&self) -> usize {
        self.findings.iter().filter(|one| one["state"] == "problem").count()
    }
}

fn doctor(database: &str, settings: &[(&str, &str)], arguments: &[&str]) -> Command {
    let mut command = command(database, settings);
    command.arg("doctor").args(arguments).stdout(Stdio::piped());
    command
}

/// Never waits for long, whatever hangs.
async fn ask(database: &str, settings: &[(&str, &str)], arguments: &[&str]) -> Told {
    let mut command = doctor(database, settings, &[arguments, &["--json"]].concat());
    let began = Instant::now();
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    Told::of(&output)
}

#[tokio::test]
async fn a_daemon_that_is_well_has_no_problem_and_nothing_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}", folder.path().join("tenfour.db").display());
    let origins = [("TENFOUR_ALLOWED_ORIGINS", "https://app.example")];
    // Before there is anything.
    let told = ask(&database, &origins, &[]).await;
    told.has("database", "ok", "not there yet");
    told.has("disk", "ok", "left in");
    told.has("redis", "ok", "none is set");
    told.has("keys", "ok", "1 of HS256");
    told.has("public address", "ok", "not looked at");
    assert_eq!((told.problems(), fs::read_dir(folder.path()).unwrap().count()), (0, 0));
    let daemon = ProcessDaemon::start(&database, &origins);
    let url = format!("http://{}", daemon.addr);
    let log = daemon.log();
    let admin = log.split("admin ").nth(1).and_then(|rest| rest.split(',').next()).unwrap();
    let settings = [origins[0], ("TENFOUR_ADMIN_LISTEN", admin)];
    let told = ask(&database, &settings, &["--url", &url]).await;
    told.has("database", "ok", "whole, WAL");
    told.has("schema", "ok", "at 00");
    told.has("public address", "ok", "an upgrade gets through directly; the client is 127.0.0.1");
    told.has("clock", "ok", "the public address's");
    told.has("origins", "ok", "1 may connect");
    assert!(
        told.findings
            .iter()
            .any(|one| one["check"] == "open files" && one["text"].as_str().unwrap().contains("the daemon that runs"))
    );
    assert_eq!(told.problems(), 0, "{:#?}", told.findings);
    // By lines the same, each with its state in front.
    let output = doctor(&database, &settings, &["--url", &url]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!((output.status.code(), text.lines().count()), (Some(0), told.findings.len()), "{text}");
    assert!(text.lines().all(|line| ["ok ", "warning "].iter().any(|state| line.starts_with(state))), "{text}");
    // Another list than the daemon's own.
    let other = [("TENFOUR_ALLOWED_ORIGINS", "https://other.example"), ("TENFOUR_ADMIN_LISTEN", admin)];
    ask(&database, &other, &["--url", &url]).await.has("origins", "problem", "https://other.example may not connect");
    // Nobody was let in for it.
    let counted = ask(&database, &settings, &[]).await;
    counted.has("database", "ok", "whole");
    let gone = ask(&database, &settings, &["--url", "http://127.0.0.1:9"]).await;
    gone.has("public address", "problem", "nothing can be asked at");
    ask(&database, &settings, &["--url", "chat.example"]).await.has("public address", "problem", "is no address");
}

#[tokio::test]
async fn a_postgresql_that_loses_writes_or_refuses_them_is_told() {
    let database = Database::create().await;
    let before = Setup::on_postgres().start_on(&database.url).await;
    let mut before = before;
    before.stop().await;
    let mut owner = connect(&database.url).await;
    // That of the tests keeps nothing through a crash, to be fast.
    let told = ask(&database.url, &[], &[]).await;
    told.has("database", "problem", "fsync is off");
    told.has("schema", "ok", "at 00");
    told.has("clock", "ok", "PostgreSQL's");
    let name = database.url.rsplit('/').next().unwrap().to_owned();
    let set = format!("ALTER DATABASE {name} SET synchronous_commit = off");
    owner.batch_execute(&set).await.unwrap();
    ask(&database.url, &[], &[]).await.has("database", "problem", "synchronous_commit is off");
    owner
        .batch_execute("DELETE FROM tenfour.__diesel_schema_migrations WHERE version = (SELECT max(version) FROM tenfour.__diesel_schema_migrations)")
        .await
        .unwrap();
    ask(&database.url, &[], &[]).await.has("schema", "warning", "1 steps behind");
    // A user who may connect and nothing else, then see the schema, then have one of their own.
    let role = format!("weak_{name}");
    owner.batch_execute(&format!("CREATE ROLE {role} LOGIN")).await.unwrap();
    let weak = database.url.replace("postgres://postgres@", &format!("postgres://{role}@"));
    ask(&weak, &[], &[]).await.has("database", "problem", "this user may not use the schema tenfour");
    ask(&weak, &[("TENFOUR_DATABASE_SCHEMA", "other")], &[]).await.has("database", "problem", "may not make one");
    owner.batch_execute(&format!("GRANT USAGE, CREATE ON SCHEMA tenfour TO {role}")).await.unwrap();
    ask(&weak, &[], &[]).await.has("database", "problem", "may not read and write");
    owner.batch_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await.unwrap();
    ask(&weak, &[], &[]).await.has("database", "problem", "check user, password and database");
    ask("postgres://me@127.0.0.1:9/db", &[], &[]).await.has("database", "problem", "cannot reach PostgreSQL");
    drop(owner);
    database.drop().await;
}

#[tokio::test]
async fn a_redis_that_forgets_or_cuts_off_is_told() {
    let mut redis = Redis::start();
    let url = redis.url();
    let settings = [("REDIS_URL", url.as_str())];
    let told = ask("sqlite::memory:", &settings, &[]).await;
    told.has("redis", "warning", "subscribers are cut off at 32 MiB, or at 8 MiB");
    told.has("clock", "ok", "Redis's");
    redis.command(&["CONFIG", "SET", "client-output-buffer-limit", "pubsub 67108864 16777216 60"]).unwrap();
    ask("sqlite::memory:", &settings, &[]).await.has("redis", "ok", "Redis ");
    redis.command(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).unwrap();
    redis.command(&["CONFIG", "SET", "timeout", "300"]).unwrap();
    let told = ask("sqlite::memory:", &settings, &[]).await;
    told.has("redis", "warning", "maxmemory-policy is allkeys-lru");
    told.has("redis", "warning", "after 300 s");
    assert_eq!(told.problems(), 0);
    // Who may not ask for its settings is not told them.
    let user = ["ACL", "SETUSER", "chat", "on", "nopass", "~*", "&tenfour:*", "+ping", "+time"];
    redis.command(&user).unwrap();
    let as_user = url.replace("redis://", "redis://chat:x@");
    ask("sqlite::memory:", &[("REDIS_URL", &as_user)], &[]).await.has("redis", "ok", "does not tell");
    redis.kill();
    ask("sqlite::memory:", &settings, &[]).await.has("redis", "problem", "Redis");
}

#[tokio::test]
async fn keys_files_and_certificates_are_looked_at() {
    // An issuer that nobody reaches, and one that hangs: neither hides the rest.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    for address in ["127.0.0.1:9".to_owned(), silent.local_addr().unwrap().to_string()] {
        let jwks = format!("http://{address}/jwks.json");
        let told = ask("sqlite::memory:", &[("TENFOUR_JWKS_URL", &jwks)], &[]).await;
        told.has("keys", "problem", "cannot be had");
        told.has("open files", told.state_of("open files"), "");
    }
    let mut few = Command::new("sh");
    few.args(["-c", "ulimit -n 256 && exec \"$0\" doctor --json", env!("CARGO_BIN_EXE_tenfour")]).env_clear();
    few.env("DATABASE_URL", "sqlite::memory:").env("TENFOUR_ADMIN_LISTEN", "off");
    Told::of(&few.output().unwrap()).has("open files", "warning", "256 for this shell");
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    for (change, state, words) in [
        ((|_| {}) as fn(&mut rcgen::CertificateParams), "ok", "is for chat.example, localhost, 127.0.0.1, until"),
        (|params| params.not_after = date_time_ymd(2021, 1, 2), "problem", "ended on 2021-01-02"),
        (soon, "warning", "ends in "),
    ] {
        let written = authority.write(folder.path(), change);
        let (chain, key) = (written.certificate.to_str().unwrap(), written.key.to_str().unwrap());
        let settings = [("TENFOUR_TLS_CERT", chain), ("TENFOUR_TLS_KEY", key)];
        ask("sqlite::memory:", &settings, &[]).await.has("certificate", state, words);
    }
    // What the settings cannot be is told as it is at a start.
    let none = [("TENFOUR_TLS_CERT", "/nonexistent.pem"), ("TENFOUR_TLS_KEY", "/nonexistent.pem")];
    ask("sqlite::memory:", &none, &[]).await.has("settings", "problem", "cannot be read");
    let wrong = doctor("sqlite::memory:", &[("TENFOUR_RATE_LIMIT", "fast")], &[]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(78));
}

/// Within the next days, whenever that is.
fn soon(params: &mut rcgen::CertificateParams) {
    params.not_after = (std::time::SystemTime::now() + Duration::from_secs(3 * 86_400)).into();
}

impl Told {
    fn state_of(&self, check: &str) -> &str {
        let found = self.findings.iter().find(|one| one["check"] == check);
        found.unwrap_or_else(|| panic!("{check}: {:#?}", self.findings))["state"].as_str().unwrap()
    }
}

/// The certificate of who serves is seen as clients see it, through the real address.
#[tokio::test]
async fn tls_of_the_daemon_itself_is_seen_as_clients_see_it() {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    let written = authority.write(folder.path(), soon);
    let (chain, key) = (written.certificate.to_str().unwrap(), written.key.to_str().unwrap());
    let file = authority.file();
    let settings = [("TENFOUR_TLS_CERT", chain), ("TENFOUR_TLS_KEY", key)];
    let daemon = ProcessDaemon::start("sqlite::memory:", &settings);
    let url = format!("https://localhost:{}", daemon.addr.port());
    let trusting = [&settings[..], &[("SSL_CERT_FILE", file.to_str().unwrap())]].concat();
    let told = ask("sqlite::memory:", &trusting, &["--url", &url]).await;
    told.has("public address", "ok", "an upgrade gets through directly");
    told.has("certificate", "warning", "what localhost shows ends in ");
    told.has("origins", "ok", "only its own pages");
    // Without its authority nobody comes in, and the certificate is looked at all the same.
    let told = ask("sqlite::memory:", &settings, &["--url", &url]).await;
    told.has("public address", "problem", "nothing can be asked at");
    told.has("certificate", "warning", "what localhost shows ends in ");
    let clear = format!("http://localhost:{}", daemon.addr.port());
    ask("sqlite::memory:", &settings, &["--url", &clear]).await.has(
        "public address",
        "problem",
        "spoken to in the clear",
    );
}

/// nginx with these words for one place, which leads to the daemon. None where it is missing, which is said.
struct Nginx {
    process: std::process::Child,
    port: u16,
}

impl Nginx {
    fn start(folder: &Path, ip: IpAddr, daemon: SocketAddr, words: &str) -> Option<Self> {
        if Command::new("nginx").arg("-v").output().is_err() {
            let _ =
                writeln!(std::io::stderr(), "left out: nginx is missing (Debian, Ubuntu: apt-get install nginx-light)");
            return None;
        }
        for _ in 0..5 {
            let port = std::net::TcpListener::bind((ip, 0)).unwrap().local_addr().unwrap().port();
            let at = folder.display();
            let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                .map(|what| format!("{what}_temp_path {at}/{what};\n"));
            let configuration = format!(
                "pid {at}/pid;\nerror_log {at}/error.log;\nworker_processes 1;\nevents {{}}\nhttp {{\n{}access_log off;\nserver {{\n\
                 listen {ip}:{port};\nlocation / {{\nproxy_pass http://{daemon};\n{words}\n}}\n}}\n}}\n",
                temporary.concat()
            );
            fs::write(folder.join("nginx.conf"), configuration).unwrap();
            let mut command = Command::new("nginx");
            command.args(["-g", "daemon off;", "-c"]).arg(folder.join("nginx.conf"));
            let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            let mut nginx = Self { process, port };
            let deadline = Instant::now() + PATIENCE;
            while Instant::now() < deadline && matches!(nginx.process.try_wait(), Ok(None)) {
                if std::net::TcpStream::connect((ip, port)).is_ok() {
                    return Some(nginx);
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        panic!("nginx does not start: {}", fs::read_to_string(folder.join("error.log")).unwrap_or_default());
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // In order, so that it takes its workers along.
        drop(Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status());
        let deadline = Instant::now() + PATIENCE;
        while matches!(self.process.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// An address of this machine that is not loopback: from there a client is not what a proxy here is.
fn address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    // Nothing is sent.
    socket.connect("192.0.2.1:9").ok()?;
    socket.local_addr().ok().map(|addr| addr.ip()).filter(|ip| !ip.is_loopback())
}

#[tokio::test]
async fn a_proxy_that_is_not_set_up_right_is_told() {
    const UPGRADE: &str =
        "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;";
    const HOST: &str = "proxy_set_header Host $http_host;";
    const CLIENT: &str = "proxy_set_header X-Forwarded-For $remote_addr;";
    let (daemon, Some(ip)) = (ProcessDaemon::start("sqlite::memory:", &[]), address()) else {
        let _ = writeln!(std::io::stderr(), "left out: this machine has no address but loopback");
        return;
    };
    for (words, state, expected) in [
        (format!("{UPGRADE}{HOST}{CLIENT}"), "ok", "by a proxy that says so"),
        (format!("{HOST}{CLIENT}"), "problem", "the upgrade to a WebSocket does not come through"),
        (format!("{UPGRADE}{HOST}"), "problem", "does not say who the client is"),
        (
            format!("{UPGRADE}{HOST}proxy_set_header X-Forwarded-For $http_x_forwarded_for;"),
            "problem",
            "does not say who",
        ),
        (format!("{UPGRADE}{CLIENT}"), "problem", "another Host"),
        // What somebody says of themselves comes last, where they say something.
        (
            format!("{UPGRADE}{HOST}{CLIENT}proxy_set_header X-Forwarded-For $http_x_forwarded_for;"),
            "problem",
            "anybody can be anybody",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let Some(nginx) = Nginx::start(folder.path(), ip, daemon.addr, &words) else { return };
        let url = format!("http://{ip}:{}", nginx.port);
        let told = ask("sqlite::memory:", &[], &["--url", &url]).await;
        told.has("public address", state, expected);
        told.has("public address", "warning", "in the clear");
    }
    // One on another machine whose word does not count, and then does.
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    for (trusted, state, expected) in
        [("", "problem", "Host"), (&*ip.to_string(), "ok", "a proxy that says so; the client is")]
    {
        let settings = [("TENFOUR_LISTEN", &*format!("{ip}:0")), ("TENFOUR_TRUSTED_PROXIES", trusted)];
        let far = ProcessDaemon::start("sqlite::memory:", &settings);
        let host = if trusted.is_empty() { "" } else { HOST };
        let Some(nginx) = Nginx::start(folder.path(), ip, far.addr, &format!("{UPGRADE}{host}{CLIENT}")) else {
            return;
        };
        let told = ask("sqlite::memory:", &settings, &["--url", &format!("http://{ip}:{}", nginx.port)]).await;
        told.has("public address", state, expected);
    }
}
