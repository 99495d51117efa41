//! TLS at the daemon's own address: by clients that verify it, with certificates that change, and by those who try otherwise.

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rcgen::date_time_ymd;
use rustls::pki_types::ServerName;
use serde_json::json;
use tenfour::client::raw::{RawError, Socket};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::MaybeTlsStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::certificates::{Authority, NAME, Written, shown};
use crate::daemon::{PATIENCE, Setup, eventually};
use crate::manager::Manager;
use crate::process::{ProcessDaemon, command, token};
use crate::socket::TestSocket;

const GET: &str = "GET /healthz HTTP/1.1\r\nHost: chat.example\r\nConnection: close\r\n\r\n";

/// A daemon that speaks TLS, and who listens to it.
struct Ground {
    authority: Authority,
    manager: Manager,
    daemon: ProcessDaemon,
    written: Written,
    folder: tempfile::TempDir,
    channel: tenfour::domain::ids::ChannelId,
}

impl Ground {
    async fn start(settings: &[(&str, &str)]) -> Self {
        let (authority, folder, manager) = (Authority::new(), tempfile::tempdir().unwrap(), Manager::start());
        let written = authority.write(folder.path(), |_| {});
        let database = format!("sqlite:{}", folder.path().join("tenfour.db").display());
        let mut before = Setup::on_sqlite_file().start_on(&database).await;
        let channel = before.group(&["ana", "bo"]).await;
        before.stop().await;
        let mut command = command(&database, &[("NOTIFY_SOCKET", manager.path())]);
        command.env("TENFOUR_TLS_CERT", &written.certificate).env("TENFOUR_TLS_KEY", &written.key);
        command.envs(settings.iter().copied());
        let daemon = ProcessDaemon::start_as(command);
        // Which the daemon says when it has answered itself, by TLS as well.
        manager.first("READY=1").await;
        assert!(!daemon.log().contains("cannot reach its own address"), "{}", daemon.log());
        Self { authority, manager, daemon, written, folder, channel }
    }

    async fn connect(&self, sub: &str) -> TestSocket {
        let line = self.authority.connect(self.daemon.addr).await.unwrap();
        TestSocket::over(sub, over(MaybeTlsStream::Rustls(line), sub).await.unwrap()).await.unwrap()
    }

    /// The certificate that somebody new is shown.
    async fn shown(&self) -> Vec<u8> {
        shown(&self.authority.connect(self.daemon.addr).await.unwrap()).to_vec()
    }

    async fn hang_up(&self) {
        let told = self.manager.told().len();
        self.daemon.signal("HUP");
        self.manager.after(told, "the end of the reload", |told| told.has("READY=1")).await;
    }

    async fn metric(&self, name: &str) -> f64 {
        let log = self.daemon.log();
        let admin = log.split("admin ").nth(1).and_then(|rest| rest.split(',').next()).unwrap();
        let text = reqwest::get(format!("http://{admin}/metrics")).await.unwrap().text().await.unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name}: {text}")).parse().unwrap()
    }
}

async fn over(line: MaybeTlsStream<TcpStream>, sub: &str) -> Result<Socket, RawError> {
    let mut request = format!("wss://{NAME}/ws").into_client_request().unwrap();
    request.headers_mut().insert("authorization", format!("Bearer {}", token(sub)).parse().unwrap());
    Socket::connect_over(request, line).await
}

