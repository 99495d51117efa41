//! The Ed25519 key that signs heads, and the one that checks them. Where they are kept is the configuration's to know.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use crate::domain::hex::{hex, unhex};

/// Signs. Its secret never prints.
pub struct SigningKey(Ed25519KeyPair);

/// Checks what was signed; 32 bytes, as 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(Vec<u8>);

/// What is wrong with a key, and the way out.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("a key that signs the audit trail is 64 hexadecimal digits, as tenfour makes it")]
    NoKey,
    #[error("a public key is 64 hexadecimal digits, as `tenfour audit key` prints it")]
    NoPublicKey,
}

impl SigningKey {
    /// Of the 32 bytes that a key's file keeps, as hexadecimal digits.
    pub fn of(text: &str) -> Result<Self, KeyError> {
        let seed = unhex(text.trim()).ok_or(KeyError::NoKey)?;
        Ed25519KeyPair::from_seed_unchecked(&seed).map(Self).map_err(|_| KeyError::NoKey)
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
    use super::*;

    #[test]
    fn a_key_checks_what_it_signed_and_never_prints() {
        let secret = "0123456789abcdef".repeat(4);
        let key = SigningKey::of(&format!("{secret}\n")).unwrap();
        let public: PublicKey = key.public().to_string().parse().unwrap();
        let signature = key.sign(b"a head");
        assert!(public.verifies(b"a head", &signature));
        assert!(!public.verifies(b"another", &signature));
        assert!(!format!("{key:?}").contains(&secret));
    }

    #[test]
    fn what_is_no_key_is_told() {
        for text in ["", "xyz", "abcd", &"0".repeat(63)] {
            assert!(SigningKey::of(text).unwrap_err().to_string().contains("64"), "{text}");
            assert!(text.parse::<PublicKey>().is_err());
        }
    }
}
