//! The command line: what can be asked of `tenfour`, and which exit code answers.
//!
//! Used by `main` only. Exit codes: 0 done, 1 failed, 2 wrong usage, 78 wrong configuration.

mod audit;
mod bench;
pub mod chat;
mod db;
mod dev;
mod doctor;
mod evidence;
mod flags;
mod health;
mod here;
mod import;
mod init;
mod migrate_store;
mod serve;
mod settings;
mod token;
mod webhook;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

use crate::auth;
use crate::config::{self, EXIT_CONFIG, Flags, Loaded};
use crate::fault;
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
    Serve(SettingFlags),
    /// Start a daemon to try things out.
    Dev(SettingFlags),
    /// Write a first configuration with a fresh secret, and print what the application needs of it.
    Init(init::Init),
    /// The settings: an example of the file, whether they are right, what is in effect.
    Config(settings::Settings),
    /// Look whether everything that the daemon depends on is as it has to be, and say what to do where it is not.
    Doctor(doctor::Doctor),
    /// Say whether the daemon of these settings is ready: exit code 0, or 1.
    Health(health::Health),
    /// Print a token that a daemon with the same settings lets in.
    Token(token::Token),
    /// Talk from the terminal.
    Chat(chat::ChatOptions),
    /// Measure a daemon: how many messages, how late, how much memory.
    Bench(bench::Bench),
    /// Prove that nothing of the past was changed.
    Audit(audit::Audit),
    /// Look after the database: its state, copies of it, whether it holds together.
    Db(db::Db),
    /// Whether the application is told of what happens: webhooks, a test, telling again.
    Webhook(webhook::Webhook),
    /// Bring a history from elsewhere in, from a file with one JSON object a line. A daemon on SQLite has to be stopped.
    Import(import::Import),
    /// Take everything from an SQLite file into PostgreSQL.
    MigrateStore(migrate_store::MigrateStore),
    /// Print what a shell completes commands by.
    Completions { shell: clap_complete::Shell },
    /// Write the manual pages, tenfour(1) and one for each command, to a folder that is there.
    Man { folder: PathBuf },
    /// The daemon that `bench` starts for itself.
    #[command(hide = true)]
    BenchDaemon(SettingFlags),
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
    let cli = match Cli::of(arguments) {
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
        let flags = self.flags;
        match self.command.unwrap_or(Command::Serve(SettingFlags::default())) {
            Command::Serve(behind) => {
                let sockets = serve::sockets()?;
                let environment =
                    fault::listen(environment).map_err(|error| Failure::Configuration(error.to_string()))?;
                serve::as_service(flags.and(behind), environment, sockets)
            }
            Command::Dev(behind) => {
                let flags = Flags { defaults: dev::DEFAULTS, ..flags.and(behind) };
                let (environment, ignored) = dev::environment(environment);
                let mut loaded = config::load(&flags, environment)?;
                loaded.warnings.extend(ignored);
                serve::run(warned(loaded), async |daemon, config| dev::prepare(daemon, config, program).await)
            }
            Command::Init(init) => init.run(&flags.and(init.flags.clone()), program),
            Command::Config(settings) => {
                let flags = flags.and(settings.flags());
                settings.run(&flags, environment)
            }
            Command::Doctor(options) => {
                // Told as findings.
                let loaded = config::check(&flags.and(options.flags.clone()), environment)?;
                doctor::run(&options, &loaded)
            }
            Command::Health(health) => {
                let loaded = config::load_places(&flags.and(health.flags.clone()), environment)?;
                health::run(&warned(loaded).config)
            }
            Command::Token(token) => {
                let loaded = config::load_existing(&flags.and(token.flags.clone()), environment)?;
                token.print(&warned(loaded).config.auth)
            }
            Command::Audit(audit) => {
                let loaded = config::load_places(&flags.and(audit.flags()), environment)?;
                audit.run(&warned(loaded).config)
            }
            Command::Db(db) => {
                let loaded = config::load_places(&flags.and(db.flags()), environment)?;
                db.run(&warned(loaded).config)
            }
            Command::Webhook(webhook) => {
                let loaded = config::load_existing(&flags.and(webhook.flags()), environment)?;
                webhook.run(&warned(loaded).config)
            }
            Command::Import(options) => {
                let loaded = config::load_places(&flags.and(options.flags.clone()), environment)?;
                import::run(&warned(loaded).config, &options)
            }
            Command::MigrateStore(options) => {
                let loaded = config::load_places(&flags.and(options.flags.clone()), environment)?;
                migrate_store::run(&warned(loaded).config, &options)
            }
            Command::Completions { shell } => {
                // Not to the standard output itself, whose reader may have gone.
                let mut text = Vec::new();
                clap_complete::generate(shell, &mut Self::command(), "tenfour", &mut text);
                std::io::stdout().write_all(&text).map_err(|error| Failure::Failed(error.to_string()))
            }
            Command::Man { folder } => clap_mangen::generate_to(Self::command(), &folder)
                .map_err(|error| Failure::Failed(format!("{}: {error}", folder.display()))),
            // A client: the settings of a daemon are nothing to it.
            Command::Chat(options) => talk(options),
            Command::Bench(options) => bench::run(options, flags, environment),
            Command::BenchDaemon(behind) => bench::serve(&flags.and(behind), environment),
        }
    }

    fn of(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let cli = Self::try_parse_from(arguments)?;
        if matches!(cli.command, Some(Command::Chat(_))) && !cli.flags.is_empty() {
            let text = "the settings of a daemon mean nothing to chat: `tenfour chat --help` lists what does";
            return Err(Self::command().error(ErrorKind::ArgumentConflict, text));
        }
        Ok(cli)
    }
}

