//! The daemon as the benchmarks start it, and the people in it: `channels` groups of `members` users each.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tenfour::auth::mint;
use tenfour::config::{AuthSettings, Config, DatabaseSettings, SecretUrl};
use tenfour::domain::change::By;
use tenfour::domain::user::UserRef;
use tenfour::store::NewGroup;

const SECRET: &str = "a secret of the benchmarks, known to all";
/// Longer than any benchmark: what is measured is not the heartbeat.
const LONG: Duration = Duration::from_hours(1);

pub(crate) fn config(database: &str) -> Config {
    let mut config = Config {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        admin_listen: None,
        database: DatabaseSettings { url: SecretUrl::new(database), ..DatabaseSettings::default() },
        auth: AuthSettings::with_secret(SECRET),
        ..Config::default()
    };
    config.limits.rate_limit = None;
    config.timing.heartbeat_interval = LONG;
    config.timing.heartbeat_timeout = 2 * LONG;
    config
}

/// A member of a channel, as the host application calls them.
pub(crate) fn user(channel: usize, member: usize) -> UserRef {
    UserRef::new(&format!("channel-{channel}-member-{member}"))
}

pub(crate) fn token(channel: usize, member: usize) -> String {
    token_of(&user(channel, member), &name(member))
}

pub(crate) fn token_of(user: &UserRef, name: &str) -> String {
    mint(&AuthSettings::with_secret(SECRET), &user.external, name, None, LONG).unwrap()
}

fn name(member: usize) -> String {
    format!("Member {member}")
}

/// A channel and its members, who are made with it.
pub(crate) fn group(channel: usize, members: usize) -> NewGroup {
    NewGroup {
        by: By::User(user(channel, 0).id),
        name: format!("Channel {channel}"),
        members: (1..members).map(|member| user(channel, member)).collect(),
        placeholders: true,
        max_members: members.max(2),
    }
}
