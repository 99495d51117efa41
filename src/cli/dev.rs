//! `tenfour dev`: a daemon to try things out, with two demo users who share two channels.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Failure;
use crate::actors::db::Order;
use crate::auth::mint;
use crate::config::reachable;
use crate::config::settings::CONFIG_ENV;
use crate::config::{CREDENTIALS_ENV, Config};
use crate::daemon::Daemon;
use crate::domain::change::By;
use crate::domain::channel::ChannelKind;
use crate::domain::user::UserRef;
use crate::protocol::error::Refusal;
use crate::store::NewGroup;

/// The demo users: the host's id and the name that others see.
const USERS: [(&str, &str); 2] = [("dispatcher", "Dispatcher"), ("driver", "Driver")];
const GROUP: &str = "Demo";
const TOKEN_TTL: Duration = Duration::from_secs(7 * 24 * 3600);
/// What this command sets where nobody else does.
pub(super) const DEFAULTS: &[(&str, &str)] = &[("database_url", "sqlite:tenfour-dev.db"), ("log", "warn")];
/// What may name a database, and is often set for another program or another daemon: demo users would land there.
const NOT_FOR_DEV: [&str; 4] = ["DATABASE_URL", "DATABASE_URL_FILE", CONFIG_ENV, CREDENTIALS_ENV];

/// The environment without what may name a database, and a warning for each of these.
pub(super) fn environment(
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> (Vec<(OsString, OsString)>, Vec<String>) {
    let (ignored, kept): (Vec<_>, Vec<_>) = environment
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .partition(|(name, _)| NOT_FOR_DEV.iter().any(|not| name == not));
    let warning = |(name, _): (OsString, _)| {
        let name = name.display();
        format!("environment: {name}: is not used by `dev`, say it with a flag: --database-url URL or --config FILE")
    };
    (kept, ignored.into_iter().map(warning).collect())
}

/// Makes what the demo needs and prints what to type next. `program` is how this program was called.
pub(super) async fn prepare(daemon: &Daemon, config: &Config, program: &str) -> Result<(), Failure> {
    channels(daemon, config).await.map_err(|refusal| Failure::Failed(refusal.message))?;
    let address = reachable(daemon.addr());
    daemon.show_demo(&config.auth, &USERS, GROUP);
    let s = if config.tls.is_some() { "s" } else { "" };
    // The demo page signs in whoever is on this machine, and nobody else.
    let page = format!("Open http{s}://{address}/ for two users side by side, or in");
    let how = if address.ip().is_loopback() { &page } else { "In" };
    let mut lines = vec![String::new(), format!("tenfour is running. {how} two other terminals, type:"), String::new()];
    for (sub, name) in USERS {
        let file = PathBuf::from(format!("tenfour-dev.{sub}.token"));
        write_secret(&file, &token(config, sub, name, None)?)
            .map_err(|error| Failure::Failed(format!("cannot write {}: {error}", file.display())))?;
        let url = if config.tls.is_none() && address == Config::default().listen {
            String::new()
        } else {
            format!(" --url ws{s}://{address}/ws")
        };
        lines.push(format!("  {program} chat{url} --channel {GROUP} --token-file {}", file.display()));
        lines.push(String::new());
    }
    lines.push(format!("REST      http{s}://{address}/api/v1   (described by http{s}://{address}/openapi.json)"));
    if let Some(admin) = daemon.admin_addr().map(reachable) {
        lines.push(format!("admin     http://{admin}/admin/   and http://{admin}/metrics"));
    }
    lines.push(format!("database  {}", config.database.url));
    lines.push("an admin token, for REST as the host application and for the admin address:".to_owned());
    lines.push(format!("  {}", token(config, "host", "Host application", Some("admin"))?));
    lines.push("stop with Ctrl-C".to_owned());
    lines.push(String::new());
    let mut out = std::io::stdout().lock();
    lines
        .iter()
        .try_for_each(|line| writeln!(out, "{line}"))
        .and_then(|()| out.flush())
        .map_err(|error| Failure::Failed(format!("cannot print: {error}")))
}

/// Readable by this user alone.
fn write_secret(file: &Path, secret: &str) -> std::io::Result<()> {
    let mut out = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file)?;
    writeln!(out, "{secret}")
}

fn token(config: &Config, sub: &str, name: &str, scope: Option<&str>) -> Result<String, Failure> {
    mint(&config.auth, sub, name, scope, TOKEN_TTL).map_err(|error| Failure::Failed(error.to_string()))
}

/// A group and a direct channel; those of an earlier start stay.
async fn channels(daemon: &Daemon, config: &Config) -> Result<(), Refusal> {
    let parts = &daemon.app().parts;
    let users = USERS.map(|(sub, _)| UserRef::new(sub));
    for (user, (_, name)) in users.iter().zip(USERS) {
        parts.db.order(Order::UpsertUser { user: user.clone(), name: name.to_owned() }).await?;
    }
    let [dispatcher, driver] = &users;
    let direct = Order::CreateDirect { by: By::Host, users: [dispatcher.clone(), driver.clone()], placeholders: false };
    parts.db.order(direct).await?;
    let unreadable = |error: crate::store::StoreError| Refusal::unavailable(error.to_string());
    let theirs = parts.reader.snapshot(dispatcher.id).await.map_err(unreadable)?;
    if theirs.iter().any(|view| view.channel.kind == ChannelKind::Group) {
        return Ok(());
    }
    let group = NewGroup {
        by: By::User(dispatcher.id),
        name: GROUP.to_owned(),
        members: vec![driver.clone()],
        placeholders: false,
        max_members: config.limits.max_group_members,
    };
    parts.db.order(Order::CreateGroup(group)).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Flags, load};

    fn database(flags: &[(&'static str, &str)], env: &[(&str, &str)]) -> (String, usize) {
        let (kept, ignored) = environment(env.iter().map(|(name, value)| (name.into(), value.into())));
        // A key, so that no secret is made where the test runs.
        let kept = kept.into_iter().chain([("TENFOUR_JWT_SECRET".into(), "s".repeat(32).into())]);
        let values = flags.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
        let loaded = load(&Flags { values, defaults: DEFAULTS, ..Flags::default() }, kept).unwrap();
        (loaded.config.database.url.expose().to_owned(), ignored.len())
    }

    #[test]
    fn the_demo_keeps_out_of_the_database_that_the_environment_names() {
        let host = ("DATABASE_URL", "postgres://app@db/app");
        let own = "sqlite:tenfour-dev.db".to_owned();
        assert_eq!(database(&[], &[]), (own.clone(), 0));
        assert_eq!(database(&[], &[host, ("TENFOUR_CONFIG", "/nonexistent.toml")]), (own.clone(), 2));
        assert_eq!(database(&[], &[("DATABASE_URL", "")]), (own, 0));
        assert_eq!(database(&[("database_url", "sqlite::memory:")], &[host]), ("sqlite::memory:".to_owned(), 1));
    }
}
