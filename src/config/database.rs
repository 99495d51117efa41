//! The little that the configuration has to know of a database: where a secret may be kept beside it.

use std::path::PathBuf;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One file; the secret lives beside it.
    File(PathBuf),
    /// Gone with the process.
    Memory,
    /// Another process, perhaps shared by several daemons.
    Server,
}

impl Kind {
    /// None where the address is of no kind that the store opens, whose forms these are.
    pub(super) fn of(url: &str) -> Option<Self> {
        if ["postgres://", "postgresql://"].iter().any(|scheme| url.len() > scheme.len() && url.starts_with(scheme)) {
            return Some(Self::Server);
        }
        let rest = url.strip_prefix("sqlite:")?;
        if rest == ":memory:" {
            return Some(Self::Memory);
        }
        let path = rest.strip_prefix("//").unwrap_or(rest);
        (!path.is_empty() && !path.contains(['?', '\0'])).then(|| Self::File(PathBuf::from(path)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_tells_the_kind() {
        for (url, kind) in [
            ("sqlite:tenfour.db", Some(Kind::File("tenfour.db".into()))),
            ("sqlite:///var/lib/tenfour/t.db", Some(Kind::File("/var/lib/tenfour/t.db".into()))),
            ("sqlite::memory:", Some(Kind::Memory)),
            ("postgres://db/chat", Some(Kind::Server)),
            ("postgresql://db/chat", Some(Kind::Server)),
            ("sqlite:", None),
            ("sqlite://", None),
            ("sqlite:tenfour.db?mode=ro", None),
            ("mysql://db/chat", None),
            ("tenfour.db", None),
            ("", None),
        ] {
            assert_eq!(Kind::of(url), kind, "{url}");
        }
    }
}
