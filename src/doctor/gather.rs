//! The facts, asked of whoever knows them. Judges nothing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use rustix::fs::{Access, access, statvfs};
use tokio::runtime::Handle;
use url::{Host, Url};

use super::finding::{Finding, fine, problem};
use super::machine::{self, Files, Folder, Skew};
use super::way::{self, Asked, MADE_UP, Way};
use super::{certificate, database as rules, redis as redis_rules};
use crate::auth;
use crate::client::connection::ConnectError;
use crate::client::probe::probe;
use crate::config::{AttachmentPlace, Config, reachable};
use crate::store::{self, Care, DatabaseUrl, Health};
use crate::{cluster, metrics, tls};

/// How long what is on this machine may take to answer.
const HERE_WITHIN: Duration = Duration::from_secs(2);
const MOUNTS: &str = "/proc/self/mountinfo";

pub(super) async fn database(settings: Option<&store::Settings>) -> Vec<Finding> {
    // What is no URL has been told.
    let Some(settings) = settings else { return Vec::new() };
    match &settings.url {
        DatabaseUrl::SqliteMemory => return vec![fine("database", "in memory: it ends with the daemon")],
        DatabaseUrl::SqliteFile(path) if !path.exists() => {
            return vec![fine("database", format!("{} is not there yet: the first start makes it", path.display()))];
        }
        _ => {}
    }
    let mut care = match Care::open(settings).await {
        Ok(care) => care,
        Err(error) => return vec![rules::unopened(&error)],
    };
    let advice = "mend that; the daemon needs it as well";
    let health = match care.health().await {
        Ok(health) => health,
        Err(error) => return vec![problem("database", error.to_string(), advice)],
    };
    let now = Utc::now().timestamp_millis();
    let is_open = match &health {
        Health::File(_) => true,
        Health::Server(health) => health.may_use && health.closed_tables == 0,
    };
    let state = if is_open { Some(care.state().await) } else { None };
    let (state, failed) = match state.transpose() {
        Ok(state) => (state, None),
        Err(error) => (None, Some(problem("schema", error.to_string(), advice))),
    };
    let mut findings = rules::judge(&health, state.as_ref(), &settings.pg_schema, now);
    findings.extend(failed);
    findings
}

pub(super) async fn redis(config: &Config) -> Vec<Finding> {
    let Some(url) = &config.redis_url else { return vec![fine("redis", "none is set: this is the only node")] };
    match cluster::look(url.expose(), Handle::current()).await {
        Ok(health) => redis_rules::judge(&health, Utc::now().timestamp_millis()),
        Err(error) => vec![problem(
            "redis",
            error,
            "does it run, and does REDIS_URL name its host, port and password. Until then nodes hear of each other late",
        )],
    }
}

pub(super) async fn keys(config: &Config) -> Vec<Finding> {
    let auth = &config.auth;
    let mut findings = Vec::new();
    if let Some(jwks) = &auth.jwks {
        findings.push(match auth::published(jwks.clone()).await {
            Ok(0) => problem(
                "keys",
                format!("{} publishes no key that can be used", jwks.url),
                "let the issuer sign by RS256, ES256, ES384 or EdDSA and publish its keys with a kid",
            ),
            Ok(count) => fine("keys", format!("{} publishes {count}", jwks.url)),
            Err(error) => problem(
                "keys",
                format!("{} cannot be had: {error}", jwks.url),
                "can this machine reach it, by https and without a redirect; is the address right",
            ),
        });
    }
    if !auth.keys.is_empty() || auth.public_key.is_some() {
        let public = if auth.public_key.is_some() { ", and a public one" } else { "" };
        findings.push(fine("keys", format!("{} of HS256{public}", auth.keys.len())));
    }
    if findings.is_empty() {
        findings.push(fine("keys", "one of its own, which the daemon makes and keeps beside the database"));
    }
    findings
}

pub(super) async fn machine(config: &Config, store: Option<&store::Settings>) -> Vec<Finding> {
    let mounts = std::fs::read_to_string(MOUNTS).unwrap_or_default();
    let mut folders = Vec::new();
    if let Some(DatabaseUrl::SqliteFile(path)) = store.map(|settings| &settings.url) {
        folders.push(look_at(path.parent().unwrap_or(Path::new("")), "the database", true, &mounts));
    }
    if let AttachmentPlace::Folder(path) = config.attachment_place() {
        folders.push(look_at(&path, "attachments", false, &mounts));
    }
    if let Some(path) = &config.audit.heads {
        folders.push(look_at(path, "heads of the audit trail", false, &mounts));
    }
    let mut findings = Vec::new();
    for folder in folders {
        match folder {
            Ok(folder) => findings.extend(machine::folder(&folder)),
            Err((path, error)) => findings.push(problem(
                "disk",
                format!("{} cannot be looked at: {error}", path.display()),
                "make the folder, for the daemon's user",
            )),
        }
    }
    findings.push(machine::files(files(config).await, config.limits.max_sessions_per_address));
    findings
}

/// A folder, or the one in which it will be made.
fn look_at(
    path: &Path,
    what: &'static str,
    needs_local: bool,
    mounts: &str,
) -> Result<Folder, (PathBuf, std::io::Error)> {
    let wanted = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let wanted = if path.as_os_str().is_empty() { std::env::current_dir().unwrap_or(wanted) } else { wanted };
    let path = wanted.ancestors().find(|path| path.is_dir()).unwrap_or(&wanted);
    // What leads to another place is there.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let room = statvfs(&path).map_err(|error| (path.clone(), error.into()))?;
    Ok(Folder {
        is_writable: access(&path, Access::WRITE_OK | Access::EXEC_OK).is_ok(),
        free: room.f_bavail.saturating_mul(room.f_frsize),
        total: room.f_blocks.saturating_mul(room.f_frsize),
        kind: machine::file_system_of(&path, mounts),
        path,
        what,
        needs_local,
    })
}

