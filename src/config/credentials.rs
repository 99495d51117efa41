//! Secrets from files: those that settings name (`jwt_secret_file`), and the credentials that systemd hands to a service, the
//! certificate of TLS and its key among them.
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
        if setting.is_credential()
            && setting.is_path()
            && let Some(folder) = credentials
            && gathered.given.get(setting.key).is_none_or(|given| given.origin.rank() == 0)
        {
            file(gathered, setting, folder);
        }
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

/// What is wanted as a file is that file.
fn file(gathered: &mut Gathered, setting: &Setting, folder: &Path) {
    if let Some((path, _)) = found(gathered, setting, folder) {
        let origin = Origin::Credential(path.clone());
        gathered.give(setting.key, Raw::Text(path.display().to_string()), origin);
    }
}

fn credential(gathered: &mut Gathered, setting: &Setting, folder: &Path) {
    if let Some((path, text)) = found(gathered, setting, folder) {
        take(gathered, setting, text, &path, Origin::Credential(path.clone()));
    }
}

/// By the setting's name in the file, or by that of its flag, since units write hyphens.
fn found(gathered: &mut Gathered, setting: &Setting, folder: &Path) -> Option<(PathBuf, String)> {
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
        gathered.problems.push(problem);
        return None;
    }
    found.pop()
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

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;
    use crate::config::{Flags, TlsSettings, load};

    /// In a folder of credentials that has these, by their names and what they hold; with what the environment says besides.
    fn tls(files: &[(&str, &str)], env: &[(&str, &str)]) -> Result<Option<TlsSettings>, String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            fs::write(folder.path().join(name), content).unwrap();
        }
        let own = [("DATABASE_URL", "sqlite::memory:"), (CREDENTIALS_ENV, folder.path().to_str().unwrap())];
        let env = own.iter().chain(env).map(|(name, value)| ((*name).into(), (*value).into()));
        load(&Flags::default(), env).map(|loaded| loaded.config.tls).map_err(|error| error.to_string())
    }

    fn names(tls: &TlsSettings) -> [&OsStr; 2] {
        [&tls.certificate, &tls.key].map(|path| path.file_name().unwrap())
    }

    #[test]
    fn tls_takes_a_certificate_and_its_key_as_credentials_and_never_one_alone() {
        let (chain, key) = (("tls_cert", "PEM"), ("tls-key", "PEM"));
        let said = ("TENFOUR_TLS_CERT", "/etc/chain.pem");
        assert_eq!(tls(&[], &[]), Ok(None));
        assert_eq!(names(&tls(&[chain, key], &[]).unwrap().unwrap()), ["tls_cert", "tls-key"]);
        assert_eq!(names(&tls(&[chain, key], &[said]).unwrap().unwrap()), ["chain.pem", "tls-key"]);
        // One that is handed over empty is none.
        for files in [&[][..], &[("tls_key", "\n")]] {
            assert!(tls(files, &[said]).unwrap_err().contains("set tls_key (TENFOUR_TLS_KEY)"));
        }
        assert!(tls(&[key], &[]).unwrap_err().contains("set tls_cert (TENFOUR_TLS_CERT)"));
    }
}