/// All that is answered, until the end.
async fn ask(mut line: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> std::io::Result<String> {
    let asked = async {
        line.write_all(request.as_bytes()).await?;
        line.flush().await?;
        let mut answer = String::new();
        line.read_to_string(&mut answer).await.map(|_| answer)
    };
    tokio::time::timeout(PATIENCE, asked).await.expect("an end")
}

#[tokio::test]
async fn clients_that_verify_speak_https_and_wss() {
    let ground = Ground::start(&[]).await;
    let addr = ground.daemon.addr;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let connect = async |protocols: &[&str]| {
            let connector = TlsConnector::from(ground.authority.client(&[version], protocols));
            connector.connect(ServerName::try_from(NAME).unwrap(), TcpStream::connect(addr).await.unwrap()).await
        };
        let line = connect(&["h2", "http/1.1"]).await.unwrap();
        assert_eq!(line.get_ref().1.alpn_protocol(), Some(b"http/1.1".as_slice()));
        let answer = ask(line, GET).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("\r\nok\n"), "{answer}");
        // Without a word of protocols, and with none that is spoken.
        assert!(ask(connect(&[]).await.unwrap(), GET).await.unwrap().starts_with("HTTP/1.1 200"));
        assert!(connect(&["h2"]).await.is_err());
        // An upgrade that is refused is answered to its end.
        let refused = ask(connect(&[]).await.unwrap(), &crate::wire::upgrade_head("/ws", &[])).await.unwrap();
        assert!(refused.starts_with("HTTP/1.1 401") && refused.ends_with('}'), "{refused}");
    }
    let (mut ana, mut bo) = (ground.connect("ana").await, ground.connect("bo").await);
    let long = "x".repeat(16_000);
    for number in 0..50 {
        let text = format!("{number} {long}");
        let text = &text[..text.len().min(16_000)];
        ana.send_message(ground.channel, text).await;
        bo.expect_text(text).await;
    }
    assert_eq!(bo.ask(json!({"type": "ping"})).await["type"], "pong");
    // A stop says goodbye to them as to all.
    let Ground { mut daemon, .. } = ground;
    daemon.terminate();
    bo.expect("goaway").await;
    assert_eq!(bo.expect_close().await.0, Some(1001));
    assert!(daemon.wait(PATIENCE).await.success(), "{}", daemon.log());
}

#[tokio::test]
async fn another_certificate_is_shown_to_who_comes_and_who_is_there_stays() {
    let ground = Ground::start(&[]).await;
    let (mut ana, before) = (ground.connect("ana").await, ground.shown().await);
    assert_eq!(ground.shown().await, before);
    ground.authority.write(ground.folder.path(), |params| params.not_after = date_time_ymd(2042, 1, 2));
    ground.hang_up().await;
    let after = ground.shown().await;
    assert_ne!(after, before);
    let ends = ground.metric("tenfour_tls_certificate_expiry_timestamp_seconds").await;
    assert!((ends - 2_272_233_600.0).abs() < 1.0, "{ends}");
    ana.send_message(ground.channel, "still there").await;
    ground.connect("bo").await.expect_silence("error", Duration::from_millis(1)).await;
    // What cannot be used changes nothing, and is named.
    let (chain, key) = ground.authority.sign(|params| params.not_after = date_time_ymd(2021, 1, 2));
    let good = fs::read_to_string(&ground.written.key).unwrap();
    for (chain, key, words) in [
        (chain.as_str(), good.as_str(), "does not belong to the first certificate"),
        (&chain, &key, "ended on 2021-01-02 00:00 UTC: renew it"),
        ("nothing", &key, "there is no certificate in"),
        (&chain, "", "without a passphrase"),
    ] {
        fs::write(&ground.written.certificate, chain).unwrap();
        fs::write(&ground.written.key, key).unwrap();
        ground.hang_up().await;
        eventually(words, async || ground.daemon.log().contains(words)).await;
        assert_eq!(ground.shown().await, after, "{words}");
    }
    ana.send_message(ground.channel, "and still").await;
    assert!(ground.daemon.log().contains("the new settings are refused, and the old ones stay: "));
}