/// Warnings go to the standard error, since nothing logs yet.
fn warned(loaded: Loaded) -> Loaded {
    for warning in &loaded.warnings {
        let _ = writeln!(std::io::stderr(), "tenfour: warning: {warning}");
    }
    loaded
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
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Cli, clap::Error> {
        Cli::of(arguments.iter().map(OsString::from))
    }

    fn flags(cli: Cli) -> Flags {
        match cli.command {
            Some(Command::Serve(behind) | Command::Dev(behind)) => cli.flags.and(behind),
            Some(Command::Token(token)) => cli.flags.and(token.flags),
            Some(Command::Audit(audit)) => cli.flags.and(audit.flags()),
            Some(Command::Db(db)) => cli.flags.and(db.flags()),
            Some(Command::Webhook(webhook)) => cli.flags.and(webhook.flags()),
            Some(Command::MigrateStore(options)) => cli.flags.and(options.flags),
            Some(Command::Doctor(options)) => cli.flags.and(options.flags),
            Some(Command::Init(init)) => cli.flags.and(init.flags),
            Some(Command::Config(settings)) => cli.flags.and(settings.flags()),
            Some(_) | None => cli.flags.0,
        }
    }

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_a_page_and_is_completed() {
        let folder = tempfile::tempdir().unwrap();
        clap_mangen::generate_to(Cli::command(), folder.path()).unwrap();
        for page in [
            "tenfour.1",
            "tenfour-serve.1",
            "tenfour-audit-verify.1",
            "tenfour-db-backup.1",
            "tenfour-doctor.1",
            "tenfour-webhook-replay.1",
        ] {
            assert!(std::fs::read_to_string(folder.path().join(page)).unwrap().contains(".TH"), "{page}");
        }
        assert!(!folder.path().join("tenfour-bench-daemon.1").exists(), "what is hidden has none");
        for shell in [clap_complete::Shell::Bash, clap_complete::Shell::Zsh, clap_complete::Shell::Fish] {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "tenfour", &mut text);
            assert!(String::from_utf8(text).unwrap().contains("migrate-store"), "{shell}");
        }
    }

    #[test]
    fn settings_may_stand_before_and_behind_the_command() {
        for arguments in [
            &["tenfour", "--rate-limit", "off", "--config", "f.toml"][..],
            &["tenfour", "--rate-limit", "off", "serve", "--config", "f.toml"],
            &["tenfour", "serve", "--config=f.toml", "--rate-limit=off"],
            &["tenfour", "--config", "f.toml", "token", "--sub", "a", "--name", "b", "--rate-limit", "off"],
        ] {
            let flags = flags(parse(arguments).unwrap());
            assert_eq!(flags.values, [("rate_limit", "off".to_owned())], "{arguments:?}");
            assert_eq!(flags.config.as_deref(), Some(std::path::Path::new("f.toml")));
        }
        let both = parse(&["tenfour", "--log", "warn", "dev", "--log", "info"]).unwrap();
        assert_eq!(flags(both).values.last(), Some(&("log", "info".to_owned())));
    }

    #[test]
    fn chat_neither_lists_nor_takes_the_settings_of_a_daemon() {
        let long = Cli::command().find_subcommand_mut("chat").unwrap().render_long_help().to_string();
        assert!(!long.contains("--rate-limit") && !long.contains("--config"), "{long}");
        let chat = ["chat", "--token", "t"];
        for (before, behind) in [(&["--rate-limit", "off"][..], &[][..]), (&[], &["--rate-limit", "off"])] {
            let arguments = [&["tenfour"], before, &chat, behind].concat();
            assert_eq!(parse(&arguments).unwrap_err().exit_code(), 2, "{arguments:?}");
        }
        assert!(parse(&[&["tenfour"][..], &chat].concat()).is_ok());
    }

    #[test]
    fn wrong_usage_is_an_error() {
        for arguments in [&["tenfour", "fly"][..], &["tenfour", "--colour"], &["tenfour", "token", "--sub", "a"]] {
            assert_eq!(parse(arguments).unwrap_err().exit_code(), 2, "{arguments:?}");
        }
    }
}
