//! Where and how the application is told of what happens: what the settings may say of it.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;

use super::load::Reader;
use super::parse::{Parsed, parts};
use super::source::Raw;
use super::{SecretUrl, units};
use crate::domain::webhook::{Events, InvalidSecret, MAX_URL, SigningSecret};

/// A month: longer is a slip.
const MAX_RETRY_MS: u64 = 31 * 86_400_000;
/// Tries of one event.
const MAX_RETRIES: usize = 100;

/// How events are delivered.
#[derive(Debug, Clone)]
pub struct WebhookSettings {
    /// The webhook that is in the settings. Others are made by calls.
    pub own: Option<OwnWebhook>,
    /// Where events may go besides the internet.
    pub allow: Vec<Allowed>,
    /// How long an answer may take.
    pub timeout: Duration,
    /// How long after each failure the next try is; together, how long an event is tried.
    pub retries: Vec<Duration>,
}

#[derive(Debug, Clone)]
pub struct OwnWebhook {
    pub url: SecretUrl,
    pub events: Events,
    pub secret: SigningSecret,
}

/// A place to which events may go although it is not on the internet, or not encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed {
    /// By its name, wherever that leads.
    Host(String),
    Net(IpNet),
}

impl Default for WebhookSettings {
    fn default() -> Self {
        const MINUTE: u64 = 60;
        const HOUR: u64 = 60 * MINUTE;
        let retries = [5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];
        Self {
            own: None,
            allow: Vec::new(),
            timeout: Duration::from_secs(15),
            retries: retries.map(Duration::from_secs).into(),
        }
    }
}

/// The secret of the settings' webhook, as every secret, may have come from a file.
pub(super) fn read(reader: &mut Reader, settings: &mut WebhookSettings) {
    let (mut url, mut secret, mut events) = (None, None, Events::ALL);
    reader.text("webhook_url", &mut url, |text| address(text).map(Some));
    reader.text("webhook_secret", &mut secret, |text| signing_secret(text).map(Some));
    reader.text("webhook_events", &mut events, str::parse);
    reader.raw("webhook_allow", &mut settings.allow, allow);
    reader.text("webhook_timeout_ms", &mut settings.timeout, |text| units::millis(text, 10..=300_000));
    reader.raw("webhook_retries_ms", &mut settings.retries, retries);
    // One that was given and is wrong has been told already.
    let tried = ["webhook_secret", "webhook_secret_file"].iter().any(|key| reader.gathered.given.contains_key(key));
    match (url, secret) {
        (Some(url), Some(secret)) => settings.own = Some(OwnWebhook { url, events, secret }),
        (Some(_), None) if !tried => reader.problem(
            "webhook_secret",
            "must be set where webhook_url is: whsec_ and what `openssl rand -base64 32` makes",
        ),
        _ => {}
    }
}

fn signing_secret(text: &str) -> Parsed<SigningSecret> {
    text.parse().map_err(|error: InvalidSecret| error.to_string())
}

fn allow(raw: &Raw) -> Parsed<Vec<Allowed>> {
    parts(raw, |text| {
        if let Ok(net) = text.parse::<IpNet>() {
            return Ok(Allowed::Net(net.trunc()));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Allowed::Net(address.into()));
        }
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.' | '_');
        if !text.is_empty() && text.chars().all(plain) && !text.starts_with('.') {
            return Ok(Allowed::Host(text.to_owned()));
        }
        Err(format!("{text:?} must be a host in lower case, an address, or a network such as 10.0.0.0/8"))
    })
}

fn retries(raw: &Raw) -> Parsed<Vec<Duration>> {
    let wrong = || {
        format!(
            "must be 1 to {MAX_RETRIES} times with commas between, each from 1 to {MAX_RETRY_MS} milliseconds, or with its \
             unit, such as 5s,5min,2h"
        )
    };
    let retries = parts(raw, |text| units::millis(text, 1..=MAX_RETRY_MS).map_err(|_| wrong()))?;
    if (1..=MAX_RETRIES).contains(&retries.len()) { Ok(retries) } else { Err(wrong()) }
}

