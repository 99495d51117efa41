//! What is in effect and who said so, for people: `tenfour config show` and `tenfour config env`, and what a reload changes.
//!
//! Secrets do not leave this module: an address is shown without its password, anything else as redacted.

use super::settings::{SETTINGS, Setting, TLS};
use super::source::{Given, Origin, Raw};
use super::{AttachmentPlace, Loaded, SecretUrl};

const REDACTED: &str = "[redacted]";

/// A setting as it is in effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    pub setting: &'static Setting,
    /// As it was written; none where it is not set and nothing holds in its place.
    pub value: Option<String>,
    /// Who said it.
    pub origin: String,
    /// The value is not all of it.
    pub is_hidden: bool,
    /// Nobody said it.
    pub is_default: bool,
}

impl Loaded {
    /// Every setting, in the order of the table.
    pub fn shown(&self) -> Vec<Shown> {
        SETTINGS.iter().map(|setting| self.show(setting)).collect()
    }

    /// Takes over from a new configuration what a running daemon can change. The keys of what else is different: that takes a
    /// restart.
    pub fn adopt(&mut self, new: Self) -> Vec<&'static str> {
        let mut left = Vec::new();
        let is_switched = self.config.tls.is_some() != new.config.tls.is_some();
        let is_taken = |key: &str| is_reloaded(key) && !(is_switched && key.starts_with(TLS));
        for setting in SETTINGS {
            let value = |loaded: &Self| loaded.given.get(setting.key).map(|given| given.raw.clone());
            if !is_taken(setting.key) && value(self) != value(&new) {
                left.push(setting.key);
            }
        }
        self.given.retain(|key, _| !is_taken(key));
        self.given.extend(new.given.into_iter().filter(|(key, _)| is_taken(key)));
        if !is_switched {
            self.config.tls = new.config.tls;
        }
        self.config.auth = new.config.auth;
        self.config.limits.rate_limit = new.config.limits.rate_limit;
        self.config.log = new.config.log;
        self.config.log_format = new.config.log_format;
        self.config.access_log = new.config.access_log;
        left
    }

    fn show(&self, setting: &'static Setting) -> Shown {
        match self.given.get(setting.key) {
            Some(given) => {
                let (value, is_hidden) = value_of(setting, given);
                Shown { setting, value: Some(value), origin: said_by(&given.origin), is_hidden, is_default: false }
            }
            None => Shown {
                setting,
                value: self.value_of_none(setting),
                origin: "default".to_owned(),
                is_hidden: false,
                is_default: true,
            },
        }
    }

    /// What holds where nothing is said.
    fn value_of_none(&self, setting: &Setting) -> Option<String> {
        match setting.key {
            "attachments" => Some(match self.config.attachment_place() {
                AttachmentPlace::Off => "off".to_owned(),
                AttachmentPlace::Memory => "in memory".to_owned(),
                AttachmentPlace::Folder(folder) => folder.display().to_string(),
                AttachmentPlace::S3 { bucket, prefix } => format!("s3://{bucket}/{prefix}"),
            }),
            "audit_key" => self.config.audit.key.as_ref().map(|path| path.display().to_string()),
            _ => Some(setting.default.to_owned()).filter(|default| !default.is_empty()),
        }
    }
}

fn is_reloaded(key: &str) -> bool {
    super::settings::by_key(key).is_some_and(Setting::reloads)
}

fn value_of(setting: &Setting, given: &Given) -> (String, bool) {
    let text = match &given.raw {
        Raw::Text(text) => text.clone(),
        Raw::List(list) => list.join(","),
        Raw::Table(table) => table.iter().map(|(key, value)| format!("{key}:{value}")).collect::<Vec<_>>().join(","),
    };
    if !setting.secret {
        return (text, false);
    }
    let shown = if setting.key.ends_with("_url") { SecretUrl::new(&text).to_string() } else { REDACTED.to_owned() };
    let is_hidden = shown != text;
    (shown, is_hidden)
}

fn said_by(origin: &Origin) -> String {
    match origin {
        Origin::File { path, line, .. } => format!("{}:{line}", path.display()),
        Origin::Environment(name) => format!("environment {name}"),
        Origin::Flag(name) => format!("flag --{name}"),
        Origin::Content { named_by, path } => format!("{} (named by {})", path.display(), said_by(named_by)),
        other => other.to_string(),
    }
}

impl Shown {
    /// As a line for a file of environment variables: `.env`, `EnvironmentFile=`. A comment where it would say nothing, or
    /// must not say all.
    pub fn env_line(&self) -> String {
        let env = self.setting.env;
        match &self.value {
            _ if self.is_hidden => format!("# {env} is set ({}), and not shown", self.origin),
            Some(value) if !self.is_default => format!("{env}={}", quoted(value)),
            _ if self.setting.default.is_empty() => format!("# {env}="),
            _ => format!("# {env}={}", quoted(self.setting.default)),
        }
    }
}

/// As shells and systemd read it alike.
fn quoted(value: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-.,:/@%+=[]".contains(c);
    if !value.is_empty() && value.chars().all(is_plain) {
        return value.to_owned();
    }
    let mut text = String::from("\"");
    for c in value.chars() {
        if matches!(c, '"' | '\\' | '$' | '`') {
            text.push('\\');
        }
        text.push(c);
    }
    text.push('"');
    text
}

#[cfg(test)]
#[path = "shown_tests.rs"]
mod tests;
