//! What signs what a webhook is told: `whsec_` and base64, as Standard Webhooks has it.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const PREFIX: &str = "whsec_";
/// Bytes of one that is made here.
pub(super) const LEN: usize = 32;
const MIN: usize = 24;
const MAX: usize = 64;

/// Never prints. Only [`SigningSecret::bytes`] and [`SigningSecret::expose`] give it away, so that a search finds every place
/// that does.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret(Vec<u8>);

/// What a text has to be; it never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be whsec_ and the base64 of 24 to 64 bytes; `openssl rand -base64 32` makes what follows whsec_")]
pub struct InvalidSecret;

impl SigningSecret {
    pub const LEN: usize = LEN;

    pub fn new(bytes: Vec<u8>) -> Result<Self, InvalidSecret> {
        if (MIN..=MAX).contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(InvalidSecret) }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// As whoever verifies takes it.
    pub fn expose(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }
}

impl FromStr for SigningSecret {
    type Err = InvalidSecret;

    fn from_str(text: &str) -> Result<Self, InvalidSecret> {
        let text = text.strip_prefix(PREFIX).ok_or(InvalidSecret)?;
        STANDARD.decode(text).map_err(|_| InvalidSecret).and_then(Self::new)
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signing_secret_is_read_as_it_is_written_and_never_prints() {
        let secret = SigningSecret::new((0..32).collect()).unwrap();
        assert_eq!(secret.expose().parse(), Ok(secret.clone()));
        assert!(secret.expose().starts_with("whsec_AAEC"));
        assert_eq!(format!("{secret:?}"), "[redacted]");
    }

    #[test]
    fn one_that_is_too_short_or_no_base64_is_refused() {
        let long = |len: usize| format!("whsec_{}", STANDARD.encode(vec![7; len]));
        for bad in ["", "whsec_", "whsec_hunter2!", &long(23), &long(65), &long(32)[6..]] {
            assert_eq!(bad.parse::<SigningSecret>(), Err(InvalidSecret), "{bad}");
        }
        assert!(long(24).parse::<SigningSecret>().is_ok() && long(64).parse::<SigningSecret>().is_ok());
    }
}