/// Whoever writes settings may send events into their own network: `http` is theirs to choose.
fn address(text: &str) -> Parsed<SecretUrl> {
    let allowed = || {
        format!("must be https://HOST/PATH or http://HOST/PATH, without user and password, of {MAX_URL} bytes at most")
    };
    let url = reqwest::Url::parse(text).map_err(|_| allowed())?;
    let right = ["https", "http"].contains(&url.scheme()) && url.host().is_some() && text.len() <= MAX_URL;
    if right && url.username().is_empty() && url.password().is_none() {
        Ok(SecretUrl::new(text))
    } else {
        Err(allowed())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::super::{Flags, load_places};
    use super::*;

    fn loaded(env: &[(&str, &str)]) -> Result<WebhookSettings, Vec<String>> {
        let env = env.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        load_places(&Flags::default(), env).map(|loaded| loaded.config.webhooks).map_err(|errors| errors.0)
    }

    fn text(text: &str) -> Raw {
        Raw::Text(text.to_owned())
    }

    #[test]
    fn places_are_hosts_addresses_and_networks() {
        let net = |text: &str| Allowed::Net(text.parse().unwrap());
        let host = |text: &str| Allowed::Host(text.to_owned());
        assert_eq!(
            allow(&text("127.0.0.1, 10.1.2.3/8,::1,app.internal,localhost")),
            Ok(vec![net("127.0.0.1/32"), net("10.0.0.0/8"), net("::1/128"), host("app.internal"), host("localhost")])
        );
        assert_eq!(allow(&Raw::List(vec!["app".to_owned()])), Ok(vec![host("app")]));
        for bad in ["*", "App", "http://app", "10.0.0.0/33", "app:3000", ".app"] {
            assert!(allow(&text(bad)).unwrap_err().contains("10.0.0.0/8"), "{bad}");
        }
    }

    #[test]
    fn retries_are_some_times() {
        let some = Ok(vec![Duration::from_millis(5), Duration::from_secs(10)]);
        assert_eq!(retries(&text("5, 10s")), some);
        assert_eq!(retries(&Raw::List(vec!["5ms".to_owned(), "10000".to_owned()])), some);
        for bad in ["", "0", "a", "1,,x", "2678400001", &"1,".repeat(101)] {
            assert!(retries(&text(bad)).unwrap_err().contains("milliseconds"), "{bad}");
        }
    }

    #[test]
    fn an_event_is_tried_for_three_days() {
        let all: Duration = WebhookSettings::default().retries.iter().sum();
        assert!(all > Duration::from_hours(72) && all < Duration::from_hours(80), "{all:?}");
    }

    #[test]
    fn the_address_in_the_settings_may_be_a_neighbour_and_holds_no_password() {
        for good in ["https://app.example/hook", "http://127.0.0.1:3000/api/tenfour/webhook", "http://app/hook"] {
            assert!(address(good).is_ok(), "{good}");
        }
        for bad in
            ["", "app", "ftp://app/", "https://me:secret@app.example/", &format!("https://a/{}", "x".repeat(2000))]
        {
            assert!(address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_webhook_of_the_settings_needs_a_secret_and_never_shows_it() {
        let url = ("TENFOUR_WEBHOOK_URL", "http://127.0.0.1:3000/hook?key=hunter2");
        let secret = "whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0";
        let lone = loaded(&[url]).unwrap_err();
        assert!(lone[0].starts_with("webhook_secret: must be set"), "{lone:?}");
        let given = ("TENFOUR_WEBHOOK_SECRET", secret);
        let webhooks = loaded(&[url, given, ("TENFOUR_WEBHOOK_EVENTS", "user.online")]).unwrap();
        let own = webhooks.own.as_ref().unwrap();
        assert_eq!((own.secret.expose().as_str(), own.events.to_text().as_deref()), (secret, Some("user.online")));
        let shown = format!("{webhooks:?}");
        assert!(!shown.contains("hunter2") && !shown.contains(&secret[6..]), "{shown}");
        // Without an address it is nobody's.
        assert!(loaded(&[given]).unwrap().own.is_none());
    }

    #[test]
    fn its_secret_may_be_in_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        let url = ("TENFOUR_WEBHOOK_URL", "http://app/hook");
        let file = ("TENFOUR_WEBHOOK_SECRET_FILE", path.to_str().unwrap());
        let found = loaded(&[url, file]).unwrap_err();
        assert!(found.len() == 1 && found[0].contains("cannot be read"), "{found:?}");
        fs::write(&path, "whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0\n").unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        assert!(loaded(&[url, file]).unwrap().own.is_some());
    }

    #[test]
    fn what_is_wrong_is_told_without_it() {
        for (name, bad) in [
            ("TENFOUR_WEBHOOK_SECRET", "whsec_hunter2"),
            ("TENFOUR_WEBHOOK_URL", "http://me:hunter2@app/"),
            ("TENFOUR_WEBHOOK_EVENTS", "message.send"),
            ("TENFOUR_WEBHOOK_ALLOW", "*"),
            ("TENFOUR_WEBHOOK_RETRIES_MS", "soon"),
        ] {
            let found = loaded(&[(name, bad)]).unwrap_err();
            assert!(found[0].contains(name) && !found[0].contains("hunter2"), "{found:?}");
        }
    }
}
