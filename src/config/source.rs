//! Where a setting's value comes from: flag before environment before file before credential.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::{fs, str};

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::credentials::{self, CREDENTIALS_ENV};
use super::database::Kind;
use super::nearest::nearest;
use super::settings::{CONFIG_ENV, SETTINGS, Setting, by_key};

/// How the names of all variables but the two of the databases begin.
const PREFIX: &str = "TENFOUR_";

/// What the command line says.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--config FILE`.
    pub config: Option<PathBuf>,
    /// Values by the settings' keys. The later of two counts.
    pub values: Vec<(&'static str, String)>,
    /// What the command sets where nobody else does.
    pub defaults: &'static [(&'static str, &'static str)],
    /// What the service manager has decided: it has bound these addresses already, so that nothing else can be said.
    pub bound: Vec<(&'static str, String)>,
}

/// A value as it was written.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Raw {
    Text(String),
    List(Vec<String>),
    Table(Vec<(String, String)>),
}

/// Who gave a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    Command,
    Credential(PathBuf),
    File {
        path: PathBuf,
        line: usize,
        key: &'static str,
    },
    Environment(&'static str),
    Flag(String),
    /// The service manager, by a socket.
    Manager,
    /// The content of a file, which somebody else named.
    Content {
        named_by: Box<Self>,
        path: PathBuf,
    },
}

impl Origin {
    /// The higher one wins.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Self::Command => 0,
            Self::Credential(_) => 1,
            Self::File { .. } => 2,
            Self::Environment(_) => 3,
            Self::Flag(_) => 4,
            Self::Manager => 5,
            Self::Content { named_by, .. } => named_by.rank(),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command => write!(f, "default of the command"),
            Self::Credential(path) => write!(f, "credential {}", path.display()),
            Self::File { path, line, key } => write!(f, "{}:{line}: {key}", path.display()),
            Self::Environment(name) => write!(f, "environment: {name}"),
            Self::Flag(name) => write!(f, "command line: --{name}"),
            Self::Manager => write!(f, "socket of the service manager"),
            Self::Content { named_by, path } => write!(f, "{named_by}: {}", path.display()),
        }
    }
}

#[derive(Clone, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) raw: Raw,
    pub(super) origin: Origin,
}

/// Never the value, which may be a secret.
impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.origin, f)
    }
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
        let (mut file, mut folder) = (None, None);
        let mut from_environment = Vec::new();
        for (name, value) in environment {
            let Some(name) = name.to_str() else { continue };
            // An empty variable is how a compose file says "not set".
            if value.is_empty() {
                continue;
            }
            if name == CONFIG_ENV {
                file = Some(PathBuf::from(value));
            } else if name == CREDENTIALS_ENV {
                folder = Some(PathBuf::from(value));
            } else if let Some(setting) = SETTINGS.iter().find(|setting| setting.env == name) {
                match value.into_string() {
                    Ok(value) => from_environment.push((setting, value)),
                    Err(_) => gathered.problems.push(format!("environment: {name}: must be UTF-8")),
                }
            } else if let Some(rest) = name.strip_prefix(PREFIX) {
                // Without what all have in common, which would make strangers look near.
                let known = SETTINGS.iter().filter_map(|setting| setting.env.strip_prefix(PREFIX));
                let meant = nearest(rest, known).map(|rest| format!("{PREFIX}{rest}"));
                let problem = format!("environment: {name}: is no setting, ignored");
                gathered.warnings.push(unknown(&problem, meant.as_deref()));
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
        for (key, value) in &flags.bound {
            gathered.give(key, Raw::Text(value.clone()), Origin::Manager);
        }
        credentials::read(&mut gathered, folder.as_deref());
        gathered
    }

    pub(super) fn give(&mut self, key: &'static str, raw: Raw, origin: Origin) {
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
                Some(raw) => self.give(setting.key, beside(path, setting, raw), origin),
                None => self.problems.push(format!("{origin}: must be a text or a number")),
            }
        }
    }
}

/// A path in the file means the same from wherever the daemon is started: a relative one counts from the file's folder.
fn beside(file: &Path, setting: &Setting, raw: Raw) -> Raw {
    let folder = file.parent().unwrap_or(Path::new(""));
    let Raw::Text(text) = &raw else { return raw };
    if setting.is_path() && !text.is_empty() {
        return Raw::Text(folder.join(text).display().to_string());
    }
    match Kind::of(text) {
        Some(Kind::File(path)) if setting.key == "database_url" && path.is_relative() => {
            Raw::Text(format!("sqlite:{}", folder.join(path).display()))
        }
        _ => raw,
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
