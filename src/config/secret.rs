//! Values that must not be seen: they print as what they are not.

use std::fmt;

/// A secret text. Only [`Secret::expose`] gives it away, so that a search finds every place that does.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// An address that may hold a password. Prints without it, so that a log can say where the daemon connects to.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl(String);

impl SecretUrl {
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A query may hold a password too.
        let (plain, query) = self.0.split_once('?').map_or((self.0.as_str(), ""), |(plain, _)| (plain, "?…"));
        let Some((scheme, rest)) = plain.split_once("://") else { return write!(f, "{plain}{query}") };
        if plain.len() < self.0.len() && self.0[plain.len()..].contains('@') {
            // An unencoded ? in a password: nobody can tell where it ends.
            return write!(f, "{scheme}://[redacted]");
        }
        // Up to the last @: an unencoded one in a password would otherwise show the rest of it.
        match rest.rsplit_once('@') {
            None => write!(f, "{scheme}://{rest}{query}"),
            Some((_, place)) => write!(f, "{scheme}://[redacted]@{place}{query}"),
        }
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_prints() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "[redacted]");
    }

    #[test]
    fn an_address_prints_without_its_password() {
        for (url, shown) in [
            ("sqlite:tenfour.db", "sqlite:tenfour.db"),
            ("postgres://db.example/chat", "postgres://db.example/chat"),
            ("postgres://me:hunter2@db/chat?sslmode=require", "postgres://[redacted]@db/chat?…"),
            ("postgres://me:hunt@er2@db/chat", "postgres://[redacted]@db/chat"),
            ("postgres://me:hunt@er2?x@db/chat", "postgres://[redacted]"),
            ("redis://:hunter2@cache:6379/0", "redis://[redacted]@cache:6379/0"),
            ("postgres://db/chat?password=hunter2", "postgres://db/chat?…"),
            ("postgres://db/chat?password=hunt@er2", "postgres://[redacted]"),
        ] {
            let url = SecretUrl::new(url);
            assert_eq!(url.to_string(), shown);
            assert_eq!(format!("{url:?}"), shown);
        }
    }
}
