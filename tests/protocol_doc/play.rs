//! Acts the document out: real sockets and HTTP requests against a daemon in this process.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::net::SocketAddr;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use futures_util::{SinkExt, StreamExt};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use tenfour::actors::db::{Done, Order};
use tenfour::auth::mint;
use tenfour::config::{AuthSettings, Config, DatabaseSettings, SecretUrl};
use tenfour::daemon::Daemon;
use tenfour::domain::change::By;
use tenfour::domain::user::UserRef;
use tenfour::store::NewGroup;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::Request;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::bindings::Bindings;
use crate::document::{Section, Step, What};

const SECRET: &str = "the secret of the document's tests";
/// The longest that a frame may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// A socket that is silent for so long has said what it had to say.
const QUIET: Duration = Duration::from_millis(150);
/// What tells one frame from another that came at the same time.
const NAMING: &[&str] = &["type", "ref", "channelId", "clientId"];
/// Who the document speaks of: the host's id and the name.
const USERS: [(&str, &str); 3] = [("dispatcher", "Dispatcher"), ("driver", "Driver"), ("mechanic", "Mechanic")];
const HOUR: Duration = Duration::from_secs(3600);

/// The daemon, in a thread with an actix system of its own.
pub struct Stage {
    addr: SocketAddr,
    admin: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Stage {
    /// Two users share a group and a direct channel, a third is only known; nothing has been said yet.
    pub async fn set() -> Self {
        let (started, addrs) = oneshot::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            actix::System::new().block_on(async {
                let daemon = Daemon::start(config()).await.unwrap();
                fill(&daemon).await;
                started.send((daemon.addr(), daemon.admin_addr().unwrap())).unwrap();
                let _ = stopped.await;
                daemon.stop().await;
            });
        });
        let (addr, admin) = addrs.await.unwrap();
        Self { addr, admin, stop: Some(stop), thread: Some(thread) }
    }

    fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn config() -> Config {
    Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        admin_listen: Some("127.0.0.1:0".parse().unwrap()),
        database: DatabaseSettings { url: SecretUrl::new("sqlite::memory:"), ..DatabaseSettings::default() },
        auth: AuthSettings::with_secret(SECRET),
        ..Config::default()
    }
}

async fn fill(daemon: &Daemon) {
    let db = &daemon.app().parts.db;
    let [dispatcher, driver, mechanic] = USERS.map(|(sub, _)| UserRef::new(sub));
    for (user, (_, name)) in [&dispatcher, &driver, &mechanic].into_iter().zip(USERS) {
        let made = db.order(Order::UpsertUser { user: user.clone(), name: name.to_owned() }).await;
        assert!(matches!(made, Ok(Done::User(_))), "{made:?}");
    }
    let by = By::User(dispatcher.id);
    let (name, members) = ("Dock".to_owned(), vec![driver.clone()]);
    let group = NewGroup { by, name, members, placeholders: false, max_members: 50 };
    db.order(Order::CreateGroup(group)).await.unwrap();
    db.order(Order::CreateDirect { by: By::Host, users: [dispatcher, driver], placeholders: false }).await.unwrap();
}

fn token(who: &str, ttl: Duration) -> String {
    let settings = AuthSettings::with_secret(SECRET);
    // Several sockets of one user are called driver-phone, driver-desk.
    let sub = who.split('-').next().unwrap_or_default();
    let (name, scope) = match USERS.iter().find(|(user, _)| *user == sub) {
        Some((_, name)) => (*name, None),
        None => ("Host application", Some("admin")),
    };
    mint(&settings, sub, name, scope, ttl).unwrap()
}

/// One socket and what came in on it.
struct Line {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    inbox: VecDeque<Value>,
    closed: Option<String>,
}

impl Line {
    /// Takes in what comes next; false when nothing does.
    async fn take_in(&mut self, patience: Duration) -> bool {
        if self.closed.is_some() {
            return false;
        }
        match tokio::time::timeout(patience, self.socket.next()).await {
            Err(_) => return false,
            Ok(Some(Ok(Message::Text(text)))) => self.inbox.push_back(serde_json::from_str(&text).unwrap()),
            Ok(Some(Ok(Message::Close(Some(frame))))) => {
                self.closed = Some(format!("{} {}", u16::from(frame.code), frame.reason));
            }
            Ok(Some(Ok(_))) => {}
            Ok(None | Some(Err(_))) => self.closed = Some("without a code".to_owned()),
        }
        true
    }

