//! Puts a [`Config`] together out of what flags, environment and file say, and collects all that is wrong with it.

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::parse::{self, MIN_SECRET_BYTES, Parsed};
use super::settings::by_key;
use super::source::{Flags, Gathered, Given, Raw};
use super::{
    AuthSettings, Config, ConfigErrors, HmacKey, JwksSettings, Loaded, PublicKeyFile, Secret, TlsSettings, kept, own,
    units, webhooks,
};
use crate::domain::retention::MAX_DAYS;

const MAX_BYTES: usize = 64 << 20;
/// A day: longer times are slips.
const MAX_MS: u64 = 86_400_000;

/// The configuration of a daemon. Reads the files that the settings name, and makes the secret beside an SQLite database
/// where nothing else says which tokens are let in.
pub fn load(
    flags: &Flags,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Loaded, ConfigErrors> {
    read(flags, environment, None, |reader, config| {
        own::key_of_a_server(reader, config);
        if reader.gathered.problems.is_empty() {
            own::made(reader, config);
        }
    })
}

/// The same for who only wants to know whether it is right: nothing is made.
pub fn check(
    flags: &Flags,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Loaded, ConfigErrors> {
    read(flags, environment, None, |reader, config| {
        own::key_of_a_server(reader, config);
        own::could_be_made(reader, config);
    })
}

/// The same for a daemon that runs with other settings: its addresses and its database are those that it has. A secret that
/// it made for itself stays.
pub fn reload(
    flags: &Flags,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    running: &Loaded,
) -> Result<Loaded, ConfigErrors> {
    read(flags, environment, Some(running.config.listen), |reader, config| {
        let wanted = std::mem::replace(&mut config.database, running.config.database.clone());
        own::key_of_a_server(reader, config);
        if reader.gathered.problems.is_empty() {
            own::again(reader, config, running);
        }
        config.database = wanted;
    })
}

/// The same settings, for who works with a daemon that there is: takes the secret that it keeps and never makes one, since
/// no daemon would know it.
pub fn load_existing(
    flags: &Flags,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Loaded, ConfigErrors> {
    read(flags, environment, None, |reader, config| {
        if reader.gathered.problems.is_empty() {
            own::kept(reader, config);
        }
    })
}

/// The same settings, for who needs no tokens.
pub fn load_places(
    flags: &Flags,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Loaded, ConfigErrors> {
    read(flags, environment, None, |_, _| {})
}

/// `bound`: where the daemon listens in truth, if it does.
fn read(
    flags: &Flags,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    bound: Option<SocketAddr>,
    last: impl FnOnce(&mut Reader, &mut Config),
) -> Result<Loaded, ConfigErrors> {
    let mut reader = Reader::new(Gathered::from(flags, environment));
    let mut config = Config::default();
    reader.places(&mut config);
    reader.limits(&mut config);
    reader.timing(&mut config);
    reader.keys(&mut config.auth);
    webhooks::read(&mut reader, &mut config.webhooks);
    reader.check_together(&config);
    reader.short_secrets(&config.auth, bound.unwrap_or(config.listen));
    last(&mut reader, &mut config);
    let Gathered { given, problems, warnings, file } = reader.gathered;
    if problems.is_empty() { Ok(Loaded { config, file, warnings, given }) } else { Err(ConfigErrors(problems)) }
}

pub(super) struct Reader {
    pub(super) gathered: Gathered,
    #[cfg(test)]
    asked: std::collections::BTreeSet<&'static str>,
}

impl Reader {
    fn new(gathered: Gathered) -> Self {
        Self {
            gathered,
            #[cfg(test)]
            asked: std::collections::BTreeSet::new(),
        }
    }

    fn places(&mut self, config: &mut Config) {
        self.text("listen", &mut config.listen, parse::address);
        self.text("admin_listen", &mut config.admin_listen, parse::address_or_off);
        config.tls = self.tls();
        self.raw("allowed_origins", &mut config.allowed_origins, parse::origins);
        self.raw("trusted_proxies", &mut config.trusted_proxies, parse::proxies);
        self.text("database_url", &mut config.database.url, parse::database_url);
        self.text("database_schema", &mut config.database.schema, parse::schema);
        self.text("attachments", &mut config.attachments, |text| parse::attachments(text).map(Some));
        self.text("redis_url", &mut config.redis_url, |text| parse::redis_url(text).map(Some));
        self.text("otlp_endpoint", &mut config.traces.endpoint, |text| parse::collector(text).map(Some));
        self.text("trace_ratio", &mut config.traces.ratio, parse::share);
        self.text("log", &mut config.log, parse::log_filter);
        self.text("log_format", &mut config.log_format, parse::log_format);
        self.text("access_log", &mut config.access_log, parse::switch);
        let audit = &mut config.audit;
        self.text("audit_heads", &mut audit.heads, |text| parse::text(text).map(PathBuf::from).map(Some));
        audit.key = kept::audit_key(config.database.url.expose());
        self.text("audit_key", &mut audit.key, |text| parse::text(text).map(PathBuf::from).map(Some));
    }

    /// Both or neither.
    fn tls(&mut self) -> Option<TlsSettings> {
        let (mut certificate, mut key) = (None, None);
        self.text("tls_cert", &mut certificate, |text| parse::text(text).map(PathBuf::from).map(Some));
        self.text("tls_key", &mut key, |text| parse::text(text).map(PathBuf::from).map(Some));
        match (certificate, key) {
            (Some(certificate), Some(key)) => return Some(TlsSettings { certificate, key }),
            (Some(_), None) => self.problem("tls_cert", "needs its key: set tls_key (TENFOUR_TLS_KEY) as well"),
            (None, Some(_)) => {
                self.problem("tls_key", "needs its certificate: set tls_cert (TENFOUR_TLS_CERT) as well");
            }
            (None, None) => {}
        }
        None
    }

    fn limits(&mut self, config: &mut Config) {
        let limits = &mut config.limits;
        self.text("retention_days", &mut limits.retention_days, |text| units::days(text, MAX_DAYS).map(Some));
        self.text("rate_limit", &mut limits.rate_limit, parse::rate);
        for (key, target, allowed) in [
            ("max_group_members", &mut limits.max_group_members, 2..=100_000),
            ("max_sessions_per_user", &mut limits.max_sessions_per_user, 1..=1_000_000),
            ("max_sessions_per_address", &mut limits.max_sessions_per_address, 1..=1_000_000),
            ("room_in_flight", &mut limits.room_in_flight, 1..=1_000_000),
            ("db_queue", &mut limits.db_queue, 1..=1_000_000),
            ("max_attachments", &mut limits.max_attachments, 0..=100),
            ("max_user_files", &mut limits.max_user_files, 1..=1_000_000_000),
        ] {
            self.text(key, target, |text| parse::count(text, allowed));
        }
        for (key, target, allowed) in [
            ("max_frame_bytes", &mut limits.max_frame_bytes, 256..=MAX_BYTES),
            ("max_content_bytes", &mut limits.max_content_bytes, 1..=MAX_BYTES),
            ("outbox_bytes", &mut limits.outbox_bytes, 1024..=1 << 30),
            ("max_attachment_bytes", &mut limits.max_attachment_bytes, 1..=5 << 30),
            ("max_user_file_bytes", &mut limits.max_user_file_bytes, 1..=1 << 50),
        ] {
            self.text(key, target, |text| units::bytes(text, allowed));
        }
    }

    fn timing(&mut self, config: &mut Config) {
        let timing = &mut config.timing;
        for (key, target, allowed) in [
            ("heartbeat_interval_ms", &mut timing.heartbeat_interval, 10..=MAX_MS),
            ("heartbeat_timeout_ms", &mut timing.heartbeat_timeout, 20..=MAX_MS),
            ("head_timeout_ms", &mut timing.head_timeout, 10..=MAX_MS),
            ("typing_debounce_ms", &mut timing.typing_debounce, 0..=MAX_MS),
            ("typing_expiry_ms", &mut timing.typing_expiry, 10..=MAX_MS),
            ("read_merge_ms", &mut timing.read_merge, 0..=MAX_MS),
            ("room_idle_ms", &mut timing.room_idle, 0..=MAX_MS),
            // The daemon has promised to be gone within 10 s, and needs some of it to close.
            ("drain_ms", &mut timing.drain, 0..=9_500),
        ] {
            self.text(key, target, |text| units::millis(text, allowed));
        }
    }

    fn keys(&mut self, auth: &mut AuthSettings) {
        self.raw("jwt_keys", &mut auth.keys, parse::keys);
        let mut secret: Option<Secret> = None;
        self.text("jwt_secret", &mut secret, |text| parse::host_secret(text).map(Some));
        auth.keys.extend(secret.map(|secret| HmacKey { kid: None, secret }));
        let mut path = None;
        self.text("jwt_public_key_file", &mut path, |text| parse::text(text).map(PathBuf::from).map(Some));
        if let Some(path) = path {
            match fs::read_to_string(&path) {
                Ok(pem) => auth.public_key = Some(PublicKeyFile { path, pem }),
                Err(error) => self.problem("jwt_public_key_file", &format!("cannot be read: {error}")),
            }
        }
        let mut url = None;
        self.text("jwks_url", &mut url, |text| parse::jwks_url(text).map(Some));
        auth.jwks = url.map(JwksSettings::new);
        self.text("jwt_issuer", &mut auth.issuer, |text| parse::text(text).map(Some));
        self.text("jwt_audience", &mut auth.audience, |text| parse::text(text).map(Some));
    }

    /// What is right by itself may be wrong together.
    fn check_together(&mut self, config: &Config) {
        let (limits, timing) = (&config.limits, &config.timing);
        if timing.heartbeat_timeout <= timing.heartbeat_interval {
            let interval = millis(timing.heartbeat_interval);
            self.problem("heartbeat_timeout_ms", &format!("must be above heartbeat_interval_ms, which is {interval}"));
        }
        if limits.max_content_bytes >= limits.max_frame_bytes {
            let frame = limits.max_frame_bytes;
            let warning = format!("max_content_bytes: a frame ends at {frame} bytes (max_frame_bytes) before that");
            self.gathered.warnings.push(warning);
        }
        if config.listen.port() != 0 && config.admin_listen == Some(config.listen) {
            self.problem("admin_listen", "must be another address than listen: /admin is never on the public one");
        }
        if config.audit.heads.is_some() && config.audit.key.is_none() {
            self.problem("audit_key", "must be set where the database is no file, for audit_heads to be signed");
        }
    }

    /// A secret that can be guessed is refused, but where only this machine can try.
    fn short_secrets(&mut self, auth: &AuthSettings, listen: SocketAddr) {
        let short = auth.keys.iter().map(|key| key.secret.expose().len()).filter(|len| *len < MIN_SECRET_BYTES);
        let Some(len) = short.min() else { return };
        let text = format!(
            "an HS256 secret of {len} bytes can be guessed; it needs {MIN_SECRET_BYTES} or more: `openssl rand -hex 32` makes one"
        );
        if listen.ip().is_loopback() {
            self.gathered.warnings.push(format!("jwt_secret: {text}"));
        } else {
            self.problem(
                "jwt_secret",
                &format!("{text} (a shorter one is taken only while listen is a loopback address)"),
            );
        }
    }

    /// Sets the target where the setting was given and is right.
    pub(super) fn text<T>(&mut self, key: &'static str, target: &mut T, parse: impl FnOnce(&str) -> Parsed<T>) {
        self.raw(key, target, |raw| match raw {
            Raw::Text(text) => parse(text),
            Raw::List(_) | Raw::Table(_) => Err("must be one text or number".to_owned()),
        });
    }

    pub(super) fn raw<T>(&mut self, key: &'static str, target: &mut T, parse: impl FnOnce(&Raw) -> Parsed<T>) {
        #[cfg(test)]
        self.asked.insert(key);
        let Some(Given { raw, .. }) = self.gathered.given.get(key) else { return };
        match parse(raw) {
            Ok(value) => *target = value,
            Err(error) => self.problem(key, &error),
        }
    }

    /// Says where the value comes from, and the value itself unless it is a secret.
    pub(super) fn problem(&mut self, key: &'static str, what: &str) {
        let line = match self.gathered.given.get(key) {
            None => format!("{key}: {what}"),
            Some(Given { raw: Raw::Text(text), origin }) if !by_key(key).is_none_or(|setting| setting.secret) => {
                format!("{origin}: {what}; it is {text:?}")
            }
            Some(Given { origin, .. }) => format!("{origin}: {what}"),
        };
        self.gathered.problems.push(line);
    }
}

fn millis(duration: Duration) -> u128 {
    duration.as_millis()
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
