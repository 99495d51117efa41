//! `tenfour token`: a token without a host application, to try things out and for scripts.

use std::io::Write;
use std::time::Duration;

use clap::Args;

use super::Failure;
use super::flags::SettingFlags;
use crate::auth::{MintError, mint};
use crate::config::AuthSettings;

#[derive(Debug, Args)]
pub(super) struct Token {
    /// The user's id in the host application: any text of 1 to 255 characters.
    #[arg(long, value_name = "ID")]
    sub: String,
    /// The name that others see.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// What the token opens; admin: act as the host application's server.
    #[arg(long, value_name = "SCOPE")]
    scope: Option<String>,
    /// How long it is valid, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    ttl: u64,
    #[command(flatten)]
    pub(super) flags: SettingFlags,
}

impl Token {
    /// Prints the token alone on a line, so that a script can take it.
    pub(super) fn print(&self, auth: &AuthSettings) -> Result<(), Failure> {
        let ttl = Duration::from_secs(self.ttl);
        let token = mint(auth, &self.sub, &self.name, self.scope.as_deref(), ttl).map_err(failure)?;
        writeln!(std::io::stdout(), "{token}").map_err(|error| Failure::Failed(format!("cannot print: {error}")))
    }
}

fn failure(error: MintError) -> Failure {
    match error {
        MintError::NoSecret => Failure::Configuration(error.to_string()),
        other => Failure::Failed(other.to_string()),
    }
}
