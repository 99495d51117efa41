//! The command line: what can be asked of `tenfour`, and which exit code answers.
//!
//! Used by `main` only. Exit codes: 0 done, 1 failed, 2 wrong usage, 78 wrong configuration.

pub mod chat;
mod dev;
mod flags;
mod serve;
mod token;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::auth;
use crate::config::{self, Config, EXIT_CONFIG, Flags, Loaded};
use flags::SettingFlags;

/// A chat daemon that runs beside an existing application.
#[derive(Debug, Parser)]
#[command(name = "tenfour", version, about)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    flags: SettingFlags,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the daemon (also without any command).
    Serve,
    /// Start a daemon to try things out.
    Dev,
    /// Print a token that a daemon with the same settings lets in.
    Token(token::Token),
    /// Talk from the terminal.
    Chat(chat::ChatOptions),
}

/// Why a command ended otherwise than well.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// One line for each thing that is wrong.
    #[error("{0}")]
    Configuration(String),
    #[error("{0}")]
    Failed(String),
}

impl From<config::ConfigErrors> for Failure {
    fn from(errors: config::ConfigErrors) -> Self {
        Self::Configuration(errors.to_string())
    }
}

impl From<auth::SetupError> for Failure {
    fn from(error: auth::SetupError) -> Self {
        Self::Configuration(error.to_string())
    }
}

/// Runs the command that the arguments name, with settings from the arguments, the environment and the file.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let program = arguments.first().map_or_else(|| "tenfour".to_owned(), |name| name.to_string_lossy().into_owned());
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from);
        }
    };
    match cli.dispatch(&program, config::environment()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let text = failure.to_string();
            let code = match failure {
                Failure::Configuration(_) => ExitCode::from(EXIT_CONFIG),
                Failure::Failed(_) => ExitCode::FAILURE,
            };
            for line in text.lines() {
                let _ = writeln!(std::io::stderr(), "tenfour: {line}");
            }
            code
        }
    }
}

impl Cli {
    fn dispatch(
        self,
        program: &str,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<(), Failure> {
        let flags = &self.flags.0;
        match self.command.unwrap_or(Command::Serve) {
            Command::Serve => serve::run(load(flags, environment)?, async |_, _| Ok(())),
            Command::Dev => {
                let mut environment: Vec<_> = environment.into_iter().collect();
                dev::defaults(&mut environment);
                serve::run(load(flags, environment)?, async |daemon, config| {
                    dev::prepare(daemon, config, program).await
                })
            }
            Command::Token(token) => token.print(&load(flags, environment)?.auth),
            // A client: the settings of a daemon are nothing to it, and no secret is made on its machine.
            Command::Chat(options) => talk(options),
        }
    }
}

/// The checked configuration; warnings go to the standard error, since nothing logs yet.
fn load(flags: &Flags, environment: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Config, Failure> {
    let Loaded { config, warnings } = config::load(flags, environment)?;
    for warning in warnings {
        let _ = writeln!(std::io::stderr(), "tenfour: warning: {warning}");
    }
    Ok(config)
}

fn talk(options: chat::ChatOptions) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Failed(format!("cannot start: {error}")))?;
    runtime.block_on(chat::run(options)).map_err(|error| Failure::Failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn settings_may_stand_before_and_behind_the_command() {
        for arguments in [
            &["tenfour", "--rate-limit", "off", "--config", "f.toml"][..],
            &["tenfour", "--rate-limit", "off", "serve", "--config", "f.toml"],
            &["tenfour", "serve", "--config=f.toml", "--rate-limit=off"],
            &["tenfour", "--config", "f.toml", "token", "--sub", "a", "--name", "b", "--rate-limit", "off"],
        ] {
            let cli = Cli::try_parse_from(arguments).unwrap();
            assert_eq!(cli.flags.0.values, [("rate_limit", "off".to_owned())], "{arguments:?}");
            assert_eq!(cli.flags.0.config.as_deref(), Some(std::path::Path::new("f.toml")));
        }
    }

    #[test]
    fn wrong_usage_is_an_error() {
        for arguments in [&["tenfour", "fly"][..], &["tenfour", "--colour"], &["tenfour", "token", "--sub", "a"]] {
            assert_eq!(Cli::try_parse_from(arguments).unwrap_err().exit_code(), 2, "{arguments:?}");
        }
    }
}
