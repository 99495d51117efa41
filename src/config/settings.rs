//! The one table of settings: what each is called in the file, in the environment and on the command line, what it is
//! when nobody sets it, and what it means. The loader, the command line's flags, the file that `tenfour config example`
//! writes and the documentation are made of it.

/// One setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// In the TOML file; with hyphens for underscores also the flag.
    pub key: &'static str,
    pub env: &'static str,
    /// As one would write it; empty where unset means something of its own.
    pub default: &'static str,
    /// What somebody may set, where there is no default to show.
    pub example: &'static str,
    /// What stands for the value in the help. What is called FILE or FOLDER is a path.
    pub value: &'static str,
    pub doc: &'static str,
    /// A secret's value is never repeated, not even in an error.
    pub secret: bool,
}

impl Setting {
    /// The command line's name of it, without the two hyphens.
    pub fn flag(&self) -> String {
        self.key.replace('_', "-")
    }

    /// A path; where the settings' file names it, a relative one counts from the folder of that file.
    pub fn is_path(&self) -> bool {
        matches!(self.value, "FILE" | "FOLDER")
    }

    /// May be one of systemd's credentials: each secret by its text, and what TLS takes by its file.
    pub fn is_credential(&self) -> bool {
        self.secret || self.key.starts_with(TLS)
    }

    /// A daemon that runs takes another value without a restart, when it is told to look (SIGHUP).
    pub fn reloads(&self) -> bool {
        matches!(self.key, "log" | "log_format" | "access_log" | "rate_limit" | "jwks_url")
            || self.key.starts_with("jwt_")
            || self.key.starts_with(TLS)
    }

    /// The setting that names a file with this one's value: every secret has one.
    pub fn twin(&self) -> Option<&'static Self> {
        let is_twin = |other: &&Self| other.key.strip_suffix("_file") == Some(self.key);
        SETTINGS.iter().find(is_twin).filter(|_| self.secret)
    }
}

/// How the settings of TLS begin. It is on or off from the start on; only which certificate it is may change.
pub(super) const TLS: &str = "tls_";

/// The file itself is named by this variable, or by `--config`.
pub const CONFIG_ENV: &str = "TENFOUR_CONFIG";

