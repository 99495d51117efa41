//! The Ed25519 key that signs heads. Made once, kept in a file that only its owner reads.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use super::heads::{hex, unhex};

/// Signs. Its secret never prints.
pub struct SigningKey(Ed25519KeyPair);

/// Checks what was signed; 32 bytes, as 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(Vec<u8>);

/// What is wrong with a key, and the way out.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the key in {path} cannot be read or made: {error}")]
    File { path: PathBuf, error: std::io::Error },
    #[error("{0} holds no Ed25519 key as tenfour writes it: a line of hexadecimal digits")]
    NoKey(PathBuf),
    #[error("a public key is 64 hexadecimal digits, as `tenfour audit key` prints it")]
    NoPublicKey,
}

impl SigningKey {
    /// The key in this file, made where there is no file.
    pub fn at(path: &Path) -> Result<Self, KeyError> {
        let failed = |error| KeyError::File { path: path.to_owned(), error };
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => make(path).map_err(failed)?,
            read => read.map_err(failed)?,
        };
        let seed = unhex(text.trim()).ok_or_else(|| KeyError::NoKey(path.to_owned()))?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| KeyError::NoKey(path.to_owned()))?;
        Ok(Self(pair))
    }

    pub fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        self.0.sign(bytes).as_ref().to_vec()
    }

    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.public_key().as_ref().to_vec())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey(of {})", self.public())
    }
}

/// Two daemons that start together may both make one: the first file stays, and both read it.
fn make(path: &Path) -> std::io::Result<String> {
    let mut seed = [0; 32];
    aws_lc_rs::rand::fill(&mut seed).map_err(|_| std::io::Error::other("the system gives no random bytes"))?;
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}", hex(&seed[..4])));
    let draft = PathBuf::from(draft);
    aws_lc_rs::rand::fill(&mut seed).map_err(|_| std::io::Error::other("the system gives no random bytes"))?;
    let made = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        writeln!(file, "{}", hex(&seed))?;
        file.sync_all()?;
        match fs::hard_link(&draft, path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            other => other,
        }
    })();
    let _ = fs::remove_file(&draft);
    made?;
    fs::read_to_string(path)
}

impl PublicKey {
    pub fn verifies(&self, bytes: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0).verify(bytes, signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let bytes = unhex(text.trim()).filter(|bytes| bytes.len() == 32);
        bytes.map(Self).ok_or(KeyError::NoPublicKey)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_made_once_is_its_owners_alone_and_checks_what_it_signed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chat.db.audit-key");
        let key = SigningKey::at(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let again = SigningKey::at(&path).unwrap();
        assert_eq!(again.public(), key.public());
        let public: PublicKey = key.public().to_string().parse().unwrap();
        let signature = again.sign(b"a head");
        assert!(public.verifies(b"a head", &signature));
        assert!(!public.verifies(b"another", &signature));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let secret = fs::read_to_string(&path).unwrap();
        assert!(!format!("{key:?}").contains(secret.trim()));
    }

    #[test]
    fn what_is_no_key_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        for text in ["", "xyz", "abcd", &"0".repeat(63)] {
            fs::write(&path, text).unwrap();
            assert!(SigningKey::at(&path).unwrap_err().to_string().contains("Ed25519"), "{text}");
            assert!(text.parse::<PublicKey>().is_err());
        }
        assert!(SigningKey::at(&folder.path().join("no/such/folder")).is_err());
    }
}
