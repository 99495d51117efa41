//! A request's query, field by field, so that a refusal names the field and what was expected of it.
//!
//! Used by the REST calls. Never looks at what is not asked for: unknown fields are ignored.

use std::fmt::Display;
use std::str::FromStr;

use actix_web::{HttpRequest, web};

use crate::protocol::error::Refusal;

/// Entries of a page: at most, and where nothing is said.
const MAX_PAGE: usize = 200;
const PAGE: usize = 50;

/// The query's fields.
#[derive(Debug)]
pub struct Query(Vec<(String, String)>);

impl Query {
    pub fn of(request: &HttpRequest) -> Result<Self, Refusal> {
        Self::parse(request.query_string())
    }

    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let pairs = web::Query::<Vec<(String, String)>>::from_query(text);
        pairs.map(|pairs| Self(pairs.into_inner())).map_err(|_| Refusal::invalid("the query cannot be read"))
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(field, _)| field == name)
    }

    pub fn text(&self, name: &str) -> Result<Option<&str>, Refusal> {
        let mut values = self.0.iter().filter(|(field, _)| field == name).map(|(_, value)| value.as_str());
        match (values.next(), values.next()) {
            (value, None) => Ok(value),
            _ => Err(Refusal::invalid(format!("{name} is given twice"))),
        }
    }

    pub fn parsed<T: FromStr>(&self, name: &str) -> Result<Option<T>, Refusal>
    where
        T::Err: Display,
    {
        let parse = |text: &str| text.parse().map_err(|error| Refusal::invalid(format!("{name} {error}")));
        self.text(name)?.map(parse).transpose()
    }

    /// Yes or no.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.text(name)? {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(Refusal::invalid(format!("{name} must be true or false"))),
        }
    }

    /// A message's number.
    pub fn seq(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let parse = |text: &str| {
            let number = text.parse().ok().filter(|seq| *seq >= 0);
            number.ok_or_else(|| Refusal::invalid(format!("{name} must be a whole number, 0 or more")))
        };
        self.text(name)?.map(parse).transpose()
    }

    /// How many entries are wanted.
    pub fn limit(&self) -> Result<usize, Refusal> {
        self.limit_of(PAGE, MAX_PAGE)
    }

    /// The same, where a page has other bounds.
    pub fn limit_of(&self, page: usize, most: usize) -> Result<usize, Refusal> {
        let Some(text) = self.text("limit")? else { return Ok(page) };
        let number = text.parse().ok().filter(|limit| (1..=most).contains(limit));
        number.ok_or_else(|| Refusal::invalid(format!("limit must be a whole number from 1 to {most}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::ChannelId;

    #[test]
    fn a_query_names_what_is_wrong_with_it() {
        let limit = |text: &str| Query::parse(text).unwrap().limit().map_err(|refusal| refusal.message);
        assert_eq!(limit(""), Ok(50));
        assert_eq!(limit("limit=1&later=x"), Ok(1));
        assert_eq!(limit("limit=200"), Ok(200));
        for bad in ["limit=", "limit=0", "limit=201", "limit=-1", "limit=a", "limit=1.5", "limit=99999999999999999999"]
        {
            assert!(limit(bad).unwrap_err().contains("1 to 200"), "{bad}");
        }
        assert!(limit("limit=1&limit=2").unwrap_err().contains("limit is given twice"));
        let seq = |text: &str| Query::parse(text).unwrap().seq("before").map_err(|refusal| refusal.message);
        assert_eq!(seq("before=7"), Ok(Some(7)));
        assert_eq!(seq("after=7"), Ok(None));
        for bad in ["before=-1", "before=x", "before=", "before=9223372036854775808"] {
            assert!(seq(bad).unwrap_err().contains("before"), "{bad}");
        }
        let flag = |text: &str| Query::parse(text).unwrap().flag("yes").map_err(|refusal| refusal.message);
        assert_eq!([flag("yes=true"), flag("yes=false"), flag("no=true")], [Ok(Some(true)), Ok(Some(false)), Ok(None)]);
        for bad in ["yes", "yes=", "yes=1", "yes=True", "yes=true&yes=true"] {
            assert!(flag(bad).unwrap_err().contains("yes"), "{bad}");
        }
        assert!(Query::parse("after=7").unwrap().parsed::<ChannelId>("after").is_err());
    }
}