    /// All that is on its way.
    async fn settle(&mut self) {
        while self.take_in(QUIET).await {}
    }

    /// The next frame that looks like `sought` in what names it; what came before it stays.
    async fn next(&mut self, sought: &Value) -> Option<Value> {
        let until = Instant::now() + PATIENCE;
        loop {
            let named = |frame: &Value| NAMING.iter().all(|name| sought[name].is_null() || frame[name] == sought[name]);
            if let Some(at) = self.inbox.iter().position(named) {
                return self.inbox.remove(at);
            }
            if !self.take_in(until.saturating_duration_since(Instant::now())).await {
                return None;
            }
        }
    }
}

pub struct Play {
    stage: Stage,
    http: reqwest::Client,
    bindings: Bindings,
    lines: HashMap<String, Line>,
    answer: Option<Answer>,
    times: usize,
    /// Whose other answers are of no interest.
    flooded: Option<String>,
    pub wrong: Vec<String>,
    pub examples: usize,
}

/// Names in lower case.
type Headers = Vec<(String, String)>;

struct Answer {
    status: u16,
    headers: Headers,
    body: String,
}

impl Play {
    pub async fn new() -> Self {
        let mut bindings = Bindings::default();
        for (sub, _) in USERS {
            bindings.fix(&UserRef::new(sub).id.to_string());
        }
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let (stage, lines) = (Stage::set().await, HashMap::new());
        Self { stage, http, bindings, lines, answer: None, times: 1, flooded: None, wrong: Vec::new(), examples: 0 }
    }

    /// The REST calls that the daemon describes, without their prefix.
    pub async fn described_calls(&self) -> BTreeSet<String> {
        let url = format!("http://{}/openapi.json", self.stage.addr);
        let description: Value = self.http.get(url).send().await.unwrap().text().await.unwrap().parse().unwrap();
        let paths = description["paths"].as_object().unwrap().iter();
        paths
            .flat_map(|(path, calls)| {
                let path = path.strip_prefix("/api/v1").unwrap_or(path).to_owned();
                let methods = calls.as_object().unwrap().keys();
                methods.map(move |method| format!("{} {path}", method.to_uppercase())).collect::<Vec<_>>()
            })
            .collect()
    }

    pub async fn act(&mut self, section: &Section) {
        self.enter(section).await;
        for step in &section.steps {
            if !matches!(step.what, What::Answer { .. }) {
                self.nothing_unanswered(step.line);
            }
            let about = format!("docs/protocol.md:{}", step.line);
            if let Err(wrong) = self.step(step).await {
                self.wrong.push(format!("{about}: {wrong}"));
            }
        }
        self.leave(section).await;
    }

    /// Who appears is connected, and has forgotten what was before.
    async fn enter(&mut self, section: &Section) {
        let mut seen = HashSet::new();
        for step in &section.steps {
            let Some(who) = step.what.who() else { continue };
            if seen.insert(who) && !step.what.opens() && !self.lines.contains_key(who) {
                let opened = self.connect(who, self.request(who, HOUR)).await;
                opened.unwrap_or_else(|error| panic!("{who} cannot connect: {error}"));
            }
        }
        join_all(self.lines.values_mut().map(Line::settle)).await;
        for line in self.lines.values_mut() {
            line.inbox.clear();
        }
    }

    /// Nobody whose frames are shown got one that is not. Who came and who went is shown in its own section only.
    async fn leave(&mut self, section: &Section) {
        let mut shown: HashMap<&str, Vec<&str>> = HashMap::new();
        for step in &section.steps {
            if let What::Gets { who, text } = &step.what {
                shown.entry(who).or_default().push(text);
            }
        }
        let lines = self.lines.iter_mut().filter(|(who, _)| shown.contains_key(who.as_str()));
        let settled = join_all(lines.map(async |(who, line)| {
            line.settle().await;
            (who, std::mem::take(&mut line.inbox))
        }));
        for (who, inbox) in settled.await {
            let about_presence = shown[who.as_str()].iter().any(|text| text.contains("\"presence\""));
            for frame in inbox.iter().filter(|frame| about_presence || frame["type"] != "presence") {
                let title = &section.title;
                self.wrong.push(format!("docs/protocol.md, {title:?}: {who} got a frame that is not shown: {frame}"));
            }
        }
    }

    fn nothing_unanswered(&mut self, line: usize) {
        if self.answer.take().is_some() {
            self.wrong.push(format!("docs/protocol.md:{line}: the request before this has no answer"));
        }
    }

