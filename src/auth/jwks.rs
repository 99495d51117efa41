//! The issuer's published keys: kept for a while, asked for by one at a time, and kept on when the issuer is away.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use reqwest::header::{CACHE_CONTROL, HeaderMap};
use reqwest::redirect;
use tokio::sync::watch;

use super::error::{AuthError, SetupError};
use super::keys::{self, Key};
use crate::config::JwksSettings;

/// The longest answer, in bytes.
const MAX_BODY: usize = 256 * 1024;

/// The keys at one address.
#[derive(Debug)]
pub(super) struct Jwks {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: JwksSettings,
    client: reqwest::Client,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    held: Option<Held>,
    /// When the issuer was asked last, and what went wrong if anything.
    asked: Option<Instant>,
    failure: Option<String>,
    /// Closed when the answer is there.
    asking: Option<watch::Receiver<()>>,
}

#[derive(Debug)]
struct Held {
    keys: Arc<Vec<Key>>,
    since: Instant,
    fresh_for: Duration,
}

impl Jwks {
    pub(super) fn new(settings: JwksSettings) -> Result<Self, SetupError> {
        // Never on to another address: only the one in the settings has been checked.
        let mut builder = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .timeout(settings.timeout)
            .pool_max_idle_per_host(0)
            .user_agent(concat!("tenfour/", env!("CARGO_PKG_VERSION")));
        if settings.url.starts_with("http:") {
            // On loopback, where no proxy has any business.
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| SetupError::Client(error.to_string()))?;
        Ok(Self { shared: Arc::new(Shared { settings, client, state: Mutex::default() }) })
    }

    pub(super) fn is_at(&self, url: &str) -> bool {
        self.shared.settings.url == url
    }

    /// The same issuer, whose keys count as old from now on.
    pub(super) fn asked_anew(&self) -> Self {
        if let Some(held) = &mut self.shared.state.lock().held {
            held.fresh_for = Duration::ZERO;
        }
        Self { shared: Arc::clone(&self.shared) }
    }

    /// The keys as they were last heard of, asked for again when they are old. The old ones serve on while the issuer
    /// does not answer; nobody waits for one that did not answer last time.
    pub(super) async fn keys(&self) -> Result<Arc<Vec<Key>>, AuthError> {
        self.heard_of().await;
        if self.is_unanswered() {
            // The worker that asked is gone, and the question with it.
            self.heard_of().await;
        }
        self.held()
    }

    async fn heard_of(&self) {
        let waiting = {
            let mut state = self.shared.state.lock();
            let now = Instant::now();
            if let Some(held) = &state.held
                && now.duration_since(held.since) < held.fresh_for
            {
                return;
            }
            let failed = state.failure.is_some();
            let asking = if !failed || state.may_ask(now, self.shared.settings.retry_interval) {
                Some(self.ask(&mut state, now))
            } else {
                state.joined()
            };
            asking.filter(|_| !failed || state.held.is_none())
        };
        wait(waiting).await;
    }

    fn is_unanswered(&self) -> bool {
        let state = self.shared.state.lock();
        state.held.is_none() && state.failure.is_none()
    }

    /// The keys after asking again, for a token that names a key which is not among them. Anybody can send such
    /// tokens, so the issuer is asked only now and then.
    pub(super) async fn newer_keys(&self) -> Result<Arc<Vec<Key>>, AuthError> {
        let waiting = {
            let mut state = self.shared.state.lock();
            let now = Instant::now();
            let again = self.shared.settings.refetch_interval;
            if state.may_ask(now, again) { Some(self.ask(&mut state, now)) } else { state.joined() }
        };
        wait(waiting).await;
        self.held()
    }

    fn held(&self) -> Result<Arc<Vec<Key>>, AuthError> {
        let state = self.shared.state.lock();
        match &state.held {
            Some(held) if held.since.elapsed() <= self.shared.settings.max_stale => Ok(Arc::clone(&held.keys)),
            _ => {
                let failure = state.failure.clone();
                Err(AuthError::Unavailable(failure.unwrap_or_else(|| "they have not been fetched yet".to_owned())))
            }
        }
    }

    /// Joins the question that is under way, or asks. A task of its own does, so that a client who goes away does not
    /// take the answer along.
    fn ask(&self, state: &mut State, now: Instant) -> watch::Receiver<()> {
        if let Some(asking) = state.joined() {
            return asking;
        }
        let (done, asking) = watch::channel(());
        state.asked = Some(now);
        state.asking = Some(asking.clone());
        let shared = Arc::clone(&self.shared);
        tokio::spawn(async move {
            let answer = shared.fetch().await;
            shared.settle(answer);
            drop(done);
        });
        asking
    }
}

impl State {
    /// The question under way, unless the runtime that asked it is gone.
    fn joined(&self) -> Option<watch::Receiver<()>> {
        self.asking.clone().filter(|asking| asking.has_changed().is_ok())
    }

    fn may_ask(&self, now: Instant, interval: Duration) -> bool {
        self.asked.is_none_or(|asked| now.saturating_duration_since(asked) >= interval)
    }
}

impl Shared {
    async fn fetch(&self) -> Result<(Vec<Key>, Duration), String> {
        let reason = |error: reqwest::Error| error.without_url().to_string();
        let mut response = self.client.get(&self.settings.url).send().await.map_err(reason)?;
        if !response.status().is_success() {
            return Err(format!("the issuer answered {}", response.status().as_u16()));
        }
        let fresh_for = self.freshness(response.headers());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(reason)? {
            if body.len() + chunk.len() > MAX_BODY {
                return Err(format!("the issuer's answer is longer than {MAX_BODY} bytes"));
            }
            body.extend_from_slice(&chunk);
        }
        let keys = keys::of_jwks(&body).ok_or("the issuer's answer is no JWK set")?;
        if keys.is_empty() {
            return Err("the issuer's answer has no key that is for signatures and of a known kind".to_owned());
        }
        Ok((keys, fresh_for))
    }

    fn settle(&self, answer: Result<(Vec<Key>, Duration), String>) {
        let mut state = self.state.lock();
        state.asking = None;
        match answer {
            Ok((keys, fresh_for)) => {
                state.failure = None;
                state.held = Some(Held { keys: Arc::new(keys), since: Instant::now(), fresh_for });
            }
            Err(failure) => {
                log::warn!("the issuer's keys could not be fetched: {failure}");
                state.failure = Some(failure);
            }
        }
    }

    /// What `Cache-Control` says, within bounds.
    fn freshness(&self, headers: &HeaderMap) -> Duration {
        let settings = &self.settings;
        let directives = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
        for directive in directives.flat_map(|value| value.split(',')).map(str::trim) {
            let seconds = match directive.split_once('=') {
                Some((name, value)) if name.eq_ignore_ascii_case("max-age") => value.trim_matches('"').parse().ok(),
                None if directive.eq_ignore_ascii_case("no-store") || directive.eq_ignore_ascii_case("no-cache") => {
                    Some(0)
                }
                _ => None,
            };
            if let Some(seconds) = seconds {
                return Duration::from_secs(seconds).clamp(settings.ttl_min, settings.ttl_max);
            }
        }
        settings.ttl
    }
}

async fn wait(asking: Option<watch::Receiver<()>>) {
    if let Some(mut asking) = asking {
        // Ends with an error, when the sender is dropped: nothing is ever sent.
        while asking.changed().await.is_ok() {}
    }
}
