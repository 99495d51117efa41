//! SIGHUP: the settings are read anew, and what is wrong changes nothing.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use tenfour::auth::mint;
use tenfour::config::AuthSettings;
use tenfour::domain::ids::ChannelId;
use uuid::Uuid;

use crate::daemon::{PATIENCE, Setup, eventually};
use crate::manager::Manager;
use crate::process::{ProcessDaemon, command};
use crate::socket::{TestSocket, message};

const OLD: &str = "the secret of before, of 32 bytes and more";
const NEW: &str = "the secret of afterwards, of 32 bytes and more";

/// A daemon with its settings in a file, and who listens to it.
struct Ground {
    manager: Manager,
    daemon: ProcessDaemon,
    file: PathBuf,
    channel: ChannelId,
    _folder: tempfile::TempDir,
}

impl Ground {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = format!("sqlite:{}", folder.path().join("tenfour.db").display());
        let mut before = Setup::on_sqlite_file().start_on(&database).await;
        let channel = before.group(&["ana", "bo"]).await;
        before.stop().await;
        let (manager, file) = (Manager::start(), folder.path().join("tenfour.toml"));
        fs::write(folder.path().join("secret"), OLD).unwrap();
        fs::write(&file, settings("")).unwrap();
        let mut command = command(&database, &[("NOTIFY_SOCKET", manager.path())]);
        for from_the_file in ["TENFOUR_JWT_SECRET", "TENFOUR_RATE_LIMIT", "TENFOUR_LISTEN"] {
            command.env_remove(from_the_file);
        }
        command.arg("--config").arg(&file);
        let daemon = ProcessDaemon::start_as(command);
        manager.first("READY=1").await;
        Self { manager, daemon, file, channel, _folder: folder }
    }

    fn secret(&self, text: &str) {
        fs::write(self.file.with_file_name("secret"), text).unwrap();
    }

    /// Sends SIGHUP and waits until the daemon has done with it: its status then.
    async fn hang_up(&self) -> String {
        let told = self.manager.told().len();
        self.daemon.signal("HUP");
        let is_begun = |told: &crate::manager::Told| told.has("RELOADING=1") && told.value("MONOTONIC_USEC").is_some();
        self.manager.after(told, "the reload", is_begun).await;
        let ready = self.manager.after(told, "its end", |told| told.has("READY=1")).await;
        ready.value("STATUS").unwrap().to_owned()
    }

    /// Waits until the daemon has logged it.
    async fn logged(&self, words: &str) {
        eventually(words, async || self.daemon.log().contains(words)).await;
    }

    async fn connect(&self, secret: &str) -> Option<TestSocket> {
        let auth = AuthSettings::with_secret(secret);
        let token = mint(&auth, "ana", "Ana", None, Duration::from_secs(600)).unwrap();
        TestSocket::try_connect("ana", &self.daemon.url(), &token).await.ok()
    }
}

fn settings(more: &str) -> String {
    let listen = "listen = \"127.0.0.1:0\"\n";
    // What is said twice would be no TOML.
    let listen = if more.contains("listen = ") { "" } else { listen };
    let rate = if more.contains("rate_limit") { "" } else { "rate_limit = \"off\"\n" };
    format!("{listen}{rate}jwt_secret_file = \"secret\"\n{more}")
}

#[tokio::test]
async fn levels_rates_and_keys_change_while_sessions_go_on() {
    let ground = Ground::start().await;
    let mut ana = ground.connect(OLD).await.expect("the old secret");
    assert!(ground.connect(NEW).await.is_none());
    for number in 0..20 {
        ana.send_message(ground.channel, &format!("before {number}")).await;
    }
    assert!(!ground.daemon.log().contains(" DEBUG "), "{}", ground.daemon.log());
    fs::write(&ground.file, settings("rate_limit = 1\nlog = \"debug\"\n")).unwrap();
    ground.secret(NEW);
    let status = ground.hang_up().await;
    assert!(status.contains("the database answers") && !status.contains("refused"), "{status}");
    ground.logged("the new settings are in effect").await;
    // Who is there stays, at the new rate.
    for number in 0..3 {
        ana.send_message(ground.channel, &format!("after {number}")).await;
    }
    ana.ask_refused(message(ground.channel, "too much", Uuid::new_v4()), "rate_limited").await;
    assert!(ground.connect(OLD).await.is_none());
    let mut again = ground.connect(NEW).await.expect("the new secret");
    assert_eq!(again.ask(json!({"type": "ping"})).await["type"], "pong");
    ground.logged(" DEBUG ").await;
}

#[tokio::test]
async fn what_is_wrong_is_refused_as_a_whole_and_the_old_settings_go_on() {
    let ground = Ground::start().await;
    for (text, word) in [
        ("log = \"debug\"\nrate_limit = \"fast\"\n", "rate_limit"),
        ("log = \"debug\"\nlgo = 1\n", "did you mean log?"),
        ("log = \"debug\"\njwt_public_key_file = \"secret\"\n", "PEM"),
    ] {
        fs::write(&ground.file, settings(text)).unwrap();
        ground.secret(NEW);
        let status = ground.hang_up().await;
        assert!(status.contains("refused, see the log"), "{status}");
        ground.logged("the new settings are refused, and the old ones stay: ").await;
        ground.logged(word).await;
        assert!(ground.connect(OLD).await.is_some() && ground.connect(NEW).await.is_none());
    }
    assert!(!ground.daemon.log().contains(" DEBUG "), "{}", ground.daemon.log());
    // Mended, it is taken, and the complaint is gone.
    fs::write(&ground.file, settings("")).unwrap();
    assert!(!ground.hang_up().await.contains("refused"));
    assert!(ground.connect(NEW).await.is_some());
}

#[tokio::test]
async fn what_takes_a_restart_is_named() {
    let ground = Ground::start().await;
    fs::write(&ground.file, settings("listen = \"127.0.0.1:9\"\nmax_group_members = 7\nlog = \"debug\"\n")).unwrap();
    ground.hang_up().await;
    ground.logged("but for those that take a restart: listen, max_group_members").await;
    assert!(ground.connect(OLD).await.is_some());
}

/// Its terminal is gone, and nobody is there to try things out.
#[tokio::test]
async fn a_daemon_to_try_things_out_ends_with_its_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let mut dev = Command::new(env!("CARGO_BIN_EXE_tenfour"));
    dev.args(["dev", "--listen", "127.0.0.1:0", "--admin-listen", "off", "--log", "info"]);
    dev.env_clear().current_dir(folder.path());
    dev.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
    let mut daemon = ProcessDaemon::start_as(dev);
    daemon.signal("HUP");
    assert!(daemon.wait(PATIENCE).await.success(), "{}", daemon.log());
}