macro_rules! settings {
    ($(
        $(#[secret $secret:tt])?
        $key:ident $env:literal $value:literal = $default:literal $(such as $example:literal)?, $doc:literal;
    )*) => {
        /// Every setting, in the order of the documentation.
        pub const SETTINGS: &[Setting] = &[
            $(Setting {
                key: stringify!($key),
                env: $env,
                default: $default,
                example: concat!($($example)?),
                value: $value,
                doc: $doc,
                secret: settings!(@secret $($secret)?),
            },)*
        ];
    };
    (@secret) => { false };
    (@secret true) => { true };
}

settings! {
    listen "TENFOUR_LISTEN" "ADDRESS" = "127.0.0.1:8080",
        "Where clients connect: WebSocket and REST. Port 0 takes a free one";
    admin_listen "TENFOUR_ADMIN_LISTEN" "ADDRESS|off" = "127.0.0.1:8081",
        "Where /admin and /metrics live, and nowhere else; off for neither";
    tls_cert "TENFOUR_TLS_CERT" "FILE" = "" such as "/etc/tenfour/tls/fullchain.pem",
        "The certificate with its chain, in PEM form: then listen speaks https and wss alone. Read anew when it changes. Unset: no TLS";
    tls_key "TENFOUR_TLS_KEY" "FILE" = "" such as "/etc/tenfour/tls/privkey.pem",
        "Its key, in PEM form and without a passphrase";
    allowed_origins "TENFOUR_ALLOWED_ORIGINS" "ORIGINS" = "" such as "https://app.example",
        "Browser origins let in, exact, comma-separated, such as https://app.example; unset: the daemon's own";
    trusted_proxies "TENFOUR_TRUSTED_PROXIES" "NETWORKS" = "" such as "10.0.0.0/8",
        "Addresses and networks of proxies on other machines, comma-separated, whose X-Forwarded-For is believed; one on loopback always is";
    #[secret true]
    database_url "DATABASE_URL" "URL" = "sqlite:tenfour.db",
        "sqlite:FILE, sqlite::memory: or postgres://USER:PASSWORD@HOST/DATABASE";
    database_url_file "DATABASE_URL_FILE" "FILE" = "" such as "/etc/tenfour/database_url",
        "A file with database_url in it, so that no password is seen in the environment or the list of processes";
    database_schema "TENFOUR_DATABASE_SCHEMA" "NAME" = "tenfour",
        "The PostgreSQL schema that holds the tables, so that they live beside those of the host application";
    audit_heads "TENFOUR_AUDIT_HEADS" "FOLDER" = "" such as "/evidence/tenfour",
        "Where the audit trail's heads are written once a minute, signed: a folder out of the reach of who owns the database. Unset: nowhere";
    audit_key "TENFOUR_AUDIT_KEY" "FILE" = "" such as "/etc/tenfour/audit_key",
        "The key that signs them, made where the file is missing (mode 0600). Unset: FILE.audit-key beside an SQLite file";
    retention_days "TENFOUR_RETENTION_DAYS" "N" = "" such as "90",
        "Days after which messages are erased, where their channel says nothing else. Unset: never";
    attachments "TENFOUR_ATTACHMENTS" "URL|off" = "" such as "file:///var/lib/tenfour/files",
        "Where attachments are kept: file:///FOLDER, s3://BUCKET/PREFIX (the rest in the usual AWS_ variables) or off. Unset: the folder FILE.attachments beside the SQLite file, off with PostgreSQL";
    #[secret true]
    redis_url "REDIS_URL" "URL" = "" such as "redis://127.0.0.1:6379",
        "redis://HOST:PORT; unset: presence, typing and fan-out stay within the process";
    redis_url_file "REDIS_URL_FILE" "FILE" = "" such as "/etc/tenfour/redis_url",
        "A file with redis_url in it";
    #[secret true]
    jwt_secret "TENFOUR_JWT_SECRET" "SECRET" = "" such as "put-32-or-more-random-characters-here",
        "The HS256 secret, 32 bytes or more (a shorter one is taken only on loopback). Unset: one is made and kept (mode 0600) beside the SQLite file, as FILE.jwt-secret. A flag is seen in the list of processes: prefer the others";
    jwt_secret_file "TENFOUR_JWT_SECRET_FILE" "FILE" = "" such as "/etc/tenfour/jwt_secret",
        "A file with jwt_secret in it";
    #[secret true]
    jwt_keys "TENFOUR_JWT_KEYS" "KID:SECRET,…" = "" such as "2026-03:put-32-or-more-random-characters-here",
        "Several HS256 secrets by the token's kid, to change them without a gap; the first signs what `tenfour token` prints. In the file a table";
    jwt_keys_file "TENFOUR_JWT_KEYS_FILE" "FILE" = "" such as "/etc/tenfour/jwt_keys",
        "A file with jwt_keys in it: KID:SECRET, one a line";
    jwt_public_key_file "TENFOUR_JWT_PUBLIC_KEY_FILE" "FILE" = "" such as "/etc/tenfour/issuer.pem",
        "A public key in PEM form (RSA: RS256, P-256: ES256, P-384: ES384, Ed25519: EdDSA) whose tokens are let in";
    jwks_url "TENFOUR_JWKS_URL" "URL" = "" such as "https://id.example/.well-known/jwks.json",
        "Where the issuer publishes its keys; https, or http on loopback";
    jwt_issuer "TENFOUR_JWT_ISSUER" "TEXT" = "" such as "https://id.example",
        "The iss that every token must have; unset: not looked at";
    jwt_audience "TENFOUR_JWT_AUDIENCE" "TEXT" = "" such as "chat",
        "The aud that every token must have; unset: not looked at";
    heartbeat_interval_ms "TENFOUR_HEARTBEAT_INTERVAL_MS" "MS" = "30000",
        "How often a session is pinged";
    heartbeat_timeout_ms "TENFOUR_HEARTBEAT_TIMEOUT_MS" "MS" = "90000",
        "How long a session may leave pings unanswered before it is closed";
    max_group_members "TENFOUR_MAX_GROUP_MEMBERS" "N" = "50",
        "Members of a group channel";
    max_frame_bytes "TENFOUR_MAX_FRAME_BYTES" "BYTES" = "65536",
        "A whole WebSocket message, fragments included";
    max_content_bytes "TENFOUR_MAX_CONTENT_BYTES" "BYTES" = "16384",
        "The content of a message";
    outbox_bytes "TENFOUR_OUTBOX_BYTES" "BYTES" = "1048576",
        "What may wait for a slow reader before its session is closed";
    max_sessions_per_user "TENFOUR_MAX_SESSIONS_PER_USER" "N" = "100",
        "Open sockets of one user";
    max_sessions_per_address "TENFOUR_MAX_SESSIONS_PER_ADDRESS" "N" = "1000",
        "Open sockets of one client address; loopback is exempt unless it forwards for others";
    head_timeout_ms "TENFOUR_HEAD_TIMEOUT_MS" "MS" = "5000",
        "A request head that is not complete by then ends the connection";
    rate_limit "TENFOUR_RATE_LIMIT" "N|off" = "10",
        "Messages a second and user, with a burst of three times that; off for benchmarks";
    typing_debounce_ms "TENFOUR_TYPING_DEBOUNCE_MS" "MS" = "2000",
        "At most one typing frame of a user and channel is passed on in this time";
    typing_expiry_ms "TENFOUR_TYPING_EXPIRY_MS" "MS" = "3000",
        "How long after the last typing frame a user is taken to have stopped";
    read_merge_ms "TENFOUR_READ_MERGE_MS" "MS" = "1000",
        "Read marks of one user and channel within this time are told as one";
    room_idle_ms "TENFOUR_ROOM_IDLE_MS" "MS" = "60000",
        "How long a room without sessions stays in memory";
    drain_ms "TENFOUR_DRAIN_MS" "MS" = "8000",
        "How long a stopping daemon stores and says goodbye before it exits; below 10 s";
    room_in_flight "TENFOUR_ROOM_IN_FLIGHT" "N" = "1024",
        "Sends that one room takes before the first of them is stored; more are answered unavailable";
    db_queue "TENFOUR_DB_QUEUE" "N" = "4096",
        "Commands that may wait for the database; more are answered unavailable";
    max_attachment_bytes "TENFOUR_MAX_ATTACHMENT_BYTES" "BYTES" = "10485760",
        "One file that is uploaded";
    max_attachments "TENFOUR_MAX_ATTACHMENTS" "N" = "10",
        "Files of one message";
    max_user_files "TENFOUR_MAX_USER_FILES" "N" = "1000",
        "Files that one user keeps, in messages and not yet in one";
    max_user_file_bytes "TENFOUR_MAX_USER_FILE_BYTES" "BYTES" = "1073741824",
        "The bytes of those together";
    #[secret true]
    webhook_url "TENFOUR_WEBHOOK_URL" "URL" = "" such as "http://127.0.0.1:3000/api/tenfour/webhook",
        "Where the application is told of what happens, by signed POSTs; it may be in the daemon's own network. Unset: only webhooks that calls have made";
    webhook_url_file "TENFOUR_WEBHOOK_URL_FILE" "FILE" = "" such as "/etc/tenfour/webhook_url",
        "A file with webhook_url in it, where the address is what lets events in";
    #[secret true]
    webhook_secret "TENFOUR_WEBHOOK_SECRET" "SECRET" = "" such as "whsec_cHV0LXRoZS1iYXNlNjQtb2YtMzItcmFuZG9tLWJ5dGVz",
        "What signs them, needed where webhook_url is set: whsec_ and the base64 of 24 to 64 bytes. Another one than at the last start: the one before signs too for a day";
    webhook_secret_file "TENFOUR_WEBHOOK_SECRET_FILE" "FILE" = "" such as "/etc/tenfour/webhook_secret",
        "A file with webhook_secret in it";
    webhook_events "TENFOUR_WEBHOOK_EVENTS" "NAMES" = "" such as "message.sent,user.offline",
        "Which events, comma-separated, such as message.sent,user.offline; unset: all";
    webhook_allow "TENFOUR_WEBHOOK_ALLOW" "HOSTS" = "" such as "app.internal,10.0.0.0/8",
        "Hosts, addresses and networks, comma-separated, to which webhooks that calls have made may go although they are not on the internet, and without TLS";
    webhook_timeout_ms "TENFOUR_WEBHOOK_TIMEOUT_MS" "MS" = "15000",
        "How long the answer to an event may take";
    webhook_retries_ms "TENFOUR_WEBHOOK_RETRIES_MS" "MS,…" = "5s,5min,30min,2h,5h,10h,14h,20h,1d",
        "How long after each failure an event is tried again; after all of that it is set aside";
    otlp_endpoint "TENFOUR_OTLP_ENDPOINT" "URL" = "" such as "http://127.0.0.1:4318",
        "An OpenTelemetry collector (OTLP over HTTP, without /v1/traces) that is told what becomes of sends; unset: nobody";
    trace_ratio "TENFOUR_TRACE_RATIO" "SHARE" = "0.05",
        "Of how many sends it is told, from 0 to 1; what the application's server follows itself (traceparent) it decides";
    log "TENFOUR_LOG" "FILTER" = "info",
        "What is logged: off, error, warn, info, debug or trace, also by module, such as info,tenfour::store=debug";
    log_format "TENFOUR_LOG_FORMAT" "auto|text|journal|json" = "auto",
        "How: text with the time; journal, without it and with priorities; json, an object a line; auto: journal where systemd's journal reads it, else text";
    access_log "TENFOUR_ACCESS_LOG" "on|off" = "off",
        "A line at info for each request and each socket that ended, as tenfour::access; without queries, headers and contents";
}

/// The setting of that key in the file.
pub fn by_key(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_follows_from_the_other() {
        for setting in SETTINGS {
            let plain = setting.key.to_uppercase();
            let expected = match setting.key {
                "database_url" | "redis_url" | "database_url_file" | "redis_url_file" => plain,
                _ => format!("TENFOUR_{plain}"),
            };
            assert_eq!(setting.env, expected);
        }
    }

    #[test]
    fn every_secret_may_come_from_a_file() {
        for setting in SETTINGS {
            assert_eq!(setting.twin().is_some(), setting.secret, "{}", setting.key);
            assert!(setting.twin().is_none_or(|twin| twin.is_path() && !twin.secret), "{}", setting.key);
        }
    }

    #[test]
    fn each_shows_what_may_be_set() {
        for setting in SETTINGS {
            assert_eq!(setting.default.is_empty(), !setting.example.is_empty(), "{}", setting.key);
        }
    }

    #[test]
    fn no_two_settings_share_a_name() {
        for (index, setting) in SETTINGS.iter().enumerate() {
            assert!(SETTINGS[..index].iter().all(|other| other.key != setting.key), "{}", setting.key);
        }
    }
}