    async fn step(&mut self, step: &Step) -> Result<(), String> {
        match &step.what {
            What::Sends { who, text } => self.send(who, text).await,
            What::Says { who, text } => {
                self.examples += 1;
                let line = self.lines.get_mut(who).ok_or("is not connected")?;
                line.socket.send(Message::text(text.clone())).await.map_err(|error| error.to_string())
            }
            What::Gets { who, text } => self.get(who, text).await,
            What::Closed { who, text } => self.closed(who, text).await,
            What::Upgrades { who, text } => self.upgrade(who, text).await,
            What::Calls { who, text } => self.call(who, text).await,
            What::Answer { text } => self.compare_answer(text),
            What::Connects { who, seconds } => {
                let ttl = seconds.map_or(HOUR, Duration::from_secs);
                self.connect(who, self.request(who, ttl)).await.map(drop).map_err(|error| error.to_string())
            }
            What::Disconnects { who } => {
                if let Some(mut line) = self.lines.remove(who) {
                    // The other end may have been faster.
                    let _ = line.socket.close(None).await;
                    line.settle().await;
                }
                Ok(())
            }
            What::Times(count) => {
                self.times = *count;
                Ok(())
            }
            What::Announces { text } => {
                let url = format!("http://{}/admin/announcements", self.stage.admin);
                let body = serde_json::json!({"text": text}).to_string();
                let made = self.http.post(url).bearer_auth(token("host", HOUR)).body(body).send().await.unwrap();
                if made.status() == 201 { Ok(()) } else { Err(format!("it is not announced: {}", made.status())) }
            }
            What::Stops => {
                self.stage.stop();
                Ok(())
            }
        }
    }

    async fn send(&mut self, who: &str, text: &str) -> Result<(), String> {
        self.examples += 1;
        let mut frame = json(text)?;
        if frame["token"] == "TOKEN" {
            frame["token"] = token(who, 2 * HOUR).into();
        }
        let times = std::mem::replace(&mut self.times, 1);
        let line = self.lines.get_mut(who).ok_or("is not connected")?;
        for _ in 1..times {
            let mut one = frame.clone();
            one["clientId"] = uuid::Uuid::new_v4().to_string().into();
            let real = self.bindings.real(&one.to_string());
            line.socket.send(Message::text(real)).await.map_err(|error| error.to_string())?;
        }
        self.flooded = (times > 1).then(|| who.to_owned());
        let real = self.bindings.real(&frame.to_string());
        line.socket.send(Message::text(real)).await.map_err(|error| error.to_string())
    }

    async fn get(&mut self, who: &str, text: &str) -> Result<(), String> {
        self.examples += 1;
        let document = json(text)?;
        let line = self.lines.get_mut(who).ok_or("is not connected")?;
        if document["type"] != "hello" {
            line.inbox.retain(|frame| frame["type"] != "hello");
        }
        let mut sought = document.clone();
        for name in ["channelId", "clientId"] {
            if let Some(id) = sought[name].as_str() {
                // Known from before, or to be learned from this very frame.
                sought[name] = self.bindings.known(id).map_or(Value::Null, Value::from);
            }
        }
        let found = line.next(&sought).await;
        if self.flooded.take().is_some_and(|flooded| flooded == who) {
            line.settle().await;
            line.inbox.clear();
        }
        match found {
            Some(real) => agreed(&self.bindings.compare(&document, &real)),
            None => Err(format!("no such frame came; there was {:?} and the end {:?}", line.inbox, line.closed)),
        }
    }

    async fn closed(&mut self, who: &str, text: &str) -> Result<(), String> {
        self.examples += 1;
        let mut line = self.lines.remove(who).ok_or("is not connected")?;
        let until = Instant::now() + PATIENCE;
        while line.closed.is_none() && line.take_in(until.saturating_duration_since(Instant::now())).await {}
        match line.closed {
            Some(closed) if closed == text => Ok(()),
            other => Err(format!("closed with {other:?}")),
        }
    }

    fn request(&self, who: &str, ttl: Duration) -> Request<()> {
        let mut request = format!("ws://{}/ws", self.stage.addr).into_client_request().unwrap();
        let bearer = format!("Bearer {}", token(who, ttl));
        request.headers_mut().insert("authorization", bearer.parse().unwrap());
        request
    }

