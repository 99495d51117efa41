//! The snippets for proxies, by the proxies themselves where a machine has them, and held to what the documents show.

use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tenfour::auth::mint;
use tenfour::client::raw::{RawError, Socket, What};
use tenfour::config::{AuthSettings, Config};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::MaybeTlsStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::certificates::{Authority, NAME, Written};
use crate::daemon::{PATIENCE, SECRET, Setup, TestDaemon, eventually};
use crate::process::token;
use crate::socket::TestSocket;

/// Somebody else may take a free port before the proxy does.
const TRIES: usize = 5;
/// Clients come from there; none is what the daemon would take for itself.
const ANA: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const BO: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);
/// What idle connections are left in the test, in place of two minutes.
const IDLE: Duration = Duration::from_secs(2);
const LARGE: usize = 9 << 20;

fn shipped(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// False where it is missing, which is said.
fn has(tool: &str, version: &str) -> bool {
    let there = Command::new(tool).arg(version).output().is_ok_and(|output| output.status.success());
    if !there {
        let _ = writeln!(std::io::stderr(), "left out: {tool} is missing (Debian, Ubuntu: apt-get install {tool})");
    }
    there
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Which proxy, and how it is made to read a snippet.
#[derive(Clone, Copy)]
enum Kind {
    Nginx,
    Caddy,
}

impl Kind {
    /// The snippet with what is the machine's own in place of what stands there, within what it takes to be run at all.
    fn configuration(self, folder: &Path, port: u16, daemon: SocketAddr, written: &Written) -> PathBuf {
        let (chain, key) = (written.certificate.display(), written.key.display());
        let (snippet, replaced) = match self {
            Self::Nginx => (
                shipped("dist/nginx/tenfour.conf"),
                vec![
                    ("    listen [::]:443 ssl;\n", String::new()),
                    ("listen 443 ssl;", format!("listen 127.0.0.1:{port} ssl;")),
                    ("/etc/letsencrypt/live/chat.example/fullchain.pem", chain.to_string()),
                    ("/etc/letsencrypt/live/chat.example/privkey.pem", key.to_string()),
                    ("/var/log/nginx/tenfour.log", folder.join("access.log").display().to_string()),
                    ("127.0.0.1:8080;", format!("{daemon};")),
                    ("proxy_read_timeout 120s;", format!("proxy_read_timeout {}s;", IDLE.as_secs())),
                    ("proxy_send_timeout 120s;", format!("proxy_send_timeout {}s;", IDLE.as_secs())),
                ],
            ),
            Self::Caddy => (
                shipped("dist/caddy/Caddyfile"),
                vec![
                    (
                        "\nchat.example {\n",
                        format!("\nhttps://chat.example:{port} {{\n\tbind 127.0.0.1\n\ttls {chain} {key}\n"),
                    ),
                    ("127.0.0.1:8080 {", format!("{daemon} {{")),
                    ("\tlog {\n", format!("\tlog {{\n\t\toutput file {}\n", folder.join("access.log").display())),
                ],
            ),
        };
        let changed = replaced.iter().fold(snippet, |text, (from, to)| {
            assert_eq!(text.matches(from).count(), 1, "{from}: {text}");
            text.replace(from, to)
        });
        let path = folder.join("proxy.conf");
        let around = match self {
            Self::Nginx => {
                let at = folder.display();
                let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                    .map(|what| format!("{what}_temp_path {at}/{what};\n"))
                    .concat();
                format!(
                    "pid {at}/pid;\nerror_log {at}/error.log;\nworker_processes 1;\nevents {{}}\nhttp {{\n{temporary}{changed}}}\n"
                )
            }
            Self::Caddy => format!("{{\n\tadmin off\n\tauto_https disable_redirects\n}}\n{changed}"),
        };
        fs::write(&path, around).unwrap();
        path
    }

    fn command(self, folder: &Path, is_check: bool) -> Command {
        let path = folder.join("proxy.conf");
        let (program, arguments): (_, &[&str]) = match (self, is_check) {
            (Self::Nginx, true) => ("nginx", &["-t", "-c"]),
            (Self::Nginx, false) => ("nginx", &["-g", "daemon off;", "-c"]),
            (Self::Caddy, true) => ("caddy", &["validate", "--adapter", "caddyfile", "--config"]),
            (Self::Caddy, false) => ("caddy", &["run", "--adapter", "caddyfile", "--config"]),
        };
        let mut command = Command::new(program);
        command.args(arguments).arg(path).current_dir(folder);
        command.env("HOME", folder).env("XDG_DATA_HOME", folder).env("XDG_CONFIG_HOME", folder);
        command
    }
}

/// A proxy before a daemon, ended with the value.
struct Ground {
    proxy: Child,
    addr: SocketAddr,
    authority: Authority,
    daemon: TestDaemon,
    folder: tempfile::TempDir,
}

impl Ground {
    async fn start(kind: Kind) -> Self {
        let setup = Setup::on_sqlite_file().with(|config| {
            config.limits.max_sessions_per_address = 2;
            config.timing.heartbeat_interval = IDLE / 4;
        });
        let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
        let written = authority.write(folder.path(), |_| {});
        // Its workers may be another user.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(folder.path(), open).unwrap();
        let daemon = setup.start().await;
        for _ in 0..TRIES {
            let addr = SocketAddr::from(([127, 0, 0, 1], free_port()));
            kind.configuration(folder.path(), addr.port(), daemon.addr(), &written);
            let judged = kind.command(folder.path(), true).output().unwrap();
            assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stderr));
            let mut command = kind.command(folder.path(), false);
            let mut proxy = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            let deadline = Instant::now() + PATIENCE;
            while Instant::now() < deadline && matches!(proxy.try_wait(), Ok(None)) {
                if TcpStream::connect(addr).await.is_ok() {
                    return Self { proxy, addr, authority, daemon, folder };
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            drop(proxy.kill());
            drop(proxy.wait());
        }
        panic!("it does not listen: {}", fs::read_to_string(folder.path().join("error.log")).unwrap_or_default());
    }

    /// From there, by TLS, with a header that says it is somebody else.
    async fn open(&self, from: Ipv4Addr, sub: &str) -> Result<TestSocket, RawError> {
        self.daemon.user(sub).await;
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        let line = self.authority.connect_over(socket.connect(self.addr).await.unwrap()).await.unwrap();
        let request = format!("wss://{NAME}:{}/ws?token={}", self.addr.port(), token(sub));
        let mut request = request.into_client_request().unwrap();
        request.headers_mut().insert("x-forwarded-for", "203.0.113.9".parse().unwrap());
        request.headers_mut().insert("forwarded", "for=203.0.113.9".parse().unwrap());
        TestSocket::over(sub, Socket::connect_over(request, MaybeTlsStream::Rustls(line)).await?).await
    }

    async fn sessions(&self) -> Value {
        let url = format!("http://{}/admin/sessions", self.daemon.admin_addr());
        let admin = mint(&AuthSettings::with_secret(SECRET), "ops", "Ops", Some("admin"), PATIENCE * 10).unwrap();
        let answer = reqwest::Client::new().get(url).bearer_auth(admin).send().await.unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }

    /// A client of REST.
    fn client(&self) -> reqwest::Client {
        let root = fs::read(self.authority.file()).unwrap();
        let root = reqwest::Certificate::from_pem(&root).unwrap();
        reqwest::Client::builder().tls_certs_only([root]).resolve(NAME, self.addr).build().unwrap()
    }

    fn url(&self, path: &str) -> String {
        format!("https://{NAME}:{}{path}", self.addr.port())
    }

    /// What the snippet promises.
    async fn keeps_what_it_promises(mut self) {
        // The client is who it is, whatever it says, and each has their own share.
        let mut ana = self.open(ANA, "ana").await.unwrap();
        let other = self.open(ANA, "bo").await.unwrap();
        match self.open(ANA, "cy").await {
            Err(RawError { what: What::Connect(error), .. }) => assert!(error.to_string().contains("429"), "{error}"),
            other => panic!("{other:?}"),
        }
        let bo = self.open(BO, "bo").await.unwrap();
        let sessions = self.sessions().await;
        let listed = sessions["sessions"].as_array().unwrap_or_else(|| panic!("{sessions}"));
        let mut from: Vec<&str> = listed.iter().filter_map(|one| one["address"].as_str()).collect();
        from.sort_unstable();
        assert_eq!(from, ["127.0.0.2", "127.0.0.2", "127.0.0.3"], "{sessions}");
        drop(other);
        // A large file, both ways.
        let (client, content) = (self.client(), vec![7_u8; LARGE]);
        let sent = client.post(self.url("/api/v1/attachments?name=large.bin")).bearer_auth(token("ana"));
        let sent = sent.header("content-type", "application/octet-stream").body(content.clone()).send().await.unwrap();
        assert_eq!(sent.status(), 201, "{}", sent.text().await.unwrap());
        let file: Value = serde_json::from_str(&sent.text().await.unwrap()).unwrap();
        let id = file["id"].as_str().unwrap();
        let got = client.get(self.url(&format!("/api/v1/attachments/{id}"))).bearer_auth(token("ana")).send().await;
        let got = got.unwrap();
        assert_eq!(got.status(), 200);
        assert!(got.bytes().await.unwrap() == content);
        // A socket that says nothing for longer than the proxy waits, since the daemon's heartbeat passes.
        ana.expect_silence("error", IDLE * 2).await;
        assert_eq!(ana.ask(json!({"type": "ping"})).await["type"], "pong");
        // No token is in the log.
        let log = self.folder.path().join("access.log");
        eventually("a line in the access log", async || {
            fs::read_to_string(&log).is_ok_and(|text| text.contains("/api/v1/attachments"))
        })
        .await;
        bo.close().await;
        eventually("the line of a socket", async || fs::read_to_string(&log).is_ok_and(|text| text.contains("/ws")))
            .await;
        let text = fs::read_to_string(&log).unwrap();
        assert!(!text.contains(&token("ana")[..40]) && !text.contains("eyJ"), "{text}");
        ana.close().await;
        self.daemon.stop().await;
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        // In order, so that nginx takes its workers along.
        drop(Command::new("kill").args(["-TERM", &self.proxy.id().to_string()]).status());
        let deadline = Instant::now() + PATIENCE;
        while matches!(self.proxy.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
        drop(self.proxy.kill());
        drop(self.proxy.wait());
    }
}

#[tokio::test]
async fn nginx_does_what_its_snippet_promises() {
    if has("nginx", "-v") {
        Box::pin(Ground::start(Kind::Nginx).await.keeps_what_it_promises()).await;
    }
}

#[tokio::test]
async fn caddy_does_what_its_snippet_promises() {
    if has("caddy", "version") {
        Box::pin(Ground::start(Kind::Caddy).await.keeps_what_it_promises()).await;
    }
}

#[test]
fn the_snippets_fit_the_daemon_and_are_what_the_documents_show() {
    let (nginx, caddy) = (shipped("dist/nginx/tenfour.conf"), shipped("dist/caddy/Caddyfile"));
    let operations = shipped("docs/operations.md");
    for snippet in [&nginx, &caddy] {
        assert!(operations.contains(snippet.as_str()), "operations.md does not show: {snippet}");
        assert!(snippet.contains(&Config::default().listen.to_string()), "{snippet}");
    }
    let number = |name: &str| -> usize {
        let rest = nginx.split(name).nth(1).unwrap_or_else(|| panic!("{name}")).trim_start();
        rest[..rest.find(|c: char| !c.is_ascii_digit()).unwrap()].parse().unwrap()
    };
    let config = Config::default();
    assert!(number("proxy_read_timeout") as u64 > 2 * config.timing.heartbeat_interval.as_secs());
    assert!(number("client_max_body_size") << 20 > config.limits.max_attachment_bytes);
}
