//! What a request asks for, and one page of something long: those after a key, in the order of the keys.

use std::collections::HashMap;
use std::fmt::Display;
use std::str::FromStr;

use actix_web::{HttpRequest, web};
use serde::{Deserialize, Serialize};

use crate::protocol::error::Refusal;

const DEFAULT_LIMIT: usize = 200;
const MAX_LIMIT: usize = 1000;

/// The parameters after the question mark.
#[derive(Debug)]
pub(super) struct Query(HashMap<String, String>);

/// Where a page begins and how long it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Page<K> {
    after: Option<K>,
    pub(super) limit: usize,
}

impl Query {
    pub(super) fn of(request: &HttpRequest) -> Result<Self, Refusal> {
        Self::parse(request.query_string())
    }

    fn parse(text: &str) -> Result<Self, Refusal> {
        let query = web::Query::<HashMap<String, String>>::from_query(text)
            .map_err(|error| Refusal::invalid(format!("the query cannot be read: {error}")))?;
        Ok(Self(query.into_inner()))
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(super) fn parsed<T: FromStr<Err: Display>>(&self, name: &str) -> Result<Option<T>, Refusal> {
        self.text(name).map(|text| parse(name, text)).transpose()
    }

    /// `?after=KEY&limit=N`.
    pub(super) fn page<K: FromStr<Err: Display>>(&self) -> Result<Page<K>, Refusal> {
        let limit = match self.text("limit") {
            None => DEFAULT_LIMIT,
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| (1..=MAX_LIMIT).contains(limit))
                .ok_or_else(|| Refusal::invalid(format!("limit must be a whole number from 1 to {MAX_LIMIT}")))?,
        };
        Ok(Page { after: self.parsed("after")?, limit })
    }
}

/// A part of the path or of the query.
pub(super) fn parse<T: FromStr<Err: Display>>(name: &str, text: &str) -> Result<T, Refusal> {
    text.parse().map_err(|error| Refusal::invalid(format!("{name} {error}")))
}

impl<K: Ord + Copy> Page<K> {
    /// The page and one more, which tells whether there are more.
    pub(super) fn with_next(self) -> Self {
        Self { limit: self.limit.saturating_add(1), ..self }
    }

    /// The items of the page, and the key to ask for the next one after, if there is one.
    pub(super) fn cut<T>(&self, mut items: Vec<T>, key: impl Fn(&T) -> K) -> (Vec<T>, Option<K>) {
        items.retain(|item| self.after.is_none_or(|after| key(item) > after));
        items.sort_unstable_by_key(&key);
        let more = items.len() > self.limit;
        items.truncate(self.limit);
        let next = items.last().filter(|_| more).map(key);
        (items, next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_bad_parameter_is_named_with_its_limit() {
        for (query, what) in [
            ("limit=0", "limit must be a whole number from 1 to 1000"),
            ("limit=1001", "limit must be"),
            ("limit=", "limit must be"),
            ("limit=-1", "limit must be"),
            ("limit=ten", "limit must be"),
            ("after=", "after "),
            ("after=x", "after "),
        ] {
            let error = Query::parse(query).and_then(|query| query.page::<u32>()).unwrap_err();
            assert!(error.message.starts_with(what), "{query}: {}", error.message);
        }
        let page = Query::parse("limit=1000&after=7&other=1").and_then(|query| query.page::<u32>()).unwrap();
        assert_eq!(page, Page { after: Some(7), limit: 1000 });
        let page = Query::parse("").and_then(|query| query.page::<u32>()).unwrap();
        assert_eq!(page, Page { after: None, limit: 200 });
    }

    proptest! {
        #[test]
        fn the_pages_together_are_everything_once(
            keys in proptest::collection::btree_set(0_u32..100, 0..40),
            limit in 1_usize..10,
        ) {
            let shuffled: Vec<u32> = keys.iter().rev().copied().collect();
            let mut seen = Vec::new();
            let mut after = None;
            loop {
                let (page, next) = Page { after, limit }.cut(shuffled.clone(), |key| *key);
                prop_assert!(page.len() <= limit);
                seen.extend(page);
                let Some(next) = next else { break };
                after = Some(next);
            }
            prop_assert_eq!(seen, keys.into_iter().collect::<Vec<_>>());
        }
    }
}