    async fn connect(&mut self, who: &str, request: Request<()>) -> Result<Answer, Error> {
        let (socket, response) = connect_async(request).await?;
        let line = Line { socket, inbox: VecDeque::new(), closed: None };
        self.lines.insert(who.to_owned(), line);
        Ok(Answer { status: response.status().as_u16(), headers: headers_of(response.headers()), body: String::new() })
    }

    /// The upgrade as the document has it, but for the headers that belong to the connection.
    async fn upgrade(&mut self, who: &str, text: &str) -> Result<(), String> {
        let (_, path, headers, _) = self.read_request(who, text)?;
        let mut request = format!("ws://{}{path}", self.stage.addr).into_client_request().map_err(|e| e.to_string())?;
        for (name, value) in headers {
            let own = ["host", "upgrade", "connection", "sec-websocket-key", "sec-websocket-version"];
            if !own.contains(&name.as_str()) {
                let name: HeaderName = name.parse().map_err(|_| "a header has no name")?;
                request.headers_mut().insert(name, value.parse().map_err(|_| "a header has no value")?);
            }
        }
        let answer = match self.connect(who, request).await {
            Ok(answer) => answer,
            Err(Error::Http(response)) => {
                let headers = headers_of(response.headers());
                let body = response.body().clone().unwrap_or_default();
                let body = String::from_utf8(body).map_err(|error| error.to_string())?;
                Answer { status: response.status().as_u16(), headers, body }
            }
            Err(error) => return Err(error.to_string()),
        };
        self.answer = Some(answer);
        Ok(())
    }

    async fn call(&mut self, who: &str, text: &str) -> Result<(), String> {
        let (method, path, headers, body) = self.read_request(who, text)?;
        let method = method.parse().map_err(|_| "there is no such method")?;
        let mut request = self.http.request(method, format!("http://{}{path}", self.stage.addr)).body(body);
        for (name, value) in headers.into_iter().filter(|(name, _)| name != "host") {
            request = request.header(name, value);
        }
        // What was just said is found a moment later.
        let until = Instant::now() + PATIENCE;
        loop {
            let again = request.try_clone().ok_or("the request cannot be sent twice")?;
            let response = again.send().await.map_err(|error| error.to_string())?;
            let status = response.status().as_u16();
            let headers = headers_of(response.headers());
            let body = response.text().await.map_err(|error| error.to_string())?;
            if path.contains("/search?") && body.contains("\"hits\":[]") && Instant::now() < until {
                tokio::time::sleep(QUIET).await;
                continue;
            }
            self.answer = Some(Answer { status, headers, body });
            return Ok(());
        }
    }

    /// Method, path, headers in lower case, and body, with real ids and a real token.
    fn read_request(&mut self, who: &str, text: &str) -> Result<(String, String, Headers, String), String> {
        self.examples += 1;
        let text = self.bindings.real(text).replace("TOKEN", &token(who, HOUR));
        let (first, headers, body) = message(&text);
        let (method, rest) = first.split_once(' ').ok_or("there is no method")?;
        let path = rest.strip_suffix(" HTTP/1.1").unwrap_or(rest);
        Ok((method.to_owned(), path.to_owned(), headers, body.to_owned()))
    }

    fn compare_answer(&mut self, text: &str) -> Result<(), String> {
        self.examples += 1;
        let Answer { status, headers, body } = self.answer.take().ok_or("nothing was asked")?;
        let (first, shown, expected) = message(text);
        let mut wrong = Vec::new();
        if first.split(' ').nth(1) != Some(status.to_string().as_str()) {
            wrong.push(format!("the status is {status}"));
        }
        for header in shown {
            if !headers.contains(&header) {
                wrong.push(format!("{header:?} is not among {headers:?}"));
            }
        }
        if expected.trim_start().starts_with('{') {
            let real = serde_json::from_str(&body).map_err(|error| format!("{error} in {status} {body:?}"))?;
            wrong.extend(self.bindings.compare(&json(expected)?, &real));
        } else if expected.trim() != body.trim() {
            wrong.push(format!("the body is {body:?}"));
        }
        agreed(&wrong)
    }
}

/// The first line, the headers and the body of an HTTP message.
fn message(text: &str) -> (&str, Headers, &str) {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let first = lines.next().unwrap_or_default();
    let headers = lines.filter_map(|line| line.split_once(": "));
    (first, headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect(), body)
}

fn headers_of(headers: &HeaderMap) -> Headers {
    let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}

fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("the example is no JSON: {error}"))
}

fn agreed(wrong: &[String]) -> Result<(), String> {
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n    ")) }
}
