//! What a signed token claims, checked one by one.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::Identity;
use super::error::AuthError;
use super::token::strict_object;
use crate::domain::content::parse_name;
use crate::domain::ids::MAX_EXTERNAL_ID;
use crate::domain::user::UserRef;

/// How far the clocks of two machines may be apart, in seconds.
pub const LEEWAY: u32 = 5;
/// The end of year 9999: a later time is one in milliseconds.
const MAX_TIME: f64 = 253_402_300_799.0;
/// Opens the admin surface.
const ADMIN: &str = "admin";

/// What a token must say about who made it, and for whom.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) issuer: Option<String>,
    pub(super) audience: Option<String>,
}

/// The identity that the claims describe, when all of them hold at `now`.
pub(super) fn check(json: &[u8], expected: &Expected, now: DateTime<Utc>) -> Result<Identity, AuthError> {
    let claims = strict_object(json)
        .map_err(|_| AuthError::Malformed("its claims must be one JSON object without repeated names"))?;
    if claims.iter().any(|(name, value)| name.contains('\0') || has_nul(value)) {
        return Err(AuthError::Malformed("its claims must not contain U+0000"));
    }
    let (issued_at, expires_at) = check_times(&claims, now)?;
    check_parties(&claims, expected)?;
    let user = user(required_text(&claims, "sub")?)?;
    let name = parse_name(required_text(&claims, "name")?).map_err(|error| claim("name", error.to_string()))?;
    let scope = text(&claims, "scope")?.unwrap_or_default();
    Ok(Identity { user, name, admin: scope.split(' ').any(|part| part == ADMIN), issued_at, expires_at })
}

/// The host's id of a user, as a `sub` may be.
pub(super) fn user(sub: &str) -> Result<UserRef, AuthError> {
    let chars = sub.chars().count();
    if chars == 0 || chars > MAX_EXTERNAL_ID {
        return Err(claim("sub", format!("must be 1 to {MAX_EXTERNAL_ID} characters long, not {chars}")));
    }
    if sub.contains('\0') {
        return Err(claim("sub", "must not contain U+0000".to_owned()));
    }
    Ok(UserRef::new(sub))
}

/// When it was made, where it says so, and until when it is taken.
fn check_times(
    claims: &Map<String, Value>,
    now: DateTime<Utc>,
) -> Result<(Option<DateTime<Utc>>, DateTime<Utc>), AuthError> {
    let leeway = f64::from(LEEWAY);
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of this millennium have 42 bits")]
    let seconds = now.timestamp_millis() as f64 / 1000.0;
    let exp = time(claims, "exp")?.ok_or(AuthError::ClaimMissing("exp"))?;
    // Looked at even where nothing depends on it: a time that cannot be read is not one that is absent.
    let iat = time(claims, "iat")?;
    let nbf = time(claims, "nbf")?;
    if seconds >= exp + leeway {
        return Err(AuthError::Expired);
    }
    if nbf.is_some_and(|nbf| nbf > seconds + leeway) {
        return Err(AuthError::NotYet);
    }
    Ok((iat.map(|iat| whole("iat", iat)).transpose()?, whole("exp", exp)?))
}

/// The second that it is in.
fn whole(name: &'static str, seconds: f64) -> Result<DateTime<Utc>, AuthError> {
    #[expect(clippy::cast_possible_truncation, reason = "between 0 and the year 9999")]
    let whole = seconds.floor() as i64;
    DateTime::from_timestamp(whole, 0).ok_or_else(|| claim(name, "is no time".to_owned()))
}

fn check_parties(claims: &Map<String, Value>, expected: &Expected) -> Result<(), AuthError> {
    let issuer = text(claims, "iss")?;
    let audience: Vec<&str> = match claims.get("aud") {
        None => Vec::new(),
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several
            .iter()
            .map(Value::as_str)
            .collect::<Option<_>>()
            .ok_or_else(|| claim("aud", "must hold strings only".to_owned()))?,
        Some(_) => return Err(claim("aud", "must be a string or an array of strings".to_owned())),
    };
    if let Some(wanted) = &expected.issuer {
        match issuer {
            None => return Err(AuthError::ClaimMissing("iss")),
            Some(found) if found != wanted => return Err(AuthError::Issuer),
            Some(_) => {}
        }
    }
    if let Some(wanted) = &expected.audience {
        if audience.is_empty() {
            return Err(AuthError::ClaimMissing("aud"));
        }
        if !audience.contains(&wanted.as_str()) {
            return Err(AuthError::Audience);
        }
    }
    Ok(())
}

/// Seconds since 1970, perhaps with a fraction (RFC 7519 allows one).
fn time(claims: &Map<String, Value>, name: &'static str) -> Result<Option<f64>, AuthError> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    match value.as_f64() {
        Some(seconds) if (0.0..=MAX_TIME).contains(&seconds) => Ok(Some(seconds)),
        Some(seconds) if seconds > MAX_TIME => {
            Err(claim(name, "must be seconds since 1970; this one is beyond the year 9999".to_owned()))
        }
        _ => Err(claim(name, "must be a number of seconds since 1970".to_owned())),
    }
}

fn required_text<'a>(claims: &'a Map<String, Value>, name: &'static str) -> Result<&'a str, AuthError> {
    text(claims, name)?.ok_or(AuthError::ClaimMissing(name))
}

fn text<'a>(claims: &'a Map<String, Value>, name: &'static str) -> Result<Option<&'a str>, AuthError> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(claim(name, "must be a string".to_owned())),
    }
}

fn claim(claim: &'static str, problem: String) -> AuthError {
    AuthError::Claim { claim, problem }
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(map) => map.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_times_are_those_of_the_leeway_to_the_millisecond() {
        let at = |seconds: f64| {
            #[expect(clippy::cast_possible_truncation, reason = "a time of this century")]
            DateTime::from_timestamp_millis((seconds * 1000.0) as i64).unwrap()
        };
        let claims = json!({"exp": 2_000_000_000, "nbf": 1_900_000_000});
        let checked = |seconds| check_times(claims.as_object().unwrap(), at(seconds)).map(|(_, exp)| exp.timestamp());
        assert_eq!(checked(1_899_999_994.999), Err(AuthError::NotYet));
        assert_eq!(checked(1_899_999_995.0), Ok(2_000_000_000));
        assert_eq!(checked(2_000_000_004.999), Ok(2_000_000_000));
        assert_eq!(checked(2_000_000_005.0), Err(AuthError::Expired));
    }
    #[test]
    fn a_time_that_cannot_be_says_whether_it_is_too_late_or_none() {
        let claims = json!({"last": MAX_TIME, "later": MAX_TIME + 1.0, "before": -1, "text": "1"});
        let said = |name| time(claims.as_object().unwrap(), name).map_err(|error| error.to_string());
        assert_eq!((said("none"), said("last")), (Ok(None), Ok(Some(MAX_TIME))));
        assert!(said("later").unwrap_err().contains("beyond the year 9999"));
        for none in ["before", "text"] {
            assert!(said(none).unwrap_err().contains("must be a number of seconds"), "{none}");
        }
    }
}
