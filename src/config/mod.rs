//! Every setting: its names, default and meaning ([`settings`]), where values come from, and what they may be.
//!
//! Used by the command line and the composition root, which hand the parts on; tests build a [`Config`] by hand. The
//! only module that reads the environment. All errors are told at once, each with its place; secrets never print.
//!
//! Precedence: a socket that the service manager has bound, then flag, environment, the TOML file, a credential of systemd's
//! (secrets only), the command's default, the setting's. A secret and the file that is named for it are one setting: who
//! counts more says which. An empty variable counts as not set.

mod credentials;
mod database;
mod example;
mod kept;
mod load;
mod nearest;
mod own;
mod parse;
mod secret;
pub mod settings;
mod shown;
mod source;
mod units;
mod webhooks;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

pub use credentials::CREDENTIALS_ENV;
pub use example::example;
pub use kept::{random, random_at};
pub use load::{check, load, load_existing, load_places, reload};
pub use parse::log_filter;
pub use secret::{Secret, SecretUrl};
pub use shown::Shown;
pub use source::Flags;
pub use webhooks::{Allowed, OwnWebhook, WebhookSettings};

/// The daemon's configuration, checked.
#[derive(Debug, Clone)]
pub struct Config {
    pub listen: SocketAddr,
    /// None: no admin surface at all.
    pub admin_listen: Option<SocketAddr>,
    /// None: in the clear.
    pub tls: Option<TlsSettings>,
    /// Empty: only the daemon's own origin.
    pub allowed_origins: Vec<String>,
    /// Beside those on loopback.
    pub trusted_proxies: Vec<IpNet>,
    pub database: DatabaseSettings,
    /// None: beside an SQLite file, in memory with its database, nowhere with a server.
    pub attachments: Option<AttachmentPlace>,
    /// None: everything stays within the process.
    pub redis_url: Option<SecretUrl>,
    pub audit: AuditSettings,
    pub auth: AuthSettings,
    pub limits: Limits,
    pub timing: Timing,
    pub webhooks: WebhookSettings,
    pub traces: TraceSettings,
    /// A filter as `env_logger` reads it.
    pub log: String,
    pub log_format: LogFormat,
    /// A line for each request and each socket.
    pub access_log: bool,
}

/// What becomes of sends, for whoever follows them.
#[derive(Debug, Clone)]
pub struct TraceSettings {
    /// None: nobody does.
    pub endpoint: Option<String>,
    /// Of so many of them, from 0 to 1.
    pub ratio: f64,
}

/// How lines of the log look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For the journal where that reads them.
    #[default]
    Auto,
    Text,
    Journal,
    Json,
}

/// What the public address is made safe with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSettings {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

#[derive(Debug, Clone)]
pub struct DatabaseSettings {
    pub url: SecretUrl,
    /// The PostgreSQL schema of the tables.
    pub schema: String,
}

/// Where heads of the audit trail go.
#[derive(Debug, Clone)]
pub struct AuditSettings {
    /// None: nowhere.
    pub heads: Option<PathBuf>,
    /// What they are signed with.
    pub key: Option<PathBuf>,
}

/// Where attachments are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttachmentPlace {
    /// There are none.
    Off,
    Memory,
    Folder(PathBuf),
    S3 {
        bucket: String,
        prefix: String,
    },
}

/// Which tokens are let in.
#[derive(Debug, Clone, Default)]
pub struct AuthSettings {
    /// HS256 secrets; the first one signs.
    pub keys: Vec<HmacKey>,
    pub public_key: Option<PublicKeyFile>,
    pub jwks: Option<JwksSettings>,
    /// The `iss` and `aud` that a token must have.
    pub issuer: Option<String>,
    pub audience: Option<String>,
}

#[derive(Debug, Clone)]
pub struct HmacKey {
    /// None: for tokens whose `kid` names no other key.
    pub kid: Option<String>,
    pub secret: Secret,
}

/// A public key, read but not yet understood.
#[derive(Debug, Clone)]
pub struct PublicKeyFile {
    pub path: PathBuf,
    pub pem: String,
}

/// Where the issuer's keys are, and how often they are asked for.
#[derive(Debug, Clone)]
pub struct JwksSettings {
    pub url: String,
    /// How long keys count as fresh, where the answer does not say.
    pub ttl: Duration,
    /// The bounds of what the answer may say.
    pub ttl_min: Duration,
    pub ttl_max: Duration,
    /// An unknown `kid` asks again at most this often.
    pub refetch_interval: Duration,
    /// After an error the next try waits this long.
    pub retry_interval: Duration,
    /// Keys that could not be renewed are trusted no longer than this.
    pub max_stale: Duration,
    pub timeout: Duration,
}

/// Bounds on what one side may ask of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub max_group_members: usize,
    pub max_frame_bytes: usize,
    pub max_content_bytes: usize,
    pub outbox_bytes: usize,
    pub max_sessions_per_user: usize,
    pub max_sessions_per_address: usize,
    /// Messages a second and user; None: no limit.
    pub rate_limit: Option<NonZeroU32>,
    pub room_in_flight: usize,
    pub db_queue: usize,
    pub max_attachment_bytes: usize,
    /// Of one message.
    pub max_attachments: usize,
    /// How many days messages are kept; none: for ever.
    pub retention_days: Option<i32>,
    pub max_user_files: usize,
    pub max_user_file_bytes: usize,
}

