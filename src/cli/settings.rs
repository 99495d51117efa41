//! `tenfour config`: the settings' file, whether it is right, and what is in effect.

use std::ffi::OsString;
use std::io::{self, Write};

use clap::{Args, Subcommand};

use super::Failure;
use super::flags::SettingFlags;
use crate::config::{self, ConfigErrors, Flags, Loaded, Shown};
use crate::daemon;

#[derive(Debug, Args)]
pub(super) struct Settings {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print a settings' file that has every setting, with its meaning and what holds without it.
    Example,
    /// Judge the settings: all that is wrong at once, with exit code 78. Nothing is made, opened or started.
    Check(Check),
    /// Print each setting as it is in effect, and who said so. Secrets are not shown.
    Show(SettingFlags),
    /// Print the same as lines for a file of environment variables; what nobody set, and secrets, as comments.
    Env(SettingFlags),
}

#[derive(Debug, Args)]
struct Check {
    /// Also a warning is wrong, such as a TENFOUR_ variable that is no setting.
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    flags: SettingFlags,
}

impl Settings {
    pub(super) fn flags(&self) -> SettingFlags {
        match &self.what {
            What::Example => SettingFlags::default(),
            What::Check(Check { flags, .. }) | What::Show(flags) | What::Env(flags) => flags.clone(),
        }
    }

    /// `flags`: those before the command and behind it.
    pub(super) fn run(
        self,
        flags: &Flags,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<(), Failure> {
        match self.what {
            What::Example => print(&config::example(&[])),
            What::Check(Check { strict, .. }) => {
                let loaded = judged(flags, environment)?;
                if strict && !loaded.warnings.is_empty() {
                    return Err(ConfigErrors(loaded.warnings).into());
                }
                print(&verdict(&super::warned(loaded)))
            }
            What::Show(_) => print(&table(&super::warned(judged(flags, environment)?))),
            What::Env(_) => {
                let loaded = super::warned(judged(flags, environment)?);
                print(&loaded.shown().iter().map(|shown| shown.env_line() + "\n").collect::<String>())
            }
        }
    }
}

/// Right as far as can be told without opening anything.
fn judged(flags: &Flags, environment: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Loaded, Failure> {
    let loaded = config::check(flags, environment)?;
    let wrong = daemon::wrong_with(&loaded.config);
    if wrong.is_empty() {
        return Ok(loaded);
    }
    Err(ConfigErrors(wrong.iter().map(ToString::to_string).collect()).into())
}

fn verdict(loaded: &Loaded) -> String {
    let file = loaded.file.as_ref().map_or_else(|| "no file".to_owned(), |file| file.display().to_string());
    let warnings = match loaded.warnings.len() {
        0 => String::new(),
        1 => ", with a warning".to_owned(),
        count => format!(", with {count} warnings"),
    };
    format!("the settings are right ({file}){warnings}\n")
}

fn table(loaded: &Loaded) -> String {
    let shown = loaded.shown();
    let value = |shown: &Shown| shown.value.clone().unwrap_or_else(|| "(unset)".to_owned());
    let width = |text: &dyn Fn(&Shown) -> usize| shown.iter().map(text).max().unwrap_or_default();
    let (first, second) =
        (width(&|shown| shown.setting.key.len()), width(&|shown| value(shown).chars().count()).min(50));
    let line = |it: &Shown| format!("{:first$}  {:second$}  {}\n", it.setting.key, value(it), it.origin);
    shown.iter().map(line).collect()
}

fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| Failure::Failed(format!("cannot print: {error}")))
}
