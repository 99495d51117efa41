//! Posts one event to one webhook, and says what came of it. Never follows a redirect, never asks a proxy, and reads no more of
//! an answer than it takes to use the connection again.

use std::error::Error;
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, redirect};

use super::guard::{Guard, Refused};
use super::sign::signatures;
use crate::config::{Allowed, WebhookSettings};
use crate::domain::now;
use crate::domain::webhook::{Origin, Trouble, Webhook};

/// How long until a connection is there.
const CONNECT: Duration = Duration::from_secs(5);
/// What is read of an answer, and for how long, once its status is known.
const MAX_ANSWER: usize = 16 * 1024;
const READ_WITHIN: Duration = Duration::from_secs(1);
/// Idle connections to one host.
const KEPT: usize = 8;
/// The longest that a receiver may ask to be left alone.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);
/// How long one is that says no time.
const PAUSE: Duration = Duration::from_secs(5);
/// Of what went wrong, at most this much is kept.
const MAX_ERROR: usize = 200;

/// Posts events. Clones share connections.
#[derive(Debug, Clone)]
pub(super) struct Poster {
    guard: Guard,
    guarded: Client,
    /// The settings' own webhook, which whoever runs the daemon may send anywhere.
    own: Option<(Guard, Client)>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Posted {
    pub(super) status: Option<u16>,
    pub(super) verdict: Verdict,
    pub(super) took: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Delivered,
    /// It wants nothing more, ever.
    Gone,
    /// `pause`: nothing is to be sent there for so long.
    Failed {
        trouble: Trouble,
        pause: Option<Duration>,
    },
}

/// An event, ready to be posted.
#[derive(Debug, Clone)]
pub(super) struct Letter {
    /// The same for each try, and for each webhook.
    pub(super) id: String,
    pub(super) body: Bytes,
}

impl Poster {
    pub(super) fn new(settings: &WebhookSettings) -> reqwest::Result<Self> {
        let guard = Guard::new(&settings.allow);
        let client = |guard: &Guard| {
            Client::builder()
                .redirect(redirect::Policy::none())
                .no_proxy()
                .dns_resolver(guard.clone())
                .connect_timeout(CONNECT.min(settings.timeout))
                .timeout(settings.timeout)
                .pool_max_idle_per_host(KEPT)
                .user_agent(concat!("tenfour/", env!("CARGO_PKG_VERSION")))
                .build()
        };
        let own = settings.own.as_ref().and_then(|own| host_of(own.url.expose()));
        let own = own.map(|host| Guard::new(&[settings.allow.as_slice(), &[host]].concat()));
        let own = own.map(|guard| client(&guard).map(|client| (guard, client))).transpose()?;
        Ok(Self { guarded: client(&guard)?, guard, own })
    }

    pub(super) fn guard(&self) -> &Guard {
        &self.guard
    }

    fn of(&self, webhook: &Webhook) -> (&Guard, &Client) {
        match &self.own {
            Some((guard, client)) if webhook.origin == Origin::Settings => (guard, client),
            _ => (&self.guard, &self.guarded),
        }
    }