/// How long things take and last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    pub heartbeat_interval: Duration,
    pub heartbeat_timeout: Duration,
    pub head_timeout: Duration,
    /// How long a connection without a request is kept.
    pub keep_alive: Duration,
    pub typing_debounce: Duration,
    pub typing_expiry: Duration,
    pub read_merge: Duration,
    pub room_idle: Duration,
    pub drain: Duration,
}

impl Config {
    /// Where attachments are, with what is so where nothing is said.
    pub fn attachment_place(&self) -> AttachmentPlace {
        if let Some(place) = &self.attachments {
            return place.clone();
        }
        match database::Kind::of(self.database.url.expose()) {
            Some(database::Kind::File(path)) => {
                let mut folder = path.into_os_string();
                folder.push(".attachments");
                AttachmentPlace::Folder(folder.into())
            }
            Some(database::Kind::Memory) => AttachmentPlace::Memory,
            // Several nodes share a server, and no folder of this machine.
            Some(database::Kind::Server) | None => AttachmentPlace::Off,
        }
    }
}

/// A configuration that works, and what is odd about it.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub config: Config,
    /// The file that some of it comes from.
    pub file: Option<PathBuf>,
    /// For the log, one line each.
    pub warnings: Vec<String>,
    /// What was said, and by whom.
    given: BTreeMap<&'static str, source::Given>,
}

/// All that is wrong with a configuration, one line each: where, which setting, and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct ConfigErrors(pub Vec<String>);

/// What sysexits calls a configuration error; systemd is told not to restart after it.
pub const EXIT_CONFIG: u8 = 78;

/// Whether a service manager listens to how the daemon is.
pub fn is_supervised() -> bool {
    std::env::var_os("NOTIFY_SOCKET").is_some_and(|path| !path.is_empty())
}

/// Where the service manager's journal reads what a service says: the device and inode of that end.
pub fn journal() -> Option<(u64, u64)> {
    let told = std::env::var("JOURNAL_STREAM").ok()?;
    let (device, inode) = told.split_once(':')?;
    Some((device.parse().ok()?, inode.parse().ok()?))
}

/// The process's environment, for [`load()`].
pub fn environment() -> impl Iterator<Item = (OsString, OsString)> {
    std::env::vars_os()
}

/// The defaults of [`settings`], but without any key: whoever verifies tokens adds one.
impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            admin_listen: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 8081))),
            tls: None,
            allowed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            database: DatabaseSettings::default(),
            attachments: None,
            redis_url: None,
            audit: AuditSettings::default(),
            auth: AuthSettings::default(),
            limits: Limits::default(),
            timing: Timing::default(),
            webhooks: WebhookSettings::default(),
            traces: TraceSettings { endpoint: None, ratio: 0.05 },
            log: "info".to_owned(),
            log_format: LogFormat::default(),
            access_log: false,
        }
    }
}

impl Default for DatabaseSettings {
    fn default() -> Self {
        Self { url: SecretUrl::new("sqlite:tenfour.db"), schema: "tenfour".to_owned() }
    }
}

impl Default for AuditSettings {
    fn default() -> Self {
        Self { heads: None, key: Some(PathBuf::from("tenfour.db.audit-key")) }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_group_members: 50,
            max_frame_bytes: 65_536,
            max_content_bytes: 16_384,
            outbox_bytes: 1_048_576,
            max_sessions_per_user: 100,
            max_sessions_per_address: 1000,
            rate_limit: NonZeroU32::new(10),
            room_in_flight: 1024,
            db_queue: 4096,
            max_attachment_bytes: 10 << 20,
            max_attachments: 10,
            retention_days: None,
            max_user_files: 1000,
            max_user_file_bytes: 1 << 30,
        }
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            heartbeat_interval: Duration::from_secs(30),
            heartbeat_timeout: Duration::from_secs(90),
            head_timeout: Duration::from_secs(5),
            keep_alive: Duration::from_secs(15),
            typing_debounce: Duration::from_secs(2),
            typing_expiry: Duration::from_secs(3),
            read_merge: Duration::from_secs(1),
            room_idle: Duration::from_mins(1),
            drain: Duration::from_secs(8),
        }
    }
}

impl AuthSettings {
    /// One HS256 secret without a name.
    pub fn with_secret(secret: impl Into<String>) -> Self {
        Self { keys: vec![HmacKey { kid: None, secret: Secret::new(secret) }], ..Self::default() }
    }
}

impl JwksSettings {
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            ttl: Duration::from_mins(10),
            ttl_min: Duration::from_mins(1),
            ttl_max: Duration::from_hours(1),
            refetch_interval: Duration::from_secs(30),
            retry_interval: Duration::from_secs(5),
            max_stale: Duration::from_hours(24),
            timeout: Duration::from_secs(5),
        }
    }
}

/// Where somebody on this machine goes to what listens there: nobody can go to 0.0.0.0.
pub fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
    }
    address
}
