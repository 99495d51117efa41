//! Secrets from files: those that settings name (`jwt_secret_file`), and the credentials that systemd hands to a service.
//!
//! Called once all other sources have been heard. Says never what a file holds.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::kept;
use super::settings::{SETTINGS, Setting};
use super::source::{Gathered, Given, Origin, Raw};

/// The folder of the service's credentials, set by systemd.
pub const CREDENTIALS_ENV: &str = "CREDENTIALS_DIRECTORY";

/// Gives each secret the content of the file that is named for it, unless the secret itself is given by somebody who counts
/// more; and where nobody says anything, the credential of its name.
pub(super) fn read(gathered: &mut Gathered, credentials: Option<&Path>) {
    for setting in SETTINGS {
        let Some(twin) = setting.twin() else { continue };
        let rank = |key: &str| gathered.given.get(key).map(|given| given.origin.rank());
        match (rank(setting.key), rank(twin.key)) {
            (Some(own), Some(file)) if own == file => {
                let origin = &gathered.given[twin.key].origin;
                gathered.problems.push(format!("{origin}: cannot be set together with {}: leave one out", setting.key));
            }
            (own, file) if file > own => named(gathered, setting, twin),
            (None | Some(0), None) => {
                if let Some(folder) = credentials {
                    credential(gathered, setting, folder);
                }
            }
            _ => {}
        }
    }
}

fn named(gathered: &mut Gathered, setting: &Setting, twin: &Setting) {
    let Some(Given { raw, origin }) = gathered.given.get(twin.key).cloned() else { return };
    let path = match &raw {
        Raw::Text(text) if !text.is_empty() => PathBuf::from(text),
        _ => return gathered.problems.push(format!("{origin}: must be the name of a file")),
    };
    match content(&path) {
        Ok(text) if text.is_empty() => gathered.problems.push(format!("{origin}: {} is empty", path.display())),
        Ok(text) => {
            let origin = Origin::Content { named_by: Box::new(origin), path: path.clone() };
            take(gathered, setting, text, &path, origin);
        }
        Err(error) => gathered.problems.push(format!("{origin}: {} cannot be read: {error}", path.display())),
    }
}

/// By the setting's name in the file, or by that of its flag, since units write hyphens.
fn credential(gathered: &mut Gathered, setting: &Setting, folder: &Path) {
    let mut found = Vec::new();
    for name in [setting.key.to_owned(), setting.flag()] {
        let path = folder.join(name);
        match content(&path) {
            // A unit may name one that is not there, with an empty one in its place.
            Ok(text) if text.is_empty() => {}
            Ok(text) => found.push((path, text)),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => {
                gathered.problems.push(format!("credential {}: cannot be read: {error}", path.display()));
            }
        }
    }
    if let [(one, _), (other, _)] = found.as_slice() {
        let name = other.file_name().unwrap_or_default().display();
        let problem = format!("credential {}: there is {name} too: leave one out", one.display());
        return gathered.problems.push(problem);
    }
    for (path, text) in found {
        take(gathered, setting, text, &path, Origin::Credential(path.clone()));
    }
}

fn take(gathered: &mut Gathered, setting: &Setting, text: String, path: &Path, origin: Origin) {
    gathered.warnings.extend(kept::open_to_all(path));
    gathered.give(setting.key, Raw::Text(text), origin);
}

fn content(path: &Path) -> std::io::Result<String> {
    let mut text = fs::read_to_string(path)?;
    text.truncate(kept::without_line_end(&text).len());
    Ok(text)
}
