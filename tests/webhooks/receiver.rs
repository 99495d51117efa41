//! A receiver of webhooks on a port of its own, over real connections: keeps what came, and answers as the test says.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::daemon::PATIENCE;

/// One POST.
#[derive(Debug, Clone)]
pub struct Got {
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub raw: Vec<u8>,
    pub body: Value,
    /// What it was answered; none while it was not.
    pub status: Option<u16>,
    pub at: Instant,
}

/// What a POST is answered.
#[derive(Debug, Clone)]
pub enum Reply {
    Status(u16),
    With(u16, &'static str, String),
    /// After so long.
    Late(u16, Duration),
    /// Nothing, for as long as it takes.
    Silence,
}

type Script = Box<dyn FnMut(&Got) -> Reply + Send>;

struct Shared {
    got: Vec<Got>,
    script: Script,
}

/// See the module's text. Gone with the value.
pub struct Receiver {
    pub addr: SocketAddr,
    shared: Arc<Mutex<Shared>>,
    task: JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Receiver {
    /// One that takes everything.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let script: Script = Box::new(|_| Reply::Status(204));
        let shared = Arc::new(Mutex::new(Shared { got: Vec::new(), script }));
        let own = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            let mut lines = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                lines.spawn(serve(stream, Arc::clone(&own)));
            }
        });
        Self { addr, shared, task }
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.addr)
    }

    /// From now on.
    pub fn answer(&self, script: impl FnMut(&Got) -> Reply + Send + 'static) {
        self.shared.lock().unwrap().script = Box::new(script);
    }

    /// All that came, answered or not, in the order in which it came.
    pub fn all(&self) -> Vec<Got> {
        self.shared.lock().unwrap().got.clone()
    }

    /// What was taken, each event once: the first time that it was.
    pub fn taken(&self) -> Vec<Got> {
        let mut seen = std::collections::HashSet::new();
        let taken = self.all().into_iter().filter(|got| got.status.is_some_and(|status| status < 300));
        taken.filter(|got| seen.insert(got.id().to_owned())).collect()
    }

    pub async fn wait(&self, what: &str, enough: impl Fn(&[Got]) -> bool) -> Vec<Got> {
        self.wait_for(what, PATIENCE, enough).await
    }

    pub async fn wait_for(&self, what: &str, time: Duration, enough: impl Fn(&[Got]) -> bool) -> Vec<Got> {
        let deadline = Instant::now() + time;
        loop {
            let taken = self.taken();
            if enough(&taken) {
                return taken;
            }
            if Instant::now() > deadline {
                let shown: Vec<_> = self.all().iter().map(|got| format!("{:?} {}", got.status, got.body)).collect();
                panic!("not within {time:?}: {what}; there came {}:\n{}", shown.len(), shown.join("\n"));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits for an event of a type, taken.
    pub async fn expect(&self, kind: &str) -> Got {
        let taken = self.wait(kind, |all| all.iter().any(|got| got.kind() == kind)).await;
        taken.into_iter().find(|got| got.kind() == kind).unwrap()
    }

    /// How often each event came, in the order in which they came first.
    pub fn tries(&self) -> Vec<(String, usize)> {
        let mut tries: Vec<(String, usize)> = Vec::new();
        for got in self.all() {
            match tries.iter_mut().find(|(id, _)| id == got.id()) {
                Some((_, count)) => *count += 1,
                None => tries.push((got.id().to_owned(), 1)),
            }
        }
        tries
    }
}

impl Got {
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(own, _)| own == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    pub fn id(&self) -> &str {
        self.header("webhook-id")
    }

    pub fn kind(&self) -> &str {
        self.body["type"].as_str().unwrap_or_default()
    }

    /// The content of its message.
    pub fn text(&self) -> &str {
        self.body["data"]["message"]["content"].as_str().unwrap_or_default()
    }

    pub fn version(&self) -> i64 {
        self.body["data"]["version"].as_i64().unwrap_or(-1)
    }

    pub fn is_of(&self, channel: impl std::fmt::Display) -> bool {
        self.body["data"]["channel"]["id"] == channel.to_string()
    }

    /// By the standard's words, not by the daemon's code.
    pub fn is_signed_by(&self, secret: &str) -> bool {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let mut signed = format!("{}.{}.", self.id(), self.header("webhook-timestamp")).into_bytes();
        signed.extend(&self.raw);
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), &signed);
        let wanted = format!("v1,{}", STANDARD.encode(tag));
        self.header("webhook-signature").split(' ').any(|one| one == wanted)
    }
}

async fn serve(stream: TcpStream, shared: Arc<Mutex<Shared>>) {
    let mut stream = BufReader::new(stream);
    while let Some(mut got) = read(&mut stream).await {
        let (index, reply) = {
            let mut shared = shared.lock().unwrap();
            let reply = (shared.script)(&got);
            got.status = match reply {
                Reply::Status(status) | Reply::With(status, ..) | Reply::Late(status, _) => Some(status),
                Reply::Silence => None,
            };
            shared.got.push(got);
            (shared.got.len(), reply)
        };
        let (status, header) = match reply {
            Reply::Status(status) => (status, String::new()),
            Reply::With(status, name, value) => (status, format!("{name}: {value}\r\n")),
            Reply::Late(status, after) => {
                tokio::time::sleep(after).await;
                (status, String::new())
            }
            Reply::Silence => {
                // Until the other side gives up.
                let _ = stream.read_u8().await;
                return;
            }
        };
        let answer = format!("HTTP/1.1 {status} {index}\r\n{header}content-length: 0\r\n\r\n");
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// None: the connection ended.
async fn read(stream: &mut BufReader<TcpStream>) -> Option<Got> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let mut lines = lines.into_iter();
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned())))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok());
    let mut raw = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut raw).await.ok()?;
    let body = serde_json::from_slice(&raw).unwrap();
    Some(Got { path, headers, raw, body, status: None, at: Instant::now() })
}
