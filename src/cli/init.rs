//! `tenfour init`: a first configuration with a fresh secret, and what the application has to know of it.
//!
//! Never writes over anything: where a file is there already, nothing is written at all.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use clap::Args;

use super::Failure;
use super::flags::SettingFlags;
use crate::config::reachable;
use crate::config::settings::{Setting, by_key};
use crate::config::{self, Config, Flags};

const FILE: &str = "tenfour.toml";
/// Beside the settings' file, since a relative path counts from there.
const DATABASE: &str = "sqlite:tenfour.db";
/// Whoever may read the folder may read what is no secret.
const PLAIN: u32 = 0o644;
const PRIVATE: u32 = 0o600;

#[derive(Debug, Args)]
pub(super) struct Init {
    /// The folder to write to, made where it is not there.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    dir: PathBuf,
    /// These are set in what is written; a secret goes to a file of its own.
    #[command(flatten)]
    pub(super) flags: SettingFlags,
}

/// A file that is to be written.
struct Draft {
    path: PathBuf,
    text: String,
    mode: u32,
}

impl Init {
    /// `program` is how this program was called; `flags`: those before the command and behind it.
    pub(super) fn run(&self, flags: &Flags, program: &str) -> Result<(), Failure> {
        if flags.config.is_some() {
            let text = "init writes a new file and reads none: leave --config out; --dir FOLDER says where to";
            return Err(Failure::Configuration(text.to_owned()));
        }
        let values = with_what_is_needed(flags)?;
        let judged = Flags { values: values.clone(), ..Flags::default() };
        let config = super::warned(config::load_places(&judged, [])?).config;
        let drafts = self.drafts(&values);
        make_folder(&self.dir)?;
        write(&drafts)?;
        let mut out = io::stdout().lock();
        out.write_all(told(&drafts, &config, program).as_bytes())
            .and_then(|()| out.flush())
            .map_err(|error| Failure::Failed(format!("cannot print: {error}")))
    }

    fn drafts(&self, values: &[(&'static str, String)]) -> Vec<Draft> {
        let (mut set, mut drafts) = (Vec::new(), Vec::new());
        for (key, value) in values {
            match by_key(key).filter(|setting| setting.secret).and_then(Setting::twin) {
                // An address of a file is no secret.
                Some(twin) if !value.starts_with("sqlite:") => {
                    let path = self.dir.join(key);
                    drafts.push(Draft { path, text: format!("{value}\n"), mode: PRIVATE });
                    set.push((twin.key, (*key).to_owned()));
                }
                _ => set.push((*key, value.clone())),
            }
        }
        drafts.push(Draft { path: self.dir.join(FILE), text: config::example(&set), mode: PLAIN });
        drafts
    }
}

/// What was given, each once, and what no first configuration is without. What was said of a path was said from where one
/// stands.
fn with_what_is_needed(flags: &Flags) -> Result<Vec<(&'static str, String)>, Failure> {
    let mut values: Vec<(&'static str, String)> = Vec::new();
    for (key, value) in &flags.values {
        values.retain(|(other, _)| other != key);
        values.push((key, absolute(key, value)?));
    }
    let is_given = |keys: &[&str]| values.iter().any(|(key, _)| keys.contains(key));
    let needs_secret =
        !is_given(&["jwt_secret", "jwt_secret_file", "jwt_keys", "jwt_keys_file", "jwt_public_key_file", "jwks_url"]);
    if !is_given(&["database_url", "database_url_file"]) {
        values.push(("database_url", DATABASE.to_owned()));
    }
    if needs_secret {
        let secret = config::random().map_err(|error| Failure::Failed(format!("no secret can be made: {error}")))?;
        values.push(("jwt_secret", secret));
    }
    Ok(values)
}

fn absolute(key: &str, value: &str) -> Result<String, Failure> {
    let whole = |path: &str| {
        std::path::absolute(path)
            .map(|path| path.display().to_string())
            .map_err(|error| Failure::Failed(format!("{key}: {path:?}: {error}")))
    };
    match value.strip_prefix("sqlite:") {
        Some(path) if key == "database_url" && path != ":memory:" => {
            whole(path.strip_prefix("//").unwrap_or(path)).map(|path| format!("sqlite:{path}"))
        }
        None if by_key(key).is_some_and(Setting::is_path) => whole(value),
        _ => Ok(value.to_owned()),
    }
}

/// For its owner alone, where it is not there yet.
fn make_folder(folder: &Path) -> Result<(), Failure> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| Failure::Failed(format!("cannot make the folder {}: {error}", folder.display())))
}

fn write(drafts: &[Draft]) -> Result<(), Failure> {
    if let Some(there) = drafts.iter().find(|draft| fs::symlink_metadata(&draft.path).is_ok()) {
        return Err(there_already(&there.path));
    }
    for (index, draft) in drafts.iter().enumerate() {
        if let Err(failure) = create(draft) {
            // Half a configuration would be in the way of the next try.
            for done in &drafts[..index] {
                let _ = fs::remove_file(&done.path);
            }
            return Err(failure);
        }
    }
    Ok(())
}

fn create(Draft { path, text, mode }: &Draft) -> Result<(), Failure> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(*mode).open(path);
    let mut file = opened.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => there_already(path),
        _ => Failure::Failed(format!("cannot write {}: {error}", path.display())),
    })?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    written.map_err(|error| {
        // This one is ours.
        let _ = fs::remove_file(path);
        Failure::Failed(format!("cannot write {}: {error}", path.display()))
    })
}

fn there_already(path: &Path) -> Failure {
    let path = path.display();
    Failure::Failed(format!(
        "{path} is there already, so nothing was written: remove it, or name another folder by --dir"
    ))
}

fn told(drafts: &[Draft], config: &Config, program: &str) -> String {
    let mut lines = Vec::new();
    for Draft { path, mode, .. } in drafts {
        lines.push(format!("wrote {} (mode {mode:04o})", path.display()));
    }
    lines.push(String::new());
    lines.push("For the application's .env:".to_owned());
    lines.push(String::new());
    lines.push(format!("CHAT_URL=http://{}", reachable(config.listen)));
    for key in config.auth.keys.iter().take(1) {
        lines.push(format!("TENFOUR_JWT_SECRET={}", key.secret.expose()));
    }
    let file = drafts.last().map(|draft| draft.path.display().to_string()).unwrap_or_default();
    lines.push(String::new());
    lines.push("Then:".to_owned());
    lines.push(String::new());
    if config.allowed_origins.is_empty() {
        lines.push(format!("  set allowed_origins in {file}, if pages of another origin are to connect"));
    }
    lines.push(format!("  {program} serve --config {file}"));
    lines.push(String::new());
    lines.join("\n")
}
