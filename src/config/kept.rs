//! The secret that the daemon makes for itself, kept in a file beside the SQLite database.
//!
//! Two processes that start together agree: a secret is written whole under a name of its own and then linked to the
//! final one, which only the first of them can do; both read what is there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::database::Kind;
use super::parse;
use super::secret::Secret;

/// 32 bytes in hexadecimal form, which any other program can read.
pub fn random() -> io::Result<String> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| io::Error::other("the system gives no random bytes"))?;
    let digit = |value: u8| char::from_digit(u32::from(value), 16);
    Ok(bytes.into_iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).flatten().collect())
}

/// `tenfour.db` keeps its secret in `tenfour.db.jwt-secret`.
pub(super) fn path_beside(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".jwt-secret");
    name.into()
}

/// Where the key that signs the audit trail's heads is kept, unless a setting says so: beside a database that is a file.
pub(super) fn audit_key(database_url: &str) -> Option<PathBuf> {
    let Some(Kind::File(database)) = Kind::of(database_url) else { return None };
    let mut name = database.into_os_string();
    name.push(".audit-key");
    Some(name.into())
}

/// The secret beside the database; made when there is none.
pub(super) fn beside(database: &Path) -> Result<(Secret, Option<String>), String> {
    let path = path_beside(database);
    ensure(&path).map_err(|error| {
        format!("no HS256 secret can be kept in {}: {error}; set TENFOUR_JWT_SECRET instead", path.display())
    })?;
    read(&path)
}

/// The 32 random bytes that a file keeps, in hexadecimal form; made when there is no file, which only its owner reads.
pub fn random_at(path: &Path) -> io::Result<String> {
    ensure(path)?;
    fs::read_to_string(path)
}

fn ensure(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => make(path),
        _ => Ok(()),
    }
}

/// A secret from a file, and a warning where everybody can read it.
pub(super) fn read(path: &Path) -> Result<(Secret, Option<String>), String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    let secret =
        parse::secret(without_line_end(&text)).map_err(|error| format!("the secret in {} {error}", path.display()))?;
    Ok((secret, open_to_all(path)))
}

/// Editors and `echo` end a file with a line feed that is no part of the secret.
pub(super) fn without_line_end(text: &str) -> &str {
    text.trim_end_matches(['\r', '\n'])
}

/// What to warn of where everybody can read a secret.
pub(super) fn open_to_all(path: &Path) -> Option<String> {
    let open = fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o004 != 0);
    open.then(|| format!("{} can be read by every user of the machine: chmod 600 it", path.display()))
}

fn make(path: &Path) -> io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}", random()?));
    let draft = PathBuf::from(draft);
    let made = write(&draft).and_then(|()| match fs::hard_link(&draft, path) {
        // Another process was faster: its secret counts.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other,
    });
    let _ = fs::remove_file(&draft);
    made
}

fn write(draft: &Path) -> io::Result<()> {
    let mut file: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft)?;
    writeln!(file, "{}", random()?)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_made_once_and_only_its_owner_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let database = dir.path().join("tenfour.db");
        let (first, warning) = beside(&database).unwrap();
        assert_eq!(warning, None);
        assert_eq!(first.expose().len(), 64);
        assert_eq!(beside(&database).unwrap().0, first);
        let path = path_beside(&database);
        assert_eq!(path.file_name().unwrap(), "tenfour.db.jwt-secret");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn all_that_start_together_agree() {
        let dir = tempfile::tempdir().unwrap();
        let database = dir.path().join("tenfour.db");
        let secrets: Vec<Secret> = std::thread::scope(|scope| {
            let starts: Vec<_> = (0..16).map(|_| scope.spawn(|| beside(&database).unwrap().0)).collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        assert!(secrets.iter().all(|secret| *secret == secrets[0]));
    }

    #[test]
    fn what_cannot_be_a_secret_is_refused_with_the_way_out() {
        let dir = tempfile::tempdir().unwrap();
        let database = dir.path().join("tenfour.db");
        fs::write(path_beside(&database), "short\n").unwrap();
        assert!(beside(&database).unwrap_err().contains("32 or more"));
        let nowhere = dir.path().join("missing/tenfour.db");
        assert!(beside(&nowhere).unwrap_err().contains("TENFOUR_JWT_SECRET"));
    }

    #[test]
    fn a_file_that_everybody_reads_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        fs::write(&path, format!("{}\r\n", "s".repeat(32))).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let (secret, warning) = read(&path).unwrap();
        assert_eq!(secret.expose().len(), 32);
        assert!(warning.unwrap().contains("chmod 600"));
    }
}
