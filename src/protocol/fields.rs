//! Takes the fields of a JSON object one by one, so that an error names the field and what was expected of it.

use std::str::FromStr;

use serde_json::{Map, Value};

use super::error::{ErrorCode, Refusal};
use crate::domain::ids::{MAX_EXTERNAL_ID, UserId};
use crate::domain::user::UserRef;

/// Deeper JSON is refused: no frame needs more than three levels.
const MAX_DEPTH: usize = 16;

/// The object of a frame or a body.
#[derive(Debug)]
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    /// One JSON object, and nothing behind it.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Refusal> {
        match serde_json::from_slice::<Value>(text) {
            Ok(Value::Object(map)) if !map.values().any(|value| too_deep(value, MAX_DEPTH - 1)) => Ok(Self(map)),
            Ok(Value::Object(_)) => {
                Err(Refusal::new(ErrorCode::InvalidJson, format!("nested deeper than {MAX_DEPTH} levels")))
            }
            Ok(_) => Err(Refusal::new(ErrorCode::InvalidJson, "must be one JSON object")),
            Err(error) => Err(Refusal::new(ErrorCode::InvalidJson, format!("not valid JSON: {error}"))),
        }
    }

    /// Of an object within another.
    pub(crate) fn of(map: Map<String, Value>) -> Self {
        Self(map)
    }

    /// For what another part of a request says, such as a path.
    pub(crate) fn insert(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }

    /// The value itself; absent and `null` are the same.
    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(crate) fn text(&self, name: &str) -> Result<&str, Refusal> {
        self.optional_text(name)?.ok_or_else(|| missing(name))
    }

    pub(crate) fn optional_text(&self, name: &str) -> Result<Option<&str>, Refusal> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.contains('\0') => {
                Err(Refusal::invalid(format!("{name} must not contain U+0000")))
            }
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Refusal::invalid(format!("{name} must be a string"))),
        }
    }

    /// A text that parses as a `T`, such as an id.
    pub(crate) fn parsed<T: FromStr>(&self, name: &str) -> Result<T, Refusal>
    where
        T::Err: std::fmt::Display,
    {
        parse_named(name, self.text(name)?)
    }

    pub(crate) fn optional_parsed<T: FromStr>(&self, name: &str) -> Result<Option<T>, Refusal>
    where
        T::Err: std::fmt::Display,
    {
        self.optional_text(name)?.map(|text| parse_named(name, text)).transpose()
    }

    /// A whole number that counts something: 0 or more.
    pub(crate) fn count(&self, name: &str) -> Result<i64, Refusal> {
        self.value(name).ok_or_else(|| missing(name)).and_then(|value| count(name, value))
    }

    /// False where it is missing.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Refusal> {
        match self.value(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(Refusal::invalid(format!("{name} must be true or false"))),
        }
    }

    pub(crate) fn array(&self, name: &str) -> Result<Option<&[Value]>, Refusal> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items)),
            Some(_) => Err(Refusal::invalid(format!("{name} must be an array"))),
        }
    }

    pub(crate) fn object(&self, name: &str) -> Result<Option<&Map<String, Value>>, Refusal> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(map)),
            Some(_) => Err(Refusal::invalid(format!("{name} must be an object"))),
        }
    }

    /// A list of the host's user ids, in either form. No more than `max`, so that one body asks for bounded work.
    pub(crate) fn users(&self, name: &str, max: usize) -> Result<Option<Vec<UserRef>>, Refusal> {
        let Some(items) = self.array(name)? else { return Ok(None) };
        if items.len() > max {
            return Err(Refusal::invalid(format!("{name} has {} entries; the limit is {max}", items.len())));
        }
        items
            .iter()
            .map(|item| match item {
                Value::String(text) => user_ref(name, text),
                _ => Err(Refusal::invalid(format!("{name} must hold user ids as strings"))),
            })
            .collect::<Result<_, _>>()
            .map(Some)
    }

    /// The same as ids, in the order given, each once: one user may be named in both forms.
    pub(crate) fn distinct_users(&self, name: &str, max: usize) -> Result<Option<Vec<UserId>>, Refusal> {
        let Some(users) = self.users(name, max)? else { return Ok(None) };
        let mut ids = Vec::with_capacity(users.len());
        for user in users {
            if !ids.contains(&user.id) {
                ids.push(user.id);
            }
        }
        Ok(Some(ids))
    }

    pub(crate) fn user(&self, name: &str) -> Result<Option<UserRef>, Refusal> {
        self.optional_text(name)?.map(|text| user_ref(name, text)).transpose()
    }
}

/// A user id as the host writes it: its own, or the UUID.
pub(crate) fn user_ref(name: &str, text: &str) -> Result<UserRef, Refusal> {
    let chars = text.chars().count();
    if chars == 0 || chars > MAX_EXTERNAL_ID {
        return Err(Refusal::invalid(format!(
            "{name} must be a user id of 1 to {MAX_EXTERNAL_ID} characters, not of {chars}"
        )));
    }
    if text.contains('\0') {
        return Err(Refusal::invalid(format!("{name} must not contain U+0000")));
    }
    Ok(UserRef { id: UserId::from_external(text), external: text.to_owned() })
}

pub(crate) fn count(name: &str, value: &Value) -> Result<i64, Refusal> {
    value
        .as_i64()
        .or_else(|| value.as_f64().and_then(whole))
        .filter(|number| *number >= 0)
        .ok_or_else(|| Refusal::invalid(format!("{name} must be a whole number, 0 or more")))
}

/// JSON does not tell 7.0 from 7. Beyond 2^53 a float does not say which number is meant.
fn whole(float: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let whole = float.fract() == 0.0 && float.abs() <= EXACT;
    #[expect(clippy::cast_possible_truncation, reason = "within these bounds there is nothing to cut off")]
    whole.then_some(float as i64)
}

pub(crate) fn parse_named<T: FromStr>(name: &str, text: &str) -> Result<T, Refusal>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error| Refusal::invalid(format!("{name} {error}")))
}

fn missing(name: &str) -> Refusal {
    Refusal::invalid(format!("{name} is missing"))
}

fn too_deep(value: &Value, left: usize) -> bool {
    match value {
        Value::Array(items) => left == 0 || items.iter().any(|item| too_deep(item, left - 1)),
        Value::Object(map) => left == 0 || map.values().any(|item| too_deep(item, left - 1)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_a_whole_number_however_it_is_written() {
        let counted = |text: &str| count("seq", &serde_json::from_str(text).unwrap()).ok();
        for (text, number) in [
            ("7", Some(7)),
            ("7.0", Some(7)),
            ("7e2", Some(700)),
            ("0", Some(0)),
            ("-0.0", Some(0)),
            ("9223372036854775807", Some(i64::MAX)),
            ("9007199254740992.0", Some(9_007_199_254_740_992)),
            ("9223372036854775808", None),
            ("1e300", None),
            ("7.5", None),
            ("-1", None),
            ("-1.0", None),
            ("true", None),
            ("\"7\"", None),
        ] {
            assert_eq!(counted(text), number, "{text}");
        }
    }
}
