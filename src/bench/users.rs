//! The users of the load and their tokens: signed here with the daemon's secret, or taken from a file.

use std::collections::HashSet;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::BenchError;
use crate::auth::mint;
use crate::config::AuthSettings;

/// Longer than any measurement.
const TOKEN_TTL: Duration = Duration::from_hours(24);

#[derive(Clone)]
pub(crate) struct User {
    /// The host's id.
    pub(crate) sub: String,
    pub(crate) token: String,
}

/// Where users come from, each of them once.
pub enum Users {
    /// Made up, and signed for.
    Minted {
        auth: Box<AuthSettings>,
        run: String,
        made: usize,
    },
    Listed {
        admin: String,
        left: Vec<(String, String)>,
    },
}

/// Shows no token.
impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Minted { .. } => "Users::Minted",
            Self::Listed { .. } => "Users::Listed",
        })
    }
}

/// What a token says of its bearer. Nothing is verified: that is the daemon's part.
#[derive(Deserialize)]
struct Claims {
    sub: String,
    #[serde(default)]
    scope: String,
}

impl Users {
    /// Users whose tokens are signed with the first secret of these settings. Each run has its own.
    pub fn minted(auth: AuthSettings) -> Self {
        Self::Minted { auth: Box::new(auth), run: format!("{:06x}", fastrand::u32(..1 << 24)), made: 0 }
    }

    /// The tokens of a file, one a line; the first one with scope `admin` makes the channels.
    pub fn listed(file: &Path) -> Result<Self, BenchError> {
        let text = std::fs::read_to_string(file)
            .map_err(|error| BenchError::Failed(format!("cannot read {}: {error}", file.display())))?;
        Self::from_lines(&text).map_err(|why| BenchError::Usage(format!("{}: {why}", file.display())))
    }

    fn from_lines(text: &str) -> Result<Self, String> {
        let (mut admin, mut left, mut seen) = (None, Vec::new(), HashSet::new());
        for (index, line) in text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty()) {
            let claims = claims_of(line).ok_or_else(|| format!("line {} is no token", index + 1))?;
            if claims.scope.split(' ').any(|scope| scope == "admin") {
                admin.get_or_insert_with(|| line.to_owned());
            } else if seen.insert(claims.sub.clone()) {
                left.push((claims.sub, line.to_owned()));
            }
        }
        let admin = admin.ok_or("none of the tokens has scope admin, which is needed to make channels")?;
        left.reverse();
        Ok(Self::Listed { admin, left })
    }

    /// Opens the calls of the host application.
    pub(crate) fn admin(&self) -> Result<String, BenchError> {
        match self {
            Self::Minted { auth, run, .. } => signed(auth, &format!("bench-{run}"), Some("admin")),
            Self::Listed { admin, .. } => Ok(admin.clone()),
        }
    }

    /// A name for the channels of this run.
    pub(crate) fn run(&self) -> String {
        match self {
            Self::Minted { run, .. } => run.clone(),
            Self::Listed { .. } => "listed".to_owned(),
        }
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<Vec<User>, BenchError> {
        match self {
            Self::Minted { auth, run, made } => {
                let user = |number: usize| {
                    let sub = format!("bench-{run}-{number}");
                    signed(auth, &sub, None).map(|token| User { sub, token })
                };
                *made += count;
                (*made - count..*made).map(user).collect()
            }
            Self::Listed { left, .. } if left.len() < count => Err(BenchError::Usage(format!(
                "{count} users are needed, each with a token of their own, and the file has {}",
                left.len()
            ))),
            Self::Listed { left, .. } => {
                let tokens = left.split_off(left.len() - count).into_iter().rev();
                Ok(tokens.map(|(sub, token)| User { sub, token }).collect())
            }
        }
    }
}

fn signed(auth: &AuthSettings, sub: &str, scope: Option<&str>) -> Result<String, BenchError> {
    mint(auth, sub, sub, scope, TOKEN_TTL).map_err(|error| BenchError::Usage(error.to_string()))
}

fn claims_of(token: &str) -> Option<Claims> {
    let payload = token.split('.').nth(1)?;
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auth() -> AuthSettings {
        AuthSettings::with_secret("a secret of the tests, of 32 bytes and more")
    }

    #[test]
    fn no_user_comes_twice_and_no_two_runs_share_one() {
        let (mut one, mut other) = (Users::minted(auth()), Users::minted(auth()));
        let taken: Vec<String> = [one.take(2), one.take(3), other.take(2)]
            .into_iter()
            .flat_map(Result::unwrap)
            .map(|user| user.sub)
            .collect();
        assert_eq!(taken.iter().collect::<HashSet<_>>().len(), 7);
        assert!(taken.iter().all(|sub| sub.starts_with("bench-")));
    }

    #[test]
    fn a_file_gives_an_admin_and_each_user_once() {
        let mut minted = Users::minted(auth());
        let users = minted.take(3).unwrap();
        let admin = minted.admin().unwrap();
        let lines: [&str; 5] = [&users[0].token, &admin, &users[1].token, "", &users[0].token];
        let mut listed = Users::from_lines(&lines.join("\n")).unwrap();
        assert_eq!(listed.admin().unwrap(), admin);
        let taken: Vec<_> = listed.take(2).unwrap().into_iter().map(|user| user.sub).collect();
        assert_eq!(taken, [users[0].sub.clone(), users[1].sub.clone()]);
        let error = listed.take(1).err().unwrap().to_string();
        assert!(error.contains("1 users") && error.contains("has 0"), "{error}");
    }

    #[test]
    fn a_file_without_an_admin_or_with_something_else_in_it_is_refused() {
        let user = Users::minted(auth()).take(1).unwrap().remove(0);
        assert!(Users::from_lines(&user.token).unwrap_err().contains("admin"));
        assert!(Users::from_lines("hello").unwrap_err().contains("line 1"));
    }
}
