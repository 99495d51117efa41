//! Who asks: with what token, in whose name.

use serde_json::json;
use std::time::Duration;
use tenfour::auth::mint;
use tenfour::config::AuthSettings;

use crate::daemon::SECRET;
use crate::law::{Place, Row, Verdict, Way};

const LIFE: Duration = Duration::from_secs(3600);
const OTHER_SECRET: &str = "a secret of somebody else, of 32 bytes and more";

/// What somebody is in the channel that it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// A user who never was in it.
    Stranger,
    Removed,
    Member,
    Admin,
    Owner,
    /// The application's server.
    Host,
    /// Nobody whom the daemon knows.
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token {
    Missing,
    /// No signature at all, and `alg` says so.
    Unsigned,
    Expired,
    NotYet,
    OtherSecret,
    Plain,
    /// With the scope `admin`.
    Scoped,
}

/// Somebody who asks.
#[derive(Debug, Clone, Copy)]
pub struct Asker {
    pub token: Token,
    /// Whose token it is.
    pub bearer: Standing,
    /// Whom `Tenfour-User` names.
    pub named: Option<Standing>,
    /// The socket is of the time before the removal.
    pub lingers: bool,
}

use Standing::{Admin, Host, Member, Owner, Removed, Stranger, Unknown};

/// All of them. The tokens that are none would be good for everything if they were taken.
pub const ASKERS: &[Asker] = &[
    asker(Token::Missing, Host),
    asker(Token::Unsigned, Host),
    asker(Token::Expired, Host),
    asker(Token::NotYet, Host),
    asker(Token::OtherSecret, Host),
    asker(Token::Expired, Owner),
    asker(Token::OtherSecret, Owner),
    asker(Token::Plain, Stranger),
    asker(Token::Plain, Removed),
    Asker { lingers: true, ..asker(Token::Plain, Removed) },
    asker(Token::Plain, Member),
    asker(Token::Plain, Admin),
    asker(Token::Plain, Owner),
    asker(Token::Scoped, Host),
    acting(Token::Scoped, Host, Stranger),
    acting(Token::Scoped, Host, Removed),
    acting(Token::Scoped, Host, Member),
    acting(Token::Scoped, Host, Admin),
    acting(Token::Scoped, Host, Owner),
    acting(Token::Scoped, Host, Unknown),
    acting(Token::Plain, Stranger, Owner),
    acting(Token::Plain, Member, Owner),
    acting(Token::Plain, Owner, Owner),
];

const fn asker(token: Token, bearer: Standing) -> Asker {
    Asker { token, bearer, named: None, lingers: false }
}

const fn acting(token: Token, bearer: Standing, named: Standing) -> Asker {
    Asker { token, bearer, named: Some(named), lingers: false }
}

impl Asker {
    /// Whether the token opens anything.
    pub fn is_let_in(self) -> bool {
        matches!(self.token, Token::Plain | Token::Scoped)
    }

    pub fn is_scoped(self) -> bool {
        self.token == Token::Scoped
    }

    /// In whose name something is done. A socket is its bearer's, whatever headers came with it.
    pub fn standing(self, way: Way) -> Standing {
        match (way, self.named) {
            (Way::Call { .. }, Some(named)) => named,
            (Way::Frame(_), _) if self.bearer == Host => Stranger,
            _ => self.bearer,
        }
    }

    /// What this asker is answered; none where the cell does not occur.
    pub fn expects(self, row: &Row, place: Place) -> Option<Verdict> {
        let is_call = matches!(row.way, Way::Call { .. });
        if self.lingers && is_call {
            return None;
        }
        if !self.is_let_in() {
            // One place is enough for who comes nowhere.
            return (place == Place::Group).then_some(Verdict::refused("401"));
        }
        if is_call && self.named.is_some() && !self.is_scoped() {
            return Some(Verdict::refused("403"));
        }
        if is_call && self.named == Some(Unknown) {
            return Some(Verdict::refused("422u"));
        }
        row.verdict(place, self.standing(row.way), self.is_scoped())
    }

    /// Whether the channel does not exist as far as the answers to this asker tell.
    pub fn sees_nothing(self, way: Way) -> bool {
        let pretends = matches!(way, Way::Call { .. }) && self.named.is_some() && !self.is_scoped();
        !self.is_let_in() || pretends || matches!(self.standing(way), Stranger | Removed | Unknown)
    }

    /// The token that is sent, if one is.
    pub fn token(self, sub: &str) -> Option<String> {
        let scope = (self.is_scoped() || self.bearer == Host).then_some("admin");
        match self.token {
            Token::Missing => None,
            Token::Unsigned => Some(unsigned(sub)),
            Token::Expired => Some(timed(sub, scope, -60, -120)),
            Token::NotYet => Some(timed(sub, scope, 3600, 60)),
            Token::OtherSecret => Some(signed(sub, scope, OTHER_SECRET)),
            Token::Plain | Token::Scoped => Some(signed(sub, scope, SECRET)),
        }
    }
}

/// A good token of a user. The name is the id, as it is of a placeholder.
pub fn plain(sub: &str) -> String {
    signed(sub, None, SECRET)
}

pub fn expired(sub: &str) -> String {
    timed(sub, None, -60, -120)
}

fn signed(sub: &str, scope: Option<&str>, secret: &str) -> String {
    mint(&AuthSettings::with_secret(secret), sub, sub, scope, LIFE).unwrap()
}

/// From and until so many seconds from now.
fn timed(sub: &str, scope: Option<&str>, until: i64, from: i64) -> String {
    let now = chrono::Utc::now().timestamp();
    let claims = json!({"sub": sub, "name": sub, "scope": scope, "exp": now + until, "nbf": now + from});
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap()
}

fn unsigned(sub: &str) -> String {
    use base64::Engine as _;
    let part = |value: serde_json::Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string());
    let until = chrono::Utc::now().timestamp() + 3600;
    let claims = json!({"sub": sub, "name": sub, "scope": "admin", "exp": until});
    format!("{}.{}.", part(json!({"alg": "none", "typ": "JWT"})), part(claims))
}