#[tokio::test]
async fn who_speaks_no_tls_or_nothing_at_all_is_told_or_ended() {
    let ground = Ground::start(&[("TENFOUR_HEAD_TIMEOUT_MS", "400")]).await;
    let addr = ground.daemon.addr;
    let answer = ask(TcpStream::connect(addr).await.unwrap(), GET).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 422 Unprocessable Entity\r\n"), "{answer}");
    assert!(answer.contains("application/problem+json") && answer.contains("use https:// or wss://"), "{answer}");
    let upgrade = crate::wire::upgrade_head("/ws", &[]);
    assert!(ask(TcpStream::connect(addr).await.unwrap(), &upgrade).await.unwrap().contains("422 Unprocessable Entity"));
    // Silence, the beginning of a handshake, and what is neither.
    for begun in
        [&b""[..], b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\x00\x01\x02", b"\x16\x03\x01\x00\x05hello"]
    {
        let (mut line, began) = (TcpStream::connect(addr).await.unwrap(), Instant::now());
        line.write_all(begun).await.unwrap();
        let mut rest = Vec::new();
        // Where something was left unread the connection is taken back.
        drop(tokio::time::timeout(PATIENCE, line.read_to_end(&mut rest)).await.expect("an end"));
        assert!(began.elapsed() < Duration::from_secs(5), "{begun:?}");
    }
    // By a name that the certificate does not have nobody who verifies comes in.
    let connector = TlsConnector::from(ground.authority.client(rustls::ALL_VERSIONS, &[]));
    let other = ServerName::try_from("other.example").unwrap();
    assert!(connector.connect(other, TcpStream::connect(addr).await.unwrap()).await.is_err());
    assert!(ground.metric("tenfour_tls_handshakes_failed_total").await >= 6.0);
}

#[tokio::test]
async fn who_does_not_end_a_handshake_keeps_nobody_else_waiting() {
    let ground = Ground::start(&[("TENFOUR_HEAD_TIMEOUT_MS", "60000")]).await;
    let mut silent = Vec::new();
    for _ in 0..600 {
        let mut line = TcpStream::connect(ground.daemon.addr).await.unwrap();
        line.write_all(b"\x16\x03\x01\x02\x00").await.unwrap();
        silent.push(line);
    }
    let mut ana = tokio::time::timeout(PATIENCE, ground.connect("ana")).await.expect("a turn");
    ana.send_message(ground.channel, "through").await;
}

fn judged(settings: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut command = command("sqlite::memory:", settings);
    command.args(arguments).stdout(Stdio::piped()).output().unwrap()
}

#[test]
fn wrong_settings_are_a_wrong_configuration() {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    let written = authority.write(folder.path(), |_| {});
    let of_another = folder.path().join("another.pem");
    fs::write(&of_another, authority.sign(|_| {}).1).unwrap();
    let (chain, key) = (written.certificate.to_str().unwrap(), written.key.to_str().unwrap());
    for (chain, key, words) in [
        (chain, "", "tls_key (TENFOUR_TLS_KEY)"),
        ("", key, "tls_cert (TENFOUR_TLS_CERT)"),
        (chain, "/nonexistent/key.pem", "cannot be read"),
        (chain, of_another.to_str().unwrap(), "does not belong to the first certificate"),
        (key, key, "there is no certificate in"),
    ] {
        let settings = [("TENFOUR_TLS_CERT", chain), ("TENFOUR_TLS_KEY", key)];
        for arguments in [&["serve"][..], &["config", "check"]] {
            let output = judged(&settings, arguments);
            let told = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(78), "{arguments:?}: {told}");
            assert!(told.contains(words), "{arguments:?}: {words}: {told}");
        }
    }
}

/// The other commands reach a daemon that speaks TLS: by its name, or on this machine by its certificate.
#[tokio::test(flavor = "multi_thread")]
async fn chat_and_webhook_reach_it() {
    let ground = Ground::start(&[]).await;
    let mut bo = ground.connect("bo").await;
    let secret = ("TENFOUR_JWT_SECRET", crate::daemon::SECRET);
    let port = ground.daemon.addr.port();
    let url = format!("wss://localhost:{port}/ws");
    let file = ground.folder.path().join("token");
    fs::write(&file, token("ana")).unwrap();
    let mut chat = Command::new(env!("CARGO_BIN_EXE_tenfour"));
    chat.args(["chat", "--url", &url, "--channel", "Dock 4", "--token-file"]).arg(&file);
    chat.env_clear().env("SSL_CERT_FILE", ground.authority.file());
    let mut chat = chat.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut input = chat.stdin.take().unwrap();
    writeln!(input, "typed by hand").unwrap();
    bo.expect_text("typed by hand").await;
    // From a pipe it ends when all is stored.
    drop(input);
    assert!(tokio::task::block_in_place(|| chat.wait()).unwrap().success());
    let listen = SocketAddr::from(([127, 0, 0, 1], port)).to_string();
    let (chain, key) = (ground.written.certificate.to_str().unwrap(), ground.written.key.to_str().unwrap());
    let settings = [secret, ("TENFOUR_TLS_CERT", chain), ("TENFOUR_TLS_KEY", key), ("TENFOUR_LISTEN", &listen)];
    let output = tokio::task::block_in_place(|| judged(&settings, &["webhook", "list"]));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // Another one is not taken for it.
    let other = Authority::new();
    let elsewhere = other.write(other.folder(), |_| {});
    let (chain, key) = (elsewhere.certificate.to_str().unwrap(), elsewhere.key.to_str().unwrap());
    let settings = [secret, ("TENFOUR_TLS_CERT", chain), ("TENFOUR_TLS_KEY", key), ("TENFOUR_LISTEN", &listen)];
    let output = tokio::task::block_in_place(|| judged(&settings, &["webhook", "list"]));
    assert!(!output.status.success());
}