/// By the metrics of the daemon that runs, which this machine may read.
async fn files(config: &Config) -> Files {
    if let Some(most) = files_of_the_daemon(config).await {
        return Files { most: Some(most), of_the_daemon: true };
    }
    Files { most: metrics::max_fds().and_then(|most| u64::try_from(most).ok()), of_the_daemon: false }
}

async fn files_of_the_daemon(config: &Config) -> Option<u64> {
    let admin = reachable(config.admin_listen?);
    let client = reqwest::Client::builder().no_proxy().timeout(HERE_WITHIN).build().ok()?;
    let text = client.get(format!("http://{admin}/metrics")).send().await.ok()?.text().await.ok()?;
    text.lines().find_map(|line| line.strip_prefix("process_max_fds ")?.parse().ok())
}

/// Through the address by which clients come.
pub(super) async fn way(config: &Config, url: Option<&str>) -> Vec<Finding> {
    let Some(url) = url else {
        return vec![fine("public address", "not looked at: --url https://… says where clients reach the daemon")];
    };
    let wrong = |why: &str| {
        vec![problem(
            "public address",
            format!("{url} is no address: {why}"),
            "--url takes https://HOST or http://HOST",
        )]
    };
    let Ok(parsed) = Url::parse(url) else { return wrong("it has to begin with https:// or http://") };
    let (scheme, Some(host)) = (parsed.scheme(), parsed.host()) else { return wrong("there is no host in it") };
    let is_secure = match scheme {
        "https" => true,
        "http" => false,
        _ => return wrong("it has to begin with https:// or http://"),
    };
    let is_loopback = match &host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    };
    let authority = parsed.port().map_or_else(|| host.to_string(), |port| format!("{host}:{port}"));
    let (web_socket, below) = (if is_secure { "wss" } else { "ws" }, parsed.path().trim_end_matches('/'));
    let at = format!("{web_socket}://{authority}{below}/livez");
    let plain = ask(&at, &[]).await;
    let speaks_for_us = matches!(&plain, Asked::Seen(seen, _) if seen.forwarded);
    let forwarded = format!("for={MADE_UP}");
    let made_up = if speaks_for_us {
        Some(ask(&at, &[("x-forwarded-for", MADE_UP), ("forwarded", &forwarded)]).await)
    } else {
        None
    };
    let has_list = !config.allowed_origins.is_empty();
    let listed = if has_list { config.allowed_origins.clone() } else { vec![format!("{scheme}://{authority}")] };
    let listed = if matches!(plain, Asked::Seen(..)) { listed } else { Vec::new() };
    // At once: one that hangs takes no time from the others.
    let origins = join_all(listed.into_iter().map(async |origin| {
        let asked = ask(&at, &[("origin", &origin)]).await;
        (origin, asked)
    }))
    .await;
    let tried = Way { url: url.to_owned(), host: authority, is_secure, is_loopback, plain, made_up, origins, has_list };
    let mut findings = way::judge(&tried);
    findings.extend(clock(&parsed).await);
    if is_secure {
        findings.extend(tokio::time::timeout(HERE_WITHIN, shown(&parsed)).await.ok().flatten());
    }
    findings
}

async fn ask(url: &str, headers: &[(&str, &str)]) -> Asked {
    match probe(url, headers).await {
        Ok(probed) => match serde_json::from_str(&probed.text) {
            Ok(seen) => Asked::Seen(seen, probed.from),
            Err(_) => Asked::Failed("something else than tenfour answers".to_owned()),
        },
        Err(ConnectError::Refused { status, .. }) => Asked::Refused(status),
        Err(error) => Asked::Failed(error.to_string()),
    }
}

/// By the header that every answer has. Where none comes it has been told why.
async fn clock(url: &Url) -> Option<Finding> {
    let client = reqwest::Client::builder().timeout(HERE_WITHIN).build().ok()?;
    let answer = client.get(url.clone()).send().await.ok()?;
    let date = DateTime::parse_from_rfc2822(answer.headers().get("date")?.to_str().ok()?).ok()?;
    let skew = date.timestamp() - Utc::now().timestamp();
    Some(machine::clock(&Skew { whose: "the public address's", millis: skew * 1000 }))
}

/// The certificate of who answers there, the daemon or a proxy.
async fn shown(url: &Url) -> Option<Finding> {
    let host = name(url)?;
    let facts = tls::shown_by(&host, url.port_or_known_default()?).await.ok()?;
    Some(certificate::judge(&format!("what {host} shows"), &facts, Some(&host), Utc::now()))
}

/// Of the settings. One that cannot be read has been told as a wrong setting.
pub(super) fn own_certificate(config: &Config, url: Option<&str>) -> Option<Finding> {
    let settings = config.tls.as_ref()?;
    let files = tls::Files { certificate: settings.certificate.clone(), key: settings.key.clone() };
    let facts = files.read().ok()?.facts;
    let host = url.and_then(|url| Url::parse(url).ok()).and_then(|url| name(&url));
    Some(certificate::judge(&files.certificate.display().to_string(), &facts, host.as_deref(), Utc::now()))
}

/// As it stands in certificates.
fn name(url: &Url) -> Option<String> {
    Some(match url.host()? {
        Host::Domain(name) => name.to_owned(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    })
}
