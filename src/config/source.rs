//! Where a setting's value comes from: flag before environment before file.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::{fs, str};

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::nearest::nearest;
use super::settings::{CONFIG_ENV, SETTINGS, by_key};

/// What the command line says.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--config FILE`.
    pub config: Option<PathBuf>,
    /// Values by the settings' keys. The later of two counts.
    pub values: Vec<(&'static str, String)>,
    /// What the command sets where nobody else does.
    pub defaults: &'static [(&'static str, &'static str)],
}

/// A value as it was written.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Raw {
    Text(String),
    List(Vec<String>),
    Table(Vec<(String, String)>),
}

/// Who gave a value. The later one wins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    Command,
    File { path: PathBuf, line: usize, key: &'static str },
    Environment(&'static str),
    Flag(String),
}

impl Origin {
    pub(super) fn rank(&self) -> u8 {
        match self {
            Self::Command => 0,
            Self::File { .. } => 1,
            Self::Environment(_) => 2,
            Self::Flag(_) => 3,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command => write!(f, "default of the command"),
            Self::File { path, line, key } => write!(f, "{}:{line}: {key}", path.display()),
            Self::Environment(name) => write!(f, "environment: {name}"),
            Self::Flag(name) => write!(f, "command line: --{name}"),
        }
    }
}

pub(super) struct Given {
    pub(super) raw: Raw,
    pub(super) origin: Origin,
}

/// All that was said, and what was wrong with how it was said.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) given: BTreeMap<&'static str, Given>,
    pub(super) problems: Vec<String>,
    pub(super) warnings: Vec<String>,
    /// The file that was read.
    pub(super) file: Option<PathBuf>,
}

impl Gathered {
    pub(super) fn from(flags: &Flags, environment: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut gathered = Self::default();
        let mut file = None;
        let mut from_environment = Vec::new();
        for (name, value) in environment {
            let Some(name) = name.to_str() else { continue };
            // An empty variable is how a compose file says "not set".
            if value.is_empty() {
                continue;
            }
            if name == CONFIG_ENV {
                file = Some(PathBuf::from(value));
            } else if let Some(setting) = SETTINGS.iter().find(|setting| setting.env == name) {
                match value.into_string() {
                    Ok(value) => from_environment.push((setting, value)),
                    Err(_) => gathered.problems.push(format!("environment: {name}: must be UTF-8")),
                }
            } else if name.starts_with("TENFOUR_") {
                gathered.warnings.push(unknown(
                    &format!("environment: {name}: is no setting, ignored"),
                    nearest(name, SETTINGS.iter().map(|setting| setting.env)),
                ));
            }
        }
        for (key, value) in flags.defaults {
            gathered.give(key, Raw::Text((*value).to_owned()), Origin::Command);
        }
        if let Some(path) = flags.config.clone().or(file) {
            gathered.read_file(&path);
            gathered.file = Some(path);
        }
        for (setting, value) in from_environment {
            gathered.give(setting.key, Raw::Text(value), Origin::Environment(setting.env));
        }
        for (key, value) in &flags.values {
            gathered.give(key, Raw::Text(value.clone()), Origin::Flag(key.replace('_', "-")));
        }
        gathered
    }

    fn give(&mut self, key: &'static str, raw: Raw, origin: Origin) {
        self.given.insert(key, Given { raw, origin });
    }

    fn read_file(&mut self, path: &Path) {
        match fs::read(path) {
            Err(error) => self.problems.push(format!("{}: cannot be read: {error}", path.display())),
            Ok(bytes) => match str::from_utf8(&bytes) {
                Err(_) => self.problems.push(format!("{}: must be UTF-8", path.display())),
                Ok(text) => self.read_toml(path, text),
            },
        }
    }

    fn read_toml(&mut self, path: &Path, text: &str) {
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            // Only the parser's own words: the line that it would quote may hold a secret.
            let line = error.span().map_or(1, |span| line_of(text, span.start));
            self.problems.push(format!("{}:{line}: not valid TOML: {}", path.display(), error.message()));
        }
        for (key, value) in table.get_ref() {
            let line = line_of(text, key.span().start);
            let Some(setting) = by_key(key.get_ref()) else {
                self.problems.push(unknown(
                    &format!("{}:{line}: {}: is no setting", path.display(), key.get_ref().escape_debug()),
                    nearest(key.get_ref(), SETTINGS.iter().map(|setting| setting.key)),
                ));
                continue;
            };
            let origin = Origin::File { path: path.to_owned(), line, key: setting.key };
            match raw(value) {
                Some(raw) => self.give(setting.key, raw, origin),
                None => self.problems.push(format!("{origin}: must be a text or a number")),
            }
        }
    }
}

fn unknown(problem: &str, meant: Option<&str>) -> String {
    match meant {
        Some(name) => format!("{problem}; did you mean {name}?"),
        None => problem.to_owned(),
    }
}

fn raw(value: &Spanned<DeValue<'_>>) -> Option<Raw> {
    match value.get_ref() {
        DeValue::Array(items) => items.iter().map(scalar).collect::<Option<_>>().map(Raw::List),
        DeValue::Table(table) => {
            let mut entries: Vec<_> = table.iter().collect();
            // The map sorts by name, and the order of keys means something.
            entries.sort_by_key(|(key, _): &(&Spanned<DeString<'_>>, _)| key.span().start);
            let texts = entries.into_iter().map(|(key, value)| Some((key.get_ref().to_string(), scalar(value)?)));
            texts.collect::<Option<_>>().map(Raw::Table)
        }
        _ => scalar(value).map(Raw::Text),
    }
}

fn scalar(value: &Spanned<DeValue<'_>>) -> Option<String> {
    match value.get_ref() {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Float(number) => Some(number.to_string()),
        DeValue::Boolean(truth) => Some(truth.to_string()),
        _ => None,
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}