    pub(super) async fn post(&self, webhook: &Webhook, letter: &Letter) -> Posted {
        let started = Instant::now();
        let (guard, client) = self.of(webhook);
        let (status, verdict) = match guard.check(&webhook.url) {
            Err(refused) => (None, refused_by(&refused)),
            Ok(url) => {
                let at = now();
                let timestamp = at.timestamp();
                let signed = signatures(webhook.secrets(at), &letter.id, timestamp, &letter.body);
                let request = client
                    .post(url)
                    .header(CONTENT_TYPE, "application/json")
                    .header("webhook-id", &letter.id)
                    .header("webhook-timestamp", timestamp)
                    .header("webhook-signature", signed)
                    .body(letter.body.clone());
                match request.send().await {
                    Ok(answer) => {
                        let status = answer.status();
                        let verdict = judged(status, answer.headers());
                        // What it says is nothing to anybody; read, its connection can be used again.
                        let _ = tokio::time::timeout(READ_WITHIN, skip(answer)).await;
                        (Some(status.as_u16()), verdict)
                    }
                    Err(error) => (None, broken(&error)),
                }
            }
        };
        Posted { status, verdict, took: started.elapsed() }
    }
}

/// The host of the settings' webhook, as something that is allowed.
fn host_of(url: &str) -> Option<Allowed> {
    let url = reqwest::Url::parse(url).ok()?;
    Some(match url.host()? {
        url::Host::Domain(name) => Allowed::Host(name.trim_end_matches('.').to_owned()),
        url::Host::Ipv4(address) => Allowed::Net(std::net::IpAddr::from(address).into()),
        url::Host::Ipv6(address) => Allowed::Net(address.to_canonical().into()),
    })
}

async fn skip(mut answer: Response) {
    let mut read = 0;
    while let Ok(Some(piece)) = answer.chunk().await {
        read += piece.len();
        if read > MAX_ANSWER {
            return;
        }
    }
}

fn judged(status: StatusCode, headers: &HeaderMap) -> Verdict {
    let code = status.as_u16();
    match code {
        200..300 => Verdict::Delivered,
        410 => Verdict::Gone,
        // It is not itself, or has too much to do.
        429 | 502 | 503 | 504 => {
            let trouble = Trouble { error: format!("answered {code}"), unreachable: true };
            Verdict::Failed { trouble, pause: Some(wished(headers).unwrap_or(PAUSE).min(LONGEST_PAUSE)) }
        }
        300..400 => failed(format!("answered {code}; redirects are not followed")),
        _ => failed(format!("answered {code}")),
    }
}

/// `Retry-After`, in seconds or as a date.
fn wished(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = chrono::DateTime::parse_from_rfc2822(text).ok()?;
    Some((at.to_utc() - now()).to_std().unwrap_or_default())
}

fn failed(error: String) -> Verdict {
    Verdict::Failed { trouble: Trouble { error, unreachable: false }, pause: None }
}

fn refused_by(refused: &Refused) -> Verdict {
    unreachable(refused.to_string())
}

fn unreachable(mut error: String) -> Verdict {
    error.retain(|c| !c.is_control());
    if let Some((end, _)) = error.char_indices().nth(MAX_ERROR) {
        error.truncate(end);
    }
    Verdict::Failed { trouble: Trouble { error, unreachable: true }, pause: None }
}

/// The innermost reason, which says most, and never the address, which may hold a key.
fn broken(error: &reqwest::Error) -> Verdict {
    if error.is_timeout() {
        return unreachable("did not answer in time".to_owned());
    }
    let mut reason: &dyn Error = error;
    while let Some(source) = reason.source() {
        reason = source;
    }
    // Without a source it is reqwest's own word, with the address in it.
    if error.source().is_none() {
        unreachable("could not be asked".to_owned())
    } else {
        unreachable(reason.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    fn verdict(status: u16, retry_after: Option<&str>) -> Verdict {
        let mut headers = HeaderMap::new();
        if let Some(text) = retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from_str(text).unwrap());
        }
        judged(StatusCode::from_u16(status).unwrap(), &headers)
    }

    fn pause(verdict: &Verdict) -> Option<Duration> {
        match verdict {
            Verdict::Failed { pause, .. } => *pause,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_answer_is_taken_for_what_it_means() {
        for status in [200, 201, 204, 299] {
            assert_eq!(verdict(status, None), Verdict::Delivered);
        }
        assert_eq!(verdict(410, None), Verdict::Gone);
        for status in [301, 302, 307, 308, 400, 401, 404, 500] {
            let Verdict::Failed { trouble, pause } = verdict(status, Some("60")) else { panic!("{status}") };
            assert!(
                !trouble.unreachable && pause.is_none() && trouble.error.contains(&status.to_string()),
                "{trouble:?}"
            );
        }
        for status in [429, 502, 503, 504] {
            assert_eq!(pause(&verdict(status, None)), Some(PAUSE), "{status}");
        }
    }

    #[test]
    fn who_asks_to_be_left_alone_is_within_bounds() {
        assert_eq!(pause(&verdict(503, Some("17"))), Some(Duration::from_secs(17)));
        assert_eq!(pause(&verdict(503, Some("999999"))), Some(LONGEST_PAUSE));
        assert_eq!(pause(&verdict(503, Some("soon"))), Some(PAUSE));
        assert_eq!(pause(&verdict(503, Some("Wed, 21 Oct 2015 07:28:00 GMT"))), Some(Duration::ZERO));
    }

    #[test]
    fn an_error_is_short_and_one_line() {
        let Verdict::Failed { trouble, .. } = unreachable(format!("a\nb{}", "ü".repeat(500))) else { panic!() };
        assert_eq!((trouble.error.chars().count(), trouble.error.contains('\n')), (MAX_ERROR, false));
    }

    #[test]
    fn the_settings_own_webhook_may_be_a_neighbour() {
        assert_eq!(host_of("http://app:3000/hook"), Some(Allowed::Host("app".to_owned())));
        assert_eq!(host_of("http://127.0.0.1:3000/"), Some(Allowed::Net("127.0.0.1/32".parse().unwrap())));
    }
}
