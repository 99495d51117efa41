//! The Debian package, as an administrator meets it: installed, upgraded, removed and purged by the real dpkg.
//!
//! On this machine as it is, but nothing that happens stays: a layer of memory lies over its disk, in namespaces of its own.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::sqlite::SqliteConnection;
use diesel::{Connection, RunQueryDsl};
use serde_json::Value;

/// For one step, in a debug build and beside other tests.
const PATIENCE: Duration = Duration::from_secs(120);
const END: &str = "the step ended with ";

/// A shell within the layer, as root. What runs there ends with it.
struct Machine {
    child: Child,
    stdin: ChildStdin,
    lines: mpsc::Receiver<String>,
}

/// Makes the layer's root at `$1`, and goes there for good.
const ENTER: &str = r#"set -e
mount -t tmpfs -o size=1g tmpfs "$1"
mkdir "$1/up" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/up,workdir=$1/work" "$1/root"
mount -t proc proc "$1/root/proc"
mount --rbind /dev "$1/root/dev"
mount -t tmpfs tmpfs "$1/root/run"
mount -t tmpfs tmpfs "$1/root/tmp"
mkdir "$1/root/run/lock"
rm -rf "$1/root/etc/tenfour" "$1/root/var/lib/tenfour"
cp "$2"/*.deb "$1/root/run/"
exec chroot "$1/root" sh 2>&1"#;

impl Machine {
    fn start(folder: &Path, packages: &Path) -> Result<Self, String> {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--pid", "--fork", "--kill-child", "sh", "-c", ENTER, "sh"]).arg(folder).arg(packages);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("DEBIAN_FRONTEND", "noninteractive");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| e.to_string())?;
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (told, lines) = mpsc::channel();
        std::thread::spawn(move || {
            // Nobody listens any more when the test is over.
            BufReader::new(stdout).lines().map_while(Result::ok).try_for_each(|line| told.send(line)).ok()
        });
        let mut machine = Self { child, stdin, lines };
        machine.step("true").map(|_| machine).map_err(|(_, said)| said)
    }

    /// What it said, or its exit code too where that is another than 0.
    fn step(&mut self, script: &str) -> Result<String, (String, String)> {
        let sent = writeln!(self.stdin, "( {script}\n) </dev/null; echo \"{END}$?\"");
        let mut said = String::new();
        if sent.is_ok() {
            while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
                if let Some(code) = line.strip_prefix(END) {
                    return if code == "0" { Ok(said) } else { Err((code.to_owned(), said)) };
                }
                said += &line;
                said.push('\n');
            }
        }
        let mut why = String::new();
        if let Some(stderr) = self.child.stderr.take() {
            drop(self.child.kill());
            drop(std::io::Read::read_to_string(&mut BufReader::new(stderr), &mut why));
        }
        Err(("none".to_owned(), said + &why))
    }

    fn must(&mut self, script: &str) -> String {
        self.step(script).unwrap_or_else(|(code, said)| panic!("{script}: {code}\n{said}"))
    }

    /// As the unit has it: its user, its folder, its command.
    fn start_daemon(&mut self, port: u16) {
        self.must(&format!(
            "cd /var/lib/tenfour\n\
             command=$(sed -n 's/^ExecStart=//p' /usr/lib/systemd/system/tenfour.service)\n\
             umask 077; export TENFOUR_LISTEN=127.0.0.1:{port} TENFOUR_ADMIN_LISTEN=off\n\
             setpriv --reuid=tenfour --regid=tenfour --clear-groups --no-new-privs $command >/run/log 2>&1 &\n\
             echo $! >/run/pid\n\
             for _ in $(seq 600); do tenfour health --config /etc/tenfour/tenfour.toml && exit 0; sleep 0.1; done\n\
             cat /run/log; exit 1"
        ));
    }

    fn stop_daemon(&mut self) {
        self.must("kill $(cat /run/pid); for _ in $(seq 600); do kill -0 $(cat /run/pid) || exit 0; sleep 0.1; done; cat /run/log; exit 1");
    }

    fn status(&mut self) -> Value {
        let asked = "setpriv --reuid=tenfour --regid=tenfour --clear-groups tenfour db status --json --config /etc/tenfour/tenfour.toml";
        serde_json::from_str(&self.must(asked)).unwrap()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn left_out(why: &str) {
    let _ = writeln!(std::io::stderr(), "left out: {why}");
}

/// Two releases of what was built, in a folder; none where the tools are missing, which is said.
fn packages() -> Option<tempfile::TempDir> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let there = |program: &str| Command::new(program).arg("--version").output().is_ok();
    if !target.join("tools/bin/cargo-deb").exists() && !there("cargo-deb") {
        left_out("cargo-deb is missing (cargo install cargo-deb; scripts/test brings it)");
        return None;
    }
    let tools = ["dpkg-deb", "unshare", "setpriv", "systemd-sysusers", "systemd-tmpfiles", "deb-systemd-helper"];
    if let Some(missing) = tools.iter().find(|tool| !there(tool)) {
        left_out(&format!("packages are installed where Debian's tools are: {missing} is missing"));
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    for version in ["0.0.1-1", "0.0.2-1"] {
        let mut command = Command::new(root.join("scripts/package"));
        command.args(["--profile", "dev", "--version", version, "--output"]).arg(folder.path());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    Some(folder)
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[derive(diesel::QueryableByName)]
struct Version {
    #[diesel(sql_type = diesel::sql_types::Text)]
    version: String,
}

/// What the release before left: its last step is undone. The name of that step.
fn undo_a_step(database: &Path) -> String {
    let mut db = SqliteConnection::establish(database.to_str().unwrap()).unwrap();
    let newest: Version =
        diesel::sql_query("SELECT version FROM __diesel_schema_migrations ORDER BY version DESC LIMIT 1")
            .get_result(&mut db)
            .unwrap();
    let steps = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/sqlite");
    let step = std::fs::read_dir(&steps).unwrap().map(|entry| entry.unwrap().path());
    let step = step
        .into_iter()
        .find(|path| path.file_name().unwrap().to_string_lossy().replace('-', "").starts_with(&newest.version));
    let down = std::fs::read_to_string(step.unwrap().join("down.sql")).unwrap();
    let forget = format!("DELETE FROM __diesel_schema_migrations WHERE version = '{}'", newest.version);
    db.batch_execute(&format!("{down};\n{forget}")).unwrap();
    newest.version
}

#[tokio::test]
async fn it_is_installed_started_upgraded_with_its_database_and_removed_without_a_trace_but_what_people_said() {
    let Some(packages) = packages() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut machine = match Machine::start(folder.path(), packages.path()) {
        Ok(machine) => machine,
        Err(why) => {
            return left_out(&format!(
                "packages are installed by root, where it may lay one folder over another: {why}"
            ));
        }
    };
    // Where systemd is not the first process it is not asked; whatever the machine's own policy is.
    let before = machine
        .must("dpkg-query -W | cksum; find /etc /usr /lib -xdev 2>/dev/null | grep -v __pycache__ | sort >/run/before");

    let said = machine.must("dpkg -i /run/tenfour_0.0.1-1_*.deb");
    assert!(said.contains("the settings are /etc/tenfour/tenfour.toml"), "{said}");
    let said = machine.must("stat -c '%a %U %G %n' /etc/tenfour /etc/tenfour/tenfour.toml /etc/tenfour/jwt_secret /etc/tenfour/credentials /var/lib/tenfour");
    assert_eq!(
        said,
        "750 root tenfour /etc/tenfour\n640 root tenfour /etc/tenfour/tenfour.toml\n640 root tenfour /etc/tenfour/jwt_secret\n\
         700 root root /etc/tenfour/credentials\n700 tenfour tenfour /var/lib/tenfour\n"
    );
    machine.must("test -L /etc/systemd/system/multi-user.target.wants/tenfour.service");
    machine.must("test ! -e /etc/systemd/system/sockets.target.wants/tenfour.socket");
    machine.must(
        "test -s /usr/share/man/man1/tenfour.1.gz && gzip -dc /usr/share/man/man1/tenfour.1.gz | grep -q '^.SH NAME'",
    );
    machine.must("bash -n /usr/share/bash-completion/completions/tenfour");

    let port = free_port();
    machine.start_daemon(port);
    let token = machine.must("tenfour token --config /etc/tenfour/tenfour.toml --sub ops --name Ops --scope admin");
    let rest = |method: reqwest::Method, path: &str, body: Value| {
        let client = reqwest::Client::new().request(method, format!("http://127.0.0.1:{port}/api/v1{path}"));
        let request =
            client.bearer_auth(token.trim()).header("content-type", "application/json").body(body.to_string());
        async move {
            let answer = request.send().await.unwrap();
            assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
            serde_json::from_slice::<Value>(&answer.bytes().await.unwrap()).unwrap()
        }
    };
    let group = serde_json::json!({ "type": "group", "name": "Tour", "memberIds": ["ana", "bo"] });
    let channel = rest(reqwest::Method::POST, "/channels", group).await["id"].as_str().unwrap().to_owned();
    let message = serde_json::json!({ "clientId": uuid::Uuid::new_v4(), "content": "before the upgrade" });
    let path = format!("/channels/{channel}/messages");
    let client = reqwest::Client::new().post(format!("http://127.0.0.1:{port}/api/v1{path}"));
    let sent =
        client.bearer_auth(token.trim()).header("Tenfour-User", "ana").header("content-type", "application/json");
    assert!(sent.body(message.to_string()).send().await.unwrap().status().is_success());
    machine.stop_daemon();

    // As the release before had left it.
    let inside = PathBuf::from(format!("/proc/{}/root", child_of(machine.child.id())));
    let inside = inside.join("var/lib/tenfour/tenfour.db");
    // SQLite would follow that link by its text.
    let outside = packages.path().join("tenfour.db");
    std::fs::copy(&inside, &outside).unwrap();
    let step = undo_a_step(&outside);
    std::fs::copy(&outside, &inside).unwrap();
    assert_eq!(machine.status()["pending"], serde_json::json!([step]));
    machine.must("echo '# mine' >>/etc/tenfour/tenfour.toml");
    machine.must("dpkg -i /run/tenfour_0.0.2-1_*.deb");
    assert!(machine.must("cat /etc/tenfour/tenfour.toml").ends_with("# mine\n"), "the administrator's");
    machine.start_daemon(port);
    let page = rest(reqwest::Method::GET, &path, Value::Null).await;
    assert_eq!(page["messages"][0]["content"], "before the upgrade");
    machine.stop_daemon();
    assert_eq!(machine.status()["pending"], serde_json::json!([]));

    machine.must("dpkg -r tenfour");
    machine
        .must("test ! -e /usr/bin/tenfour && test -s /etc/tenfour/tenfour.toml && test -s /var/lib/tenfour/tenfour.db");
    // And back again, with all that had been there.
    machine.must("dpkg -i /run/tenfour_0.0.2-1_*.deb");
    machine.must("test ! -L /etc/systemd/system/tenfour.service && test ! -L /etc/systemd/system/tenfour.socket");
    assert!(machine.must("cat /etc/tenfour/tenfour.toml").ends_with("# mine\n"));
    let said = machine.must("dpkg -P tenfour");
    assert!(said.contains("what was said is still in /var/lib/tenfour"), "{said}");
    machine.must("test -s /var/lib/tenfour/tenfour.db");
    // The user stays, as files may be its own; so do the lists of all users, and what systems note of them.
    let left = machine.must(
        "find /etc /usr /lib -xdev 2>/dev/null | grep -v __pycache__ | sort | diff /run/before - \
         | grep '^[<>]' | grep -v -E '/(passwd|group|shadow|gshadow)-?$|/etc/.pwd.lock$' || true",
    );
    assert_eq!(left, "", "{before}");
}

/// The process that `unshare` has forked.
fn child_of(parent: u32) -> u32 {
    let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap();
    children.split_whitespace().next().unwrap().parse().unwrap()
}
