//! What the store is opened with: which database, and how long anything may take.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

#[derive(Debug, Clone)]
pub struct Settings {
    pub url: DatabaseUrl,
    /// The PostgreSQL schema that holds every table.
    pub pg_schema: String,
    pub read_connections: u32,
    /// The limit of a content, for what posts by SQL. `None`: what the database was told last.
    pub content_bytes: Option<usize>,
    pub timeouts: Timeouts,
}

impl Settings {
    pub fn new(url: DatabaseUrl) -> Self {
        Self {
            url,
            pg_schema: "tenfour".to_owned(),
            read_connections: 4,
            content_bytes: None,
            timeouts: Timeouts::default(),
        }
    }
}

/// With the database gone or silent a call takes at most `connect` or `call`, whichever is longer, and `commit`. Whoever
/// asks what became of a lost commit gives up by then too. A read's time runs from its turn.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// How long a read waits for those before it, where all connections are in use. A write waits no longer than `connect`.
    pub turn: Duration,
    /// Until there is a connection to work with.
    pub connect: Duration,
    /// From the call to the commit.
    pub call: Duration,
    /// For the commit alone: its outcome is unknown after that.
    pub commit: Duration,
    /// PostgreSQL's `lock_timeout`: how long a channel's row is waited for.
    pub lock: Duration,
    /// SQLite's `busy_timeout`: how long another process's write is waited for.
    pub busy: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            turn: Duration::from_secs(4),
            connect: Duration::from_secs(2),
            call: Duration::from_millis(2500),
            commit: Duration::from_secs(1),
            lock: Duration::from_secs(1),
            busy: Duration::from_secs(3),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    SqliteFile(PathBuf),
    SqliteMemory,
    Postgres(PostgresUrl),
}

/// A text that names no database, with the forms that do. The text itself may hold a password and is not repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}; the right forms are sqlite:FILE, sqlite::memory: and postgres://USER:PASSWORD@HOST:PORT/DATABASE")]
pub struct InvalidUrl(&'static str);

impl FromStr for DatabaseUrl {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        let (scheme, rest) = text.split_once(':').ok_or(InvalidUrl("is no URL of a database"))?;
        match scheme {
            "sqlite" if rest == ":memory:" => Ok(Self::SqliteMemory),
            "sqlite" => {
                let path = rest.strip_prefix("//").unwrap_or(rest);
                if path.is_empty() {
                    return Err(InvalidUrl("names no file"));
                }
                if path.contains(['?', '\0']) {
                    return Err(InvalidUrl("takes no options after the file"));
                }
                Ok(Self::SqliteFile(path.into()))
            }
            "postgres" | "postgresql" if rest.starts_with("//") => Ok(Self::Postgres(PostgresUrl(text.to_owned()))),
            "postgres" | "postgresql" => Err(InvalidUrl("lacks the // after the scheme")),
            _ => Err(InvalidUrl("has an unknown scheme")),
        }
    }
}

/// Shows everything but what is secret.
impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SqliteFile(path) => write!(f, "sqlite:{}", path.display()),
            Self::SqliteMemory => f.write_str("sqlite::memory:"),
            Self::Postgres(url) => url.fmt(f),
        }
    }
}

/// A URL of PostgreSQL. Printed without password and options.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl(String);

impl PostgresUrl {
    pub(super) fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest = self.0.split_once("://").map_or("", |(_, rest)| rest);
        // A password may hold any of the characters that end it: the last @ is the one that counts.
        let (user, place) = match rest.rsplit_once('@') {
            Some((login, place)) => (login.split(':').next(), place),
            None => (None, rest),
        };
        let place = place.split('?').next().unwrap_or_default();
        match user {
            Some(user) => write!(f, "postgres://{user}@{place}"),
            None => write!(f, "postgres://{place}"),
        }
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_decides() {
        let file = |path: &str| Ok(DatabaseUrl::SqliteFile(path.into()));
        assert_eq!("sqlite:tenfour.db".parse(), file("tenfour.db"));
        assert_eq!("sqlite:///var/lib/tenfour.db".parse(), file("/var/lib/tenfour.db"));
        assert_eq!("sqlite::memory:".parse(), Ok(DatabaseUrl::SqliteMemory));
        assert!(matches!("postgresql://localhost/chat".parse(), Ok(DatabaseUrl::Postgres(_))));
    }

    #[test]
    fn what_is_no_database_is_told_the_right_forms() {
        for bad in ["", "tenfour.db", "mysql://u:secret@h/d", "sqlite:", "sqlite:a?mode=ro", "postgres:db"] {
            let error = bad.parse::<DatabaseUrl>().unwrap_err().to_string();
            assert!(error.contains("sqlite:FILE") && !error.contains("secret"), "{bad}: {error}");
        }
    }

    #[test]
    fn a_password_is_never_printed() {
        for url in [
            "postgres://ana:secret@db:5432/chat",
            "postgres://ana:secret:secret@db:5432/chat?sslmode=disable",
            "postgres://ana:secret/@secret@db:5432/chat?password=secret",
        ] {
            let url: DatabaseUrl = url.parse().unwrap();
            assert_eq!(format!("{url}"), "postgres://ana@db:5432/chat");
            assert!(!format!("{url:?}").contains("secret"));
        }
        assert_eq!(
            "postgres://db/chat?password=secret".parse::<DatabaseUrl>().unwrap().to_string(),
            "postgres://db/chat"
        );
    }
}
