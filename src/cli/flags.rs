//! One flag for each setting, made of the table of settings. They may stand before the command and behind it.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

use crate::config::Flags;
use crate::config::settings::SETTINGS;

/// The settings that the command line gives.
#[derive(Debug, Clone, Default)]
pub(super) struct SettingFlags(pub(super) Flags);

impl SettingFlags {
    pub(super) fn is_empty(&self) -> bool {
        self.0.config.is_none() && self.0.values.is_empty()
    }

    /// These, and those behind the command, which count more.
    pub(super) fn and(self, behind: Self) -> Flags {
        let (mut flags, behind) = (self.0, behind.0);
        flags.config = behind.config.or(flags.config);
        flags.values.extend(behind.values);
        flags
    }
}

impl Args for SettingFlags {
    fn augment_args(command: Command) -> Command {
        let file = Arg::new("config")
            .long("config")
            .value_name("FILE")
            .value_parser(clap::value_parser!(PathBuf))
            .help_heading("Settings")
            .help("A TOML file with settings [env: TENFOUR_CONFIG]");
        SETTINGS.iter().fold(command.arg(file), |command, setting| {
            let default =
                if setting.default.is_empty() { String::new() } else { format!(" [default: {}]", setting.default) };
            command.arg(
                Arg::new(setting.key)
                    .long(setting.flag())
                    .value_name(setting.value)
                    .help_heading("Settings")
                    .hide_short_help(true)
                    .help(format!("{} [env: {}]{default}", setting.doc, setting.env)),
            )
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SettingFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let values =
            SETTINGS.iter().filter_map(|setting| Some((setting.key, matches.get_one::<String>(setting.key)?.clone())));
        Ok(Self(Flags {
            config: matches.get_one::<PathBuf>("config").cloned(),
            values: values.collect(),
            ..Flags::default()
        }))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
